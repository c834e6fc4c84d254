import dataclasses
import errno
import io
import re
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mmm_core.attribution.contributions import contribution_table
from mmm_core.attribution.curves import pooled_response_curves
from mmm_core.attribution.fitted import fit_table
from mmm_core.attribution.returns import channel_summary
from mmm_core.errors import InputError
from mmm_core.evaluation.convergence import diagnose
from mmm_core.model.forward import effect_units, incremental_kpi
from mmm_core.model.posterior import Posterior
from mmm_core.reporting import figures
from mmm_core.reporting.decisions import DecisionTables
from mmm_core.reporting.inputs import ReportInputs
from mmm_core.reporting.outputs import channel_figures, diagnostic_figures, outputs
from mmm_core.reporting.outputs.keeping import keep
from mmm_core.reporting.outputs.naming import slug, unique_slugs
from mmm_core.reporting.outputs.outputs import write_outputs
from mmm_core.reporting.outputs.plots import Plot, all_plots, weekly_contribution
from mmm_core.reporting.sampling import worst_draws
from mmm_core.reporting.totals import posterior_totals
from tests.factories import EVERYTHING, made_up_posterior, tiny_model_data
from tests.reporting.decision_frames import made_up_decisions, summaries_of
from tests.reporting.frames import decided_inputs, made_up_inputs

DAY = date(2025, 1, 31)
CONVENTION = re.compile(
    r"plots/diagnostics/(train|evaluate|optimize)_[a-z0-9_]+\.png"
    r"|plots/contributions/[a-z0-9_]+_(contribution|response_curve|adstock)\.png"
    r"|tables/[a-z0-9_]+_2025-01-31\.csv"
    r"|optimization/budget_scenario_[a-z0-9_]+\.csv"
    r"|models/mmm_fit_2025-01-31_[a-z0-9_]+\.nc"
)
SNAKE = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*")


def small_posterior(names: tuple[str, ...] = ("TV & Radio", "Île/été", "reach", "organic")) -> Posterior:
    """Four channels: two paid ones, one with reach and frequency, an organic one."""
    data = tiny_model_data(extras=EVERYTHING)
    return made_up_posterior(dataclasses.replace(data, channels=names), n_draws=20)


def inputs_of(posterior: Posterior, **changes: object) -> ReportInputs:
    """The tables of that posterior, with made-up plans."""
    paid = posterior.data.paid_channels
    made_up = made_up_inputs(3, 30, channels=paid)
    decisions = made_up_decisions(made_up)
    fields: dict[str, object] = {
        "channels": paid,
        "contributions": contribution_table(posterior),
        "channel_summary": channel_summary(posterior),
        "fit": fit_table(posterior),
        "pooled_curves": pooled_response_curves(posterior),
        "totals": posterior_totals(posterior),
        "scenarios": summaries_of(made_up),
        "decisions": dataclasses.replace(decisions, flighting=None, forecast=None),
    }
    return made_up_inputs(3, 30, **(fields | changes))


@pytest.fixture(scope="module")
def posterior() -> Posterior:
    return small_posterior()


@pytest.fixture(scope="module")
def inputs(posterior: Posterior) -> ReportInputs:
    return inputs_of(posterior)


@pytest.fixture(scope="module")
def written(
    posterior: Posterior, inputs: ReportInputs, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[Path]]:
    folder = tmp_path_factory.mktemp("outputs")
    return folder, write_outputs(folder, posterior, inputs, DAY)


