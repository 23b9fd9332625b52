"""What lies over images: classes, boxes and masks."""

import io

import numpy as np
import PIL.Image
import pytest

import artifacts
from tests.sdk.helpers import hint_of
from tests.sdk.media.trips import contents, through_artifact, through_run

CORNERS = {"minX": 0.1, "maxX": 0.2, "minY": 0.3, "maxY": 0.4}
LABELS = {0: "road", 7: "car"}


def picture():
    return np.zeros((6, 8), np.uint8)


def boxes_of(*boxes, **more):
    return artifacts.BoundingBoxes2D({"box_data": list(boxes), **more}, "predictions")


def box(**more):
    return {"position": CORNERS, **more}


@pytest.mark.parametrize("through", [through_artifact, through_run])
def test_boxes_come_back(through):
    boxes = [
        box(class_id=7, scores={"iou": 0.5, "rank": 2}, box_caption="a car"),
        {
            "position": {"middle": [150, 20.5], "width": 68, "height": 112},
            "domain": "pixel",
            "class_id": 0,
        },
    ]
    given = {"predictions": {"box_data": boxes, "class_labels": LABELS}}
    image = through(artifacts.Image(picture(), boxes=given))
    found = image.boxes["predictions"]
    assert found.box_data == boxes
    assert found.class_labels == LABELS
    assert image["boxes"]["predictions"]["_type"] == "boxes2D"
    assert image["boxes"]["predictions"]["path"].startswith("media/metadata/boxes2D/")


def test_numbers_of_boxes_may_be_those_of_numpy():
    position = {name: np.float32(0.5) for name in CORNERS}
    found = boxes_of(
        {"position": position, "class_id": np.int64(3), "scores": {"iou": np.array(0.25)}}
    ).box_data
    assert found == [
        {"position": dict.fromkeys(CORNERS, 0.5), "class_id": 3, "scores": {"iou": 0.25}}
    ]
    middle = {"middle": np.array([1, 2]), "width": np.int8(3), "height": 4}
    assert boxes_of({"position": middle}).box_data == [{"position": {**middle, "middle": [1, 2]}}]


def test_classes_without_names_get_some():
    boxes = boxes_of(box(class_id=3), box(class_id=1), box())
    assert boxes.class_labels == {1: "class_1", 3: "class_3"}
    mask = artifacts.ImageMask({"mask_data": np.array([[0, 2]])}, "truth")
    assert mask.class_labels == {0: "class_0", 2: "class_2"}


def test_what_else_a_box_has_is_kept():
    assert boxes_of(box(track="a", domain=None)).box_data == [box(track="a")]


@pytest.mark.parametrize(
    ("given", "error", "why"),
    [
        ({}, TypeError, "position must be a dict with minX"),
        ({"position": {"minX": 0, "maxX": 1}}, TypeError, "position must be a dict with minX"),
        ({"position": {**CORNERS, "minX": "0"}}, TypeError, "position minX must be a number"),
        ({"position": {**CORNERS, "minX": True}}, TypeError, "position minX must be a number"),
        ({"position": {**CORNERS, "minX": np.zeros(2)}}, TypeError, "not several"),
        ({"position": {**CORNERS, "minX": np.nan}}, ValueError, "minX must be finite"),
        ({"position": {**CORNERS, "minX": 0.3}}, ValueError, "minX above its maxX"),
        ({"position": {"middle": [1], "width": 1, "height": 1}}, TypeError, r"must be \[x, y\]"),
        ({"position": {"middle": 1, "width": 1, "height": 1}}, TypeError, r"must be \[x, y\]"),
        ({"position": {"middle": [1, 2], "width": -1, "height": 1}}, ValueError, "negative width"),
        (box(domain="percent"), ValueError, "unknown domain: 'percent'"),
        (box(domain=["pixel"]), ValueError, "unknown domain"),
        (box(class_id="car"), TypeError, "class_id must be a whole number, not 'car'"),
        (box(class_id=1.5), TypeError, "class_id must be a whole number"),
        (box(scores=[1]), TypeError, "scores must be a dict"),
        (box(scores={1: 1}), TypeError, "scores must be a dict"),
        (box(scores={"iou": "high"}), TypeError, "scores iou must be a number"),
        (box(box_caption=1), TypeError, "box_caption must be text"),
        (box(track=object()), TypeError, "what JSON has not"),
        ("box", TypeError, "must be a dict, not str"),
    ],
)
def test_wrong_boxes_are_refused(given, error, why):
    with pytest.raises(error, match=why) as caught:
        artifacts.Image(picture(), boxes={"predictions": {"box_data": [box(), given]}})
    assert isinstance(caught.value, artifacts.InvalidInputError)
    assert str(caught.value).startswith("boxes['predictions']")


@pytest.mark.parametrize("val", [[], {}, {"box_data": box()}])
def test_boxes_are_a_list_in_a_dict(val):
    with pytest.raises(artifacts.InvalidTypeError, match=r"boxes\['truth'\] must be a dict with"):
        artifacts.Image(picture(), boxes={"truth": val})


@pytest.mark.parametrize("labels", [["road"], {0: 1}, {"road": "road"}, {0.5: "road"}])
def test_wrong_labels_are_refused(labels):
    for call in (
        lambda: boxes_of(class_labels=labels),
        lambda: artifacts.ImageMask({"mask_data": picture(), "class_labels": labels}, "truth"),
    ):
        with pytest.raises(artifacts.InvalidTypeError, match="class_labels"):
            call()


