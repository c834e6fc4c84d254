"""From the rows of a file to the numbers of the model: a slow oracle, and what the change log must account for."""

import csv
import io
import json
import math
import random
from collections import defaultdict
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmm_core.config.schema import Config
from mmm_core.data.mapping import geo_names, resolve_mapping
from mmm_core.data.preparation.prepare import prepared_source
from mmm_core.features.assemble import assemble_model_data
from mmm_core.features.model_data import ModelData
from mmm_core.intake.geo import GeoIntake, prepare_geo

Row = dict[str, str]
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
RATES = {"EUR": 1.25, "GBP": 1.5}
HEADER = [
    "region",
    "day",
    "currency",
    "sales",
    "people",
    "tv_cost",
    "tv_views",
    "search_cost",
    "radio_cost",
    "weather",
]
SPEND = {"tv": "tv_cost", "search": "search_cost", "radio": "radio_cost", "print": "print_cost"}
LENIENT = (
    *(
        "coverage",
        "missing_weeks",
        "missing_values",
        "validation_score",
        "preferred_history",
        "outliers",
        "pauses",
    ),
    *("spend_without_media", "media_without_spend", "empty_columns", "naive_roi"),
)


class World:
    """A file of messy rows, a monthly table, and a configuration."""

    def __init__(self, seed: int, simple: bool, folder: Path) -> None:
        rng = self.rng = random.Random(seed)
        self.step = rng.choice([1, 7])
        self.week_start = rng.choice(WEEKDAYS)
        self.national_geo = rng.choice([None, "Country"])
        self.by = rng.choice(["population", "equal", "weather_weight"])
        self.identical = rng.choice(["drop", "keep"])
        self.start = date(2023, 1, 2) + timedelta(days=rng.randrange(30))
        self.weeks = rng.randint(12, 22)
        self.simple = simple
        self.outage = rng.choice([[], [{"start": "2023-02-20", "end": "2023-03-02", "columns": ["kpi"]}]])
        self.rows = self._rows()
        self.months = {
            (region, m): rng.choice([None, round(rng.uniform(0, 900), 2)])
            for region in ("North", "South", "East")
            for m in range(1, 9)
        }
        self.path, self.table = folder / "main.csv", folder / "months.csv"
        self.path.write_text(written([*HEADER, "weather_weight"], self.rows), encoding="utf-8")
        months = [
            {"geo": region, "month": f"2023-{m:02d}", "amount": "" if value is None else repr(value)}
            for (region, m), value in self.months.items()
        ]
        self.table.write_text(written(["geo", "month", "amount"], months), encoding="utf-8")
        self.config = Config.model_validate(self._settings())

    def _rows(self) -> list[Row]:
        rng, rows = self.rng, []
        radio = {}
        for number, region in enumerate(("North", "South", "East")):
            later = rng.randrange(3 * 7) if number and self.step == 7 else 7 * rng.randrange(3)
            first = self.start + timedelta(days=later)
            n = self.weeks * 7 // self.step
            change = rng.randrange(n)
            for t in range(n):
                day = first + timedelta(days=t * self.step)
                period = day if self.step == 1 else week_of(day, self.week_start)
                radio.setdefault(period, rng.choice([0.0, round(rng.uniform(1, 500), 2)]))
                if rng.random() < 0.03 and 0 < t < n - 1:
                    continue
                for _ in range(rng.choice([1, 1, 1, 1, 2, 3])):
                    code = "USD" if number == 0 else ("EUR", "GBP")[t >= change]
                    rows.append(self._row(region, day, code, radio[period]))
                    if rng.random() < 0.03:
                        rows.append(dict(rows[-1]))
        rows += [  # a roll-up
            {**row, "region": "All regions", "sales": "1e6", "tv_cost": "1e5"}
            for row in rows
            if row["region"] == "North"
        ]
        if self.national_geo:
            for row in rows:
                row["radio_cost"] = ""
            blank = dict.fromkeys(HEADER, "") | {"region": "Country", "currency": "USD", "weather_weight": "0"}
            moved = timedelta(days=rng.randrange(7) if self.step == 7 else 0)
            rows += [
                {**blank, "day": (day + moved).isoformat(), "radio_cost": repr(c)} for day, c in radio.items()
            ]
        rng.shuffle(rows)
        return rows

    def _row(self, region: str, day: date, code: str, radio: float) -> Row:
        rng = self.rng
        empty = 0.0 if self.simple and rng.random() < 0.5 else 0.02
        views = rng.choice([0, 0, rng.randint(1, 900)])
        row = {
            "region": rng.choice([region, f" {region} "]),
            "day": day.isoformat(),
            "currency": rng.choice([code, code.lower()]),
            "sales": repr(round(rng.uniform(500, 900), 2)),
            "people": {"North": "1000", "South": "2500", "East": "500"}[region],
            "tv_cost": repr(round(views * rng.uniform(0.9, 1.1), 2)),
            "tv_views": str(views),
            "search_cost": rng.choice(["0", repr(round(rng.uniform(1, 99), 2))]),
            "radio_cost": repr(radio),
            "weather": repr(round(rng.gauss(10, 3), 3)),
            "weather_weight": {"North": "1", "South": "3", "East": "0.5"}[region],
        }
        for column in ("sales", "tv_cost", "search_cost", "weather"):
            if rng.random() < empty:
                row[column] = rng.choice(["", "NA", "n/a"])
        return row

    def _settings(self) -> dict[str, Any]:
        rng = self.rng
        missing: dict[str, Any] = {"strategy": "mask", "outages": self.outage}
        outliers: dict[str, Any] = {}
        if not self.simple:
            missing |= {
                "strategy": rng.choice(["mask", "campaign_aware"]),
                "outage_detection": rng.choice([True, False]),
                "outage_action": rng.choice(["mask", "impute"]),
                "outages": [
                    *self.outage,
                    {"start": "2023-03-10", "end": "2023-03-20", "columns": ["tv", "search_cost"]},
                ],
            }
            outliers = {
                "policy": "contextual_winsorization",
                "winsorize_percentile": 80,
                "columns": ["spend", "media", "kpi", "controls"],
            }
        return {
            "project": {"currency": "USD"},
            "ingest": {
                "path": str(self.path),
                "tables": {
                    "print": {
                        "path": str(self.table),
                        "date_col": "month",
                        "grain": "month",
                        "keys": {"geo": "region"},
                        "amounts": {"print_cost": "amount"},
                    }
                },
            },
            "data": {
                "date_col": "day",
                "keys": ["region"],
                "revenue_col": "sales",
                "population_col": "people",
                "currency_col": "currency",
                "channel_map": {
                    "tv": {"spend": "tv_cost", "media": "tv_views"},
                    "search": "search_cost",
                    "radio": "radio_cost",
                    "print": "print_cost",
                },
                "controls": ["weather"],
                "rows": {"exclude": {"region": ["All regions"]}},
                "national_columns": {"columns": ["radio_cost"], "by": self.by, "geo": self.national_geo},
                "week_start": self.week_start,
            },
            "enhanced_cleaning": {
                "currency": {"policy": "convert", "rates": RATES},
                "duplicates": {"policy": "aggregate", "identical_rows": self.identical},
                "week_alignment": "align",
                "missing_data": missing,
                "outliers": outliers,
            },
            "features": {"adstock": {"max_lag": 3}},
            "validation": {"severities": dict.fromkeys(LENIENT, "warn")} | LIMITS,
        }


