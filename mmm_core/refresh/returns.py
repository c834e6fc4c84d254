"""How far returns and contributions have moved between two fits, how sure that is, and where it comes from.

The change of a channel's ROI, from the window of the last accepted fit to that of this one, is the sum of

    window    what the weeks and geos do that are in only one of the windows: each fit's ROI in its whole window
              less that in the shared geo-weeks, now less before
    revision  the last fit's draws with today's spend and media in the shared geo-weeks, less the same with the old
    fit       this fit's ROI less that of the last one's draws, both in the shared geo-weeks and with today's data

so only `fit` is a change of belief about the same weeks.
"""

import dataclasses

import numpy as np
import pandas as pd

from mmm_core.attribution.intervals import interval
from mmm_core.features.model_data import FloatArray, ModelData
from mmm_core.model.posterior import Posterior
from mmm_core.refresh.revisions import overlap_of
from mmm_core.stability.drift import Shared, shared_by, shared_returns
from mmm_core.stability.refit import mean_error

PARTS = ("from_window", "from_revision", "from_fit")
_ESTIMATES = ("mean", "q05", "q95")
RETURN_COLUMNS = [
    "channel",
    *(f"roi_{when}_{key}" for when in ("before", "now", "change") for key in _ESTIMATES),
    *("roi_probability_higher", "roi_probability_real", "roi_monte_carlo_error"),
    *PARTS,
    *(f"contribution_{when}_{key}" for when in ("before", "now", "change") for key in _ESTIMATES),
    *("contribution_probability_higher", "contribution_probability_real", "contribution_monte_carlo_error"),
    "contribution_new_weeks",
]


def return_changes(now: Posterior, before: Posterior) -> pd.DataFrame:
    """Each channel's ROI in the whole window, and contribution in the shared geo-weeks, before and now.

    Returns:
        `RETURN_COLUMNS`, a row per channel of either fit, today's first; what is not known is missing:
        roi_before, roi_now: outcome per unit of spend over each fit's own window;
        contribution_before, contribution_now: KPI units in the geo-weeks that both fits know;
        _change: now less before, with the quantiles of independent draws of both (which is careful: the fits share
        most of their data);
        _probability_higher: that a draw of this fit lies above one of the last;
        _probability_real: that the posterior mean has moved in this direction, and the change is no noise of the
        sampler; _monte_carlo_error: standard error of the change of the mean;
        from_window, from_revision, from_fit: the parts of roi_change_mean (see the module);
        contribution_new_weeks: posterior mean in the weeks that only this fit knows, in KPI units.
    """
    shared = _all_channels(shared_by(now, before), now, before)
    (roi_now, _), (roi_before, _) = (shared_returns(fit, _window(fit)) for fit in (now, before))
    cells = {} if shared.nothing else _in_shared(now, before, shared)
    gone = tuple(name for name in before.data.channels if name not in now.data.channels)
    new_weeks = _new_weeks(now, before)
    rows: list[dict[str, object]] = []
    for name in (*now.data.channels, *gone):
        window = (_draws_of(before, roi_before, name), _draws_of(now, roi_now, name))
        found = cells.get(name)
        shared_kpi: tuple[FloatArray | None, ...] = (None, None) if found is None else found.kpi
        rows.append(
            {
                "channel": name,
                **_compared("roi", window[0], window[1], now, before),
                **_parts(found, *window),
                **_compared("contribution", shared_kpi[0], shared_kpi[1], now, before),
                "contribution_new_weeks": new_weeks.get(name, np.nan),
            }
        )
    return pd.DataFrame(rows, columns=RETURN_COLUMNS)


@dataclasses.dataclass(frozen=True)
class _Cells:
    """(S,) draws of one channel in the shared geo-weeks."""

    roi: tuple[FloatArray, FloatArray, FloatArray]
    """Before; before with today's spend and media; now."""
    kpi: tuple[FloatArray, FloatArray]
    """Before, now."""


def _in_shared(now: Posterior, before: Posterior, shared: Shared) -> dict[str, _Cells]:
    roi_now, kpi_now = shared_returns(now, shared)
    roi_then, kpi_then = shared_returns(before, shared)
    revised, _ = shared_returns(dataclasses.replace(before, data=revised_data(before.data, now.data)), shared)
    return {
        name: _Cells((roi_then[:, c], revised[:, c], roi_now[:, c]), (kpi_then[:, c], kpi_now[:, c]))
        for c, name in enumerate(shared.channels)
    }