@pytest.mark.parametrize("through", [through_artifact, through_run])
@pytest.mark.parametrize(
    ("data", "type_"),
    [
        (np.arange(48).reshape(6, 8), np.uint8),
        (np.arange(48).reshape(6, 8) * 5, np.uint8),
        (np.arange(48).reshape(6, 8) * 1000, np.uint16),
        (np.eye(6) > 0, np.uint8),
        (np.eye(6) * 3, np.uint8),
    ],
)
def test_masks_come_back_exactly(through, data, type_):
    val = {"mask_data": data, "class_labels": LABELS}
    image = through(artifacts.Image(picture(), masks={"truth": val}))
    mask = image.masks["truth"]
    assert np.array_equal(mask.mask_data, data)
    assert mask.mask_data.dtype == type_
    assert mask.class_labels == LABELS
    assert image["masks"]["truth"]["_type"] == "mask"
    assert image["masks"]["truth"]["path"].startswith("media/images/mask/")
    with PIL.Image.open(io.BytesIO(contents(mask))) as file:
        assert file.format == "PNG"


def test_a_mask_of_a_file_is_kept_as_it_is(tmp_path):
    path = tmp_path / "mask.png"
    PIL.Image.fromarray(np.eye(6, dtype=np.uint8)).save(path)
    image = through_artifact(artifacts.Image(picture(), masks={"truth": {"path": path}}))
    mask = image.masks["truth"]
    assert contents(mask) == path.read_bytes()
    assert np.array_equal(mask.mask_data, np.eye(6))
    assert mask.class_labels == {}
    assert image.classes is None


@pytest.mark.parametrize(
    ("val", "why"),
    [
        ([], "must be a dict with either mask_data or path"),
        ({}, "must be a dict with either mask_data or path"),
        ({"mask_data": picture(), "path": "a.png"}, "must be a dict with either"),
        ({"mask_data": np.zeros((2, 3, 4))}, r"mask_data must be height x width.*\(2, 3, 4\)"),
        ({"mask_data": np.zeros((0, 3))}, "mask_data must be height x width"),
        ({"mask_data": np.array([[-1]])}, "must hold 0 to 65535, not -1 to -1"),
        ({"mask_data": np.array([[65536]])}, "must hold 0 to 65535"),
        ({"mask_data": np.array([[0.5]])}, "must hold whole numbers"),
        ({"mask_data": np.array([[np.nan]])}, "NaN"),
        ({"mask_data": np.array([["road"]])}, "must hold numbers"),
        ({"path": "none.png"}, "path does not exist"),
    ],
)
def test_wrong_masks_are_refused(val, why):
    with pytest.raises(artifacts.InvalidInputError, match=why) as caught:
        artifacts.Image(picture(), masks={"truth": val})
    assert str(caught.value).startswith("masks['truth']")


def test_the_way_out_for_probabilities():
    with pytest.raises(artifacts.InvalidInputError) as caught:
        artifacts.ImageMask({"mask_data": np.zeros((6, 8, 3))}, "truth")
    assert "numpy.argmax" in hint_of(caught)


def test_an_image_has_the_classes_of_all():
    image = through_run(
        artifacts.Image(
            picture(),
            boxes={"boxes": boxes_of(box(), class_labels={1: "tree"})},
            masks={"mask": {"mask_data": picture(), "class_labels": {0: "road"}}},
            classes=[{"id": 7, "name": "car"}, {"id": "other", "name": "thing"}],
        )
    )
    assert {each["id"]: each["name"] for each in image.classes.class_set} == {
        1: "tree",
        0: "road",
        7: "car",
        "other": "thing",
    }


def test_an_image_that_was_loaded_is_logged_again():
    first = through_artifact(
        artifacts.Image(
            picture(),
            boxes={"boxes": boxes_of(box(class_id=1))},
            masks={"mask": {"mask_data": picture()}},
        )
    )
    second = through_run(first)
    assert second == first
    assert second.boxes["boxes"].box_data == [box(class_id=1)]
    assert np.array_equal(second.masks["mask"].mask_data, picture())


def test_a_list_keeps_what_lies_over_each():
    images = [
        artifacts.Image(picture(), masks={"mask": {"mask_data": picture() + n}}) for n in range(3)
    ]
    batch = through_run(images)
    assert [image.masks["mask"].mask_data.max() for image in batch] == [0, 1, 2]


@pytest.mark.parametrize(
    "value",
    [
        boxes_of(box(class_id=1)),
        artifacts.ImageMask({"mask_data": picture()}, "truth"),
        artifacts.Classes([{"id": 1, "name": "road"}]),
    ],
    ids=["boxes", "mask", "classes"],
)
@pytest.mark.parametrize("through", [through_artifact, through_run])
def test_each_can_go_by_itself(through, value):
    found = through(value)
    assert type(found) is type(value)
    assert found == value


def test_classes_come_back():
    classes = through_artifact(artifacts.Classes([{"id": 1, "name": "road"}]))
    assert classes.class_set == [{"id": 1, "name": "road"}]
    assert classes["class_set"] == classes.class_set


@pytest.mark.parametrize(
    ("class_set", "why"),
    [
        ("road", "must be a list of dicts, not str"),
        ({"id": 1, "name": "road"}, "must be a list of dicts, not dict"),
        (None, "must be a list of dicts, not NoneType"),
        (["road"], "must hold dicts, not str"),
        ([{"id": 1}], "has a class without name"),
        ([{"name": "road"}], "has a class without id"),
        ([{"id": 1.5, "name": "road"}], "id in class_set must be a whole number"),
        ([{"id": 1, "name": 2}], "name in class_set must be text"),
        ([{"id": 1, "name": "road"}, {"id": 1, "name": "car"}], "two names for the id 1"),
    ],
)
def test_wrong_classes_are_refused(class_set, why):
    with pytest.raises(artifacts.InvalidInputError, match=why):
        artifacts.Classes(class_set)
