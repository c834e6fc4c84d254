"""Who can fit a data set: our backends, the reference model under other samplers, and another library."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, get_args

from mmm_core.benchmark.fit import BenchmarkFit, of_posterior
from mmm_core.benchmark.job import Job
from mmm_core.config.benchmark import RunnerName
from mmm_core.config.outputs import RuntimeConfig
from mmm_core.config.schema import Config
from mmm_core.errors import ConfigError
from mmm_core.features.model_data import FloatArray, ModelData
from mmm_core.model.posterior import Posterior
from mmm_core.model.specification import ModelSpec, build_spec
from mmm_core.progress import Progress

RUNNERS: tuple[str, ...] = get_args(RunnerName)
REFERENCE, PEER = "pymc_reference", "pymc_marketing"
SELECTED = "selected"
"""In a sampler's place: the model is not the configured one but the one that the model choice takes."""
POSTERIOR = "posterior.nc"
DESCRIPTIONS: Mapping[str, str] = {
    "meridian": "Google Meridian, the configured specification",
    "pymc": "our PyMC backend (linear part integrated out), the same specification",
    "pymc:selected": "our PyMC backend, the specification that the model choice selects",
    REFERENCE: "the same specification as a plain PyMC model, nothing integrated out",
    PEER: "PyMC-Marketing's multidimensional MMM: geometric adstock (8 weeks), sigmoid Hill, two yearly harmonics",
}
"""Library (or runner) -> what it fits."""


def fit(job: Job, data: ModelData, folder: Path, progress: Progress) -> BenchmarkFit:
    """Fit, and leave the stored fit in `folder`.

    Raises:
        ConfigError: no such runner, or `benchmark.peer_python` is not given.
        SpecificationError: this runner cannot fit this specification, or its sampler is not installed.
        SamplingError: no draws could be produced.
    """
    library, _, sampler = job.runner.partition(":")
    if job.runner not in RUNNERS:
        raise ConfigError(f"No benchmark backend is named {job.runner!r}; choose from {', '.join(RUNNERS)}.")
    if library == PEER:
        from mmm_core.benchmark.peer import fit_peer

        return fit_peer(job, data, sampler, folder)
    spec = ModelSpec.from_json(job.spec)
    selected = _select(job, data, progress) if sampler == SELECTED else None
    if selected is not None:
        spec, data = selected.spec, selected.data
    posterior = _posterior(job, spec, data, progress)
    posterior.save(folder / POSTERIOR)
    fit = of_posterior(posterior, (folder / POSTERIOR).stat().st_size, selected.more if selected else {})
    return replace(fit, stacked=selected.stacked) if selected else fit


class _Selected(NamedTuple):
    """What the model choice came to."""

    spec: ModelSpec
    """Of the winner."""
    data: ModelData
    """With the winner's seasonality."""
    stacked: Callable[[int], Iterator[FloatArray]]
    """channel -> one (S, T) array per geo: contributions of the stacked posterior."""
    more: dict[str, Any]
    """What is to be remembered of the choice."""


def _select(job: Job, data: ModelData, progress: Progress) -> _Selected:
    from mmm_core.selection.candidates import candidates_of, chosen_model
    from mmm_core.selection.choose import choose_model
    from mmm_core.selection.stacked import stack_candidates, stacked_draws

    began = time.perf_counter()
    settings = job.sampler_settings
    runtime = RuntimeConfig(
        cores=settings.cores, device=settings.device, precision=settings.precision, compile_cache=False
    )
    config = Config.model_validate_json(job.config).model_copy(update={"runtime": runtime})
    choice = choose_model(data, config, progress)
    winner = choice.winner
    candidates = candidates_of(config, len(data.dates))
    changes = next(candidate.changes for candidate in candidates if candidate.name == winner)
    chosen, own = chosen_model(config, data, changes)
    more = {"selected": winner, "selection_seconds": time.perf_counter() - began}
    members = stack_candidates(choice, data, config, progress)
    return _Selected(build_spec(chosen, own), own, lambda channel: stacked_draws(members, channel), more)


def _posterior(job: Job, spec: ModelSpec, data: ModelData, progress: Progress) -> Posterior:
    library, _, sampler = job.runner.partition(":")
    settings = job.sampler_settings
    if library == REFERENCE:
        from mmm_core.benchmark.reference import sample_reference

        return sample_reference(data, spec, settings, sampler)
    from mmm_core.model.backend import get_backend

    return get_backend(library).sample(data, spec, settings, progress)
