"""Inside the model with TensorFlow: the plain code of the lesson, without its kit."""

# %% [markdown]
# ## Setup

# %% tags=["values"]
dataset = "stanfordnlp/imdb"
train_size = None  # reviews to train on; None for all that validation leaves
validation_size = 0.1  # share of the train split, or a number of reviews
test_size = None  # reviews to test on; None for all
seed = 42  # for everything that chance decides
output_dir = "my_awesome_model"

checkpoint = "distilbert/distilbert-base-uncased"
batch_size = 16

# %%
from transformers import set_seed

set_seed(seed)

# %% [markdown]
# ## Open

# %%
from transformers import AutoTokenizer, TFAutoModelForSequenceClassification

tokenizer = AutoTokenizer.from_pretrained(output_dir)
model = TFAutoModelForSequenceClassification.from_pretrained(output_dir)

# %%
from transformers.modeling_tf_pytorch_utils import (
    apply_transpose,
    convert_tf_weight_name_to_pt_weight_name,
)


def weights_of(model):
    found = {}
    for variable in model.weights:
        name, transpose = convert_tf_weight_name_to_pt_weight_name(variable.name, tf_weight_shape=variable.shape)
        found[name] = apply_transpose(transpose, variable.numpy(), pt_to_tf=False)
    return found


weights = weights_of(model)

# %%
import math

count = sum(values.size for name, values in weights.items() if "position_ids" not in name)
print(f"{len(weights)} arrays with {count:,} numbers. The largest ones:")
for name, values in sorted(weights.items(), key=lambda pair: -pair[1].size)[:3]:
    print(f"  {name}: {' × '.join(map(str, values.shape))}")

# %% [markdown]
# ## Tokens

# %%
sentence = "The film is long, but it is never boring."
token_ids = tokenizer(sentence)["input_ids"]
tokens = tokenizer.convert_ids_to_tokens(token_ids)
for token, token_id in zip(tokens, token_ids):
    print(f"{token_id:6} {token}")

# %%
outputs = model(tokenizer(sentence, return_tensors="tf"), output_hidden_states=True, output_attentions=True)
states = [state[0].numpy() for state in outputs.hidden_states]
attentions = [shares[0].numpy() for shares in outputs.attentions]
model_logits = outputs.logits[0].numpy()

# %% [markdown]
# ## Embeddings

# %%
kind = model.config.model_type  # bert or distilbert
tables = f"{kind}.embeddings"
embedded = weights[f"{tables}.word_embeddings.weight"][token_ids]
embedded = embedded + weights[f"{tables}.position_embeddings.weight"][: len(token_ids)]
if kind == "bert":
    embedded = embedded + weights[f"{tables}.token_type_embeddings.weight"][0]
print(embedded.shape)

# %%
import numpy as np


def normalise(x):
    """Give each row mean 0 and standard deviation 1."""
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-12)


print(normalise(np.array([[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]])).round(2))


# %%
def layer_norm(x, name):
    return normalise(x) * weights[f"{name}.weight"] + weights[f"{name}.bias"]


embedded = layer_norm(embedded, f"{tables}.LayerNorm")
print("the same as the model's:", np.allclose(embedded, states[0], atol=1e-4))

# %% [markdown]
# ## Attention

# %%
from scipy.special import softmax

queries = np.array([[0.0, 2.0], [1.0, 0.0]])
keys = np.array([[1.0, 0.0], [0.0, 2.0]])
values = np.array([[100.0, 0.0], [0.0, 100.0]])
shares = softmax(queries @ keys.T / np.sqrt(2), axis=-1)
print(shares.round(2))
print((shares @ values).round())

# %%
heads = model.config.num_attention_heads


def linear(x, name):
    return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def split_heads(x):
    """From (tokens, width) to (heads, tokens, width of a head)."""
    return x.reshape(len(x), heads, -1).transpose(1, 0, 2)


# %%
PARTS = {
    "bert": {
        "layers": "bert.encoder.layer",
        "query": "attention.self.query",
        "key": "attention.self.key",
        "value": "attention.self.value",
        "mixed": "attention.output.dense",
        "attention norm": "attention.output.LayerNorm",
        "wide": "intermediate.dense",
        "narrow": "output.dense",
        "norm": "output.LayerNorm",
        "pooler": "bert.pooler.dense",
    },
    "distilbert": {
        "layers": "distilbert.transformer.layer",
        "query": "attention.q_lin",
        "key": "attention.k_lin",
        "value": "attention.v_lin",
        "mixed": "attention.out_lin",
        "attention norm": "sa_layer_norm",
        "wide": "ffn.lin1",
        "narrow": "ffn.lin2",
        "norm": "output_layer_norm",
        "pooler": "pre_classifier",
    },
}[kind]


# %%
def attention(x, layer):
    queries, keys, values = (split_heads(linear(x, f"{layer}.{PARTS[name]}")) for name in ("query", "key", "value"))
    scores = queries @ keys.transpose(0, 2, 1) / np.sqrt(queries.shape[-1])
    shares = softmax(scores, axis=-1)
    mixed = (shares @ values).transpose(1, 0, 2).reshape(x.shape)
    return shares, linear(mixed, f"{layer}.{PARTS['mixed']}")


