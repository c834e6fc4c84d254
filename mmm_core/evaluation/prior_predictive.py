"""What the priors alone say about the KPI, before anything is fitted."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mmm_core.attribution.intervals import interval
from mmm_core.config.outputs import PriorPredictiveConfig
from mmm_core.features.model_data import FloatArray, ModelData
from mmm_core.model.forward import (
    baseline_contribution,
    expected_kpi_by_geo,
    incremental_kpi,
    summed_control_contribution,
)
from mmm_core.model.model_spec import ModelSpec
from mmm_core.model.prior_draws import prior_draws
from mmm_core.quality.check import CheckResult

PRIOR_PREDICTIVE_CHECKS: Mapping[str, str] = {
    "prior_kpi": "Prior probability of an impossible KPI: negative, or more than five times what it was",
    "prior_baseline": "Prior probability that the KPI without any media is negative",
    "prior_media_share": "Prior probability that media brought more than all of the KPI",
}
"""Check name -> what it looks at, in the order of the results."""
_DRAWS = 500
_TIMES = 5.0


@dataclass(frozen=True)
class PriorPredictive:
    """What the priors say about the window.  T weeks, M channels."""

    impossible_share: float
    """Probability that the KPI's total is negative or above five times the observed one."""
    negative_baseline: float
    """Probability that the total without any media is negative."""
    media_above_total: float
    """Probability that media contributes more than the observed total."""
    channels: pd.DataFrame
    """channel, share_mean, share_q05, share_q50, share_q95: prior contribution / observed KPI."""
    weeks: pd.DataFrame
    """date, actual, q05, q50, q95: the expected KPI of all geos together under the prior."""

    def to_record(self) -> dict[str, Any]:
        """For JSON."""
        weeks = self.weeks.assign(date=self.weeks["date"].dt.strftime("%Y-%m-%d"))
        return {
            "impossible_share": self.impossible_share,
            "negative_baseline": self.negative_baseline,
            "media_above_total": self.media_above_total,
            "channels": self.channels.to_dict("records"),
            "weeks": weeks.to_dict("records"),
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "PriorPredictive":
        """Inverse of `to_record`."""
        weeks = pd.DataFrame(record["weeks"])
        tables = {
            "channels": pd.DataFrame(record["channels"]),
            "weeks": weeks.assign(date=pd.to_datetime(weeks["date"])),
        }
        return cls(**{**record, **tables})


def prior_predictive(data: ModelData, spec: ModelSpec, seed: int) -> PriorPredictive:
    """Draw 500 parameters from the priors and run the model forward.

    Only cells whose KPI is known count for totals.

    Args:
        data: the panel to be fitted.
        spec: the model.
        seed: of the draws.
    """
    drawn = prior_draws(data, spec, spec.scaling_for(data), _DRAWS, seed)
    known = data.observed & data.present
    actual = np.where(known, data.kpi, 0.0)
    total = float(actual.sum())
    weekly, baseline = np.zeros((_DRAWS, len(data.dates))), np.zeros(_DRAWS)
    controls = summed_control_contribution(drawn, range(len(data.controls)))
    parts = zip(expected_kpi_by_geo(drawn), baseline_contribution(drawn), controls, known, strict=True)
    for expected, base, control, there in parts:
        weekly += expected * there
        baseline += ((base + control) * there).sum(axis=1)
    share = incremental_kpi(drawn).sum(axis=1) / total
    weeks = _intervals("date", data.dates.astype("datetime64[ns]"), weekly, "")
    sums = weekly.sum(axis=1)
    return PriorPredictive(
        impossible_share=float(np.mean((sums < 0) | (sums > _TIMES * total))),
        negative_baseline=float(np.mean(baseline < 0)),
        media_above_total=float(np.mean(share.sum(axis=1) > 1)),
        channels=_intervals("channel", np.array(data.channels, dtype=object), share, "share_"),
        weeks=weeks.assign(actual=actual.sum(axis=0)),
    )


def check_prior_predictive(found: PriorPredictive, limits: PriorPredictiveConfig) -> list[CheckResult]:
    """All checks of `PRIOR_PREDICTIVE_CHECKS`, in that order; they inform."""
    widest = found.channels.sort_values("share_q95", ascending=False)
    rows = tuple({str(key): value for key, value in row.items()} for row in widest.to_dict("records"))
    return [
        _check(
            "prior_kpi",
            found.impossible_share,
            limits.max_impossible_share,
            "Before the data, the total KPI is negative or above five times the observed one with probability",
            "Narrow model.priors.knot_values and model.priors.tau, or the channels' effects.",
        ),
        _check(
            "prior_baseline",
            found.negative_baseline,
            limits.max_negative_baseline,
            "Before the data, the KPI without any media is negative with probability",
            "Narrow model.priors.knot_values.",
        ),
        _check(
            "prior_media_share",
            found.media_above_total,
            limits.max_media_above_total,
            "Before the data, media is thought to bring more than all of the KPI with probability",
            f"Lower model.priors.roi_bounds, first of {widest['channel'].iloc[0]}.",
            rows,
        ),
    ]


def _check(
    name: str,
    value: float,
    limit: float,
    found: str,
    remedy: str,
    rows: tuple[Mapping[str, object], ...] = (),
) -> CheckResult:
    message = f"{found} {value:.0%} (at most {limit:.0%} expected)."
    passed = value <= limit
    return CheckResult(name, passed, "warn", message if passed else f"{message} {remedy}", value, limit, rows)


def _intervals(key: str, labels: FloatArray, draws: FloatArray, prefix: str) -> pd.DataFrame:
    """One row per label from (S, N) draws."""
    found = interval(draws)
    columns = {"mean": found.mean, "q05": found.q05, "q50": found.q50, "q95": found.q95}
    return pd.DataFrame({key: labels, **{f"{prefix}{name}": values for name, values in columns.items()}})
