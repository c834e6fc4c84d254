"""Why numbers have changed since the last accepted fit, in words."""

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mmm_core.model.posterior import Posterior
from mmm_core.refresh.constants import knots_at_their_dates
from mmm_core.refresh.returns import PARTS, probability_real

REASON_COLUMNS = ["cause", "about", "detail"]
NOT_IN_NUMBERS = (
    "logging",
    "tracking",
    "paths",
    "reports",
    "automation",
    "alerts",
    "deployment",
    "promotion",
    "benchmark",
)
"""Sections of the configuration that no number depends on."""
_MOST_NAMED = 6
_WEEK = np.timedelta64(7, "D")
_SMALL = 0.005
"""Share of the earlier ROI below which a part of the change is not worth a word."""


def config_changes(now: Mapping[str, Any], before: Mapping[str, Any]) -> list[str]:
    """Dotted keys whose value differs, without the sections of `NOT_IN_NUMBERS`; secrets are compared masked."""
    keys = [*now, *(key for key in before if key not in now)]
    return [key for key in keys if key.split(".")[0] not in NOT_IN_NUMBERS and now.get(key) != before.get(key)]


def causes(
    now: Posterior, before: Posterior, scope: pd.DataFrame, revised: pd.DataFrame, keys: Sequence[str]
) -> pd.DataFrame:
    """What differs between the two fits.

    Args:
        now: this fit.
        before: the last accepted one.
        scope: `scope_table`.
        revised: `Revisions.variables`.
        keys: `config_changes`.

    Returns:
        `REASON_COLUMNS`: cause (data_revision, new_weeks, dropped_weeks, geos, channels, controls, configuration,
        backend, model, knots, scaling); about (`fit`: may move every number, `plan`: budgets alone); detail in
        words.
    """
    rows = []
    if len(revised):
        names = [f"{row['what']} {row['name']}".strip().replace("_", " ") for row in revised.to_dict("records")]
        rows.append(
            (
                "data_revision",
                "fit",
                f"{int(revised['cells_changed'].sum())} values of {_listed(names)} were corrected",
            )
        )
    for what, change, cause in (("week", "new", "new_weeks"), ("week", "gone", "dropped_weeks")):
        names = _names(scope, what, change)
        if len(names) == 1:
            rows.append((cause, "fit", f"the week of {names[0]} is {change}"))
        elif names:
            rows.append((cause, "fit", f"{len(names)} weeks from {names[0]} to {names[-1]} are {change}"))
    for what in ("geo", "channel", "control"):
        for change in ("new", "gone"):
            if names := _names(scope, what, change):
                rows.append((f"{what}s", "fit", f"{change}: {_listed(names)}"))
    for about in ("fit", "plan"):
        if mine := [key for key in keys if (key.startswith("optimization.")) == (about == "plan")]:
            rows.append(("configuration", about, f"{_listed(mine)} changed"))
    return pd.DataFrame([*rows, *_of_the_fit(now, before)], columns=REASON_COLUMNS)


def _of_the_fit(now: Posterior, before: Posterior) -> list[tuple[str, str, str]]:
    """Backend, model, knots and scaling."""
    rows = []
    if now.info.backend != before.info.backend:
        rows.append(("backend", "fit", f"fitted by {now.info.backend}, before by {before.info.backend}"))
    if now.spec.channels == before.spec.channels and now.spec.controls == before.spec.controls:
        fields = (
            "family",
            "media_scaling",
            "adstock",
            "saturation",
            "alpha",
            "ec",
            "slope",
            "effect",
            "lift_tests",
        )
        differ = [name for name in fields if getattr(now.spec, name) != getattr(before.spec, name)]
        if differ:
            rows.append(("model", "fit", f"{_listed(differ)} of the model differ"))
    if (knots := _moved_knots(now, before)) is not None:
        rows.append(("knots", "fit", knots))
    if now.spec.scaling is None and now.data.geos == before.data.geos:
        first, second = now.scaling, before.scaling
        if first.media_scale.shape != second.media_scale.shape or not (
            np.allclose(first.media_scale, second.media_scale, rtol=1e-9)
            and math.isclose(first.kpi_sd, second.kpi_sd)
        ):
            rows.append(("scaling", "fit", "scaling constants were renewed"))
    return rows