def revised_data(before: ModelData, now: ModelData) -> ModelData:
    """The earlier data with today's media, spend and outcome per KPI in the geo-weeks that both know."""
    both = overlap_of(now, before)
    cells_now, cells_then = (np.ix_(both.geos[side], both.weeks[side]) for side in (0, 1))
    every_now, every_then = (np.ix_(both.geos[side], both.weeks[side], both.channels[side]) for side in (0, 1))

    def with_today(was: FloatArray | None, came: FloatArray | None, by_channel: bool) -> FloatArray | None:
        if was is None or came is None:
            return was
        values = was.copy()
        if by_channel:
            values[every_then] = came[every_now]
        else:
            values[cells_then] = came[cells_now]
        return values

    changed = {
        "media": with_today(before.media, now.media, True),
        "spend": with_today(before.spend, now.spend, True),
        "frequency": with_today(before.frequency, now.frequency, True),
        "revenue_per_kpi": with_today(before.revenue_per_kpi, now.revenue_per_kpi, False),
    }
    return dataclasses.replace(before, **changed)  # type: ignore[arg-type]


def _window(fit: Posterior) -> Shared:
    return Shared(fit.data.geos, fit.data.dates, fit.data.channels)


def _all_channels(shared: Shared, now: Posterior, before: Posterior) -> Shared:
    """Organic channels too: they have contributions."""
    channels = tuple(name for name in now.data.channels if name in before.data.channels)
    return dataclasses.replace(shared, channels=channels)


def _draws_of(fit: Posterior, draws: FloatArray, channel: str) -> FloatArray | None:
    """(S,) draws of a channel; None where the fit does not know it, or nothing was spent."""
    if channel not in fit.data.channels:
        return None
    found = draws[:, fit.data.channels.index(channel)]
    return found if np.isfinite(found).all() else None


def _parts(found: _Cells | None, before: FloatArray | None, now: FloatArray | None) -> dict[str, float]:
    """What adds up to the change of the mean ROI."""
    if found is None or before is None or now is None or not np.isfinite([r.mean() for r in found.roi]).all():
        return dict.fromkeys(PARTS, np.nan)
    then, revised, today = (float(draws.mean()) for draws in found.roi)
    window = (float(now.mean()) - today) - (float(before.mean()) - then)
    return dict(zip(PARTS, (window, revised - then, today - revised), strict=True))


def _new_weeks(now: Posterior, before: Posterior) -> dict[str, float]:
    """Channel -> mean contribution in the weeks that only this fit knows; empty where there are none."""
    weeks = now.data.dates[~np.isin(now.data.dates, before.data.dates)]
    if not weeks.size:
        return {}
    _, kpi = shared_returns(now, Shared(now.data.geos, weeks, now.data.channels))
    return dict(zip(now.data.channels, kpi.mean(axis=0).tolist(), strict=True))


def _compared(
    name: str, was: FloatArray | None, came: FloatArray | None, now: Posterior, before: Posterior
) -> dict[str, float]:
    """Both, and the change."""
    found = {
        **_estimates(f"{name}_before", was),
        **_estimates(f"{name}_now", came),
        **_estimates(f"{name}_change", None if was is None or came is None else paired_change(came, was)),
    }
    keys = (f"{name}_probability_higher", f"{name}_probability_real", f"{name}_monte_carlo_error")
    if was is None or came is None or not np.isfinite([was.mean(), came.mean()]).all():
        return found | dict.fromkeys(keys, np.nan)
    change = float(came.mean() - was.mean())
    error = float(np.hypot(_error(came, now), _error(was, before)))
    found[f"{name}_change_mean"] = change
    return found | dict(
        zip(keys, (probability_higher(came, was), probability_real(change, error), error), strict=True)
    )


def _estimates(name: str, draws: FloatArray | None) -> dict[str, float]:
    if draws is None:
        return {f"{name}_{key}": np.nan for key in _ESTIMATES}
    found = interval(draws)
    return {f"{name}_{key}": float(getattr(found, key)) for key in _ESTIMATES}


def paired_change(now: FloatArray, before: FloatArray) -> FloatArray:
    """(n,) differences of independent draws; evenly thinned to the smaller number of the two."""
    n = min(len(now), len(before))
    first, second = (draws[np.linspace(0, len(draws) - 1, n).round().astype(int)] for draws in (now, before))
    return np.asarray(first - second)


def probability_higher(now: FloatArray, before: FloatArray) -> float:
    """Share of all pairs of draws in which `now` is larger; ties count half."""
    ordered = np.sort(before)
    below = np.searchsorted(ordered, now, side="left") + np.searchsorted(ordered, now, side="right")
    return float(below.mean() / (2 * len(before)))


def probability_real(change: float, error: float) -> float:
    """Probability that a change of a mean has its sign, given its standard error: Phi(|change| / error)."""
    from scipy.special import ndtr

    if error == 0:
        return 0.5 if change == 0 else 1.0
    return float(ndtr(abs(change) / error))


def _error(draws: FloatArray, fit: Posterior) -> float:
    """Monte Carlo standard error of the mean of (S,) draws; 0 of what never varies."""
    if np.ptp(draws) == 0:
        return 0.0
    return float(mean_error(draws.reshape(fit.samples.sizes["chain"], -1, 1))[0])
