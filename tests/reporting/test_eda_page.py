import dataclasses
import io
import json
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from mmm_core.config.schema import Config
from mmm_core.exploration.exploration import Exploration
from mmm_core.exploration.explore import explore
from mmm_core.features.model_data import ModelData
from mmm_core.reporting import eda_figures
from mmm_core.reporting.eda_page import render_eda
from mmm_core.reporting.html import SECTIONS, render_report
from mmm_core.reporting.sections.exploration import PARTS, exploration_view
from tests.factories import EVERYTHING, Extras, tiny_model_data
from tests.reporting.frames import made_up_inputs
from tests.reporting.parsed import Element, Report

EVIL = '</script><script>alert(1)</script><img src=x onerror="alert(1)">'
DATA = tiny_model_data(4, 60, 2, 2, extras=EVERYTHING)
LOG = pd.DataFrame(
    [
        ("Geo0", pd.Timestamp("2023-01-09"), "spend__channel_0", 30.0, 10.0, "capped"),
        ("Geo2", pd.Timestamp("2023-01-16"), "spend__channel_0", 5.0, 4.0, "capped"),
        ("Geo2", pd.Timestamp("2023-01-16"), "kpi", np.nan, 4.0, "missing week: interpolated"),
    ],
    columns=["geo", "date", "column", "before", "after", "rule"],
)


def found(data: ModelData = DATA, log: pd.DataFrame | None = LOG) -> Exploration:
    return explore(data, log, Config())


def page(data: ModelData = DATA, log: pd.DataFrame | None = LOG) -> str:
    return render_eda(found(data, log), "Demo", "conversions", "demo_brand", "2025-01-07 09:30 UTC")


def text_of(report: Report, section: str) -> str:
    return next(e.text for e in report.all("section") if e.attributes["id"] == section)


def embedded(html: str, figure: str) -> dict[str, object]:
    """JSON of the figure with that name."""
    match = re.search(rf'data-(?:heat|panels)="{figure}".*?application/json">(.*?)</script>', html, re.DOTALL)
    assert match
    return json.loads(match.group(1))


def svgs(report: Report) -> list[Element]:
    return report.all("svg")


def test_the_page_is_well_formed_and_has_every_part_and_link() -> None:
    report = Report(page())
    names = ["glance", *(name for name, _ in PARTS)]
    assert [element.attributes["id"] for element in report.all("section")] == names
    assert [element.attributes["href"] for element in report.all("a")] == [f"#{name}" for name in names]


def test_the_page_needs_nothing_from_outside() -> None:
    html = page()
    report = Report(html)
    assert "http" not in html.replace("http://www.w3.org/2000/svg", "").replace("http-equiv", "")
    assert "url(" not in html
    for element in report.elements:
        assert "src" not in element.attributes
        assert element.tag not in ("link", "iframe", "object", "embed", "base", "form")
    policy = next(e for e in report.all("meta") if e.attributes.get("http-equiv") == "Content-Security-Policy")
    assert policy.attributes["content"].startswith("default-src 'none'")


def test_shares_equal_the_data() -> None:
    rows = Report(page()).rows("spend_shares")
    spend = DATA.spend.sum(axis=(0, 1))
    assert list(rows)[-1] == "Total"
    assert rows["Total"][0].value == pytest.approx(spend.sum())
    for m, channel in enumerate(DATA.channels):
        if channel in DATA.paid_channels:
            assert rows[channel][0].value == pytest.approx(spend[m])
            assert rows[channel][1].value == pytest.approx(spend[m] / spend.sum())
        else:
            assert rows[channel][0].text == "no spend"


def test_tooltips_carry_the_numbers_of_every_geo_and_week() -> None:
    html = page()
    data = embedded(html, "kpi_spend")
    panels = data["panels"]
    assert isinstance(panels, list)
    assert len(panels) == 1 + len(DATA.geos)
    assert data["labels"][2:4] == ["channel_0", "channel_1"]  # type: ignore[index]
    for g in range(len(DATA.geos)):
        np.testing.assert_allclose(panels[1 + g][2], DATA.spend[g, :, 0], rtol=1e-3)
        np.testing.assert_allclose(panels[1 + g][1], DATA.spend[g].sum(axis=1), rtol=1e-3)
        kpi = np.array([np.nan if value is None else value for value in panels[1 + g][0]])
        np.testing.assert_allclose(kpi, DATA.kpi[g], rtol=1e-3)


