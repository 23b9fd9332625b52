"""Videos: of arrays, of files, and what is refused."""

import io
import os
import sys

import av
import numpy as np
import pytest
from PIL import Image

import artifacts
from tests.sdk.helpers import hint_of
from tests.sdk.media.trips import contents, through_artifact, through_run


def squares(count=6, *, width=32, height=24, channels=3):
    """Frames with few colours, no two of them equal."""
    frames = np.zeros((count, channels, height, width), np.uint8)
    for number in range(count):
        frames[number, :, 4:12, number : number + 8] = (
            np.arange(1, channels + 1)[:, None, None] * 60
        )
    return frames


def decoded(video):
    return np.stack(list(video.frames()))


@pytest.fixture
def gif_file(tmp_path):
    frames = [Image.fromarray(frame.transpose(1, 2, 0)) for frame in squares(3)]
    path = tmp_path / "film.gif"
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=200)
    return path


@pytest.fixture
def mp4_file(tmp_path):
    path = tmp_path / "film.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", 5)
        stream.width, stream.height, stream.pix_fmt = 32, 24, "yuv420p"
        for frame in squares(4):
            pixels = np.ascontiguousarray(frame.transpose(1, 2, 0))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("through", [through_artifact, through_run])
def test_frames_of_few_colours_come_back_exactly_from_a_gif(through):
    frames = squares()
    video = through(artifacts.Video(frames, caption="squares", fps=10))
    assert np.array_equal(decoded(video), frames)
    assert video["_type"] == "video-file"
    assert video["path"].startswith("media/videos/")
    assert video["path"].endswith(".gif")
    assert (video.caption, video.format) == ("squares", "gif")
    assert (video.width, video.height, video.fps, video.duration) == (32, 24, 10, 0.6)
    assert video["frames"] == 6


def test_equal_frames_of_a_gif_are_as_many_as_they_were():
    frames = squares(2).repeat([5, 3], axis=0)
    video = artifacts.Video(frames, fps=30)
    assert np.array_equal(decoded(video), frames)
    # The writer has made one of each kind, shown longer.
    with Image.open(io.BytesIO(contents(video))) as gif:
        assert getattr(gif, "n_frames", 1) == 2
        assert gif.info["duration"] == 170


@pytest.mark.parametrize("format_", ["mp4", "webm", "ogg"])
def test_codecs_keep_frames_closely(format_):
    frames = squares(8, width=64, height=48)
    video = through_artifact(artifacts.Video(frames, fps=12.5, format=format_))
    found = decoded(video)
    assert found.shape == frames.shape
    assert found.dtype == np.uint8
    assert np.abs(found.astype(int) - frames).mean() < 1
    with av.open(io.BytesIO(contents(video))) as container:
        assert container.streams.video[0].guessed_rate == 12.5
    assert video["frames"] == 8


@pytest.mark.parametrize("format_", ["gif", "mp4", "webm", "ogg"])
def test_the_same_frames_are_the_same_file(format_):
    frames = squares()
    first, second = (artifacts.Video(frames, format=format_) for _ in range(2))
    assert contents(first) == contents(second)


def test_sides_are_made_even_for_codecs_with_a_warning(log):
    frames = squares(width=33, height=25)
    video = artifacts.Video(frames, format="mp4")
    assert (video.width, video.height) == (34, 26)
    assert decoded(video).shape[2:] == (26, 34)
    assert "frames of 33 x 25 are padded to even sides" in log.text
    assert artifacts.Video(frames).width == 33  # a gif needs nothing of the kind


