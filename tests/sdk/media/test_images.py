"""Images: of arrays, tensors, pictures, figures and files, and what is refused."""

import io
import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
import PIL.Image
import pytest

import artifacts
from artifacts.media import _pictures, _pixels
from tests.sdk.helpers import hint_of
from tests.sdk.media.trips import contents, through_artifact, through_run

mpl.use("agg")

from matplotlib import pyplot as plt
from matplotlib.figure import Figure


def noise(*shape, dtype=np.uint8):
    return np.random.default_rng(7).integers(0, 256, shape).astype(dtype)


def pixels(image):
    return np.asarray(image.image)


@pytest.fixture(autouse=True)
def anew(monkeypatch):
    """What is said once is said once in each test."""
    monkeypatch.setattr(_pixels, "_warned", set())


@pytest.fixture
def png_file(tmp_path):
    path = tmp_path / "noise.png"
    PIL.Image.fromarray(noise(9, 7, 3)).save(path)
    return path


class FakeTensor:
    """A torch tensor as far as images are concerned: on a device, and part of a graph."""

    def __init__(self, array):
        self._array = array

    def detach(self):
        return Detached(self._array)


class Detached(FakeTensor):
    def cpu(self):
        return Here(self._array)


class Here(FakeTensor):
    def numpy(self):
        return self._array


FakeTensor.__name__, FakeTensor.__module__ = "Tensor", "torch"


@pytest.mark.parametrize("through", [through_artifact, through_run])
@pytest.mark.parametrize("file_type", ["png", "bmp", "webp"])
def test_lossless_formats_come_back_exactly(through, file_type):
    data = noise(9, 7, 3)
    image = through(artifacts.Image(data, caption="noise", grouping=3, file_type=file_type))
    assert np.array_equal(pixels(image), data)
    assert image["_type"] == "image-file"
    assert image["path"].startswith("media/images/")
    assert image["path"].endswith(f".{file_type}")
    assert (image.width, image.height, image.format) == (7, 9, file_type)
    assert (image.caption, image.grouping) == ("noise", 3)
    assert (image["width"], image["height"], image["caption"]) == (7, 9, "noise")


@pytest.mark.parametrize(("file_type", "name"), [("jpg", "JPEG"), ("jpeg", "JPEG"), ("gif", "GIF")])
def test_lossy_formats_are_what_they_are_called(file_type, name):
    data = np.full((9, 7, 3), 200, np.uint8)
    image = artifacts.Image(data, file_type=file_type)
    with PIL.Image.open(io.BytesIO(contents(image))) as picture:
        assert picture.format == name
        assert np.abs(np.asarray(picture.convert("RGB")).astype(int) - data).max() < 4


@pytest.mark.parametrize(
    ("data", "expected", "mode"),
    [
        (noise(5, 4), noise(5, 4), "L"),
        (noise(5, 4, 1), noise(5, 4, 1)[..., 0], "L"),
        (noise(5, 4, 4), noise(5, 4, 4), "RGBA"),
        (noise(1, 5, 6), noise(1, 5, 6)[0], "L"),
        (noise(1, 5, 4, 3), noise(5, 4, 3), "RGB"),
        (noise(5, 4, 3, dtype=np.int64), noise(5, 4, 3), "RGB"),
        (noise(5, 4, 3) / 255, noise(5, 4, 3), "RGB"),
        ((noise(5, 4, 3) / 255).astype(np.float32), noise(5, 4, 3), "RGB"),
        ((noise(5, 4) / 255).astype(np.float16), noise(5, 4), "L"),
        (noise(5, 4, dtype=float), noise(5, 4), "L"),
        (noise(5, 4) > 127, (noise(5, 4) > 127) * 255, "L"),
        (noise(6, 8, 3)[::2, ::-1], noise(6, 8, 3)[::2, ::-1], "RGB"),
        (noise(5, 4).tolist(), noise(5, 4), "L"),
    ],
)
def test_brightnesses_and_fractions_of_them(data, expected, mode, log):
    image = artifacts.Image(data)
    assert np.array_equal(pixels(image), expected)
    assert image.image.mode == mode
    assert log.text == ""


def test_numbers_from_minus_1_to_1(log):
    image = artifacts.Image(np.array([[-1.0, 0.0, 1.0]]))
    assert pixels(image).tolist() == [[0, 128, 255]]
    assert "from -1 to 1 are shown from black to white" in log.text


