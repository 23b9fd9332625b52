"""Sound: of arrays, of files, and what is refused."""

import io
import math
import sys
import wave
from typing import Any

import numpy as np
import pytest
import soundfile

import artifacts
from tests.sdk.helpers import hint_of
from tests.sdk.media.trips import contents, through_artifact, through_run

RATE = 8000


def tone(count=400, dtype="float64", channels=None):
    """A tone that uses the whole range of a type."""
    shape = (count,) if channels is None else (count, channels)
    wave_ = np.sin(np.linspace(0, 40, math.prod(shape))).reshape(shape)
    if dtype == "uint8":
        return (wave_ * 127 + 128).astype(dtype)
    if dtype.startswith("int"):
        return (wave_ * np.iinfo(dtype).max).astype(dtype)
    return wave_.astype(dtype)


@pytest.fixture
def wav_file(tmp_path):
    path = tmp_path / "tone.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(tone(dtype="int16", channels=2).tobytes())
    return path


@pytest.mark.parametrize("channels", [None, 1, 2])
@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32", "float64"])
def test_samples_come_back_exactly(dtype, channels):
    samples = tone(dtype=dtype, channels=channels)
    found = through_artifact(artifacts.Audio(samples, sample_rate=RATE)).samples()
    assert found.dtype == samples.dtype
    assert np.array_equal(found, samples.reshape(found.shape))
    assert found.ndim == (2 if channels == 2 else 1)


def test_the_extremes_of_each_type_come_back_exactly():
    for dtype in ("uint8", "int16", "int32"):
        limits = np.iinfo(dtype)
        samples = np.array([limits.min, limits.max, limits.min + 1, 0, 1], dtype)
        assert np.array_equal(artifacts.Audio(samples, RATE).samples(), samples)


def test_a_logged_sound_says_what_it_is():
    audio = through_run(artifacts.Audio(tone(channels=2), RATE, "a tone"))
    assert audio["_type"] == "audio-file"
    assert audio["path"].startswith("media/audio/thing_0_")
    assert audio["path"].endswith(".wav")
    assert (audio["sample_rate"], audio["channels"], audio["duration"]) == (RATE, 2, 0.05)
    assert (audio.sample_rate, audio.channels, audio.duration) == (RATE, 2, 0.05)
    assert audio.caption == "a tone"
    assert np.array_equal(audio.samples(), tone(channels=2))


def test_other_programs_read_what_was_written():
    samples = tone(dtype="int16", channels=2)
    with wave.open(io.BytesIO(contents(artifacts.Audio(samples, RATE)))) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, RATE)
        assert file.readframes(400) == samples.tobytes()


def test_the_same_samples_are_the_same_file_at_any_time(monkeypatch):
    samples = tone(dtype="float32")
    made = contents(artifacts.Audio(samples, RATE))
    # A file of floats says when it was made; what the library writes there is not ours to set.
    file = io.BytesIO()
    soundfile.write(file, samples, RATE, "FLOAT", format="WAV")
    written = file.getvalue()
    at = written.index(b"PEAK") + 12
    assert int.from_bytes(written[at : at + 4], "little") > 1_000_000_000
    assert made == written[:at] + bytes(4) + written[at + 4 :]


@pytest.mark.parametrize("through", [through_artifact, through_run])
def test_a_file_is_kept_as_it_is(wav_file, through):
    audio = through(artifacts.Audio(wav_file))
    assert contents(audio) == wav_file.read_bytes()
    assert (audio.sample_rate, audio.channels, audio.duration) == (RATE, 2, 0.05)
    assert np.array_equal(audio.samples(), tone(dtype="int16", channels=2))


@pytest.mark.parametrize("format_", ["flac", "mp3", "ogg"])
def test_compressed_files_are_read(tmp_path, format_, log):
    path = tmp_path / f"tone.{format_}"
    soundfile.write(path, tone(4000), RATE)
    audio = through_artifact(artifacts.Audio(str(path), sample_rate=1))
    assert contents(audio) == path.read_bytes()
    assert audio.format == format_
    assert audio.sample_rate == RATE
    found = audio.samples()
    assert found.dtype == ("int16" if format_ == "flac" else "float32")
    scale = 1 << 15 if format_ == "flac" else 1
    assert np.abs(found[:4000] / scale - tone(4000)).mean() < 0.05
    assert "sample_rate is ignored for a file" in log.text


