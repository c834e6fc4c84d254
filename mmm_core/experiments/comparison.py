"""Experiments beside the fit: what was measured, what the prior expected, what the posterior says; conflicts."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from mmm_core.config.experiments import CalibrationConfig
from mmm_core.experiments.cells import as_lift_test
from mmm_core.experiments.experiment import Experiment
from mmm_core.features.model_data import FloatArray
from mmm_core.model.lift import lift_draws
from mmm_core.model.posterior import Posterior
from mmm_core.quality.check import CheckResult

EXPERIMENT_CHECKS: Mapping[str, str] = {
    "experiment_conflict": "Whether the fit's own counterfactual of each lift test agrees with what was measured",
    "experiments_agree": "Whether several lift tests of the same channels agree with each other",
}
"""Check name -> what it looks at, in the order of the results."""
_Z90 = 1.6448536269514722
_LEAST_SURPRISE = 0.1
"""Least share of a measurement's variance that the fit's distance from it can have, where the fit knows it."""


def experiment_table(
    posterior: Posterior,
    experiments: Sequence[Experiment],
    settings: CalibrationConfig,
    prior: Posterior | None = None,
) -> pd.DataFrame:
    """One row per experiment: measured, expected beforehand, and what the fit says.

    Effects are in money (`outcome`, also for ROAS) or KPI units (`kpi`), with the change minus without it;
    intervals are 90 %.  `z` is (measured - posterior mean) / its standard deviation: that of measurement and
    posterior together, where the fit did not see the test; where it did (`calibration.use: likelihood`), the
    posterior has moved towards the test, and the difference has the variance sd^2 - posterior variance, so that z
    is what it would have been without the test (exact for normal beliefs).

    Args:
        posterior: a fit of either backend.
        experiments: `load_experiments(config, posterior.data)`.
        settings: `calibration`.
        prior: prior draws of the same data (`prior_draws`); None: no columns of the prior.
    """
    rows = [_row(posterior, experiment, settings, prior) for experiment in experiments]
    columns = _COLUMNS if prior is None else (*_COLUMNS, *_PRIOR_COLUMNS)
    return pd.DataFrame(rows, columns=list(columns))


_COLUMNS = (
    "experiment",
    "channels",
    "geos",
    "start",
    "end",
    "unit",
    "measured_mean",
    "measured_low",
    "measured_high",
    "posterior_mean",
    "posterior_q05",
    "posterior_q95",
    "z",
    "conflict",
    "used_in_fit",
    "design",
    "source",
)
_PRIOR_COLUMNS = ("prior_median", "prior_q05", "prior_q95")


def check_experiments(
    table: pd.DataFrame, experiments: Sequence[Experiment], posterior: Posterior, settings: CalibrationConfig
) -> list[CheckResult]:
    """All checks of `EXPERIMENT_CHECKS`, in that order; warnings.  Empty without experiments.

    Args:
        table: `experiment_table(...)` of the same arguments.
        experiments: as there.
        posterior: as there.
        settings: `calibration`.
    """
    if not len(table):
        return []
    return [_check_conflict(table, settings), _check_agreement(table, experiments, posterior, settings)]


def _row(
    posterior: Posterior, experiment: Experiment, settings: CalibrationConfig, prior: Posterior | None
) -> dict[str, object]:
    test = as_lift_test(experiment, posterior.data)
    effect, used = lift_draws(posterior, test), experiment.name in {t.name for t in posterior.spec.lift_tests}
    z = distance(test.measured, test.sd, effect, used)
    low, high = np.quantile(effect, [0.05, 0.95])
    everywhere = len(experiment.geos) == len(posterior.data.geos)
    row: dict[str, object] = {
        "experiment": experiment.name,
        "channels": " + ".join(experiment.channels),
        "geos": "all" if everywhere else "; ".join(experiment.geos),
        "start": str(experiment.start),
        "end": str(experiment.end),
        "unit": test.unit,
        "measured_mean": test.measured,
        "measured_low": test.measured - _Z90 * test.sd,
        "measured_high": test.measured + _Z90 * test.sd,
        "posterior_mean": float(effect.mean()),
        "posterior_q05": float(low),
        "posterior_q95": float(high),
        "z": z,
        "conflict": abs(z) > settings.max_conflict,
        "used_in_fit": used,
        "design": experiment.design,
        "source": experiment.source,
    }
    if prior is not None:
        quantiles = np.quantile(lift_draws(prior, test), [0.5, 0.05, 0.95])
        row |= dict(zip(_PRIOR_COLUMNS, quantiles.tolist(), strict=True))
    return row


def distance(measured: float, sd: float, effect: FloatArray, used: bool) -> float:
    """`z` of `experiment_table`.

    Args:
        measured: effect.
        sd: its standard error.
        effect: (S,) what the fit says.
        used: whether the fit saw the test.
    """
    variance = float(effect.var())
    expected = max(sd**2 - variance, _LEAST_SURPRISE * sd**2) if used else sd**2 + variance
    return float((measured - effect.mean()) / np.sqrt(expected))


def _check_conflict(table: pd.DataFrame, settings: CalibrationConfig) -> CheckResult:
    limit, worst = settings.max_conflict, float(table["z"].abs().max())
    wrong = table[table["conflict"]]
    rows = tuple(
        {
            "experiment": row["experiment"],
            "channels": row["channels"],
            "measured": row["measured_mean"],
            "fit": row["posterior_mean"],
            "z": row["z"],
        }
        for row in wrong.to_dict("records")
    )
    if not rows:
        message = f"The fit agrees with all {len(table)} experiment(s) within {limit:g} standard deviations."
        return CheckResult("experiment_conflict", True, "warn", message, worst, limit)
    told = "; ".join(
        f"{row['experiment']} ({row['channels']}) measured {row['measured']:,.4g}, the fit says {row['fit']:,.4g} "
        f"(z {row['z']:+.1f})"
        for row in rows[:3]
    )
    message = (
        f"{len(rows)} of {len(table)} experiment(s) conflict with the fit by more than {limit:g} standard "
        f"deviations: {told}. Look for demand that spend follows and no control holds, or check the test's dates, "
        "geos and units."
    )
    return CheckResult("experiment_conflict", False, "warn", message, worst, limit, rows)


def _check_agreement(
    table: pd.DataFrame, experiments: Sequence[Experiment], posterior: Posterior, settings: CalibrationConfig
) -> CheckResult:
    """Tests of the same channels, each as a multiple of what the fit says of it, should give the same multiple."""
    limit, rows, worst = settings.max_conflict, [], 0.0
    relative = {
        row["experiment"]: (row["measured_mean"] / row["posterior_mean"], abs(sd / row["posterior_mean"]))
        for row, sd in zip(table.to_dict("records"), _errors(experiments, posterior), strict=True)
    }
    for i, later in enumerate(experiments):
        for earlier in experiments[:i]:
            if set(later.channels) != set(earlier.channels):
                continue
            (one, its_sd), (other, other_sd) = relative[later.name], relative[earlier.name]
            z = (one - other) / float(np.hypot(its_sd, other_sd))
            worst = max(worst, abs(z))
            if abs(z) > limit:
                rows.append({"experiment": later.name, "other": earlier.name, "z": z, "ratio": one / other})
    if not rows:
        message = f"Experiments of the same channels agree within {limit:g} standard deviations."
        return CheckResult("experiments_agree", True, "warn", message, worst, limit)
    first = rows[0]
    message = (
        f"{len(rows)} pair(s) of experiments of the same channels disagree by more than {limit:g} standard "
        f"deviations, such as {first['experiment']} and {first['other']} (z {first['z']:+.1f}, relative to what "
        "the fit says of each); check designs, dates and units, or leave the weaker one out."
    )
    return CheckResult("experiments_agree", False, "warn", message, worst, limit, tuple(rows))


def _errors(experiments: Sequence[Experiment], posterior: Posterior) -> list[float]:
    return [as_lift_test(experiment, posterior.data).sd for experiment in experiments]