@pytest.mark.parametrize("data", [[[-2.0, 0.0, 2.0]], [[0, 500, 1000]], [[-1, 0, 1]]])
def test_other_numbers_are_scaled_with_one_warning(data, log):
    for _ in range(2):
        image = artifacts.Image(np.array(data))
    assert pixels(image).tolist() == [[0, 128, 255]]
    assert log.text.count("the smallest to black") == 1


def test_one_number_that_is_too_large_or_too_small():
    assert pixels(artifacts.Image(np.full((2, 2), 700))).max() == 255
    assert pixels(artifacts.Image(np.full((2, 2), -7.5))).max() == 0


def test_nothing_is_scaled_without_normalize():
    image = artifacts.Image(np.array([[0.0, 0.6, 1.0, 254.6]]), normalize=False)
    assert pixels(image).tolist() == [[0, 1, 1, 255]]
    with pytest.raises(artifacts.InvalidInputError, match=r"from -1\.0 to 0\.0, beyond 0 to 255"):
        artifacts.Image(np.array([[-1.0, 0.0]]), normalize=False)


def test_16_bits_on_request():
    data = np.arange(0, 60000, 1000).reshape(6, 10)
    image = through_artifact(artifacts.Image(data, mode="I;16"))
    assert np.array_equal(pixels(image), data)


def test_the_channels_of_a_tensor_come_first():
    data = noise(3, 5, 4)
    image = artifacts.Image(FakeTensor(data))
    assert np.array_equal(pixels(image), data.transpose(1, 2, 0))
    assert np.array_equal(pixels(artifacts.Image(FakeTensor(data[0]))), data[0])
    with pytest.raises(artifacts.InvalidInputError, match="1, 3 or 4 channels, not 5"):
        artifacts.Image(FakeTensor(noise(5, 4, 3)))


def test_a_batch_of_tensors_is_a_grid():
    data = noise(10, 1, 3, 4)
    found = pixels(artifacts.Image(FakeTensor(data)))
    assert found.shape == (2 * 5 + 2, 8 * 6 + 2)
    assert np.array_equal(found[2:5, 2:6], data[0, 0])
    assert np.array_equal(found[7:10, 8:12], data[9, 0])
    assert not found[7:, 14:].any()
    assert np.array_equal(pixels(artifacts.Image(FakeTensor(data[:1]))), data[0, 0])


def test_a_real_tensor():
    torch = pytest.importorskip("torch")
    data = torch.rand(3, 5, 4, requires_grad=True)
    expected = np.rint(data.detach().numpy() * 255).transpose(1, 2, 0)
    assert np.array_equal(pixels(artifacts.Image(data)), expected)
    assert artifacts.Image(data.to(torch.bfloat16)).width == 4


def test_a_tensor_of_another_library():
    class EagerTensor:
        def numpy(self):
            return noise(5, 4, 3)

    assert np.array_equal(pixels(artifacts.Image(EagerTensor())), noise(5, 4, 3))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "I"])
def test_pictures_come_back_exactly(mode):
    picture = PIL.Image.fromarray(noise(5, 4, 3)).convert("L" if mode[0] == "I" else mode)
    picture = picture.convert(mode)
    found = through_artifact(artifacts.Image(picture)).image
    assert found.mode == ("I;16" if mode == "I" else mode)
    assert found.convert("RGBA").tobytes() == picture.convert("RGBA").tobytes()


@pytest.mark.parametrize("mode", ["CMYK", "YCbCr", "HSV", "RGBX", "PA"])
@pytest.mark.parametrize("file_type", _pictures.FILE_TYPES)
def test_pictures_of_other_modes_are_converted(mode, file_type):
    picture = PIL.Image.new("RGB", (4, 5), (250, 240, 230))
    picture = picture.quantize(4).convert(mode) if mode == "PA" else picture.convert(mode)
    found = artifacts.Image(picture, file_type=file_type).image.convert("RGB")
    assert found.getpixel((0, 0)) == pytest.approx(picture.convert("RGB").getpixel((0, 0)), abs=5)


def test_numbers_that_a_picture_has():
    picture = PIL.Image.fromarray(np.array([[0.0, 0.5, 1.0]], np.float32))
    assert picture.mode == "F"
    assert pixels(artifacts.Image(picture)).tolist() == [[0, 128, 255]]
    image = artifacts.Image(PIL.Image.fromarray(np.array([[0, 65535]], np.uint16)), file_type="bmp")
    assert pixels(image).tolist() == [[0, 255]]


