"""What the model gets wrong with PyTorch: the plain code of the lesson, without its kit."""

# %% [markdown]
# ## Setup

# %% tags=["values"]
dataset = "stanfordnlp/imdb"
train_size = None  # reviews to train on; None for all that validation leaves
validation_size = 0.1  # share of the train split, or a number of reviews
test_size = None  # reviews to test on; None for all
seed = 42  # for everything that chance decides
output_dir = "my_awesome_model"

snippets = "cornell-movie-review-data/rotten_tomatoes"  # sentences of critics
snippets_size = None  # None for all
batch_size = 16
frozen_layers = 0  # how many of the lowest layers a repair leaves as they are

# %% [markdown]
# ## Open

# %%
from datasets import load_dataset

raw_imdb = load_dataset(dataset)

# %% tags=["recipe"]
from datasets import DatasetDict

parts = raw_imdb["train"].train_test_split(train_size=train_size, test_size=validation_size, seed=seed)
imdb = DatasetDict(
    train=parts["train"],
    validation=parts["test"],
    test=raw_imdb["test"].shuffle(seed=seed).select(range(test_size or len(raw_imdb["test"]))),
)


# %% tags=["recipe"]
def clean(examples):
    return {"text": [text.replace("<br />", "\n") for text in examples["text"]]}


imdb = imdb.map(clean, batched=True)

# %%
validation, test = imdb["validation"], imdb["test"]

# %%
from transformers import AutoModelForSequenceClassification, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(output_dir)
model = AutoModelForSequenceClassification.from_pretrained(output_dir)

# %%
names = tuple(model.config.id2label.values())
print(names)

# %% [markdown]
# ## Predict

# %%
import numpy as np
from datasets import Dataset
from transformers import DataCollatorWithPadding, Trainer, TrainingArguments

predictor = Trainer(
    model=model,
    args=TrainingArguments(output_dir=output_dir, per_device_eval_batch_size=batch_size),
    data_collator=DataCollatorWithPadding(tokenizer),
)


def predict(texts, predictor=predictor):
    tokens = Dataset.from_dict(dict(tokenizer(list(texts), truncation=True)))
    order = np.argsort([len(token_ids) for token_ids in tokens["input_ids"]])
    logits = np.empty((len(texts), len(names)))
    logits[order] = predictor.predict(tokens.select(order)).predictions
    return logits


# %%
logits = predict(test["text"])
validation_logits = predict(validation["text"])

# %%
from scipy.special import softmax

print(softmax(np.array([[-1.0, 2.0], [0.2, 0.1]]), axis=1).round(3))

# %%
import pandas as pd

table = pd.DataFrame(
    {
        "text": test["text"],
        "label": test["label"],
        "prediction": logits.argmax(axis=1),
        "confidence": softmax(logits, axis=1).max(axis=1),
    }
)
table["correct"] = table["label"] == table["prediction"]

# %% [markdown]
# ## Count

# %%
from scipy.stats import binomtest


def interval(right):
    """The share that is right, and its 95% interval (Wilson's method)."""
    found = binomtest(int(right.sum()), len(right)).proportion_ci(method="wilson")
    return right.mean(), found.low, found.high


accuracy, low, high = interval(table["correct"])
print(f"Accuracy {accuracy:.3f}, interval {low:.3f} to {high:.3f}, on {len(table):,} reviews")

# %%
from sklearn.metrics import confusion_matrix

print(confusion_matrix([0, 0, 1, 1], [0, 1, 1, 1]))

# %% [markdown]
# ## Confidence


# %%
def calibration(confidence, correct):
    answers = pd.DataFrame({"confidence": confidence, "correct": correct})
    ranges = pd.cut(answers["confidence"], np.linspace(0.5, 1, 11), include_lowest=True)
    return answers.groupby(ranges, observed=True).agg(
        confidence=("confidence", "mean"),
        accuracy=("correct", "mean"),
        reviews=("correct", "size"),
    )


def calibration_error(ranges):
    distance = (ranges["confidence"] - ranges["accuracy"]).abs()
    return np.average(distance, weights=ranges["reviews"])


made_up = calibration([0.9] * 10, [1] * 7 + [0] * 3)
print(made_up.to_string(index=False))
print(f"ECE: {calibration_error(made_up):.2f}")

