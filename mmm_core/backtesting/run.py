"""Fit without what is held out, predict it, and score the prediction beside naive ones.

Scaling, knots and priors come from what the fit may see: nothing of a held-out KPI enters.
"""

import dataclasses
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmm_core.attribution.returns import roi_draws
from mmm_core.backtesting.naive import no_media_regression, seasonal_naive
from mmm_core.backtesting.scores import SCORES, scores
from mmm_core.backtesting.splits import BacktestSplit
from mmm_core.config.schema import Config
from mmm_core.errors import SpecificationError, StorageError
from mmm_core.evaluation.convergence import diagnose
from mmm_core.evaluation.predictive import on_panel
from mmm_core.experiments.calibrate import calibrated_spec
from mmm_core.experiments.cells import weeks_of
from mmm_core.experiments.experiment import Experiment
from mmm_core.experiments.registry import load_experiments
from mmm_core.features.held_out import window, with_controls, without_channel, without_kpi
from mmm_core.features.model_data import FloatArray, ModelData
from mmm_core.model.backend import SamplerSettings, get_backend, sampler_settings
from mmm_core.model.noise import log_densities, predictive_draws
from mmm_core.model.posterior import Posterior
from mmm_core.model.specification import ModelSpec, build_spec
from mmm_core.progress import Progress, silent

MODEL, SEASONAL, NO_MEDIA = "model", "seasonal_naive", "no_media"
_CHAINS = 2
_RETRY_RHAT = 1.1
"""Above it a fit is made once more, longer: a chain that is stuck spoils a score."""


