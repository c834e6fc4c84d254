"""Charts about decisions, read from their SVG."""

import re
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from mmm_core.reporting.charts.axes import CHARACTER, label_width, shortened
from mmm_core.reporting.charts.frontier import HEIGHT, WIDTH, Frontier, Point, frontier_chart
from mmm_core.reporting.charts.intervals import Interval, interval_chart
from mmm_core.reporting.charts.periods import period_chart
from mmm_core.reporting.charts.plan_weeks import ForecastLines, forecast_chart, spend_week_chart
from mmm_core.reporting.charts.small_lines import Line, Mark, small_line_chart
from tests.reporting.parsed import Element, Report

FRONTIER = Frontier(
    [60.0, 80.0, 100.0, 120.0], [50.0, 60.0, 68.0, 74.0], [40.0, 50.0, 56.0, 60.0], [60, 72, 81, 90]
)
TITLES = ("Budget (USD)", "Best outcome (USD)")


def elements(chart: Markup, tag: str, css: str = "") -> list[Element]:
    return [element for element in Report(str(chart)).all(tag) if css in element.attributes.get("class", "")]


def number(element: Element, name: str) -> float:
    return float(element.attributes[name])


points = st.builds(
    Point,
    st.text("abcdefgh ", min_size=1, max_size=20),
    st.sampled_from([60.0, 70.0, 80.0, 80.5, 90.0, 100.0, 120.0]),
    st.floats(40, 90),
)


@given(st.lists(points, max_size=7))
def test_every_plan_has_its_mark_and_a_label_inside_the_chart(plans: list[Point]) -> None:
    drawn = frontier_chart(FRONTIER, plans, TITLES)
    labels = elements(drawn, "text", "label mark")
    assert sorted(label.text for label in labels) == sorted(plan.label for plan in plans)
    for label in labels:
        half = CHARACTER * len(label.text) / 2
        assert half - 1 <= number(label, "x") <= WIDTH - half + 1
        assert 0 < number(label, "y") < HEIGHT
    assert len(
        [e for e in Report(str(drawn)).all("path") if "expected outcome" in e.attributes.get("data-tip", "")]
    ) == (len(plans))


def test_labels_of_usual_scenarios_do_not_cover_each_other() -> None:
    plans = [
        Point(f"Budget {change:+d} percent", 100.0 + change, 66.0 + 0.4 * change) for change in (-20, -10, 10, 20)
    ]
    plans += [
        Point("Conservative", 100.0, 66.0),
        Point("Aggressive", 100.0, 70.0),
        Point("Current plan", 100.0, 62.0, True),
    ]
    labels = elements(frontier_chart(FRONTIER, plans, TITLES), "text", "label mark")
    for one, other in combinations(labels, 2):
        apart = CHARACTER * (len(one.text) + len(other.text)) / 2
        beside = abs(number(one, "x") - number(other, "x")) >= apart - 0.2
        assert beside or abs(number(one, "y") - number(other, "y")) >= 16
    same = [label.text for label in labels if label.text in ("Aggressive", "Conservative", "Current plan")]
    assert same == ["Aggressive", "Conservative", "Current plan"]  # as the marks lie


@given(st.text(min_size=1, max_size=20))
def test_a_label_that_fits_is_not_cut(label: str) -> None:
    assert shortened(label, label_width([label])) == label


def test_the_band_of_a_prior_ends_where_the_axis_ends() -> None:
    rows = [
        Interval("tv", 1.0, 0.5, 1.5, "#000000", prior=(0.2, 40.0)),
        Interval("radio", 1.0, 0.5, 1.5, "#000000"),
    ]
    drawn = interval_chart(rows, "ROI", "ROI", (0.0, 2.0))
    (band,) = [rect for rect in elements(drawn, "rect") if "hit" not in rect.attributes.get("class", "")]
    assert number(band, "x") + number(band, "width") == pytest.approx(540 - 14, abs=0.2)
    tips = [group.attributes["data-tip"] for group in elements(drawn, "g")]
    assert tips[0] == "tv: 1.00 (90% interval 0.50 to 1.50); before the data 0.20 to 40.0"
    assert "before" not in tips[1]


def test_a_line_is_interrupted_where_it_is_not_known_and_marked_where_asked() -> None:
    line = Line(
        [0.0, 1.0, 2.0, 3.0, 4.0], [1.0, 2.0, np.nan, 2.0, 1.0], [0.5, 1, np.nan, 1, 0.5], [1.5, 3, np.nan, 3, 1.5]
    )
    drawn = small_line_chart(line, "#000000", ("x", "y"), "a line", [Mark(3.5, "now 3.5", 3.5)], reference=1.0)
    (path,) = elements(drawn, "path", "line")
    assert path.attributes["d"].count("M") == 2
    (label,) = elements(drawn, "text", "mark")
    assert label.value == 3.5
    (dot,) = elements(drawn, "circle")
    top, bottom = 28, 184
    assert number(dot, "cy") == pytest.approx(bottom - 1.5 / 3 * (bottom - top), abs=0.1)
    assert len(elements(drawn, "line", "reference")) == 1


def test_periods_without_estimates_leave_a_gap() -> None:
    rows = [
        Interval(f"2024-Q{q}", mean, mean - 0.2, mean + 9, "#000000")
        for q, mean in enumerate([1.0, np.nan, 2.0], 1)
    ]
    drawn = period_chart(rows, 3.0, "USD per USD", "ROI")
    dots = elements(drawn, "circle")
    assert len(dots) == 2
    step = (338 - 48) / 3
    assert number(dots[1], "cx") - number(dots[0], "cx") == pytest.approx(2 * step, abs=0.2)
    assert all(number(line, "y2") >= 28 for line in elements(drawn, "line", "whisker"))


def test_weeks_of_a_plan_tell_both_spends() -> None:
    dates = pd.date_range("2025-01-06", periods=3, freq="7D")
    drawn = spend_week_chart(dates, [1.0, 2.0, 3.0], [2.0, 2.0, 2.0], "#000000", "USD per week", "tv")
    tips = [rect.attributes["data-tip"] for rect in elements(drawn, "rect", "hit")]
    assert tips[0] == "Week of 6 Jan 2025: now 1, recommended 2"
    assert len(tips) == 3
    silent = spend_week_chart(dates, [1.0, 2.0, 3.0], [2.0, 2.0, 2.0], "#000000", "USD per week", "tv", tips=False)
    assert elements(silent, "rect", "hit") == []


def test_one_planned_week_can_be_drawn() -> None:
    date = pd.date_range("2025-01-06", periods=1, freq="7D")
    assert elements(spend_week_chart(date, [1.0], [0.0], "#000000", "USD", "tv"), "rect", "hit")
    lines = ForecastLines([2.0], [1.0], [3.0], [1.5], None)
    assert not re.search("nan|inf", str(forecast_chart(date, lines, "#000000", "KPI", "forecast", 0)))
