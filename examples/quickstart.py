"""Quickstart: a model and the data it was made of, from the first file to a recall.

Run it in an empty directory. It needs scikit-learn (the extra `demo`) and takes a few seconds.
Everything it makes stays in that directory: the store in `.artifacts`, the files in `raw`, `clean`,
`history` and `pulled`.

The data comes with scikit-learn: 178 wines from three cultivars, 13 measurements of each.
"""

import csv
import os
import pickle
import subprocess
import sysconfig
from importlib import resources
from pathlib import Path

import pyarrow.parquet as pq
from sklearn.datasets import load_wine
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import log_loss
from sklearn.preprocessing import StandardScaler

import artifacts

# What you would write into artifacts.toml or your shell's profile. A store is a folder, made when
# it is first used.
os.environ["ART_STORE"] = ".artifacts"
os.environ["ART_CACHE_DIR"] = ".artifacts/cache"
os.environ["ART_PROJECT"] = "quickstart"

EPOCHS = 40


def main() -> None:
    if Path(".artifacts").exists():
        raise SystemExit("there is a store in this directory already; run this in an empty one")
    log_and_train()
    deploy_and_recall()
    print("Look around in this directory:")
    print("   export ART_PROJECT=quickstart")
    print("   art ls")
    print("   art run ls")
    print("   art run diff train-1 train-2")
    print("   art lineage wine-raw --down")


def log_and_train() -> None:
    """Steps 1 to 5: versions of data, a run with metrics that goes on, and its history."""
    print("1. Log the raw data: a folder becomes version v0 of the artifact `wine-raw`.")
    Path("raw").mkdir()
    source = resources.files("sklearn.datasets.data") / "wine_data.csv"
    Path("raw/wine.csv").write_bytes(source.read_bytes())
    with artifacts.init(id="collect", job_type="collect") as run:
        raw = run.log_artifact("raw", name="wine-raw", type="dataset")
    print(f"   {raw.name}, {raw.file_count} file of {raw.size} bytes, digest {raw.digest[:12]}…\n")

    print("2. Prepare it. What a run uses and what it logs is recorded; that is the lineage.")
    clean = prepare("prepare-1", held_out=False)
    print(f"   {clean.name}, aliases: {', '.join(clean.aliases)}\n")

    print("3. Train on `wine:prod`, and log metrics. The machine is taken away after 15 epochs.")
    train("train-1", stop_after=15)
    print("   Others can look at the run, also while it is running:")
    art("run", "history", "train-1", "--keys", "_step,loss,accuracy", "--last", "2")

    print("4. The same call again goes on where it ended, and logs the model.")
    train("train-1")
    art("run", "plot", "train-1", "loss", "--height", "6")

    print("5. The history is an artifact, too: a Parquet file that any library reads.")
    history = artifacts.Api().artifact("run-train-1-history:latest")
    history.download("history")
    rows = pq.read_table("history/history.parquet", columns=["_step", "loss"]).to_pylist()
    print(f"   {history.name} has {len(rows)} rows; v0 has what the first 15 epochs had logged")
    print(f"   loss: {rows[0]['loss']:.3f} at first, {rows[-1]['loss']:.3f} in the end\n")


def deploy_and_recall() -> None:
    """Steps 6 to 8: the model is at work when its data turn out to be wrong."""
    api = artifacts.Api()
    print("6. Pull the model by its alias, check every byte, use it, and say who works with it.")
    version = api.artifact("wine-model:prod")
    version.download("pulled")
    version.verify("pulled")
    scaler, classifier = pickle.loads(Path("pulled/model.pickle").read_bytes())  # our own: safe
    measurements, cultivars = read_table(Path("clean/test.csv"))
    accuracy = classifier.score(scaler.transform(measurements), cultivars)
    assert accuracy == version.metadata["accuracy"], "the pulled model predicts something else"
    api.deploy("wine-model:prod", "tasting-api")
    art("lineage", "wine-model:prod")

    print("7. Too good to be true: wine:v0 has its test rows among the training rows. Recall it:")
    art("recall", "wine:v0", "--reason", "training rows contain the test rows")
    print("   What has it reached?")
    art("impact", "wine:v0")
    print("   A check for CI: should the model in production be made again?")
    assert art("stale", "wine-model:prod", "--exit-code") == 1

    print("8. Log the data without the mistake, and train again on `wine:prod`.")
    clean = prepare("prepare-2", held_out=True)
    [change] = api.artifact("wine:v0").diff(clean).changed
    print(f"   {clean.name}: {change.after.path} changed, the rest is stored once for both")
    train("train-2")
    better = api.artifact("wine-model:prod")
    print(f"   {better.name}, loss {better.metadata['loss']:.3f}: now that is an honest number\n")
    api.deploy("wine-model:prod", "tasting-api")
    assert art("stale", "wine-model:prod", "--exit-code") == 0


