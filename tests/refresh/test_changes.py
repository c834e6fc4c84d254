"""What has changed since the last accepted fit is found in its size, with its reason."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest

from mmm_core.attribution.returns import roi_draws
from mmm_core.config.refresh import RefreshConfig
from mmm_core.errors import StorageError
from mmm_core.features.held_out import truncate
from mmm_core.features.model_data import ModelData
from mmm_core.model.posterior import Posterior
from mmm_core.refresh.budgets import budget_changes, plan_by_channel
from mmm_core.refresh.changes import FIRST, Setting, WhatChanged, what_changed
from mmm_core.refresh.reasons import causes, config_changes
from mmm_core.refresh.returns import PARTS, probability_higher, probability_real, return_changes
from mmm_core.refresh.revisions import revisions, scope_table
from tests.factories import EVERYTHING, made_up_posterior, tiny_model_data

DATA = tiny_model_data(extras=EVERYTHING)
NOW = made_up_posterior(DATA)
BEFORE = dataclasses.replace(NOW, data=truncate(DATA, len(DATA.dates) - 3))
PLAN = pd.DataFrame(
    {
        "scenario": ["same", "same", "same", "more", "more"],
        "geo": ["a", "b", "a", "a", "a"],
        "channel": ["tv", "tv", "radio", "tv", "radio"],
        "current_spend": [10.0, 10.0, 20.0, 20.0, 20.0],
        "optimal_spend": [5.0, 15.0, 20.0, 40.0, 20.0],
    }
)


def scaled(posterior: Posterior, channel: int, factor: float) -> Posterior:
    samples = posterior.samples.copy(deep=True)
    samples["beta_gm"].values[..., channel] *= factor
    return dataclasses.replace(posterior, samples=samples)


def corrected(data: ModelData) -> ModelData:
    """One KPI value and one week's spend and media of the first channel are others."""
    kpi, spend, media = data.kpi.copy(), data.spend.copy(), data.media.copy()
    g, t = np.argwhere(data.observed & data.present & (data.spend[:, :, 0] > 0))[0]
    kpi[g, t] *= 2
    spend[g, t, 0] *= 3
    media[g, t, 0] *= 3
    return dataclasses.replace(data, kpi=kpi, spend=spend, media=media)


def found(now: Posterior, before: Posterior, **config: object) -> WhatChanged:
    settings = (Setting({"model.knots": None, **config}, None), Setting({"model.knots": None}, None))
    return what_changed(("new", now, settings[0]), ("old", before, settings[1]), RefreshConfig())


def test_the_first_fit_has_nothing_to_be_compared_with() -> None:
    first = what_changed(("new", NOW, Setting({}, None)), None, RefreshConfig())
    assert (first.sentence, first.compared_with, dict(first.tables)) == (FIRST, None, {})
    assert WhatChanged.from_record(json.loads(json.dumps(first.to_record()))) == first


def test_the_same_fit_has_not_changed() -> None:
    same = found(NOW, NOW)
    table = same.tables["roi_changes"]
    assert (table[[*PARTS, "roi_change_mean", "contribution_change_mean"]].fillna(0) == 0).all().all()
    assert same.table("scope") is None
    assert same.table("data_revisions") is None
    assert same.table("reasons") is None
    paid = table["channel"].isin(DATA.paid_channels)
    assert (table.loc[paid, "roi_probability_higher"] == 0.5).all()
    assert "ROI of 0 of" in same.sentence


def test_corrections_are_found_cell_by_cell() -> None:
    old, new = DATA, corrected(DATA)
    result = revisions(new, old)
    counted = result.variables.set_index(["what", "name"])["cells_changed"].to_dict()
    assert counted == {("kpi", ""): 1, ("spend", "channel_0"): 1, ("media", "channel_0"): 1} or counted == {
        ("kpi", ""): 1,
        ("spend", "channel_0"): 1,
    }
    kpi = result.cells[result.cells["what"] == "kpi"].iloc[0]
    assert kpi["now"] == pytest.approx(2 * kpi["before"])
    assert np.abs(result.cells["change_sd"]).is_monotonic_decreasing
    assert revisions(old, old).variables.empty