# %%
before = calibration(table["confidence"], table["correct"])
print(f"ECE: {calibration_error(before):.3f}")

# %%
for temperature in (0.5, 1, 2):
    print(temperature, softmax(np.array([-1.0, 2.0]) / temperature).round(3))

# %%
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax


def negative_log_likelihood(temperature):
    log_probabilities = log_softmax(validation_logits / temperature, axis=1)
    return -log_probabilities[np.arange(len(validation)), validation["label"]].mean()


temperature = minimize_scalar(negative_log_likelihood, bounds=(0.1, 10), method="bounded").x
print(f"Temperature: {temperature:.2f}")

# %%
scaled = softmax(logits / temperature, axis=1).max(axis=1)
after = calibration(scaled, table["correct"])
print(f"ECE before {calibration_error(before):.3f}, after {calibration_error(after):.3f}")

# %% [markdown]
# ## Kinds of review

# %%
import re

NEGATION = re.compile(r"\b(?:not|cannot|no|never|nothing|nobody|hardly|without)\b|n't\b", re.I)
PRAISE = re.compile(r"\b(?:good|great|best|excellent|wonderful|superb|loved?|enjoy\w*)\b", re.I)
BLAME = re.compile(r"\b(?:bad|worst|awful|terrible|boring|poor\w*|waste\w*|dull)\b", re.I)

for text in ("I didn't enjoy it.", "Great cast, awful script.", "A notable debut."):
    print(text, [bool(pattern.search(text)) for pattern in (NEGATION, PRAISE, BLAME)])

# %%
texts = list(table["text"])
table["tokens"] = [len(ids) for ids in tokenizer(texts, verbose=False)["input_ids"]]
spans = tokenizer(texts, truncation=True, return_offsets_mapping=True)["offset_mapping"]
read = pd.Series([text[kept[1][0] : kept[-2][1]] for text, kept in zip(texts, spans)])

# %%
negations = read.str.count(NEGATION) / table["tokens"].clip(upper=tokenizer.model_max_length)
praise, blame = (read.str.contains(pattern) for pattern in (PRAISE, BLAME))
limit = tokenizer.model_max_length
slices = {
    "all": table["tokens"] > 0,
    f"read whole (up to {limit} tokens)": table["tokens"] <= limit,
    f"cut (over {limit} tokens)": table["tokens"] > limit,
    "no negation": negations == 0,
    "many negations (highest third)": negations > negations.quantile(2 / 3),
    "praise or blame, not both": praise ^ blame,
    "praise and blame": praise & blame,
}

# %%
scores = {}
for name, members in slices.items():
    if members.any():
        right = table.loc[members, "correct"]
        scores[f"{name}: {len(right):,}"] = interval(right)
print(pd.DataFrame(scores, index=["accuracy", "low", "high"]).T.round(3))

# %%
quarters = pd.qcut(table["tokens"], 4, duplicates="drop")
scores = {"all": interval(table["correct"])}
for part, right in table.groupby(quarters, observed=True)["correct"]:
    name = f"{int(part.left) + 1} to {int(part.right)} tokens"
    scores[name] = interval(right)
print(pd.DataFrame(scores, index=["accuracy", "low", "high"]).T.round(3))

# %% [markdown]
# ## Mistakes

# %%
mistakes = table[~table["correct"]].sort_values("confidence", ascending=False)
whole = mistakes[mistakes["tokens"] <= limit]
shown = whole.head(5)
reading = pd.DataFrame(
    {
        "label": [names[label] for label in shown["label"]],
        "model": [names[label] for label in shown["prediction"]],
        "confidence": shown["confidence"],
        "review": shown["text"],
    }
)
left = {"text-align": "left", "white-space": "normal"}
plain = reading.style.format(escape="html", precision=3).hide()
print(plain.set_properties(**left).set_uuid("mistakes"))

# %%
import torch

review = (whole if len(whole) else table)["text"].iloc[0]
inputs = tokenizer(review, truncation=True, return_tensors="pt").to(model.device)
embed = model.get_input_embeddings()
token_ids = inputs["input_ids"][0]
unknown = tokenizer.mask_token_id
if unknown is None:  # as in GPT models, which have no [MASK]
    unknown = tokenizer.pad_token_id
