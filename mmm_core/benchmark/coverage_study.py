"""The coverage study of the benchmark: run, gone on with, judged, kept.

In `coverage/` of the benchmark's folder: `BACKEND/SCENARIO/NUMBER.json` per panel, as soon as it is fitted;
`coverage.csv`, `fits.csv` and `coverage.png` of all of them.
"""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from mmm_core.benchmark.coverage import POOLED, coverage_table, fit_table
from mmm_core.benchmark.coverage_fit import (
    PanelResult,
    fit_panel,
    load_result,
    result_path,
    study_config,
    study_key,
)
from mmm_core.benchmark.coverage_panel import SCENARIOS
from mmm_core.benchmark.coverage_plot import coverage_picture
from mmm_core.config.schema import Config
from mmm_core.errors import StorageError
from mmm_core.progress import Progress, silent
from mmm_core.quality.check import CheckResult
from mmm_core.storage import atomic_path

FOLDER, PICTURE = "coverage", "coverage.png"
"""Under the folder of all results; in that folder."""
COVERAGE_CHECKS = {
    "interval_coverage": "Whether 90 % intervals of contributions hold the truth in 85 to 95 % of cases",
    "panels_converged": "Whether the fits of the coverage study pass the convergence gate",
}
"""Check name -> what it looks at, in the order of the results."""
_LEVEL, _TARGET = 0.9, (0.85, 0.95)
_JUDGED = "planned"
"""The scenario in which the model is right; the others show what it costs to be wrong."""
_FEWEST_ACCEPTED = 0.9


@dataclass(frozen=True)
class CoverageStudy:
    """What came of a coverage study."""

    results: tuple[PanelResult, ...]
    """By backend, scenario and number."""
    table: pd.DataFrame
    """`coverage.coverage_table`."""
    fits: pd.DataFrame
    """`coverage.fit_table`."""

    def checks(self) -> list[CheckResult]:
        """In the order of `COVERAGE_CHECKS`; they judge what is `planned`, or all where nothing is."""
        scenarios = set(self.fits["scenario"])
        judged = {_JUDGED} if _JUDGED in scenarios else scenarios
        return [self._coverage_check(judged), self._gate_check(judged)]

    def _coverage_check(self, scenarios: set[str]) -> CheckResult:
        table = self.table
        rows = table[
            (table["quantity"] == "contribution")
            & (table["channel"] == POOLED)
            & (table["level"] == _LEVEL)
            & table["scenario"].isin(scenarios)
        ]
        told = [_told(row) for row in rows.to_dict("records")]
        wrong = rows[(rows["high"] < _TARGET[0]) | (rows["low"] > _TARGET[1])]
        message = f"90 % intervals of a channel's total contribution hold the truth in {'; '.join(told)}."
        if not told:
            message = "No fit of the coverage study passed the convergence gate, so there is nothing to count."
        elif len(wrong):
            message += " That is not 85 to 95 %, and not by chance: do not take the intervals at their word."
        elif not rows["coverage"].between(*_TARGET).all():
            message += " That is not 85 to 95 %, but chance may have done it: more panels tell."
        value = float(rows["coverage"].min()) if told else None
        return CheckResult(
            "interval_coverage", bool(told) and wrong.empty, "warn", message, value, _TARGET[0], _cases(rows)
        )

    def _gate_check(self, scenarios: set[str]) -> CheckResult:
        fits = self.fits[self.fits["scenario"].isin(scenarios)]
        shares = fits["accepted"] / fits["panels"]
        told = [f"{row['accepted']} of {row['panels']} ({row['backend']})" for row in fits.to_dict("records")]
        message = f"{' and '.join(told)} fits of the coverage study pass the convergence gate."
        passed = bool((shares >= _FEWEST_ACCEPTED).all())
        if not passed:
            message += " Raise benchmark.coverage.draws, or training.tune."
        return CheckResult(
            "panels_converged", passed, "warn", message, float(shares.min()), _FEWEST_ACCEPTED, _cases(fits)
        )