@pytest.fixture
def few_plots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the plots of contributions, where the others would say nothing new."""

    def contributions(*arguments: Any) -> Iterator[Plot]:
        return (plot for plot in all_plots(*arguments) if plot[0].name.endswith("_contribution.png"))

    monkeypatch.setattr(outputs, "all_plots", contributions)


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_every_file_follows_the_naming_convention(written: tuple[Path, list[Path]]) -> None:
    folder, paths = written
    names = [path.relative_to(folder).as_posix() for path in paths]
    assert [name for name in names if not CONVENTION.fullmatch(name)] == []
    assert sorted(names) == sorted(content(folder))
    assert {
        *("plots/diagnostics/train_rank.png", "plots/diagnostics/train_trace.png"),
        *("plots/diagnostics/train_convergence.png", "plots/diagnostics/train_prior_posterior_roi.png"),
        *("plots/diagnostics/evaluate_predictive_fit.png", "plots/diagnostics/evaluate_residuals.png"),
        *("plots/diagnostics/optimize_budgets.png", "plots/diagnostics/optimize_frontier.png"),
        *("plots/contributions/all_channels_contribution.png", "plots/contributions/tv_radio_contribution.png"),
        *("plots/contributions/ile_ete_response_curve.png", "plots/contributions/reach_adstock.png"),
        "plots/contributions/organic_contribution.png",
        "tables/channel_summary_2025-01-31.csv",
        "tables/attribution_periods_2025-01-31.csv",
        "optimization/budget_scenario_budget_minus_20_percent.csv",
        "models/mmm_fit_2025-01-31_demo_brand_pymc.nc",
    } <= set(names)
    assert "plots/contributions/organic_response_curve.png" not in names


def test_plots_are_readable_pictures(written: tuple[Path, list[Path]]) -> None:
    for path in written[1]:
        if path.suffix == ".png":
            with Image.open(path) as picture:
                picture.verify()
                assert picture.width > 700
                assert picture.height > 300
            assert path.stat().st_size < 400_000


def test_tables_are_those_of_the_report(written: tuple[Path, list[Path]], inputs: ReportInputs) -> None:
    folder, _ = written
    read = pd.read_csv(folder / "tables" / "channel_summary_2025-01-31.csv", float_precision="round_trip")
    pd.testing.assert_series_equal(read["roi_mean"], inputs.channel_summary["roi_mean"], check_exact=True)
    plans = [pd.read_csv(path) for path in sorted((folder / "optimization").iterdir())]
    assert sum(len(plan) for plan in plans) == len(inputs.budget_plan)
    for plan in plans:
        assert plan["scenario"].nunique() == 1


def test_the_model_file_can_be_loaded(written: tuple[Path, list[Path]], posterior: Posterior) -> None:
    loaded = Posterior.load(written[0] / "models" / "mmm_fit_2025-01-31_demo_brand_pymc.nc")
    xr.testing.assert_equal(loaded.samples, posterior.samples)


def test_the_same_results_change_nothing(
    written: tuple[Path, list[Path]], posterior: Posterior, inputs: ReportInputs
) -> None:
    folder, paths = written
    before = content(folder)
    times = {path: path.stat().st_mtime_ns for path in paths}
    assert write_outputs(folder, posterior, inputs, DAY, diagnose(posterior)) == paths
    assert content(folder) == before
    assert {path: path.stat().st_mtime_ns for path in paths} == times


@pytest.mark.usefixtures("few_plots")
def test_other_results_stand_beside_the_old_ones(tmp_path: Path) -> None:
    data = tiny_model_data(n_geos=1, n_channels=1)
    one, two = made_up_posterior(data, n_draws=20), made_up_posterior(data, n_draws=20, seed=5)
    few = {"decisions": DecisionTables(), "scenarios": ()}
    first = write_outputs(tmp_path, one, inputs_of(one, **few), DAY)
    before = content(tmp_path)
    second = write_outputs(tmp_path, two, inputs_of(two, **few), DAY)
    after = content(tmp_path)
    assert {name: after[name] for name in before} == before
    assert (tmp_path / "models" / "mmm_fit_2025-01-31_demo_brand_pymc_2.nc") in second
    assert (tmp_path / "tables" / "channel_summary_2025-01-31_2.csv") in second
    assert (tmp_path / "plots" / "contributions" / "channel_0_contribution_2.png") in second
    assert (tmp_path / "optimization" / "budget_scenario_current_budget.csv") in set(first) & set(second)


@pytest.mark.usefixtures("few_plots")
def test_the_day_is_that_of_the_report_unless_given(tmp_path: Path) -> None:
    fit = made_up_posterior(tiny_model_data(n_geos=1, n_channels=1), n_draws=10)
    fields = {"decisions": DecisionTables(), "scenarios": ()}
    inputs = inputs_of(fit, generated_at="2031-02-03T09:30:00+00:00", **fields)
    assert (tmp_path / "tables" / "fit_2031-02-03.csv") in write_outputs(tmp_path, fit, inputs)
    with pytest.raises(InputError, match=r"'today'.*give the day"):
        write_outputs(tmp_path, fit, dataclasses.replace(inputs, generated_at="today"))


@given(st.text())
def test_slugs_are_snake_case_whatever_the_name(name: str) -> None:
    assert SNAKE.fullmatch(slug(name))
    assert len(slug(name)) <= 60
    assert slug(slug(name)) == slug(name)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Paid Search / DE", "paid_search_de"),
        ("Île-de-France", "ile_de_france"),
        ("Straße", "strasse"),
        ("../../etc/passwd", "etc_passwd"),
        ("TV  (30s)", "tv_30s"),
        ("電視", "u96fb_u8996"),
        ("Ａ１", "a1"),
        ("  ", "unnamed"),
        ("con", "con"),
        ("x" * 99, "x" * 60),
    ],
)
def test_slugs_of_real_names(name: str, expected: str) -> None:
    assert slug(name) == expected


@given(st.lists(st.text(alphabet="aAé _/2", max_size=4), unique=True))
def test_slugs_of_different_names_differ(names: list[str]) -> None:
    found = unique_slugs(names, {"a"})
    assert list(found) == names
    assert len({*found.values(), "a"}) == len(names) + 1
    assert all(SNAKE.fullmatch(name) for name in found.values())


def test_names_that_come_out_alike_are_numbered_in_their_order() -> None:
    found = unique_slugs(["TV", "tv", "t/v", "tv 2", "all channels"], {"all_channels"})
    assert found == {"TV": "tv", "tv": "tv_2", "t/v": "t_v", "tv 2": "tv_2_2", "all channels": "all_channels_2"}


def test_channels_that_come_out_alike_have_files_of_their_own() -> None:
    fit = small_posterior(("TV", "tv", "t/v", "all channels"))
    paths = [path for path, _ in all_plots(fit, inputs_of(fit), diagnose(fit))]
    names = {path.name for path in paths}
    assert len(paths) == len(names)
    assert {
        f"{name}_contribution.png" for name in ("tv", "tv_2", "t_v", "all_channels", "all_channels_2")
    } <= names


def text_writer(text: str) -> Callable[[Path], object]:
    return lambda path: path.write_text(text)


def test_what_is_there_is_kept_or_stepped_around(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "table.csv"
    assert keep(target, text_writer("a")) == target
    assert keep(target, text_writer("a")) == target
    assert keep(target, text_writer("b")) == target.with_name("table_2.csv")
    assert keep(target, text_writer("a")) == target
    assert keep(target, text_writer("b")) == target.with_name("table_2.csv")
    target.with_name("table_3.csv").mkdir()
    target.with_name("table_4.csv").symlink_to(tmp_path / "nowhere")
    assert keep(target, text_writer("c")) == target.with_name("table_5.csv")
    assert sorted(path.name for path in target.parent.iterdir()) == [
        *("table.csv", "table_2.csv", "table_3.csv", "table_4.csv", "table_5.csv"),
    ]


def test_a_failure_while_writing_leaves_nothing(tmp_path: Path) -> None:
    def fails(path: Path) -> None:
        path.write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        keep(tmp_path / "table.csv", fails)
    assert list(tmp_path.iterdir()) == []


def test_file_systems_without_hard_links_do_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(self: Path, target: Path) -> None:
        raise OSError(errno.ENOTSUP, "Operation not supported")

    monkeypatch.setattr(Path, "hardlink_to", refuses)
    target = tmp_path / "table.csv"
    assert keep(target, text_writer("a")) == target
    assert keep(target, text_writer("b")) == target.with_name("table_2.csv")
    assert [path.read_text() for path in sorted(tmp_path.iterdir())] == ["a", "b"]


def test_another_that_takes_the_name_meanwhile_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, link = tmp_path / "table.csv", Path.hardlink_to

    def late(self: Path, temporary: Path) -> None:
        if not target.exists():
            target.write_text("theirs")
        link(self, temporary)

    monkeypatch.setattr(Path, "hardlink_to", late)
    assert keep(target, text_writer("ours")) == target.with_name("table_2.csv")
    assert target.read_text() == "theirs"


def test_weekly_contributions_add_up_to_the_total_draw_by_draw(posterior: Posterior) -> None:
    units = effect_units(posterior)
    total = incremental_kpi(posterior).sum(axis=1)
    for m in range(len(posterior.data.channels)):
        weeks = weekly_contribution(posterior, m, units)
        assert weeks["mean"].sum() == pytest.approx(total[:, m].mean(), rel=1e-9)
        assert (weeks["q05"] <= weeks["q50"]).all()
        assert (weeks["q50"] <= weeks["q95"]).all()
        assert weeks["spend"].sum() == pytest.approx(posterior.data.spend[:, :, m].sum())


def test_traces_are_those_of_the_worst_parameters(posterior: Posterior) -> None:
    diagnostics = diagnose(posterior)
    draws = worst_draws(posterior, diagnostics, 12)
    ordered = diagnostics.interpreted.sort_values("rhat", ascending=False, kind="stable")["parameter"]
    assert list(draws) == ordered.head(12).tolist()
    name = next(name for name in draws if name.startswith("alpha_m["))
    channel = name.removeprefix("alpha_m[").removesuffix("]")
    np.testing.assert_array_equal(draws[name], posterior.samples["alpha_m"].sel(channel=channel).values)


def assert_picture(png: bytes) -> None:
    with Image.open(io.BytesIO(png)) as picture:
        picture.verify()


def test_figures_take_names_like_mathematics_gaps_and_chains_that_stand_still() -> None:
    inputs, name = decided_inputs(2, 12), "$\\frac{"
    fit = inputs.totals.fit
    assert fit is not None
    gaps = fit.assign(actual=fit["actual"].mask(fit.index < 3))
    assert_picture(diagnostic_figures.residuals(gaps, "conversions ($x_1)"))
    assert_picture(diagnostic_figures.predictive_fit(gaps, name))
    still = {name: np.zeros((4, 10)), "b": np.arange(20.0).reshape(2, 10)}
    assert_picture(diagnostic_figures.rank_grid(still))
    assert_picture(diagnostic_figures.trace_grid(still))
    table = pd.DataFrame({"parameter": [name, "b"], "rhat": [np.inf, 1.0], "ess_bulk": [0, 9], "ess_tail": [0, 9]})
    assert_picture(diagnostic_figures.convergence_bars(table, 1.01, None))
    assert_picture(diagnostic_figures.convergence_bars(table.head(0), None, 400))
    curve = inputs.pooled_curves[inputs.pooled_curves["channel"] == "tv"].assign(channel=name)
    assert_picture(channel_figures.response_curve(curve, "#0072b2", "US$", "US$"))
    bare = curve.drop(columns=[column for column in curve if column.startswith("marginal")])
    assert_picture(channel_figures.response_curve(bare.assign(spend=0.0), "#0072b2", "USD", "USD"))
    prior = inputs.channel_summary
    assert_picture(figures.roi_prior_posterior(prior, "USD per USD"))
    assert_picture(figures.roi_prior_posterior(made_up_inputs(1, 10).channel_summary, "USD per USD"))
    assert_picture(figures.roi_prior_posterior(prior.assign(roi_mean=np.nan), "USD per USD"))
    assert_picture(figures.frontier_line(inputs.decisions.frontier.tail(2), "USD", "USD"))
    assert_picture(figures.budget_bars(many_scenarios(inputs), "USD", large=True))


def many_scenarios(inputs: ReportInputs) -> pd.DataFrame:
    plan = inputs.budget_plan
    return pd.concat([plan.assign(scenario=f"scenario {number}") for number in range(9)], ignore_index=True)
