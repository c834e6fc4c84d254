"""Whether the chains agree and have drawn enough, and the gate that everything interpreting a fit must pass.

Reference: Vehtari, Gelman, Simpson, Carpenter, Bürkner (2021), Rank-normalization, folding, and
localization: an improved R-hat for assessing convergence of MCMC, Bayesian Analysis 16(2).
"""

import json
import math
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from mmm_core.config.modeling import ConvergenceLimitsConfig
from mmm_core.errors import StorageError
from mmm_core.evaluation.parameters import labelled_draws
from mmm_core.model.posterior import Posterior
from mmm_core.quality.check import CheckResult, Severity

CONVERGENCE_CHECKS: Mapping[str, str] = {
    "rhat": "R-hat of what is interpreted: channel parameters, ROI, contributions, noise",
    "ess": "Effective sample size of what is interpreted",
    "nuisance_rhat": "R-hat of single knots, geo intercepts, geo effects and control effects",
    "nuisance_ess": "Effective sample size of the same",
    "divergences": "Share of divergent transitions",
    "no_divergence": "Whether any transition diverged",
    "ebfmi": "Energy: whether the sampler moved freely",
    "tree_depth": "Share of draws that hit the largest tree depth",
}
"""Check name -> what it looks at, in the order of the results."""
_STATISTICS = ("mean", "sd", "rhat", "ess_bulk", "ess_tail")
_MAX_TABLE_ROWS = 50


@dataclass(frozen=True)
class Diagnostics:
    """How well a posterior was sampled."""

    parameters: pd.DataFrame
    """One row per sampled quantity: parameter (`roi_m[tv]`), interpreted (bool), mean, sd, rhat (infinite
    where the chains never moved), ess_bulk, ess_tail.  What is constant by specification is left out."""
    divergences: int
    """Divergent transitions in all chains together."""
    min_ebfmi: float | None
    """Smallest energy Bayesian fraction of missing information of a chain; None if no energy is recorded."""
    tree_depth_share: float | None
    """Share of draws that hit the largest tree depth; None if not recorded."""
    chains: int
    draws: int
    """Kept draws per chain."""

    @property
    def interpreted(self) -> pd.DataFrame:
        """Rows of channel parameters, ROI, contributions and noise."""
        return self.parameters[self.parameters["interpreted"]]

    @property
    def nuisance(self) -> pd.DataFrame:
        """All other rows."""
        return self.parameters[~self.parameters["interpreted"]]

    @property
    def divergent_share(self) -> float:
        """Divergent transitions per draw."""
        return self.divergences / (self.chains * self.draws)

    def to_json(self) -> str:
        """JSON text; infinite values are written as null."""
        rows = self.parameters.to_dict(orient="records")
        finite = [{key: _finite_or_none(value) for key, value in row.items()} for row in rows]
        plain = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "parameters"}
        return json.dumps({"parameters": finite, **plain})

    @classmethod
    def from_json(cls, text: str) -> "Diagnostics":
        """Inverse of `to_json`.

        Raises:
            StorageError: the text is not what `to_json` wrote.
        """
        try:
            stored = json.loads(text)
            table = pd.DataFrame(stored.pop("parameters"), columns=["parameter", "interpreted", *_STATISTICS])
            table["interpreted"] = table["interpreted"].astype(bool)
            table[list(_STATISTICS)] = table[list(_STATISTICS)].astype(float)
            return cls(table.fillna({"rhat": math.inf}), **stored)
        except (ValueError, TypeError, KeyError) as error:
            raise StorageError(
                f"Stored diagnostics are unreadable ({error}); materialize posterior again."
            ) from error


def diagnose(posterior: Posterior) -> Diagnostics:
    """R-hat (rank-normalised, split), bulk and tail effective sample size of every sampled quantity.

    Besides the parameters of the model, the total contribution of each channel in KPI units is diagnosed.
    """
    labels, interpreted, draws = labelled_draws(posterior)
    statistics = _statistics(draws)
    stats = posterior.sample_stats
    return Diagnostics(
        parameters=pd.DataFrame({"parameter": labels, "interpreted": interpreted, **statistics}),
        divergences=int(stats["diverging"].sum()),
        min_ebfmi=_min_ebfmi(stats),
        tree_depth_share=_tree_depth_share(stats, posterior.info.max_tree_depth),
        chains=int(posterior.samples.sizes["chain"]),
        draws=int(posterior.samples.sizes["draw"]),
    )