blank_ids = torch.full_like(token_ids, unknown)
blank_ids[[0, -1]] = token_ids[[0, -1]]  # [CLS] and [SEP] stay
vectors, blank = embed(token_ids).detach(), embed(blank_ids).detach()

# %%
parts = (torch.arange(8, device=model.device) + 0.5) / 8
points = (blank + parts[:, None, None] * (vectors - blank)).requires_grad_()
pairs = model(inputs_embeds=points).logits
(gradient,) = torch.autograd.grad((pairs[:, 1] - pairs[:, 0]).sum(), points)
token_pushes = (gradient.mean(dim=0) * (vectors - blank)).sum(dim=-1).tolist()

with torch.no_grad():
    ends = model(inputs_embeds=torch.stack([blank, vectors])).logits
change = (ends[1] - ends[0]) @ torch.tensor([-1.0, 1.0], device=model.device)

# %%
print(f"sum of the pushes {sum(token_pushes):.2f}, change in the logits {float(change):.2f}")


# %%
def by_word(offsets, token_pushes):
    """Add up the pushes of tokens that stand together without a space."""
    words = []
    for (start, end), token_push in zip(offsets, token_pushes):
        if start == end:  # [CLS] and [SEP] have no place in the text
            continue
        if words and words[-1][1] == start:
            first, _, before = words.pop()
            words.append((first, end, before + token_push))
        else:
            words.append((start, end, token_push))
    return words


sentence = "It doesn't bore."
offsets = tokenizer(sentence, return_offsets_mapping=True)["offset_mapping"]
print(tokenizer(sentence).tokens())
print([sentence[start:end] for start, end, push in by_word(offsets, [0] * len(offsets))])

# %%
offsets = tokenizer(review, truncation=True, return_offsets_mapping=True)["offset_mapping"]
pushes = [(review[start:end], push) for start, end, push in by_word(offsets, token_pushes)]
print(sorted(pushes, key=lambda pair: -abs(pair[1]))[:5])

# %% [markdown]
# ## Challenge

# %%
challenge = pd.DataFrame(
    [
        ("plain", 1, "A moving film with a superb cast."),
        ("plain", 0, "A tedious film with a terrible script."),
        ("plain", 1, "I loved every minute of it."),
        ("plain", 0, "I want those two hours back."),
        ("negation", 0, "This is not a good film."),
        ("negation", 1, "This is not a bad film at all."),
        ("negation", 1, "I was never bored."),
        ("negation", 0, "Nobody in the cast is funny or charming."),
        ("negation", 0, "I can't recommend it."),
        ("but", 1, "The start is slow, but the rest is wonderful."),
        ("but", 0, "The start is wonderful, but the rest is awful."),
        ("but", 0, "Great actors, great music, but the story makes no sense."),
        ("but", 1, "The effects look cheap, yet I enjoyed all of it."),
        ("irony", 0, "Wonderful, if you need help to fall asleep."),
        ("irony", 0, "A masterpiece of wasted money."),
        ("irony", 0, "Oh great, another sequel that nobody asked for."),
        ("irony", 0, "The best part was when the lights came back on."),
        ("comparison", 0, "The book is brilliant; this is not the book."),
        ("comparison", 1, "Far better than the awful first part."),
        ("comparison", 0, "Even his worst film is better than this."),
    ],
    columns=["kind", "label", "text"],
)
print(challenge["kind"].value_counts(sort=False))

# %%
challenge_logits = predict(challenge["text"])
challenge["prediction"] = challenge_logits.argmax(axis=1)
challenge["confidence"] = softmax(challenge_logits, axis=1).max(axis=1).round(3)
challenge["passed"] = challenge["label"] == challenge["prediction"]
print(challenge.groupby("kind", sort=False)["passed"].agg(passed="sum", sentences="count"))

# %%
failed = challenge.loc[~challenge["passed"], ["kind", "label", "confidence", "text"]]
failed = failed.assign(label=[names[label] for label in failed["label"]])
plain = failed.style.format(escape="html", precision=3).hide()
print(plain.set_properties(**left).set_uuid("failed"))

# %%
people = ["Emma", "Mohammed", "Mei", "Dmitri", "Lakisha", "José", "Anna", "Uwe"]
sentences = [f"{person} plays the teacher, and the story goes where you expect." for person in people]
positive = softmax(predict(sentences), axis=1)[:, 1]
print(pd.Series(positive.round(3), index=people).to_string())
print(f"Between lowest and highest: {positive.max() - positive.min():.3f}")