def test_cells_of_the_heat_maps_point_at_their_series() -> None:
    html = page()
    rows = embedded(html, "by_geo")["rows"]
    panels = embedded(html, "kpi_spend")["panels"]
    labels = embedded(html, "kpi_spend")["labels"]
    cells = [json.loads(e.attributes["data-cells"]) for e in svgs(Report(html)) if "data-cells" in e.attributes]
    assert cells[0] == [[0, 2 + m] for m in range(len(DATA.channels))]
    assert rows == list(DATA.geos)
    for m, own in enumerate(cells[2:]):
        assert own == [[1 + g, 2 + m] for g in range(len(DATA.geos))]
        assert labels[2 + m].startswith(DATA.channels[m])  # type: ignore[index]
    assert all(panel < len(panels) for own in cells for panel, _ in own)  # type: ignore[arg-type]


def test_the_map_of_completeness_shows_each_week_as_it_is() -> None:
    html = page()
    data = embedded(html, "completeness")
    words, codes = data["words"], data["codes"]
    for row, geo in enumerate(data["rows"]):  # type: ignore[call-overload]
        g = DATA.geos.index(geo)
        for t in range(len(DATA.dates)):
            word = words[int(codes[row][t])]  # type: ignore[index]
            assert (word == "outside the geo’s dates") == (not DATA.present[g, t])
            assert (word in ("KPI unknown, left out", "no row in the source")) == (
                bool(DATA.present[g, t]) and np.isnan(DATA.kpi[g, t])
            )


def test_complete_data_say_so_instead_of_showing_a_map() -> None:
    report = Report(page(tiny_model_data(3, 30), None))
    assert "The KPI of all 90 geo-weeks is known, and nothing was filled in." in text_of(report, "completeness")
    assert "Nothing was changed." in text_of(report, "outliers")
    assert not [e for e in report.all("figure") if e.attributes.get("data-heat") == "completeness"]


def test_changes_are_counted_by_rule_and_column() -> None:
    cells = Report(page()).rows("exploration_changes")["capped"]
    assert cells[0].text == "spend__channel_0"
    assert [cell.value for cell in cells[1:]] == [2.0, 2.0, 35.0, 14.0]


def test_variance_inflation_above_the_limit_stands_out() -> None:
    data = tiny_model_data(2, 40, 3, 0)
    media = data.media.copy()
    media[:, :, 1] = media[:, :, 0] * np.linspace(1, 1.01, 40)
    report = Report(page(dataclasses.replace(data, media=media), None))
    rows = report.rows("variance_inflation")
    assert (rows["channel_0"][1].value or 0) > 10
    assert "warn" in rows["channel_0"][1].attributes["class"]
    assert "warn" not in rows["channel_2"][1].attributes["class"]
    assert "channel_0 and channel_1 (correlation 1.00, above the limit of 0.9)" in text_of(report, "correlation")


def test_correlation_is_never_called_an_effect() -> None:
    assert "Correlation is no effect." in text_of(Report(page()), "scatter")


def test_one_geo_has_neither_a_map_by_geo_nor_a_chooser() -> None:
    report = Report(page(tiny_model_data(1, 40), None))
    assert [e.attributes["data-heat"] for e in report.all("figure") if "data-heat" in e.attributes] == [
        "by_channel"
    ]
    assert not report.all("select")


def test_forty_geos_over_four_years_stay_below_three_megabytes() -> None:
    data = tiny_model_data(40, 208, 7, 3, extras=Extras(n_missing=40, ragged=True))
    assert len(page(data, None).encode()) < 3e6


def test_a_page_of_many_geos_is_bounded_and_says_what_it_leaves_out() -> None:
    html = page(tiny_model_data(150, 104, 3, 1), None)
    assert len(html.encode()) < 1.2e6
    report = Report(html)
    assert "The 39 geos with the largest spend have rows of their own, the other 111 share one." in text_of(
        report, "flighting"
    )
    assert "40 of 150 geos are shown" in text_of(report, "geos")
    assert "The 50 geos with the smallest KPI are left out." in text_of(report, "geos")


