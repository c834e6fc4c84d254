"""The report of a (made-up) posterior, through the real attribution."""

import numpy as np
import pytest

from mmm_core.attribution.contributions import contribution_table
from mmm_core.attribution.curves import pooled_response_curves
from mmm_core.attribution.fitted import fit_table
from mmm_core.attribution.returns import channel_summary, roi_draws
from mmm_core.model.forward import expected_kpi, incremental_kpi
from mmm_core.model.posterior import Posterior
from mmm_core.reporting.html import render_report
from mmm_core.reporting.model_words import model_in_words
from mmm_core.reporting.totals import posterior_totals
from tests.factories import EVERYTHING, made_up_posterior, robust, tiny_model_data
from tests.reporting.frames import made_up_inputs
from tests.reporting.parsed import Report


@pytest.fixture(scope="module")
def posterior() -> Posterior:
    return made_up_posterior(tiny_model_data(n_geos=4), n_draws=200)


def test_the_fit_of_the_total_is_the_sum_of_the_geos(posterior: Posterior) -> None:
    total = posterior_totals(posterior).fit
    assert total is not None
    sums = fit_table(posterior).groupby("date")[["actual", "predicted_mean", "q05", "q95"]].sum().reset_index()
    np.testing.assert_allclose(total["actual"], sums["actual"])
    np.testing.assert_allclose(total["predicted_mean"], sums["predicted_mean"])
    assert (total["date"] == sums["date"]).all()
    # Noise is independent over geos, so the total is known better than the sum of the geos' bounds says.
    width, sum_width = total["q95"] - total["q05"], sums["q95"] - sums["q05"]
    assert (width < sum_width).all()
    assert (width > 0.3 * sum_width).all()


def test_the_return_of_all_paid_media_weighs_channels_by_their_spend(posterior: Posterior) -> None:
    n_paid = len(posterior.data.paid_channels)
    spend = posterior.data.spend.sum(axis=(0, 1))[:n_paid]
    returns = roi_draws(posterior)[:, :n_paid]
    expected = np.quantile(np.where(spend > 0, returns * spend, 0.0).sum(axis=1) / spend.sum(), (0.05, 0.95))
    np.testing.assert_allclose(posterior_totals(posterior).media_roi, expected)


def test_the_predictive_spread_of_the_total_has_the_right_variance(posterior: Posterior) -> None:
    total = posterior_totals(posterior).fit
    assert total is not None
    scaling = posterior.scaling
    mean_draws = expected_kpi(posterior).sum(axis=1)
    noise = (posterior.stacked("sigma") * scaling.kpi_sd * scaling.population) ** 2
    sd = np.sqrt(mean_draws.var(axis=0) + noise.sum(axis=1).mean())
    np.testing.assert_allclose((total["q95"] - total["q05"]).mean(), 2 * 1.645 * sd.mean(), rtol=0.05)


def test_the_media_share_is_that_of_the_draws(posterior: Posterior) -> None:
    found = posterior_totals(posterior).media_share
    share = incremental_kpi(posterior).sum(axis=(1, 2)) / expected_kpi(posterior).sum(axis=(1, 2))
    np.testing.assert_allclose(found, np.quantile(share, (0.05, 0.95)))


def test_totals_are_the_same_every_time(posterior: Posterior) -> None:
    first, second = posterior_totals(posterior).fit, posterior_totals(posterior).fit
    assert first is not None
    assert second is not None
    assert first.equals(second)


def report_of(posterior: Posterior) -> Report:
    summary, contributions = channel_summary(posterior), contribution_table(posterior)
    spend, outcome = summary["spend"].to_numpy(), (summary["roi_mean"] * summary["spend"]).fillna(0.0).to_numpy()
    plan = made_up_inputs(1, 4, tuple(summary["channel"]), geos=("Geo0",)).budget_plan.head(len(summary))
    plan = plan.assign(current_spend=spend, optimal_spend=spend, current_outcome=outcome, optimal_outcome=outcome)
    return Report(
        render_report(
            made_up_inputs(
                1,
                4,
                contributions=contributions,
                channel_summary=summary,
                fit=fit_table(posterior),
                pooled_curves=pooled_response_curves(posterior),
                budget_plan=plan,
                totals=posterior_totals(posterior),
                model=model_in_words(posterior),
            )
        )
    )


def test_a_report_can_be_made_from_a_posterior(posterior: Posterior) -> None:
    report = report_of(posterior)
    rows = report.rows("contributions")
    assert rows["Fitted total"][1].value == pytest.approx(fit_table(posterior)["predicted_mean"].sum())
    shares = [rows[name][4].value or 0.0 for name in rows if name != "Fitted total"]
    assert sum(shares) == pytest.approx(1.0)
    assert "already close to the best" in next(e for e in report.all("section")).text


@pytest.mark.parametrize("family", ["gaussian", "robust_log"])
@pytest.mark.parametrize("n_geos", [1, 3])
def test_gaps_organic_media_and_treatments_find_their_place_in_the_report(n_geos: int, family: str) -> None:
    data = tiny_model_data(n_geos=n_geos, extras=EVERYTHING)
    posterior = made_up_posterior(data, spec=robust(data) if family == "robust_log" else None)
    report = report_of(posterior)
    kinds = {name: cells[0].text for name, cells in report.rows("contributions").items()}
    assert kinds["organic_0"] == "organic media"
    assert kinds["treatment_0"] == "treatment"
    assert kinds["holidays"] == "holidays"
    assert "organic_0" not in report.rows("roi")
    assert {"channel_0", "reach_0"} <= set(report.rows("roi"))
    paths = [element.attributes["d"] for element in report.all("path")]
    assert paths
    assert not [path for path in paths if "nan" in path or "inf" in path]


def test_weeks_with_an_unknown_kpi_have_no_actual_total() -> None:
    posterior = made_up_posterior(tiny_model_data(extras=EVERYTHING))
    data, total = posterior.data, posterior_totals(posterior).fit
    assert total is not None
    unknown = (data.present & ~data.observed).any(axis=0)
    assert unknown.any()
    np.testing.assert_array_equal(total["actual"].isna(), unknown)
    np.testing.assert_allclose(total["actual"][~unknown], np.nansum(data.kpi, axis=0)[~unknown])
    assert total.drop(columns="actual").notna().all().all()


def test_only_paid_media_counts_in_the_media_share() -> None:
    posterior = made_up_posterior(tiny_model_data(extras=EVERYTHING))
    paid = incremental_kpi(posterior)[:, :, : len(posterior.data.paid_channels)].sum(axis=(1, 2))
    found = posterior_totals(posterior).media_share
    np.testing.assert_allclose(found, np.quantile(paid / expected_kpi(posterior).sum(axis=(1, 2)), (0.05, 0.95)))
