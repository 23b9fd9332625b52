"""Ways that media go: into a store, and back."""

import artifacts


def through_artifact(value):
    """Return what a version has for an object that was added to it."""
    with artifacts.init(project="demo") as run:
        draft = artifacts.Artifact("media", type="dataset")
        draft.add(value, "thing")
        run.log_artifact(draft)
    return artifacts.Api(project="demo").artifact("media:latest").get("thing")


def through_run(value):
    """Return what the history of a finished run has for an object that was logged."""
    with artifacts.init(project="demo") as run:
        run.log({"thing": value})
    [row] = artifacts.Api(project="demo").run(run.id).scan_history()
    return row["thing"]


def contents(value):
    """Return the bytes of the file of an object."""
    with value.open() as file:
        return file.read()
