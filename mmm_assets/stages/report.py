"""Stage report: the report that people read, and the tables that other tools load."""

import logging
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg

from mmm_assets.attributes import GATE, attributes
from mmm_assets.checks import refusals
from mmm_assets.provenance import require_fit
from mmm_assets.resources.project import Project
from mmm_assets.resources.storage import local_copy, written_to
from mmm_assets.resources.tracking import TrackedRun, Tracker
from mmm_assets.stages.report_inputs import READS, gather, report_ins
from mmm_core.errors import TrackingError
from mmm_core.reporting.inputs import ReportInputs
from mmm_core.storage import write_text

_LOG = logging.getLogger(__name__)
DECK, DASHBOARD, GEO_PAGES = "deck.pptx", "dashboard", "geos"
"""What is in the exports where `reports` asks for it."""


def definitions(project: Project) -> dg.Definitions:
    """The assets `report` and `exports`."""
    reads = GATE | READS
    curves = {"response_curves": dg.AssetIn(key="response_curves")}
    page = dg.asset(
        name="report",
        ins=report_ins(project),
        io_manager_key="json",
        **attributes(project, "report", reads=reads, kinds={"html", "mlflow"}),
    )
    tables = dg.asset(
        name="exports",
        ins=report_ins(project) | curves,
        io_manager_key="json",
        **attributes(project, "report", reads=reads, kinds={"csv"}),
    )
    return dg.Definitions(assets=[page(report_page), tables(exported_tables)])


def report_page(
    project: dg.ResourceParam[Project], tracker: dg.ResourceParam[Tracker], **values: Any
) -> dg.MaterializeResult[dict[str, str]]:
    """The report: one HTML file that opens without a server or the internet; also attached to the MLflow run."""
    from mmm_core.reporting.geo_pages import geo_page_addresses
    from mmm_core.reporting.html import render_report
    from mmm_core.reporting.sampling import sampling_of

    with refusals():
        fit = values["posterior"]
        inputs = replace(gather(values, project), sampling=sampling_of(fit.posterior, fit.diagnostics))
        pages = geo_page_addresses(inputs.geos) if project.config.reports.geo_reports else None
        with written_to(project.exports) as folder:
            write_text(folder / project.report.name, render_report(inputs, pages))
    run_id = values["posterior"].mlflow_run_id
    attached = _attach(tracker, project, run_id, inputs)
    return dg.MaterializeResult(
        value={"path": str(project.report), "mlflow_run_id": run_id},
        metadata={
            **({"model_version": inputs.model_version} if inputs.model_version else {}),
            "report": dg.MetadataValue.url(project.report.as_uri()),
            "path": dg.MetadataValue.path(str(project.report)),
            **attached,
        },
    )


def exported_tables(project: dg.ResourceParam[Project], **values: Any) -> dg.MaterializeResult[dict[str, Any]]:
    """The tables that other tools read: CSV files and diagnostics.json, all from the same fit."""
    from mmm_core.reporting.exports import write_exports

    with refusals():
        inputs, version = gather(values, project), values["posterior"].version
        require_fit(version, response_curves=values["response_curves"])
        with written_to(project.exports) as folder:
            paths = write_exports(
                folder,
                contributions=inputs.contributions,
                channel_summary=inputs.channel_summary,
                fit=inputs.fit,
                response_curves=values["response_curves"],
                budget_plan=inputs.budget_plan,
                diagnostics=values["evaluation"]["diagnostics"],
                decisions=inputs.decisions,
                scenarios=inputs.scenarios,
                model_version=inputs.model_version,
                changes=inputs.changes,
            )
            _remove_unwanted(project, folder)
    files = [project.exports / path.name for path in paths]
    return dg.MaterializeResult(
        value={"fit": version, "files": [str(path) for path in files]},
        metadata={path.name: dg.MetadataValue.path(str(path)) for path in files},
    )


def _remove_unwanted(project: Project, exports: Path) -> None:
    """Remove what was written when the configuration asked for it: old numbers must not stand beside new ones."""
    wanted = project.config.reports
    if not wanted.executive_deck:
        (exports / DECK).unlink(missing_ok=True)
    for folder, is_wanted in ((DASHBOARD, wanted.dashboard_exports), (GEO_PAGES, wanted.geo_reports)):
        if not is_wanted and (exports / folder).is_dir():
            shutil.rmtree(exports / folder)


def _attach(tracker: Tracker, project: Project, run_id: str, inputs: ReportInputs) -> dict[str, dg.MetadataValue]:
    """Add report and plots to the fit's MLflow run; the run's page, or why MLflow does not have them."""
    try:
        run = tracker.reopen(run_id)
        _attach_to(run, project, inputs)
    except TrackingError as error:
        reason = f"The report is written, but MLflow run {run_id} lacks it or its plots. {error}"
        _LOG.warning(reason)
        return {"mlflow_lacks": dg.MetadataValue.text(reason)}
    return {"mlflow_run": dg.MetadataValue.url(run.url)}


def _attach_to(run: TrackedRun, project: Project, inputs: ReportInputs) -> None:
    from mmm_core.reporting import figures

    with local_copy(project.report) as page:
        run.log_file(page)
    for name, png in (
        ("contributions", figures.contribution_area(inputs.contributions)),
        ("roi", figures.roi_intervals(inputs.channel_summary)),
        ("response_curves", figures.response_curve_grid(inputs.pooled_curves)),
        ("budgets", figures.budget_bars(inputs.budget_plan)),
    ):
        run.log_bytes(png, f"{name}.png", "plots")
