"""What pictures of the sampling need: R-hat and sizes by parameter, ranks by chain, distances to priors."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mmm_core.evaluation.convergence import Diagnostics
from mmm_core.evaluation.genuineness import distances_to_priors
from mmm_core.evaluation.parameters import labelled_draws
from mmm_core.features.model_data import FloatArray
from mmm_core.model.posterior import Posterior

_RANK_BINS, _RANKED = 20, 3


@dataclass(frozen=True)
class Sampling:
    """How the draws came about, for pictures."""

    parameters: pd.DataFrame
    """`Diagnostics.parameters`."""
    ranks: Mapping[str, FloatArray]
    """Parameter -> (chain, bin) share of a chain's draws that have a rank in that bin among all draws; of the
    interpreted parameters with the largest R-hat, the worst first.  Where chains agree, all bins have the same."""
    distances: Mapping[str, list[float]]
    """`distances_to_priors`."""


def sampling_of(posterior: Posterior, diagnostics: Diagnostics) -> Sampling:
    """What pictures show of a fit.

    Args:
        posterior: the fit.
        diagnostics: `diagnose(posterior)`.
    """
    worst = worst_draws(posterior, diagnostics, _RANKED)
    return Sampling(
        diagnostics.parameters,
        {name: rank_shares(draws, _RANK_BINS) for name, draws in worst.items()},
        distances_to_priors(posterior),
    )


def worst_draws(posterior: Posterior, diagnostics: Diagnostics, most: int) -> dict[str, FloatArray]:
    """parameter -> (C, D) draws of the (at most so many) interpreted parameters with the largest R-hat."""
    worst = diagnostics.interpreted.sort_values("rhat", ascending=False, kind="stable")["parameter"]
    labels, _, draws = labelled_draws(posterior)
    where = {label: number for number, label in enumerate(labels)}
    return {str(name): draws[:, :, where[name]] for name in worst.head(most) if name in where}


def rank_shares(draws: FloatArray, n_bins: int) -> FloatArray:
    """(C, n_bins) share of each chain's (C, D) draws by their rank among the draws of all chains."""
    from scipy.stats import rankdata

    ranks = rankdata(draws, method="average").reshape(draws.shape)
    edges = np.linspace(0.5, draws.size + 0.5, n_bins + 1)
    return np.stack([np.histogram(chain, edges)[0] / len(chain) for chain in ranks])
