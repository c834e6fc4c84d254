"""Stage features: each geo's model inputs, and all geos together as one aligned cube."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pandas as pd

from mmm_assets.attributes import CLEANED, FEATURES, MAPPING, SOURCE_JUDGED, attributes
from mmm_assets.bad_geos import tell_of_bad_geos, usable_features
from mmm_assets.checks import check_results, check_specs, refusals
from mmm_assets.io_managers import every_geo
from mmm_assets.metadata import bytes_version, frame_metadata, frame_version, model_data_version, picture
from mmm_assets.partitions import geo_partitions
from mmm_assets.provenance import Provenance
from mmm_assets.resources.project import Project
from mmm_assets.resources.storage import written_to
from mmm_assets.stages.ingest import judge_source
from mmm_assets.stages.transform import joined_logs
from mmm_core.data.mapping import resolve_mapping
from mmm_core.features.assemble import assemble_model_data
from mmm_core.features.build import build_features
from mmm_core.features.checks import MODEL_DATA_CHECKS, check_model_data
from mmm_core.features.model_data import ModelData
from mmm_core.quality.check import require
from mmm_core.quality.clean_checks import check_clean_panel
from mmm_core.quality.feature_checks import FEATURE_CHECKS, check_features
from mmm_core.storage import write_text


def definitions(project: Project) -> dg.Definitions:
    """Assets and checks of this stage."""
    geos = geo_partitions(project.config.project.name)
    pooled = FEATURES | CLEANED | SOURCE_JUDGED | {"features.adstock.max_lag", "model.knots"}
    previewed = {"model.priors", "model.media_scaling", "model.hill_before_adstock"}
    shown = MAPPING | previewed | {"validation", "features", "project", "reports.title"}
    features = dg.asset(
        name="features",
        partitions_def=geos,
        io_manager_key="parquet",
        **attributes(project, "features", reads=FEATURES, kinds={"pandas", "parquet"}),
    )
    model_data = dg.asset(
        name="model_data",
        ins={name: every_geo(name) for name in ("features", "validation_report")},
        io_manager_key="model_data_io",
        **attributes(project, "features", reads=pooled, kinds={"xarray", "netcdf"}),
    )
    data_page = dg.asset(
        ins={"change_log": every_geo("change_log")},
        io_manager_key="json",
        **attributes(project, "features", reads=shown, kinds={"html"}),
    )
    attributed = dg.asset(
        ins={name: every_geo(name) for name in ("features", "validation_report")},
        io_manager_key="parquet",
        **attributes(project, "features", reads=FEATURES | {"features.attribution"}, kinds={"pandas", "parquet"}),
    )
    feature_specs = check_specs("features", FEATURE_CHECKS, geos)
    data_specs = check_specs("model_data", MODEL_DATA_CHECKS)
    return dg.Definitions(
        assets=[
            features(features_of_geo),
            model_data(model_data_of_all_geos),
            data_page(exploration),
            attributed(attribution_comparison),
        ],
        asset_checks=[
            dg.multi_asset_check(name="features_checks", specs=feature_specs)(features_checks),
            dg.multi_asset_check(name="model_data_checks", specs=data_specs)(model_data_checks),
        ],
    )


def features_of_geo(
    clean_panel: pd.DataFrame, project: dg.ResourceParam[Project]
) -> dg.MaterializeResult[pd.DataFrame]:
    """One geo's model inputs: the clean panel with seasonal terms; refuses a panel that blocks."""
    provenance = Provenance.of(clean_panel)
    with refusals():
        subject = f"clean_panel of geo {clean_panel['geo'].iloc[0]}"
        require(check_clean_panel(clean_panel, project.config), subject)
        frame = build_features(clean_panel, project.config)
        notes = list(frame.attrs.get("notes", ()))
        replace(provenance, settings=project.code_version(*FEATURES)).put_on(frame)
    return dg.MaterializeResult(
        value=frame, data_version=frame_version(frame), metadata={"notes": notes, **frame_metadata(frame)}
    )


def features_checks(features: pd.DataFrame, project: dg.ResourceParam[Project]) -> Iterator[dg.AssetCheckResult]:
    """Completeness and terms of one geo's features."""
    with refusals():
        results = check_features(features, project.config)
    yield from check_results("features", FEATURE_CHECKS, results)


