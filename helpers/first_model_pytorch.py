"""Lesson 01's training in one call, for a learner who starts with lesson 02. Lesson 01 explains each step."""

from pathlib import Path

import numpy as np
from transformers import AutoModelForSequenceClassification, AutoTokenizer, Trainer, TrainingArguments

from helpers import first_model, resume, resume_pytorch
from helpers.assets import Assets
from helpers.settings import Settings


def train(settings: Settings, source: Assets, reviews) -> Path:
    """Fine-tune the checkpoint as lesson 01 does; ``reviews`` has its train and test split. Returns the model's folder."""
    profile, folder = settings.profile, first_model.own_folder(settings)
    tokenizer = AutoTokenizer.from_pretrained(
        source.checkpoint, model_max_length=profile.max_tokens, truncation_side=profile.truncation_side
    )
    tokenized = reviews.map(lambda rows: tokenizer(rows["text"], truncation=True), batched=True)
    names = {"id2label": {0: "NEGATIVE", 1: "POSITIVE"}, "label2id": {"NEGATIVE": 0, "POSITIVE": 1}}
    model = AutoModelForSequenceClassification.from_pretrained(
        source.checkpoint, num_labels=2, **names, **source.options
    )
    if source.frozen_layers:
        model.base_model.embeddings.requires_grad_(False)
        model.base_model.encoder.layer[: source.frozen_layers].requires_grad_(False)
    trainer = Trainer(
        model=model,
        args=TrainingArguments(
            output_dir=str(folder),
            learning_rate=source.learning_rate,
            per_device_train_batch_size=16,
            per_device_eval_batch_size=16,
            num_train_epochs=settings.epochs,
            weight_decay=0.01,
            eval_strategy="epoch",
            save_strategy="epoch",
            load_best_model_at_end=True,
            save_total_limit=1,
            metric_for_best_model="accuracy",
            warmup_steps=source.warmup_steps,
            seed=settings.seed,
            use_cpu=settings.device == "cpu",
            bf16=settings.precision == "bf16",
            fp16=settings.precision == "fp16",
            dataloader_pin_memory=settings.device == "gpu",
            logging_steps=profile.logging_steps,
            train_sampling_strategy="group_by_length",
        ),
        train_dataset=tokenized["train"],
        eval_dataset=tokenized["test"],
        processing_class=tokenizer,
        compute_metrics=lambda output: {"accuracy": np.mean(output.predictions.argmax(-1) == output.label_ids)},
    )
    trainer.train(resume_from_checkpoint=resume_pytorch.prepare(trainer, settings))
    accuracy = trainer.state.best_metric
    with resume.saving(folder) as temporary:
        trainer.save_model(temporary)
    return first_model.keep(settings, source, folder, train_reviews=len(reviews["train"]), accuracy=accuracy)