def test_a_batch_is_shown_side_by_side():
    one = squares(2, width=8, height=8)
    three = np.stack([one, one // 2, one * 0 + 9])
    found = decoded(artifacts.Video(three))
    assert found.shape == (2, 3, 16, 16)
    assert np.array_equal(found[..., :8, :8], one)
    assert np.array_equal(found[..., :8, 8:], one // 2)
    assert (found[..., 8:, :8] == 9).all()
    assert (found[..., 8:, 8:] == 0).all()


def test_one_channel_is_grey():
    frames = squares(channels=1)
    assert np.array_equal(decoded(artifacts.Video(frames)), frames.repeat(3, axis=1))


def test_floats_from_0_to_1_and_flags_use_the_whole_range():
    frames = squares(channels=1)
    expected = decoded(artifacts.Video((frames > 0).astype(np.uint8) * 255))
    assert np.array_equal(decoded(artifacts.Video((frames > 0).astype(float))), expected)
    assert np.array_equal(decoded(artifacts.Video(frames > 0)), expected)


def test_other_numbers_from_0_to_255_are_taken_as_they_are(log):
    frames = squares()
    expected = decoded(artifacts.Video(frames))
    assert np.array_equal(decoded(artifacts.Video(frames.astype(np.int64))), expected)
    assert log.text == ""
    assert np.array_equal(decoded(artifacts.Video(frames.astype(np.float32))), expected)
    assert "frames of float32 are taken as values from 0 to 255" in log.text


def test_a_tensor_is_detached_and_brought_here():
    class Tensor:
        def detach(self):
            return self

        def cpu(self):
            return self

        def numpy(self):
            return squares()

    assert np.array_equal(decoded(artifacts.Video(Tensor())), squares())


def test_an_array_may_change_afterwards():
    frames = squares()
    video = artifacts.Video(frames)
    frames[:] = 0
    assert np.array_equal(decoded(video), squares())


@pytest.mark.parametrize("through", [through_artifact, through_run])
def test_a_gif_file_is_kept_as_it_is(gif_file, through):
    video = through(artifacts.Video(gif_file))
    assert contents(video) == gif_file.read_bytes()
    assert video["frames"] == 3
    assert (video.width, video.height, video.fps, video.duration) == (32, 24, 5, 0.6)
    assert np.array_equal(decoded(video), squares(3))
    assert video.path.read_bytes() == gif_file.read_bytes()


def test_an_mp4_file_is_kept_as_it_is(mp4_file, log):
    video = through_artifact(artifacts.Video(str(mp4_file), fps=60))
    assert contents(video) == mp4_file.read_bytes()
    assert (video.format, video.fps, video["frames"]) == ("mp4", 5, 4)
    assert "fps is ignored for a file" in log.text


def test_an_open_file_says_itself_what_it_is(mp4_file):
    with mp4_file.open("rb") as file:
        assert artifacts.Video(file).format == "mp4"
    video = artifacts.Video(io.BytesIO(mp4_file.read_bytes()), format="mp4")
    assert contents(video) == mp4_file.read_bytes()


def test_what_was_made_here_has_a_file_as_long_as_it_lives():
    video = artifacts.Video(squares())
    path = video.path
    assert path.read_bytes() == contents(video)
    del video
    assert not path.exists()


def test_the_file_does_not_go_away_with_a_forked_process():
    video = artifacts.Video(squares())
    path = video.path
    child = os.fork()
    if child == 0:
        del video  # for which the file of its own object would go away
        os._exit(0)
    os.waitpid(child, 0)
    assert path.read_bytes() == contents(video)


def test_a_list_is_one_batch():
    batch = through_run([artifacts.Video(squares(n), caption=str(n)) for n in (2, 3)])
    assert batch["_type"] == "videos"
    assert batch["captions"] == ["2", "3"]
    assert np.array_equal(decoded(batch[1]), squares(3))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (np.zeros((3, 8, 8), np.uint8), r"\(time, channel, height, width\).*\(3, 8, 8\)"),
        (np.zeros((2, 8, 8, 3), np.uint8), "1 or 3 channels"),
        (np.zeros((2, 4, 8, 8), np.uint8), "1 or 3 channels"),
        (np.zeros((0, 3, 8, 8), np.uint8), "no frames"),
        (np.full((2, 3, 8, 8), 256), "from 0 to 255"),
        (np.full((2, 3, 8, 8), -1.0), "from 0 to 255"),
        (np.full((2, 3, 8, 8), np.nan), "NaN"),
        ([[[[1]], [[2], [3]]]], "different lengths"),
    ],
)
def test_wrong_arrays_are_refused(data, why):
    with pytest.raises(artifacts.InvalidInputError, match=why):
        artifacts.Video(data)


def test_channels_at_the_end_are_told_from_a_wrong_number_of_them():
    with pytest.raises(artifacts.InvalidInputError) as caught:
        artifacts.Video(np.zeros((2, 8, 8, 3), np.uint8))
    assert "moveaxis" in hint_of(caught)
    with pytest.raises(artifacts.InvalidInputError) as caught:
        artifacts.Video(np.zeros((2, 4, 8, 8), np.uint8))
    assert "alpha" in hint_of(caught)


@pytest.mark.parametrize("data", [None, {"a": 1}, np.array(["text"]), object()])
def test_what_is_no_video_is_refused(data):
    with pytest.raises(artifacts.InvalidTypeError, match="data_or_path"):
        artifacts.Video(data)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"format": "avi"}, "format must be one of gif, mp4, webm, ogg, not 'avi'"),
        ({"fps": 0}, "fps must be between"),
        ({"fps": float("nan")}, "fps must be between"),
        ({"fps": 101}, "fps must be between 0.01 and 100 in a gif"),
        ({"fps": "fast"}, "fps must be a number"),
        ({"caption": 3}, "caption must be text"),
    ],
)
def test_wrong_arguments_are_refused(arguments, why):
    with pytest.raises(ValueError, match=why):
        artifacts.Video(squares(), **arguments)


def test_a_picture_that_is_shown_for_too_long_is_refused():
    with pytest.raises(artifacts.InvalidInputError, match="more than 655 s"):
        artifacts.Video(np.zeros((7, 1, 2, 2), np.uint8), fps=0.01)


def test_broken_files_are_refused(tmp_path, mp4_file, gif_file):
    for name, data, why in [
        ("a.mp4", b"", "cannot be read as a video"),
        ("b.mp4", b"no video at all" * 20, "cannot be read as a video"),
        ("c.mp4", mp4_file.read_bytes()[:-500], "cannot be read as a video"),
        ("d.mp4", gif_file.read_bytes(), "not mp4"),
        ("e.avi", gif_file.read_bytes(), "suffix"),
    ]:
        path = tmp_path / name
        path.write_bytes(data)
        with pytest.raises(artifacts.InvalidInputError, match=why):
            artifacts.Video(path)


def test_paths_that_lead_nowhere_are_refused(tmp_path):
    with pytest.raises(artifacts.InvalidInputError, match="data_or_path does not exist"):
        artifacts.Video(tmp_path / "none.gif")
    with pytest.raises(artifacts.InvalidInputError, match="data_or_path is no file"):
        artifacts.Video(tmp_path)
    with pytest.raises(artifacts.InvalidInputError, match="data_or_path is a URL") as caught:
        artifacts.Video("https://example.org/film.mp4")
    assert "add_reference" in hint_of(caught)


@pytest.mark.parametrize("library", ["av", "PIL.Image", "numpy"])
def test_a_missing_library_is_named(monkeypatch, library, mp4_file):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(artifacts.ConfigError, match="which is") as caught:
        artifacts.Video(mp4_file if library == "av" else squares())
    assert "pip install" in hint_of(caught)
    assert caught.value.kind == "not_installed"
