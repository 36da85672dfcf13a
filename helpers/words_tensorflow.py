"""Gradient × input in TensorFlow."""

import tensorflow as tf

from helpers.words import by_word


def word_pushes(model, tokenizer, review: str) -> list[tuple[int, int, float]]:
    """What each word of ``review`` added to the logit of label 1 minus that of label 0, as ``(start, end, push)``.

    ``model`` is a sequence classifier with two labels, ``tokenizer`` a fast one. See ``helpers.words`` for the formula.
    """
    inputs = tokenizer(review, truncation=True, return_offsets_mapping=True, return_tensors="tf")
    offsets = inputs.pop("offset_mapping")[0].numpy().tolist()
    vectors = tf.gather(model.get_input_embeddings().weight, inputs.pop("input_ids"))
    with tf.GradientTape() as tape:
        tape.watch(vectors)
        logits = model({"inputs_embeds": vectors, **inputs}).logits[0]
        difference = logits[1] - logits[0]
    gradient = tape.gradient(difference, vectors)
    return by_word(offsets, tf.reduce_sum(gradient * vectors, -1)[0].numpy().tolist())
