"""Hugging Face transformers: `Trainer` with ``report_to="wandb"``, and models."""

import sys

import torch
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments


class Sentences(torch.utils.data.Dataset):
    """Sentences of numbers; what counts is the first one."""

    def __len__(self):
        return 16

    def __getitem__(self, number):
        tokens = torch.arange(number, number + 8) % 20
        return {"input_ids": tokens, "labels": int(tokens[0] > 9)}


def main() -> None:
    config = BertConfig(
        vocab_size=20,
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=8,
        max_position_embeddings=8,
    )
    arguments = TrainingArguments(
        output_dir="out",
        run_name="transformers",
        report_to="wandb",
        num_train_epochs=2,
        per_device_train_batch_size=4,
        logging_steps=2,
        eval_strategy="epoch",
        save_strategy="epoch",
        use_cpu=True,
        disable_tqdm=True,
    )
    model = BertForSequenceClassification(config)
    trainer = Trainer(model, arguments, train_dataset=Sentences(), eval_dataset=Sentences())
    trainer.train()
    assert "wandb" not in sys.modules["transformers"].__dict__


if __name__ == "__main__":
    main()
