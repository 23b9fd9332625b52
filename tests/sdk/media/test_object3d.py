"""Objects in three dimensions: meshes of each format, clouds of points, scenes."""

import base64
import io
import json
import os
import struct
import sys

import numpy as np
import pytest

import artifacts
from tests.sdk.helpers import hint_of
from tests.sdk.media.trips import contents, through_artifact, through_run

OBJ = b"# a triangle\nv 0 0 0\nv 1.5 0 0\nv 0 -1e0 .5\nf 1 2 3\n"
GLTF = {"asset": {"version": "2.0"}, "scenes": [{"nodes": []}]}
BABYLON = {"meshes": [{"name": "box"}]}
STL_TEXT = b"""solid one
 facet normal 0 0 1
  outer loop
   vertex 0 0 0
   vertex 1 0 0
   vertex 0 1 0
  endloop
 endfacet
endsolid one
"""


def stl(triangles=2):
    return b"solid in its comment".ljust(80) + struct.pack("<I", triangles) + bytes(50 * triangles)


def glb(described=GLTF, *, binary=b"\0" * 8, version=2, length=None):
    text = json.dumps(described).encode()
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text
    chunks += struct.pack("<I4s", len(binary), b"BIN\0") + binary
    return struct.pack("<4sII", b"glTF", version, length or 12 + len(chunks)) + chunks


def with_buffer(uri):
    return GLTF | {"buffers": [{"byteLength": 4, "uri": uri}]}


EMBEDDED = "data:application/octet-stream;base64," + base64.b64encode(b"abcd").decode()
FILES = {
    "obj": OBJ,
    "gltf": json.dumps(with_buffer(EMBEDDED)).encode(),
    "glb": glb(),
    "babylon": json.dumps(BABYLON).encode(),
    "stl": stl(),
    "pts.json": b"[[0, 0, 1], [1.5, 2, 3]]",
}
BOX = {
    "corners": [[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)],
    "label": "tree",
    "color": [123, 0, 255],
}
VECTOR = {"start": [0, 0, 0], "end": [0.1, 0.2, 0.5]}


def cloud(columns=3, dtype="float64", count=50):
    points = np.random.default_rng(1).normal(size=(count, 3)) * 10
    more = {3: (0, 1), 4: (1, 15), 6: (0, 256)}[columns]
    rest = np.random.default_rng(2).integers(*more, size=(count, columns - 3))
    return np.hstack([points, rest]).astype(dtype)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("through", [through_artifact, through_run])
def test_a_file_is_kept_as_it_is(tmp_path, name, through):
    path = tmp_path / f"thing.{name}"
    path.write_bytes(FILES[name])
    found = through(artifacts.Object3D(path, caption="a thing"))
    assert contents(found) == FILES[name]
    assert (found.format, found.caption) == (name, "a thing")
    assert found["_type"] == "object3D-file"
    assert found["path"].startswith("media/object3D/")
    assert found["path"].endswith(f".{name}")
    assert found.path.read_bytes() == FILES[name]


def test_an_open_file_is_known_by_its_name(tmp_path):
    for name, data in FILES.items():
        path = tmp_path / f"thing.{name}"
        path.write_bytes(data)
        with path.open("rb") as file:
            found = artifacts.Object3D(file)
        assert (found.format, contents(found)) == (name, data)


@pytest.mark.parametrize("name", ["glb", "obj"])
def test_an_open_file_is_read_from_its_begin_in_any_mode(tmp_path, name):
    path = tmp_path / f"thing.{name}"
    path.write_bytes(FILES[name])
    with path.open() as text:  # which could not decode a GLB file
        assert contents(artifacts.Object3D(text)) == FILES[name]
    with path.open("rb") as file:
        file.read()
        assert contents(artifacts.Object3D(file)) == FILES[name]
    with path.open("w+b") as file:
        file.write(FILES[name])  # and not flushed
        assert contents(artifacts.Object3D(file)) == FILES[name]
    refused = pytest.raises(artifacts.InvalidInputError, match="data_or_path cannot be read")
    with path.open("ab") as file, refused:
        artifacts.Object3D(file)


def test_a_stream_that_cannot_be_wound_back_is_read():
    reader, writer = os.pipe()
    with open(reader, "rb") as file:
        with open(writer, "wb") as end:
            end.write(OBJ)
        assert contents(artifacts.Object3D(file, file_type="obj")) == OBJ


