import numpy as np

from mmm_core.reporting.terminal import budget_table, render_text, roi_table
from tests.reporting.frames import made_up_inputs


def lines_with(text: str, word: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines() if line.strip().startswith(word)]


def test_channels_are_listed_from_the_best_with_their_intervals() -> None:
    text = render_text(roi_table(made_up_inputs(2, 20).channel_summary))
    order = [line.split()[0] for line in text.splitlines() if line.strip().endswith(tuple("0123456789"))]
    assert order == ["paid_search", "audio", "tv", "social", "display"]
    assert lines_with(text, "paid_search")[0][3:6] == ["2.94", "2.54", "3.47"]
    assert "True ROI" not in text


def test_the_truth_is_compared_with_the_interval() -> None:
    summary = made_up_inputs(2, 20).channel_summary
    text = render_text(roi_table(summary, {"tv": 1.7, "paid_search": 9.0}))
    assert lines_with(text, "tv")[0][-2:] == ["1.70", "yes"]
    assert lines_with(text, "paid_search")[0][-2:] == ["9.00", "NO"]
    assert lines_with(text, "social")[0][-2:] == ["–", "–"]


def test_a_channel_without_spend_has_dashes() -> None:
    summary = made_up_inputs(2, 20).channel_summary
    summary.loc[0, [column for column in summary.columns if "roi" in column]] = np.nan
    assert lines_with(render_text(roi_table(summary, {"tv": 1.0})), "tv")[0][3:9] == ["–"] * 6


def test_budgets_are_summed_over_geos_with_a_total_per_scenario() -> None:
    plan = made_up_inputs(4, 20).budget_plan
    text = render_text(budget_table(plan))
    assert "Current budget" in text
    assert "Budget minus 20 percent" in text
    totals = lines_with(text, "total")
    assert [total[3] for total in totals] == ["0.0%", "−20%"]
    assert len(lines_with(text, "tv")) == 2


def test_square_brackets_in_names_are_plain_text() -> None:
    names = ("[red]tv[/red]", "[/]", "radio")
    inputs = made_up_inputs(2, 20, names)
    for table in (roi_table(inputs.channel_summary), budget_table(inputs.budget_plan)):
        assert all(name in render_text(table) for name in names)