def _moved_knots(now: Posterior, before: Posterior) -> str | None:
    """That knots of the trend stand at other dates, where they do; those at the ends move with the window."""
    dates = [[fit.data.dates[0] + _WEEK * knot for knot in fit.spec.knots] for fit in (now, before)]
    if dates[0] == dates[1] or now.spec.knots == knots_at_their_dates(before, now.data):
        return None
    return f"knots of the trend were placed anew ({len(dates[1])} before, {len(dates[0])} now)"


def return_reason(row: Mapping[Hashable, Any], found: pd.DataFrame, certainty: float) -> str:
    """Why a channel's ROI has changed.

    Args:
        row: of `return_changes`.
        found: `causes`.
        certainty: probability from which a change is more than noise.
    """
    if not math.isfinite(row["roi_change_mean"]):
        return _only_once(row)
    error, least = row["roi_monte_carlo_error"], _SMALL * abs(row["roi_before_mean"])
    sizes = {part: row[part] for part in PARTS if math.isfinite(row[part])}
    said = []
    if abs(sizes.get("from_window", 0.0)) > least:
        said.append(f"{_signed(sizes['from_window'])} because the windows differ (other weeks or geos count)")
    if abs(sizes.get("from_revision", 0.0)) > least:
        said.append(f"{_signed(sizes['from_revision'])} because spend or media of the same weeks were corrected")
    belief = sizes.get("from_fit", row["roi_change_mean"])
    if abs(belief) > least and probability_real(belief, error) >= certainty:
        learned = [cause_words(cause) for cause in dict.fromkeys(found.loc[found["about"] == "fit", "cause"])]
        why = _listed(learned) if learned else "nothing but another start of the sampler"
        said.append(f"{_signed(belief)} because the fit says otherwise of the same weeks ({why})")
    elif abs(belief) > least:
        said.append(f"{_signed(belief)} is within the noise of the sampler")
    return "; ".join(said) or "no change worth a word"


def budget_reason(
    row: Mapping[Hashable, Any], returns: pd.DataFrame, found: pd.DataFrame, certainty: float
) -> str:
    """Why a channel's share of a scenario's budget has changed."""
    if not math.isfinite(row["share_before"]):
        return "this scenario or channel was not planned before"
    if not math.isfinite(row["share_now"]):
        return "this scenario or channel is no longer planned"
    if abs(row["share_change"]) < _SMALL:
        return "no change worth a word"
    said = []
    if (found["about"] == "plan").any():
        said.append(str(found.loc[found["about"] == "plan", "detail"].iloc[0]))
    of_channel = returns[returns["channel"] == row["channel"]]
    if len(of_channel):
        change, real = (float(of_channel[f"roi_{key}"].iloc[0]) for key in ("change_mean", "probability_real"))
        if math.isfinite(change) and real >= certainty:
            said.append(f"its ROI is {'higher' if change > 0 else 'lower'} than before ({_signed(change)})")
    return "; ".join(said) or "returns of the channels have moved against each other"


_CAUSES = {
    "data_revision": "corrected data",
    "new_weeks": "new weeks",
    "dropped_weeks": "dropped weeks",
    "geos": "other geos",
    "channels": "other channels",
    "controls": "other controls",
    "configuration": "configuration",
    "backend": "another backend",
    "model": "another model",
    "knots": "other knots of the trend",
    "scaling": "renewed scaling constants",
}


def cause_words(cause: str) -> str:
    """A `cause` of `causes` in words."""
    return _CAUSES[cause]


def _signed(value: float) -> str:
    """`+0.7`, `−0.71`."""
    return f"{value:+.2g}".replace("-", "−", 1) if value < 0 else f"{value:+.2g}"


def _only_once(row: Mapping[Hashable, Any]) -> str:
    if not math.isfinite(row["roi_before_mean"]) and not math.isfinite(row["roi_now_mean"]):
        return "there is no spend to compare"
    return "new in this fit" if not math.isfinite(row["roi_before_mean"]) else "only in the last accepted fit"


def _names(scope: pd.DataFrame, what: str, change: str) -> list[str]:
    return [str(name) for name in scope.loc[(scope["what"] == what) & (scope["change"] == change), "name"]]


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more