def test_an_open_file_without_a_name_needs_its_type():
    assert artifacts.Object3D(io.BytesIO(glb()), file_type="glb").format == "glb"
    assert artifacts.Object3D.from_file(io.StringIO(OBJ.decode()), "obj").format == "obj"
    with pytest.raises(artifacts.InvalidInputError, match="file_type is needed") as caught:
        artifacts.Object3D(io.BytesIO(glb()))
    assert hint_of(caught) == "it is one of obj, gltf, glb, babylon, stl, pts.json"
    with pytest.raises(artifacts.InvalidInputError, match="file_type must be one of obj, gltf"):
        artifacts.Object3D(io.BytesIO(glb()), file_type="fbx")


def test_text_of_triangles_is_a_stl_file(tmp_path):
    path = tmp_path / "thing.STL"
    path.write_bytes(STL_TEXT)
    assert artifacts.Object3D.from_file(path).format == "stl"


@pytest.mark.parametrize("dtype", ["float32", "float64", "int16"])
@pytest.mark.parametrize("columns", [3, 4, 6])
def test_points_come_back_exactly(columns, dtype):
    points = cloud(columns, dtype)
    found = through_artifact(artifacts.Object3D(points)).points()
    assert found.dtype == points.dtype
    assert np.array_equal(found, points)


def test_a_cloud_is_a_list_in_json():
    found = artifacts.Object3D.from_numpy(np.array([[0, 1, 2], [3, 4, 5]]))
    assert json.loads(contents(found)) == [[0, 1, 2], [3, 4, 5]]
    assert found.format == "pts.json"


def test_parts_of_arrays_and_lists_are_taken():
    points = cloud(6)
    assert np.array_equal(artifacts.Object3D(points[::2, :3]).points(), points[::2, :3])
    assert np.array_equal(artifacts.Object3D(points.tolist()).points(), points)
    half = points[:, :3].astype("float16")
    assert np.array_equal(artifacts.Object3D(half).points(), half)


def test_a_scene_comes_back():
    scene = {"type": "lidar/beta", "points": cloud(), "boxes": [BOX], "vectors": [VECTOR]}
    found = through_run(artifacts.Object3D(scene))
    assert found["points"] == 50
    assert np.array_equal(found.points(), cloud())
    assert found.scene() == scene | {"points": cloud().tolist()}


def test_a_scene_can_be_made_of_its_parts():
    scored = BOX | {"score": 0.5, "corners": np.array(BOX["corners"])}
    found = artifacts.Object3D.from_point_cloud(cloud(4), [scored], [VECTOR])
    assert found.scene()["boxes"] == [BOX | {"score": 0.5}]
    assert found.scene()["vectors"] == [VECTOR]
    assert artifacts.Object3D.from_point_cloud(cloud()).scene()["boxes"] == []


def test_boxes_and_vectors_can_be_arrays():
    corners, ends = BOX["corners"], [[1, 1, 1], [1, 2, 1]]
    boxes = np.array([{"corners": corners, "color": [123, 321, 111]}])
    found = artifacts.Object3D(
        {"type": "lidar/beta", "points": cloud(), "boxes": boxes, "vectors": np.array([ends])}
    )
    assert found.scene()["boxes"] == [{"corners": corners, "color": [123, 321, 111]}]
    assert found.scene()["vectors"] == [ends]
    assert artifacts.Object3D.from_point_cloud(cloud(), [corners]).scene()["boxes"] == [corners]


def test_a_box_is_made_of_its_centre_size_and_orientation():
    straight = artifacts.box3d(
        center=(1, 2, 3), size=(2, 4, 6), orientation=(2, 0, 0, 0), color=(0, 1, 0), score=0.5
    )
    assert straight["corners"][0] == [0, 0, 0]
    assert straight["corners"][1] == [0, 0, 6]
    assert straight["corners"][7] == [2, 4, 6]
    assert (straight["color"], straight["label"], straight["score"]) == ([0, 1, 0], None, 0.5)

    # A quarter around z: x becomes y, y becomes -x.
    turned = artifacts.box3d(
        center=(0, 0, 0), size=(2, 4, 6), orientation=(1, 0, 0, 1), color=(0, 1, 0), label="car"
    )
    for (x, y, z), (u, v, w) in zip(
        artifacts.box3d(
            center=(0, 0, 0), size=(2, 4, 6), orientation=(1, 0, 0, 0), color=(0, 0, 0)
        )["corners"],
        turned["corners"],
        strict=True,
    ):
        assert np.allclose((u, v, w), (-y, x, z))
    found = artifacts.Object3D.from_point_cloud(cloud(), [straight, turned])
    assert found.scene()["boxes"] == [straight, turned]


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"center": (0, 0)}, "center must be 3 numbers"),
        ({"size": (0, 0, float("inf"))}, "size holds NaN or infinite"),
        ({"orientation": (0, 0, 0, 0)}, "orientation must be a quaternion other than zero"),
        ({"color": ("red", "green", "blue")}, "color must hold numbers"),
    ],
)
def test_wrong_boxes_are_refused(wrong, why):
    right = {
        "center": (0, 0, 0),
        "size": (1, 1, 1),
        "orientation": (1, 0, 0, 0),
        "color": (0, 0, 0),
    }
    with pytest.raises(artifacts.InvalidInputError, match=why):
        artifacts.box3d(**right | wrong)


