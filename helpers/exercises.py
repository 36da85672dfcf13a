"""Whether the answer to an exercise is right, and if not, what is off, without giving the answer away.

The exercises stand in the pages; each has a judge here: a function that takes the answer and returns a hint, or ``None`` if the
answer is right.
"""

import math
import warnings

import numpy as np

from helpers.errors import TutorialError

JUDGES = {}


class NotYet(TutorialError):
    """An exercise that is not solved yet."""


def check(number: str, answer) -> None:
    """Print that the answer to exercise ``number`` (such as ``"1.2"``) is right; raise ``NotYet`` with a hint if it is not."""
    if number not in JUDGES:
        raise TutorialError(f"There is no exercise {number}; there are {', '.join(JUDGES)}.")
    parts = answer if isinstance(answer, tuple) else (answer,)
    if any(part is ... for part in parts):
        raise NotYet(f"Exercise {number}: fill in the cell above and run it first.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            hint = JUDGES[number](answer)
    except NotYet as told:
        hint = str(told) or "fill in the cell above and run it first."
    except Exception as error:
        hint = f"your answer cannot be used ({type(error).__name__}: {error}); look at what the exercise asks for."
    if hint:
        raise NotYet(f"Exercise {number}: {hint}")
    print(f"Exercise {number}: right.")


def judge(number: str):
    """Make the function below the judge of exercise ``number``."""

    def register(function):
        JUDGES[number] = function
        return function

    return register


def called(function, *arguments):
    """What a learner's function returns; ``NotYet`` while it still returns the stub."""
    found = function(*arguments)
    if found is ...:
        raise NotYet
    return found


def pair(answer) -> tuple[float, float]:
    """Two numbers; ``NotYet`` with a hint if the answer is something else."""
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        raise NotYet("give a pair of numbers in round brackets.")
    return float(answer[0]), float(answer[1])


def nearly(answer, right: float) -> bool:
    """Whether a number is ``right``, as exactly as one writes numbers down: within half a percent."""
    return math.isclose(float(answer), right, rel_tol=0.005, abs_tol=1e-9)


@judge("1.1")
def _cut_the_start(answer):
    if not isinstance(answer, list) or not all(isinstance(token, str) for token in answer):
        return "the answer is a list of tokens, as .tokens() gives it."
    if len(answer) == 13:
        return "the sentence was not cut: a tokenizer cuts where truncation=True asks for it."
    if len(answer) != 8 or answer[0] != "[CLS]":
        return "eight tokens are to be kept, [CLS] and [SEP] among them."
    if answer[1] == "the" and answer[2] == "plot":
        return "this cuts the end of the sentence, and its start was to be cut."
    right = ["[CLS]", "but", "the", "acting", "is", "superb", ".", "[SEP]"]
    return None if answer == right else "these are other tokens; use the sentence as it is given."


@judge("1.2")
def _shape_of_a_batch(answer):
    if not isinstance(answer, tuple) or len(answer) != 2:
        return "write the shape as a tuple of two, in round brackets: (number of rows, number of columns)."
    rows, columns = answer
    if (rows, columns) == (8, 3):
        return "these are the right numbers the wrong way round: each text is a row."
    if rows != 3:
        return "each text is a row."
    if columns in (5, 6):
        return "[CLS] and [SEP] count as well, and so does the full stop."
    if columns == 7:
        return "one token is missing; let tokenizer(text).tokens() show them."
    return None if columns == 8 else "all rows are as long as the longest text has tokens."


@judge("1.3")
def _f1(function):
    said, labels = np.array([1, 1, 1, 0, 0, 0, 0]), np.array([1, 0, 0, 0, 0, 0, 1])  # precision 1/3, recall 1/2
    logits = np.eye(2)[said]
    try:
        found = called(function, (logits, labels))
    except ValueError as error:
        return f"it fails ({error}); take the place of the larger logit of each row first: argmax along axis 1."
    if isinstance(found, dict) and found.get("f1") is ...:
        raise NotYet
    if not isinstance(found, dict) or "f1" not in found:
        return 'return a dictionary with the entry "f1", as compute_metrics returns one with "accuracy".'
    if nearly(found["f1"], 0.4):
        none = called(function, (np.array([[1.0, 0.0]]), np.array([0])))
        return None if nearly(none["f1"], 0) else "where no review has label 1 and none is called 1, F1 counts as 0."
    for value, hint in (
        (4 / 7, "this is the accuracy."),
        (1 / 3, "this is the precision; F1 takes the recall into account too."),
        (1 / 2, "this is the recall; F1 takes the precision into account too."),
        ((2 * 0.4 + 5 * 2 / 3) / 7, "this is a mean over both labels; F1 of label 1 alone is asked for."),
        ((0.4 + 2 / 3) / 2, "this is the mean over both labels; F1 of label 1 alone is asked for."),
    ):
        if nearly(found["f1"], value):
            return hint
    return "the value is not that of F1 for label 1; take the larger logit of each row (axis 1) first."


@judge("1.4")
def _diverging_rate(answer):
    if answer in (1, 1.0):
        return "at this rate w jumps from one side to the other and back; it does not grow yet."
    if not isinstance(answer, int | float) or not 0 < answer < 100:
        return "the answer is a learning rate, a number above 0."
    if answer < 1:
        return "at this rate w comes nearer to 0; look at its last values."
    if nearly(answer, 1.1):
        return None
    return "it diverges here; go through 0.1, 0.2, 0.3 and so on, and take the first at which it does."


@judge("1.5")
def _weights_of_the_head(answer):
    widths = (384, 768)  # MiniLM's and DistilBERT's
    if answer in {(width * width + width) + 2 * (width + 1) for width in widths}:
        return None
    if answer in {2 * (width + 1) for width in widths}:
        return "this is the last matrix alone; the matrix before it belongs to no frozen layer either."
    if isinstance(answer, int) and answer > 20_000_000:
        return (
            "this is the whole model, or what is frozen; count what is left when embeddings and layers are taken out."
        )
    if answer in (2, 4):
        return "these are as many arrays; add up the numbers in them."
    return "this is not what stays to be trained when the embeddings and all layers are frozen."


@judge("1.6")
def _three_labels(answer):
    classifier, mail = answer
    names = classifier.model.config.id2label
    if len(names) != 3:
        return f"the model has {len(names)} labels; num_labels sets how many."
    if names != {0: "QUESTION", 1: "PRAISE", 2: "COMPLAINT"}:
        return f"the labels are called {', '.join(names.values())}; id2label names them, in the order of the numbers."
    right = sum(
        one["label"] == names[label] for one, label in zip(classifier(list(mail["text"])), mail["label"], strict=True)
    )
    return None if right >= 9 else f"the model knows {right} of the twelve; train it, and give it enough steps."


@judge("2.1")
def _calibration_error(answer):
    if nearly(answer, 0.1):
        return None
    if nearly(answer, -0.1):
        return "the distance has no sign."
    if nearly(answer, 0.9) or nearly(answer, 0.8):
        return "this is one of the two; the error is their distance."
    if nearly(answer, 0.26):
        return "the distance is taken for the range as a whole, not for each answer."
    return "take the distance between the confidence and the share that is right."


@judge("2.2")
def _neither(answer):
    neither, praise, blame = (np.asarray(part, bool) for part in answer)
    if neither.shape != praise.shape:
        return "mark each review with True or False."
    if (neither == ~(praise | blame)).all():
        return None
    if (neither == ~(praise & blame)).all():
        return "this also marks reviews that have one of the two."
    if (neither == (praise | blame)).all():
        return "these are the others: turn it round."
    return "a review belongs to it if it has no praise and no blame."


@judge("2.3")
def _leave_one_out(answer):
    word, sentence, classifier = answer
    words = sentence.split()
    if word not in words:
        return f"the answer is one of the words, as they stand in the sentence: {', '.join(words)}."
    left_out = [" ".join(words[:place] + words[place + 1 :]) for place in range(len(words))]
    scores = [{one["label"]: one["score"] for one in classifier(text, top_k=None)} for text in [sentence, *left_out]]
    label = classifier.model.config.id2label[1]
    changes = np.array([abs(score[label] - scores[0][label]) for score in scores[1:]])
    if max(changes[[one == word for one in words]]) >= changes.max() - 1e-4:  # a word may be there twice
        return None
    return (
        "without another word the probability changes more; compare the size of the change of the same label's probability, "
        "in both directions."
    )


@judge("2.4")
def _five_that_fool(answer):
    pairs, classifier = answer
    if not all(isinstance(pair, tuple | list) and len(pair) == 2 for pair in pairs):
        return 'each of the five is a pair: (the sentence, "POSITIVE" or "NEGATIVE").'
    if len({text for text, _ in pairs}) < 5:
        return f"five different sentences are asked for, and here are {len({text for text, _ in pairs})}."
    names = set(classifier.model.config.id2label.values())
    if wrong := [label for _, label in pairs if label not in names]:
        return f"{wrong[0]!r} is no label; take one of {', '.join(sorted(names))}."
    if short := [text for text, _ in pairs if len(text.split()) < 3]:
        return f"{short[0]!r} is no sentence; take at least three words."
    right = [text for text, label in pairs if classifier(text, truncation=True)[0]["label"] == label]
    return f"the model gets {len(right)} of them right, for instance {right[0]!r}." if right else None


@judge("3.1")
def _shape_of_shares(answer):
    if answer == (7, 7):
        return "so it would be with one head."
    if isinstance(answer, tuple) and len(answer) == 4:
        return (
            "the model puts a number of sentences in front; here it is one sentence, and its shares have three numbers."
        )
    if isinstance(answer, tuple) and 9 in answer:
        return "the 7 tokens are all there are, the special ones included."
    if isinstance(answer, tuple) and {768, 64} & {*answer}:
        return "the width takes part in the products, but not in their shape: there is a share for each pair of tokens."
    if isinstance(answer, tuple) and sorted(answer) == [7, 7, 12]:
        return None if answer == (12, 7, 7) else "the numbers are right; the heads come first."
    return "there is a share for each pair of tokens, in each head."


@judge("3.2")
def _unscaled(function):
    queries, keys = np.random.default_rng(1).normal(size=(2, 5, 16))
    products = queries @ keys.T
    try:
        found = np.asarray(called(function, queries, keys), float)
    except ValueError as error:
        return f"it fails ({error}); the keys have to be turned over (.T), so that each query meets each key."

    def shares(scores, axis=-1):
        powers = np.exp(scores - scores.max(axis=axis, keepdims=True))
        return powers / powers.sum(axis=axis, keepdims=True)

    for value, hint in (
        (shares(products / 4), "this is still divided by the square root of the width."),
        (products, "these are the products; softmax makes shares of them."),
        (shares(products, axis=0), "the shares of one token, a row, must add up to 1."),
        (
            shares(products, axis=None),
            "the shares of one token, a row, must add up to 1, and here all of them together do.",
        ),
    ):
        if found.shape == value.shape and np.allclose(found, value):
            return hint
    if found.shape != products.shape:
        return "the result has a row for each query and a column for each key."
    return None if np.allclose(found, shares(products)) else "these are not the shares of queries and keys."


@judge("3.3")
def _weights_of_a_layer(answer):
    d, f = 384, 1536
    vectors, norms = 4 * d + f + d, 4 * d
    matrices = 4 * d * d + 2 * d * f
    for value, hint in (
        (matrices, "these are the matrices alone."),
        (matrices + vectors, "the layer normalisations are missing: each has two numbers for each place of a vector."),
        (matrices + norms, "the vectors beside the matrices are missing."),
        (
            matrices + 4 * d + 2 * f + norms,
            "the vector beside the second matrix of the feed-forward part has d places.",
        ),
        (matrices + 6 * d + norms, "one vector is longer: that of the first matrix of the feed-forward part."),
        (matrices + vectors + norms // 2, "there are two layer normalisations, each with two vectors."),
        (matrices + vectors + norms - d * d, "attention has four matrices: do not forget the one for the mixture."),
    ):
        if answer == value:
            return hint
    return (
        None if answer == matrices + vectors + norms else "count matrices, the vectors beside them, and normalisations."
    )


@judge("3.4")
def _first_loss(answer):
    for value, hint in (
        (math.log(2), "this is the loss with two labels."),
        (0.2, "this is the probability; the loss is minus its logarithm."),
        (-math.log(5), "a loss is not below 0: mind the sign."),
        (math.log2(5), "take the natural logarithm."),
        (math.log10(5), "take the natural logarithm."),
    ):
        if nearly(answer, value):
            return hint
    if 1.595 < float(answer) < 1.605:
        return "this is nearly right; give it with two decimals or more."
    return (
        None
        if nearly(answer, math.log(5))
        else "a model that knows nothing gives each of the labels the same probability."
    )


@judge("4.1")
def _always_no(answer):
    accuracy, f1 = pair(answer)
    if nearly(accuracy, 0) and nearly(f1, 0.9):
        return "these are the right numbers the wrong way round: accuracy comes first."
    if nearly(accuracy, 90):
        return "give shares from 0 to 1."
    if not nearly(accuracy, 0.9):
        return "of 1,000 texts, count those where the model is right."
    return None if nearly(f1, 0) else "the accuracy is right; count how many of the 100 the model finds."


@judge("4.2")
def _cheapest_threshold(function):
    labels = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0], bool)
    scores = np.array([0.9, 0.8, 0.5, 0.3, 0.8, 0.6, 0.5, 0.2, 0.1, 0.1])
    thresholds = np.array([0.05, 0.3, 0.5, 0.55, 0.7, 0.8, 0.85, 0.95])
    right, swapped, strict, found = [], [], [], []
    for missed, alarm in ((1, 5), (5, 1), (1, 1)):
        for rule, values, costs in (
            (np.greater_equal, right, (missed, alarm)),
            (np.greater_equal, swapped, (alarm, missed)),
            (np.greater, strict, (missed, alarm)),
        ):
            totals = [
                costs[0] * (labels & ~rule(scores, one)).sum() + costs[1] * (~labels & rule(scores, one)).sum()
                for one in thresholds
            ]
            values.append(thresholds[int(np.argmin(totals))])
        found.append(float(called(function, labels, scores, missed, alarm, thresholds)))
    for values, hint in (
        (right, None),
        (swapped, "the two costs have changed places."),
        (strict, "a text with a score as large as the threshold counts as found."),
    ):
        if np.allclose(found, values):
            return hint
    if not all(np.isclose(one, thresholds).any() for one in found):
        return "give one of the thresholds, not its place in the list and not its cost."
    return "for each threshold, add up the cost of what is missed and of the false alarms, and take the first of the cheapest."


