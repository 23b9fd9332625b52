"""What is written for TensorBoard is logged with the run, row by step."""

import io
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.histogram.summary_v2 import histogram_pb
from tensorboard.plugins.scalar.summary_v2 import scalar_pb
from tensorboard.plugins.text.summary_v2 import text_pb
from tensorboard.summary.writer.event_file_writer import EventFileWriter
from tensorboard.summary.writer.record_writer import RecordWriter

import artifacts
from artifacts.integration import tensorboard
from artifacts.store.errors import StateError


@pytest.fixture(autouse=True)
def unpatched():
    yield
    tensorboard.unpatch()


def write(writer, step, *summaries, time=None):
    values = [value for summary in summaries for value in summary.value]
    summary = Summary(value=values)
    writer.add_event(Event(wall_time=time or 1000 + step, step=step, summary=summary))


def rows_of(run, *keys):
    return [{key: row.get(key) for key in keys} for row in run.scan_history()]


def stored(run_id):
    return artifacts.Api(project="demo").run(run_id)


def test_every_step_is_a_row():
    with artifacts.init(project="demo", sync_tensorboard=True) as run:
        writer = EventFileWriter("logs")
        for step in (0, 10, 20):
            write(writer, step, scalar_pb("loss", 1 / (step + 1)), scalar_pb("rate", 0.5))
    rows = rows_of(stored(run.id), "global_step", "loss", "rate", "_timestamp")
    assert rows == [
        {
            "global_step": step,
            "loss": pytest.approx(1 / (step + 1)),
            "rate": 0.5,
            "_timestamp": 1000 + step,
        }
        for step in (0, 10, 20)
    ]
    [file] = [file.name for file in stored(run.id).files() if "tfevents" in file.name]
    assert "/" not in file


def test_all_kinds_of_values():
    png = io.BytesIO()
    PIL.Image.new("RGB", (6, 4)).save(png, "PNG")
    pixels = Summary.Image(encoded_image_string=png.getvalue(), width=6, height=4, colorspace=3)
    with artifacts.init(project="demo", tensorboard=True) as run:
        writer = EventFileWriter("logs")
        write(
            writer,
            3,
            histogram_pb("weights", np.arange(100.0), buckets=10),
            histogram_pb("same", np.ones(5)),
            Summary(value=[Summary.Value(tag="pixels", image=pixels)]),
            text_pb("note", "hello"),
        )
    [row] = stored(run.id).scan_history()
    assert list(row["weights"].histogram) == [10] * 10
    assert (row["weights"].bins[0], row["weights"].bins[-1]) == (0, 99)
    assert sum(row["same"].histogram) == 5
    assert (row["pixels"].width, row["pixels"].height) == (6, 4)
    assert row["note"] == "hello"


def test_a_value_that_cannot_be_read_is_left_out(log):
    broken = Summary.Image(encoded_image_string=b"no image", width=6, height=4, colorspace=3)
    with artifacts.init(project="demo", sync_tensorboard=True) as run:
        writer = EventFileWriter("logs")
        summary = Summary(value=[Summary.Value(tag="pixels", image=broken)])
        write(writer, 3, summary, scalar_pb("loss", 1))
    assert rows_of(stored(run.id), "global_step", "loss") == [{"global_step": 3, "loss": 1}]
    assert "pixels of TensorBoard's step 3 is left out" in log.text


def test_a_histogram_of_too_many_bins_is_coarser():
    with artifacts.init(project="demo", sync_tensorboard=True) as run:
        writer = EventFileWriter("logs")
        write(writer, 0, histogram_pb("weights", np.arange(2000.0), buckets=2000))
    [row] = stored(run.id).scan_history()
    assert len(row["weights"].histogram) <= 512
    assert sum(row["weights"].histogram) == 2000


def test_folders_of_a_training_and_its_validation():
    with artifacts.init(project="demo", sync_tensorboard=True) as run:
        train, validation = EventFileWriter("logs/train"), EventFileWriter("logs/validation")
        write(train, 1, scalar_pb("loss", 1), time=1)
        write(validation, 1, scalar_pb("loss", 2), time=2)
        write(train, 2, scalar_pb("loss", 3), time=3)
    rows = rows_of(stored(run.id), "global_step", "train/loss", "validation/loss")
    assert [list(row.values()) for row in rows] == [[1, 1, 2], [2, 3, None]]