def test_a_list_is_one_batch():
    batch = through_run([artifacts.Object3D(cloud(count=n)) for n in (2, 3)])
    assert (batch["_type"], batch["count"]) == ("object3D", 2)
    assert np.array_equal(batch[1].points(), cloud(count=3))


def test_what_a_file_is_not_cannot_be_asked_of_it(tmp_path):
    (tmp_path / "thing.obj").write_bytes(OBJ)
    with pytest.raises(artifacts.InvalidInputError, match="obj holds no cloud"):
        artifacts.Object3D(tmp_path / "thing.obj").points()
    with pytest.raises(artifacts.InvalidInputError, match=r"use points\(\)"):
        artifacts.Object3D(cloud()).scene()


def test_an_array_may_change_afterwards():
    points = cloud()
    found = artifacts.Object3D(points)
    points[:] = 0
    assert np.array_equal(found.points(), cloud())


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("a.obj", b"", "no vertices"),
        ("a.obj", b"vn 0 0 1\nf 1 2 3\n", "no vertices"),
        ("a.obj", b"v one two three\n", "no vertices"),
        ("a.stl", stl()[:-1], "ends early"),
        ("a.stl", bytes(80) + stl()[80:-1], "183 bytes are not those of its triangles"),
        ("a.stl", b"garbage", "7 bytes are not those of its triangles"),
        ("a.stl", STL_TEXT[:-14], "ends early"),
        ("a.stl", b"solid\nendsolid\n", "no vertices"),
        ("a.glb", b"", "does not begin with glTF"),
        ("a.glb", b"GLTF" + glb()[4:], "does not begin with glTF"),
        ("a.glb", glb(version=1), "version is 1, not 2"),
        ("a.glb", glb()[:-1], "and says that it has"),
        ("a.glb", glb(length=16)[:16], "a chunk is longer"),
        ("a.glb", glb(length=20)[:20], "a chunk is longer"),
        ("a.glb", struct.pack("<4sIII4s", b"glTF", 2, 20, 0, b"BIN\0"), "first chunk is not JSON"),
        ("a.glb", struct.pack("<4sII", b"glTF", 2, 12), "its JSON cannot be read"),
        ("a.glb", glb({"asset": {}}), "no asset.version"),
        ("a.gltf", b"{", "its JSON cannot be read"),
        ("a.gltf", b"[]", "no asset.version"),
        ("a.gltf", json.dumps(GLTF | {"buffers": 3}).encode(), "buffers are no list"),
        ("a.babylon", b"{}", "no meshes"),
        ("a.pts.json", b"[]", "no points"),
        ("a.pts.json", b'{"type": "lidar/beta"}', "no points"),
        ("a.pts.json", b"[[1, 2]]", "a point is not a list of 3, 4 or 6 numbers"),
        ("a.pts.json", b'[["a", 1, 2]]', "a point is not a list of 3, 4 or 6 numbers"),
    ],
)
def test_broken_files_are_refused(tmp_path, name, data, why):
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(artifacts.InvalidInputError, match=f"data_or_path is no .*{why}"):
        artifacts.Object3D(path)


@pytest.mark.parametrize(
    "described", [with_buffer("data.bin"), GLTF | {"images": [{"uri": "a.png"}]}]
)
@pytest.mark.parametrize("name", ["a.gltf", "a.glb"])
def test_files_that_need_others_are_refused(tmp_path, name, described):
    path = tmp_path / name
    path.write_bytes(glb(described) if name == "a.glb" else json.dumps(described).encode())
    with pytest.raises(artifacts.InvalidInputError, match="refers to another file") as caught:
        artifacts.Object3D(path)
    assert ".glb" in hint_of(caught)


