"""Rules about several keys at once."""

from pathlib import Path

import pytest

from mmm_core.config.loading import load_config
from mmm_core.errors import ConfigError
from tests.config_files import load_text

DATA = "data: {kpi_col: sales, channel_map: {tv: tv_spend, search: {spend: s, media: clicks}}}\n"
CASES = {
    "both KPIs": ("data: {kpi_col: a, revenue_col: b}", "data.kpi_col: received 'a', and data.revenue_col is 'b'"),
    "no KPI": ("data: {channel_map: {tv: s}}", "data.kpi_col: missing"),
    "ROI bounds reversed": (
        "model: {priors: {roi_bounds: {tv: [2, 1]}}}",
        "line 1: model.priors.roi_bounds.tv: received [2, 1]",
    ),
    "ROI bounds from zero": ("model: {priors: {roi_bounds: {tv: [0, 1]}}}", "0 < low < high"),
    "ROI range reversed": ("validation: {value_sanity: {roi_range: [5, 1]}}", "roi_range: received [5, 1]"),
    "weeks": (
        "validation: {coverage_frequency: {min_weeks_required: 120}}",
        "min_weeks_required: received 120, but validation.coverage_frequency.preferred_weeks is 104",
    ),
    "spend shares": (
        "optimization: {platform_constraints: {min_spend_pct: 0.5, max_spend_pct: 0.4}}",
        "min_spend_pct: received 0.5, but optimization.platform_constraints.max_spend_pct is 0.4",
    ),
    "fallback to itself": (
        "model: {backend: pymc, fallback: pymc}",
        "model.fallback: received 'pymc', which is model.backend; leave it out, or write `none` or another one.",
    ),
    "fallback to the default backend": (
        "model: {fallback: meridian}",
        "model.fallback: received 'meridian', which is model.backend",
    ),
    "fallback of no backend": ("model: {backend: pimc}", "line 1: model.backend: received 'pimc'"),
    "unmapped adstock": (
        DATA + "features: {adstock: {platform_overrides: {serch: {decay: 0.5}}}}",
        "line 2: features.adstock.platform_overrides.serch: no channel is named 'serch'; "
        "allowed: tv, search. Did you mean search?",
    ),
    "unmapped saturation": (
        DATA + "features: {saturation: {channel_overrides: {radio: {k: 0.5}}}}",
        "features.saturation.channel_overrides.radio: no channel is named 'radio'",
    ),
    "unmapped bounds": (
        DATA + "model: {priors: {roi_bounds: {tvv: [1, 2]}}}",
        "model.priors.roi_bounds.tvv: no channel is named 'tvv'",
    ),
    "channel with __": ("data: {kpi_col: k, channel_map: {a__b: s}}", "data.channel_map.a__b: a channel's name"),
    "unprintable channel": ('data: {kpi_col: k, channel_map: {"a\\tb": s}}', "printable"),
    "reserved channel": ("data: {kpi_col: k, channel_map: {baseline: s}}", "component of every model"),
    "unmapped priors": (
        DATA + "model: {priors: {channels: {serch: {type: roi}}}}",
        "model.priors.channels.serch: no channel is named 'serch'; allowed: tv, search. Did you mean search?",
    ),
    "reach alone": (
        "data: {kpi_col: k, channel_map: {tv: {spend: s, reach: r}}}",
        "data.channel_map.tv.reach: needs `frequency` beside it",
    ),
    "frequency alone": (
        "data: {kpi_col: k, channel_map: {tv: {spend: s, frequency: f}}}",
        "data.channel_map.tv.frequency: needs `reach` beside it",
    ),
    "media and reach": (
        "data: {kpi_col: k, channel_map: {tv: {spend: s, media: m, reach: r, frequency: f}}}",
        "data.channel_map.tv.media: is given beside `reach`; remove one of them.",
    ),
    "organic and paid": (
        "data: {kpi_col: k, channel_map: {tv: s}, organic_media: {tv: posts}}",
        "data.organic_media.tv: tv is also in data.channel_map; a channel is paid or organic",
    ),
    "organic and control": (
        "data: {kpi_col: k, organic_media: {blog: posts}, controls: [blog]}",
        "data.organic_media.blog: blog is also in data.controls",
    ),
    "organic and treatment": (
        "data: {organic_media: {blog: posts}, non_media_treatments: [blog]}",
        "data.organic_media.blog: blog is also in data.non_media_treatments",
    ),
    "reserved organic": ("data: {organic_media: {holidays: h}}", "data.organic_media.holidays: holidays is a"),
    "reserved treatment": (
        "data: {non_media_treatments: [baseline]}",
        "data.non_media_treatments: baseline is a component",
    ),
    "organic column twice": (
        "data: {kpi_col: k, channel_map: {tv: s}, organic_media: {blog: s}}",
        "data.organic_media.blog: column 's' is already",
    ),
    "treatment is a control": (
        "data: {controls: [price], non_media_treatments: [price]}",
        "data.non_media_treatments[0]: column 'price' is already data.controls[0]",
    ),
    "reach is spend": (
        "data: {kpi_col: k, channel_map: {tv: {spend: s, reach: s, frequency: f}}}",
        "data.channel_map.tv.reach: column 's' is already data.channel_map.tv.spend",
    ),
    "per capita of no control": (
        "data: {controls: [price], controls_per_capita: [prise]}",
        "controls_per_capita[0]: 'prise' is neither in data.controls nor in data.non_media_treatments. Did",
    ),
    "only exclusions": (
        "data: {kpi_col: k, channel_columns: ['!x9']}",
        "data.channel_columns: received !x9, which only excludes",
    ),
    "reserved control": ("data: {controls: [seasonality]}", "data.controls: seasonality is a component"),
    "channel and control": (
        "data: {kpi_col: k, channel_map: {tv: s}, controls: [tv]}",
        "data.channel_map.tv: tv is also in data.controls",
    ),
    "one column, two channels": (
        "data: {kpi_col: k, channel_map: {tv: s, radio: s}}",
        "data.channel_map.radio: column 's' is already data.channel_map.tv",
    ),
    "KPI explains itself": (
        "data: {kpi_col: k, controls: [k]}",
        "data.controls[0]: column 'k' is already data.kpi_col",
    ),
    "control twice": ("data: {controls: [a, a]}", "data.controls[1]: column 'a' is already data.controls[0]"),
    "connector twice": ("ingest: {connector_priority: [file, file]}", "'file' is listed 2 times"),
    "owner": ("project: {owners: [bob]}", "project.owners[0]: received 'bob'"),
    "Tuesday": ("ingest: {simulator: {start_date: 2023-01-03}}", "start_date: received '2023-01-03'"),
    "no date": ("ingest: {simulator: {start_date: soon}}", "the date of a Monday"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_contradiction_is_refused_with_key_and_remedy(case: str, tmp_path: Path) -> None:
    text, expected = CASES[case]
    with pytest.raises(ConfigError) as caught:
        load_text(tmp_path, text)
    assert expected in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    "text",
    [
        DATA,
        "data: {kpi_col: k, channel_columns: ['x*', '!x9'], controls: ['c*'], controls_per_capita: [c1]}\n"
        "features: {adstock: {platform_overrides: {x1: {decay: 0.5}}}}",
        "data: {kpi_col: k, channel_map: {tv: {spend: s, reach: r, frequency: f}}, organic_media: {blog: posts}}\n"
        "model: {priors: {channels: {blog: {type: contribution}}}}",
        "data: {non_media_treatments: [promo], controls: [price], controls_per_capita: [promo, price]}",
        DATA + "model: {priors: {roi_bounds: {tv: [1, 2]}}}",
        "model: {backend: pymc, fallback: none}",
        "model: {backend: pymc}",
        "model: {priors: {roi_bounds: {anything: [1, 2]}}}",
        "data: {revenue_col: r, channel_map: {tv: {spend: s, media: s}}}",
        "project: {owners: ['team:growth', ann@example.org]}",
    ],
)
def test_what_fits_together_is_accepted(text: str, tmp_path: Path) -> None:
    load_text(tmp_path, text)


def test_contradictions_are_reported_with_wrong_values_but_not_because_of_them(tmp_path: Path) -> None:
    text = (
        "data: {kpi_col: k, channel_map: {tv: 5}}\n"
        "model: {backend: pymc, fallback: pymc, priors: {roi_bounds: {tv: [1, 2]}}}\n"
        "training: {draws: few}\n"
    )
    with pytest.raises(ConfigError) as caught:
        load_text(tmp_path, text)
    message = str(caught.value)
    assert "line 1: data.channel_map.tv: received 5" in message
    assert "line 2: model.fallback" in message
    assert "line 3: training.draws" in message
    assert "roi_bounds" not in message


@pytest.mark.parametrize(
    ("section", "fallback"),
    [
        ("", "pymc"),
        ("model: {backend: meridian}", "pymc"),
        ("model: {backend: pymc}", "none"),
        ("model: {backend: pymc, fallback: meridian}", "meridian"),
    ],
)
def test_the_default_of_the_second_try_follows_the_backend(section: str, fallback: str, tmp_path: Path) -> None:
    path = tmp_path / "project.yaml"
    path.write_text(DATA + section, encoding="utf-8")
    loaded = load_config(path, environ={})
    assert loaded.config.model.fallback == fallback
    assert (loaded.origins["model.fallback"] == "default") == ("fallback" not in section)
