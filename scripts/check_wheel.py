"""Check the package that users get, not the checkout.

Builds the source distribution and from it the wheel, compares the wheel's files with the tree,
then uses the installed wheel in a temporary directory: first with the run-time dependencies alone,
where a missing one shows, then with the `demo` extra for the quickstart.
"""

import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import Counter
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
QUICKSTART = CHECKOUT / "examples" / "quickstart.py"

# Logs a folder, gets it back, and makes sure that it was the installed package that did so.
ROUND_TRIP = """
import pathlib, sys
import artifacts

assert pathlib.Path(artifacts.__file__).is_relative_to(sys.prefix), artifacts.__file__
source = pathlib.Path("data")
source.mkdir()
(source / "words.txt").write_text("one two three")
with artifacts.init(project="check-wheel") as run:
    run.log_artifact(str(source), name="corpus", type="dataset").wait()
with artifacts.init(project="check-wheel") as run:
    copy = pathlib.Path(run.use_artifact("corpus:latest").download("copy"))
assert (copy / "words.txt").read_text() == "one two three"
"""


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="check-wheel-") as name:
        folder = Path(name).resolve()
        wheel = build(folder / "dist")
        if faults := differences(wheel):
            print("the wheel differs from the tree:", *faults, sep="\n  ")
            return 1

        environment = folder / "venv"
        step("make an environment", sys.executable, "-m", "venv", environment)
        install(environment, str(wheel))
        use(environment, "art --help", "art", "--help")
        version = use(environment, "art version", "art", "version")
        if wheel.name.split("-")[1] not in version:
            print(f"art version printed {version!r}, the wheel is {wheel.name}")
            return 1
        use(environment, "log an artifact and download it", "python", "-c", ROUND_TRIP)

        install(environment, f"{wheel}[demo]")
        # A copy, because the folder of a script is the first entry of its path.
        script = folder / QUICKSTART.name
        script.write_bytes(QUICKSTART.read_bytes())
        use(environment, "run the quickstart", "python", script)
    print("the wheel is right")
    return 0


def build(target: Path) -> Path:
    """Build both distributions into ``target``, the wheel from the other one; return the wheel."""
    step("build the distributions", sys.executable, "-m", "build", "--outdir", target, CHECKOUT)
    (wheel,) = target.glob("*.whl")
    return wheel


def differences(wheel: Path) -> list[str]:
    """Return what is missing in the wheel, does not belong there, or is there twice."""
    with zipfile.ZipFile(wheel) as archive:
        found = Counter(name for name in archive.namelist() if ".dist-info/" not in name)
    expected = files_in_tree()
    return [
        *(f"{name}: missing in the wheel" for name in sorted(expected - found.keys())),
        *(f"{name}: not in the tree" for name in sorted(found.keys() - expected)),
        *(f"{name}: {count} times in the wheel" for name, count in found.items() if count > 1),
    ]


def files_in_tree() -> set[str]:
    """Return every file of the package as seen through the links, whatever its kind."""
    files: set[str] = set()
    for folder, subfolders, names in os.walk(CHECKOUT / "artifacts", followlinks=True):
        subfolders[:] = [name for name in subfolders if name != "__pycache__"]
        inside = Path(folder).relative_to(CHECKOUT)
        files.update((inside / name).as_posix() for name in names if not name.startswith("."))
    return files


def install(environment: Path, requirement: str) -> None:
    pip = (environment / "bin" / "python", "-m", "pip", "--disable-pip-version-check", "--quiet")
    step(f"install {Path(requirement).name}", *pip, "install", requirement)


def use(environment: Path, what: str, command: str, *arguments: str | Path) -> str:
    """Run an installed command as a new user would: an empty folder, an empty home, no settings."""
    home = Path(tempfile.mkdtemp(prefix="home-", dir=environment.parent))
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ART_", "PYTHON", "VIRTUAL_ENV", "XDG_"))
    }
    env = inherited | {"HOME": str(home), "PATH": f"{environment / 'bin'}:{os.environ['PATH']}"}
    return step(what, environment / "bin" / command, *arguments, cwd=home, env=env)


def step(
    what: str, *command: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None
) -> str:
    """Run a command and return what it printed; if it fails, show that and end the program."""
    print(f"{what} … ", end="", flush=True)
    started = time.monotonic()
    result = subprocess.run(
        command, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL, text=True, check=False,
    )  # fmt: skip
    if result.returncode:
        print(f"failed with exit code {result.returncode}:\n{result.stdout}")
        raise SystemExit(1)
    print(f"{time.monotonic() - started:.1f} s")
    return result.stdout


if __name__ == "__main__":
    sys.exit(main())
