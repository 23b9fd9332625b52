"""A training script as one writes it for W&B; only its import of `wandb` is another one.

It tells two clouds of points apart with logistic regression, in plain Python. With `import wandb`
instead, it runs with the original, also with WANDB_MODE=offline.
"""

import csv
import json
import math
import random
from pathlib import Path

import artifacts as wandb

PROJECT = "clouds"

Point = tuple[float, float, int]


def main() -> None:
    prepare()
    run_id = train()
    evaluate(run_id)


def prepare() -> None:
    """Make the points and log them."""
    dice = random.Random(0)
    labels = [number % 2 for number in range(240)]
    points = [(dice.gauss(2 * label, 1), dice.gauss(label, 1), label) for label in labels]
    write(Path("points/train.csv"), points[:160])
    write(Path("points/test.csv"), points[160:])

    with wandb.init(project=PROJECT, job_type="prepare", tags=["example"]) as run:
        dataset = wandb.Artifact(
            "points", type="dataset", description="Two clouds", metadata={"points": len(points)}
        )
        dataset.add_dir("points")
        run.log_artifact(dataset, aliases=["latest", "first"])


def train() -> str:
    """Fit the weights, with everything logged on the way; return the id of the run."""
    run = wandb.init(
        project=PROJECT,
        group="example",
        job_type="train",
        name="plain-python",
        tags=["example", "baseline"],
        notes="Logistic regression without a library",
        config={"learning_rate": 0.05, "epochs": 12},
    )
    wandb.config.update({"batch": {"size": 16}})
    wandb.config.goal = 0.9
    wandb.define_metric("epoch")
    wandb.define_metric("val/*", step_metric="epoch", summary="min,max")

    # Artifacts can be read where there is a server; the original has none when it is offline.
    folder = Path("points") if run.offline else Path(run.use_artifact("points:latest").download())
    train_points, test_points = read(folder / "train.csv"), read(folder / "test.csv")

    weights = [0.0, 0.0, 0.0]
    best = 0.0
    checkpoint = Path("checkpoints/weights.json")
    checkpoint.parent.mkdir(exist_ok=True)
    size = run.config["batch"]["size"]
    for epoch in range(wandb.config.epochs):
        for start in range(0, len(train_points), size):
            batch = train_points[start : start + size]
            step(weights, batch, wandb.config.learning_rate)
            wandb.log({"loss": loss(weights, batch), "epoch": epoch})

        accuracy = share_of_hits(weights, test_points)
        wandb.log({"epoch": epoch}, commit=False)
        wandb.log({"val/loss": loss(weights, test_points)}, commit=False)
        wandb.log({"val/accuracy": accuracy, "weights": {"x": weights[0], "y": weights[1]}})
        if accuracy < wandb.config.goal:
            wandb.alert(
                title="Below the goal",
                text=f"{accuracy:.3f} in epoch {epoch}",
                level=wandb.AlertLevel.WARN,
                wait_duration=300,
            )
        if accuracy > best:
            best = accuracy
            run.summary["best_accuracy"] = accuracy
            wandb.summary["best"] = {"epoch": epoch}
            checkpoint.write_text(json.dumps(weights))
            wandb.save("checkpoints/*.json", base_path=".", policy="end")

    Path(run.dir, "notes.txt").write_text("written into the folder of the run")
    model = wandb.Artifact("line", type="model", metadata={"accuracy": best})
    model.add_file(str(checkpoint), name="weights.json")
    run.log_artifact(model, aliases=["best"])
    run_id = run.id
    wandb.finish()
    return run_id


def evaluate(run_id: str) -> None:
    """Log what the model says of the test points, and go on with the run that trained it."""
    with wandb.init(project=PROJECT, group="example", job_type="evaluate") as run:
        if run.offline:
            points, weights = Path("points"), Path("checkpoints/weights.json")
        else:
            points = Path(run.use_artifact("points:first", type="dataset").download())
            model = run.use_artifact("line:best", type="model")
            weights = Path(model.get_entry("weights.json").download())
            run.link_artifact(model, f"{PROJECT}/approved", aliases=["candidate"])
        fitted = json.loads(weights.read_text())
        test_points = read(points / "test.csv")
        write(Path("predictions.csv"), [(x, y, guess(fitted, x, y)) for x, y, _ in test_points])
        wandb.log_artifact("predictions.csv", name="predictions", type="result")
        accuracy = share_of_hits(fitted, test_points)

    resumed = wandb.init(project=PROJECT, id=run_id, resume="allow")
    resumed.log({"test/accuracy": accuracy}, step=1000)
    resumed.log({"test/points": len(test_points)}, step=1000, commit=True)
    resumed.log({"test/accuracy": 0.0}, step=3)  # too late: dropped, with a warning
    resumed.summary.update({"evaluated": True})
    resumed.tags = (*(resumed.tags or ()), "evaluated")
    resumed.finish(exit_code=0)


def step(weights: list[float], batch: list[Point], rate: float) -> None:
    """Move the weights against the gradient of the loss."""
    for x, y, label in batch:
        error = probability(weights, x, y) - label
        for i, value in enumerate((x, y, 1.0)):
            weights[i] -= rate * error * value / len(batch)


def probability(weights: list[float], x: float, y: float) -> float:
    """Return how likely a point is of the second cloud."""
    return 1 / (1 + math.exp(-(weights[0] * x + weights[1] * y + weights[2])))


def guess(weights: list[float], x: float, y: float) -> int:
    """Return the likelier cloud of a point."""
    return int(probability(weights, x, y) > 1 / 2)


def loss(weights: list[float], points: list[Point]) -> float:
    """Return the mean cross-entropy."""
    chances = (abs(1 - label - probability(weights, x, y)) for x, y, label in points)
    return -sum(math.log(chance) for chance in chances) / len(points)


def share_of_hits(weights: list[float], points: list[Point]) -> float:
    """Return how many of the points are found in the right cloud."""
    return sum(guess(weights, x, y) == label for x, y, label in points) / len(points)


def write(file: Path, points: list[Point]) -> None:
    """Write points as CSV."""
    file.parent.mkdir(exist_ok=True)
    with file.open("w", newline="") as out:
        csv.writer(out).writerows(points)


def read(file: Path) -> list[Point]:
    """Return the points of a CSV file."""
    with file.open(newline="") as lines:
        return [(float(x), float(y), int(label)) for x, y, label in csv.reader(lines)]


if __name__ == "__main__":
    main()
