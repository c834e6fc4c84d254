"""The calibration of the benchmark: run, judged, kept.

In `calibration/` of the benchmark's folder: `calibration.csv` one row per parameter, `ranks.csv` one row per
simulated panel, `calibration.json` how it was made, `calibration.png`.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from mmm_core.benchmark.calibration import Calibration, calibrate
from mmm_core.benchmark.calibration_case import calibration_case
from mmm_core.benchmark.calibration_plot import calibration_picture
from mmm_core.config.schema import Config
from mmm_core.errors import StorageError
from mmm_core.features.model_data import ModelData
from mmm_core.model.backend import SamplerSettings
from mmm_core.model.model_spec import ModelSpec
from mmm_core.model.posterior import PARAMETER_DIMS
from mmm_core.progress import Progress, silent
from mmm_core.quality.check import CheckResult
from mmm_core.storage import atomic_path, write_text

FOLDER, PICTURE = "calibration", "calibration.png"
"""Under the folder of all results; in that folder."""
_TABLE, _RANKS, _RECORD = "calibration.csv", "ranks.csv", "calibration.json"
_CHAINS, _TUNE, _DRAWS, THIN = 2, 200, 195, 10
_SUSPICIOUS = 1e-3
"""Smallest p-value of all that is still put down to chance; of one parameter: divided by their number."""
_MOST_BINS, _PANELS_PER_BIN = 10, 10


@dataclass(frozen=True)
class CalibrationStudy:
    """What came of a calibration.  N simulated panels, Q parameters that are not constant."""

    table: pd.DataFrame
    """One row per parameter: parameter, index (`""` where there is none), p_value (chi-square test of uniform
    ranks), mean_rank_share (of `draws`, 0.5 expected), n (panels)."""
    ranks: pd.DataFrame
    """(N, Q) draws below the truth; columns are `labels`."""
    draws: int
    """Thinned posterior draws per fit; ranks go from 0 to this."""
    divergent_share: float
    """Of all kept draws."""
    seed: int

    @property
    def panels(self) -> int:
        """Simulated panels."""
        return len(self.ranks)

    @property
    def labels(self) -> list[str]:
        """`alpha_m[tv]`, one per row of the table."""
        return [_label(*row) for row in zip(self.table["parameter"], self.table["index"], strict=True)]

    @property
    def limit(self) -> float:
        """Smallest p-value of one parameter that is still put down to chance."""
        return _SUSPICIOUS / len(self.table)

    def check(self) -> CheckResult:
        """Whether any rank is not uniform; names the parameters."""
        found = sorted(zip(self.table["p_value"].tolist(), self.labels, strict=True))
        smallest, label = found[0]
        suspects = [(p, label) for p, label in found if p < self.limit]
        limit = f"limit {self.limit:.2g} for {len(found)} parameters, {self.panels} simulated panels"
        least = f"the smallest p-value is {smallest:.2g} ({label}); {limit}."
        if suspects:
            listed = ", ".join(f"{label} ({p:.2g})" for p, label in suspects)
            message = (
                f"The draws are not from the posterior: ranks of the true values are not uniform; {least} Too "
                f"small: {listed}. Look at {PICTURE}; if another benchmark.seed shows the same, do not trust the "
                "pymc backend with this model."
            )
        else:
            message = f"No sign of wrong draws: {least}"
        cases = tuple({"parameter": label, "p_value": p} for p, label in suspects)
        return CheckResult("uniform_ranks", not suspects, "warn", message, smallest, self.limit, cases)


def run_calibration(config: Config, output: Path, n: int, progress: Progress = silent) -> CalibrationStudy:
    """Simulate and fit n panels, and keep what came of it; an earlier calibration is replaced.

    Args:
        config: the model; seed and folder of the benchmark.
        output: folder of all benchmark results.
        n: simulated panels, at least 1.
        progress: told how many panels are done.

    Raises:
        SpecificationError: the configured model cannot be calibrated.
        SamplingError: a fit produced no draws.
    """
    progress("calibration", 0, n)
    data, spec, scaling = calibration_case(config)
    settings = SamplerSettings(
        _CHAINS,
        _TUNE,
        _DRAWS,
        target_accept=0.9,
        max_tree_depth=8,
        seed=config.benchmark.seed,
        cores=config.runtime.cores,
    )
    found = calibrate(
        data, spec, scaling, settings, n, THIN, lambda done, total: progress("calibration", done, total)
    )
    study = study_of(found, data, spec, settings.seed)
    _save(study, settings, output / FOLDER)
    return study


def study_of(found: Calibration, data: ModelData, spec: ModelSpec, seed: int) -> CalibrationStudy:
    """Ranks and their tests with labels; without what is constant, a pooled sigma once."""
    n = len(next(iter(found.ranks.values())))
    p_values = found.p_values(bins=min(_MOST_BINS, max(2, n // _PANELS_PER_BIN)))
    rows, columns = [], {}
    for name, index, place in _quantities(data, spec):
        ranks = found.ranks[name].reshape(n, -1)[:, np.ravel_multi_index(place, p_values[name].shape)]
        if not np.isfinite(ranks).all():
            continue
        columns[_label(name, index)] = ranks.astype(np.int64)
        share = float(ranks.mean() / found.draws)
        rows.append((name, index, float(p_values[name][place]), share, n))
    table = pd.DataFrame(rows, columns=["parameter", "index", "p_value", "mean_rank_share", "n"])
    return CalibrationStudy(table, pd.DataFrame(columns), found.draws, found.divergent_share, seed)


def stored_calibration(output: Path) -> CalibrationStudy | None:
    """What `run_calibration` kept in this folder of all benchmark results; None if there is none.

    Raises:
        StorageError: it is damaged.
    """
    folder = output / FOLDER
    if not (folder / _RECORD).exists():
        return None
    try:
        table = pd.read_csv(folder / _TABLE, dtype={"index": str}, keep_default_na=False)
        record = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
        ranks = pd.read_csv(folder / _RANKS)
        study = CalibrationStudy(table, ranks, record["largest_rank"], record["divergent_share"], record["seed"])
        if study.labels != list(ranks.columns) or table.empty:
            raise ValueError(f"{_TABLE} and {_RANKS} are not of the same calibration")
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise StorageError(
            f"The calibration in {folder} cannot be read ({error}); make it again with "
            "mmm benchmark --calibration N, or remove the folder."
        ) from error
    return study


def _save(study: CalibrationStudy, settings: SamplerSettings, folder: Path) -> None:
    (folder / _RECORD).unlink(missing_ok=True)  # it is written last: without it there is no calibration
    for name, frame in {_TABLE: study.table, _RANKS: study.ranks}.items():
        with atomic_path(folder / name) as temporary:
            frame.to_csv(temporary, index=False)
    with atomic_path(folder / PICTURE) as temporary:
        kinds = {
            kind: study.ranks.loc[:, (study.table["parameter"] == kind).to_numpy()].to_numpy(dtype=np.float64)
            for kind in dict.fromkeys(study.table["parameter"])
        }
        temporary.write_bytes(calibration_picture(kinds, study.draws, study.seed))
    record = {
        "panels": study.panels,
        "largest_rank": study.draws,
        "divergent_share": study.divergent_share,
        "seed": study.seed,
        "chains": settings.chains,
        "tune": settings.tune,
        "draws": settings.draws,
        "thin": THIN,
    }
    write_text(folder / _RECORD, json.dumps(record, indent=1))


def _quantities(data: ModelData, spec: ModelSpec) -> Iterator[tuple[str, str, tuple[int, ...]]]:
    """Parameter, label of the index, and the index."""
    names = {
        "geo": data.geos,
        "channel": data.channels,
        "paid_channel": data.paid_channels,
        "control": data.controls,
        "knot": tuple(str(knot) for knot in range(len(spec.knots))),
    }
    for parameter, dims in PARAMETER_DIMS.items():
        if parameter == "sigma" and not spec.unique_sigma_for_each_geo:
            yield parameter, "", (0,)
            continue
        for place in np.ndindex(*(len(names[dim]) for dim in dims)):
            yield parameter, ", ".join(names[dim][i] for dim, i in zip(dims, place, strict=True)), place


def _label(parameter: str, index: str) -> str:
    return f"{parameter}[{index}]" if index else parameter
