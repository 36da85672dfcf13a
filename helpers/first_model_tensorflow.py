"""Lesson 01's training in one call, for a learner who starts with lesson 02. Lesson 01 explains each step."""

from dataclasses import replace
from pathlib import Path

import tf_keras as keras
from transformers import (
    AutoTokenizer,
    DataCollatorWithPadding,
    TFAutoModelForSequenceClassification,
    create_optimizer,
)

from helpers import first_model, resume, resume_tensorflow, weights
from helpers.assets import Assets
from helpers.settings import Settings


def train(settings: Settings, source: Assets, reviews) -> Path:
    """Fine-tune the checkpoint as lesson 01 does; ``reviews`` has its train and test split. Returns the model's folder."""
    profile, folder = settings.profile, first_model.own_folder(settings)
    tokenizer = AutoTokenizer.from_pretrained(
        source.checkpoint, model_max_length=profile.max_tokens, truncation_side=profile.truncation_side
    )
    tokenized = reviews.map(lambda rows: tokenizer(rows["text"], truncation=True), batched=True)
    if settings.precision != "fp32":
        policies = {"bf16": "mixed_bfloat16", "fp16": "mixed_float16"}
        keras.mixed_precision.set_global_policy(policies[settings.precision])
    names = {"id2label": {0: "NEGATIVE", 1: "POSITIVE"}, "label2id": {"NEGATIVE": 0, "POSITIVE": 1}}
    model = TFAutoModelForSequenceClassification.from_pretrained(
        source.checkpoint, num_labels=2, **names, **source.options
    )
    if source.frozen_layers:
        encoder = getattr(model, model.base_model_prefix)
        for layer in [encoder.embeddings, *encoder.encoder.layer[: source.frozen_layers]]:
            layer.trainable = False
    collator = DataCollatorWithPadding(tokenizer, return_tensors="tf")
    train_set, test_set = (
        model.prepare_tf_dataset(tokenized[split], shuffle=split == "train", batch_size=16, collate_fn=collator)
        for split in ("train", "test")
    )
    steps = len(train_set) * settings.epochs
    optimizer, _ = create_optimizer(
        init_lr=source.learning_rate, num_warmup_steps=int(source.warmup_steps * steps), num_train_steps=steps
    )
    model.compile(optimizer=optimizer)
    there = replace(settings, output_dir=folder)
    backup, rest = resume_tensorflow.prepare(model, train_set, settings.epochs, there)
    model.fit(rest, epochs=settings.epochs, callbacks=[backup])
    predictions = model.predict(test_set).logits.argmax(-1)
    accuracy = float((predictions == tokenized["test"]["label"]).mean())
    with resume.saving(folder) as temporary:
        weights.save_for_both_tracks(model, temporary)
        tokenizer.save_pretrained(temporary)
    keras.mixed_precision.set_global_policy("float32")
    return first_model.keep(settings, source, folder, train_reviews=len(reviews["train"]), accuracy=accuracy)
