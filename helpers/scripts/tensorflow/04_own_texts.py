"""Your own texts with TensorFlow: the plain code of the lesson, without its kit."""

# %% [markdown]
# ## Setup

# %% tags=["values"]
data_file = "messages.csv"  # or .tsv, .jsonl, .parquet, .xlsx, or a folder of folders
file_format = "csv"  # csv, json, parquet, excel or folder
read_options = {}  # what load_dataset needs to know of the file, such as {"sep": "\t"}
text_column = "text"
label_column = "label"
group_column = None  # texts with the same value here stay together
sample_size = None  # texts to use, drawn at random; None for all
watched_label = None  # the label that matters most; None for the rarest
cost_missed = 1  # what it costs to miss a text with that label
cost_false_alarm = 1  # and to see it where it is not
seed = 42  # for everything that chance decides
output_dir = "my_own_model"

checkpoint = "distilbert/distilbert-base-uncased"
max_tokens = 128  # of a text that the model reads
batch_size = 16
learning_rate = 2e-5
warmup_ratio = 0.0  # share of the steps over which the learning rate rises
epochs = 2
frozen_layers = 0  # how many of the lowest layers stay as they are
config_changes = {}  # where the model differs from its checkpoint
precision = "fp32"  # how exactly it computes: fp32, bf16 or fp16

dataset = "stanfordnlp/imdb"  # for the part on more labels
snippets = "cornell-movie-review-data/rotten_tomatoes"
texts_per_label = 1000
few_texts = (8, 32, 128)  # of each label, to see how far few texts go
few_draws = 3  # how often they are drawn
zero_shot = None  # a checkpoint that needs no labelled texts

# %% [markdown]
# ## Read

# %%
from pathlib import Path

import pandas as pd
from datasets import Dataset, load_dataset

if file_format == "excel":
    workbook = pd.read_excel(data_file, dtype=str, keep_default_na=False)
    raw = Dataset.from_pandas(workbook)
elif file_format == "folder":
    files = sorted(Path(data_file).glob("*/*.txt"))
    texts = [file.read_text(encoding="utf-8") for file in files]
    raw = Dataset.from_dict({"text": texts, "label": [file.parent.name for file in files]})
else:
    raw = load_dataset(file_format, data_files=str(data_file), split="train", **read_options)

# %%
print(raw)

# %%
import numpy as np

columns = {text_column: "text", label_column: "label"}
if group_column:
    columns[group_column] = "group"
size = min(sample_size or len(raw), len(raw))
rows = np.sort(np.random.default_rng(seed).permutation(len(raw))[:size])
table = raw.select_columns(list(columns)).select(rows).to_pandas().rename(columns=columns)
table["row"] = rows + 1
names = getattr(raw.features[label_column], "names", None)  # labels kept as numbers, with names
if names:
    table["label"] = table["label"].map(dict(enumerate(names)))
table[["text", "label"]] = table[["text", "label"]].astype("string").fillna("")


def show(frame):
    """A table whose cells stand at the left, in which nothing that people wrote is taken for HTML."""
    shown = frame.style.format(escape="html", precision=3)
    for axis in ("index", "columns"):
        shown = shown.format_index(escape="html", axis=axis)
    shown.set_table_styles([{"selector": "th, td", "props": "text-align: left"}])
    return shown


first = table.head()
print(show(first.assign(text=first["text"].str.slice(0, 200))))

# %% [markdown]
# ## Clean

# %%
import html
import re


def tidy(text):
    text = re.sub(r"</?[A-Za-z][^<>]*>", " ", text[:20_000])  # tags such as <br />
    text = html.unescape(text)
    text = re.sub(r"[\x00-\x1f\x7f-\x9f]", " ", text)
    return " ".join(text.split())


print(tidy("Fish &amp; chips,<br />\t&lt;5 pounds"))

# %%
problems = []


def note(problem, rows, done):
    first = ", ".join(str(row) for row in table.loc[rows, "row"].head(3))
    problems.append({"problem": problem, "texts": int(rows.sum()), "rows": first, "done": done})


