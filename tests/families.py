"""Tiny checkpoints of the families that a learner may name: a model of random weights, and a tokenizer trained on few reviews."""

import json
import os
import subprocess
from pathlib import Path

from helpers import environments

ROOT = Path(__file__).parents[1]
SIZE = 600
FAMILIES = ("bert", "distilbert", "roberta", "gpt2", "bart", "t5")


def tokenizer(family: str, texts: list[str]):
    """A fast tokenizer as the family has it: with [CLS] and [MASK], with neither, or with an end-of-sentence token."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    if family in ("bert", "distilbert"):
        made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
        made.normalizer, made.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
        special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        made.train_from_iterator(texts, trainers.WordPieceTrainer(vocab_size=SIZE, special_tokens=special))
        made.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
        )
        names = {
            "pad_token": "[PAD]",
            "unk_token": "[UNK]",
            "cls_token": "[CLS]",
            "sep_token": "[SEP]",
            "mask_token": "[MASK]",
        }
        inputs = ["input_ids", "attention_mask"] + (["token_type_ids"] if family == "bert" else [])
    else:
        made = Tokenizer(models.BPE(unk_token=None))
        made.pre_tokenizer, made.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
        special = {"gpt2": ["<|endoftext|>"], "t5": ["<pad>", "</s>", "<unk>"]}.get(
            family, ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
        )
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        made.train_from_iterator(
            texts, trainers.BpeTrainer(vocab_size=SIZE, special_tokens=special, initial_alphabet=alphabet)
        )
        if family == "gpt2":
            names = {"eos_token": "<|endoftext|>", "bos_token": "<|endoftext|>", "unk_token": "<|endoftext|>"}
        elif family == "t5":
            names = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
            made.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
        else:
            names = {
                "bos_token": "<s>", "cls_token": "<s>", "pad_token": "<pad>", "eos_token": "</s>", "sep_token": "</s>", "unk_token": "<unk>",
                "mask_token": "<mask>",
            }  # fmt: skip
            made.post_processor = processors.TemplateProcessing(
                single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
            )
        inputs = ["input_ids", "attention_mask"]
    return PreTrainedTokenizerFast(tokenizer_object=made, model_input_names=inputs, model_max_length=128, **names)


# What no tokenizer of the family says of itself.
STARTS = {"bart": {"decoder_start_token_id": 2}, "t5": {"decoder_start_token_id": 0}}
MODEL = """
import json, sys
sys.path.insert(0, sys.argv[1])
import architectures, torch
from transformers import AutoModel
family, folder, given = sys.argv[2], sys.argv[3], json.loads(sys.argv[4])
config = architectures.configuration(family)
for name, value in given.items():
    setattr(config, name, value)
torch.manual_seed(0)
AutoModel.from_config(config).save_pretrained(folder)
"""


def make(family: str, folder: Path) -> Path:
    """A checkpoint of a family in ``folder``: what somebody would have on disk or on the Hub."""
    from datasets import load_dataset

    from helpers import packages

    texts = load_dataset(str(packages.snippets_folder()), split="test[:500]")["text"]
    made = tokenizer(family, list(texts))
    made.save_pretrained(folder)
    # Transformers 5 notes a class that 4.52.4 does not know.
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"tokenizer_class": "PreTrainedTokenizerFast"}))
    special = {f"{name}_token_id": getattr(made, f"{name}_token_id") for name in ("pad", "bos", "eos")}
    given = {"vocab_size": len(made), "max_position_embeddings": 160, **special, **STARTS.get(family, {})}
    command = [environments.python("pytorch"), "-c", MODEL, Path(__file__).parent, family, folder, json.dumps(given)]
    subprocess.run(command, check=True, env=os.environ | {"HF_HUB_OFFLINE": "1"}, capture_output=True)
    return folder
