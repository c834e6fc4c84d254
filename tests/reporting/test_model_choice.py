"""The report's section on the model choice."""

import re

from mmm_core.reporting.html import SECTIONS, render_report
from mmm_core.reporting.sections.model_choice import changes_in_words, model_choice_view
from mmm_core.selection.choice import CandidateScore, ModelChoice
from tests.reporting.frames import CHANNELS, made_up_inputs


def _row(name: str, difference: float, weight: float) -> CandidateScore:
    changes = {"slope": "free", "knots": "auto"} if name == "<b>free</b>" else {}
    error = 0.03 if difference else 0.0
    return CandidateScore(
        name, changes, -8.0 + difference, difference, error, -9.5, (-8.1, -7.9), weight, 1.01, 0, 2.0
    )


def _choice(winner: str = "<b>free</b>", gap: float = -0.2, stacked: bool = False) -> ModelChoice:
    totals = tuple(
        {"channel": name, "roi_mean": 1.2, "roi_q05": 0.4, "roi_q95": 2.5 if name != "tv" else None}
        for name in CHANNELS[:5]
    )
    return ModelChoice(
        candidates=(_row("<b>free</b>", 0.0, 0.7), _row("fixed", gap, 0.3)),
        winner=winner,
        slices=(("2024-07-01", "2024-09-29"), ("2024-09-30", "2024-12-29")),
        n_scored=192,
        stacked=totals if stacked else (),
    )


def test_without_a_choice_there_is_no_section() -> None:
    inputs = made_up_inputs()
    assert model_choice_view(inputs) is None
    assert 'id="choice"' not in render_report(inputs)
    assert "choice" not in [name for name, _ in SECTIONS]


def test_the_section_says_who_won_by_how_much_and_how_it_was_judged() -> None:
    html = render_report(made_up_inputs(model_choice=_choice()))
    section = html.split('<section id="choice">')[1].split("</section>")[0]
    text = re.sub(r"<[^>]+>", "", section)
    assert "Of 2 candidates the model &lt;b&gt;free&lt;/b&gt; was taken (slope free, knots auto)." in text
    assert "better than that of fixed, the next one, by 0.200 per geo-week (standard error 0.030)" in text
    assert "1 Jul 2024 to 29 Sep 2024 and 30 Sep 2024 to 29 Dec 2024" in text
    assert "192 geo-weeks" in text
    assert 'data-table="model_choice"' in section
    assert 'data-value="-0.2"' in section
    assert 'data-table="stacked"' not in section
    assert '<a href="#choice">' in html


def test_a_near_tie_is_told_as_such() -> None:
    inputs = made_up_inputs(model_choice=_choice(winner="fixed", gap=-0.02))
    view = model_choice_view(inputs)
    assert view is not None
    assert "too little to tell" in view.result
    assert "is listed earlier" in view.result
    assert any("within one standard error" in warning for warning in view.warnings)


def test_the_stacked_posterior_stands_beside_the_winner() -> None:
    html = render_report(made_up_inputs(model_choice=_choice(stacked=True)))
    section = html.split('<section id="choice">')[1].split("</section>")[0]
    table = section.split('data-table="stacked"')[1]
    assert "Stacked: ROI" in table
    assert table.count('data-value="1.2"') == 5
    assert "–" in table


def test_changes_in_words() -> None:
    assert changes_in_words({}) == "as configured"
    assert changes_in_words({"annual_fourier_order": 2}) == "seasonal terms 2"
