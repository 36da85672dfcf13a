"""The 79 architectures of the guide on the lesson's path, each built tiny from its own configuration: ``python tests/architectures.py TRACK FOLDER``.

A batch, one optimizer step that lowers the loss on it, saved as safetensors, loaded back with equal logits, a prediction. Run by
``tests/test_architectures.py`` with the Python of each track, PyTorch's first: it leaves its models in ``FOLDER``, and TensorFlow opens
them and compares its logits. Prints one line of JSON for each architecture. Where one wants something
that others do not, it stands in the tables below.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
WORDS, LENGTH = 120, 16  # size of the vocabulary, tokens of a text
SMALL = {
    "vocab_size": WORDS, "hidden_size": 32, "d_model": 32, "n_embd": 32, "dim": 32, "emb_dim": 32, "embedding_size": 32,
    "num_hidden_layers": 2, "n_layer": 2, "n_layers": 2, "num_layers": 2, "encoder_layers": 2, "decoder_layers": 2,
    "num_attention_heads": 4, "n_head": 4, "n_heads": 4, "num_heads": 4, "encoder_attention_heads": 4, "decoder_attention_heads": 4,
    "num_key_value_heads": 2, "intermediate_size": 64, "hidden_dim": 64, "encoder_ffn_dim": 64, "decoder_ffn_dim": 64, "d_ff": 64,
    "n_inner": 64, "d_inner": 64, "dff": 64, "d_kv": 8, "head_dim": 8, "d_head": 8, "max_position_embeddings": 64, "n_positions": 64,
    "n_ctx": 64, "max_seq_len": 64, "ffn_dim": 64, "word_embed_proj_dim": 32, "kv_channels": 8, "num_decoder_layers": 2,
    "pad_token_id": 1,
}  # fmt: skip
# What an architecture wants beside a small size; None takes a size out again.
SPECIAL = {
    "big_bird": {"attention_type": "original_full"},
    "bigbird_pegasus": {"attention_type": "original_full"},
    "canine": {"num_hash_functions": 4, "num_hash_buckets": 64, "downsampling_rate": 2, "local_transformer_stride": 8},
    "gpt_neo": {"attention_types": [[["global", "local"], 1]]},
    "led": {"attention_window": 4},
    "longformer": {"attention_window": 4},
    "reformer": {
        "attn_layers": ["local", "local"], "axial_pos_embds": False, "is_decoder": False, "local_attn_chunk_length": 8, "hidden_dropout_prob": 0.0, "local_attention_probs_dropout_prob": 0.0,
        "attention_head_size": 8, "feed_forward_size": 64, "num_buckets": 2,
    },
    "falcon": {"head_dim": None},
    "gptj": {"rotary_dim": 4},
    "t5": {"decoder_start_token_id": 0},
    "xlnet": {"max_position_embeddings": None},
    "funnel": {"num_hidden_layers": None, "block_sizes": [1, 1], "block_repeats": [1, 1]},
    "mobilebert": {"true_hidden_size": 32, "intra_bottleneck_size": 32, "embedding_size": 32},
    "mpt": {"max_seq_len": 64},
    "xmod": {"languages": ["en_XX"], "default_language": "en_XX"},
    "perceiver": {"num_latents": 8, "d_latents": 32, "num_self_attends_per_block": 1, "num_self_attention_heads": 4, "num_cross_attention_heads": 4},
    "layoutlmv3": {"coordinate_size": 6, "shape_size": 4, "input_size": 16, "patch_size": 8, "max_2d_position_embeddings": 64},
    "layoutlmv2": {"coordinate_size": 4, "shape_size": 4, "max_2d_position_embeddings": 64},
    "layoutlm": {"max_2d_position_embeddings": 64},
    "lilt": {"max_2d_position_embeddings": 64, "hidden_size": 48},
    "markuplm": {"max_depth": 4, "xpath_unit_hidden_size": 8},
    "tapas": {"type_vocab_sizes": [3, 8, 8, 2, 8, 8, 4]},
    "luke": {"entity_vocab_size": 10, "entity_emb_size": 8},
    "mra": {"block_per_row": 1, "num_block": 1},
    "nystromformer": {"segment_means_seq_len": LENGTH, "num_landmarks": LENGTH},
    "yoso": {"use_expectation": True},
    "esm": {"pad_token_id": 1, "mask_token_id": 2},
    "squeezebert": {"q_groups": 1, "k_groups": 1, "v_groups": 1, "post_attention_groups": 1, "intermediate_groups": 1, "output_groups": 1},
    "xlm": {"emb_dim": 32},
    "flaubert": {"emb_dim": 32},
    "transfo-xl": {"max_position_embeddings": None, "n_positions": None, "cutoffs": [10, 50], "d_embed": 32, "mem_len": 8},
    "mega": {"chunk_size": LENGTH, "ff_dim": 64},
    "convbert": {"conv_kernel_size": 3},
    "ernie_m": {},
}  # fmt: skip


DECODERS = (
    "biogpt", "bloom", "ctrl", "falcon", "gpt-sw3", "gpt2", "gpt_bigcode", "gpt_neo", "gpt_neox", "gptj", "llama", "mistral", "mixtral", "mpt",
    "openai-gpt", "opt", "persimmon", "phi", "qwen2",
)  # fmt: skip
SEQ2SEQ = ("bart", "bigbird_pegasus", "mbart", "mvp", "plbart", "t5", "mt5", "umt5")
# What an architecture eats, or wants set, beside the tokens of a text.
WANTS = (
    dict.fromkeys(DECODERS, "a pad token: `model.config.pad_token_id = tokenizer.pad_token_id`, since it answers at the last token that is none")
    | dict.fromkeys(SEQ2SEQ, "an end-of-sentence token in each text, as its tokenizer sets it: it answers there")
    | {
        "canine": "letters, not tokens: its tokenizer numbers Unicode characters",
        "layoutlm": "`bbox`: where each token stands on its page",
        "layoutlmv2": "`bbox`, an image of the page, and the library detectron2, which is on no package registry: not tried",
        "layoutlmv3": "`bbox`, and better an image of the page as `pixel_values`",
        "lilt": "`bbox`",
        "markuplm": "better, the tags that each token stands in: `xpath_tags_seq`, `xpath_subs_seq`",
        "perceiver": "bytes, not tokens: its input is called `inputs`",
        "tapas": "seven `token_type_ids` a token: its row, its column and more; its tokenizer takes a table",
        "xmod": "a language: `model.set_default_language(\"en_XX\")`",
        "reformer": "texts padded to a multiple of its chunk length; it trains in training mode alone",
        "big_bird": "texts longer than its blocks, or `attention_type=\"original_full\"`",
        "xlnet": "padding at the left, as its tokenizer does",
    }
)  # fmt: skip
# What the guide names and PyTorch's release has dropped: since when (found in the wheels), and what to use.
GONE = {
    "code_llama": ("5.6", "LLaMA: its checkpoints have that class"),
    "ernie_m": ("5.0", "XLM-RoBERTa"),
    "led": ("5.0", "Longformer, or BigBird-Pegasus; LED itself stays, without a classification head"),
    "mega": ("5.0", "Longformer"),
    "nezha": ("5.0", "BERT or ERNIE, in Chinese"),
    "open-llama": ("5.0", "LLaMA"),
    "qdqbert": ("5.0", "BERT, and the quantization of PyTorch"),
    "transfo-xl": ("5.0", "XLNet"),
}
NOT_HERE = {
    "pytorch": {"layoutlmv2": "not tried: needs detectron2"},
    # Its class writes a file that it does not read back whole; transformers has called the model outdated since 4.36.
    "tensorflow": {"transfo-xl": "trains, but a saved model gives other answers"},
}
PAGE = ROOT / "docs" / "architectures.md"


def configuration(key: str):
    """A tiny configuration with two labels."""
    from transformers import CONFIG_MAPPING

    kind = CONFIG_MAPPING[key]
    usual = kind()
    small = {name: value for name, value in SMALL.items() if hasattr(usual, name)}
    given = {name: value for name, value in (small | SPECIAL.get(key, {})).items() if value is not None}
    return kind(**given, id2label={0: "NO", 1: "YES"}, label2id={"NO": 0, "YES": 1})


def batch(key: str, config) -> dict:
    """Four texts as that architecture eats them, as numpy arrays; the last two are padded."""
    import numpy as np

    chance = np.random.default_rng(0)
    ids = chance.integers(5, WORDS, (4, LENGTH))
    mask = np.ones_like(ids)
    pad = getattr(config, "pad_token_id", None)
    ids[2:, -4:], mask[2:, -4:] = 1 if pad is None else pad, 0
    found = {"input_ids": ids, "attention_mask": mask}
    if key in ("layoutlm", "layoutlmv2", "layoutlmv3", "lilt"):  # where each word stands on its page
        found["bbox"] = np.tile(np.array([1, 2, 5, 8]), (4, LENGTH, 1))
    if key == "layoutlmv2":
        found["image"] = chance.random((4, 3, 224, 224)).astype("float32")
    if key == "layoutlmv3":
        found["pixel_values"] = chance.random((4, 3, 16, 16)).astype("float32")
    if key == "tapas":  # row, column and more of each token in its table
        found["token_type_ids"] = np.zeros((4, LENGTH, 7), dtype=ids.dtype)
    if key == "perceiver":  # bytes, not tokens
        found = {"inputs": ids, "attention_mask": mask}
    if key in ("transfo-xl",):
        del found["attention_mask"]
    if key in (
        "bart",
        "mbart",
        "mvp",
        "plbart",
        "led",
        "bigbird_pegasus",
        "t5",
        "mt5",
        "umt5",
    ):  # one end of the sentence each
        eos = config.eos_token_id
        ids[ids == eos] = 7
        ids[:2, -1] = eos
        ids[2:, -5] = eos
    return found


def in_pytorch(key: str, folder: Path) -> None:
    import numpy as np
    import torch
    from transformers import AutoModelForSequenceClassification

    torch.manual_seed(0)
    config = configuration(key)
    inputs = {name: torch.tensor(value) for name, value in batch(key, config).items()}
    labels = torch.tensor([0, 1, 0, 1])
    model = AutoModelForSequenceClassification.from_config(config).eval()  # eval: no dropout, so that a step must help
    if key == "reformer":  # it refuses a backward pass otherwise
        model.train()
    first = model(**inputs, labels=labels).loss
    first.backward()
    torch.optim.SGD(model.parameters(), lr=0.05).step()
    with torch.no_grad():
        torch.manual_seed(0)
        after = model(**inputs, labels=labels)
        if not after.loss < first:
            raise ValueError(f"a step does not lower the loss: {first.item():.4f}, {after.loss.item():.4f}")
        model.save_pretrained(folder)
        if not list(folder.glob("*.safetensors")):
            raise ValueError("no safetensors file was written")
        again = AutoModelForSequenceClassification.from_pretrained(folder, use_safetensors=True).eval()
        torch.manual_seed(0)
        logits = again(**inputs).logits
    np.save(folder / "logits.npy", logits.numpy())
    if key in DECODERS:
        again.config.pad_token_id = None
        with contextlib.suppress(ValueError), torch.no_grad():
            again(**inputs)
            raise RuntimeError("it answers without a pad token, and the table says that it does not")
    if logits.shape != (4, 2) or not torch.allclose(logits, after.logits, atol=1e-5):
        raise ValueError("loaded again, it gives other logits")
    if again.config.id2label[int(logits[0].argmax())] not in ("NO", "YES"):
        raise ValueError("its answer has no name")


def in_tensorflow(key: str, folder: Path) -> None:
    import numpy as np
    import tensorflow as tf
    import tf_keras as keras
    from transformers import TFAutoModelForSequenceClassification

    keras.utils.set_random_seed(0)
    config = configuration(key)
    inputs = {name: tf.constant(value) for name, value in batch(key, config).items()}
    labels = tf.constant([0, 1, 0, 1])
    model = TFAutoModelForSequenceClassification.from_config(config)
    with tf.GradientTape() as tape:
        first = tf.reduce_mean(model(inputs | {"labels": labels}, training=False).loss)
    weights = model.trainable_variables
    pairs = [
        (slope, weight)
        for slope, weight in zip(tape.gradient(first, weights), weights, strict=True)
        if slope is not None
    ]
    keras.optimizers.legacy.SGD(0.05).apply_gradients(pairs)
    after = model(inputs | {"labels": labels}, training=False)
    if not tf.reduce_mean(after.loss) < first:
        raise ValueError("a step does not lower the loss")
    model.save_pretrained(folder, safe_serialization=True)
    again = TFAutoModelForSequenceClassification.from_pretrained(folder, use_safetensors=True)
    logits = again(inputs, training=False).logits.numpy()
    if logits.shape != (4, 2) or not np.allclose(logits, after.logits.numpy(), atol=1e-5):
        raise ValueError("loaded again, it gives other logits")


def across(key: str, folder: Path) -> float:
    """The largest difference of a logit of PyTorch's model in ``folder``, opened here by TensorFlow."""
    import numpy as np
    import tensorflow as tf
    from transformers import TFAutoModelForSequenceClassification

    model = TFAutoModelForSequenceClassification.from_pretrained(folder, use_safetensors=True)
    inputs = {name: tf.constant(value) for name, value in batch(key, model.config).items()}
    return float(np.abs(model(inputs, training=False).logits.numpy() - np.load(folder / "logits.npy")).max())