def prepare(run_id: str, *, held_out: bool) -> artifacts.Artifact:
    """Name the columns, and take every fourth row for testing.

    Args:
        held_out: Whether test rows are left out of the training rows; to forget that is the mistake
            that this quickstart is about.
    """
    with artifacts.init(id=run_id, job_type="prepare", config={"held_out": held_out}) as run:
        # Its first line counts rows and columns; the last column is the cultivar.
        with run.use_artifact("wine-raw:latest").open("wine.csv", "r") as file:
            _, *rows = csv.reader(file)
        train_rows = [row for number, row in enumerate(rows) if number % 4 or not held_out]
        Path("clean").mkdir(exist_ok=True)
        for name, table in (("train", train_rows), ("test", rows[::4])):
            with open(f"clean/{name}.csv", "w", newline="") as file:
                csv.writer(file).writerows([[*load_wine().feature_names, "cultivar"], *table])
        run.summary.update(train_rows=len(train_rows), test_rows=len(rows[::4]))
        return run.log_artifact("clean", name="wine", type="dataset", aliases=["prod"])


def train(run_id: str, *, stop_after: int = EPOCHS) -> None:
    """Fit a classifier on `wine:prod`, or go on with that; log the model after the last epoch.

    Args:
        stop_after: In which epoch the run ends before it is done.
    """
    config = {"learning_rate": 0.0003, "epochs": EPOCHS}
    with artifacts.init(id=run_id, job_type="train", config=config, resume="allow") as run:
        folder = Path(run.use_artifact("wine:prod").download("clean"))
        train_rows, train_cultivars = read_table(folder / "train.csv")
        test_rows, test_cultivars = read_table(folder / "test.csv")

        # What is in `run.dir` when the run ends is stored with it.
        checkpoint = Path(run.dir, "checkpoint.pickle")
        if run.resumed:
            run.file(checkpoint.name).download(run.dir)
            scaler, classifier = pickle.loads(checkpoint.read_bytes())
        else:
            scaler = StandardScaler().fit(train_rows)
            classifier = SGDClassifier(
                loss="log_loss",
                learning_rate="constant",
                eta0=run.config.learning_rate,
                random_state=0,
            )

        while run.step < min(stop_after, run.config.epochs):
            classifier.partial_fit(
                scaler.transform(train_rows), train_cultivars, sorted(set(train_cultivars))
            )
            checkpoint.write_bytes(pickle.dumps((scaler, classifier)))
            measurements = scaler.transform(test_rows)
            run.log(
                {
                    "loss": log_loss(test_cultivars, classifier.predict_proba(measurements)),
                    "accuracy": classifier.score(measurements, test_cultivars),
                }
            )

        if run.step == run.config.epochs:
            # An artifact can also be built file by file, with metadata to find it by.
            metrics = {key: run.summary[key] for key in ("loss", "accuracy")}
            model = artifacts.Artifact("wine-model", type="model", metadata=metrics)
            model.add_file(checkpoint, name="model.pickle")
            run.log_artifact(model, aliases=["prod"])


def read_table(file: Path) -> tuple[list[list[float]], list[str]]:
    """Return measurements and cultivars of a table with one line of column names."""
    _, *rows = csv.reader(file.read_text().splitlines())
    return [[float(value) for value in row[:-1]] for row in rows], [row[-1] for row in rows]


def art(*arguments: str) -> int:
    """Run a command of the shell, show it with its output, and return its exit code."""
    print(f"   $ art {' '.join(repr(a) if ' ' in a else a for a in arguments)}")
    program = Path(sysconfig.get_path("scripts"), "art")
    environment = os.environ | {"COLUMNS": "77"}
    done = subprocess.run(
        [program, *arguments], env=environment, text=True, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    print("".join(f"   {line}\n" for line in done.stdout.splitlines()))
    return done.returncode


if __name__ == "__main__":
    main()
