"""Gallery: one of each kind of media, tables and charts, logged, pulled and compared.

Run it in an empty directory. It needs the extra `gallery` and takes a few seconds. Everything it
logs is made here, and everything it makes stays in that directory: the store in `.artifacts`, the
files of the run in `pulled`, the charts in `charts`.
"""

import hashlib
import io
import os
import subprocess
import sysconfig
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go
from matplotlib.figure import Figure
from numpy.typing import NDArray

import artifacts
from artifacts import plot

os.environ["ART_STORE"] = ".artifacts"
os.environ["ART_CACHE_DIR"] = ".artifacts/cache"
os.environ["ART_PROJECT"] = "gallery"
# Otherwise the load of the machine would be one more file, if this takes longer than a second.
os.environ["ART_SYSTEM_METRICS_INTERVAL"] = "0"

GENERATOR = np.random.default_rng(0)
LABELS = {0: "sky", 1: "sun"}
RATE = 8000  # samples per second

WATER = """HETATM    1  O   HOH A   1      -0.239   0.309   0.000  1.00  0.00           O
HETATM    2  H1  HOH A   1       0.761   0.309   0.000  1.00  0.00           H
HETATM    3  H2  HOH A   1      -0.572   1.252   0.000  1.00  0.00           H
END
"""


class Exhibit(NamedTuple):
    """Something that is logged, and what it is compared by when it comes back.

    Attributes:
        thing: What is logged.
        expected: What it was made of.
        read: Returns the same of the object that came back.
        what: What is compared.
    """

    thing: Any
    expected: Any
    read: Callable[[Any], Any]
    what: str


def main() -> None:
    if Path(".artifacts").exists():
        raise SystemExit("there is a store in this directory already; run this in an empty one")
    exhibits, charts = make_exhibits(), make_charts()

    print(f"1. Log {len(exhibits)} kinds of media, a table among them, and {len(charts)} charts.")
    with artifacts.init(id="one-of-each") as run:
        run.log({key: exhibit.thing for key, exhibit in exhibits.items()})
        run.log(charts)
    print()

    print("2. Bring the files back. They are a version like any other: the history of the run.")
    art("pull", "run-one-of-each-history:latest", "-o", "pulled")

    print("3. Bring the objects back, and compare them with what they were made of.")
    stored = artifacts.Api().run("one-of-each")
    [row, _] = stored.history(pandas=False)
    for key, exhibit in exhibits.items():
        compare(key, exhibit, row[key])
    print()

    print("4. Draw the charts without a browser, from the tables that were logged with them.")
    Path("charts").mkdir()
    drawn = stored.charts()
    assert set(drawn) == set(charts)
    for key, chart in drawn.items():
        assert chart.spec == charts[key].spec, f"{key} has come back as another chart"
        chart.save(f"charts/{key}.svg")
        print(f"   charts/{key}.svg: {len(chart.table)} rows")


def compare(key: str, exhibit: Exhibit, found: Any) -> None:
    """Say that an object is what was logged, and its file the one that was pulled."""
    assert np.array_equal(exhibit.read(found), exhibit.expected), f"{key} has come back changed"
    files = [each for each in (found if isinstance(found, Sequence) else [found]) if "path" in each]
    for each in files:
        pulled = Path("pulled", each["path"]).read_bytes()
        assert hashlib.sha256(pulled).hexdigest() == each["sha256"]
    where = str(Path("pulled", files[0]["path"]).parent) if files else "in the row"
    print(f"   {key:<11} {where:<22} equal: {exhibit.what}")


def art(*arguments: str) -> None:
    """Run a command of the shell, and show it with its output."""
    print(f"   $ art {' '.join(arguments)}")
    program = Path(sysconfig.get_path("scripts"), "art")
    done = subprocess.run([program, *arguments], text=True, check=True, stdout=subprocess.PIPE)
    print("".join(f"   {line}\n" for line in done.stdout.splitlines()))


# -- what is shown