def test_a_value_that_came_is_a_correction_too() -> None:
    kpi = DATA.kpi.copy()
    g, t = np.argwhere(DATA.observed)[0]
    kpi[g, t] = np.nan
    result = revisions(DATA, dataclasses.replace(DATA, kpi=kpi))
    assert result.variables["cells_changed"].tolist() == [1]
    assert np.isinf(result.cells["change_sd"]).all()


def test_new_weeks_and_other_geos_are_named() -> None:
    table = scope_table(DATA, BEFORE.data)
    assert table["what"].tolist() == ["week"] * 3
    assert (table["change"] == "new").all()
    renamed = dataclasses.replace(DATA, geos=("Elsewhere", *DATA.geos[1:]))
    rows = set(scope_table(renamed, DATA).itertuples(index=False, name=None))
    assert rows == {("geo", "Elsewhere", "new"), ("geo", DATA.geos[0], "gone")}


def test_the_parts_add_up_and_belong_to_their_cause() -> None:
    before = dataclasses.replace(BEFORE, data=truncate(corrected(DATA), len(DATA.dates) - 3))
    table = return_changes(scaled(NOW, 1, 1.4), before).set_index("channel")
    paid = list(DATA.paid_channels)
    parts = table.loc[paid, list(PARTS)].sum(axis=1)
    np.testing.assert_allclose(parts, table.loc[paid, "roi_change_mean"], rtol=1e-9, atol=1e-12)
    whole = roi_draws(NOW)
    assert table.loc["channel_0", "roi_now_mean"] == pytest.approx(whole[:, 0].mean())
    assert table.loc["channel_0", "from_fit"] == pytest.approx(0, abs=1e-9)
    assert abs(table.loc["channel_0", "from_revision"]) > 1e-3 * table.loc["channel_0", "roi_now_mean"]
    assert table.loc["channel_1", "from_revision"] == pytest.approx(0, abs=1e-12)
    assert table.loc["channel_1", "from_fit"] > 0.2 * table.loc["channel_1", "roi_before_mean"]


def test_reasons_say_what_moved_a_return() -> None:
    before = dataclasses.replace(BEFORE, data=truncate(corrected(DATA), len(DATA.dates) - 3))
    changed = found(
        scaled(NOW, 1, 3.0), before, **{"model.knots": 4, "reports.title": "x", "optimization.seed": 1}
    )
    causes = changed.tables["reasons"]
    assert set(causes["cause"]) == {"data_revision", "new_weeks", "configuration"}
    assert causes.loc[causes["about"] == "plan", "detail"].tolist() == ["optimization.seed changed"]
    assert "reports" not in " ".join(causes["detail"])
    reason = changed.tables["roi_changes"].set_index("channel")["reason"]
    assert "spend or media of the same weeks were corrected" in reason["channel_0"]
    assert "the fit says otherwise" in reason["channel_1"]
    assert "new weeks, configuration" in reason["channel_1"]
    assert "channel_1" in changed.sentence
    again = WhatChanged.from_record(json.loads(json.dumps(changed.to_record())))
    pd.testing.assert_frame_equal(again.tables["roi_changes"], changed.tables["roi_changes"], check_dtype=False)


@pytest.mark.parametrize(
    ("before", "now", "moved"),
    [
        ((0, 12, 26), (0, 12, 29), False),
        ((0, 12, 26), (0, 14, 29), True),
        ((0, 12, 26), (0, 10, 20, 29), True),
        ((4, 20), (4, 20), False),
        ((4, 20), (0, 15, 29), True),
    ],
)
def test_knots_that_were_placed_anew_are_a_reason(
    before: tuple[int, ...], now: tuple[int, ...], moved: bool
) -> None:
    assert len(DATA.dates) == 30
    fits = (dataclasses.replace(fit, spec=dataclasses.replace(fit.spec, knots=knots))
            for fit, knots in ((NOW, now), (BEFORE, before)))  # fmt: skip
    reasons = causes(*fits, scope_table(DATA, BEFORE.data), revisions(DATA, BEFORE.data).variables, [])
    details = reasons.loc[reasons["cause"] == "knots", "detail"].tolist()
    anew = f"knots of the trend were placed anew ({len(before)} before, {len(now)} now)"
    assert details == ([anew] if moved else [])


