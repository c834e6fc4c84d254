"""Which experiment next: in the report, with the exact numbers of the plan."""

import dataclasses
import re

from mmm_core.reporting.decisions import DecisionTables
from mmm_core.reporting.html import render_report
from mmm_core.reporting.sections.next_experiments import next_experiments_view
from tests.reporting.decision_frames import proposal_frame, split_frame
from tests.reporting.frames import made_up_inputs

_NOTES = ("First choice: the first channel, in 1 of 2 geos.",)


def test_proposals_stand_in_the_report_in_their_order() -> None:
    inputs = made_up_inputs(2, 12)
    proposals = proposal_frame(inputs)
    decisions = DecisionTables(proposals=proposals.iloc[::-1], test_geos=split_frame(inputs))
    inputs = dataclasses.replace(inputs, decisions=decisions, experiment_notes=_NOTES)
    view = next_experiments_view(inputs)
    assert view is not None
    assert [row[1].text for row in view.table.rows] == list(proposals["channel"])
    assert [row[8].tone for row in view.table.rows] == ["good"] * (len(proposals) - 1) + ["warn"]
    assert [row[9].value for row in view.table.rows] == list(proposals["reduction"])
    assert view.geos is not None
    assert [cell.text for cell in view.geos.rows[0][1:]] == ["Geo0", "Geo1"]
    page = render_report(inputs)
    assert "Which experiment next" in page
    assert _NOTES[0] in page
    for value in proposals["value_of_information"]:
        assert re.search(f'data-value="{value!r}"', page)
    assert page.count("expected after the test") > len(proposals)


def test_without_a_plan_there_is_nothing_about_it() -> None:
    inputs = made_up_inputs(2, 12)
    assert next_experiments_view(inputs) is None
    assert "Which experiment next" not in render_report(inputs)