def make_exhibits() -> dict[str, Exhibit]:
    """Return one of each kind, by the key under which it is logged."""
    pixels, sun = draw_sun(), find_sun()
    tone = (np.sin(np.linspace(0, 880 * np.pi, RATE)) * 32767).astype(np.int16)
    frames = draw_film()
    counts, edges = np.histogram(GENERATOR.normal(size=1000), bins=32)
    points = GENERATOR.normal(size=(500, 3))
    page = "<h1>All is well</h1>"
    box = {
        "position": {"minX": 16, "maxX": 48, "minY": 16, "maxY": 48},
        "domain": "pixel",
        "class_id": 1,
        "scores": {"certain": 0.9},
    }
    labelled = artifacts.Image(
        pixels,
        caption="the sun",
        masks={"prediction": {"mask_data": sun, "class_labels": LABELS}},
        boxes={"prediction": {"box_data": [box], "class_labels": LABELS}},
    )
    images = [artifacts.Image(np.full((8, 8), 50 * number, np.uint8)) for number in range(4)]
    table = artifacts.Table(
        columns=["id", "image", "certain"],
        data=[[number, image, number / 4] for number, image in enumerate(images)],
    )
    return {
        "image": Exhibit(labelled, pixels, lambda back: np.array(back.image), "pixels"),
        "mask": Exhibit(
            labelled, sun, lambda back: back.masks["prediction"].mask_data, "classes of the pixels"
        ),
        "boxes": Exhibit(
            labelled, [box], lambda back: back.boxes["prediction"].box_data, "the box"
        ),
        "several": Exhibit(
            images,
            [0, 50, 100, 150],
            lambda back: [each.image.getpixel((0, 0)) for each in back],
            "brightness of four images",
        ),
        "histogram": Exhibit(
            artifacts.Histogram(np_histogram=(counts, edges)),
            counts,
            lambda back: back.histogram,
            "counts",
        ),
        "table": Exhibit(
            table,
            [[0, 0, 0.0], [1, 50, 0.25], [2, 100, 0.5], [3, 150, 0.75]],
            lambda back: [[n, image.image.getpixel((0, 0)), c] for n, image, c in back.data],
            "cells, and pixels of the images in them",
        ),
        "audio": Exhibit(
            artifacts.Audio(tone, sample_rate=RATE, caption="440 Hz"),
            tone,
            lambda back: back.samples(),
            "samples",
        ),
        "video": Exhibit(
            artifacts.Video(frames, fps=12, format="gif"),
            frames,
            lambda back: np.stack(list(back.frames())),
            "frames",
        ),
        "html": Exhibit(artifacts.Html(page, inject=False), page, lambda back: back.html, "text"),
        "cloud": Exhibit(artifacts.Object3D(points), points, lambda back: back.points(), "points"),
        "molecule": Exhibit(
            artifacts.Molecule(io.StringIO(WATER), caption="water", file_type="pdb"),
            WATER,
            lambda back: back.text(),
            "atoms",
        ),
        "plotly": Exhibit(
            go.Figure(go.Bar(x=["a", "b"], y=[3, 1])),
            [3, 1],
            lambda back: list(back.figure.data[0].y),
            "heights of the bars",
        ),
        "matplotlib": Exhibit(
            draw_bars(), (480, 640), lambda back: np.array(back.image).shape[:2], "size"
        ),
    }


def find_sun() -> NDArray[np.uint8]:
    """Return the class of each pixel."""
    y, x = np.mgrid[:64, :64]
    inside: NDArray[np.bool_] = (x - 32) ** 2 + (y - 32) ** 2 < 16**2
    return inside.astype(np.uint8)


def draw_sun() -> NDArray[np.uint8]:
    """Return pixels (64, 64, 3)."""
    sky, sun = np.array([90, 160, 230], np.uint8), np.array([255, 220, 60], np.uint8)
    return np.where(find_sun()[..., np.newaxis], sun, sky)


def draw_film() -> NDArray[np.uint8]:
    """Return frames (24, 3, 48, 48) of a square on its way."""
    frames = np.zeros((24, 3, 48, 48), np.uint8)
    for number, frame in enumerate(frames):
        frame[:, 16:32, number : number + 16] = [[[40]], [[10 * number]], [[255 - 10 * number]]]
    return frames


def draw_bars() -> Figure:
    """Return a figure of Matplotlib."""
    figure = Figure(dpi=100)
    figure.subplots().bar(["a", "b", "c"], [3, 1, 2])
    return figure


def make_charts() -> dict[str, plot.CustomChart]:
    """Return a chart of each helper, by the key under which it is logged."""
    steps = list(range(20))
    falling = [1 / (step + 1) for step in steps]
    table = artifacts.Table(
        columns=["step", "loss", "phase"],
        data=[[step, loss, "ab"[step % 2]] for step, loss in zip(steps, falling, strict=True)],
    )
    truth = GENERATOR.integers(0, 2, 200)
    certain = np.clip(truth * 0.3 + GENERATOR.uniform(size=200) * 0.7, 0, 1)
    scores = np.stack([1 - certain, certain], axis=1)
    names = ["cat", "dog"]
    return {
        "line": plot.line(table, "step", "loss", title="Loss"),
        "scatter": plot.scatter(table, "step", "loss", title="Loss"),
        "bar": plot.bar(table, "phase", "loss", title="Loss of each phase"),
        "histogram_of_loss": plot.histogram(table, "loss", title="Losses"),
        "line_series": plot.line_series(
            steps, [falling, falling[::-1]], keys=["down", "up"], title="Two lines", xname="step"
        ),
        "pr_curve": plot.pr_curve(truth, scores, labels=names),
        "roc_curve": plot.roc_curve(truth, scores, labels=names),
        "confusion_matrix": plot.confusion_matrix(
            y_true=truth, preds=scores.argmax(axis=1), class_names=names
        ),
        "heatmap": plot.heatmap(names, names, [[0.9, 0.1], [0.2, 0.8]], show_text=True),
        "plot_table": artifacts.plot_table(
            "artifacts/area-under-curve/v0", table, {"x": "step", "y": "loss", "class": "phase"}
        ),
    }


if __name__ == "__main__":
    main()
