"""A storm of alerts is folded, and nothing is forgotten."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from mmm_core.alerting.folding import Told, from_json, overdue, tell, to_json

INTERVAL = 60.0
TIMES = st.lists(st.floats(0, 200), min_size=1, max_size=30)


@given(TIMES)
def test_every_alert_is_told_or_counted_once(steps: list[float]) -> None:
    state: dict[str, Told] = {}
    now, told, stood_for = 1e9, [], 0
    for step in steps:
        now += step
        state, folded = tell(state, "drift", now, INTERVAL)
        if folded is not None:
            told.append(now)
            stood_for += 1 + folded
    assert stood_for + state["drift"].folded == len(steps)
    assert all(later - earlier >= INTERVAL for earlier, later in pairwise(told))
    assert told[0] == 1e9 + steps[0]


def test_kinds_do_not_fold_each_other() -> None:
    state, _ = tell({}, "drift", 0, INTERVAL)
    assert tell(state, "run_failed", 1, INTERVAL)[1] == 0


def test_a_clock_set_back_does_not_keep_quiet() -> None:
    assert tell({"drift": Told(1e6, 2)}, "drift", 5, INTERVAL)[1] == 2


def test_what_was_folded_is_overdue_after_the_interval() -> None:
    state = {"drift": Told(0, 3), "promoted": Told(0), "bad_geo": Told(50, 1)}
    assert overdue(state, INTERVAL, INTERVAL) == {"drift": 3}


@given(st.dictionaries(st.text(), st.builds(Told, st.floats(0, 1e12), st.integers(0, 99))))
def test_the_state_survives_its_file(state: dict[str, Told]) -> None:
    assert from_json(to_json(state)) == state


@given(st.one_of(st.text(), st.sampled_from(['{"a": 1}', '{"a": {"told": "x", "folded": 1}}', "[]", "null", "{"])))
def test_a_damaged_file_means_nothing_was_told(text: str) -> None:
    assert all(isinstance(told, Told) for told in from_json(text).values())