# %% [markdown]
# ## Another domain

# %%
all_critics = load_dataset(snippets, split="test")

# %%
print(all_critics[1]["text"])

# %%
shuffled = all_critics.shuffle(seed=seed)
third = len(shuffled) // 3
count = min(snippets_size or third, third)  # two further parts are for a repair
critics = shuffled.select(range(count))
critics_right = predict(critics["text"]).argmax(axis=1) == np.array(critics["label"])

# %%
words = [len(text.split()) for text in critics["text"]]
short = [" ".join(text.split()[-words[number % len(words)] :]) for number, text in enumerate(test["text"])]
short_right = predict(short).argmax(axis=1) == np.array(test["label"])
scores = {
    "whole reviews": interval(table["correct"]),
    "reviews, as short as a snippet": interval(short_right),
    "snippets of critics": interval(critics_right),
}
print(pd.DataFrame(scores, index=["accuracy", "low", "high"]).T.round(3))

# %% [markdown]
# ## Repair

# %%
more = shuffled.select(range(count, min(3 * count, len(shuffled) - count)))
fresh_critics = shuffled.select(range(len(shuffled) - count, len(shuffled)))
others = raw_imdb["test"].shuffle(seed=seed)
start = len(test) if len(others) >= 2 * len(test) else 0
fresh_reviews = others.select(range(start, start + len(test))).map(clean, batched=True)

# %%
from datasets import concatenate_datasets

old = imdb["train"].select(range(min(len(more) // 3, len(imdb["train"]))))
mixed = concatenate_datasets([more.cast(old.features), old]).shuffle(seed=seed)
mixed = mixed.map(lambda examples: tokenizer(examples["text"], truncation=True), batched=True)
print(f"{len(more):,} sentences and {len(old):,} reviews")

# %%
repaired = AutoModelForSequenceClassification.from_pretrained(output_dir)
if frozen_layers:  # as in lesson 01
    repaired.base_model.embeddings.requires_grad_(False)
    repaired.base_model.encoder.layer[:frozen_layers].requires_grad_(False)
repair = Trainer(
    model=repaired,
    args=TrainingArguments(
        output_dir=f"{output_dir}_repaired",
        learning_rate=1e-4,
        warmup_steps=0.1,
        num_train_epochs=1,
        per_device_train_batch_size=batch_size,
        per_device_eval_batch_size=batch_size,
        save_strategy="no",
        logging_steps=0.2,
        train_sampling_strategy="group_by_length",
        seed=seed,
    ),
    train_dataset=mixed,
    data_collator=DataCollatorWithPadding(tokenizer),
)
repair.train()

# %%
repaired_predictor = Trainer(model=repaired, args=predictor.args, data_collator=DataCollatorWithPadding(tokenizer))

# %%
some = fresh_reviews["text"][:4]
together = predict(some, repaired_predictor)
alone = np.concatenate([predict([text], repaired_predictor) for text in some])
print("the answers are in the order of the texts:", np.allclose(together, alone, atol=0.02))

# %%
kinds = {
    "fresh sentences of critics": fresh_critics,
    "fresh reviews": fresh_reviews,
    "challenge set": Dataset.from_pandas(challenge[["text", "label"]]),
}
right = {}
for kind, texts in kinds.items():
    labels = np.array(texts["label"])
    right[kind, "before"] = predict(texts["text"]).argmax(axis=1) == labels
    right[kind, "after"] = predict(texts["text"], repaired_predictor).argmax(axis=1) == labels

# %%
for kind in kinds:
    before_repair, after_repair = right[kind, "before"], right[kind, "after"]
    mended = int((~before_repair & after_repair).sum())
    broken = int((before_repair & ~after_repair).sum())
    p = binomtest(mended, mended + broken).pvalue if mended + broken else 1.0
    print(f"{kind}: {mended} mended, {broken} broken, p = {p:.2g}")
scores = {f"{kind}, {when}": interval(found) for (kind, when), found in right.items()}

# %% [markdown]
# ## Try it yourself

# %%
from transformers import pipeline

classifier = pipeline("sentiment-analysis", model=model, tokenizer=tokenizer)
print(classifier("Far better than the awful first part."))

# %% [markdown]
# ## Where to go from here