@pytest.mark.parametrize("file_type", ["jpg", "bmp"])
def test_white_shines_through_where_there_is_no_transparency(file_type):
    image = artifacts.Image(PIL.Image.new("RGBA", (4, 4), (0, 0, 0, 0)), file_type=file_type)
    assert (pixels(image) == 255).all()


def test_a_mode_that_the_pixels_are_meant_as():
    data = noise(5, 4, 3)
    found = artifacts.Image(data, mode="HSV").image
    assert found.mode == "RGB"
    hsv = PIL.Image.frombytes("HSV", (4, 5), data.tobytes())
    assert found.tobytes() == hsv.convert("RGB").tobytes()
    assert artifacts.Image(noise(5, 4), mode="1").image.mode == "1"
    assert artifacts.Image(PIL.Image.fromarray(data), mode="L").image.mode == "L"


@pytest.mark.parametrize("through", [through_artifact, through_run])
@pytest.mark.parametrize("kind", [str, Path])
def test_a_file_is_kept_as_it_is(png_file, through, kind):
    image = through(artifacts.Image(kind(png_file)))
    assert contents(image) == png_file.read_bytes()
    assert (image.width, image.height, image.format) == (7, 9, "png")
    assert image["size"] == png_file.stat().st_size


def test_the_format_is_that_of_the_contents(tmp_path):
    path = tmp_path / "picture.png"
    PIL.Image.fromarray(noise(9, 7)).save(path, "JPEG")
    image = through_artifact(artifacts.Image(path))
    assert image.format == "jpg"
    assert image["path"].endswith(".jpg")
    assert artifacts.Image(path.rename(tmp_path / "picture.JPEG")).format == "jpeg"


def test_an_open_file(png_file):
    with png_file.open("rb") as file:
        image = artifacts.Image(file)
    assert contents(image) == png_file.read_bytes()
    assert artifacts.Image(io.BytesIO(png_file.read_bytes())).format == "png"


def test_all_frames_of_an_animation(tmp_path):
    frames = [PIL.Image.new("L", (4, 4), value) for value in (0, 100, 200)]
    frames[0].save(tmp_path / "film.gif", save_all=True, append_images=frames[1:])
    picture = through_artifact(artifacts.Image(tmp_path / "film.gif")).image
    assert picture.n_frames == 3
    picture.seek(2)
    assert picture.convert("L").getpixel((0, 0)) == 200


def test_another_image_without_what_lies_over_it(png_file):
    mask = {"mask_data": noise(9, 7)}
    first = artifacts.Image(png_file, caption="first", masks={"truth": mask})
    second = through_artifact(artifacts.Image(first, caption="second"))
    assert contents(second) == png_file.read_bytes()
    assert second.caption == "second"
    assert second.masks == {}
    assert second.classes is not None
    assert artifacts.Image(first).caption == "first"
    with pytest.raises(artifacts.InvalidTypeError, match="caption must be text"):
        artifacts.Image(first, caption=b"second")  # type: ignore[arg-type]


def test_a_large_image_outlives_the_one_it_was_taken_from(monkeypatch):
    monkeypatch.setattr(_pictures, "_IN_MEMORY", 10)
    first = artifacts.Image(noise(9, 7, 3))
    second = artifacts.Image(first)
    file = second.path
    del first
    assert np.array_equal(pixels(second), noise(9, 7, 3))
    del second
    assert not file.exists()


def test_an_array_may_change_afterwards():
    data = noise(5, 4)
    image = artifacts.Image(data)
    data[:] = 0
    assert np.array_equal(pixels(image), noise(5, 4))


def test_the_same_picture_is_the_same_file():
    data = noise(50, 40, 3)
    with_history = PIL.Image.fromarray(data)
    with_history.info["Comment"] = "made at noon"
    assert contents(artifacts.Image(data)) == contents(artifacts.Image(with_history))
    figure = Figure()
    figure.add_subplot().plot([1, 2])
    assert contents(artifacts.Image(figure)) == contents(artifacts.Image(figure))


def test_the_same_image_is_kept_once(run):
    for _ in range(3):
        run.log({"noise": artifacts.Image(noise(50, 40, 3))})
    run.finish()
    rows = list(artifacts.Api(project="demo").run(run.id).scan_history())
    assert len({row["noise"]["digest"] for row in rows}) == 1
    assert len({row["noise"]["path"] for row in rows}) == 3


