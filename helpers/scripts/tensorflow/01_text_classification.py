"""Text classification with TensorFlow: the plain code of the lesson, without its kit."""

# %% [markdown]
# ## Setup

# %% tags=["recipe", "values"]
dataset = "stanfordnlp/imdb"
train_size = None  # reviews to train on; None for all that validation leaves
validation_size = 0.1  # share of the train split, or a number of reviews
test_size = None  # reviews to test on; None for all
seed = 42  # for everything that chance decides
output_dir = "my_awesome_model"

checkpoint = "distilbert/distilbert-base-uncased"
metric = "accuracy"
max_length = 512  # tokens of a review that the model reads
truncation_side = "right"  # which end of a longer review is cut
batch_size = 16
learning_rate = 2e-5
warmup_ratio = 0.0  # share of the steps over which the learning rate rises
frozen_layers = 0  # how many of the lowest layers stay as they are
config_changes = {}  # where the model differs from its checkpoint
precision = "fp32"  # how exactly it computes: fp32, or half of the digits, bf16 or fp16
num_epochs = 3

# %% [markdown]
# ## Load

# %% tags=["recipe"]
from datasets import load_dataset

raw_imdb = load_dataset(dataset)
print(raw_imdb["test"][0])

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
print(imdb)

# %% [markdown]
# ## Preprocess

# %% tags=["recipe"]
from transformers import AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(checkpoint, model_max_length=max_length, truncation_side=truncation_side)
if tokenizer.pad_token is None:  # as in GPT models, which were trained without
    tokenizer.pad_token = tokenizer.eos_token

# %%
print(tokenizer("Unwatchable? Hardly!").tokens())


# %%
def count_tokens(examples):
    token_ids = tokenizer(examples["text"], verbose=False)["input_ids"]
    return {"tokens": [len(review) for review in token_ids]}


lengths = list(imdb["train"].map(count_tokens, batched=True)["tokens"])
print(f"The longest of {len(lengths):,} reviews has {max(lengths):,} tokens.")


# %% tags=["recipe"]
def preprocess_function(examples):
    return tokenizer(examples["text"], truncation=True)


tokenized_imdb = imdb.map(preprocess_function, batched=True)

# %%
print(preprocess_function({"text": ["A fine film.", "No."]}))

# %% tags=["recipe"]
from transformers import DataCollatorWithPadding

data_collator = DataCollatorWithPadding(tokenizer=tokenizer, return_tensors="tf")

# %%
batch = data_collator([tokenizer("A fine film."), tokenizer("No.")])
print(batch["input_ids"].numpy())

# %% [markdown]
# ## Evaluate

# %% tags=["recipe"]
import evaluate

accuracy = evaluate.load(metric)

# %% tags=["recipe"]
import numpy as np


def compute_metrics(eval_pred):
    predictions, labels = eval_pred
    predictions = np.argmax(predictions, axis=1)
    return accuracy.compute(predictions=predictions, references=labels)


# %%
logits = np.array([[2.0, -1.0], [0.5, 0.1], [-1.0, 3.0]])
print(compute_metrics((logits, np.array([0, 1, 1]))))

# %%
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

baseline = make_pipeline(
    TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True),
    LogisticRegression(C=10, max_iter=1000),
)
baseline.fit(list(imdb["train"]["text"]), imdb["train"]["label"])
baseline_accuracy = baseline.score(list(imdb["test"]["text"]), imdb["test"]["label"])
print(f"Baseline accuracy: {baseline_accuracy:.3f}")

# %% [markdown]
# ## Train


# %%
def follow(rate, steps=20):
    w, values = 1.0, []
    for _ in range(steps):
        w = w - rate * 2 * w
        values.append(round(w, 3))
    return values


for rate in (0.01, 0.3, 0.9):
    print(rate, follow(rate)[:6], "…", follow(rate)[-1])

# %%
from huggingface_hub import notebook_login

# notebook_login()

# %% tags=["recipe"]
id2label = {0: "NEGATIVE", 1: "POSITIVE"}
label2id = {"NEGATIVE": 0, "POSITIVE": 1}

# %%
print(id2label[imdb["test"][0]["label"]])

# %% tags=["recipe"]
from transformers import create_optimizer

batches_per_epoch = len(tokenized_imdb["train"]) // batch_size
total_train_steps = batches_per_epoch * num_epochs
optimizer, schedule = create_optimizer(
    init_lr=learning_rate,
    num_warmup_steps=int(warmup_ratio * total_train_steps),
    num_train_steps=total_train_steps,
)

# %% tags=["recipe"]
import tf_keras as keras
from transformers import TFAutoModelForSequenceClassification, set_seed

