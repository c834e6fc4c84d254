"""A real fit passes every check of its soundness; each failure planted in it is caught."""

import dataclasses

import numpy as np
import pytest

from mmm_core.attribution.contributions import contribution_table
from mmm_core.attribution.fitted import fit_table
from mmm_core.config.modeling import ConvergenceLimitsConfig
from mmm_core.config.outputs import EvaluationConfig
from mmm_core.config.schema import Config
from mmm_core.evaluation.convergence import check_convergence, diagnose
from mmm_core.evaluation.fit import check_fit, fit_metrics
from mmm_core.evaluation.genuineness import check_genuineness
from mmm_core.evaluation.plausibility import check_plausibility
from mmm_core.evaluation.posterior_predictive import check_posterior_predictive
from mmm_core.evaluation.verdict import Verdict, verdict
from mmm_core.model.backend import SamplerSettings, get_backend
from mmm_core.model.model_spec import ModelSpec
from mmm_core.model.noise import predictive_draws
from mmm_core.model.posterior import Posterior
from mmm_core.model.prior_draws import prior_draws
from mmm_core.model.priors import Prior
from mmm_core.model.scaling import fit_scaling
from mmm_core.model.specification import build_spec
from tests.factories import tiny_model_data

SETTINGS = SamplerSettings(chains=4, tune=300, draws=400, target_accept=0.9, max_tree_depth=8, seed=5)


def judged(posterior: Posterior) -> Verdict:
    contributions, fitted = contribution_table(posterior), fit_table(posterior)
    groups = {
        "convergence": check_convergence(diagnose(posterior), ConvergenceLimitsConfig()),
        "genuineness": check_genuineness(posterior),
        "fit": check_fit(fit_metrics(fitted), EvaluationConfig()),
        "predictive": check_posterior_predictive(posterior),
        "plausibility": check_plausibility(posterior, contributions, fitted),
    }
    return verdict("v", groups)


def caught(found: Verdict, *, blocking: bool) -> set[str]:
    return {reason.check for reason in found.reasons if reason.blocks == blocking}


@pytest.fixture(scope="module")
def posterior() -> Posterior:
    """A fit to a KPI that the model itself made."""
    template = tiny_model_data(n_geos=3, n_weeks=60)
    spec = _spec(build_spec(Config(), template))
    worth = (template.kpi * template.outcome_per_kpi).sum()
    spend = template.spend / template.spend.sum(axis=(0, 1)) * worth / 10
    template = dataclasses.replace(template, spend=spend)
    truth = prior_draws(template, spec, fit_scaling(template, spec.media_scaling), 5, 3)
    kpi = np.stack([drawn[2] for _, drawn in predictive_draws(truth)])
    data = dataclasses.replace(template, kpi=np.maximum(kpi, 0.0))
    return get_backend("pymc").sample(data, spec, SETTINGS)


def _spec(spec: ModelSpec) -> ModelSpec:
    return dataclasses.replace(
        spec,
        knots=(0, 59),
        knot_values=Prior("normal", (0.0, 1.0)),
        tau=Prior("normal", (0.0, 1.0)),
        sigma=Prior("half_normal", (0.5,)),
        gamma=Prior("normal", (0.0, 0.5)),
    )


def changed(posterior: Posterior, **arrays: np.ndarray) -> Posterior:
    samples = posterior.samples.copy(deep=True)
    for name, values in arrays.items():
        samples[name].values[:] = values
    return dataclasses.replace(posterior, samples=samples)


def test_a_clean_fit_is_not_rejected(posterior: Posterior) -> None:
    found = judged(posterior)
    assert caught(found, blocking=True) == set(), found.sentence


def test_draws_of_the_prior_are_not_taken_for_a_posterior(posterior: Posterior) -> None:
    shape = (posterior.samples.sizes["chain"], posterior.samples.sizes["draw"])
    drawn = prior_draws(posterior.data, posterior.spec, posterior.scaling, shape[0] * shape[1], 9)
    arrays = {name: drawn.stacked(str(name)) for name in drawn.samples.data_vars}
    fake = changed(posterior, **{str(n): a.reshape(*shape, *a.shape[1:]) for n, a in arrays.items()})
    assert "learned_from_data" in caught(judged(fake), blocking=True)


def test_the_same_chain_twice_is_caught(posterior: Posterior) -> None:
    names = map(str, posterior.samples.data_vars)
    arrays = {name: posterior.samples[name].transpose("chain", "draw", ...).values.copy() for name in names}
    for array in arrays.values():
        array[1] = array[0]
    assert "chains_differ" in caught(judged(changed(posterior, **arrays)), blocking=True)


def test_a_chain_that_is_stuck_elsewhere_is_caught(posterior: Posterior) -> None:
    alpha = posterior.samples["alpha_m"].values.copy()
    alpha[2, :, 0] = np.clip(alpha[2, :, 0] * 0.02 + 0.95, 0, 0.999)
    assert "rhat" in caught(judged(changed(posterior, alpha_m=alpha)), blocking=True)


def test_a_chain_that_does_not_move_is_caught(posterior: Posterior) -> None:
    names = map(str, posterior.samples.data_vars)
    arrays = {name: posterior.samples[name].transpose("chain", "draw", ...).values.copy() for name in names}
    for array in arrays.values():
        array[3] = array[3, :1]
    assert "chains_differ" in caught(judged(changed(posterior, **arrays)), blocking=True)


def test_a_channel_that_the_data_says_nothing_about_is_caught(posterior: Posterior) -> None:
    roi = posterior.samples["roi_m"].values.copy()
    roi[:, :, 1] = posterior.spec.effect[1].sample(np.random.default_rng(1), roi.shape[:2])
    assert "prior_shift" in caught(judged(changed(posterior, roi_m=roi)), blocking=False)


def test_an_implausible_return_is_caught(posterior: Posterior) -> None:
    roi = posterior.samples["roi_m"].values.copy()
    roi[:, :, 1] *= 1000
    found = caught(judged(changed(posterior, roi_m=roi)), blocking=False)
    assert {"roi_outside_prior", "roi_out_of_line"} <= found


def test_a_negative_baseline_is_caught(posterior: Posterior) -> None:
    knots = posterior.samples["knot_values"].values - 50
    assert "negative_baseline" in caught(judged(changed(posterior, knot_values=knots)), blocking=True)


def test_a_kpi_that_the_model_cannot_make_is_caught(posterior: Posterior) -> None:
    kpi = posterior.data.kpi.copy()
    kpi[:, 30] *= 8
    found = judged(dataclasses.replace(posterior, data=dataclasses.replace(posterior.data, kpi=kpi)))
    assert {"predictive_extremes", "predictive_spread"} <= caught(found, blocking=False)