shares, mixed = attention(embedded, f"{PARTS['layers']}.0")
print("the same as the model's:", np.allclose(shares, attentions[0], atol=1e-4))

# %% [markdown]
# ## Layers

# %%
from scipy.special import erf


def gelu(x):
    return x * (1 + erf(x / np.sqrt(2))) / 2


print(gelu(np.array([-3.0, -1.0, 0.0, 1.0, 3.0])).round(2))


# %%
def transformer_layer(x, layer):
    _, mixed = attention(x, layer)
    x = layer_norm(x + mixed, f"{layer}.{PARTS['attention norm']}")
    wide = gelu(linear(x, f"{layer}.{PARTS['wide']}"))
    return layer_norm(x + linear(wide, f"{layer}.{PARTS['narrow']}"), f"{layer}.{PARTS['norm']}")


first = transformer_layer(embedded, f"{PARTS['layers']}.0")
print("the same as the model's:", np.allclose(first, states[1], atol=1e-3))

# %%
x = embedded
for number in range(model.config.num_hidden_layers):
    x = transformer_layer(x, f"{PARTS['layers']}.{number}")
print("the same as the model's:", np.allclose(x, states[-1], atol=1e-2))

# %% [markdown]
# ## Answer

# %%
cls = linear(x[0], PARTS["pooler"])
cls = np.tanh(cls) if kind == "bert" else np.maximum(cls, 0)
logits = linear(cls, "classifier")
print("the same as the model's:", np.allclose(logits, model_logits, atol=1e-2))

# %%
probabilities = softmax(logits)
for label, probability in zip(model.config.id2label.values(), probabilities):
    print(f"{label}: {probability:.3f}")

# %% [markdown]
# ## Loss

# %%
for probability in (1.0, 0.9, 0.5, 0.1, 0.001):
    print(f"probability {probability}: loss {-math.log(probability) + 0:.2f}")

# %%
print(f"loss: {-math.log(probabilities[1]):.3f}")

# %%
untrained = TFAutoModelForSequenceClassification.from_pretrained(checkpoint, num_labels=2, use_safetensors=True)
start = untrained(tokenizer(sentence, return_tensors="tf")).logits[0].numpy()
print(f"logits {start.round(2)}, loss {-math.log(softmax(start)[1]):.2f}")

# %% [markdown]
# ## Fine-tuning

# %%
before = weights_of(untrained)

# %%
places = {"embeddings": tables}
for number in range(model.config.num_hidden_layers):
    places[f"layer {number + 1}"] = f"{PARTS['layers']}.{number}."
changed = {}
for place, start_of_name in places.items():
    names = [name for name in weights if name.startswith(start_of_name)]
    old, new = (np.concatenate([w[name].ravel() for name in names]) for w in (before, weights))
    changed[place] = np.linalg.norm(new - old) / np.linalg.norm(old)
    print(f"{place}: {changed[place]:.2%}")

# %%
from datasets import load_dataset

reviews = load_dataset(dataset, split="test").shuffle(seed=seed)
reviews = reviews.select(range(min(300, test_size or 300, len(reviews))))


# %%
def cls_vectors(model, texts):
    found = []
    for place in range(0, len(texts), batch_size):
        batch = tokenizer(texts[place : place + batch_size], truncation=True, padding=True, return_tensors="tf")
        layers = getattr(model, model.base_model_prefix)
        found.append(layers(batch).last_hidden_state[:, 0].numpy())
    return np.concatenate(found)


texts, labels = list(reviews["text"]), np.array(reviews["label"])
vectors = {"before": cls_vectors(untrained, texts), "after": cls_vectors(model, texts)}

# %%
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score

for name, found in vectors.items():
    parts = cross_val_score(LogisticRegression(max_iter=5000), normalise(found), labels, cv=5)
    lowest, highest = parts.min(), parts.max()
    print(f"{name}: {parts.mean():.2f} right; in five parts {lowest:.2f} to {highest:.2f}")

# %%
from sklearn.decomposition import PCA

points = {name: PCA(2, random_state=0).fit_transform(found) for name, found in vectors.items()}

# %% [markdown]
# ## Models

# %%
import time

import pandas as pd
import tensorflow as tf
from transformers import BertConfig, DistilBertConfig

configs = {
    "BERT (base)": BertConfig(),
    "DistilBERT": DistilBertConfig(),
    "MiniLM, six layers": BertConfig(num_hidden_layers=6, hidden_size=384, intermediate_size=1536),
}
batch = {"input_ids": tf.random.uniform((8, 128), 1000, 30000, tf.int32)}
rows = {}
for name, config in configs.items():
    one = TFAutoModelForSequenceClassification.from_config(config)
    times = []
    for _ in range(2):
        begin = time.perf_counter()
        one(batch)
        times.append(time.perf_counter() - begin)
    rows[name] = {
        "layers": config.num_hidden_layers,
        "width": config.hidden_size,
        "million weights": round(one.count_params() / 1e6),
        "texts a second here": round(8 / min(times)),
    }
    del one
print(pd.DataFrame(rows).T)

# %% [markdown]
# ## Where to go from here
