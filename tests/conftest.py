"""What several tests use."""

import subprocess
from pathlib import Path

import pandas as pd
import pytest
import system
from hub_server import Hub

from helpers import assets, environments, packages

TOKENS = {"hf_canary_write": ("learner", "write"), "hf_canary_read": ("learner", "read")}


@pytest.fixture(scope="module")
def seeded(tmp_path_factory):
    """What the Hub serves by the guide's ids: a little data, a small random DistilBERT, the metric."""
    folder = tmp_path_factory.mktemp("seed")
    reviews = packages.reviews_folder()
    data = {}
    for split in ("train", "test"):
        part = pd.read_parquet(reviews / f"{split}-00000-of-00001.parquet").head(240 if split == "train" else 60)
        part["text"] = part["text"].str[:400]  # at 512 tokens the guide's values would take minutes
        part.to_parquet(folder / f"{split}.parquet", index=False)
        data[f"plain_text/{split}-00000-of-00001.parquet"] = folder / f"{split}.parquet"
    track = environments.tracks()[0]
    kind = {"pytorch": "DistilBertForMaskedLM", "tensorflow": "TFDistilBertForMaskedLM"}[track]
    make_model = f"""
from transformers import DistilBertConfig, {kind}, DistilBertTokenizerFast
from helpers import packages
tokenizer = DistilBertTokenizerFast.from_pretrained(packages.model_folder(), model_max_length=512)
config = DistilBertConfig(vocab_size=len(tokenizer), dim=32, hidden_dim=64, n_layers=2, n_heads=4)
model = {kind}(config)
{"model.build()" if track == "tensorflow" else ""}
model.save_pretrained({str(folder / "model")!r}{", safe_serialization=True" if track == "tensorflow" else ""})
tokenizer.save_pretrained({str(folder / "model")!r})
"""
    subprocess.run([environments.python(track), "-c", make_model], check=True, capture_output=True)
    metric = Path(assets.__file__).parent / "metrics" / "accuracy" / "accuracy.py"
    with Hub(tmp_path_factory.mktemp("hub"), TOKENS) as hub:
        hub.upload("datasets", "stanfordnlp/imdb", data)
        snippets = pd.read_parquet(packages.snippets_folder() / "test-00000-of-00001.parquet").head(40)
        snippets.to_parquet(folder / "snippets.parquet", index=False)
        critics = {"test-00000-of-00001.parquet": folder / "snippets.parquet"}
        hub.upload("datasets", "cornell-movie-review-data/rotten_tomatoes", critics)
        model = {path.name: path for path in (folder / "model").iterdir()}
        hub.upload("models", "distilbert/distilbert-base-uncased", model)
        hub.upload("spaces", "evaluate-metric/accuracy", {"accuracy.py": metric})
        yield hub


@pytest.fixture(scope="session")
def playwright():
    """One Playwright for all tests of a process: a second one beside it would refuse to start."""
    from playwright.sync_api import sync_playwright

    system.need("chromium")
    with sync_playwright() as started:
        yield started
