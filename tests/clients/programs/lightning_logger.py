"""PyTorch Lightning: `WandbLogger` with hyperparameters, gradients, media and checkpoints."""

import numpy as np
import torch
from lightning import LightningModule, Trainer, seed_everything
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import WandbLogger
from torch.utils.data import DataLoader, TensorDataset


class Regression(LightningModule):
    """A line."""

    def __init__(self, rate: float = 0.1) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.layer = torch.nn.Linear(2, 1)

    def training_step(self, batch, _number):
        loss = torch.nn.functional.mse_loss(self.layer(batch[0]), batch[1])
        self.log("train/loss", loss)
        return loss

    def validation_step(self, batch, _number):
        self.log("val_loss", torch.nn.functional.mse_loss(self.layer(batch[0]), batch[1]))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=self.hparams["rate"])


def main() -> None:
    seed_everything(0)
    x = torch.randn(64, 2)
    data = DataLoader(TensorDataset(x, x.sum(1, keepdim=True)), batch_size=8)
    logger = WandbLogger(project="clients", name="lightning", log_model="all", tags=["small"])
    model = Regression()
    logger.watch(model, log="all", log_freq=4)
    trainer = Trainer(
        max_epochs=2,
        logger=logger,
        log_every_n_steps=2,
        accelerator="cpu",
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[ModelCheckpoint(monitor="val_loss", save_top_k=2)],
    )
    trainer.fit(model, data, data)
    logger.log_image("samples", [np.zeros((4, 4, 3), np.uint8)], caption=["black"])
    logger.log_table("rows", columns=["x", "y"], data=[[1, 2.0], [3, 4.0]])
    logger.log_text("texts", columns=["text"], data=[["hello"]])
    logger.finalize("success")
    assert logger.version == logger.experiment.id
    best = logger.use_artifact(f"model-{logger.version}:best", artifact_type="model")
    assert best.type == "model"


if __name__ == "__main__":
    main()
