"""How far work is, where nobody watches a terminal."""

import io
from collections.abc import Callable

import pytest
from rich.console import Console

from mmm_assets.commands.console import Lines


@pytest.fixture
def written() -> tuple[io.StringIO, Callable[[float], None], Lines]:
    text, now = io.StringIO(), [0.0]

    def move(to: float) -> None:
        now[0] = to

    return text, move, Lines(Console(file=text, highlight=False), lambda: now[0])


def test_short_work_gets_one_line_when_it_is_done(written: tuple) -> None:
    text, move, lines = written
    for done in range(4):
        move(done)
        lines("geos", done, 3)
    lines("geos", 3, 3)
    assert text.getvalue() == "geos: 3 of 3, 3 s\n"


def test_long_work_gets_a_line_at_each_tenth_but_at_most_every_ten_seconds(written: tuple) -> None:
    text, move, lines = written
    for done in range(101):
        move(done * 0.5)
        lines("draws", done, 100)
    assert text.getvalue().splitlines() == [
        f"draws: {done} of 100, {done * 0.5:.0f} s" for done in (20, 40, 60, 80, 100)
    ]


def test_kinds_of_work_are_told_apart_and_empty_work_is_not_shown(written: tuple) -> None:
    text, _, lines = written
    lines("geos", 0, 0)
    lines("one", 0, 1)
    lines("two", 0, 1)
    lines("two", 1, 1)
    lines("one", 1, 1)
    assert text.getvalue().splitlines() == ["two: 1 of 1, 0 s", "one: 1 of 1, 0 s"]
