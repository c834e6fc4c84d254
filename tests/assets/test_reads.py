"""Each asset names every configuration key that its value, or whether it may exist, depends on.

A key that is read but not named would leave old values looking up to date.  The functions of the assets are run
with a configuration that notes which keys are read.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from mmm_assets.assembly import build_definitions
from mmm_assets.provenance import Provenance
from mmm_assets.resources.project import Project
from mmm_assets.snapshots import stored_source
from mmm_assets.stages import features, ingest, quality, transform, validate
from mmm_core.config.base import Section
from mmm_core.data.mapping import raw_panel
from tests.assets import projects

Value = TypeVar("Value")
GEOS = ("North", "South", "East")
NAMES_ONLY = {
    "features.adstock.platform_overrides",
    "features.saturation.channel_overrides",
    "model.priors.channels",
    "model.priors.roi_bounds",
    "validation.value_sanity.metric_tolerance.cpc",
    "validation.value_sanity.metric_tolerance.cpm",
}
"""Looked at wherever columns are mapped, to see that the channels exist which they name; nothing else."""


def _rows() -> pd.DataFrame:
    rng, days = np.random.default_rng(0), pd.date_range("2023-01-02", periods=7 * 56)
    frame = pd.DataFrame([(geo, day) for geo in GEOS for day in days], columns=["region", "day"])
    noise = rng.uniform(1, 2, (len(frame), 8))
    sizes = {"North": 1000.0, "South": 2500.0, "East": 500.0}
    return frame.assign(
        day=frame["day"].dt.strftime("%Y-%m-%d"),
        ccy=np.where(frame["region"] == "East", "EUR", "USD"),
        sales=5000 * noise[:, 0],
        people=frame["region"].map(sizes),
        tv_cost=100 * noise[:, 1],
        tv_views=(900 * noise[:, 2]).round(),
        search_cost=50 * noise[:, 3],
        radio=frame["day"].dt.dayofyear + 0.0,
        radio_cost=30 * noise[:, 3] * noise[:, 5],
        email=(9 * noise[:, 4]).round(),
        price=10 * noise[:, 5],
        weather=noise[:, 6],
        promo=(noise[:, 7] > 1.9) + 0.0,
        claimed=(20 * noise[:, 4]).round(),
        creative=[f"c{day // 40}" for day in frame["day"].dt.dayofyear],
        event=np.where(frame["day"].dt.day == 3, "sale", ""),
    )


def _settings(folder: Path, policies: dict[str, Any]) -> dict[str, Any]:
    _rows().to_csv(folder / "rows.csv", index=False)
    months = pd.date_range("2023-01-01", periods=15, freq="MS").strftime("%Y-%m")
    pd.DataFrame({"month": months, "cpi": np.linspace(100, 110, 15)}).to_csv(folder / "months.csv", index=False)
    table = {"path": str(folder / "months.csv"), "date_col": "month", "grain": "month"}
    return {
        **projects.settings(folder, folder / "rows.csv"),
        "ingest": {"path": str(folder / "rows.csv"), "tables": {"t": {**table, "levels": {"cpi": "cpi"}}}},
        "external_data": {"x": {**table, "levels": {"rival": "cpi"}}},
        "data": {
            "date_col": "day",
            "keys": ["region"],
            "revenue_col": "sales",
            "population_col": "people",
            "currency_col": "ccy",
            "channel_map": {
                "tv": {"spend": "tv_cost", "media": "tv_views"},
                "search": "search_cost",
                "radio": {"spend": "radio_cost", "media": "radio"},
            },
            "organic_media": {"mail": "email"},
            "non_media_treatments": ["promo"],
            "controls": ["weather"],
            "derived_columns": {"cold": "10 - weather"},
            "national_columns": {"columns": ["radio"]},
        },
        "enhanced_cleaning": policies,
        "features": {
            "seasonality": {"annual_fourier_order": 1, "calendar_effects": ["month_end"]},
            "holidays": {"country": "US", "lead_weeks": 1},
            "events": {"launch": {"dates": ["2023-05-01/2023-05-20"]}},
            "event_cols": ["event"],
            "baseline": {"trend": "linear", "price_cols": ["price"], "macro_cols": ["cpi"]},
            "custom_terms": {"cool": "cold > 9"},
            "creative_fatigue": {"enabled": True, "age_cols": {"search": "creative"}},
            "attribution": {"enabled": True, "conversions": {"tv": "claimed"}},
        },
    }


POLICIES: dict[str, dict[str, Any]] = {
    "everything": {
        "currency": {"policy": "convert", "rates": {"EUR": 1.1}},
        "duplicates": {"policy": "aggregate"},
        "week_alignment": "align",
        "missing_data": {
            "strategy": "campaign_aware",
            "outage_detection": True,
            "outages": [{"start": "2023-03-01", "end": "2023-03-05"}],
        },
        "outliers": {"policy": "contextual_winsorization", "promo_columns": ["promo"]},
    },
    "next to nothing": {"currency": {"policy": "scale_per_geo"}, "outliers": {"policy": "flag"}},
}


class _Tracer:
    """Notes which keys of one configuration are read."""

    def __init__(self, config: Section) -> None:
        self._paths: dict[int, str] = {}
        self._read: set[str] = set()
        self._on = False
        self._place(config, "")

    def _place(self, section: Section, path: str) -> None:
        self._paths[id(section)] = path
        for name in type(section).model_fields:
            value = section.__dict__[name]
            inner = value.values() if isinstance(value, dict) else value if isinstance(value, tuple) else [value]
            for item in inner:
                if isinstance(item, Section):
                    self._place(item, path + name + (".*." if item is not value else "."))

    def note(self, section: Section, name: str, value: object) -> None:
        is_key = name in type(section).model_fields and not isinstance(value, Section)
        if self._on and is_key and id(section) in self._paths:
            self._read.add(self._paths[id(section)] + name)

    def reads(self, call: Callable[[], Value], into: set[str]) -> Value:
        self._read, self._on = into, True
        try:
            return call()
        finally:
            self._on = False


@contextmanager
def _traced(project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[_Tracer]:
    tracer, plain = _Tracer(project.config), Section.__getattribute__

    def noting(self: Section, name: str) -> Any:
        value = plain(self, name)
        if not name.startswith("_"):
            tracer.note(self, name, value)
        return value

    with monkeypatch.context() as patch:
        patch.setattr(Section, "__getattribute__", noting)
        yield tracer


def _declared(project: Project, monkeypatch: pytest.MonkeyPatch) -> dict[str, set[str]]:
    """Asset -> keys that it names."""
    with monkeypatch.context() as patch:
        patch.setattr(Project, "code_version", lambda self, *keys: " ".join(keys))
        graph = build_definitions(project).resolve_asset_graph()
        return {
            key.to_user_string(): set((graph.get(key).code_version or "").split())
            for key in graph.materializable_asset_keys
        }


def _read_by_assets(project: Project, tracer: _Tracer) -> dict[str, set[str]]:
    """Asset -> keys that are read while it is made and checked."""
    read: dict[str, set[str]] = {}

    def made(name: str, call: Callable[[], Value]) -> Value:
        return tracer.reads(call, read.setdefault(name, set()))

    def checked(name: str, call: Callable[[], Iterator[dg.AssetCheckResult]]) -> None:
        failed = [result for result in made(name, lambda: list(call())) if not result.passed]
        blocking = [result for result in failed if result.severity is dg.AssetCheckSeverity.ERROR]
        assert not blocking, blocking[0].description

    record, _ = made("source_snapshot", lambda: ingest.take_snapshot(project))
    checked("source_snapshot", lambda: ingest.source_checks(record, project))
    reports, logs, tables = {}, {}, {}
    for geo in record["geos"]:
        context = SimpleNamespace(partition_key=geo)
        panel, found = made("validation_report", partial(ingest.raw_panel_of_geo, context, record, project))
        mapping = made("raw_panel", partial(Provenance.of(panel.value).mapping, project.config))
        made("raw_panel", partial(raw_panel, stored_source(record, project), mapping, geo))
        checked("raw_panel", partial(validate.raw_panel_checks, panel.value, project))
        clean, log = made("clean_panel", partial(transform.clean_panel_of_geo, panel.value, project))
        checked("clean_panel", partial(transform.clean_panel_checks, clean.value, project))
        table = made("features", partial(features.features_of_geo, clean.value, project))
        checked("features", partial(features.features_checks, table.value, project))
        reports[geo], logs[geo], tables[geo] = found.value, log.value, table.value
    made("validation_summary", partial(validate.validation_summary, reports, record, project))
    pooling = SimpleNamespace(log=logging.getLogger(__name__))
    cube = partial(features.model_data_of_all_geos, pooling, tables, reports, record, project)
    data = made("model_data", cube).value
    checked("model_data", partial(features.model_data_checks, data, project))
    made("exploration", partial(features.exploration, data, logs, record, project))
    made("attribution_comparison", partial(features.attribution_comparison, tables, reports, record, project))
    made("data_quality", partial(quality.data_quality, reports, tables, record, data, project))
    return read


@pytest.mark.parametrize("policies", POLICIES.values(), ids=POLICIES)
def test_every_key_that_is_read_is_named(
    policies: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = projects.write_config(tmp_path, _settings(tmp_path, policies))
    project = projects.load(path)
    declared = _declared(project, monkeypatch)
    with _traced(project, monkeypatch) as tracer:
        read = _read_by_assets(project, tracer)
    declared["model_data"] |= {"model.knots"}  # a fit asks again whether there is enough data for its knots
    declared["model_data"] |= {"alerts", "project.name"}  # it tells of bad geos, which changes nothing of it
    declared["source_snapshot"] |= {"paths"}  # where it is stored is no part of what it is
    unnamed = {
        asset: sorted(key for key in keys - NAMES_ONLY if not _is_named(key, declared[asset]))
        for asset, keys in read.items()
    }
    assert {asset: keys for asset, keys in unnamed.items() if keys} == {}


def _is_named(key: str, named: set[str]) -> bool:
    return any(key == name or key.startswith(f"{name}.") for name in named)