LIMITS: dict[str, Any] = {"coverage_frequency": {"min_weeks_required": 8, "max_missing_weeks_pct": 100}}


def written(header: list[str], rows: list[Row]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, header)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def model_data(world: World) -> tuple[ModelData, dict[str, GeoIntake]]:
    source = prepared_source(world.config)
    mapping = resolve_mapping(world.config, list(source.frame.columns), source.origin)
    intakes = {geo: prepare_geo(source, mapping, world.config, geo) for geo in geo_names(source, mapping)}
    blocked = {
        geo: [r.message for rs in i.verdicts.values() for r in rs if r.blocks] for geo, i in intakes.items()
    }
    frames = {geo: intake.features for geo, intake in intakes.items() if intake.features is not None}
    assert len(frames) == len(intakes), json.dumps(blocked)
    return assemble_model_data(frames, mapping, world.config, source.content_hash), intakes


# The oracle: plain loops over the rows of the file.


def number(text: str) -> float | None:
    return None if text.strip().lower() in ("", "na", "n/a") else float(text)


def week_of(day: date, week_start: str) -> date:
    return day - timedelta(days=(day.weekday() - WEEKDAYS.index(week_start)) % 7)


def month_amount(world: World, region: str, first: date) -> float | None:
    """What the monthly table gives the days that a row stands for."""
    parts = []
    for k in range(world.step):
        day = first + timedelta(days=k)
        amount = world.months.get((region, day.month))
        if amount is not None:
            following = date(day.year + day.month // 12, day.month % 12 + 1, 1)
            parts.append(amount / (following - day.replace(day=1)).days)
    return sum(parts) if parts else None


def file_rows(world: World) -> list[dict[str, Any]]:
    """Rows that count, money converted, dates moved to the week's first day if they are weekly."""
    with world.path.open(encoding="utf-8") as file:
        rows = [dict(row) for row in csv.DictReader(file)]
    found = []
    for row in rows:
        region, day, code = row["region"].strip(), date.fromisoformat(row["day"]), row["currency"].upper()
        if region == "All regions":
            continue
        day = day if world.step == 1 else week_of(day, world.week_start)
        values: dict[str, Any] = {name: number(row[name]) for name in (*HEADER[3:], "weather_weight")}
        values["print_cost"] = month_amount(world, region, day) if region != "Country" else None
        found.append({"region": region, "day": day, "code": code, **values})
    return found


def expected_panel(world: World) -> dict[tuple[str, date], dict[str, float | None]]:
    """(geo, date) -> values of all rows together, money in dollars, national amounts split."""
    rows = file_rows(world)
    national = {row["day"]: row["radio_cost"] for row in rows if row["region"] == "Country"}
    groups: dict[tuple[str, date], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        if row["region"] != "Country":
            if world.national_geo:
                row["radio_cost"] = national.get(row["day"])
            groups[row["region"], row["day"]].append(row)
    weight = {"population": "people", "equal": None, "weather_weight": "weather_weight"}[world.by]
    panel: dict[tuple[str, date], dict[str, float | None]] = {}
    for (region, day), group in groups.items():
        kept: list[dict[str, Any]] = []
        for row in group:
            if world.identical == "keep" or not any(same(row, other) for other in kept):
                kept.append(row)
        rate = 1.0 if kept[0]["code"] == "USD" else RATES[kept[0]["code"]]
        out: dict[str, float | None] = {}
        for name in (
            "sales",
            "tv_cost",
            "tv_views",
            "search_cost",
            "weather",
            "people",
            "print_cost",
            "radio_cost",
        ):
            values = [row[name] for row in kept if row[name] is not None]
            repeated = name in ("print_cost", "radio_cost", "weather", "people")
            total = None if not values else math.fsum(values) / (len(values) if repeated else 1)
            money = name in ("sales", "tv_cost", "search_cost", "print_cost")  # national money needs no rate
            out[name] = total if total is None or not money else total * rate
        there = [g for g, d in groups if d == day]
        share = {g: 1.0 if weight is None else groups[g, day][0][weight] for g in there}
        if out["radio_cost"] is not None:
            out["radio_cost"] *= share[region] / math.fsum(share.values())
        panel[region, day] = out
    return panel


def same(row: dict[str, Any], other: dict[str, Any]) -> bool:
    # The key of the split is not a column of the panel unless it is one by itself.
    return all(row[name] == other[name] for name in row if name != "weather_weight")


def expected_weeks(world: World) -> dict[str, dict[date, dict[str, float | None]]]:
    """geo -> week -> values of the strategy `mask`."""
    panel = expected_panel(world)
    result: dict[str, dict[date, dict[str, float | None]]] = {}
    for region in sorted({region for region, _ in panel}):
        mine = {day: values for (name, day), values in panel.items() if name == region}
        first, last = min(mine), max(mine)
        days = [first + timedelta(days=k) for k in range(0, (last - first).days + 1, world.step)]
        weeks: dict[date, dict[str, float | None]] = {}
        whole = []
        for start in sorted({week_of(day, world.week_start) for day in days}):
            inside = [day for day in days if week_of(day, world.week_start) == start]
            if len(inside) == 7 // world.step:
                whole.append((start, inside))
        chosen = [day for _, inside in whole for day in inside]
        weather = interpolated(chosen, mine)
        for start, inside in whole:
            totals: dict[str, float | None] = {}
            for name in ("tv_cost", "tv_views", "search_cost", "print_cost", "radio_cost"):
                totals[name] = math.fsum(mine.get(day, {}).get(name) or 0.0 for day in inside)
            sales = [None if in_outage(world, day) else mine.get(day, {}).get("sales") for day in inside]
            known = [value for value in sales if value is not None]
            totals["sales"] = math.fsum(known) if len(known) == len(inside) else None
            totals["weather"] = math.fsum(weather[day] for day in inside) / len(inside)
            weeks[start] = totals
        result[region] = weeks
    return result


def in_outage(world: World, first: date) -> bool:
    return any(
        date.fromisoformat(outage["start"]) <= first + timedelta(days=k) <= date.fromisoformat(outage["end"])
        for outage in world.outage
        for k in range(world.step)
    )


def interpolated(days: list[date], mine: dict[date, dict[str, float | None]]) -> dict[date, float]:
    known = [(day, mine[day]["weather"]) for day in days if mine.get(day, {}).get("weather") is not None]
    found = {}
    for day in days:
        before = [pair for pair in known if pair[0] <= day]
        after = [pair for pair in known if pair[0] >= day]
        (d0, v0), (d1, v1) = before[-1] if before else after[0], after[0] if after else before[-1]
        found[day] = v0 if d0 == d1 else v0 + (v1 - v0) * (day - d0).days / (d1 - d0).days
    return found


SEEDS = st.integers(0, 10**9)
SOME = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@SOME
@given(seed=SEEDS)
def test_the_model_gets_the_numbers_of_the_file(seed: int, tmp_path: Path) -> None:
    check_numbers(seed, tmp_path)


def check_numbers(seed: int, folder: Path) -> None:
    world = World(seed, simple=True, folder=folder)
    data, _ = model_data(world)
    expected = expected_weeks(world)
    assert data.geos == tuple(sorted(expected))
    known = sorted({week for weeks in expected.values() for week, v in weeks.items() if v["sales"] is not None})
    fitted = [known[0] + timedelta(days=7 * k) for k in range((known[-1] - known[0]).days // 7 + 1)]
    assert [str(day) for day in data.dates] == [day.isoformat() for day in fitted]
    every = sorted({week for weeks in expected.values() for week in weeks})
    lead = [week for week in every if week < fitted[0]][-3:]
    assert data.channels == ("tv", "search", "radio", "print")
    media = {"tv": "tv_views"} | {name: SPEND[name] for name in ("search", "radio", "print")}
    for g, geo in enumerate(data.geos):
        of_geo = expected[geo]
        for t, week in enumerate(fitted):
            values = of_geo.get(week)
            assert bool(data.present[g, t]) == (values is not None)
            for m, channel in enumerate(data.channels):
                assert data.spend[g, t, m] == pytest.approx((values or {}).get(SPEND[channel]) or 0.0, rel=1e-9)
                assert data.media[g, t, m] == pytest.approx((values or {}).get(media[channel]) or 0.0, rel=1e-9)
            sales = (values or {}).get("sales")
            assert data.kpi[g, t] == pytest.approx(math.nan if sales is None else sales, nan_ok=True)
            if values is not None:
                assert data.control_values[g, t, 0] == pytest.approx(values["weather"], rel=1e-9)
        for t, week in enumerate(lead):
            for m, channel in enumerate(data.channels):
                value = of_geo.get(week, {}).get(media[channel]) or 0.0
                assert data.lead_media[g, t, m] == pytest.approx(value, rel=1e-9)
        assert data.population[g] == {"North": 1000.0, "South": 2500.0, "East": 500.0}[geo]


@SOME
@given(seed=SEEDS)
def test_file_plus_change_log_is_the_model(seed: int, tmp_path: Path) -> None:
    check_identity(seed, tmp_path)


def check_identity(seed: int, folder: Path) -> None:
    """Per geo, week and amount: sum of the file's rows + what the log says = what the model gets."""
    world = World(seed, simple=False, folder=folder)
    data, intakes = model_data(world)
    rows = file_rows(world)
    national = {row["day"]: row["radio_cost"] for row in rows if row["region"] == "Country"}
    columns = {f"spend__{name}": source for name, source in SPEND.items()} | {
        "kpi": "sales",
        "media__tv": "tv_views",
    }
    sums: dict[tuple[str, str, date], float] = defaultdict(float)
    for row in rows:
        for column, source in columns.items():
            value = row[source]
            if source == "radio_cost" and world.national_geo:
                value = national.get(row["day"])
            sums[column, row["region"], week_of(row["day"], world.week_start)] += value or 0.0
    for geo, intake in intakes.items():
        assert intake.cleaned is not None
        log = intake.cleaned.changes
        for line in log[log["column"] != "(row)"].to_dict("records"):
            delta = np.nan_to_num(line["after"]) - np.nan_to_num(line["before"])
            sums[line["column"], geo, week_of(line["date"].date(), world.week_start)] += delta
    for g, geo in enumerate(data.geos):
        for t, day in enumerate(data.dates.astype("datetime64[D]").tolist()):
            for m, channel in enumerate(data.channels):
                assert data.spend[g, t, m] == pytest.approx(
                    sums[f"spend__{channel}", geo, day], rel=1e-9, abs=1e-7
                )
            assert data.media[g, t, 0] == pytest.approx(sums["media__tv", geo, day], rel=1e-9, abs=1e-7)
            assert np.nan_to_num(data.kpi[g, t]) == pytest.approx(sums["kpi", geo, day], rel=1e-9, abs=1e-7)


@pytest.mark.full
@pytest.mark.slow
@pytest.mark.parametrize("check", [check_numbers, check_identity])
@settings(SOME, max_examples=1000)
@given(seed=SEEDS)
def test_many_more_files_give_the_model_their_numbers(
    seed: int, tmp_path: Path, check: Callable[[int, Path], None]
) -> None:
    check(seed, tmp_path)