def test_a_list_is_one_batch(log):
    images = [artifacts.Image(noise(n + 1, 4), caption=str(n)) for n in range(110)]
    batch = through_run(images)
    assert batch["_type"] == "images/separated"
    assert batch["count"] == len(batch) == len(batch["filenames"]) == 108
    assert batch["captions"][:2] == ["0", "1"]
    assert (batch["width"], batch["height"], batch["format"]) == (4, 1, "png")
    assert np.array_equal(pixels(batch[107]), noise(108, 4))
    assert "has 110 objects of type Image, of which the first 108 are logged" in log.text


def test_pictures_are_images_when_they_are_logged():
    image = through_run(PIL.Image.fromarray(noise(5, 4, 3)))
    assert isinstance(image, artifacts.Image)
    assert np.array_equal(pixels(image), noise(5, 4, 3))


def test_a_figure_has_its_size():
    figure = Figure(figsize=(3, 2), dpi=70)
    axes = figure.add_subplot()
    axes.plot([1, 2])
    for data in (figure, axes, axes.lines[0]):
        image = artifacts.Image(data)
        assert (image.width, image.height, image.format) == (210, 140, "png")
    assert artifacts.Image(figure, file_type="jpg").format == "jpg"


def test_the_current_figure_stays_open():
    figure, axes = plt.subplots(figsize=(3, 2), dpi=50)
    axes.plot([1, 2])
    assert artifacts.Image(plt).width == 150
    assert plt.fignum_exists(figure.number)
    plt.close(figure)
    with pytest.raises(artifacts.InvalidInputError, match="there is no figure") as caught:
        artifacts.Image(plt)
    assert "before it is shown or closed" in hint_of(caught)


def test_pixels_as_lists():
    assert artifacts.Image(np.array([[1, 2], [3, 4]])).to_data_array() == [[1, 2], [3, 4]]
    colours = np.array([[[1, 2, 3], [4, 5, 6]]])
    assert artifacts.Image(colours).to_data_array() == [[(1, 2, 3), (4, 5, 6)]]


@pytest.mark.parametrize(
    ("shape", "mode"), [((5, 4), "L"), ((5, 4, 1), "L"), ((5, 4, 3), "RGB"), ((5, 4, 4), "RGBA")]
)
def test_the_mode_of_an_array(shape, mode):
    assert artifacts.Image.guess_mode(noise(*shape)) == mode


def test_the_mode_of_what_is_no_image():
    with pytest.raises(ValueError, match="not 2"):
        artifacts.Image.guess_mode(noise(5, 4, 2))
    with pytest.raises(ValueError, match=r"not of shape \(5,\)"):
        artifacts.Image.guess_mode(noise(5))


def test_notebooks_show_it():
    image = artifacts.Image(noise(5, 4, 3), file_type="bmp")
    with PIL.Image.open(io.BytesIO(image._repr_png_())) as picture:
        assert picture.format == "PNG"
        assert np.array_equal(np.asarray(picture), noise(5, 4, 3))
    assert image._repr_html_() is None
    shown = artifacts.Image(noise(5, 4), caption="<b>")._repr_html_()
    assert shown is not None
    assert shown.startswith('<figure><img src="data:image/png;base64,')
    assert "<figcaption>&lt;b&gt;</figcaption>" in shown


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (noise(5), r"not of shape \(5,\)"),
        (noise(2, 3, 4, 5), r"not of shape \(2, 3, 4, 5\)"),
        (noise(5, 4, 2), "1, 3 or 4 channels, not 2"),
        (np.zeros((0, 4)), "no pixels"),
        (np.array([[0.0, np.nan]]), "NaN or infinite"),
        (np.array([[0.0, np.inf]]), "NaN or infinite"),
        ([[1, 2], [3]], "different lengths"),
        (np.zeros((1, 65501), np.uint8), "at most 65500 pixels on a side"),
    ],
)
def test_wrong_arrays_are_refused(data, why):
    with pytest.raises(artifacts.InvalidInputError, match=why):
        artifacts.Image(data)


def test_the_way_out_for_channels_that_come_first():
    with pytest.raises(artifacts.InvalidInputError, match="1, 3 or 4 channels, not 50") as caught:
        artifacts.Image(noise(3, 40, 50))
    assert "numpy.moveaxis(data, 0, -1)" in hint_of(caught)


