"""Stage report: what is written besides the report where `reports` asks for it: deck, dashboards, pages, plots."""

import json
from collections.abc import Set
from pathlib import Path, PurePath
from typing import Any

import dagster as dg
import pandas as pd
from upath import UPath

from mmm_assets.attributes import GATE, attributes
from mmm_assets.checks import refusals
from mmm_assets.io_managers import StoredFit
from mmm_assets.provenance import require_fit
from mmm_assets.resources.project import Project
from mmm_assets.resources.storage import is_there, local_copy, mirrored, written_to
from mmm_assets.stages.report import DASHBOARD, DECK, GEO_PAGES
from mmm_assets.stages.report_inputs import READS, gather, report_ins

_PLACES = {"deck": "", "dashboard_exports": DASHBOARD, "geo_reports": GEO_PAGES}
"""Asset -> folder in the exports that its files are in."""


def is_published(project: Project, asset: str, record: UPath) -> bool:
    """Whether the files that an asset wrote to the exports are still there; true of every other asset.

    Args:
        project: whose exports.
        asset: its name.
        record: the stored value of the asset.
    """
    if asset not in _PLACES:
        return True
    with local_copy(record) as local:
        names = [PurePath(path).name for path in json.loads(local.read_text(encoding="utf-8"))["files"]]
    return all(is_there(project.exports / _PLACES[asset] / name) for name in names)


def definitions(project: Project) -> dg.Definitions:
    """Assets that the configuration asks for."""
    wanted, reads = project.config.reports, GATE | READS
    curves = {"response_curves": dg.AssetIn(key="response_curves")}
    found = []
    if wanted.executive_deck:
        found.append(_asset(project, "deck", reads, {"powerpoint"}, {})(deck))
    if wanted.dashboard_exports:
        found.append(_asset(project, "dashboard_exports", reads, {"csv", "parquet"}, curves)(dashboard_exports))
    if wanted.geo_reports:
        found.append(_asset(project, "geo_reports", reads, {"html"}, curves)(geo_reports))
    if wanted.dated_outputs:
        found.append(_asset(project, "dated_outputs", reads, {"csv", "matplotlib"}, curves)(dated_outputs))
    return dg.Definitions(assets=found)


def _asset(project: Project, name: str, reads: Set[str], kinds: set[str], more: dict[str, dg.AssetIn]) -> Any:
    return dg.asset(
        name=name,
        ins=report_ins(project) | more,
        io_manager_key="json",
        **attributes(project, "report", reads=reads, kinds=kinds),
    )


def deck(project: dg.ResourceParam[Project], **values: Any) -> dg.MaterializeResult[dict[str, Any]]:
    """Slides for decision makers, with charts that can be edited: `exports/deck.pptx`."""
    from mmm_core.reporting.deck.deck import write_deck

    with refusals(), written_to(project.exports) as folder:
        write_deck(folder / DECK, gather(values, project))
    return _written(values["posterior"], project.exports / DECK, project.exports, [Path(DECK)])


def dashboard_exports(project: dg.ResourceParam[Project], **values: Any) -> dg.MaterializeResult[dict[str, Any]]:
    """Every table as CSV and Parquet with a data dictionary, for dashboards: `exports/dashboard`."""
    from mmm_core.reporting.dashboard.dashboard import write_dashboard

    place = project.exports / DASHBOARD
    with refusals(), written_to(place) as folder:
        inputs = gather(values, project)
        paths = write_dashboard(folder, inputs, _curves(values), values["posterior"].posterior.data)
    return _written(values["posterior"], place, place, [path.relative_to(folder) for path in paths])


def geo_reports(project: dg.ResourceParam[Project], **values: Any) -> dg.MaterializeResult[dict[str, Any]]:
    """One page per geo: `exports/geos`."""
    from mmm_core.reporting.geo_pages import write_geo_reports

    place = project.exports / GEO_PAGES
    with refusals(), written_to(place) as folder:
        inputs = gather(values, project)
        paths = write_geo_reports(folder, inputs, _curves(values))
    return _written(values["posterior"], place, place, [path.relative_to(folder) for path in paths])


def dated_outputs(project: dg.ResourceParam[Project], **values: Any) -> dg.MaterializeResult[dict[str, Any]]:
    """Plots, tables, scenarios and the model's file under dated names that are never overwritten: `outputs`."""
    from mmm_core.reporting.outputs.outputs import write_outputs

    place = project.storage / "outputs"
    with refusals(), mirrored(place) as (folder, fetch):
        inputs = gather(values, project)
        fit: StoredFit = values["posterior"]
        paths = write_outputs(folder, fit.posterior, inputs, diagnostics=fit.diagnostics, fetch=fetch)
    return _written(values["posterior"], place, place, [path.relative_to(folder) for path in paths])


def _curves(values: dict[str, Any]) -> pd.DataFrame:
    curves: pd.DataFrame = values["response_curves"]
    require_fit(values["posterior"].version, response_curves=curves)
    return curves


def _written(
    fit: StoredFit, place: UPath, folder: UPath, paths: list[Path]
) -> dg.MaterializeResult[dict[str, Any]]:
    return dg.MaterializeResult(
        value={"fit": fit.version, "files": [str(folder / path.as_posix()) for path in paths]},
        metadata={"path": dg.MetadataValue.path(str(place)), "files": len(paths)},
    )
