"""Gradient × input in PyTorch."""

import torch

from helpers.words import by_word


def word_pushes(model, tokenizer, review: str) -> list[tuple[int, int, float]]:
    """What each word of ``review`` added to the logit of label 1 minus that of label 0, as ``(start, end, push)``.

    ``model`` is a sequence classifier with two labels, ``tokenizer`` a fast one. See ``helpers.words`` for the formula.
    """
    inputs = tokenizer(review, truncation=True, return_offsets_mapping=True, return_tensors="pt").to(model.device)
    offsets = inputs.pop("offset_mapping")[0].tolist()
    vectors = model.get_input_embeddings()(inputs.pop("input_ids")).detach().requires_grad_()
    logits = model(inputs_embeds=vectors, **inputs).logits[0]
    (gradient,) = torch.autograd.grad(logits[1] - logits[0], vectors)
    return by_word(offsets, (gradient * vectors).sum(-1)[0].tolist())