@pytest.mark.parametrize(
    ("arguments", "error", "why"),
    [
        ({"file_type": "tiff"}, artifacts.InvalidInputError, "file_type must be one of png, jpg"),
        ({"file_type": 3}, artifacts.InvalidInputError, "file_type must be one of"),
        ({"mode": "X"}, artifacts.InvalidInputError, "mode is none of Pillow's: 'X'"),
        ({"mode": "RGB"}, artifacts.InvalidInputError, "'RGB' has 3 channels, and data has 1"),
        ({"mode": 1}, artifacts.InvalidTypeError, "mode must be text"),
        ({"caption": 1}, artifacts.InvalidTypeError, "caption must be text"),
        ({"grouping": "1"}, artifacts.InvalidTypeError, "grouping must be a whole number"),
        ({"classes": "cat"}, artifacts.InvalidTypeError, "class_set must be a list"),
        ({"boxes": []}, artifacts.InvalidTypeError, "boxes must be a dict"),
        ({"masks": {1: {}}}, artifacts.InvalidTypeError, "masks must be a dict"),
    ],
)
def test_wrong_arguments_are_refused(arguments, error, why):
    with pytest.raises(error, match=why):
        artifacts.Image(noise(5, 4), **arguments)


@pytest.mark.parametrize("data", [None, {"a": 1}, b"bytes", object(), [["a"]]])
def test_what_is_no_image(data):
    with pytest.raises(artifacts.InvalidTypeError, match="data_or_path must"):
        artifacts.Image(data)


@pytest.mark.parametrize("url", ["https://example.com/a.png", "s3://bucket/a.png"])
def test_urls_are_refused(url):
    with pytest.raises(artifacts.InvalidInputError, match="data_or_path is a URL") as caught:
        artifacts.Image(url)
    assert "download it first" in hint_of(caught)


def test_broken_files_are_refused(png_file, tmp_path):
    with pytest.raises(artifacts.InvalidInputError, match=r"does not exist: .*none\.png"):
        artifacts.Image(tmp_path / "none.png")
    with pytest.raises(artifacts.InvalidInputError, match="is no file"):
        artifacts.Image(tmp_path)
    text = tmp_path / "text.png"
    text.write_text("no picture")
    with pytest.raises(artifacts.InvalidInputError, match=r"text\.png is not an image"):
        artifacts.Image(text)
    data = png_file.read_bytes()
    png_file.write_bytes(data[: len(data) // 2])
    with pytest.raises(artifacts.InvalidInputError, match=r"noise\.png is a damaged image"):
        artifacts.Image(png_file)


def test_a_format_that_needs_a_program_of_the_system_is_refused(tmp_path):
    path = tmp_path / "page.eps"
    PIL.Image.new("L", (4, 4)).save(path)
    with pytest.raises(artifacts.InvalidInputError, match=r"page\.eps is not an image in a known"):
        artifacts.Image(path)


@pytest.mark.parametrize("most", [40, 60])
def test_a_file_with_too_many_pixels_is_refused(png_file, monkeypatch, most):
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", most // 2)
    with pytest.raises(
        artifacts.InvalidInputError, match=r"noise\.png has too many pixels"
    ) as caught:
        artifacts.Image(png_file)
    assert "PIL.Image.MAX_IMAGE_PIXELS" in hint_of(caught)


def test_a_kept_image_with_many_pixels_is_read(monkeypatch):
    image = through_artifact(artifacts.Image(noise(9, 7)))
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 50)
    assert np.array_equal(pixels(image), noise(9, 7))
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 30)
    with pytest.raises(artifacts.InvalidInputError, match="has too many pixels"):
        image.image  # noqa: B018 - reading it is the point


def test_a_large_array_is_not_copied_as_floats(monkeypatch):
    largest = 0
    rint = np.rint

    def watched(values, **options):
        nonlocal largest
        largest = max(largest, values.size)
        return rint(values, **options)

    monkeypatch.setattr(np, "rint", watched)
    data = np.linspace(0, 1, 3_000_000).reshape(1000, 1000, 3)
    expected = rint(data * 255)
    assert np.array_equal(pixels(artifacts.Image(data)), expected)
    assert 0 < largest <= 1 << 20


def test_nothing_is_logged_with_a_wrong_image(run):
    with pytest.raises(artifacts.InvalidInputError):
        run.log({"loss": 1, "image": artifacts.Image(noise(5))})
    assert run.step == 0


def test_without_pillow(monkeypatch, png_file):
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(
        artifacts.ConfigError, match="needs pillow, which is not installed"
    ) as caught:
        artifacts.Image(png_file)
    assert hint_of(caught) == "install it with: pip install 'artifacts-cas[media]'"
    assert caught.value.kind == "not_installed"
