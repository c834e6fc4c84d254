"""What would have been, against the model run on changed data."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from mmm_core.attribution.counterfactuals import counterfactual_table
from mmm_core.config.outputs import AttributionConfig
from mmm_core.config.schema import Config
from mmm_core.errors import InputError
from mmm_core.features.model_data import FloatArray
from mmm_core.model.forward import expected_kpi
from mmm_core.model.posterior import Posterior
from mmm_core.model.specification import build_spec
from tests.factories import EVERYTHING, made_up_posterior, robust, tiny_model_data

_QUESTIONS: dict[str, dict[str, Any]] = {
    "without channel_0 in spring": {"channels": ["channel_0"], "start": "2023-03-01", "end": "2023-05-31"},
    "without paid media": {},
    "reach up in one geo": {"channels": ["reach_0"], "geos": ["Geo1"], "change": 0.3},
    "two channels, two geos, late": {
        "channels": ["organic_0", "channel_1"],
        "geos": ["Geo2", "Geo0"],
        "start": "2023-06-05",
        "change": -0.5,
    },
    "as it was": {"change": 0.0},
}
_WEEKS = {"without channel_0 in spring": slice(9, 22), "two channels, two geos, late": slice(22, 30)}
_CHANNELS = {
    "without channel_0 in spring": [0],
    "reach up in one geo": [2],
    "two channels, two geos, late": [1, 3],
}
_GEOS = {"reach up in one geo": [1], "two channels, two geos, late": [0, 2]}
_COLUMNS = [
    *("name", "channels", "geos", "start", "end", "change", "spend_change"),
    *("kpi_change_mean", "kpi_change_q05", "kpi_change_q95"),
    *("outcome_change_mean", "outcome_change_q05", "outcome_change_q95", "kpi_share"),
]


def _asked(**questions: dict[str, Any]) -> AttributionConfig:
    return AttributionConfig.model_validate({"counterfactuals": questions})


def _changed(posterior: Posterior, name: str) -> FloatArray:
    media = posterior.data.media.copy()
    change = _QUESTIONS[name].get("change", -1.0)
    for g in _GEOS.get(name, range(3)):
        for m in _CHANNELS.get(name, range(3)):
            media[g, _WEEKS.get(name, slice(None)), m] *= 1 + change
    return media


@pytest.mark.parametrize("case", ["gaussian", "robust_log", "hill before adstock"])
def test_changes_are_those_of_the_model_on_changed_data(case: str) -> None:
    data = tiny_model_data(extras=EVERYTHING)
    spec = robust(data) if case == "robust_log" else None
    if case == "hill before adstock":
        spec = build_spec(Config.model_validate({"model": {"hill_before_adstock": True}}), data)
    posterior = made_up_posterior(data, spec=spec)
    table = counterfactual_table(posterior, _asked(**_QUESTIONS))
    assert list(table) == _COLUMNS
    assert table["name"].tolist() == list(_QUESTIONS)
    now, worth = expected_kpi(posterior), data.outcome_per_kpi
    for row in table.itertuples():
        change = expected_kpi(posterior, media=_changed(posterior, row.name)) - now
        kpi, outcome = change.sum(axis=(1, 2)), (change * worth).sum(axis=(1, 2))
        small = 1e-9 * now.sum(axis=(1, 2)).mean()
        assert row.kpi_change_mean == pytest.approx(kpi.mean(), rel=1e-8, abs=small)
        assert row.kpi_change_q05 == pytest.approx(np.quantile(kpi, 0.05), rel=1e-8, abs=small)
        assert row.outcome_change_mean == pytest.approx(outcome.mean(), rel=1e-8, abs=small)
        assert row.outcome_change_q95 == pytest.approx(np.quantile(outcome, 0.95), rel=1e-8, abs=small)
        weeks, geos = _WEEKS.get(row.name, slice(None)), _GEOS.get(row.name, [0, 1, 2])
        fitted = now.mean(axis=0)[geos, weeks].sum()
        assert row.kpi_share == pytest.approx(kpi.mean() / fitted, rel=1e-8, abs=1e-9)


def test_spend_and_words_say_what_was_asked() -> None:
    data = tiny_model_data(extras=EVERYTHING)
    table = counterfactual_table(made_up_posterior(data), _asked(**_QUESTIONS)).set_index("name")
    spring = table.loc["without channel_0 in spring"]
    assert (spring["channels"], spring["geos"], spring["change"]) == ("channel_0", "all", -1.0)
    assert (str(spring["start"])[:10], str(spring["end"])[:10]) == ("2023-03-06", "2023-05-29")
    assert spring["spend_change"] == pytest.approx(-data.spend[:, 9:22, 0].sum())
    late = table.loc["two channels, two geos, late"]
    assert (late["channels"], late["geos"]) == ("channel_1, organic_0", "Geo0, Geo2")
    assert late["spend_change"] == pytest.approx(-0.5 * data.spend[[0, 2], 22:, 1].sum())
    assert table.loc["without paid media", "channels"] == "all"
    assert table.loc["as it was", ["kpi_change_q05", "kpi_change_q95", "spend_change"]].abs().max() == 0


def test_without_questions_the_table_is_empty_but_has_its_columns() -> None:
    table = counterfactual_table(made_up_posterior(tiny_model_data()), AttributionConfig())
    assert list(table) == _COLUMNS
    assert table.empty
    assert str(table["start"].dtype) == "datetime64[ns]"


def test_a_change_after_the_last_media_changes_nothing() -> None:
    data = tiny_model_data()
    media = data.media.copy()
    media[:, 25:, 0] = 0
    posterior = made_up_posterior(dataclasses.replace(data, media=media))
    row = counterfactual_table(posterior, _asked(end={"channels": ["channel_0"], "start": "2023-06-26"})).iloc[0]
    assert row["kpi_change_mean"] == 0


@pytest.mark.parametrize(
    ("question", "message"),
    [
        (
            {"channels": ["chanel_0"]},
            "attribution.counterfactuals.ask.channels names chanel_0, but no channel of the fit has that name; "
            "known: channel_0, channel_1. Did you mean channel_0?",
        ),
        (
            {"geos": ["Atlantis"]},
            "attribution.counterfactuals.ask.geos names Atlantis, but no geo of the fit has that name; known: "
            "Geo0, Geo1, Geo2.",
        ),
        (
            {"start": "2023-05-01", "end": "2023-04-01"},
            "attribution.counterfactuals.ask: end 2023-04-01 is before start 2023-05-01; swap them, or correct "
            "one of them.",
        ),
        (
            {"start": "2025-01-01"},
            "attribution.counterfactuals.ask: no week of the data starts between 2025-01-01 and 2023-07-24; its "
            "weeks start from 2023-01-02 to 2023-07-24, so choose start and end among them.",
        ),
    ],
)
def test_what_does_not_exist_is_refused_in_one_sentence(question: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        counterfactual_table(made_up_posterior(tiny_model_data()), _asked(ask=question))
    assert str(caught.value) == message