def test_an_open_file_says_itself_what_it_is(wav_file):
    with wav_file.open("rb") as file:
        audio = artifacts.Audio(file)
    assert (audio.format, contents(audio)) == ("wav", wav_file.read_bytes())


def test_lists_and_half_floats_are_kept():
    assert artifacts.Audio([0.5, -0.5], RATE).samples().tolist() == [0.5, -0.5]
    half = tone(dtype="float16")
    assert np.array_equal(artifacts.Audio(half, RATE).samples(), half.astype("float32"))


def test_an_array_may_change_afterwards():
    samples = tone()
    audio = artifacts.Audio(samples, RATE)
    samples[:] = 0
    assert np.array_equal(audio.samples(), tone())


def test_samples_beyond_the_range_are_kept_with_a_warning(log):
    audio = artifacts.Audio([0.0, 1.5], RATE)
    assert audio.samples().tolist() == [0.0, 1.5]
    assert "samples beyond -1 and 1 are kept" in log.text


def test_a_list_is_one_batch():
    sounds = [artifacts.Audio(tone(n), RATE, caption=str(n)) for n in (200, 400)]
    assert artifacts.Audio.durations(sounds) == [0.025, 0.05]
    assert artifacts.Audio.sample_rates(sounds) == [RATE, RATE]
    batch = through_run(sounds)
    assert batch["_type"] == "audio"
    assert batch["captions"] == ["200", "400"]
    assert np.array_equal(batch[1].samples(), tone(400))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (np.zeros((2, 3, 4)), r"\(n,\) or \(n, channels\), not of shape \(2, 3, 4\)"),
        (np.zeros(0), r"not of shape \(0,\)"),
        (np.float64(1.0), r"not of shape \(\)"),
        (np.zeros((2, 400)), "400 channels"),
        (np.zeros((1000, 65)), "65 channels"),
        (np.array([0.0, np.nan]), "NaN"),
        (np.array([0.0, np.inf]), "infinite"),
        (np.zeros(4, "int64"), "not int64"),
        (np.zeros(4, bool), "not bool"),
    ],
)
def test_wrong_arrays_are_refused(data, why):
    with pytest.raises(artifacts.InvalidInputError, match=f"data_or_path .*{why}"):
        artifacts.Audio(data, RATE)


def test_channels_that_come_first_are_recognized():
    with pytest.raises(artifacts.InvalidInputError) as caught:
        artifacts.Audio(np.zeros((2, 400)), RATE)
    assert "data.T" in hint_of(caught)


@pytest.mark.parametrize(
    ("rate", "why"),
    [
        (None, "sample_rate is needed"),
        (0, "sample_rate must be positive"),
        (-RATE, "sample_rate must be positive"),
        (44.1, "sample_rate must be an integer"),
        ("8000", "sample_rate must be an integer"),
        (True, "sample_rate must be an integer"),
    ],
)
def test_wrong_rates_are_refused(rate, why):
    with pytest.raises(ValueError, match=why):
        artifacts.Audio(tone(), rate)


def test_a_rate_of_numpy_is_taken():
    rate: Any = np.int64(RATE)
    assert artifacts.Audio(tone(), rate).sample_rate == RATE


@pytest.mark.parametrize("data", [None, object(), ["a", "b"], {"a": 1}])
def test_what_is_no_sound_is_refused(data):
    with pytest.raises(artifacts.InvalidTypeError, match="data_or_path"):
        artifacts.Audio(data, RATE)


def test_broken_files_are_refused(tmp_path, wav_file):
    path = tmp_path / "broken.wav"
    for data in (b"", b"no sound at all" * 20, wav_file.read_bytes()[:20]):
        path.write_bytes(data)
        with pytest.raises(
            artifacts.InvalidInputError, match="data_or_path cannot be read"
        ) as caught:
            artifacts.Audio(path)
        assert "convert it" in hint_of(caught)
    path.write_bytes(wav_file.read_bytes()[:44])
    with pytest.raises(artifacts.InvalidInputError, match="no samples"):
        artifacts.Audio(path)
    with pytest.raises(artifacts.InvalidInputError, match="data_or_path does not exist"):
        artifacts.Audio(tmp_path / "none.wav")


@pytest.mark.parametrize("library", ["soundfile", "numpy"])
def test_a_missing_library_is_named(monkeypatch, library):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(artifacts.ConfigError) as caught:
        artifacts.Audio([0.0], RATE)
    assert "pip install" in hint_of(caught)
    assert caught.value.kind == "not_installed"
