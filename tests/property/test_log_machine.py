"""A run that logs against a model of plain lists and dicts: rows, steps, summary, going on."""

import math
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

import artifacts

# `m` and `n/…` may have a definition, `d` is nested, `x` is an x-axis, the others are plain.
KEYS = ("a", "b", "m", "n/1", "n/2", "x")
NUMBERS = st.integers(-1000, 1000) | st.floats(-1e3, 1e3)
NESTED = st.dictionaries(st.sampled_from("pq"), NUMBERS, min_size=1, max_size=2)
ROWS = st.builds(
    lambda flat, nested: flat | ({"d": nested} if nested else {}),
    st.dictionaries(st.sampled_from(KEYS), NUMBERS, max_size=3),
    st.none() | NESTED,
)
# What can be set by hand: top-level keys, and values inside of `d`.
PATHS = st.sampled_from([("a",), ("m",), ("x",), ("d",), ("d", "p"), ("d", "q")])
SUMMARIES = st.lists(st.sampled_from(["min", "max", "first", "last", "mean"]), unique=True)

SYSTEM = {"_step", "_runtime", "_timestamp"}


def merged(old, new):
    """What a row has after another call: nested dicts are merged."""
    both = dict(old)
    for key, value in new.items():
        nested = isinstance(value, dict) and isinstance(old.get(key), dict)
        both[key] = merged(old[key], value) if nested else value
    return both


def flat(row):
    """A row as it is read: nested keys as `a.b`."""
    found: dict[str, Any] = {}
    for key, value in row.items():
        if isinstance(value, dict):
            found |= {f"{key}.{name}": item for name, item in value.items()}
        else:
            found[key] = value
    return found


def own(values):
    return {key: value for key, value in values.items() if key not in SYSTEM}


class Model:
    """The rules of the documentation."""

    def __init__(self):
        self.step, self.open, self.rows = 0, {}, []
        self.summary, self.locks = {}, set()
        self.definitions, self.seen = {}, {}
        self.has_axis, self.axis = False, None

    def log(self, data, step, commit):
        if step is not None:
            if step < self.step:
                return
            if step > self.step:
                self.flush()
                self.step = step
        elif commit is None:
            commit = True
        self.open = merged(self.open, data)
        if commit:
            self.flush()
            self.step += 1

    def flush(self):
        row, self.open = self.open, {}
        if not row:
            return
        if self.has_axis and "a" in row and "x" not in row and self.axis is not None:
            row = {**row, "x": self.axis}
        if "x" in row:
            self.axis = row["x"]
        self.rows.append((self.step, flat(row)))
        for key, value in row.items():
            self.follow(key, value)

    def follow(self, key, value):
        locked_inside = {path[1] for path in self.locks if path[0] == key and len(path) == 2}
        if (key,) in self.locks:
            return
        if locked_inside:
            kept = self.summary.get(key, {})
            free = {name: item for name, item in value.items() if name not in locked_inside}
            self.summary[key] = kept | free
            return
        summaries = self.definition(key)
        if summaries:
            seen = self.seen.setdefault(key, [])
            seen.append(value)
            told = {
                "min": min(seen), "max": max(seen), "first": seen[0], "last": seen[-1],
                "mean": math.fsum(seen) / len(seen),
            }  # fmt: skip
            value = {name: told[name] for name in summaries}
        self.summary[key] = value

    def definition(self, key):
        return self.definitions.get("n/*" if key.startswith("n/") else key, ())

    def set(self, path, value):
        if len(path) == 1:
            self.summary[path[0]] = value
        else:
            self.summary[path[0]] = self.summary[path[0]] | {path[1]: value}
        self.locks = {lock for lock in self.locks if lock[: len(path)] != path} | {path}

    def delete(self, key):
        del self.summary[key]
        self.locks = {lock for lock in self.locks if lock[0] != key}
        self.seen.pop(key, None)

    def resume(self):
        self.flush()
        self.step = self.rows[-1][0] + 1 if self.rows else 0


def same(found, expected):
    """Whether two summaries are equal; means are computed in another order."""
    return found.keys() == expected.keys() and all(
        same(found[key], value)
        if isinstance(value, dict)
        else math.isclose(found[key], value, abs_tol=1e-9)
        if key == "mean"
        else found[key] == value
        for key, value in expected.items()
    )


class LogMachine(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.model = Model()
        self.run = self.begin(None)

    def begin(self, resume):
        return artifacts.init(
            store=str(self.folder / "store"), dir=self.folder, project="demo", id="r",
            resume=resume, reinit="create_new", settings={"console": "off", "save_git": False},
        )  # fmt: skip

    @rule(
        data=ROWS,
        step=st.none() | st.integers(-2, 4),
        commit=st.sampled_from([None, True, False]),
    )
    def log(self, data, step, commit):
        if step is not None:
            step += self.model.step
        self.run.log(data, step=step, commit=commit)
        self.model.log(data, step, commit)

    @rule(name=st.sampled_from(["m", "n/*"]), summaries=SUMMARIES)
    def define(self, name, summaries):
        self.run.define_metric(name, summary=",".join(summaries), overwrite=True)
        self.model.definitions[name] = summaries

    @precondition(lambda self: not self.model.has_axis)
    @rule()
    def define_axis(self):
        self.run.define_metric("a", step_metric="x")
        self.model.has_axis = True
        if ("x",) not in self.model.locks:
            self.model.axis = self.model.summary.get("x")

    @rule(path=PATHS, value=NUMBERS)
    def set_by_hand(self, path, value):
        if path == ("d",):
            value = {"p": value}
        if len(path) == 2:
            if "d" not in self.model.summary:
                return
            self.run.summary["d"][path[1]] = value
        else:
            self.run.summary[path[0]] = value
        self.model.set(path, value)

    @precondition(lambda self: self.model.summary)
    @rule(data=st.data())
    def delete(self, data):
        key = data.draw(st.sampled_from(sorted(self.model.summary)))
        del self.run.summary[key]
        self.model.delete(key)

    @rule(path=PATHS)
    def unlock(self, path):
        self.run.summary.unlock(".".join(path))
        self.model.locks = {lock for lock in self.model.locks if lock[: len(path)] != path}

    @rule(ending=st.sampled_from([0, 1]))
    def finish_and_go_on(self, ending):
        self.run.finish(ending)
        self.model.resume()
        stored = artifacts.Api(project="demo", store=str(self.folder / "store")).run("r")
        assert self.stored_rows(stored.scan_history()) == self.model.rows
        assert same(own(stored.summary), self.model.summary)
        self.run = self.begin("must")

    def stored_rows(self, rows):
        return [(row["_step"], own(row)) for row in rows]

    @invariant()
    def the_step(self):
        assert self.run.step == self.model.step

    @invariant()
    def the_rows(self):
        assert self.stored_rows(self.run.history) == self.model.rows

    @invariant()
    def the_summary(self):
        assert same(own(self.run.summary), self.model.summary)
        for lock in self.model.locks:
            assert self.run.summary.is_locked(".".join(lock))

    def teardown(self):
        self.run.finish()
        shutil.rmtree(self.folder)


TestLogMachine = LogMachine.TestCase
_profile = settings()
TestLogMachine.settings = settings(_profile, max_examples=max(6, _profile.max_examples // 10))