def check_convergence(diagnostics: Diagnostics, limits: ConvergenceLimitsConfig) -> list[CheckResult]:
    """All checks of `CONVERGENCE_CHECKS`, in that order.

    Each blocks, except energy that is not recorded, and divergences within the limit, which only warn.
    """
    interpreted, nuisance = diagnostics.interpreted, diagnostics.nuisance
    return [
        _check_rhat("rhat", interpreted, limits.max_rhat),
        _check_ess("ess", interpreted, limits.min_ess),
        _check_rhat("nuisance_rhat", nuisance, limits.nuisance_max_rhat),
        _check_ess("nuisance_ess", nuisance, limits.nuisance_min_ess),
        _check_divergences("divergences", diagnostics, limits.max_divergent_share, "error"),
        _check_divergences("no_divergence", diagnostics, 0.0, "warn"),
        _check_ebfmi(diagnostics.min_ebfmi, limits.min_ebfmi),
        _check_tree_depth(diagnostics.tree_depth_share, limits.max_tree_depth_share),
    ]


def _statistics(draws: np.ndarray) -> dict[str, np.ndarray]:
    """Mean, sd, R-hat and effective sample sizes of (chain, draw, quantity) draws."""
    import arviz as az

    dataset = xr.Dataset({"x": (("chain", "draw", "quantity"), draws)})
    with np.errstate(invalid="ignore", divide="ignore"), warnings.catch_warnings():
        # A chain that never moved has no variance; its R-hat is set to infinity below.
        warnings.filterwarnings(
            "ignore", message="invalid value encountered|divide by zero", category=RuntimeWarning
        )
        rhat = az.rhat(dataset)["x"].values
        bulk = az.ess(dataset, method="bulk")["x"].values
        tail = az.ess(dataset, method="tail")["x"].values
    moved = np.ptp(draws, axis=(0, 1)) > 0
    return {
        "mean": draws.mean(axis=(0, 1)),
        "sd": draws.std(axis=(0, 1), ddof=1),
        "rhat": np.where(moved & np.isfinite(rhat), rhat, np.inf),
        "ess_bulk": np.where(moved & np.isfinite(bulk), bulk, 0.0),
        "ess_tail": np.where(moved & np.isfinite(tail), tail, 0.0),
    }


def _min_ebfmi(stats: xr.Dataset) -> float | None:
    if "energy" not in stats:
        return None
    energy = stats["energy"].transpose("chain", "draw").values
    variance = energy.var(axis=1)
    moved = np.diff(energy, axis=1)
    return float(
        np.min(np.divide((moved**2).mean(axis=1), variance, where=variance > 0, out=np.zeros(len(energy))))
    )


def _tree_depth_share(stats: xr.Dataset, max_tree_depth: int) -> float | None:
    if "n_steps" in stats:
        return float((stats["n_steps"] >= 2**max_tree_depth - 1).mean())
    if "tree_depth" in stats:
        return float((stats["tree_depth"] >= max_tree_depth).mean())
    return None


def _check_rhat(name: str, rows: pd.DataFrame, limit: float) -> CheckResult:
    if rows.empty:
        return CheckResult(name, True, "error", "No such quantities were sampled.", threshold=limit)
    ordered = rows.sort_values("rhat", ascending=False)
    failing = ordered[~(ordered["rhat"] <= limit)]
    worst, value = str(ordered["parameter"].iloc[0]), float(ordered["rhat"].iloc[0])
    if failing.empty:
        message = f"Largest R-hat is {value:.3f} ({worst}), limit {limit}."
    else:
        message = (
            f"R-hat of {worst} is {value:.3f}, above {limit} ({len(failing)} of {len(rows)}): the chains "
            f"disagree. Raise training.tune and training.draws; if it stays, {_remedy(worst)}."
        )
    return CheckResult(name, failing.empty, "error", message, _plain(value), limit, _table(failing))


