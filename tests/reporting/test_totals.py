"""The report of a (made-up) posterior, through the real attribution."""

import numpy as np
import pytest

from mmm_core.attribution.contributions import contribution_table
from mmm_core.attribution.curves import pooled_response_curves
from mmm_core.attribution.fitted import fit_table
from mmm_core.attribution.returns import channel_summary
from mmm_core.model.forward import expected_kpi, incremental_kpi
from mmm_core.model.posterior import Posterior
from mmm_core.reporting.html import render_report
from mmm_core.reporting.totals import posterior_totals
from tests.factories import made_up_posterior, tiny_model_data
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


def test_a_report_can_be_made_from_a_posterior(posterior: Posterior) -> None:
    summary, contributions = channel_summary(posterior), contribution_table(posterior)
    spend, outcome = summary["spend"].to_numpy(), (summary["roi_mean"] * summary["spend"]).to_numpy()
    plan = made_up_inputs(1, 4, tuple(summary["channel"]), geos=("Geo0",)).budget_plan.head(len(summary))
    plan = plan.assign(current_spend=spend, optimal_spend=spend, current_outcome=outcome, optimal_outcome=outcome)
    report = Report(
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
            )
        )
    )
    rows = report.rows("contributions")
    assert rows["Fitted total"][1].value == pytest.approx(fit_table(posterior)["predicted_mean"].sum())
    shares = [rows[name][4].value or 0.0 for name in rows if name != "Fitted total"]
    assert sum(shares) == pytest.approx(1.0)
    assert "already close to the best" in next(e for e in report.all("section")).text
