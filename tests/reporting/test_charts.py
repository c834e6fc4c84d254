import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmm_core.reporting.charts.bands import fit_chart
from mmm_core.reporting.charts.bars import Pair, pair_chart
from mmm_core.reporting.charts.curves import Curve, curve_chart
from mmm_core.reporting.charts.intervals import Interval, interval_chart
from mmm_core.reporting.charts.scales import month_ticks, nice_ticks, tick_labels, value_range
from mmm_core.reporting.charts.stack import stack_chart
from mmm_core.reporting.charts.svg import path_data, tag
from tests.reporting.parsed import Report


def drawn_points(data: str) -> list[tuple[float, float]]:
    """Absolute points of `M x y l dx dy dx dy ... z`, read as a browser reads it."""
    numbers = [float(text) for text in re.findall(r"-?(?:\d+\.?\d*|\.\d+)", data)]
    pairs = list(zip(numbers[::2], numbers[1::2], strict=True))
    points = [pairs[0]]
    for dx, dy in pairs[1:]:
        points.append((points[-1][0] + dx, points[-1][1] + dy))
    return points


@given(st.lists(st.tuples(st.floats(-2000, 2000), st.floats(-2000, 2000)), min_size=2, max_size=300))
def test_paths_go_through_their_points_without_drifting(points: list[tuple[float, float]]) -> None:
    drawn = drawn_points(path_data(points))
    np.testing.assert_allclose(drawn, points, atol=0.051)


@given(st.floats(-1e9, 1e9), st.floats(1e-6, 1e9))
def test_ticks_enclose_the_data_at_equal_steps(low: float, size: float) -> None:
    high = low + size
    if not high > low or size < 1e-9 * abs(low):
        return
    ticks = np.array(nice_ticks(low, high))
    assert ticks[0] <= low + 1e-8 * size
    assert ticks[-1] >= high - 1e-8 * size
    assert 2 <= len(ticks) <= 8
    np.testing.assert_allclose(np.diff(ticks), ticks[1] - ticks[0], rtol=1e-3)


def test_ticks_of_a_single_value_span_something() -> None:
    assert len(nice_ticks(0.0, 0.0)) >= 2
    assert len(nice_ticks(5.0, 5.0)) >= 2


@pytest.mark.parametrize(
    ("ticks", "labels"),
    [
        ((0.0, 5e5, 1e6, 1.5e6), ["0", "0.5M", "1.0M", "1.5M"]),
        ((0.0, 250.0, 500.0), ["0", "250", "500"]),
        ((0.0, 0.02, 0.04), ["0", "0.02", "0.04"]),
        ((-2000.0, 0.0, 2000.0), ["−2K", "0", "2K"]),
    ],
)
def test_tick_labels_share_one_unit(ticks: tuple[float, ...], labels: list[str]) -> None:
    assert tick_labels(ticks) == labels


def test_the_axis_starts_at_zero_unless_all_values_are_far_from_it() -> None:
    assert value_range([10.0, 100.0]) == (0.0, 100.0)
    assert value_range([90.0, 100.0]) == (90.0, 100.0)
    assert value_range([-5.0, float("nan"), 10.0]) == (-5.0, 10.0)


@pytest.mark.parametrize("weeks", [1, 3, 30, 104, 208, 520])
def test_month_ticks_are_few_and_lie_where_their_month_begins(weeks: int) -> None:
    dates = pd.date_range("2023-01-02", periods=weeks, freq="7D")
    ticks = month_ticks(dates)
    assert 1 <= len(ticks) <= 10
    for position, label in ticks:
        assert 0 <= position <= weeks - 1
        if weeks > 5:
            assert (dates[0] + pd.Timedelta(days=7 * position)).strftime("%b %Y") == label


def test_layers_of_a_stack_lie_on_top_of_each_other() -> None:
    dates = pd.date_range("2023-01-02", periods=3, freq="7D")
    layers = np.array([[1.0, 2.0, 3.0], [2.0, 1.0, 1.0], [0.0, 3.0, 1.0]])
    report = Report(stack_chart(dates, layers, ["#111", "#222", "#333"], "kpi per week", "Stack", 0))
    areas = [drawn_points(element.attributes["d"]) for element in report.all("path")]
    assert len(areas) == 3
    tops = np.array([[y for _, y in area[:3]] for area in areas])
    bottoms = np.array([[y for _, y in area[3:][::-1]] for area in areas])
    np.testing.assert_allclose(bottoms[1:], tops[:-1], atol=0.11)
    heights = bottoms - tops
    np.testing.assert_allclose(heights / heights[0, 0], layers, atol=0.01)


