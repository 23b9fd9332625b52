"""PyTorch Lightning: `WandbLogger` in the processes that a strategy spawns, and after them."""

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.loggers import WandbLogger
from torch.utils.data import DataLoader, TensorDataset


class Shrinking(LightningModule):
    """A line that becomes flat."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(2, 1)

    def training_step(self, batch, _number):
        loss = self.layer(batch[0]).square().mean()
        self.log("loss", loss)
        return loss

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


def main() -> None:
    logger = WandbLogger(project="clients", name="lightning-spawn")
    logger.experiment.config["rate"] = 0.1
    trainer = Trainer(
        max_epochs=1,
        logger=logger,
        log_every_n_steps=1,
        accelerator="cpu",
        devices=2,
        strategy="ddp_spawn",
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(Shrinking(), DataLoader(TensorDataset(torch.randn(16, 2)), batch_size=4))
    logger.experiment.log({"after": 1})


if __name__ == "__main__":
    main()
