"""`mmm benchmark`: the same data, each backend once, side by side."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from rich.table import Table
from rich.text import Text

from mmm_assets.commands.console import display, prepare_console, results
from mmm_assets.commands.invocation import Invocation
from mmm_core.cleaning.clean import clean_panel
from mmm_core.config.schema import Config
from mmm_core.data.mapping import geo_names, raw_panel, resolve_mapping
from mmm_core.data.sources.source import read_source
from mmm_core.features.assemble import assemble_model_data
from mmm_core.features.build import build_features
from mmm_core.features.model_data import ModelData
from mmm_core.model.backend import get_backend, sampler_settings
from mmm_core.model.specification import build_spec
from mmm_core.progress import Progress
from mmm_core.quality.check import require
from mmm_core.quality.raw_checks import check_raw_panel
from mmm_core.reporting.formats import MISSING
from mmm_core.storage import atomic_path


def compare(invocation: Invocation, backends: Sequence[str], output: Path) -> int:
    """Fit with each backend, print a table, and write it to `output` as CSV.

    Raises:
        InputError: the configuration or the data cannot be used, or there is no such backend.
        GateError: the data does not pass its blocking checks.
    """
    project = invocation.project()
    prepare_console(project, invocation.debug)
    data, truth = model_data_of(project.config)
    with display() as shown:
        table = pd.DataFrame([measure(name, data, project.config, truth, shown) for name in backends])
    with atomic_path(output) as temporary:
        table.to_csv(temporary, index=False)
    _print(table, data)
    results().print(f"Written to {output}", markup=False)
    return 0


def model_data_of(config: Config) -> tuple[ModelData, Mapping[str, float] | None]:
    """The aligned cube of the configured source, made in memory, and the true ROI if it is simulated.

    Raises:
        InputError: the source cannot be used.
        GateError: a geo does not pass its blocking checks.
    """
    source = read_source(config)
    mapping = resolve_mapping(config, list(source.frame.columns), source.origin)
    frames = {}
    for geo in geo_names(source, mapping):
        raw = raw_panel(source, mapping, geo)
        require(check_raw_panel(raw, mapping, config, source.origin), f"raw_panel of geo {geo}")
        frames[geo] = build_features(clean_panel(raw, mapping, config).panel, config)
    data = assemble_model_data(frames, mapping, config, source.content_hash)
    return data, None if source.truth is None else source.truth.roi


def measure(
    backend: str, data: ModelData, config: Config, truth: Mapping[str, float] | None, progress: Progress
) -> dict[str, Any]:
    """One fit: seconds, effective sample sizes over all sampled quantities, and how many true ROIs are inside."""
    from mmm_core.attribution.returns import channel_summary
    from mmm_core.evaluation.convergence import diagnose

    posterior = get_backend(backend).sample(data, build_spec(config, data), sampler_settings(config), progress)
    diagnostics, info = diagnose(posterior), posterior.info
    ess = diagnostics.parameters[["ess_bulk", "ess_tail"]].min(axis=1)
    summary = channel_summary(posterior)
    inside = None
    if truth is not None:
        true = summary["channel"].map(dict(truth))
        inside = int(true.between(summary["roi_q05"], summary["roi_q95"]).sum())
    return {
        "backend": backend,
        "seconds": info.seconds,
        "compile_seconds": info.compile_seconds,
        "draws": info.chains * info.draws,
        "min_ess": float(ess.min()),
        "median_ess": float(ess.median()),
        "min_ess_per_second": float(ess.min()) / info.seconds,
        "median_ess_per_second": float(ess.median()) / info.seconds,
        "max_rhat": float(diagnostics.parameters["rhat"].max()),
        "divergences": diagnostics.divergences,
        "true_roi_inside": inside,
        "channels": len(data.channels),
    }


def _print(table: pd.DataFrame, data: ModelData) -> None:
    title = f"{len(data.geos)} geos, {len(data.dates)} weeks, {len(data.channels)} channels"
    shown = Table(title=title, title_justify="left")
    for column in table.columns:
        shown.add_column(str(column).replace("_", " "), justify="left" if column == "backend" else "right")
    for row in table.itertuples(index=False):
        shown.add_row(*(Text(_text(value)) for value in row))
    results().print(shown)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return MISSING if pd.isna(value) else f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