def test_bars_are_as_long_as_their_values() -> None:
    report = Report(pair_chart([Pair("tv", 100.0, 50.0, "#111"), Pair("new", 0.0, 25.0, "#222")], "USD", "Bars"))
    lengths = np.array([float(bar.attributes["width"]) for bar in report.all("rect")])
    np.testing.assert_allclose(lengths / lengths[0], [1.0, 0.5, 0.0, 0.25], atol=0.001)
    assert "tv: now 100, recommended 50 (−50%)" in [e.attributes.get("data-tip") for e in report.all("g")]


def test_the_dot_of_a_curve_is_at_current_spend() -> None:
    curve = Curve("tv", [0.0, 50.0, 100.0], [0.0, 40.0, 60.0], [0.0, 30.0, 40.0], [0.0, 50.0, 80.0], 1)
    report = Report(curve_chart(curve, "#111", "spend", "outcome"))
    solid, beyond = (p for p in report.all("path") if "line" in p.attributes["class"])
    dot = report.all("circle")[0]
    at = (float(dot.attributes["cx"]), float(dot.attributes["cy"]))
    assert drawn_points(solid.attributes["d"])[-1] == pytest.approx(at, abs=0.11)
    assert drawn_points(beyond.attributes["d"])[0] == pytest.approx(at, abs=0.11)


def test_a_channel_without_spend_has_a_curve_too() -> None:
    zero = [0.0, 0.0, 0.0]
    Report(curve_chart(Curve("tv", zero, zero, zero, zero, 1), "#111", "spend", "outcome"))


def test_interval_charts_mark_the_truth_only_where_it_is_known() -> None:
    rows = [Interval("tv", 1.0, 0.5, 2.0, "#111", 1.5), Interval("radio", 1.0, 0.5, 2.0, "#222")]
    report = Report(interval_chart(rows, "ROI", "ROI", (0.0, 2.0), 1.0))
    tips = [element.attributes.get("data-tip", "") for element in report.elements]
    assert [tip for tip in tips if "truth" in tip] == ["tv: truth 1.50"]
    assert [element.attributes["class"] for element in report.all("line")].count("reference") == 1


def test_elements_escape_text_and_attributes() -> None:
    element = tag("text", "<b>&", data_tip='"><script>', x=1.0, fill=None)
    assert element == '<text data-tip="&#34;&gt;&lt;script&gt;" x="1">&lt;b&gt;&amp;</text>'


def test_lines_bands_and_dots_are_interrupted_where_values_are_missing() -> None:
    dates = pd.date_range("2024-01-01", periods=7, freq="7D")
    predicted = [1.0, 2.0, float("nan"), 3.0, float("nan"), 2.0, 1.0]
    actual = [1.0, float("nan"), float("nan"), 3.0, 2.0, 2.0, 1.0]
    band = ([value - 0.5 for value in predicted], [value + 0.5 for value in predicted])
    paths = Report(str(fit_chart(dates, actual, predicted, band, "units", "a fit", 0))).all("path")
    by_class = {path.attributes["class"]: path.attributes["d"] for path in paths}
    assert by_class["s1 line predicted"].count("M") == 3
    assert by_class["s2 band"].count("M") == by_class["s2 band"].count("z") == 3
    assert by_class["s0 dots"].count("M") == 5
    assert not any("nan" in data or data.endswith("l") for data in by_class.values())


def test_stacked_areas_leave_missing_weeks_empty() -> None:
    dates = pd.date_range("2024-01-01", periods=6, freq="7D")
    layers = np.array([[np.nan, np.nan, 1.0, 2.0, 1.0, np.nan], [np.nan, np.nan, 1.0, 0.0, 1.0, np.nan]])
    paths = Report(str(stack_chart(dates, layers, ["#111", "#222"], "units", "a stack", 0))).all("path")
    assert len(paths) == 2
    for path in paths:
        assert path.attributes["d"].count("M") == 1
        assert "nan" not in path.attributes["d"]
