"""Simulation-based calibration of the PyMC model (Talts et al., 2018).

Parameters are drawn from the prior, a KPI from the model with them, and the model is fitted to that KPI.
If prior, likelihood, sampler and completion are all right, the rank of the true parameter among its
posterior draws is uniform.  Scaling is that of a template panel throughout, since the prior speaks of the
model's scale.  Parameters become effects through `model.forward`, which knows nothing of the backend, so
its formulas are checked against those of the likelihood on the way.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmm_core.features.model_data import FloatArray, ModelData
from mmm_core.model.backend import SamplerSettings
from mmm_core.model.forward import linear_predictor
from mmm_core.model.posterior import Posterior, parameter_dims
from mmm_core.model.prior_draws import prior_draws
from mmm_core.model.scaling import Scaling
from mmm_core.model.specification import ModelSpec


@dataclass(frozen=True)
class Calibration:
    """Ranks of true parameters.  N simulated panels."""

    ranks: dict[str, FloatArray]
    """Parameter -> (N, ...) number of its `draws` posterior draws that are smaller than the truth."""
    draws: int
    """Thinned posterior draws per fit; ranks go from 0 to this."""
    divergent_share: float
    """Of all kept draws."""

    def p_values(self, bins: int = 10) -> dict[str, FloatArray]:
        """Parameter -> (...) chi-square p-value of uniform ranks; NaN for what is constant.

        Args:
            bins: into which ranks are counted; best a divisor of `draws` + 1.
        """
        return {
            name: np.apply_along_axis(_p_value, 0, ranks, self.draws, bins) for name, ranks in self.ranks.items()
        }


def _p_value(ranks: FloatArray, draws: int, bins: int) -> float:
    from scipy.stats import chisquare

    if not np.isfinite(ranks).all():
        return float("nan")
    counts, edges = np.histogram(ranks, np.linspace(-0.5, draws + 0.5, bins + 1))
    width = np.diff(np.ceil(edges))  # how many whole numbers are in [low, high)
    return float(chisquare(counts, len(ranks) * width / width.sum()).pvalue)


def simulated_panels(prior: Posterior, seed: int) -> list[ModelData]:
    """One panel per prior draw: the template with a KPI that the model makes."""
    rng = np.random.default_rng([seed, 1])
    mean = np.stack(list(linear_predictor(prior)), axis=1)
    scaled = mean + prior.stacked("sigma")[:, :, None] * rng.standard_normal(mean.shape)
    known = prior.data.observed
    return [
        dataclasses.replace(prior.data, kpi=np.where(known, kpi, np.nan))
        for kpi in prior.scaling.unscale_kpi(scaled)
    ]


def calibrate(
    template: ModelData,
    spec: ModelSpec,
    scaling: Scaling,
    settings: SamplerSettings,
    n: int,
    thin: int,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> Calibration:
    """Simulate, fit and rank; everything is compiled once.

    With a prior on `contribution`, its share is of the template's outcome.

    Args:
        template: the panel whose KPI is replaced.
        spec: the model; `gaussian` family.
        scaling: of the template.
        settings: of each fit; its seed also draws the parameters.
        n: simulated panels.
        thin: every `thin`-th draw counts, so that draws are about independent.
        report: `report(done, total)` panels.
    """
    prior = prior_draws(template, spec, scaling, n, settings.seed)
    fit = _Fitter(template, spec, scaling, settings, thin)
    ranks: dict[str, list[FloatArray]] = {name: [] for name in parameter_dims(spec)}
    for i, panel in enumerate(simulated_panels(prior, settings.seed)):
        for name, draws in fit(panel, i).items():
            truth = prior.stacked(name)[i]
            below = (draws < truth).sum(axis=0).astype(np.float64)
            ranks[name].append(np.where(np.ptp(draws, axis=0) == 0, np.nan, below))
        report(i + 1, n)
    stacked = {name: np.stack(rows) for name, rows in ranks.items()}
    return Calibration(stacked, fit.n_draws, fit.divergent / (n * settings.chains * settings.draws))


class _Fitter:
    """Fits panels of one shape with programs that are compiled once."""

    def __init__(
        self, template: ModelData, spec: ModelSpec, scaling: Scaling, settings: SamplerSettings, thin: int
    ) -> None:
        import jax

        jax.config.update("jax_enable_x64", True)
        from mmm_core.model.backends.pymc.compilation import compile_together
        from mmm_core.model.backends.pymc.density import flat_density
        from mmm_core.model.backends.pymc.graph import build_graph
        from mmm_core.model.backends.pymc.sampling import block_program

        self._spec, self._scaling, self._settings, self._thin = spec, scaling, settings, thin
        self._totals = template
        graph = build_graph(template, spec, scaling)
        density = flat_density(graph, int(template.observed.sum()))
        self._density = density
        self.n_draws = settings.chains * len(range(0, settings.draws, thin))
        self.divergent = 0

        def complete(keys: Any, positions: Any, likelihood: Any) -> dict[str, Any]:
            def one(item: tuple[Any, Any]) -> dict[str, Any]:
                return dict(likelihood.complete(item[0], density.coordinates(item[1])))

            return jax.lax.map(one, (keys, positions))  # type: ignore[no-any-return]

        keys = np.zeros((self.n_draws, 2), dtype=np.uint32)
        positions = np.zeros((self.n_draws, density.start.size))
        self._block, self._complete = compile_together(
            [block_program(density, graph.likelihood, settings), (complete, (keys, positions, graph.likelihood))]
        )

    def __call__(self, panel: ModelData, number: int) -> dict[str, FloatArray]:
        """(draws, ...) thinned posterior draws of every parameter."""
        from mmm_core.model.backends.pymc.checkpoint import Checkpoint
        from mmm_core.model.backends.pymc.likelihood import collapsed_likelihood
        from mmm_core.model.backends.pymc.sampling import Chains
        from mmm_core.model.backends.pymc.starting import cold_begins

        settings = dataclasses.replace(self._settings, seed=self._settings.seed + 1 + number)
        likelihood = collapsed_likelihood(panel, self._spec, self._scaling)
        likelihood = self._with_target_of_template(likelihood)
        begins = cold_begins(self._density, settings.chains)
        chains = Chains(self._block, likelihood, begins, settings, Checkpoint(None, ""))
        steps, _ = chains.run(lambda done, total: None)
        self.divergent += int(steps.diverging.sum())
        rng = np.random.default_rng([settings.seed, 2])
        keys = rng.integers(2**32, size=(self.n_draws, 2), dtype=np.uint32)
        positions = steps.position[:, :: self._thin].reshape(self.n_draws, -1)
        drawn = self._complete(keys, positions, likelihood)
        return {name: np.asarray(values) for name, values in drawn.items()}

    def _with_target_of_template(self, likelihood: Any) -> Any:
        """A share of the outcome is a share of the template's, not of the simulated one."""
        from mmm_core.model.backends.pymc.blocks import media_transform

        unit = media_transform(self._totals, self._spec, self._scaling).target_unit
        return dataclasses.replace(likelihood, media=dataclasses.replace(likelihood.media, target_unit=unit))