def test_another_seed_is_noise() -> None:
    draws = NOW.samples.isel(draw=np.r_[1 : NOW.samples.sizes["draw"], 0])
    shuffled = dataclasses.replace(NOW, samples=draws.assign_coords(draw=NOW.samples["draw"]))
    moved = scaled(shuffled, 0, 1.006)
    table = found(moved, NOW).tables["roi_changes"].set_index("channel")
    assert table.loc["channel_0", "reason"].endswith("noise of the sampler")


def test_channels_of_one_fit_only_are_listed() -> None:
    few = made_up_posterior(tiny_model_data(n_geos=2, n_channels=1))
    many = made_up_posterior(tiny_model_data(n_geos=3, n_channels=2))
    table = found(many, few).tables["roi_changes"].set_index("channel")
    assert table.loc["channel_1", "reason"] == "new in this fit"
    gone = found(few, many).tables["roi_changes"].set_index("channel")
    assert gone.loc["channel_1", "reason"] == "only in the last accepted fit"


def test_nothing_in_common_is_no_error() -> None:
    later = dataclasses.replace(DATA, dates=DATA.dates + np.timedelta64(7 * 500, "D"))
    table = found(dataclasses.replace(NOW, data=later), NOW).tables["roi_changes"]
    assert table[list(PARTS)].isna().all().all()


def test_shares_of_budgets_are_compared() -> None:
    now, before = plan_by_channel(PLAN), plan_by_channel(PLAN[PLAN["scenario"] == "same"])
    assert now.loc[0, ["current_spend", "optimal_spend"]].tolist() == [20.0, 20.0]
    before.loc[before["channel"] == "tv", "optimal_spend"] = 60.0
    table = budget_changes(now, before).set_index(["scenario", "channel"])
    assert table.loc[("same", "tv"), "share_before"] == pytest.approx(0.75)
    assert table.loc[("same", "tv"), "share_change"] == pytest.approx(-0.25)
    assert table.loc[("same", "tv"), "recommended_change_before"] == pytest.approx(2.0)
    assert np.isnan(table.loc[("more", "tv"), "share_before"])
    changed = what_changed(
        ("new", NOW, Setting({"optimization.seed": 1}, now)), ("old", NOW, Setting({}, before)), RefreshConfig()
    )
    reasons = changed.tables["budget_changes"].set_index(["scenario", "channel"])["reason"]
    assert reasons["same", "tv"] == "optimization.seed changed"
    assert "not planned before" in reasons["more", "tv"]


def test_probabilities_against_all_pairs() -> None:
    rng = np.random.default_rng(1)
    now, before = rng.normal(0.5, 1, 70).round(1), rng.normal(0, 1, 90).round(1)
    pairs = (now[:, None] > before).mean() + 0.5 * (now[:, None] == before).mean()
    assert probability_higher(now, before) == pytest.approx(pairs)
    assert probability_real(1.96, 1.0) == pytest.approx(0.975, abs=1e-3)
    assert (probability_real(0, 0), probability_real(1, 0)) == (0.5, 1.0)


def test_sections_without_numbers_do_not_count_as_configuration() -> None:
    now = {"model.knots": 3, "paths.storage": "b", "alerts.webhook": None, "training.seed": 1}
    assert config_changes(now, {"model.knots": 4, "paths.storage": "a", "training.seed": 1}) == ["model.knots"]


def test_a_broken_record_says_what_to_do() -> None:
    with pytest.raises(StorageError, match="materialize what_changed again"):
        WhatChanged.from_record({"tables": {"scope": {}}})
