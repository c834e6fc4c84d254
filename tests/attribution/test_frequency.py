"""Return by frequency against the model run on changed reach and frequency."""

import dataclasses

import numpy as np
import pytest

from mmm_core.attribution.frequency import frequency_table, outcome_at_frequencies
from mmm_core.config.schema import Config
from mmm_core.model.forward import effect_units, expected_kpi, incremental_outcome
from mmm_core.model.posterior import Posterior
from mmm_core.model.specification import build_spec
from tests.factories import EVERYTHING, Extras, made_up_posterior, robust, tiny_model_data

_COLUMNS = ["channel", "frequency", "roi_mean", "roi_q05", "roi_q95", "optimal", "current_frequency"]


def _at(posterior: Posterior, m: int, frequency: float, contacts: bool = True) -> Posterior:
    """The same impressions at one frequency; without contacts: nobody is reached."""
    data = posterior.data
    assert data.frequency is not None
    assert data.lead_frequency is not None
    cubes = {name: getattr(data, name).copy() for name in ("media", "frequency", "lead_media", "lead_frequency")}
    for prefix in ("", "lead_"):
        reach, often = cubes[f"{prefix}media"], cubes[f"{prefix}frequency"]
        reach[:, :, m] *= often[:, :, m] / frequency * contacts
        often[:, :, m] = frequency
    return dataclasses.replace(posterior, data=dataclasses.replace(data, **cubes))


def test_returns_are_those_of_the_model_on_changed_data() -> None:
    posterior = made_up_posterior(tiny_model_data(extras=EVERYTHING))
    table = frequency_table(posterior)
    assert list(table) == _COLUMNS
    spend, worth = posterior.data.spend[:, :, 2].sum(), posterior.data.outcome_per_kpi
    without = expected_kpi(_at(posterior, 2, 1.0, contacts=False))
    for row in table.iloc[::7].itertuples():
        added = expected_kpi(_at(posterior, 2, row.frequency)) - without
        roi = (added * worth).sum(axis=(1, 2)) / spend
        assert row.roi_mean == pytest.approx(roi.mean(), rel=1e-9)
        assert row.roi_q05 == pytest.approx(np.quantile(roi, 0.05), rel=1e-9)
        assert row.roi_q95 == pytest.approx(np.quantile(roi, 0.95), rel=1e-9)


def test_the_robust_family_keeps_the_worth_of_an_effect() -> None:
    data = tiny_model_data(extras=EVERYTHING)
    posterior = made_up_posterior(data, spec=robust(data))
    units = effect_units(posterior)
    found = outcome_at_frequencies(posterior, 2, np.array([1.3, 2.7]))
    for outcome, frequency in zip(found, (1.3, 2.7), strict=True):
        expected = incremental_outcome(_at(posterior, 2, frequency), units=units)[:, :, 2].sum(axis=1)
        np.testing.assert_allclose(outcome, expected, rtol=1e-9)


def test_grid_starts_at_one_contact_and_ends_at_the_largest_observed() -> None:
    posterior = made_up_posterior(tiny_model_data(extras=EVERYTHING))
    data = posterior.data
    assert data.frequency is not None
    table = frequency_table(posterior)
    seen = data.frequency[:, :, 2][data.media[:, :, 2] > 0].max()
    np.testing.assert_allclose(np.diff(table["frequency"]), 0.1)
    assert table["frequency"].iloc[0] == 1.0
    assert seen - 0.1 < table["frequency"].iloc[-1] <= seen
    impressions = (data.media * data.frequency)[:, :, 2].sum()
    assert table["current_frequency"].unique() == pytest.approx(impressions / data.media[:, :, 2].sum())


def test_every_channel_with_reach_has_one_best_frequency() -> None:
    data = tiny_model_data(extras=Extras(n_reach=2))
    spec = build_spec(Config.model_validate({"features": {"saturation": {"slope": "free"}}}), data)
    table = frequency_table(made_up_posterior(data, spec=spec))
    assert table["channel"].unique().tolist() == ["reach_0", "reach_1"]
    for _, rows in table.groupby("channel"):
        assert rows["optimal"].sum() == 1
        assert rows.loc[rows["optimal"], "roi_mean"].item() == rows["roi_mean"].max()


def test_the_best_frequency_of_a_known_curve_is_found() -> None:
    """f^s / (f^s + ec^s) / f is largest at f = ec (s - 1)^(1 / s)."""
    data = tiny_model_data(extras=Extras(n_reach=1))
    posterior = made_up_posterior(data)
    posterior.samples["slope_m"][:] = 3.0
    posterior.samples["ec_m"][:] = 2.0
    table = frequency_table(posterior)
    assert table.loc[table["optimal"], "frequency"].item() == pytest.approx(2.0 * 2 ** (1 / 3), abs=0.05)


def test_without_spend_returns_are_missing_but_the_best_frequency_is_known() -> None:
    data = tiny_model_data(extras=Extras(n_reach=1))
    table = frequency_table(made_up_posterior(dataclasses.replace(data, spend=np.zeros_like(data.spend))))
    assert table["roi_mean"].isna().all()
    assert table["optimal"].sum() == 1


def test_without_reach_the_table_is_empty_but_has_its_columns() -> None:
    table = frequency_table(made_up_posterior(tiny_model_data()))
    assert list(table) == _COLUMNS
    assert table.empty
    assert table["optimal"].dtype == bool
