"""PyTorch itself: `wandb.watch`, and `SummaryWriter` with ``sync_tensorboard=True``."""

import numpy as np
import tensorboardX
import torch
import wandb
from torch.utils.tensorboard import SummaryWriter


def main() -> None:
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.ReLU(), torch.nn.Linear(4, 1))
    second = torch.nn.Linear(2, 1)
    with wandb.init(project="clients", name="torch") as run:
        wandb.watch(model, torch.nn.functional.mse_loss, log="all", log_freq=2)
        run.watch(second, log_freq=1)
        x = torch.randn(8, 2)
        for step in range(4):
            (model(x) + second(x)).square().mean().backward()
            wandb.log({"step": step})
        wandb.unwatch(second)
        (model(x) + second(x)).square().mean().backward()
        wandb.log({"step": 4})
    assert not model._forward_hooks
    with wandb.init(project="clients", name="tensorboard", sync_tensorboard=True):
        writer = SummaryWriter("runs")
        for step in range(0, 30, 10):
            writer.add_scalar("loss", 1 / (step + 1), step)
        writer.add_histogram("weights", x, 20)
        writer.add_image("pixels", np.zeros((3, 4, 4)), 20)
        writer.add_text("note", "hello", 20)
    with (
        wandb.init(project="clients", name="tensorboardX", sync_tensorboard=True),
        tensorboardX.SummaryWriter("other/train") as other,
    ):
        for step in range(2):
            other.add_scalar("loss", 0.5, step)


if __name__ == "__main__":
    main()
