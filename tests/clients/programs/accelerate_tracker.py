"""Hugging Face accelerate: `Accelerator` with ``log_with="wandb"``."""

import numpy as np
import torch
from accelerate import Accelerator


def main() -> None:
    accelerator = Accelerator(cpu=True, log_with="wandb")
    accelerator.init_trackers(
        "clients", config={"rate": 0.1}, init_kwargs={"wandb": {"name": "accelerate"}}
    )
    model = torch.nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    model, optimizer = accelerator.prepare(model, optimizer)
    x = torch.randn(16, 2, generator=torch.Generator().manual_seed(0))
    for step in range(5):
        loss = ((model(x) - x.sum(1, keepdim=True)) ** 2).mean()
        accelerator.backward(loss)
        optimizer.step()
        optimizer.zero_grad()
        accelerator.log({"loss": loss.item()}, step=step)
    tracker = accelerator.get_tracker("wandb")
    tracker.log_images({"pixels": [np.zeros((4, 4, 3), np.uint8)] * 2}, step=5)
    tracker.log_table("rows", columns=["x"], data=[[1], [2]], step=5)
    assert tracker.tracker.name == "accelerate"
    accelerator.end_training()


if __name__ == "__main__":
    main()