def test_a_suffix_that_says_nothing_is_refused(tmp_path):
    path = tmp_path / "cloud.json"
    path.write_bytes(FILES["pts.json"])
    with pytest.raises(artifacts.InvalidInputError, match=r"suffix of obj, .*pts\.json"):
        artifacts.Object3D(path)


@pytest.mark.parametrize(
    ("points", "why"),
    [
        (np.zeros((4, 5)), r"not of shape \(4, 5\)"),
        (np.zeros(3), r"not of shape \(3,\)"),
        (np.zeros((0, 3)), r"not of shape \(0, 3\)"),
        (np.array([[0, 0, np.nan]]), "NaN"),
        (np.array([[0, 0, 0, 15]]), "category of .* must be from 1 to 14, not 15"),
        (np.array([[0, 0, 0, 0]]), "category of .* must be from 1 to 14, not 0"),
        (np.array([[0, 0, 0, 0, 0, 256]]), "colours of .* must be from 0 to 255"),
        (np.array([[0, 0, 0, -1, 0, 0]]), "colours of .* must be from 0 to 255"),
        ([[0, 0, 0], [1, 1]], "different lengths"),
    ],
)
def test_wrong_points_are_refused(points, why):
    for make in (artifacts.Object3D, artifacts.Object3D.from_numpy):
        with pytest.raises(artifacts.InvalidInputError, match=why):
            make(points)
    with pytest.raises(artifacts.InvalidInputError, match=why):
        artifacts.Object3D.from_point_cloud(points)


@pytest.mark.parametrize(
    ("scene", "why"),
    [
        ({}, "type must be 'lidar/beta', not None"),
        ({"type": "mesh"}, "type must be 'lidar/beta', not 'mesh'"),
        ({"type": "lidar/beta"}, "points are missing"),
        ({"colour": 1}, "no member 'colour'"),
        ({"boxes": 3}, "boxes must be a list, not int"),
        ({"boxes": [3]}, r"boxes\[0\] must be of shape \(8, 3\), not \(\)"),
        ({"boxes": ["a"]}, r"boxes\[0\] must hold numbers"),
        ({"vectors": [[1, 2]]}, r"vectors\[0\] must be of shape \(2, 3\)"),
        ({"boxes": [BOX, {"label": "a", "color": [0, 0, 0]}]}, r"boxes\[1\] has no 'corners'"),
        ({"boxes": [BOX | {"corners": [[0, 0, 0]]}]}, r"\['corners'\] must be of shape \(8, 3\)"),
        ({"boxes": [BOX | {"color": [0, 0]}]}, r"\['color'\] must be of shape \(3,\)"),
        ({"boxes": [BOX | {"label": 3}]}, r"\['label'\] must be text"),
        ({"boxes": [BOX | {"score": float("nan")}]}, r"\['score'\] holds NaN"),
        ({"vectors": [{"start": [0, 0, 0]}]}, r"vectors\[0\] has no 'end'"),
        ({"vectors": [VECTOR | {"end": [1, 2]}]}, r"\['end'\] must be of shape \(3,\)"),
    ],
)
def test_wrong_scenes_are_refused(scene, why):
    whole = scene if "points" in why or "type must" in why else {
        "type": "lidar/beta", "points": [[0, 0, 0]], **scene
    }  # fmt: skip
    with pytest.raises(artifacts.InvalidInputError, match=why):
        artifacts.Object3D(whole)


@pytest.mark.parametrize("data", [None, object(), [["a", "b", "c"]]])
def test_what_is_no_object_is_refused(data):
    with pytest.raises(artifacts.InvalidTypeError, match="data_or_path"):
        artifacts.Object3D(data)
    with pytest.raises(artifacts.InvalidTypeError, match="data_or_path must be a path or"):
        artifacts.Object3D.from_file(data)


def test_points_need_numpy_and_files_do_not(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "numpy", None)
    (tmp_path / "thing.obj").write_bytes(OBJ)
    assert artifacts.Object3D(tmp_path / "thing.obj").format == "obj"
    with pytest.raises(artifacts.ConfigError) as caught:
        artifacts.Object3D([[0, 0, 0]])
    assert "pip install" in hint_of(caught)