@judge("4.3")
def _two_means(answer):
    macro, weighted = pair(answer)
    if nearly(macro, 0.825) and nearly(weighted, 0.6):
        return "these are the right numbers the wrong way round."
    if not nearly(macro, 0.6):
        return "macro F1 counts each label once, however rare it is."
    return None if nearly(weighted, 0.825) else "weighted F1 counts each label by its number of texts."


@judge("4.4")
def _which_labels(answer):
    if isinstance(answer, str) or not all(isinstance(name, str) for name in answer):
        return "give a list of names."
    if set(answer) == {"price"}:
        return "0.5 is a probability, and the labels do not compete; work out which probability the sigmoid makes of a logit of 0."
    if set(answer) == {"price", "delivery", "staff", "website"}:
        return "not all of them: a logit below 0 gives a probability below 0.5."
    return (
        None
        if set(answer) == {"price", "staff"}
        else "turn each logit into a probability with the sigmoid, and compare it with 0.5."
    )


@judge("5.1")
def _steps_of_eight(answer):
    hints = {
        320: "this is what one process alone would make; eight take 16 reviews each.",
        160: "one epoch of one process; there are eight of them, and two epochs.",
        20: "there are two epochs.",
    }
    if answer in (2.5, 5):
        return "do not divide the steps among the processes once more: all make each step together."
    otherwise = "find out first how many reviews all eight take together for a step."
    return None if nearly(answer, 40) else hints.get(answer, otherwise)


@judge("5.2")
def _cost_of_a_breakdown(answer):
    for value, hint in (
        (92, "that is the steps that are done again; the start takes time, too."),
        (60, "the start is in it; the steps since the last training state are done again, too."),
        (1730 * 0.4 + 60, "it need not begin at step 0: there are training states."),
        (290, "that counts the steps that are done again as seconds; each takes 0.4."),
    ):
        if nearly(answer, value):
            return hint
    if nearly(answer, 108) or nearly(answer, 168):
        return "the last training state is the one of step 1,500; a run cannot go on from one that was never saved."
    return None if nearly(answer, 152) else "add the time of the steps that are done again to that of the start."


@judge("5.3")
def _reviews_to_pay(answer):
    if answer == 126:
        return "with 126 sending still takes a little longer; round up."
    if isinstance(answer, float) and 126 < answer < 127:
        return "there are no parts of reviews; round up."
    if nearly(answer, 16 / 7.91):
        return "this is the wrong way round: the step has to become longer, so it needs more reviews."
    if nearly(answer, 127 * 64):
        return "that is what all of them take together; each is asked for."
    return None if answer == 127 else "find out by how many times sending takes longer than computing 16 reviews."
