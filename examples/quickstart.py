"""Quickstart: versions of real data and of a model trained on it, and how one came from the other.

Run it in an empty directory. It needs scikit-learn (the extra `demo`) and takes a few seconds.
Everything it makes stays in that directory: the store in `.artifacts`, the files in `raw`, `clean`
and `pulled`.

The data comes with scikit-learn: 178 wines from three cultivars, 13 measurements of each.
"""

import csv
import os
import pickle
import statistics
from importlib import resources
from pathlib import Path
from typing import Any

from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import artifacts

# What you would write into artifacts.toml or your shell's profile. A store is a folder, made when
# it is first used.
os.environ["ART_STORE"] = ".artifacts"
os.environ["ART_CACHE_DIR"] = ".artifacts/cache"
os.environ["ART_PROJECT"] = "quickstart"


def main() -> None:
    print("1. Log the raw data: a folder becomes version v0 of the artifact `wine-raw`.")
    Path("raw").mkdir(exist_ok=True)
    source = resources.files("sklearn.datasets.data") / "wine_data.csv"
    Path("raw/wine.csv").write_bytes(source.read_bytes())
    with artifacts.init(job_type="collect") as run:
        raw = run.log_artifact("raw", name="wine-raw", type="dataset")
    print(f"   {raw.name}, {raw.file_count} file of {raw.size} bytes, digest {raw.digest[:12]}…\n")

    print("2. Prepare it. What a run uses and what it logs is recorded; that is the lineage.")
    first = prepare(drop_outliers=False, aliases=["prod"])
    print(f"   {first.name}, aliases: {', '.join(first.aliases)}\n")

    print("3. Train on `wine:prod`, and log the fitted model with its metrics.")
    model, trained = train()
    print(f"   {trained.name}, accuracy {trained.metadata['accuracy']:.3f}\n")

    print("4. Log a second version of the data, without the outliers.")
    second = prepare(drop_outliers=True, aliases=[])
    change = first.diff(second)
    print(f"   {second.name}, aliases: {', '.join(second.aliases)}; `prod` stays where it was")
    print(f"   changed: {', '.join(pair.after.path for pair in change.changed)}")
    print(f"   unchanged, and stored once for both: {change.unchanged} file\n")

    print("5. Pull the model by its alias, check every byte, and use it.")
    api = artifacts.Api()
    version = api.artifact("wine-model:prod")
    version.download("pulled")
    version.verify("pulled")
    pulled = pickle.loads(Path("pulled/model.pickle").read_bytes())  # our own: safe to load
    measurements, _ = read_table(Path("clean/test.csv").read_text())
    same = pulled.predict(measurements) == model.predict(measurements)
    assert same.all(), "the pulled model predicts something else"
    print(f"   {version.name} verified; all {len(same)} predictions equal the trained model's\n")

    print("6. Ask what the model was made of.")
    graph = api.lineage("wine-model:prod")
    print_sources(graph, graph.root)

    print("\n7. Ask what is affected if the raw data turns out to be wrong.")
    for affected in api.lineage("wine-raw:v0", direction="down").versions.values():
        print(f"   {affected.ref}")

    print("\nThe same in the shell, in this directory:")
    print("   art ls --all")
    print("   art lineage quickstart/wine-model:prod")


def prepare(*, drop_outliers: bool, aliases: list[str]) -> artifacts.Artifact:
    """Name the columns, split into training and test rows; every fourth row is for testing."""
    with artifacts.init(job_type="prepare", config={"drop_outliers": drop_outliers}) as run:
        # Its first line counts rows and columns; the last column is the cultivar.
        with run.use_artifact("wine-raw:latest").open("wine.csv", "r") as file:
            _, *rows = csv.reader(file)
        train_rows = [row for number, row in enumerate(rows) if number % 4]
        test_rows = rows[::4]
        if drop_outliers:
            columns = [[float(row[i]) for row in train_rows] for i in range(13)]
            limits = [(statistics.mean(c), 3 * statistics.stdev(c)) for c in columns]
            train_rows = [
                row
                for row in train_rows
                if all(abs(float(row[i]) - mean) <= far for i, (mean, far) in enumerate(limits))
            ]
        Path("clean").mkdir(exist_ok=True)
        for name, table in (("train", train_rows), ("test", test_rows)):
            with open(f"clean/{name}.csv", "w", newline="") as file:
                csv.writer(file).writerows([[*load_wine().feature_names, "cultivar"], *table])
        run.summary.update(train_rows=len(train_rows), test_rows=len(test_rows))
        return run.log_artifact("clean", name="wine", type="dataset", aliases=aliases)


def train() -> tuple[Any, artifacts.Artifact]:
    """Fit a classifier on `wine:prod` and log it."""
    with artifacts.init(job_type="train", config={"C": 1.0}) as run:
        data = run.use_artifact("wine:prod")
        model = make_pipeline(StandardScaler(), LogisticRegression(C=run.config.C))
        model.fit(*read_table(data.open("train.csv", "r").read()))
        accuracy = model.score(*read_table(data.open("test.csv", "r").read()))
        run.summary["accuracy"] = accuracy

        # An artifact can also be built file by file, with metadata to find it by.
        draft = artifacts.Artifact("wine-model", type="model", metadata={"accuracy": accuracy})
        with draft.new_file("model.pickle", "wb") as file:
            pickle.dump(model, file)
        return model, run.log_artifact(draft, aliases=["prod"])


def read_table(text: str) -> tuple[list[list[float]], list[str]]:
    """Return measurements and cultivars of a table with one line of column names."""
    _, *rows = csv.reader(text.splitlines())
    return [[float(value) for value in row[:-1]] for row in rows], [row[-1] for row in rows]


def print_sources(graph: Any, node: str, depth: int = 1) -> None:
    """Print a version or run and, indented below it, where it came from."""
    if node in graph.versions:
        print("   " * depth + graph.versions[node].ref)
    else:
        print("   " * depth + f"run {graph.runs[node].name} ({graph.runs[node].job_type})")
    for edge in graph.edges:
        if edge.target == node:
            print_sources(graph, edge.source, depth + 1)


if __name__ == "__main__":
    main()