def test_what_others_have_written_is_left_out():
    old = EventFileWriter("logs")
    write(old, 0, scalar_pb("old", 1))
    old.close()
    with artifacts.init(project="demo", sync_tensorboard=True) as run:
        writer = EventFileWriter("logs")
        write(writer, 0, scalar_pb("new", 1))
    assert set(stored(run.id).history_keys) >= {"new", "global_step"}
    assert "old" not in stored(run.id).history_keys


def test_the_next_run_gets_nothing_that_it_did_not_ask_for():
    with artifacts.init(project="demo", sync_tensorboard=True) as first:
        writer = EventFileWriter("logs")
        write(writer, 0, scalar_pb("loss", 1))
    with artifacts.init(project="demo") as second:
        other = EventFileWriter("more")
        write(other, 0, scalar_pb("loss", 2))
        other.flush()
    assert rows_of(stored(first.id), "loss") == [{"loss": 1}]
    assert list(stored(second.id).scan_history()) == []


def test_a_writer_that_outlives_a_run_is_read_on():
    with artifacts.init(project="demo", sync_tensorboard=True) as first:
        writer = EventFileWriter("logs")
        write(writer, 0, scalar_pb("loss", 1))
    with artifacts.init(project="demo", sync_tensorboard=True) as second:
        write(writer, 1, scalar_pb("loss", 2))
        writer.close()
        open_again = EventFileWriter("logs")
        write(open_again, 2, scalar_pb("loss", 3))
    assert rows_of(stored(first.id), "loss") == [{"loss": 1}]
    assert [row["loss"] for row in rows_of(stored(second.id), "loss")][-1] == 3
    assert {"loss": 1} not in rows_of(stored(second.id), "loss")


def test_a_file_that_is_written_without_a_writer_of_python():
    folder = Path("logs/train")
    folder.mkdir(parents=True)
    with (
        # TensorFlow keeps its files open, too.
        open(folder / "events.out.tfevents.1.host", "wb") as file,
        artifacts.init(project="demo", sync_tensorboard=True) as run,
    ):
        event = Event(wall_time=1, step=4, summary=scalar_pb("loss", 1))
        RecordWriter(file).write(event.SerializeToString())
        file.flush()
    assert rows_of(stored(run.id), "global_step", "train/loss") == [
        {"global_step": 4, "train/loss": 1}
    ]


def test_patch_goes_for_every_run_and_for_a_whole_folder(tmp_path):
    tensorboard.patch(root_logdir="logs", save=False)
    with pytest.raises(StateError, match="already"):
        tensorboard.patch()
    with artifacts.init(project="demo") as run:
        # As another process does: nothing here knows of this one.
        EventFileWriter.__init__.__wrapped__(other := object.__new__(EventFileWriter), "logs/other")
        writer = EventFileWriter("logs/mine")
        write(writer, 5, scalar_pb("loss", 1), time=1)
        write(other, 6, scalar_pb("loss", 2), time=2)
        other.close()
    rows = rows_of(stored(run.id), "global_step", "mine/loss", "other/loss")
    assert [list(row.values()) for row in rows] == [[5, 1, None], [6, None, 2]]
    assert not any("tfevents" in file.name for file in stored(run.id).files())


def test_a_summary_is_logged_as_a_row(run):
    summary = scalar_pb("loss", 0.5)
    tensorboard.log(summary, step=7, namespace="train")
    tensorboard.log(summary.SerializeToString(), step=8)
    assert rows_of(run, "global_step", "train/loss", "loss") == [
        {"global_step": 7, "train/loss": 0.5, "loss": None},
        {"global_step": 8, "train/loss": None, "loss": 0.5},
    ]


def test_a_summary_without_a_run():
    with pytest.raises(StateError, match="init"):
        tensorboard.log(scalar_pb("loss", 0.5))


def test_a_disabled_run_follows_nothing():
    with artifacts.init(project="demo", mode="disabled", sync_tensorboard=True) as run:
        writer = EventFileWriter("logs")
        write(writer, 0, scalar_pb("loss", 1))
    writer.close()
    assert run.step == 0
