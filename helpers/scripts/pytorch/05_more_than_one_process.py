"""More than one process with PyTorch: the plain code of the lesson, without its kit."""

# %% [markdown]
# ## Setup

# %% tags=["values"]
script = "01_text_classification.py"
output_dir = "more_processes"
processes = 2
seed = 42  # for everything that chance decides

dataset = "stanfordnlp/imdb"
metric = "accuracy"
checkpoint = "distilbert/distilbert-base-uncased"
config_changes = {"dropout": 0.0, "attention_dropout": 0.0, "seq_classif_dropout": 0.0}
frozen_layers = 0

snippets = "cornell-movie-review-data/rotten_tomatoes"
many_texts = 20_000  # texts to classify

# %%
import os
from pathlib import Path

folder = Path(output_dir).absolute()
folder.mkdir(parents=True, exist_ok=True)
env = {**os.environ, "OMP_NUM_THREADS": "1"}  # for PyTorch; the next two are TensorFlow's
env |= {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
env["CUDA_VISIBLE_DEVICES"] = "-1"  # here all is done on the CPU
env.pop("ACCELERATE_USE_CPU", None)  # each script says itself that it wants the CPU
env["TQDM_DISABLE"] = "1"  # no progress bars among the lines

# %%
import queue
import subprocess
import sys
import threading


def save(name, code):
    (folder / name).write_text(code, encoding="utf-8")
    return name


def start(*command, **more):
    process = subprocess.Popen(
        [sys.executable, *map(str, command)],
        cwd=folder,
        env={**env, **more},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    process.said = queue.Queue()

    def collect():
        for line in process.stdout:
            process.said.put(line)
        process.said.put(None)  # the end

    threading.Thread(target=collect, daemon=True).start()
    return process


def watch(process, *words, limit=300):
    lines = []
    try:
        while (line := process.said.get(timeout=limit)) is not None:
            lines.append(line)
            if any(word in line for word in words):
                print(line, end="")
    except queue.Empty:
        process.kill()
        raise RuntimeError(f"silent for {limit} seconds") from None
    if process.wait():
        raise RuntimeError("".join(lines[-30:]))
    return "".join(lines)


# %% [markdown]
# ## Who is who

# %%
asks = """
from transformers import TrainingArguments

args = TrainingArguments(use_cpu=True)
print(f"process {args.process_index + 1} of {args.world_size}\\n", end="")
"""
save("who.py", asks)
torchrun = ("-m", "torch.distributed.run")
two = ("--standalone", f"--nproc-per-node={processes}")
who = watch(start(*torchrun, *two, "who.py"), "process 1", "process 2")

# %%
accelerate = ("-m", "accelerate.commands.launch", "--cpu", "--num_processes=2")
launched = watch(start(*accelerate, "who.py"), "process 1", "process 2")

# %%
save("bare.py", asks.replace("use_cpu=True", ""))
lonely = watch(start(*torchrun, *two, "bare.py"), "process 1", "process 2")

# %%
from accelerate.data_loader import BatchSamplerShard
from torch.utils.data import BatchSampler

batches = BatchSampler(range(10), batch_size=2, drop_last=False)
for place in range(processes):
    shard = BatchSamplerShard(batches, num_processes=processes, process_index=place)
    print("process", place + 1, list(shard))

# %% [markdown]
# ## One process

# %%
lines = Path(script).read_text(encoding="utf-8").splitlines()
print("\n".join(lines[6:12]))

# %%
reviews, batch_size = 192, 16
few = {
    "dataset": dataset,
    "metric": metric,
    "checkpoint": checkpoint,
    "seed": seed,
    "config_changes": config_changes,
    "frozen_layers": frozen_layers,
    "train_size": reviews,
    "validation_size": 45,
    "test_size": 45,
    "max_length": 64,
    "num_epochs": 1,
    "learning_rate": 1e-4,
    "precision": "fp32",
}


def with_values(**values):
    code = []
    for line in lines:
        name = line.partition(" = ")[0]
        code.append(f"{name} = {values.pop(name)!r}" if name in values else line)
    assert not values, f"the script has no value called {', '.join(values)}"
    code = "\n".join(code) + "\n"
    # It shares only if there is a token: answer for it that there is none.
    return code.replace("if get_token() is None", "if True").replace("if get_token() is not None", "if False")


# %%
changed = with_values(train_size=192).splitlines()
print("\n".join(line for line in changed if line not in lines))


# %%
def write(name, **values):
    code = with_values(**few, output_dir=str(folder / name), **values)
    code = code.replace("load_best_model_at_end=True", "load_best_model_at_end=False")
    code = code.replace("use_cpu=not torch.accelerator.is_available()", "use_cpu=True")
    return save(f"{name}.py", code)


# %%
words = ("batch size", "Total optimization steps", "train_runtime", "Accuracy:")
one = watch(start(write("one", batch_size=batch_size), TRANSFORMERS_VERBOSITY="info"), *words)

# %% [markdown]
# ## Two processes

# %%
import numpy as np

gradients_of = np.array([1.0, 3.0, 5.0, 11.0])
print("one process:", gradients_of.mean())
print("two and two:", np.mean([gradients_of[:2].mean(), gradients_of[2:].mean()]))
print("three and one:", np.mean([gradients_of[:3].mean(), gradients_of[3:].mean()]))

# %%
halved = write("two", batch_size=batch_size // processes)
two_said = watch(start(*torchrun, *two, halved, TRANSFORMERS_VERBOSITY="info"), *words)

# %%
import re

from safetensors.numpy import load_file


def difference(first, second):
    """The largest difference between two weights of the same name."""
    first, second = (load_file(folder / name / "model.safetensors") for name in (first, second))
    return max(float(abs(first[name] - second[name]).max()) for name in first)


# %%
def logged(name, said):
    return [float(value) for value in re.findall(rf"'{name}': '?([\d.]+)", said)]


print(f"largest difference of a weight: {difference('one', 'two'):.1e}")
pairs = list(zip(logged("loss", one), logged("loss", two_said), strict=True))
print("loss of the first steps, with one process and with two:", pairs[:3])

# %%
per_process, total, steps = (
    int(re.search(rf"{words} = (\d+)", two_said)[1])
    for words in ("batch size per device", "distributed & accumulation\\)", "optimization steps")
)
print(f"world size {total // per_process}, {per_process} reviews each, {steps} steps")
print("weights within 5e-5:", difference("one", "two") < 5e-5)
print("same losses:", all(abs(first - second) < 1e-3 for first, second in pairs))
accuracies = [logged("eval_accuracy", said) for said in (one, two_said)]
print("same accuracies on the 45 validation reviews:", accuracies[0] == accuracies[1] != [])

# %% [markdown]
# ## From the notebook

# %%
import contextlib
import runpy
import signal

from accelerate import notebook_launcher


def train(script):
    """Run a script, and say nothing: a process that was started here cannot draw into the notebook."""
    import datasets
    import transformers

    datasets.disable_progress_bars()
    transformers.logging.disable_progress_bar()
    transformers.logging.set_verbosity_error()  # then the Trainer draws nothing either
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        runpy.run_path(script)


from_notebook = str(folder / write("from_notebook", batch_size=batch_size // processes))
notebook_launcher(train, (from_notebook,), num_processes=processes)
before = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
for number, handler in before.items():  # so that the Stop button works as before
    signal.signal(number, handler)

# %%
print("weights within 5e-5:", difference("one", "from_notebook") < 5e-5)

# %%
from accelerate import Accelerator

Accelerator(cpu=True)
try:
    notebook_launcher(train, (from_notebook,), num_processes=processes)
except ValueError as error:
    print(error)

# %% [markdown]
# ## A process dies

# %%
import shutil
import time

import psutil


def kill(process):
    try:
        family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    for member in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            member.kill()


def wait_for(pattern, *running, limit=300):
    """Wait until a file is there, as long as these processes run."""
    end = time.monotonic() + limit
    while not list(folder.glob(pattern)):
        if time.monotonic() > end or any(process.poll() is not None for process in running):
            raise RuntimeError(f"{pattern} did not come")
        time.sleep(0.02)


# %%
shutil.rmtree(folder / "elastic", ignore_errors=True)
(folder / "elastic").mkdir()
elastic = write("elastic", batch_size=batch_size // processes)
code = (folder / elastic).read_text(encoding="utf-8")
code = code.replace(
    "trainer.train()",
    """
from transformers.trainer_utils import get_last_checkpoint


def on_the_cpu(storage, place):
    return storage if place.startswith("cpu:") else None


torch.serialization.register_package(0, lambda storage: None, on_the_cpu)

last = get_last_checkpoint(output_dir)
print("going on from:", last and Path(last).name)
trainer.train(resume_from_checkpoint=last)
""",
)
elastic = save(elastic, "from pathlib import Path\n" + code)

# %%
import socket

with socket.create_server(("127.0.0.1", 0)) as found:
    port = found.getsockname()[1]


def start_agent(is_host):
    return start(
        *torchrun,
        f"--nnodes={processes}",
        "--nproc-per-node=1",
        "--max-restarts=3",
        "--rdzv-backend=c10d",
        f"--rdzv-endpoint=127.0.0.1:{port}",
        f"--rdzv-conf=is_host={int(is_host)}",
        elastic,
        TORCH_DISABLE_SHARE_RDZV_TCP_STORE="1",
    )


# %%
agents = [start_agent(is_host=True), start_agent(is_host=False)]
try:
    wait_for("elastic/checkpoint-*/trainer_state.json", *agents)
    kill(agents[1])
    print("one agent and its process are dead")
    agents[1] = start_agent(is_host=False)
    watch(agents[1], "going on from", "Accuracy")
    survivor = watch(agents[0])
finally:
    for agent in agents:
        kill(agent)

# %%
print(f"largest difference of a weight: {difference('one', 'elastic'):.1e}")

# %%
print("after the breakdown, weights within 5e-5:", difference("one", "elastic") < 5e-5)
print("the surviving process went on from step 3:", "going on from: checkpoint-3" in survivor)

# %% [markdown]
# ## Many texts

# %%
from datasets import concatenate_datasets, load_dataset

critics = load_dataset(snippets, split="test").select_columns(["text"])
times = -(-many_texts // len(critics))  # rounded up
texts = concatenate_datasets([critics] * times).select(range(many_texts))
part_size = max(20, many_texts // 40)
parts = [texts.select(range(first, min(first + part_size, many_texts))) for first in range(0, many_texts, part_size)]
print(f"{len(texts):,} texts, {len(parts)} parts of {part_size}")

# %%
sentiment = save(
    "sentiment.py",
    """
from pathlib import Path

from transformers import pipeline

model_folder = str(Path(__file__).with_name("one"))
classifier = pipeline("text-classification", model=model_folder, device=-1)  # the CPU


def classify(batch):
    answers = classifier(list(batch["text"]), batch_size=32, truncation=True)
    return {key: [answer[key] for answer in answers] for key in ("label", "score")}
""",
)

# %%
sys.path.insert(0, str(folder))
from sentiment import classify

begin = time.monotonic()
alone = texts.map(classify, batched=True, batch_size=part_size, load_from_cache_file=False).to_pandas()
alone_speed = many_texts / (time.monotonic() - begin)
print(f"one process: {alone_speed:.0f} texts a second")

# %%
from dask.distributed import Client, Security

lock = Security.temporary()
tls = {"CA_FILE": lock.tls_ca_file}
for role in ("SCHEDULER", "WORKER", "CLIENT"):
    tls |= {f"{role}__CERT": lock.tls_client_cert, f"{role}__KEY": lock.tls_client_key}
locked = {f"DASK_DISTRIBUTED__COMM__TLS__{name}": text for name, text in tls.items()}
locked["DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION"] = "True"

# %%
address = folder / "scheduler.json"
address.unlink(missing_ok=True)
common = ("--host=127.0.0.1", "--no-dashboard", f"--scheduler-file={address}")
scheduler = start("-m", "distributed.cli.dask_scheduler", "--protocol=tls", "--port=0", *common, **locked)
nanny = start(
    "-m",
    "distributed.cli.dask_worker",
    "--protocol=tls",
    f"--nworkers={processes}",
    "--nthreads=1",
    f"--local-directory={folder / 'space'}",
    *common,
    **locked,
)
wait_for("scheduler.json", scheduler, nanny)
client = Client(scheduler_file=str(address), security=lock)
client.wait_for_workers(processes, timeout=120)
print(len(client.scheduler_info()["workers"]), "workers")

# %%
answers = folder / "answers"


def classify_part(part, number, answers):
    import os

    import pandas as pd
    import psutil
    from sentiment import classify

    target = f"{answers}/part-{number:05}.parquet"
    if os.path.exists(target):
        return
    with open(f"{answers}/begun.txt", "a") as begun:
        begun.write(f"{number}\n")
    table = pd.DataFrame(classify(part)).assign(text=list(part["text"]), process=os.getpid())
    table["memory_gb"] = psutil.Process().memory_info().rss / 1e9
    table.to_parquet(f"{answers}/{number}-{os.getpid()}.unfinished")
    os.replace(f"{answers}/{number}-{os.getpid()}.unfinished", target)


# %%
from dask.distributed import wait

shutil.rmtree(answers, ignore_errors=True)
answers.mkdir()
client.run(lambda: __import__("sentiment"))  # so that loading is not counted
pids = list(client.run(os.getpid).values())
begin = time.monotonic()
tasks = client.map(classify_part, parts, range(len(parts)), answers=str(answers))
wait_for("answers/part-*.parquet", scheduler, nanny)
psutil.Process(pids[0]).kill()
print("one worker is dead")
wait(tasks, timeout=3600)
client.gather(tasks)
workers_speed = many_texts / (time.monotonic() - begin)
print(f"{processes} processes: {workers_speed:.0f} texts a second, the loss of one included")

# %%
import pandas as pd

files = sorted(answers.glob("part-*.parquet"))
together = pd.concat([pd.read_parquet(file) for file in files], ignore_index=True)
begun = (answers / "begun.txt").read_text().split()
print("processes that finished a part:", together["process"].nunique())
print("parts begun twice:", len(begun) - len(parts))
print(together[["label", "score", "text"]].round({"score": 4}).head(3))

# %%
memory = together.groupby("process", sort=False)["memory_gb"].agg(["first", "last", "size"])
memory.columns = ["GB after its first part", "GB after its last part", "texts"]
print(memory.reset_index(drop=True).round(2))

# %%
same_labels = together["label"].equals(alone["label"])
same_scores = (together["score"] - alone["score"]).abs().max() < 5e-5
print("all texts, in order:", together["text"].equals(alone["text"]))
print("same answers:", bool(same_labels and same_scores))
print("parts begun twice, at most one:", len(begun) - len(parts) <= 1)

# %%
client.shutdown()
for process in (scheduler, nanny):
    kill(process)

# %%
for name, speed in (("one process", alone_speed), (f"{processes} processes", workers_speed)):
    days = 100e6 / speed / 86_400
    print(f"{name}: {days:,.1f} days for 100 million texts; on 100 such machines {days * 24 / 100:,.1f} hours")

# %% [markdown]
# ## When it pays

# %%
tokens = 16 * 512  # a batch of each process
computing = 6 * 43e6 * tokens / (0.4 * 989e12)  # seconds
gradients = 4 * 67e6  # bytes, in fp32
print(f"computing a step: {computing * 1e3:.1f} ms; gradients: {gradients / 1e6:.0f} MB")
for gpus, link, speed in ((8, "NVLink", 450e9), (64, "network", 12.5e9)):
    sent = 2 * (gpus - 1) / gpus * gradients
    sending = sent / speed
    gain = gpus * computing / max(computing, sending)
    print(
        f"{gpus} GPUs, {link}: each sends {sent / 1e6:.0f} MB a step, {sending * 1e3:.1f} ms; "
        f"at best {gain:.0f} times as fast as one"
    )

# %%
runtimes = [float(re.search(r"'train_runtime': '?([\d.]+)", said)[1]) for said in (one, two_said)]
print(
    pd.DataFrame(
        {"training, seconds": runtimes, "classifying, texts a second": [round(alone_speed), round(workers_speed)]},
        index=["one process", f"{processes} processes"],
    ).round(1)
)