def _check_ess(name: str, rows: pd.DataFrame, limit: float) -> CheckResult:
    if rows.empty:
        return CheckResult(name, True, "error", "No such quantities were sampled.", threshold=limit)
    smallest = rows[["ess_bulk", "ess_tail"]].min(axis=1).sort_values()
    ordered = rows.loc[smallest.index]
    failing = ordered[~(smallest >= limit)]
    worst, value = str(ordered["parameter"].iloc[0]), float(smallest.iloc[0])
    if failing.empty:
        message = f"Smallest effective sample size is {value:.0f} ({worst}), limit {limit:g}."
    else:
        kind = "bulk" if ordered["ess_bulk"].iloc[0] <= ordered["ess_tail"].iloc[0] else "tail"
        message = (
            f"Effective sample size ({kind}) of {worst} is {value:.0f}, below {limit:g} ({len(failing)} of "
            f"{len(rows)}): too few independent draws. Raise training.draws (to about "
            f"{math.ceil(limit / max(value, 1))} times as many); if it stays, {_remedy(worst)}."
        )
    return CheckResult(name, failing.empty, "error", message, value, limit, _table(failing))


def _check_divergences(name: str, diagnostics: Diagnostics, limit: float, severity: Severity) -> CheckResult:
    share, passed = diagnostics.divergent_share, diagnostics.divergent_share <= limit
    found = f"{diagnostics.divergences} of {diagnostics.chains * diagnostics.draws} transitions diverged"
    message = f"{found} (limit {limit:.2%})."
    if not passed:
        message += (
            " Part of the posterior may be missed: raise training.target_accept (0.95, 0.99); if it stays, lower "
            "model.knots, set model.priors.roi_bounds, or drop or merge the channels with least spend."
        )
    return CheckResult(name, passed, severity, message, share, limit)


def _check_ebfmi(value: float | None, limit: float) -> CheckResult:
    if value is None:
        return CheckResult("ebfmi", True, "warn", "Not recorded by this backend, so not checked.", threshold=limit)
    message = f"Smallest E-BFMI of a chain is {value:.2f}, limit {limit}."
    if value < limit:
        message += (
            " The sampler moves too slowly between energy levels: raise training.tune; if it stays, set "
            "model.priors.roi_bounds or lower model.knots."
        )
    return CheckResult("ebfmi", value >= limit, "error", message, value, limit)


def _check_tree_depth(share: float | None, limit: float) -> CheckResult:
    if share is None:
        return CheckResult(
            "tree_depth", True, "warn", "Not recorded by this backend, so not checked.", threshold=limit
        )
    message = f"{share:.1%} of the draws hit the largest tree depth (limit {limit:.1%})."
    if share > limit:
        message += " Raise training.tune, then training.max_tree_depth; if it stays, lower model.knots."
    return CheckResult("tree_depth", share <= limit, "error", message, share, limit)


def _remedy(parameter: str) -> str:
    """What else to try, depending on what did not converge."""
    name, _, index = parameter.rstrip("]").partition("[")
    channel = index.split(", ")[-1]
    if name.endswith(("_m", "_gm")):
        return (
            f"narrow model.priors.roi_bounds.{channel} (or model.priors.channels.{channel}), or drop {channel} or "
            "merge it with a similar channel"
        )
    if name in {"gamma_c", "gamma_gc", "xi_c"}:
        return f"drop {channel} from data.controls"
    return "lower model.knots"


def _table(rows: pd.DataFrame) -> tuple[Mapping[str, Any], ...]:
    return tuple(_records(rows.head(_MAX_TABLE_ROWS).drop(columns="interpreted")))


def _records(rows: pd.DataFrame) -> Iterator[Mapping[str, Any]]:
    for row in rows.to_dict(orient="records"):
        yield {str(key): value for key, value in row.items()}


def _plain(value: float) -> float | None:
    """A number that every JSON reader understands, or none."""
    return value if math.isfinite(value) else None


def _finite_or_none(value: Any) -> Any:
    return _plain(value) if isinstance(value, float) else value
