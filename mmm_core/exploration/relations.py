"""What moves together.  G geos, T weeks, M channels.  None of this is an effect."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmm_core.exploration.spend import contacts, exposure, usual_kpi
from mmm_core.features.model_data import FloatArray, ModelData

MAX_PAIRS = 800
"""Points per channel in `Exploration.pairs`."""
MAX_LAG_WEEKS = 8
_MATRIX_ROLES = ("control", "non_media_treatment")
_EXACT = 1e-9
"""Distance of R² from 1 up to which a variable is given by the others exactly."""
_ROUNDING = 1e-12
_SEED = 20240101


def correlation_table(data: ModelData) -> pd.DataFrame:
    """one, other, correlation: Pearson, of channels per capita, controls and treatments, every ordered pair."""
    values, names, _ = _variables(data)
    kept = [i for i, name in enumerate(names) if name in data.channels or _role(data, name) in _MATRIX_ROLES]
    matrix = _correlation(values[:, kept])
    labels = np.array(names, dtype=object)[kept]
    return pd.DataFrame(
        {
            "one": np.repeat(labels, len(kept)),
            "other": np.tile(labels, len(kept)),
            "correlation": matrix.ravel(),
        }
    )


def inflation_table(data: ModelData) -> pd.DataFrame:
    """Variance inflation of channels, controls and treatments: see `Exploration.inflation`.

    Calendar terms are among the regressors of `with_controls`, but have no rows.
    """
    values, names, n_channels = _variables(data)
    among = np.full(len(names), np.nan)
    among[:n_channels] = variance_inflation(_correlation(values[:, :n_channels]))
    with_controls = variance_inflation(_correlation(values))
    kept = [i for i, name in enumerate(names) if i < n_channels or _role(data, name) in _MATRIX_ROLES]
    return pd.DataFrame(
        {
            "name": np.array(names, dtype=object)[kept],
            "kind": np.array(["channel" if i < n_channels else "control" for i in kept], dtype=object),
            "among_channels": among[kept],
            "with_controls": with_controls[kept],
        }
    )


def variance_inflation(correlation: FloatArray) -> FloatArray:
    """(C,) 1 / (1 - R²) of each variable on the others, R² = r' R⁻¹ r (pseudo-inverse).

    Args:
        correlation: (C, C); NaN for variables without variation, which have no inflation and explain nothing.
    """
    inflation = np.full(len(correlation), np.nan)
    varying = np.flatnonzero(np.isfinite(np.diag(correlation)))
    for j in varying:
        others = varying[varying != j]
        r = correlation[others, j]
        explained = float(r @ np.linalg.pinv(correlation[np.ix_(others, others)], hermitian=True) @ r)
        inflation[j] = np.inf if 1 - explained < _EXACT else 1 / (1 - explained)
    return inflation


def rank_correlations(data: ModelData) -> pd.DataFrame:
    """channel, rank_correlation, pairs: Spearman of exposure and KPI, both relative to the geo's mean."""
    from scipy.stats import rankdata

    relative, kpi = relative_exposure(data), relative_kpi(data)
    rows = []
    for m, channel in enumerate(data.channels):
        x, y = _known(relative[:, :, m], kpi)
        coefficient = _pearson(rankdata(x), rankdata(y)) if len(x) > 2 else np.nan
        rows.append({"channel": channel, "rank_correlation": coefficient, "pairs": len(x)})
    return pd.DataFrame(rows, columns=["channel", "rank_correlation", "pairs"])


def pair_table(data: ModelData) -> pd.DataFrame:
    """channel, exposure, kpi of at most `MAX_PAIRS` geo-weeks per channel, drawn with a fixed seed."""
    relative, kpi = relative_exposure(data), relative_kpi(data)
    tables = []
    for m, channel in enumerate(data.channels):
        x, y = _known(relative[:, :, m], kpi)
        rng = np.random.default_rng([_SEED, m])
        drawn = np.sort(rng.choice(len(x), min(len(x), MAX_PAIRS), replace=False))
        tables.append(pd.DataFrame({"channel": channel, "exposure": x[drawn], "kpi": y[drawn]}))
    return pd.concat(tables, ignore_index=True)


def lead_lag_table(data: ModelData) -> pd.DataFrame:
    """Pearson correlation, within geos, of the KPI with the exposure `lag` weeks earlier.

    Both are relative to their geo's mean over the window, so that neither size nor price levels of geos matter.
    """
    relative, kpi = relative_exposure(data), relative_kpi(data)
    most = min(MAX_LAG_WEEKS, (len(data.dates) - 1) // 3)
    rows = []
    for m, channel in enumerate(data.channels):
        for lag in range(-most, most + 1):
            x, y = _known(*_shifted(relative[:, :, m], kpi, lag))
            value = _pearson(x, y) if len(x) > 2 else np.nan
            rows.append({"channel": channel, "lag": lag, "correlation": value, "weeks": len(x)})
    return pd.DataFrame(rows, columns=["channel", "lag", "correlation", "weeks"])


def relative_kpi(data: ModelData) -> FloatArray:
    """(G, T) KPI as a multiple of the geo's mean week; NaN where unknown."""
    mean = usual_kpi(data)[:, None]
    return np.asarray(data.kpi / np.where(mean > 0, mean, np.nan), dtype=np.float64)


def relative_exposure(data: ModelData) -> FloatArray:
    """(G, T, M) exposure as a multiple of the geo's mean week; NaN outside the geo's range and without any."""
    values = exposure(data)
    weeks = np.maximum(data.present.sum(axis=1), 1)[:, None, None]
    mean = values.sum(axis=1, keepdims=True) / weeks
    relative = values / np.where(mean > 0, mean, np.nan)
    return np.where(data.present[:, :, None], relative, np.nan)


def _variables(data: ModelData) -> tuple[FloatArray, tuple[str, ...], int]:
    """(N, M + K) values over present geo-weeks, their names, and M; media and some controls per capita."""
    size = data.population[:, None, None]
    media = contacts(data) / size
    controls = data.control_values / np.where(np.array(data.control_per_capita, dtype=bool), size, 1.0)
    values = np.concatenate([media, controls], axis=2)[data.present]
    return values, (*data.channels, *data.controls), len(data.channels)


def _role(data: ModelData, name: str) -> str:
    return data.control_roles[data.controls.index(name)] if name in data.controls else "channel"


def _correlation(values: FloatArray) -> FloatArray:
    """(C, C) Pearson; rows and columns of variables that never vary are NaN."""
    centred = values - values.mean(axis=0)
    sd = np.sqrt((centred**2).mean(axis=0))
    varies = sd > _ROUNDING * np.abs(values).max(axis=0, initial=0.0)
    standardised = centred / np.where(varies, sd, np.nan)
    return np.asarray(np.clip(standardised.T @ standardised / len(values), -1.0, 1.0), dtype=np.float64)


def _shifted(x: FloatArray, y: FloatArray, lag: int) -> tuple[FloatArray, FloatArray]:
    """x of week t - lag beside y of week t."""
    weeks = x.shape[1]
    if lag >= 0:
        return x[:, : weeks - lag], y[:, lag:]
    return x[:, -lag:], y[:, : weeks + lag]


def _known(x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Values of the cells in which both are known, flat."""
    known: NDArray[np.bool_] = np.isfinite(x) & np.isfinite(y)
    return x[known], y[known]


def _pearson(x: FloatArray, y: FloatArray) -> float:
    """NaN if one does not vary."""
    u, v = x - x.mean(), y - y.mean()
    scale = float(np.sqrt((u @ u) * (v @ v)))
    return float(u @ v) / scale if scale > 0 else float("nan")