before = table["text"]
table["text"] = before.map(tidy)
note("HTML or control characters", before.str.split().str.join(" ") != table["text"], "mended")
note("over 20,000 characters", before.str.len() > 20_000, "cut")

before_label = table["label"]
written = before_label.str.strip()
table["label"] = written.groupby(written.str.casefold()).transform(lambda one: one.mode()[0])
changed = table["label"] != before_label
print(note("label written in another way", changed, "made alike"))


# %%
def leave_out(table, problem, rows, done="left out"):
    note(problem, rows, done)
    return table[~rows]


table = leave_out(table, "no text", table["text"] == "")
table = leave_out(table, "no label", table["label"] == "")
kinds = table.groupby(table["text"].str.casefold())["label"].transform("nunique")
table = leave_out(table, "same text, two labels", kinds > 1)
repeated = table["text"].str.casefold().duplicated()
table = leave_out(table, "repeated", repeated, "the first one stays")
count = table.groupby("label")["text"].transform("size")
rarest = ", ".join(sorted(table.loc[count < 10, "label"].unique())[:5])
done = f"left out: {rarest}" if rarest else "left out"
table = leave_out(table, "label with fewer than 10 texts", count < 10, done)

table = table.reset_index(drop=True)
print(f"{len(raw):,} rows in the file, {size:,} looked at, {len(table):,} left")
print(show(pd.DataFrame(problems)))

# %% [markdown]
# ## Split


# %%
def key(text):
    return re.sub(r"[\W\d_]+", " ", text.casefold()).strip() or text


print((key("WIN 500 pounds, call 0800 1"), key("Win 900 pounds! Call 0900 22.")))

# %%
keys = table["text"].map(key)
groups = table["group"] if group_column else keys
print(f"{keys.duplicated(keep=False).sum():,} of {len(table):,} texts have a near copy")

# %%
from sklearn.model_selection import StratifiedGroupKFold

label_names = sorted(table["label"].unique())
table["y"] = table["label"].map(label_names.index)
folds = StratifiedGroupKFold(n_splits=5, shuffle=True, random_state=seed)
parts = [part for _, part in folds.split(table, table["y"], groups)]
test, validation = table.iloc[parts[0]], table.iloc[parts[1]]
train = table.iloc[np.concatenate(parts[2:])]
splits = {"train": train, "validation": validation, "test": test}
print(show(pd.DataFrame({name: part["label"].value_counts() for name, part in splits.items()})))

# %%
for name, count in test["label"].value_counts().items():
    if count < 30:
        print(f"{name!r} has {count} test texts: one found or missed moves its recall by {1 / count:.0%}")

# %%
from sklearn.model_selection import train_test_split

drawn_train, drawn_test = train_test_split(keys, test_size=0.2, random_state=seed, stratify=table["y"])
leaks = {
    "drawn row by row": drawn_test.isin(set(drawn_train)).sum(),
    "in the split above": keys[test.index].isin(set(keys[train.index])).sum(),
}
for name, count in leaks.items():
    print(f"{name}: {count} test texts have a near copy to train on")

# %% [markdown]
# ## Measure

# %%
counts = train["label"].value_counts()
common, watched = counts.index[0], watched_label or counts.index[-1]
print(f"always {common!r}: {(test['label'] == common).mean():.1%} of the test texts are right")
print(f"{(test['label'] == watched).sum()} of the {len(test)} have the label {watched!r}")

# %%
from sklearn.metrics import precision_recall_fscore_support

made_up = [1, 1, 1, 0, 0, 0, 0, 0, 0, 0]
said = [1, 1, 0, 1, 1, 0, 0, 0, 0, 0]
precision_of, recall_of, f1, _ = precision_recall_fscore_support(made_up, said, average="binary")
right = np.mean(np.array(made_up) == said)
print(f"precision {precision_of:.2f}, recall {recall_of:.2f}, F1 {f1:.2f}; accuracy {right:.2f}")

# %%
from sklearn.metrics import f1_score