@dataclass(frozen=True)
class SplitResult:
    """What came of one split."""

    split: BacktestSplit
    fitted: tuple[str, str]
    """First and last week that the fit saw."""
    tested: tuple[str, str]
    """First and last week that is predicted."""
    scores: pd.DataFrame
    """predictor (model, seasonal_naive, no_media), geo (`all` first), and a column per score of `SCORES`."""
    roi: pd.DataFrame
    """channel, mean, sd, q05, q95 of the fit's ROI over its own window."""
    predictions: pd.DataFrame
    """geo, date, actual, mean, q05, q95 of the model."""
    max_rhat: float
    """Of what is interpreted."""
    divergences: int
    seconds: float
    warm_start: bool

    def to_record(self) -> dict[str, Any]:
        """For JSON."""
        dated = self.predictions.assign(date=self.predictions["date"].dt.strftime("%Y-%m-%d"))
        return {
            "split": self.split.to_record(),
            "fitted": list(self.fitted),
            "tested": list(self.tested),
            "scores": _records(self.scores),
            "roi": _records(self.roi),
            "predictions": _records(dated),
            "max_rhat": self.max_rhat if np.isfinite(self.max_rhat) else None,
            "divergences": self.divergences,
            "seconds": self.seconds,
            "warm_start": self.warm_start,
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "SplitResult":
        """Inverse of `to_record`.

        Raises:
            StorageError: the record is not one.
        """
        try:
            predictions = pd.DataFrame(record["predictions"])
            return cls(
                split=BacktestSplit.from_record(record["split"]),
                fitted=(record["fitted"][0], record["fitted"][1]),
                tested=(record["tested"][0], record["tested"][1]),
                scores=pd.DataFrame(record["scores"]).astype(dict.fromkeys(SCORES, float)),
                roi=pd.DataFrame(record["roi"]),
                predictions=predictions.assign(date=pd.to_datetime(predictions["date"])),
                max_rhat=np.inf if record["max_rhat"] is None else record["max_rhat"],
                divergences=record["divergences"],
                seconds=record["seconds"],
                warm_start=record["warm_start"],
            )
        except (KeyError, TypeError) as error:
            raise StorageError(f"A stored backtest lacks {error}; materialize backtest again.") from error


def run_split(
    split: BacktestSplit,
    data: ModelData,
    config: Config,
    progress: Progress = silent,
    start: Posterior | None = None,
) -> tuple[SplitResult, Posterior]:
    """Fit, predict and score one split.

    Args:
        split: what is held out.
        data: all weeks.
        config: the model and its sampler; 2 chains of `evaluation.validation_strategies.draws`.
        progress: told how far the fit is.
        start: the posterior of another split, for a warm start where the backend can.

    Returns:
        The result, and the fit from which the next split may start.

    Raises:
        SpecificationError: what the fit sees is not enough for the model.
        SamplingError: the fit gave no draws.
    """
    began = time.perf_counter()
    seen = seen_by(split, data, config)
    fit = _fitted(seen, spec_of(split, data, seen, config), config, progress, start)
    diagnostics = diagnose(fit)
    rhat = float(diagnostics.interpreted["rhat"].max())
    table, predictions = _scored(split, data, seen, fit)
    result = SplitResult(
        split=split,
        fitted=_days(seen, 0, len(seen.dates) - 1),
        tested=_days(data, split.test_first, split.test_end - 1),
        scores=table,
        roi=_roi(fit),
        predictions=predictions,
        max_rhat=rhat,
        divergences=diagnostics.divergences,
        seconds=time.perf_counter() - began,
        warm_start=fit.info.warm_start,
    )
    return result, fit


def seen_by(split: BacktestSplit, data: ModelData, config: Config) -> ModelData:
    """What the fit may see: its window, without the held-out KPI, channel, and terms that do not vary there.

    Raises:
        SpecificationError: a channel has no media, or the KPI is known nowhere, in what is left.
    """
    seen = without_kpi(data, split.tested(data))
    seen = window(seen, split.first, split.end, config.features.adstock.max_lag)
    if split.channel is not None:
        seen = without_channel(seen, split.channel)
    cells = seen.control_values[seen.present]
    varies = np.ptp(cells, axis=0) > 0 if len(cells) else np.zeros(len(seen.controls), dtype=bool)
    seen = with_controls(seen, np.flatnonzero(varies).tolist())
    n_paid = len(seen.paid_channels)
    idle = (seen.media.sum(axis=(0, 1)) == 0) | np.pad(
        seen.spend[:, :, :n_paid].sum(axis=(0, 1)) == 0, (0, len(seen.channels) - n_paid)
    )
    if idle.any() or not seen.observed.any():
        what = ", ".join(seen.channels[m] for m in np.flatnonzero(idle)) or "the KPI"
        raise SpecificationError(
            f"Backtest {split.name}: there is nothing of {what} in the {len(seen.dates)} weeks that the fit sees; "
            "lengthen training.rolling_splits.window_weeks or ask for fewer splits."
        )
    return seen


def _settings(config: Config) -> SamplerSettings:
    draws = config.evaluation.validation_strategies.draws
    configured = sampler_settings(config)
    return dataclasses.replace(configured, chains=_CHAINS, tune=min(configured.tune, draws), draws=draws)


def spec_of(split: BacktestSplit, data: ModelData, seen: ModelData, config: Config) -> ModelSpec:
    """The configured model for what the fit sees, with the lift tests that were known by then.

    Args:
        split: what is held out.
        data: all weeks.
        seen: `seen_by` of the split.
        config: the model and `calibration`.

    Raises:
        SpecificationError: the model is impossible, or an experiment cannot be used as configured.
        DataError: the file of experiments is wrong.
    """
    known = [one for one in load_experiments(config, data) if _was_known(one, split, data, seen)]
    return calibrated_spec(build_spec(config, seen), seen, known, config).spec


def _was_known(experiment: Experiment, split: BacktestSplit, data: ModelData, seen: ModelData) -> bool:
    """Whether the fit may see a test: all of it (weeks after its end that its result includes, too) is inside its
    weeks and about its channels, and it says nothing of a KPI that is held out."""
    weeks = weeks_of(experiment, data)
    last = weeks.stop + experiment.post_weeks
    inside = weeks.start >= split.first and last <= split.end
    geos = [data.geos.index(geo) for geo in experiment.geos]
    told = split.tested(data)[geos, weeks.start : last].any()
    return inside and not told and set(experiment.channels) <= set(seen.channels)


def _fitted(
    seen: ModelData, spec: ModelSpec, config: Config, progress: Progress, start: Posterior | None
) -> Posterior:
    """The fit; once more and longer where the chains disagree much."""
    backend, settings = get_backend(config.model.backend), _settings(config)
    usable = start if start is not None and start.data.controls == seen.controls else None
    fit = backend.sample(seen, spec, settings, progress, usable)
    if float(diagnose(fit).interpreted["rhat"].max()) > _RETRY_RHAT:
        fit = backend.sample(seen, spec, settings.longer(config.training.retry_factor), progress)
    return fit


def _scored(
    split: BacktestSplit, data: ModelData, seen: ModelData, fit: Posterior
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scores by predictor and geo, and the model's predictions."""
    panel = _panel(split, data, seen)
    tested = split.tested(data)[:, split.first : split.test_end]
    train = seen.observed & seen.present
    train = np.pad(train, ((0, 0), (0, tested.shape[1] - train.shape[1])))
    moved = on_panel(fit, panel)
    draws = np.stack([drawn for _, drawn in predictive_draws(moved)], axis=1)[:, tested]
    density = np.stack(list(log_densities(moved)), axis=1)[:, tested]
    actual = panel.kpi[tested]
    geo = np.repeat(np.arange(len(data.geos)), tested.sum(axis=1))
    predicted: dict[str, tuple[FloatArray, FloatArray | None]] = {
        MODEL: (draws, density),
        SEASONAL: (seasonal_naive(panel, train, tested), None),
        NO_MEDIA: (no_media_regression(panel, train, tested), None),
    }
    rows = [
        {"predictor": name, "geo": label, **scores(actual[of], drawn[:, of], None if log is None else log[:, of])}
        for name, (drawn, log) in predicted.items()
        for label, of in _groups(geo, data.geos)
    ]
    low, high = np.quantile(draws, (0.05, 0.95), axis=0)
    predictions = pd.DataFrame(
        {
            "geo": np.array(data.geos, dtype=object)[geo],
            "date": panel.dates.astype("datetime64[ns]")[np.nonzero(tested)[1]],
            "actual": actual,
            "mean": draws.mean(axis=0),
            "q05": low,
            "q95": high,
        }
    )
    return pd.DataFrame(rows), predictions


def _groups(geo: NDArray[np.intp], names: tuple[str, ...]) -> list[tuple[str, NDArray[np.bool_]]]:
    """`all`, then each geo that has tested cells."""
    every = np.ones(len(geo), dtype=bool)
    return [("all", every), *((names[g], geo == g) for g in np.unique(geo))]


def _panel(split: BacktestSplit, data: ModelData, seen: ModelData) -> ModelData:
    """What is predicted on: the fit's channels and controls over its window and the tested weeks, KPI included."""
    panel = window(data, split.first, max(split.end, split.test_end), seen.lead_media.shape[1])
    if split.channel is not None:
        panel = without_channel(panel, split.channel)
    return with_controls(panel, [panel.controls.index(name) for name in seen.controls])


def _roi(fit: Posterior) -> pd.DataFrame:
    paid = len(fit.data.paid_channels)
    draws = roi_draws(fit)[:, :paid]
    low, high = np.quantile(draws, (0.05, 0.95), axis=0)
    columns = {"mean": draws.mean(axis=0), "sd": draws.std(axis=0), "q05": low, "q95": high}
    return pd.DataFrame({"channel": np.array(fit.data.paid_channels, dtype=object), **columns})


def _days(data: ModelData, first: int, last: int) -> tuple[str, str]:
    return str(data.dates[first].astype("datetime64[D]")), str(data.dates[last].astype("datetime64[D]"))


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows that JSON can hold: what is not finite is None."""
    return [
        {str(k): None if isinstance(v, float) and not np.isfinite(v) else v for k, v in row.items()}
        for row in frame.to_dict("records")
    ]
