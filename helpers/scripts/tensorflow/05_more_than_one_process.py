"""More than one process with TensorFlow: the plain code of the lesson, without its kit."""

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
import tensorflow as tf

tf.get_logger().setLevel("ERROR")  # no word on each copy that is made
(cpu,) = tf.config.list_physical_devices("CPU")
halves = [tf.config.LogicalDeviceConfiguration()] * 2
print(tf.config.set_logical_device_configuration(cpu, halves))

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
who = save(
    "who.py",
    """
import tensorflow as tf

strategy = tf.distribute.MultiWorkerMirroredStrategy()
place = strategy.cluster_resolver.task_id
print(f"worker {place} of {strategy.num_replicas_in_sync}")
""",
)

# %%
import json
import socket


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [found.getsockname()[1] for found in sockets]
    for found in sockets:
        found.close()
    return ports


def start_workers(script, **more):
    addresses = [f"127.0.0.1:{port}" for port in free_ports(processes)]
    workers = []
    for place in range(processes):
        task = {"type": "worker", "index": place}
        config = json.dumps({"cluster": {"worker": addresses}, "task": task})
        workers.append(start(script, TF_CONFIG=config, **more))
    return workers


for worker in start_workers(who):
    watch(worker, "worker ")

# %%
lonely = watch(start(who), "worker ")

# %%
batches = tf.data.Dataset.range(10).batch(4, drop_remainder=True)
print([batch.tolist() for batch in batches.as_numpy_iterator()])

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
    return save(f"{name}.py", with_values(**few, output_dir=str(folder / name), **values))


one = watch(start(write("one", batch_size=batch_size)), "val_loss", "Accuracy:")

# %% [markdown]
# ## Two processes

# %%
import numpy as np

gradients_of = np.array([1.0, 3.0, 5.0, 11.0])
print("one process:", gradients_of.mean())
print("two and two:", np.mean([gradients_of[:2].mean(), gradients_of[2:].mean()]))
print("three and one:", np.mean([gradients_of[:3].mean(), gradients_of[3:].mean()]))

# %%
STRATEGY = """
import tensorflow as tf

strategy = tf.distribute.MultiWorkerMirroredStrategy()
tf.distribute.experimental_set_strategy(strategy)
place = strategy.cluster_resolver.task_id
"""


def write_worker(name, **values):
    code = with_values(**few, batch_size=batch_size, output_dir=str(folder / name), **values)
    own = f"output_dir = {str(folder / name)!r}"
    code = code.replace(own, own + " + '_' + str(place)")
    return save(f"{name}.py", STRATEGY + code)


# %%
workers = start_workers(write_worker("two"))
two_said = [watch(worker, "val_loss", "Accuracy:") for worker in workers]

# %%
share = save(
    "share.py",
    STRATEGY
    + """
batches = tf.data.Dataset.range(192).batch(16)
mine = next(iter(strategy.experimental_distribute_dataset(batches)))
(mine,) = strategy.experimental_local_results(mine)
print("worker", place, "of", strategy.num_replicas_in_sync, "takes", mine.numpy().tolist())
""",
)
shares = [watch(worker, "takes") for worker in start_workers(share)]

# %%
import re

from safetensors.numpy import load_file


def difference(first, second):
    """The largest difference between two weights of the same name."""
    first, second = (load_file(folder / name / "model.safetensors") for name in (first, second))
    return max(float(abs(first[name] - second[name]).max()) for name in first)


# %%
print(f"largest difference of a weight: {difference('one', 'two_0'):.1e}")

# %%
found = re.search(r"of (\d+) takes \[(.*)\]", shares[0])
print(f"world size {found[1]}, {len(found[2].split(','))} reviews each")
print("weights within 5e-5:", difference("one", "two_0") < 5e-5)
print("both workers have the same:", difference("two_0", "two_1") == 0)
accuracies = {re.search(r"val_loss.* accuracy: ([\d.]+)", said)[1] for said in (one, *two_said)}
print("same accuracy on the 45 validation reviews:", len(accuracies) == 1)

# %% [markdown]
# ## From the notebook

# %%
import contextlib
import runpy

strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
print("devices:", strategy.num_replicas_in_sync)
tf.distribute.experimental_set_strategy(strategy)
mirrored = folder / write("mirrored", batch_size=batch_size)
with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
    runpy.run_path(str(mirrored))
print(tf.distribute.experimental_set_strategy(None))

# %%
print("weights within 5e-5:", difference("one", "mirrored") < 5e-5)

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
shutil.rmtree(folder / "state", ignore_errors=True)
killed = write_worker("killed")
code = (folder / killed).read_text(encoding="utf-8")
code = code.replace(
    "callbacks = [metric_callback]\n",
    """
done = tf.Variable(0, dtype=tf.int64)
steps = len(tf_train_set)
left = tf_train_set.enumerate().filter(lambda number, batch: number >= done)
left = left.map(lambda number, batch: batch)  # without the number
# Keras counts all steps of the epoch, those that are done included.
tf_train_set = left.apply(tf.data.experimental.assert_cardinality(steps))


class Backup(keras.callbacks.BackupAndRestore):
    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        done.assign(self.model.optimizer.iterations.numpy())
        print("going on after step", done.numpy(), "of", steps)


callbacks = [metric_callback, Backup("state", save_freq=3)]
""",
)
killed = save(killed, code)

# %%
workers = start_workers(killed)
try:
    wait_for("state/chief/*.index", *workers)
    kill(workers[1])
    print("one worker is dead")
    try:
        watch(workers[0])
    except RuntimeError:
        print("the other one noticed, and stopped")
finally:
    for worker in workers:
        kill(worker)

# %%
workers = start_workers(killed)
try:
    again = [watch(worker, "going on", "Accuracy:") for worker in workers]
finally:
    for worker in workers:
        kill(worker)

# %%
print(f"largest difference of a weight: {difference('one', 'killed_0'):.1e}")

# %%
print("after the breakdown, weights within 5e-5:", difference("one", "killed_0") < 5e-5)
print("workers that went on:", sum("going on after step 3 of 12" in said for said in again))

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

import tensorflow as tf
from transformers import AutoTokenizer, TFAutoModelForSequenceClassification

model_folder = str(Path(__file__).with_name("one"))
tokenizer = AutoTokenizer.from_pretrained(model_folder)
model = TFAutoModelForSequenceClassification.from_pretrained(model_folder)


def classify(batch):
    # Each new shape takes seconds, so let there be few: 32, 64, 96 … tokens.
    inputs = tokenizer(
        list(batch["text"]), truncation=True, padding=True, pad_to_multiple_of=32, return_tensors="np"
    )
    logits = model.predict(dict(inputs), batch_size=32, verbose=0).logits
    scores = tf.nn.softmax(logits).numpy()
    labels = [model.config.id2label[place] for place in scores.argmax(axis=1)]
    return {"label": labels, "score": scores.max(axis=1)}
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
print(
    pd.DataFrame(
        {"classifying, texts a second": [round(alone_speed), round(workers_speed)]},
        index=["one process", f"{processes} processes"],
    )
)
