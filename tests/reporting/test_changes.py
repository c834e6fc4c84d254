"""What changed, in the report: every number is one of the tables', every name is escaped."""

import dataclasses

import numpy as np
import pytest

from mmm_core.config.refresh import RefreshConfig
from mmm_core.features.held_out import truncate
from mmm_core.refresh.budgets import plan_by_channel
from mmm_core.refresh.changes import FIRST, Setting, WhatChanged, what_changed
from mmm_core.reporting.figures_changes import roi_before_after
from mmm_core.reporting.html import render_report
from tests.factories import EVERYTHING, made_up_posterior, tiny_model_data
from tests.reporting.frames import made_up_inputs
from tests.reporting.parsed import Report

EVIL = "<b>tv & co</b>"


@pytest.fixture(scope="module")
def changes() -> WhatChanged:
    data = tiny_model_data(extras=EVERYTHING)
    data = dataclasses.replace(data, channels=(EVIL, *data.channels[1:]))
    kpi = data.kpi.copy()
    kpi[tuple(np.argwhere(data.observed & data.present)[0])] *= 1.5
    now = made_up_posterior(data, seed=3)
    before = made_up_posterior(truncate(dataclasses.replace(data, kpi=kpi), len(data.dates) - 2))
    plan = plan_by_channel(made_up_inputs(2, 12).budget_plan)
    settings = [Setting({"optimization.seed": seed}, plan) for seed in (1, 2)]
    return what_changed(("new", now, settings[0]), ("old", before, settings[1]), RefreshConfig())


def test_the_section_stands_behind_the_summary_and_shows_the_tables(changes: WhatChanged) -> None:
    text = render_report(made_up_inputs(2, 12, changes=changes))
    report = Report(text)
    links = [link.text for link in report.all("a") if (link.attributes.get("href") or "").startswith("#")]
    assert links[:2] == ["Summary", "What changed"]
    assert EVIL not in text
    table = changes.tables["roi_changes"]
    shown = {value for value in text.split('data-value="') if value}
    for value in table[["roi_before_mean", "roi_now_mean"]].stack():
        assert any(part.startswith(f'{value!r}"') for part in shown)
    for name in ("changes_roi", "changes_contributions", "changes_data", "changes_cells", "changes_budgets"):
        assert f'data-table="{name}"' in text


def test_a_first_fit_says_that_there_is_nothing_to_compare() -> None:
    first = WhatChanged("fit", None, FIRST)
    assert FIRST in render_report(made_up_inputs(2, 12, changes=first))
    assert 'id="changes"' not in render_report(made_up_inputs(2, 12))


def test_the_picture_needs_no_channel(changes: WhatChanged) -> None:
    table = changes.tables["roi_changes"]
    for part in (table, table.head(0)):
        assert roi_before_after(part).startswith(b"\x89PNG")