def test_equal_inputs_give_equal_pages_also_after_storage() -> None:
    stored = Exploration.from_record(json.loads(json.dumps(found().to_record())))
    assert render_eda(stored, "Demo", "conversions", "demo_brand", "2025-01-07 09:30 UTC") == page()


def test_names_from_outside_are_only_text() -> None:
    names = {"geos": (EVIL, "b", "c", "d"), "channels": (f"{EVIL}2", *DATA.channels[1:]), "currency": f"{EVIL}3"}
    html = render_eda(found(dataclasses.replace(DATA, **names), None), EVIL, f"{EVIL}4", EVIL, EVIL)
    assert "<img" not in html
    assert len(Report(html).all("script")) == len(Report(page()).all("script"))


@given(
    n_geos=st.integers(1, 3),
    n_weeks=st.integers(4, 20),
    n_channels=st.integers(1, 2),
    n_controls=st.integers(0, 2),
    idle=st.booleans(),
    flat=st.booleans(),
    units=st.sampled_from([1e-6, 1.0, 1e9]),
)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_odd_but_valid_data_give_a_page(
    n_geos: int, n_weeks: int, n_channels: int, n_controls: int, idle: bool, flat: bool, units: float
) -> None:
    data = tiny_model_data(n_geos, n_weeks, n_channels, n_controls)
    spend = data.spend * (0 if idle else units)
    kpi = np.full_like(data.kpi, 3.0) if flat else data.kpi * units
    kpi[0] = 0.0 if n_geos > 1 else kpi[0]
    html = page(dataclasses.replace(data, spend=spend, kpi=kpi), None)
    report = Report(html)
    shapes = ("d", "x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "width", "height", "transform", "viewBox")
    drawn = [e.attributes[name] for e in report.elements for name in shapes if name in e.attributes]
    assert len(drawn) > 50
    assert not [value for value in drawn if "nan" in value or "inf" in value]
    assert not re.search(r"\b(nan|inf|NaN)\b", " ".join(section.text for section in report.all("section")))


def test_the_report_has_the_section_only_if_the_data_were_explored() -> None:
    before = render_report(made_up_inputs(2, 30))
    assert "exploration" not in before
    assert "figure.heat" not in before
    html = render_report(made_up_inputs(2, 30, exploration=found()))
    report = Report(html)
    names = [element.attributes["id"] for element in report.all("section")]
    at = names.index("exploration")
    assert names[at + 1] == "data"
    assert [name for name in names if name != "exploration"] == [name for name, _ in SECTIONS]
    identifiers = [e.attributes["id"] for e in report.elements if "id" in e.attributes]
    assert len(identifiers) == len(set(identifiers))


def test_the_section_of_the_report_is_short() -> None:
    data = tiny_model_data(40, 208, 7, 3)
    with_it = render_report(made_up_inputs(2, 30, exploration=found(data, None)))
    assert len(with_it) - len(render_report(made_up_inputs(2, 30))) < 250_000
    assert exploration_view(found(data, None), "orders", short=True).by_geo is None


@pytest.mark.parametrize(("n_geos", "n_channels"), [(1, 1), (4, 3), (80, 16)])
@pytest.mark.parametrize("name", ["spend_shares", "flighting_heat_map", "correlation_heat_map"])
def test_pictures_of_data_are_small_whatever_its_size(n_geos: int, n_channels: int, name: str) -> None:
    data = dataclasses.replace(tiny_model_data(n_geos, 60, n_channels, 2), currency="$x^$")
    png = getattr(eda_figures, name)(found(data, None))
    assert len(png) < 60_000
    with Image.open(io.BytesIO(png)) as picture:
        assert 150 < picture.width < 1600
        assert 60 < picture.height < 1200


def test_a_picture_of_nothing_spent_is_empty_but_there() -> None:
    data = tiny_model_data(2, 30)
    nothing = found(dataclasses.replace(data, spend=np.zeros_like(data.spend)), None)
    assert eda_figures.spend_shares(nothing).startswith(b"\x89PNG")
    assert eda_figures.flighting_heat_map(nothing).startswith(b"\x89PNG")
