"""The rule of the choice, and what it says of itself."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from mmm_core.errors import StorageError
from mmm_core.selection.choice import CandidateScore, ModelChoice, check_choice, paired_differences, winner_of


def row(name: str, difference: float = 0.0, **changes: object) -> CandidateScore:
    fields: dict[str, object] = {
        "name": name,
        "changes": {"slope": "free"},
        "score": -8.0 + difference,
        "difference": difference,
        "difference_se": 0.05 if difference else 0.0,
        "forecast_score": -9.0,
        "slice_scores": (-8.0, -8.1),
        "weight": 0.5,
        "max_rhat": 1.01,
        "divergences": 0,
        "seconds": 3.0,
    }
    return CandidateScore(**(fields | changes))  # type: ignore[arg-type]


def choice(*rows: CandidateScore, winner: str = "a") -> ModelChoice:
    return ModelChoice(rows, winner, (("2024-01-01", "2024-03-31"), ("2024-04-01", "2024-06-30")), 52)


def test_differences_are_to_the_best_and_paired() -> None:
    rng = np.random.default_rng(0)
    shared = rng.normal(0, 10, 40)
    scores = np.stack([shared, shared - 1 + rng.normal(0, 0.1, 40)], axis=1)
    mean, error = paired_differences(scores, np.arange(40))
    gap = scores[:, 1] - scores[:, 0]
    assert mean == pytest.approx([0, gap.mean()])
    assert error == pytest.approx([0, gap.std(ddof=1) / np.sqrt(40)])


def test_geos_of_a_week_count_as_one_when_they_move_together() -> None:
    gap = np.random.default_rng(1).normal(-1, 1, 30)
    once, weeks = np.stack([np.zeros(30), gap], axis=1), np.arange(30)
    repeated, again = np.repeat(once, 5, axis=0), np.repeat(weeks, 5)
    assert paired_differences(repeated, again)[1] == pytest.approx(paired_differences(once, weeks)[1])


@pytest.mark.parametrize(
    ("difference", "standard_error", "expected"),
    [
        ([-0.3, 0.0, -0.1], [0.1, 0.0, 0.1], 1),
        ([-0.04, 0.0, -0.1], [0.1, 0.0, 0.1], 0),
        ([-0.3, -0.04, 0.0], [0.1, 0.1, 0.0], 1),
        ([0.0, -0.01, -0.01], [0.0, 0.1, 0.1], 0),
    ],
)
def test_the_best_wins_but_a_near_tie_goes_to_the_earlier(
    difference: list[float], standard_error: list[float], expected: int
) -> None:
    assert winner_of(np.array(difference), np.array(standard_error)) == expected


def test_the_record_survives_storage() -> None:
    totals = pd.DataFrame({"channel": ["tv", "email"], "roi_mean": [1.5, np.nan]})
    stored = choice(row("a"), row("b", -0.2)).with_stacked(totals)
    again = ModelChoice.from_record(stored.to_record())
    assert again == stored
    assert again.stacked == ({"channel": "tv", "roi_mean": 1.5}, {"channel": "email", "roi_mean": None})
    assert again.changes.slope == "free"


def test_a_broken_record_is_refused_with_the_remedy() -> None:
    with pytest.raises(StorageError, match="materialize model_choice again"):
        ModelChoice.from_record({"winner": "a"})


def test_rough_fits_and_a_close_race_are_warned_about() -> None:
    rough = choice(row("a"), row("b", -0.02, max_rhat=1.2))
    checks = {check.name: check for check in check_choice(rough)}
    assert not checks["comparison_rhat"].passed
    assert "b" in checks["comparison_rhat"].message
    assert "selection.draws" in checks["comparison_rhat"].message
    assert not checks["clear_choice"].passed
    assert not any(check.blocks for check in checks.values())
    clear = dataclasses.replace(rough, candidates=(row("a"), row("b", -0.2)))
    assert all(check.passed for check in check_choice(clear))


def test_the_table_is_ranked_and_marks_the_winner() -> None:
    table = choice(row("a", -0.01), row("b")).scores()
    assert table["candidate"].tolist() == ["b", "a"]
    assert table["chosen"].tolist() == [False, True]