def main(track: str, models: Path, only: list[str]) -> None:
    from helpers import architectures, process

    process.set_up(track)
    os.environ |= {
        "HF_HUB_OFFLINE": "1",
        "CUDA_VISIBLE_DEVICES": "",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_USE_LEGACY_KERAS": "1",
    }
    warnings.simplefilter("ignore")
    from transformers.utils import logging

    logging.set_verbosity_error()
    if track == "pytorch":
        from transformers.models.auto.modeling_auto import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES as classes
    else:
        from transformers.models.auto.modeling_tf_auto import (
            TF_MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES as classes,
        )
    take = in_pytorch if track == "pytorch" else in_tensorflow
    for key in only or architectures.GUIDE:
        row = {"key": key, "problem": "" if key in classes else "gone"}
        if not row["problem"]:
            with tempfile.TemporaryDirectory() as folder:
                place = models / key if track == "pytorch" else Path(folder)
                row["problem"] = _problem(lambda key=key, place=place: take(key, place))
        if track == "tensorflow" and not row["problem"] and (models / key / "logits.npy").exists():
            row["across"] = None
            row["across_problem"] = _problem(lambda row=row: row.update(across=across(row["key"], models / row["key"])))
        print(json.dumps(row), flush=True)


def _problem(check) -> str:
    try:
        check()
    except Exception as error:  # every architecture is looked at
        return f"{type(error).__name__}: {(str(error).strip().splitlines() or [''])[0]}"[:300]
    return ""


