"""``python -m artifacts.compat.wandb``: scripts, modules, and the processes they start."""

import json
import os
import subprocess
import sys

import pytest

import artifacts
from artifacts.compat.wandb import VERSION

SCRIPT = """
import importlib.metadata, importlib.util, json, multiprocessing, subprocess, sys

assert importlib.util.find_spec("wandb").loader is not None
version = importlib.metadata.version("wandb")

import wandb.keras
import wandb
from wandb.sdk.wandb_run import Run


def child(queue):
    import wandb

    queue.put([wandb.__version__, wandb.run is None])


def train():
    with wandb.init(config={"lr": 1}) as run:
        assert isinstance(run, wandb.wandb_run.Run)
        wandb.log({"loss": 0.5})
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=child, args=(queue,))
    process.start()
    spawned = queue.get()
    process.join()
    code = "import wandb, importlib.metadata as m; print(wandb.__version__, m.version('wandb'))"
    started = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert started.returncode == 0, started.stderr
    print(json.dumps([sys.argv[1:], version, spawned, started.stdout.split(), run.path]))


if __name__ == "__main__":
    train()
"""


def run_python(*arguments, code=0, **variables):
    environment = {**os.environ, "ART_CONSOLE": "off", **variables}
    done = subprocess.run(
        [sys.executable, *arguments], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stderr
    return done


@pytest.mark.parametrize(
    "how",
    [
        pytest.param(["script.py"], id="script"),
        pytest.param(["-m", "script"], id="module", marks=pytest.mark.long),
    ],
)
def test_it_holds_for_what_the_script_starts(tmp_path, how):
    (tmp_path / "script.py").write_text(SCRIPT)
    done = run_python(
        *("-m", "artifacts.compat.wandb", *how, "--epochs", "3"), WANDB_PROJECT="fromenv"
    )
    arguments, version, spawned, started, path = json.loads(done.stdout)
    assert arguments == ["--epochs", "3"]
    assert version == VERSION
    assert spawned == [VERSION, True]
    assert started == [VERSION, VERSION]
    run = artifacts.Api().run(path)
    assert (run.project, run.state, run.summary["loss"]) == ("fromenv", "finished", 0.5)


def test_how_the_script_ends_is_how_it_ends(tmp_path):
    (tmp_path / "script.py").write_text("import wandb\nwandb.init(project='p')\n1 / 0\n")
    done = run_python("-m", "artifacts.compat.wandb", "script.py", code=1)
    assert done.stderr.rstrip().endswith("ZeroDivisionError: division by zero")
    assert "runpy" not in done.stderr
    [run] = artifacts.Api(project="p").runs()
    assert run.state == "failed"


def test_options_of_python_are_kept(tmp_path):
    (tmp_path / "script.py").write_text("assert not __debug__\nprint('ran')\n")
    assert run_python("-O", "-m", "artifacts.compat.wandb", "script.py").stdout == "ran\n"


def test_the_real_one_is_not_replaced_by_accident(tmp_path):
    metadata = tmp_path / "site" / "wandb-0.19.1.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: wandb\nVersion: 0.19.1\n")
    (metadata.parent / "wandb.py").write_text("real = True\n")
    (tmp_path / "script.py").write_text("import wandb; print(hasattr(wandb, 'init'))\n")
    site = str(metadata.parent)
    done = run_python("-m", "artifacts.compat.wandb", "script.py", PYTHONPATH=site, code=1)
    assert "W&B 0.19.1 is installed" in done.stderr
    assert "--force" in done.stderr
    forced = run_python("-m", "artifacts.compat.wandb", "--force", "script.py", PYTHONPATH=site)
    assert forced.stdout == "True\n"


def test_without_a_script():
    assert "usage:" in run_python("-m", "artifacts.compat.wandb", code=2).stderr
    assert "usage:" in run_python("-m", "artifacts.compat.wandb", "--help").stdout


def test_art_config_says_where_a_value_comes_from():
    told = {"ART_COMPAT": "wandb", "WANDB_PROJECT": "fromenv"}
    art = "from artifacts.cli.main import main; main()"
    listed = run_python("-c", art, "config", "--json", **told).stdout
    project = json.loads(listed)["settings"]["project"]
    assert {"fromenv", "WANDB_PROJECT"} == set(project.values())
