"""What was read of a version, in bounded size."""

from hypothesis import given
from hypothesis import strategies as st

from artifacts.store.subset import MOST_PATHS, MOST_PREFIXES, Subset

TOTAL = 10_000


def paths(folder, count):
    return {f"{folder}/{n}" for n in range(count)}


def test_few_paths_are_named_in_order():
    assert Subset.of({"b", "a/c"}, TOTAL) == Subset(("a/c", "b"), 2)


def test_all_paths_are_the_whole():
    assert Subset.of({"a", "b"}, 2) == Subset.whole(2)
    assert Subset.of({"a"}, 2).merge(Subset.of({"b"}, 2), 2) == Subset.whole(2)


def test_many_paths_are_counted_by_folder():
    many = paths("x", MOST_PATHS) | {"top"}
    assert Subset.of(many, TOTAL) == Subset((), MOST_PATHS + 1, prefixes={"x/": MOST_PATHS})


def test_of_too_many_folders_only_the_sum_is_known():
    many = {f"{n}/a" for n in range(MOST_PATHS + 1)}
    assert len(many) > MOST_PREFIXES
    assert Subset.of(many, TOTAL) == Subset((), MOST_PATHS + 1)


def test_counts_are_merged_to_the_least_that_was_read():
    many = Subset.of(paths("x", MOST_PATHS + 1), TOTAL)
    few = Subset.of(paths("x", 10) | paths("y", 5), TOTAL)
    merged = Subset((), MOST_PATHS + 6, prefixes={"x/": MOST_PATHS + 1, "y/": 5})
    assert many.merge(few, TOTAL) == few.merge(many, TOTAL) == merged
    assert merged.merge(many, TOTAL) == merged


def test_what_is_merged_beyond_the_limit_is_counted():
    one, two = Subset.of(paths("x", 600), TOTAL), Subset.of(paths("y", 600), TOTAL)
    assert one.merge(two, TOTAL) == Subset((), 1200, prefixes={"x/": 600, "y/": 600})


subsets = st.sets(
    st.tuples(st.sampled_from("abc"), st.integers(0, 700)).map(lambda t: f"{t[0]}/{t[1]}"),
    max_size=1500,
)


@given(subsets, subsets)
def test_merging_is_symmetric_bounded_and_never_too_much(one, two):
    first, second = Subset.of(one, TOTAL), Subset.of(two, TOTAL)
    merged = first.merge(second, TOTAL)
    assert merged == second.merge(first, TOTAL)
    assert merged.merge(first, TOTAL) == merged
    assert max(len(one), len(two)) <= merged.count <= len(one | two)
    assert len(merged.paths) <= MOST_PATHS
    assert len(merged.prefixes) <= MOST_PREFIXES
    assert Subset.from_json(merged.to_json()) == merged
