"""Short ways to say what many of these tests look at."""

import artifacts


def hint_of(caught):
    """The way out that an error names."""
    assert isinstance(caught.value, artifacts.Error)
    return caught.value.hint or ""


def active_run():
    """What users see as ``artifacts.run``."""
    return artifacts.run


def maker_of(artifact):
    """Return the run that has logged a version."""
    run = artifact.logged_by()
    assert run is not None
    return run
