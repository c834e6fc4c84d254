"""Real fits without what is held out."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from mmm_core.backtesting.run import MODEL, SplitResult, run_split, seen_by, spec_of
from mmm_core.backtesting.scores import SCORES
from mmm_core.backtesting.splits import BacktestSplit, plan_splits
from mmm_core.backtesting.summary import BACKTEST_CHECKS, check_backtest, summarise_splits
from mmm_core.config.schema import Config
from mmm_core.features.model_data import ModelData
from mmm_core.model.posterior import Posterior
from mmm_core.model.specification import build_spec
from tests.factories import EVERYTHING, tiny_model_data

CONFIG = Config.model_validate(
    {
        "model": {"backend": "pymc", "knots": 2},
        "training": {
            "tune": 200,
            "rolling_splits": {"window_weeks": 40, "step_weeks": 10, "horizon_weeks": 8, "splits": 2},
        },
        "evaluation": {"validation_strategies": {"temporal": True, "platform_holdout": True, "draws": 200}},
    }
)


@pytest.fixture(scope="module")
def data() -> ModelData:
    return tiny_model_data(n_geos=3, n_weeks=60, extras=dataclasses.replace(EVERYTHING, n_holidays=0))


@pytest.fixture(scope="module")
def splits(data: ModelData) -> tuple[BacktestSplit, ...]:
    return plan_splits(CONFIG, data)


@pytest.fixture(scope="module")
def fits(data: ModelData, splits: tuple[BacktestSplit, ...]) -> list[tuple[SplitResult, Posterior]]:
    first = run_split(splits[0], data, CONFIG)
    second = run_split(splits[1], data, CONFIG, start=first[1])
    return [first, second]


def test_every_predictor_is_scored_in_every_geo(
    fits: list[tuple[SplitResult, Posterior]], data: ModelData
) -> None:
    for result, _ in fits:
        table = result.scores
        assert set(table["predictor"]) == {MODEL, "seasonal_naive", "no_media"}
        assert table["geo"].iloc[0] == "all"
        assert np.isfinite(table[[name for name in SCORES if name != "log_score"]].to_numpy()).all()
        assert np.isfinite(table.loc[table["predictor"] == MODEL, "log_score"]).all()
        tested = result.split.tested(data)
        assert len(result.predictions) == tested.sum()
        np.testing.assert_array_equal(result.predictions["actual"], data.kpi[tested])


def test_a_later_split_starts_from_the_one_before(fits: list[tuple[SplitResult, Posterior]]) -> None:
    assert [result.warm_start for result, _ in fits] == [False, True]


def test_nothing_of_the_held_out_kpi_enters_the_fit(
    fits: list[tuple[SplitResult, Posterior]], data: ModelData, splits: tuple[BacktestSplit, ...]
) -> None:
    kpi = data.kpi.copy()
    kpi[:, splits[0].test_first :] *= 3
    other, fit = run_split(splits[0], dataclasses.replace(data, kpi=kpi), CONFIG)
    for name, values in fits[0][1].samples.data_vars.items():
        np.testing.assert_array_equal(values, fit.samples[name])
    np.testing.assert_allclose(other.predictions["mean"], fits[0][0].predictions["mean"])


def test_the_fit_sees_its_window_with_the_media_before_it(
    data: ModelData, splits: tuple[BacktestSplit, ...]
) -> None:
    split = splits[1]
    seen = seen_by(split, data, CONFIG)
    np.testing.assert_array_equal(seen.dates, data.dates[split.first : split.end])
    assert seen.lead_media.shape[1] == CONFIG.features.adstock.max_lag
    past = data.media[:, split.first - seen.lead_media.shape[1] : split.first]
    np.testing.assert_array_equal(seen.lead_media, past)


def test_a_result_survives_json(fits: list[tuple[SplitResult, Posterior]]) -> None:
    result = fits[0][0]
    again = SplitResult.from_record(json.loads(json.dumps(result.to_record())))
    assert again.scores.equals(result.scores)
    assert again.split == result.split
    np.testing.assert_allclose(again.predictions["q95"], result.predictions["q95"])


def test_the_summary_brings_all_splits_together(
    fits: list[tuple[SplitResult, Posterior]], data: ModelData, splits: tuple[BacktestSplit, ...]
) -> None:
    without = next(split for split in splits if split.channel is not None)
    everything = next(split for split in splits if split.strategy == "platform" and split.channel is None)
    platform = [run_split(split, data, CONFIG)[0] for split in (everything, without)]
    results = [result for result, _ in fits] + platform
    summary = summarise_splits(results)
    assert without.channel not in set(platform[1].roi["channel"])
    assert summary.platforms["channel"].tolist() == [without.channel]
    temporal = summary.scores[(summary.scores["strategy"] == "temporal") & (summary.scores["predictor"] == MODEL)]
    expected = np.mean([r.scores.set_index(["predictor", "geo"])["wmape"][MODEL, "all"] for r in results[:2]])
    assert temporal["wmape"].iloc[0] == pytest.approx(expected)
    found = check_backtest(summary, [split.name for split in splits], CONFIG.evaluation.metrics)
    assert [result.name for result in found] == list(BACKTEST_CHECKS)
    complete = next(result for result in found if result.name == "backtest_complete")
    assert not complete.passed
    assert "are missing" in complete.message


def _with_tests(path: Path, data: ModelData, tests: dict[str, tuple[int, int, str]]) -> Config:
    """Lift tests of the first channel: name -> first and last week, geo."""
    channel, rows = data.channels[0], []
    for name, (first, last, geo) in tests.items():
        start, end = data.dates[first], data.dates[last] + np.timedelta64(6, "D")
        rows.append(f"{name},{channel},{geo},{start},{end},0.5,roas,1.5,0.2")
    header = "id,channels,geos,start,end,relative_change,metric,estimate,standard_error"
    path.write_text("\n".join([header, *rows, ""]), encoding="utf-8")
    calibration = CONFIG.calibration.model_copy(update={"experiments": str(path), "use": "prior"})
    return CONFIG.model_copy(update={"calibration": calibration})


def test_a_fit_knows_the_lift_tests_that_were_over_and_no_others(
    data: ModelData, splits: tuple[BacktestSplit, ...], tmp_path: Path
) -> None:
    split, geo = splits[0], data.geos[0]
    seen = seen_by(split, data, CONFIG)
    plain = build_spec(CONFIG, seen)
    known = {"before": (split.first + 4, split.end - 3, geo)}
    later = {"across": (split.end - 2, split.end + 1, geo), "after": (split.test_end, split.test_end + 1, geo)}
    assert spec_of(split, data, seen, _with_tests(tmp_path / "later.csv", data, later)) == plain
    of_known = spec_of(split, data, seen, _with_tests(tmp_path / "known.csv", data, known))
    assert of_known.effect[0] != plain.effect[0]
    assert of_known.effect[1:] == plain.effect[1:]
    assert spec_of(split, data, seen, _with_tests(tmp_path / "both.csv", data, known | later)) == of_known


def test_a_lift_test_in_held_out_cells_stays_unknown(data: ModelData, tmp_path: Path) -> None:
    weeks = len(data.dates)
    split = BacktestSplit("geo_1", "geo", 0, weeks, weeks - 10, weeks, geos=(data.geos[1],))
    seen = seen_by(split, data, CONFIG)
    for geo, is_known in ((data.geos[1], False), (data.geos[0], True)):
        config = _with_tests(tmp_path / f"{is_known}.csv", data, {"late": (weeks - 8, weeks - 4, geo)})
        assert (spec_of(split, data, seen, config) != build_spec(CONFIG, seen)) == is_known
