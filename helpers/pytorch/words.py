"""The pushes of words in PyTorch."""

import torch

from helpers.words import STEPS, blank_id, by_word


def word_pushes(model, tokenizer, review: str) -> list[tuple[int, int, float]]:
    """What each word of ``review`` added to the logit of label 1 minus that of label 0, as ``(start, end, push)``.

    ``model`` is a sequence classifier with two labels, ``tokenizer`` a fast one. See ``helpers.words`` for the formula.
    """
    inputs = tokenizer(review, truncation=True, return_offsets_mapping=True, return_tensors="pt").to(model.device)
    offsets = inputs.pop("offset_mapping")[0].tolist()
    token_ids = inputs.pop("input_ids")
    special = torch.tensor([start == end for start, end in offsets], device=model.device)
    blank_ids = token_ids.where(special, torch.tensor(blank_id(tokenizer), device=model.device))
    embed = model.get_input_embeddings()
    vectors, blank = embed(token_ids).detach(), embed(blank_ids).detach()
    points = (torch.arange(STEPS, device=model.device, dtype=vectors.dtype) + 0.5) / STEPS
    way = (blank + points[:, None, None] * (vectors - blank)).requires_grad_()
    masks = {name: values.expand(STEPS, -1) for name, values in inputs.items()}
    logits = model(inputs_embeds=way, **masks).logits
    (gradient,) = torch.autograd.grad((logits[:, 1] - logits[:, 0]).sum(), way)
    return by_word(offsets, (gradient.mean(0) * (vectors - blank)[0]).sum(-1).tolist())