def rows(track: str, models: Path) -> list[dict]:
    """What the Python of a track says of all architectures."""
    from helpers import environments

    command = [environments.python(track), __file__, track, models]
    done = subprocess.run(
        command, capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"}, check=False
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def page(found: dict[str, list[dict]]) -> str:
    """``docs/architectures.md``, from the rows of both tracks."""
    from helpers.architectures import GUIDE

    def say(track: str, row: dict) -> str:
        if row["problem"] == "gone":
            return "no" if track == "tensorflow" or row["key"] not in GONE else f"no, since {GONE[row['key']][0]}"
        return NOT_HERE[track].get(row["key"], "yes")

    pairs = list(zip(found["pytorch"], found["tensorflow"], strict=True))
    lines = ["| architecture | PyTorch | TensorFlow | wants, beside a text |", "|---|---|---|---|"]
    for torchs, tfs in sorted(pairs, key=lambda pair: GUIDE[pair[0]["key"]].casefold()):
        key = torchs["key"]
        instead = f"instead: {GONE[key][1]}" if key in GONE else WANTS.get(key, "")
        lines.append(f"| {GUIDE[key]} | {say('pytorch', torchs)} | {say('tensorflow', tfs)} | {instead} |")
    counts = {track: sum(not row["problem"] for row in found[track]) for track in found}
    equal = sum(row.get("across") is not None for row in found["tensorflow"])
    return f"""# The 79 architectures of the guide

Made by `python tests/architectures.py page`; a test makes it anew and compares. Each architecture was built tiny, from its own
configuration, and took the path of lesson 01: a padded batch of four texts, one step of training that lowers the loss on it, a
safetensors file, loaded again with equal logits, an answer with its name. In PyTorch {counts["pytorch"]} took it, on the release of the pins,
in TensorFlow {counts["tensorflow"]}. {equal} models that PyTorch saved were opened by TensorFlow as they are, with logits equal to 1e-5.

To use one, set `checkpoint` in lesson 01 to a checkpoint of it on the Hub.

{chr(10).join(lines)}
"""


if __name__ == "__main__":
    if sys.argv[1:] == ["page"]:
        with tempfile.TemporaryDirectory() as kept:
            PAGE.write_text(page({track: rows(track, Path(kept)) for track in ("pytorch", "tensorflow")}))
        sys.exit()
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
