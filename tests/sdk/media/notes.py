"""The smallest media there are: a text, and several texts that refer to one another."""

import json
from typing import Any

from artifacts.media import registry
from artifacts.media.base import Media, describe


class Note(Media):
    """A text in a file of its own."""

    type_name = "note-file"
    batch_name = "notes"
    batch_limit = 3
    at: Any = None

    def __init__(self, text):
        self.text = text

    def _keep(self, keeper):
        kept = keeper.keep("note", ".txt", self.text.encode())
        return {**kept.described(self.type_name), "length": len(self.text)}

    @classmethod
    def _load(cls, description, files):
        loaded = cls.__new__(cls)
        loaded.at = files, description["path"]
        return loaded

    def read(self):
        files, path = self.at
        with files.open(path) as file:
            return file.read().decode()


class Folder(Media):
    """Notes, and a file that names theirs."""

    type_name = "folder-file"
    at: Any = None

    def __init__(self, *notes):
        self.notes = notes

    def _keep(self, keeper):
        inner = [describe(note, keeper) for note in self.notes]
        kept = keeper.keep("folder", ".json", json.dumps(inner).encode())
        files = {each["path"]: each["digest"] for each in inner}
        return {**kept.described(self.type_name), "files": files}

    @classmethod
    def _load(cls, description, files):
        loaded = cls.__new__(cls)
        loaded.at = files, description["path"]
        return loaded

    def read(self):
        files, path = self.at
        with files.open(path) as file:
            return [registry.load(each, files).read() for each in json.load(file)]


class Both(Media):
    """Two files in one description."""

    type_name = "both-file"

    def _keep(self, keeper):
        parts = [keeper.keep("both", ".bin", data) for data in (b"1", b"2")]
        return {"_type": self.type_name, "parts": [part.described("part") for part in parts]}

    @classmethod
    def _load(cls, description, files):
        assert description["parts"]
        assert files is not None
        return cls()


def register(monkeypatch):
    """Make the registry know them."""
    for class_ in (Note, Folder, Both):
        home = f"{__name__}:{class_.__name__}"
        monkeypatch.setitem(registry._HOMES, class_.type_name, home)