def run_coverage(config: Config, output: Path, n: int | None = None, progress: Progress = silent) -> CoverageStudy:
    """Simulate and fit what is not known yet, with `model.backend`, one scenario after the other.

    Each result is written at once, so an interrupted study goes on where it was; results of another
    configuration are made again.  With the compile cache, programs are compiled for the first panel only.

    Args:
        config: `benchmark.coverage`, and the model.
        output: folder of all benchmark results.
        n: panels per scenario; None: `benchmark.coverage.seeds` of the backend.
        progress: told how many panels are done.

    Raises:
        SpecificationError: the backend cannot fit the configured model.
    """
    settings, backend = config.benchmark.coverage, config.model.backend
    n = {"pymc": settings.seeds.pymc, "meridian": settings.seeds.meridian}[backend] if n is None else n
    config, folder = study_config(config), output / FOLDER
    keys = {scenario: study_key(config, scenario) for scenario in settings.scenarios}
    wanted = [(scenario, number) for scenario in keys for number in range(n)]
    for done, (scenario, number) in enumerate(wanted):
        progress(f"coverage, {backend}, {scenario}", done, len(wanted))
        if _known(folder, backend, scenario, number, keys[scenario]) is None:
            fit_panel(config, scenario, number, keys[scenario]).save(folder)
            _forget_programs()
    progress("coverage", len(wanted), len(wanted))
    study = stored_coverage(output)
    if study is None:
        raise StorageError(f"The results of the coverage study in {folder} are gone; run it again.")
    _save(study, folder)
    return study


def stored_coverage(output: Path) -> CoverageStudy | None:
    """What is there of the study, finished or not, of both backends; None if there is nothing.

    Where results of several configurations lie in one scenario, those of the newest file's count.

    Raises:
        StorageError: a result is damaged.
    """
    results = list(_stored(output / FOLDER))
    return study_of(results) if results else None


def study_of(results: Sequence[PanelResult]) -> CoverageStudy:
    """The tables of these results."""
    return CoverageStudy(tuple(results), coverage_table(results), fit_table(results))


def _stored(folder: Path) -> Iterator[PanelResult]:
    for backend in ("pymc", "meridian"):
        for scenario in SCENARIOS:
            paths = sorted((folder / backend / scenario).glob("[0-9]*.json"))
            if paths:
                newest = load_result(max(paths, key=lambda path: (path.stat().st_mtime_ns, path.name)))
                yield from (found for found in map(load_result, paths) if found.key == newest.key)


def _known(folder: Path, backend: str, scenario: str, number: int, key: str) -> PanelResult | None:
    """The stored result of the same panel and model; a damaged file counts as none."""
    try:
        found = load_result(result_path(folder, backend, scenario, number))
    except StorageError:
        return None
    return found if found.key == key else None


def _forget_programs() -> None:
    """Traced programs of a panel serve no other; hundreds of them would fill the memory."""
    import jax

    jax.clear_caches()


def _save(study: CoverageStudy, folder: Path) -> None:
    for name, frame in {"coverage.csv": study.table, "fits.csv": study.fits}.items():
        with atomic_path(folder / name) as temporary:
            frame.to_csv(temporary, index=False)
    with atomic_path(folder / PICTURE) as temporary:
        temporary.write_bytes(coverage_picture(study.table))


def _told(row: Mapping[Hashable, Any]) -> str:
    share, low, high = (f"{100 * row[name]:.1f}" for name in ("coverage", "low", "high"))
    return f"{share} % ({low} to {high}) of {row['n']} cases ({row['backend']}, {row['scenario']})"


def _cases(frame: pd.DataFrame) -> tuple[dict[str, object], ...]:
    return tuple({str(key): value for key, value in row.items()} for row in frame.to_dict("records"))