def macro_f1(labels, answers):
    """Macro F1, and the interval that holds 95% of its values on texts drawn anew."""
    labels, answers = np.asarray(labels), np.asarray(answers)
    draws = np.random.default_rng(seed).integers(0, len(labels), (1000, len(labels)))
    kinds = len(label_names)
    values = []
    for draw in draws:
        pairs = np.bincount(labels[draw] * kinds + answers[draw], minlength=kinds * kinds)
        pairs = pairs.reshape(kinds, kinds)  # a confusion matrix, and from it each label's F1
        both = pairs.sum(0) + pairs.sum(1)
        values.append(np.mean(2 * pairs.diagonal()[both > 0] / both[both > 0]))
    low, high = np.quantile(values, [0.025, 0.975])
    return f1_score(labels, answers, average="macro"), low, high


# %%
print("macro F1 {:.3f}, from {:.3f} to {:.3f}".format(*macro_f1([0, 0, 0, 1], [0, 0, 1, 1])))

# %% [markdown]
# ## Word counts

# %%
from time import perf_counter

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline


def word_counts(texts, labels, class_weight=None):
    """Train the baseline; returns a function from texts to the probability of each label."""
    model = make_pipeline(
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True),
        LogisticRegression(C=10, max_iter=1000, class_weight=class_weight),
    )
    return model.fit(list(texts), labels).predict_proba


start = perf_counter()
baseline = word_counts(train["text"], train["y"])
seconds = {"word counts": perf_counter() - start}
weighted = word_counts(train["text"], train["y"], class_weight="balanced")

# %%
watched_y = label_names.index(watched)


def scores_of_watched(labels, found):
    """Precision, recall and F1 of the watched label; ``found`` says where the model sees it."""
    values = precision_recall_fscore_support(labels == watched_y, found, average="binary", zero_division=0)
    return dict(zip(("precision", "recall", "F1"), values[:3]))


found = {
    "word counts": baseline(validation["text"]).argmax(1) == watched_y,
    "with class weights": weighted(validation["text"]).argmax(1) == watched_y,
}
print(show(pd.DataFrame({name: scores_of_watched(validation["y"], one) for name, one in found.items()}).T))

# %% [markdown]
# ## Fine-tuning

# %%
from transformers import AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(checkpoint, model_max_length=max_tokens)


def tokenize(texts, labels=None):
    tokens = dict(tokenizer(list(texts), truncation=True))
    return Dataset.from_dict(tokens if labels is None else tokens | {"label": list(labels)})


tokenized = {name: tokenize(part["text"], part["y"]) for name, part in splits.items()}
order = np.argsort([len(tokens) for tokens in tokenized["validation"]["input_ids"]])
tokenized["validation"] = tokenized["validation"].select(order)  # less padding in a batch
lengths = [len(tokens) for tokens in tokenized["train"]["input_ids"]]
cut = np.mean([length >= max_tokens for length in lengths])
print(f"half of the texts have up to {np.median(lengths):.0f} tokens; {cut:.1%} reach {max_tokens}")

# %%
import tf_keras as keras
from transformers import (
    DataCollatorWithPadding,
    TFAutoModelForSequenceClassification,
    create_optimizer,
    set_seed,
)

collator = DataCollatorWithPadding(tokenizer, pad_to_multiple_of=16, return_tensors="tf")


