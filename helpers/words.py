"""Which words pushed a model to its answer: what both tracks share.

A push is gradient × input: how the difference of the two logits changes with a token's vector, times that vector. Above 0 the
token speaks for label 1, below for label 0. At the review itself a sure model hardly reacts to a small change, and the product
says little. So the gradient is averaged over points on the way from a review whose words are blanked out (``[MASK]``, or padding) to the
review, and the vector counts from there: integrated gradients, equation 3 of Sundararajan, Taly and Yan, *Axiomatic Attribution
for Deep Networks*, ICML 2017. With many points the pushes add up to what the words
changed in the difference of the logits; eight show which words matter, in under a second.
"""

STEPS = 8  # points on the way


def blank_id(tokenizer) -> int:
    """The number of the token that stands for an unknown word: ``[MASK]``, or the padding where a model has none."""
    return tokenizer.pad_token_id if tokenizer.mask_token_id is None else tokenizer.mask_token_id


def by_word(offsets, pushes) -> list[tuple[int, int, float]]:
    """Add up the pushes of the tokens that stand together without a space, such as ``"don", "'", "t"``.

    ``offsets`` are the ``(start, end)`` of the tokens in the text, ``pushes`` their numbers. Returns ``(start, end, push)``
    for each word; tokens without a place in the text, such as ``[CLS]``, are left out.
    """
    words: list[tuple[int, int, float]] = []
    for (start, end), push in zip(offsets, pushes, strict=True):
        if start == end:
            continue
        if words and words[-1][1] == start:
            first, _, before = words.pop()
            words.append((first, end, before + float(push)))
        else:
            words.append((start, end, float(push)))
    return words
