"""Whether a checkpoint of one's own can take the lessons' path: said in one sentence, before anything is trained."""

from pathlib import Path

from helpers.environments import NAMES, versions
from helpers.errors import TutorialError

# What suits the embedded checkpoint alone, by the names of the lessons; another one gets the guide's values.
SUITS_ONE = ("learning_rate", "warmup_ratio", "frozen_layers", "config_changes")
# What reads more than a text; see docs/architectures.md.
NOT_FROM_TEXT = {
    "tapas": "reads tables", "layoutlmv2": "reads pages with an image", "perceiver": "reads bytes under another name",
    "reformer": "needs texts padded to a multiple of its chunks", "canine": "reads letters, which have no tokens to show",
}  # fmt: skip
WORDS = "02_error_analysis"  # the lesson that asks which words pushed an answer


def check(checkpoint: str, track: str, lesson: str) -> None:
    """Raise ``TutorialError`` if ``checkpoint``, a folder or an id of the Hub, cannot be fine-tuned by the lessons of ``track``.

    Looks at its configuration, its files and its tokenizer; no weight is read.
    """
    from transformers import AutoConfig, AutoTokenizer

    folder, release = Path(checkpoint), versions(track)["transformers"]
    try:
        config = AutoConfig.from_pretrained(checkpoint)
    except (OSError, ValueError, KeyError) as error:
        raise TutorialError(
            f"{checkpoint} is no checkpoint that transformers {release} knows ({_first_line(error)}); name a folder that holds one, or an id of the Hub."
        ) from None
    kind = config.model_type
    if kind not in _classes(track):
        raise TutorialError(
            f"A {kind} model has no class for this task in {NAMES[track]} with transformers {release}; docs/architectures.md has those that do."
        )
    if kind in NOT_FROM_TEXT:
        raise TutorialError(
            f"A {kind} model {NOT_FROM_TEXT[kind]}, and the lessons have texts alone; take another checkpoint."
        )
    if folder.is_dir() and not list(folder.glob("*.safetensors")):
        raise TutorialError(
            f"{checkpoint} holds no safetensors file, and no other is opened here, because it could run code."
        )
    try:
        tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    except (OSError, ValueError, KeyError, ImportError, TypeError) as error:
        raise TutorialError(
            f"The tokenizer of {checkpoint} cannot be opened ({_first_line(error)}); its files belong beside the model's."
        ) from None
    if len(tokenizer) < 50:  # transformers makes an empty one where its files are missing
        raise TutorialError(
            f"The tokenizer of {checkpoint} knows {len(tokenizer)} tokens; its files belong beside the model's."
        )
    if not tokenizer.is_fast:
        raise TutorialError(
            f"The tokenizer of {checkpoint} does not say where in a text its tokens stand, which the panels need; take a checkpoint with a tokenizer.json."
        )
    if tokenizer.pad_token is None and tokenizer.eos_token is None:
        raise TutorialError(f"The tokenizer of {checkpoint} has no token to pad with; set one, and save it again.")
    if lesson == WORDS and config.is_encoder_decoder:
        raise TutorialError(
            f"A {kind} model takes no vectors in place of tokens, which this lesson asks it for; lesson 01 runs with it."
        )


def _classes(track: str):
    if track == "pytorch":
        from transformers.models.auto.modeling_auto import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES as classes
    else:
        from transformers.models.auto.modeling_tf_auto import (
            TF_MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES as classes,
        )
    return classes


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or ["no reason given"])[0][:160]