def make_model(count, names, epochs, loss="auto", **head):
    """A compiled model with a fresh head for the labels ``names``, to learn from ``count`` texts."""
    set_seed(seed)
    policies = {"fp32": "float32", "bf16": "mixed_bfloat16", "fp16": "mixed_float16"}
    keras.mixed_precision.set_global_policy(policies[precision])
    model = TFAutoModelForSequenceClassification.from_pretrained(
        checkpoint,
        num_labels=len(names),
        id2label=dict(enumerate(names)),
        label2id={name: number for number, name in enumerate(names)},
        use_safetensors=True,
        **config_changes,
        **head,
    )
    if frozen_layers:
        encoder = getattr(model, model.base_model_prefix)
        for layer in [encoder.embeddings, *encoder.encoder.layer[:frozen_layers]]:
            layer.trainable = False
    steps = max(1, count // batch_size) * epochs
    optimizer, _ = create_optimizer(learning_rate, steps, int(warmup_ratio * steps))
    model.compile(optimizer=optimizer, loss=loss)
    return model


def batches(model, tokens, shuffle=False):
    return model.prepare_tf_dataset(
        tokens,
        shuffle=shuffle,
        batch_size=batch_size if shuffle else 64,
        collate_fn=collator,
        drop_remainder=False,
    )


# %%
model = make_model(len(train), label_names, epochs)
tf_train_set = batches(model, tokenized["train"], shuffle=True)
tf_validation_set = batches(model, tokenized["validation"])
callbacks = []

# %%
start = perf_counter()
history = model.fit(tf_train_set, validation_data=tf_validation_set, epochs=epochs, callbacks=callbacks)
seconds["fine-tuning"] = perf_counter() - start
keras.mixed_precision.set_global_policy("float32")
tokenizer.save_pretrained(output_dir)
model.save_pretrained(output_dir, safe_serialization=True)
trained = model


# %%
def logits_of(trained, texts):
    tokens = tokenize(texts)
    order = np.argsort([len(one) for one in tokens["input_ids"]])
    sets = tokens.select(order).to_tf_dataset(
        columns=tokens.column_names, batch_size=64, collate_fn=collator, num_test_batches=50
    )
    logits = trained.predict(sets, verbose=0).logits.astype("float32")
    return logits[np.argsort(order)]


# %%
from scipy.special import softmax

validation_scores = softmax(logits_of(trained, validation["text"]), axis=1)
test_scores = softmax(logits_of(trained, test["text"]), axis=1)

# %% [markdown]
# ## Threshold

# %%
from sklearn.metrics import precision_recall_curve

is_watched = validation["y"] == watched_y
curves = {
    "word counts": precision_recall_curve(is_watched, baseline(validation["text"])[:, watched_y]),
    "fine-tuned": precision_recall_curve(is_watched, validation_scores[:, watched_y]),
}


# %%
def cost(labels, scores, threshold):
    found = scores >= threshold
    missed, alarms = (labels & ~found).sum(), (~labels & found).sum()
    return cost_missed * missed + cost_false_alarm * alarms, missed, alarms


# %%
total, missed, alarms = cost(np.array([True, True, False]), np.array([0.9, 0.4, 0.6]), 0.5)
print(f"{missed} missed, {alarms} false alarm")

# %%
thresholds = np.linspace(0.01, 0.99, 99)
test_is_watched = test["y"] == watched_y
scores = {  # on the validation texts, and on the test texts
    "word counts": [baseline(part["text"])[:, watched_y] for part in (validation, test)],
    "fine-tuning": [validation_scores[:, watched_y], test_scores[:, watched_y]],
}
decisions = {}
for name, (on_validation, on_test) in scores.items():
    costs = np.array([cost(is_watched, on_validation, one)[0] for one in thresholds])
    cheapest = thresholds[np.isclose(costs, costs.min())]
    threshold = cheapest[len(cheapest) // 2]  # the middle of those that cost the same
    print(f"{name}: threshold {threshold:.2f} is the cheapest on the validation texts")
    for value in (0.5, threshold):
        total, missed, alarms = cost(test_is_watched, on_test, value)
        found = scores_of_watched(test["y"], on_test >= value)
        row = {"missed": missed, "false alarms": alarms, "cost": total} | found
        decisions[f"{name}, from {value:.2f} on"] = row
decisions = pd.DataFrame.from_dict(decisions, orient="index").round(3)
print(show(decisions))

# %% [markdown]
# ## Methods

# %%
import tensorflow as tf
from transformers import TFAutoModel

encoder = TFAutoModel.from_pretrained(checkpoint, use_safetensors=True)


def embed(texts):
    order = np.argsort([len(text) for text in texts])
    ordered, found = [list(texts)[place] for place in order], []
    for place in range(0, len(ordered), 64):
        batch = tokenizer(
            ordered[place : place + 64],
            truncation=True,
            padding=True,
            pad_to_multiple_of=16,
            return_tensors="tf",
        )
        vectors = encoder(batch).last_hidden_state.numpy()
        mask = batch["attention_mask"].numpy()[:, :, None]
        found.append((vectors * mask).sum(1) / mask.sum(1))
    return np.concatenate(found)[np.argsort(order)]


# %%
from sklearn.preprocessing import Normalizer


def sentence_embeddings(texts, labels):
    model = make_pipeline(Normalizer(), LogisticRegression(C=10, max_iter=1000))
    model.fit(embed(texts), labels)
    return lambda texts: model.predict_proba(embed(texts))


start = perf_counter()
embedded = sentence_embeddings(train["text"], train["y"])
seconds["sentence embeddings"] = perf_counter() - start

# %%
methods = {
    "word counts": baseline,
    "sentence embeddings": embedded,
    "fine-tuning": lambda texts: softmax(logits_of(trained, texts), axis=1),
}

# %%
rows = {}
for name, method in methods.items():
    start = perf_counter()
    answers = method(test["text"]).argmax(1)
    taken = perf_counter() - start
    value, low, high = macro_f1(test["y"], answers)
    rows[name] = {
        "macro F1": value, "from": low, "to": high, "seconds to train": seconds[name],
        "seconds for 1,000 texts": taken / len(test) * 1000,
    }  # fmt: skip
comparison = pd.DataFrame(rows).T
print(show(comparison))

# %%
from sklearn.metrics import classification_report

report = classification_report(
    test["y"], answers, labels=range(len(label_names)), target_names=label_names,
    output_dict=True, zero_division=0,
)  # fmt: skip
by_label = pd.DataFrame({name: report[name] for name in label_names}).T
print(show(by_label.astype({"support": int})))

# %%
from transformers.utils import logging

logging.set_verbosity_error()  # each fresh head would be reported
print(logging.disable_progress_bar())


# %%
def fine_tune(texts, labels, names, epochs, **head):
    """Train a model with a fresh head, without saving it."""
    small = make_model(len(texts), names, epochs, **head)
    small.fit(batches(small, tokenize(texts, labels), shuffle=True), epochs=epochs, verbose=0)
    keras.mixed_precision.set_global_policy("float32")
    return small


# %%
def fine_tuned(texts, labels):
    rounds = max(2, 320 // len(texts))  # few texts have to be seen more often
    small = fine_tune(texts, labels, label_names, rounds)
    return lambda texts: softmax(logits_of(small, texts), axis=1)


# %%
makers = {
    "word counts": word_counts,
    "sentence embeddings": sentence_embeddings,
    "fine-tuning": fine_tuned,
}
checked = test.sample(min(300, len(test)), random_state=seed)
few = {name: {} for name in makers}
for count in few_texts:
    if counts.min() < count:
        print(f"{count} a label: {counts.index[-1]!r} has only {counts.min()} texts to train on")
        break
    draws = [train.groupby("label").sample(count, random_state=seed + draw) for draw in range(few_draws)]
    for name, maker in makers.items():
        values = []
        for one in draws:
            answers = maker(one["text"], one["y"])(checked["text"]).argmax(1)
            values.append(f1_score(checked["y"], answers, average="macro"))
        spread = f"{np.mean(values):.2f} ({min(values):.2f} to {max(values):.2f})"
        few[name][f"{count} a label"] = spread
print(show(pd.DataFrame(few).T))

# %%
if zero_shot:
    from transformers import pipeline

    reader = pipeline("zero-shot-classification", model=zero_shot)
    some = test.sample(min(200, len(test)), random_state=seed)
    answers = [one["labels"][0] for one in reader(list(some["text"]), label_names)]
    print(f"macro F1 {f1_score(some['label'], answers, average='macro'):.3f} on {len(some)} texts")

# %% [markdown]
# ## More labels


# %%
def words_alone(text):
    return " ".join(re.sub(r"[^a-z0-9' ]+", " ", text.lower().replace("<br />", " ")).split())


print(words_alone("Not bad -- not bad at ALL!"))


# %%
def sentences(texts, labels, who):
    rows = []
    for text, label in zip(texts, labels):
        # Of a review, the last sentence of 10 to 35 words; critics wrote one each.
        pieces = [text] if who == "critics" else re.split(r"(?<=[.!?])\s+", text)
        for sentence in reversed(pieces):
            plain = words_alone(sentence)
            if 10 <= len(plain.split()) <= 35:
                rows.append((plain, f"{who} {('negative', 'positive')[label]}"))
                break
    return pd.DataFrame(rows, columns=["text", "label"]).drop_duplicates("text")


audience = load_dataset(dataset, split="train").shuffle(seed=seed)
audience = audience.select(range(min(6 * texts_per_label, len(audience))))
critics = load_dataset(snippets, split="test").shuffle(seed=seed)
four = pd.concat(
    [
        sentences(audience["text"], audience["label"], "audience"),
        sentences(critics["text"], critics["label"], "critics"),
    ]
)
four = four.groupby("label").head(texts_per_label).sample(frac=1, random_state=seed)
four_names = sorted(four["label"].unique())
four["y"] = four["label"].map(four_names.index)
learn, judge = train_test_split(four, test_size=0.3, random_state=seed, stratify=four["y"])
print(show(four.groupby("label").sample(1, random_state=seed)[["label", "text"]]))

# %%
four_trained = fine_tune(learn["text"], learn["y"], four_names, 1)
four_answers = logits_of(four_trained, judge["text"]).argmax(1)

# %%
counted = word_counts(learn["text"], learn["y"])(judge["text"]).argmax(1)
for name, one in {"word counts": counted, "fine-tuning": four_answers}.items():
    values = [f1_score(judge["y"], one, average=how) for how in ("macro", "weighted")]
    print(f"{name}: macro F1 {values[0]:.3f}, weighted F1 {values[1]:.3f}")
print(classification_report(judge["y"], four_answers, target_names=four_names))

# %%
questions = ["critic", "positive"]


def yes_or_no(part):
    critic = part["label"].str.startswith("critics")
    positive = part["label"].str.endswith("positive")
    return np.stack([critic, positive], axis=1).astype("float32")


labels = yes_or_no(learn).tolist()
head = {"problem_type": "multi_label_classification"}

# %%
asked_apart = keras.losses.BinaryCrossentropy(from_logits=True)
several = fine_tune(learn["text"], labels, questions, 1, loss=asked_apart, **head)

# %%
several_logits = logits_of(several, judge["text"])

# %%
from scipy.special import expit  # the sigmoid

print(expit(np.array([-2.0, 0.0, 2.0])).round(2))

# %%
chances, truth = expit(several_logits), yes_or_no(judge) == 1
for number, question in enumerate(questions):
    value = f1_score(truth[:, number], chances[:, number] >= 0.5)
    print(f"{question}: F1 {value:.3f} at a threshold of 0.5")
both = ((chances >= 0.5) == truth).all(axis=1).mean()
print(f"both answers right: {both:.3f}")

# %% [markdown]
# ## Take it home

# %%
import inspect
import json

program = '''"""Label the texts of a table: python classify.py TABLE.csv COLUMN; writes classified.csv."""

import html
import json
import re
import sys
from pathlib import Path

import pandas as pd
from transformers import pipeline

folder = Path(__file__).parent
decision = json.loads((folder / "decision.json").read_text(encoding="utf-8"))
model = pipeline("text-classification", model=str(folder))


TIDY

def classify(texts):
    """The label of each text, and a table with the probability of every label."""
    tidied = [tidy(text) for text in texts]
    answers = model(tidied, truncation=True, top_k=None, batch_size=32)
    scores = pd.DataFrame([{one["label"]: one["score"] for one in answer} for answer in answers])
    watched = scores[decision["label"]] >= decision["threshold"]
    others = scores.drop(columns=decision["label"]).idxmax(axis=1)
    return others.mask(watched, decision["label"]), scores


if __name__ == "__main__":
    file, column = sys.argv[1:]
    table = pd.read_csv(file, dtype=str, keep_default_na=False)
    table["label"] = list(classify(table[column])[0])
    table.to_csv("classified.csv", index=False)
'''
folder = Path(output_dir)
decision = {"label": watched, "threshold": float(threshold)}
program = program.replace("TIDY\n", inspect.getsource(tidy))
for name, text in {"decision.json": json.dumps(decision), "classify.py": program}.items():
    (folder / name).write_text(text, encoding="utf-8")

# %%
import subprocess
import sys

some = test.head(20)
some[["text"]].to_csv(folder / "new.csv", index=False)
command = [sys.executable, "classify.py", "new.csv", "text"]
fresh = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
if fresh.returncode:
    print(fresh.stderr[-1000:])
labelled = pd.read_csv(folder / "classified.csv", dtype=str, keep_default_na=False)
first = labelled.head().assign(text=labelled["text"].str.slice(0, 80), right=list(some["label"].head()))
print(f"right: {(labelled['label'] == list(some['label'])).sum()} of {len(some)}")
print(show(first))

# %%
from huggingface_hub import EvalResult, ModelCard, ModelCardData
from IPython.display import Markdown

value, low, high = comparison.loc["fine-tuning", ["macro F1", "from", "to"]]
about = ModelCardData(
    library_name="transformers",
    pipeline_tag="text-classification",
    model_name=Path(output_dir).name,
    eval_results=[
        EvalResult(
            task_type="text-classification", dataset_type=file_format, dataset_name=Path(data_file).stem,
            metric_type="f1", metric_name="macro F1", metric_value=round(float(value), 3),
        )
    ],
)  # fmt: skip


def plain(text):
    """The text with nothing in it that HTML or Markdown would take for its own."""
    return re.sub(r"[^\w\s]", lambda one: f"&#{ord(one[0])};", str(text))


uses = {"train": "training", "validation": "validation", "test": "the test"}
sizes = ", ".join(f"{len(part):,} for {uses[name]}" for name, part in splits.items())
found = pd.DataFrame([one for one in problems if one["texts"]])
rounded = comparison.round(3).round(dict.fromkeys(comparison.columns[3:], 1))
card = f"""---
{about.to_yaml()}
---

# {Path(output_dir).name}

Gives a text one of {len(label_names)} labels: {", ".join(map(plain, label_names))}. Fine-tuned from `{"/".join(Path(checkpoint).parts[-2:])}` for {epochs} epoch(s),
on the first {max_tokens} tokens of each text.

## Data

{plain(Path(data_file).name)}: {len(raw):,} rows, {size:,} looked at, {len(table):,} used ({sizes}).
{leaks["in the split above"]} test texts have a near copy among the training texts.

{found.to_html(index=False)}

## Results

Macro F1 on the test texts: {value:.3f}, 95% interval {low:.3f} to {high:.3f} (bootstrap over test texts).

{rounded.to_html()}

The fine-tuned model by label:

{by_label.round(3).astype({"support": int}).rename(index=plain).to_html(escape=False)}

These figures hold where a text gets its most probable label. `classify.py` gives the label {plain(watched)} from
a probability of {threshold:.2f} on, chosen on validation texts for costs of {cost_missed} (missed) and
{cost_false_alarm} (false alarm). On the test texts:

{decisions.to_html()}

## Limits

Language, licence and intended use are not stated: write them here before you share it.
Tested on texts of the same source alone. One seed ({seed}). Nothing is known about other sources, later
texts, other languages, or differences between groups of people.
"""
ModelCard(card).save(Path(output_dir) / "README.md")
print(Markdown(card[card.index("Gives a text") :]))

# %%
import nbformat

page_code = """
import html
import ipywidgets as widgets
from classify import classify

box = widgets.Textarea(description="Text", layout={"width": "95%", "height": "120px"})
button = widgets.Button(description="Classify", button_style="primary")
answer = widgets.HTML()


def show_answer(_):
    if not box.value.strip():
        answer.value = "<p role='status'>Type a text first.</p>"
        return
    labels, scores = classify([box.value])
    best = scores.iloc[0].sort_values(ascending=False).head(5)
    rows = [f"<li>{html.escape(label)}: {score:.3f}</li>" for label, score in best.items()]
    answer.value = f"<div role='status'><b>{html.escape(labels[0])}</b><ul>{''.join(rows)}</ul></div>"


button.on_click(show_answer)
widgets.VBox([box, button, answer])
"""
page = nbformat.v4.new_notebook(
    cells=[nbformat.v4.new_markdown_cell("# Classify a text"), nbformat.v4.new_code_cell(page_code.strip())],
    metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
)
print(nbformat.write(page, Path(output_dir) / "page.ipynb"))

# %% [markdown]
# ## Where to go from here
