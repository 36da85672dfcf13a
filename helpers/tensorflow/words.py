"""The pushes of words in TensorFlow."""

import tensorflow as tf

from helpers.words import STEPS, blank_id, by_word


def word_pushes(model, tokenizer, review: str) -> list[tuple[int, int, float]]:
    """What each word of ``review`` added to the logit of label 1 minus that of label 0, as ``(start, end, push)``.

    ``model`` is a sequence classifier with two labels, ``tokenizer`` a fast one. See ``helpers.words`` for the formula.
    """
    inputs = tokenizer(review, truncation=True, return_offsets_mapping=True, return_tensors="tf")
    offsets = inputs.pop("offset_mapping")[0].numpy().tolist()
    token_ids = inputs.pop("input_ids")
    special = tf.constant([start == end for start, end in offsets])
    blank_ids = tf.where(special, token_ids, blank_id(tokenizer))
    table = model.get_input_embeddings().weights[0]
    vectors, blank = tf.gather(table, token_ids), tf.gather(table, blank_ids)
    points = (tf.range(STEPS, dtype=vectors.dtype) + 0.5) / STEPS
    way = blank + points[:, None, None] * (vectors - blank)
    masks = {name: tf.repeat(values, STEPS, axis=0) for name, values in inputs.items()}
    with tf.GradientTape() as tape:
        tape.watch(way)
        logits = model({"inputs_embeds": way, **masks}).logits
        difference = logits[:, 1] - logits[:, 0]
    gradient = tape.gradient(difference, way)
    return by_word(offsets, tf.reduce_sum(tf.reduce_mean(gradient, 0) * (vectors - blank)[0], -1).numpy().tolist())
