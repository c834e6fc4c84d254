"""Which cells are held out of which fit."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mmm_core.config.backtests import GeoHoldoutConfig, RollingSplitsConfig
from mmm_core.config.schema import Config
from mmm_core.errors import DataError
from mmm_core.features.model_data import ModelData

Strategy = Literal["temporal", "geo", "platform"]
_KEY = "training.rolling_splits"
_LEAST_WEEKS = 26
"""Fewest weeks that a fit may see."""


@dataclass(frozen=True)
class BacktestSplit:
    """One fit and what it is to predict.  Weeks are counted from the first of the data."""

    name: str
    """Unique, usable as a partition."""
    strategy: Strategy
    first: int
    """First week of the fit."""
    end: int
    """Week after the last one that the fit sees at all."""
    test_first: int
    test_end: int
    """Weeks whose KPI is predicted, from `test_first` to before `test_end`."""
    geos: tuple[str, ...] = ()
    """Geos whose KPI is predicted; left out: all."""
    channel: str | None = None
    """Channel that the fit does not know."""

    def tested(self, data: ModelData) -> NDArray[np.bool_]:
        """(G, T) cells that are predicted: known KPI of the held-out geos and weeks."""
        cells = np.zeros(data.kpi.shape, dtype=bool)
        rows = [g for g, geo in enumerate(data.geos) if not self.geos or geo in self.geos]
        cells[rows, self.test_first : self.test_end] = True
        return np.asarray(cells & data.observed & data.present)

    def to_record(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"geos": list(self.geos)}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "BacktestSplit":
        """Inverse of `to_record`."""
        return cls(**{**record, "geos": tuple(record["geos"])})


def plan_splits(config: Config, data: ModelData) -> tuple[BacktestSplit, ...]:
    """The splits of every configured strategy, the earliest first within each.

    Raises:
        DataError: the history is too short for any split of a strategy; says how long it is and has to be.
    """
    strategies, splits = config.evaluation.validation_strategies, []
    if strategies.temporal:
        splits += temporal_splits(config.training.rolling_splits, data)
    if strategies.geo_holdout is not None:
        splits += _geo_splits(strategies.geo_holdout, data)
    if strategies.platform_holdout:
        splits += _platform_splits(config.training.rolling_splits, data)
    return tuple(splits)


def temporal_splits(settings: RollingSplitsConfig, data: ModelData) -> list[BacktestSplit]:
    """Rolling origin: the last window predicts the last weeks; numbers count back from it, 1 is the latest.

    Raises:
        DataError: not even one split fits.
    """
    n_weeks, seen = len(data.dates), settings.window_weeks or _LEAST_WEEKS
    possible = max(0, (n_weeks - settings.horizon_weeks - seen) // settings.step_weeks + 1)
    if n_weeks - settings.horizon_weeks < seen or possible < 1:
        raise DataError(
            f"{_KEY}: {n_weeks} weeks of data give no split; a window of {seen} weeks and a horizon of "
            f"{settings.horizon_weeks} need {seen + settings.horizon_weeks}. Lower {_KEY}.window_weeks or "
            f"{_KEY}.horizon_weeks, or set evaluation.validation_strategies.temporal: false."
        )
    found = []
    for number in range(1, min(settings.splits, possible) + 1):
        end = n_weeks - settings.horizon_weeks - (number - 1) * settings.step_weeks
        first = 0 if settings.window_weeks is None else end - settings.window_weeks
        found.append(
            BacktestSplit(f"temporal_{number}", "temporal", first, end, end, end + settings.horizon_weeks)
        )
    return found[::-1]


def possible_splits(settings: RollingSplitsConfig, data: ModelData) -> str:
    """How many rolling splits the data allow, in words, where they are fewer than asked for; else empty."""
    found = len(temporal_splits(settings, data))
    if found == settings.splits:
        return ""
    return (
        f"{len(data.dates)} weeks allow {found} of the {settings.splits} splits asked for; the others are left "
        f"out (lower {_KEY}.window_weeks or {_KEY}.step_weeks for more)."
    )


def _geo_splits(settings: GeoHoldoutConfig, data: ModelData) -> list[BacktestSplit]:
    """Groups of geos of about the same population: dealt out in order of size, the order of each deal random."""
    n_geos, n_weeks = len(data.geos), len(data.dates)
    if n_geos < settings.folds or n_weeks - settings.weeks < _LEAST_WEEKS:
        raise DataError(
            f"evaluation.validation_strategies.geo_holdout asks for {settings.folds} groups and {settings.weeks} "
            f"weeks; the data have {n_geos} geos and {n_weeks} weeks, of which {_LEAST_WEEKS} must stay. Lower "
            "its folds or weeks, or remove it."
        )
    rng = np.random.default_rng(settings.seed)
    folds: list[list[int]] = [[] for _ in range(settings.folds)]
    by_size = np.argsort(-data.population)
    for start in range(0, n_geos, settings.folds):
        dealt = by_size[start : start + settings.folds]
        for fold, geo in zip(rng.permutation(settings.folds), dealt, strict=False):
            folds[fold].append(int(geo))
    first = n_weeks - settings.weeks
    return [
        BacktestSplit(f"geo_{f}", "geo", 0, n_weeks, first, n_weeks, tuple(data.geos[g] for g in sorted(fold)))
        for f, fold in enumerate(folds, start=1)
    ]


def _platform_splits(settings: RollingSplitsConfig, data: ModelData) -> Iterator[BacktestSplit]:
    """The latest rolling split once with all channels, then without each paid one."""
    if len(data.channels) < 2:
        raise DataError(
            "evaluation.validation_strategies.platform_holdout needs at least two channels, the data have "
            f"{len(data.channels)}; set it to false."
        )
    last = temporal_splits(settings, data)[-1]
    for channel in (None, *data.paid_channels):
        name = "platform_all" if channel is None else f"platform_without_{channel}"
        yield BacktestSplit(
            name, "platform", last.first, last.end, last.test_first, last.test_end, channel=channel
        )


def by_name(splits: Sequence[BacktestSplit], name: str) -> BacktestSplit | None:
    """The split of that name, None if the data allow no such one."""
    return next((split for split in splits if split.name == name), None)
