"""PyTorch Ignite: `WandBLogger` with handlers for metrics, learning rates and checkpoints."""

import torch
from ignite.engine import Events, create_supervised_evaluator, create_supervised_trainer
from ignite.handlers import ModelCheckpoint
from ignite.handlers.wandb_logger import WandBLogger
from ignite.metrics import MeanSquaredError


def main() -> None:
    torch.manual_seed(0)
    x = torch.randn(32, 2)
    data = [(part, part.sum(1, keepdim=True)) for part in x.split(8)]
    model = torch.nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    loss = torch.nn.MSELoss()
    trainer = create_supervised_trainer(model, optimizer, loss)
    evaluator = create_supervised_evaluator(model, {"mse": MeanSquaredError()})
    trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: evaluator.run(data))

    logger = WandBLogger(project="clients", name="ignite", config={"rate": 0.1})
    logger.watch(model, log="all", log_freq=2)
    logger.attach_output_handler(
        trainer,
        Events.ITERATION_COMPLETED(every=2),
        tag="train",
        output_transform=lambda value: {"loss": value},
    )
    logger.attach_output_handler(
        evaluator,
        Events.EPOCH_COMPLETED,
        tag="eval",
        metric_names=["mse"],
        global_step_transform=lambda *_: trainer.state.iteration,
    )
    logger.attach_opt_params_handler(
        trainer, Events.ITERATION_COMPLETED(every=2), optimizer=optimizer
    )
    checkpoints = ModelCheckpoint(logger.run.dir, "model", require_empty=False)
    trainer.add_event_handler(Events.COMPLETED, checkpoints, {"model": model})
    trainer.run(data, max_epochs=2)
    logger.close()


if __name__ == "__main__":
    main()