set_seed(seed)
policies = {"fp32": "float32", "bf16": "mixed_bfloat16", "fp16": "mixed_float16"}
keras.mixed_precision.set_global_policy(policies[precision])
model = TFAutoModelForSequenceClassification.from_pretrained(
    checkpoint,
    num_labels=2,
    id2label=id2label,
    label2id=label2id,
    pad_token_id=tokenizer.pad_token_id,
    use_safetensors=True,
    **config_changes,
)

# %% tags=["recipe"]
if frozen_layers:
    encoder = getattr(model, model.base_model_prefix)
    for layer in [encoder.embeddings, *encoder.encoder.layer[:frozen_layers]]:
        layer.trainable = False
trained = sum(weights.shape.num_elements() for weights in model.trainable_weights)
print(f"{trained:,} of {model.count_params():,} weights will be trained")

# %% tags=["recipe"]
tf_train_set = model.prepare_tf_dataset(
    tokenized_imdb["train"], shuffle=True, batch_size=batch_size, collate_fn=data_collator
)
tf_validation_set = model.prepare_tf_dataset(
    tokenized_imdb["validation"], shuffle=False, batch_size=batch_size, collate_fn=data_collator
)
tf_test_set = model.prepare_tf_dataset(
    tokenized_imdb["test"], shuffle=False, batch_size=batch_size, collate_fn=data_collator
)
model.compile(optimizer=optimizer)

# %% tags=["recipe"]
from transformers.keras_callbacks import KerasMetricCallback

metric_callback = KerasMetricCallback(metric_fn=compute_metrics, eval_dataset=tf_validation_set, output_cols=["logits"])
callbacks = [metric_callback]

# %%
from pathlib import Path

from huggingface_hub import get_token
from transformers.keras_callbacks import PushToHubCallback

if get_token() is not None:
    push_to_hub_callback = PushToHubCallback(
        output_dir=f"{output_dir}_hub",
        hub_model_id=Path(output_dir).name,
        tokenizer=tokenizer,
        dataset="IMDb",
        dataset_tags="stanfordnlp/imdb",
    )
    callbacks.append(push_to_hub_callback)

# %% tags=["recipe"]
history = model.fit(x=tf_train_set, validation_data=tf_validation_set, epochs=num_epochs, callbacks=callbacks)

# %% tags=["recipe"]
keras.mixed_precision.set_global_policy("float32")  # inference needs no half precision
tokenizer.save_pretrained(output_dir)
model.save_pretrained(output_dir, safe_serialization=True)

# %% tags=["recipe"]
predictions = model.predict(tf_test_set).logits
test_labels = np.array(tokenized_imdb["test"]["label"])
model_accuracy = compute_metrics((predictions, test_labels))["accuracy"]
print(f"Accuracy: {model_accuracy:.3f}")

# %%
from scipy.stats import binomtest

test_reviews = len(imdb["test"])
accuracies = {
    "TF-IDF + logistic regression": baseline_accuracy,
    "fine-tuned transformer": model_accuracy,
}
scores = {}
for name, value in accuracies.items():
    correct = round(value * test_reviews)
    interval = binomtest(correct, test_reviews).proportion_ci(method="wilson")
    scores[name] = (value, interval.low, interval.high)
    print(f"{name}: {value:.3f}, interval {interval.low:.3f} to {interval.high:.3f}")

# %%
difference = model_accuracy - baseline_accuracy
(_, low, high) = scores["fine-tuned transformer"]
if low <= baseline_accuracy <= high:
    verdict = "too close to call"
else:
    verdict = "the transformer wins" if difference > 0 else "the baseline wins"
print(f"Transformer minus baseline: {difference:+.3f} on {test_reviews:,} reviews: {verdict}.")

# %% [markdown]
# ## Share

# %% [markdown]
# ## Inference

# %%
text = (
    "This was a masterpiece. Not completely faithful to the books, "
    "but enthralling from beginning to end. Might be my favorite of the three."
)

# %%
from transformers import pipeline

classifier = pipeline("sentiment-analysis", model=output_dir, framework="tf")
print(classifier(text))

# %%
inputs = tokenizer(text, return_tensors="tf")

# %%
import tensorflow as tf

model = TFAutoModelForSequenceClassification.from_pretrained(output_dir)
logits = model(**inputs).logits

# %%
predicted_class_id = int(tf.math.argmax(logits, axis=-1)[0])
score = float(tf.nn.softmax(logits, axis=-1)[0, predicted_class_id])
print(model.config.id2label[predicted_class_id], round(score, 4))

# %% [markdown]
# ## Where to go from here