def model_data_of_all_geos(
    context: dg.AssetExecutionContext,
    features: dict[str, pd.DataFrame],
    validation_report: dict[str, dict[str, Any]],
    source_snapshot: dict[str, Any],
    project: dg.ResourceParam[Project],
) -> dg.MaterializeResult[ModelData]:
    """All geos of the source on the same weeks, as the model sees them.

    Refuses a source that blocks, and to go on with a part of it: every geo must have features, made from today's
    rows, and none may be blocked; with `data.on_bad_geo: exclude` a few that are blocked are left out and named.
    """
    with refusals():
        usable = usable_features(features, validation_report, source_snapshot, project)
        require(judge_source(source_snapshot, project), "source_snapshot")
        mapping = resolve_mapping(project.config, source_snapshot["columns"], source_snapshot["origin"])
        version, excluded = source_snapshot["content_hash"], usable.excluded
        data = assemble_model_data(usable.frames, mapping, project.config, version, excluded)
    for geo, why in excluded.items():
        context.log.warning(f"Geo {geo} is left out: {why}")
    tell_of_bad_geos(project, excluded, left_out=True)
    return dg.MaterializeResult(
        value=data, data_version=dg.DataVersion(model_data_version(data)), metadata=_data_metadata(data)
    )


def model_data_checks(model_data: ModelData, project: dg.ResourceParam[Project]) -> Iterator[dg.AssetCheckResult]:
    """Whether all geos together can tell the channels apart."""
    with refusals():
        results = check_model_data(model_data, project.config)
    yield from check_results("model_data", MODEL_DATA_CHECKS, results)


def exploration(
    model_data: ModelData,
    change_log: dict[str, pd.DataFrame],
    source_snapshot: dict[str, Any],
    project: dg.ResourceParam[Project],
) -> dg.MaterializeResult[dict[str, Any]]:
    """What a person looks at before a fit: spend, flighting, correlations, gaps, outliers; one page."""
    from mmm_core.exploration.explore import explore
    from mmm_core.exploration.previews import media_previews
    from mmm_core.reporting import eda_figures
    from mmm_core.reporting.eda_page import render_eda
    from mmm_core.reporting.preview_figures import media_preview_grid

    config = project.config
    with refusals():
        found = explore(model_data, joined_logs(change_log, model_data.geos), config)
        mapping = resolve_mapping(config, source_snapshot["columns"], source_snapshot["origin"])
        now = datetime.now(UTC).isoformat(timespec="seconds")
        title = config.reports.title or config.project.name
        page = render_eda(found, title, mapping.kpi, config.project.name, now)
        with written_to(project.exports) as folder:
            write_text(folder / "eda.html", page)
        previews = media_previews(model_data, config)
    record = found.to_record()
    return dg.MaterializeResult(
        value=record,
        data_version=dg.DataVersion(bytes_version(json.dumps(record).encode())),
        metadata={
            "page": dg.MetadataValue.path(str(project.exports / "eda.html")),
            "spend": picture(eda_figures.spend_shares(found)),
            "flighting": picture(eda_figures.flighting_heat_map(found)),
            "correlation": picture(eda_figures.correlation_heat_map(found)),
            "adstock_and_saturation_at_prior_means": picture(media_preview_grid(previews)),
            "variance_inflation": frame_metadata(found.inflation, rows=60)["preview"],
        },
    )


def attribution_comparison(
    features: dict[str, pd.DataFrame],
    validation_report: dict[str, dict[str, Any]],
    source_snapshot: dict[str, Any],
    project: dg.ResourceParam[Project],
) -> dg.MaterializeResult[pd.DataFrame]:
    """Conversions that platforms claim, beside spend; empty unless `features.attribution` is on."""
    from mmm_core.features.attributed import attribution_comparison as compare

    with refusals():
        usable = usable_features(features, validation_report, source_snapshot, project)
        table = compare(usable.frames, project.config)
    return dg.MaterializeResult(
        value=table,
        data_version=frame_version(table),
        metadata={"excluded_geos": usable.excluded, **frame_metadata(table)},
    )


def _data_metadata(data: ModelData) -> dict[str, Any]:
    spend = pd.DataFrame({"channel": data.channels, "spend": data.spend.sum(axis=(0, 1))})
    return {
        "geos": len(data.geos),
        "excluded_geos": dict(data.excluded_geos),
        "weeks": len(data.dates),
        "first_week": str(data.dates[0]),
        "last_week": str(data.dates[-1]),
        "channels": list(data.channels),
        "controls": list(data.controls),
        "kpi_total": float(data.kpi[data.observed].sum()),
        "geo_weeks_without_kpi": int((~data.observed).sum()),
        "spend_total": float(data.spend.sum()),
        "source_version": data.data_version,
        "spend": frame_metadata(spend, rows=60)["preview"],
    }
