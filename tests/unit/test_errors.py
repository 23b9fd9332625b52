"""What every error of the package can do."""

import pickle
import traceback

from artifacts.store.errors import ArtifactsError, RefNotFoundError


def shown(error):
    return "".join(traceback.format_exception_only(error))


def test_a_traceback_says_what_to_do():
    error = RefNotFoundError("there is no corpus", hint="did you mean demo/corpus?")
    assert shown(error) == (
        "artifacts.RefNotFoundError: there is no corpus\nHint: did you mean demo/corpus?\n"
    )


def test_a_hint_that_is_changed_is_shown_once():
    error = ArtifactsError("it is full", hint="first")
    error.add_note("a note of the user")
    error.hint = "second"
    assert shown(error).splitlines()[1:] == ["a note of the user", "Hint: second"]
    error.hint = None
    assert shown(error).splitlines()[1:] == ["a note of the user"]


def test_errors_travel_between_processes():
    error = ArtifactsError("it is full", hint="free some space", kind="disk_full")
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.message, copy.hint, copy.kind) == (error.message, error.hint, error.kind)
    assert shown(copy) == shown(error)
