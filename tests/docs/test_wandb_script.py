"""A script with W&B's calls does here what it says, and runs unchanged with the original."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

import artifacts

CHECKOUT = Path(__file__).resolve().parents[2]
SCRIPT = CHECKOUT / "examples" / "wandb_script.py"
BENCHMARKED = CHECKOUT / ".bench-venvs" / "wandb" / "bin" / "python"


def run_script(script, python=sys.executable, **variables):
    """Run a script in the working directory; return what it prints."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("ART_", "WANDB_"))}
    done = subprocess.run(
        [python, script], env=kept | variables, check=False, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return done.stdout


def original():
    """Return an interpreter that has W&B, or None."""
    if importlib.util.find_spec("wandb") is not None:
        return sys.executable
    return BENCHMARKED if BENCHMARKED.exists() else None


@pytest.fixture
def api(monkeypatch, tmp_path):
    """What the script has stored, in a working directory of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ART_STORE", ".artifacts")
    printed = run_script(SCRIPT, ART_STORE=".artifacts")
    assert "Step must only increase in log calls. Step 3 < 1001; dropping" in printed
    return artifacts.Api(project="clouds")


def by_job(api):
    return {run.job_type: run for run in api.runs()}


def test_what_the_training_leaves(api):
    run = by_job(api)["train"]
    assert (run.name, run.group, run.state) == ("plain-python", "example", "finished")
    assert run.tags == ["example", "baseline", "evaluated"]
    assert run.notes == "Logistic regression without a library"
    assert run.config == {
        "learning_rate": 0.05, "epochs": 12, "batch": {"size": 16}, "goal": 0.9,
    }  # fmt: skip
    grouped = api.runs(filters={"group": "example"})
    assert {each.job_type for each in grouped} == {"train", "evaluate"}


def test_its_rows(api):
    rows = list(by_job(api)["train"].scan_history())
    # Ten batches and a row of their results in each epoch, and the one of the later process.
    assert [row["_step"] for row in rows] == [*range(12 * 11), 1000]
    results = [row for row in rows if "val/accuracy" in row]
    assert [row["epoch"] for row in results] == list(range(12))
    assert all({"val/loss", "weights.x", "weights.y"} <= row.keys() for row in results)
    losses = [row["val/loss"] for row in results]
    assert losses == sorted(losses, reverse=True)
    assert rows[-1]["test/points"] == 80


def test_its_summary(api):
    run = by_job(api)["train"]
    found = run.summary
    results = [row for row in run.scan_history() if "val/accuracy" in row]
    accuracies = [row["val/accuracy"] for row in results]
    losses = [row["val/loss"] for row in results]
    assert found["val/accuracy"] == {"min": min(accuracies), "max": max(accuracies)}
    assert found["val/loss"] == {"min": min(losses), "max": max(losses)}
    assert found["best_accuracy"] == max(accuracies)
    assert found["best"] == {"epoch": accuracies.index(max(accuracies))}
    assert found["test/accuracy"] == found["best_accuracy"]
    assert found["evaluated"] is True


def test_its_files_and_alerts(api):
    run = by_job(api)["train"]
    names = {file.name for file in run.files()}
    assert {"checkpoints/weights.json", "notes.txt"} <= names
    stored = Path(run.file("checkpoints/weights.json").download("from-store")).read_text()
    assert stored == Path("checkpoints/weights.json").read_text()
    [alert] = run.alerts
    assert (alert.title, alert.level) == ("Below the goal", "WARN")
    results = [row for row in run.scan_history() if "val/accuracy" in row]
    assert alert.suppressed == sum(row["val/accuracy"] < 0.9 for row in results) - 1


def test_its_artifacts(api):
    points, model = api.artifact("points:first"), api.artifact("line:best")
    assert points.metadata == {"points": 240}
    assert points.description == "Two clouds"
    assert model.metadata["accuracy"] == by_job(api)["train"].summary["best_accuracy"]
    assert {run.job_type for run in points.used_by()} == {"train", "evaluate"}
    linked = api.artifact("approved:candidate")
    assert (linked.is_link, linked.digest) == (True, model.digest)
    sources = api.lineage("predictions:latest").versions.values()
    assert {version.ref for version in sources} == {
        "clouds/predictions:v0", "clouds/line:v0", "clouds/points:v0",
    }  # fmt: skip


def test_with_the_original(monkeypatch, tmp_path):
    python = original()
    if python is None:
        pytest.skip("W&B is not installed")
    monkeypatch.chdir(tmp_path)
    text = SCRIPT.read_text(encoding="utf-8")
    assert text.count("import artifacts as wandb\n") == 1
    Path("script.py").write_text(text.replace("import artifacts as wandb\n", "import wandb\n"))
    printed = run_script("script.py", python, WANDB_MODE="offline", WANDB_SILENT="false")
    assert "Tried to log to step 3 that is less than the current step 1001" in printed
    assert len(list(Path("wandb").glob("offline-run-*/run-*.wandb"))) == 4
