"""Sentence Transformers: its trainer with ``report_to="wandb"``."""

from pathlib import Path

from datasets import Dataset
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
    losses,
)
from sentence_transformers.models import Pooling, Transformer
from transformers import BertConfig, BertModel, BertTokenizerFast

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "red", "green", "blue", "sky", "grass"]


def build() -> SentenceTransformer:
    folder = Path("tiny")
    folder.mkdir()
    Path(folder, "vocab.txt").write_text("\n".join(WORDS))
    BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(WORDS), hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=8, max_position_embeddings=16,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)
    layer = Transformer(str(folder))
    return SentenceTransformer(modules=[layer, Pooling(8)], device="cpu")


def main() -> None:
    model = build()
    data = Dataset.from_dict({"anchor": ["blue sky", "red"] * 8, "positive": ["sky", "grass"] * 8})
    arguments = SentenceTransformerTrainingArguments(
        output_dir="out", run_name="sentence-transformers", report_to="wandb", num_train_epochs=1,
        per_device_train_batch_size=4, logging_steps=1, save_strategy="no", use_cpu=True,
        disable_tqdm=True,
    )  # fmt: skip
    loss = losses.MultipleNegativesRankingLoss(model)
    SentenceTransformerTrainer(model, arguments, train_dataset=data, loss=loss).train()


if __name__ == "__main__":
    main()
