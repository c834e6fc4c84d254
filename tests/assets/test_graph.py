"""The asset graph as a literal: a change of it is a decision, not an accident."""

from pathlib import Path

import dagster as dg
import pytest

from mmm_assets.assembly import build_definitions
from mmm_assets.resources.project import Project
from tests.assets import projects

ABOUT_THE_PAST = {
    "contributions",
    "channel_summary",
    "response_curves",
    "pooled_response_curves",
    "fitted",
    "fitted_total",
    "attribution_periods",
    "counterfactuals",
    "adstock",
    "saturation",
    "frequency",
}
PLANS = {
    "budget_plan",
    "scenario_summary",
    "shadow_prices",
    "scenario_comparison",
    "frontier",
    "flighting",
    "forecast",
}
REPORTED = (
    (ABOUT_THE_PAST - {"response_curves"})
    | PLANS
    | {
        "posterior",
        "evaluation",
        "model_verdict",
        "model_version",
        "what_changed",
        "prior_predictive",
        "stability",
        "data_quality",
        "change_log",
        "exploration",
        "source_snapshot",
    }
)
GRAPH = {
    # asset: (group, by geo, made from)
    "source_snapshot": ("ingest", False, set()),
    "raw_panel": ("ingest", True, {"source_snapshot"}),
    "validation_report": ("validate", True, {"source_snapshot"}),
    "validation_summary": ("validate", False, {"validation_report", "source_snapshot"}),
    "clean_panel": ("transform", True, {"raw_panel"}),
    "change_log": ("transform", True, {"raw_panel"}),
    "change_totals": ("transform", False, {"change_log", "validation_report", "source_snapshot"}),
    "features": ("features", True, {"clean_panel"}),
    "model_data": ("features", False, {"features", "validation_report", "source_snapshot"}),
    "exploration": ("features", False, {"model_data", "change_log", "source_snapshot"}),
    "attribution_comparison": ("features", False, {"features", "validation_report", "source_snapshot"}),
    "prior_predictive": ("train", False, {"model_data"}),
    "posterior": ("train", False, {"model_data", "prior_predictive"}),
    **{name: ("evaluate", False, {"posterior"}) for name in ABOUT_THE_PAST},
    "evaluation": ("evaluate", False, {"posterior", "contributions", "fitted"}),
    "stability": ("evaluate", False, {"posterior"}),
    "drift": ("evaluate", False, {"model_data"}),
    **{
        name: ("evaluate", False, {"posterior", "evaluation", "prior_predictive", "stability"})
        for name in ("model_verdict", "model_version")
    },
    **{name: ("optimize", False, {"posterior", "model_verdict", "model_version"}) for name in PLANS},
    "data_quality": ("report", False, {"validation_report", "features", "model_data", "source_snapshot"}),
    "what_changed": ("report", False, {"posterior", "model_verdict", "budget_plan"}),
    "report": ("report", False, REPORTED),
    "exports": ("report", False, REPORTED | {"response_curves"}),
}
CHECKS = {
    "source_snapshot": {
        "connectors_passed_over",
        "unmapped_channels",
        "currencies",
        "rollup_geos",
        "overlapping_geos",
        "geo_ranges",
        "geo_weekdays",
        "cut_off_series",
        "stopped_feeds",
        "feed_gaps",
        "named_geos",
    },
    "raw_panel": {
        "schema",
        "duplicate_keys",
        "regular_spacing",
        "coverage",
        "preferred_history",
        "missing_weeks",
        "missing_values",
        "empty_columns",
        "currency",
        "spend_without_media",
        "media_without_spend",
        "reach_without_frequency",
        "validation_score",
    },
    "clean_panel": {
        "schema",
        "consecutive_weeks",
        "kpi_variation",
        "channel_variation",
        "cost_per_media_unit",
        "cost_range",
        "geo_roi",
        "outliers",
    },
    "features": {
        "schema",
        "seasonality_terms",
        "holiday_columns",
        "configured_terms",
        "constant_columns",
        "rare_events",
    },
    "model_data": {
        "finite_values",
        "channel_activity",
        "kpi_variation",
        "control_variation",
        "collinear_channels",
        "channel_correlation",
        "variance_inflation",
        "spend_variation",
        "variation_over_geos",
        "variation_over_time",
        "naive_roi",
        "data_per_parameter",
    },
    "posterior": {
        "rhat",
        "ess",
        "nuisance_rhat",
        "nuisance_ess",
        "divergences",
        "no_divergence",
        "ebfmi",
        "tree_depth",
    },
    "evaluation": {
        "mape",
        "coverage",
        "residual_autocorrelation",
        "negative_baseline",
        "roi_uncertainty",
        "prior_shift",
        "roi_outside_prior",
        "roi_out_of_line",
        "contribution_sum",
        "chains_differ",
        "learned_from_data",
        "predictive_total",
        "predictive_spread",
        "predictive_extremes",
        "predictive_autocorrelation",
    },
    "prior_predictive": {"prior_kpi", "prior_baseline", "prior_media_share"},
    "stability": {
        "refresh_roi",
        "refresh_contribution",
        "refresh_surprise",
        "prior_data_conflict",
        "prior_dominates",
        "loo_reliable",
        "input_noise",
        "placebo_channel",
        "leave_one_geo_out",
    },
    "drift": {"new_weeks_forecast"},
    "model_verdict": {"accepted"},
    "model_version": {"champion"},
}
JOBS = {"full"} | {
    f"stage_{stage}"
    for stage in ("ingest", "validate", "transform", "features", "train", "evaluate", "optimize", "report")
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("graph")
    values = projects.settings(folder, None) | {"project": {"name": "tiny", "owners": ["team:media"]}}
    return projects.load(projects.write_config(folder, values))


@pytest.fixture(scope="module")
def definitions(project: Project) -> dg.Definitions:
    return build_definitions(project)


def test_assets_groups_partitions_and_dependencies_are_as_designed(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    found = {
        key.to_user_string(): (
            graph.get(key).group_name,
            graph.get(key).is_partitioned,
            {parent.to_user_string() for parent in graph.get(key).parent_keys},
        )
        for key in graph.materializable_asset_keys
    }
    assert found == GRAPH


def test_checks_are_as_designed_and_may_block(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    found: dict[str, set[str]] = {}
    for key in graph.asset_check_keys:
        found.setdefault(key.asset_key.to_user_string(), set()).add(key.name)
        assert graph.get(key).blocking
        partitions = graph.get(key).partitions_def
        assert (partitions is not None) == graph.get(key.asset_key).is_partitioned
    assert found == CHECKS


def test_partitions_are_named_after_the_project(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    names = {
        graph.get(key).partitions_def.name
        for key in graph.materializable_asset_keys
        if graph.get(key).is_partitioned
    }
    assert names == {"tiny_geos"}


def test_every_asset_is_described_owned_and_of_a_kind(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    for key in graph.materializable_asset_keys:
        node = graph.get(key)
        assert len(node.description or "") > 20, key
        assert list(node.owners) == ["team:media"], key
        assert node.kinds, key
        assert node.code_version, key


def test_jobs_and_sensors_are_there_and_sensors_run(definitions: dg.Definitions) -> None:
    repository = definitions.get_repository_def()
    assert {job.name for job in repository.get_all_jobs() if not job.name.startswith("__")} == JOBS
    sensors = {sensor.name: sensor.default_status for sensor in repository.sensor_defs}
    assert sensors == dict.fromkeys(
        (
            "new_data",
            "pool_geos",
            "refit_after_backfill",
            "judge_forecast",
            "refit_after_drift",
            "close_mlflow_run_after_failure",
            "close_mlflow_run_after_canceled",
        ),
        dg.DefaultSensorStatus.RUNNING,
    )
    schedules = {schedule.name: schedule.default_status for schedule in repository.schedule_defs}
    assert schedules == {"retraining": dg.DefaultScheduleStatus.STOPPED}
    for each in (*repository.sensor_defs, *repository.schedule_defs):
        assert len(each.description or "") > 20, each.name


def test_what_makes_itself_and_what_may_be_overdue(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    nodes = {key.to_user_string(): graph.get(key) for key in graph.materializable_asset_keys}
    assert {name for name, node in nodes.items() if node.automation_condition} == {"model_data", "drift"}
    overdue = {name: node.freshness_policy for name, node in nodes.items() if node.freshness_policy}
    assert set(overdue) == {"source_snapshot", "posterior", "report"}


def test_only_what_samples_waits_for_its_pool(definitions: dg.Definitions) -> None:
    pools = {
        key.to_user_string(): set(definitions.get_assets_def(key).op.pools)
        if hasattr(definitions.get_assets_def(key).op, "pools")
        else {definitions.get_assets_def(key).op.pool} - {None}
        for key in definitions.resolve_asset_graph().materializable_asset_keys
    }
    assert {asset for asset, pool in pools.items() if pool == {"fit"}} == {"posterior"}


@pytest.mark.parametrize(
    ("override", "outdated", "kept"),
    [
        ("training.draws=200", {"posterior"}, {"model_data", "channel_summary"}),
        ("complexity.identifiability.max_rhat=1.5", {"channel_summary", "report"}, {"posterior", "model_data"}),
        ("features.holidays.country=US", {"features", "model_data"}, {"clean_panel", "posterior"}),
        ("features.seasonality.annual_fourier_order=1", {"features", "model_data"}, {"clean_panel", "posterior"}),
        ("optimization.platform_constraints.max_change=0.3", {"budget_plan"}, {"posterior", "contributions"}),
        ("runtime.cores=1", set(), {"posterior", "report"}),
    ],
)
def test_a_setting_makes_exactly_what_reads_it_out_of_date(
    project: Project, definitions: dg.Definitions, override: str, outdated: set[str], kept: set[str]
) -> None:
    before = _code_versions(definitions)
    after = _code_versions(build_definitions(projects.load(project.loaded.path, override)))
    changed = {asset for asset in before if before[asset] != after[asset]}
    assert outdated <= changed
    assert not kept & changed


def _code_versions(definitions: dg.Definitions) -> dict[str, str | None]:
    graph = definitions.resolve_asset_graph()
    return {key.to_user_string(): graph.get(key).code_version for key in graph.materializable_asset_keys}


def test_definitions_can_be_loaded_for_every_example() -> None:
    for path in sorted((Path(__file__).parents[2] / "config").rglob("*.yaml")):
        dg.Definitions.validate_loadable(build_definitions(projects.load(path)))
