"""Tries, in order, until one converges."""

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from mmm_core.config.schema import Config
from mmm_core.errors import MMMError, SamplingError, SpecificationError
from mmm_core.evaluation.fitting import Attempt, FitOutcome, fit_until_converged
from mmm_core.features.model_data import ModelData
from mmm_core.model.backend import SamplerSettings
from mmm_core.model.posterior import Posterior
from mmm_core.model.specification import ModelSpec, build_spec
from mmm_core.progress import Progress, silent
from tests.factories import made_up_posterior, tiny_model_data

DATA = tiny_model_data()


@dataclass
class Scripted:
    """A backend that converges from a given number of draws on, or always raises."""

    name: str
    enough_draws: int | None = None
    error: MMMError | None = None
    divergences: int = 0
    warm_fails: bool = False
    warm_error: MMMError | None = None
    can_start_warm: bool = True
    asked: list[SamplerSettings] = field(default_factory=list)
    starts: list[Posterior | None] = field(default_factory=list)
    checkpoints: list[Path | None] = field(default_factory=list)

    def unsupported(self, data: ModelData, spec: ModelSpec) -> tuple[str, ...]:
        return ()

    def sample(
        self,
        data: ModelData,
        spec: ModelSpec,
        settings: SamplerSettings,
        progress: Progress = silent,
        start: Posterior | None = None,
        checkpoint: Path | None = None,
    ) -> Posterior:
        self.asked.append(settings)
        self.starts.append(start)
        self.checkpoints.append(checkpoint)
        if self.error is not None:
            raise self.error
        if self.warm_error is not None and start is not None:
            raise self.warm_error
        posterior = made_up_posterior(data, settings.chains, settings.draws, seed=settings.seed, spec=spec)
        if start is not None and self.can_start_warm:
            info = dataclasses.replace(posterior.info, warm_start=True, tune=settings.tune // 4)
            posterior = dataclasses.replace(posterior, info=info)
            if self.warm_fails:
                posterior.samples["roi_m"].values[0] += 10
        posterior.sample_stats["diverging"].values[0, : self.divergences] = True
        if self.enough_draws is None or settings.draws < self.enough_draws:
            distance = 100 / settings.draws if self.name == "meridian" else 200 / settings.draws
            posterior.samples["roi_m"].values[0] += distance
        return posterior


def run(
    meridian: Scripted,
    pymc: Scripted,
    start: Posterior | None = None,
    checkpoint: Path | None = None,
    training: dict[str, Any] | None = None,
    **model: Any,
) -> tuple[FitOutcome, list[Attempt]]:
    training = training or {"tune": 100, "draws": 300, "seed": 7, "target_accept": 0.85}
    config = Config.model_validate({"model": {"knots": 3, **model}, "training": training})
    seen: list[Attempt] = []
    backends = {"meridian": meridian, "pymc": pymc}
    outcome = fit_until_converged(
        DATA,
        build_spec(config, DATA),
        config,
        on_attempt=seen.append,
        backends=backends.__getitem__,
        start=start,
        checkpoint=checkpoint,
    )
    return outcome, seen


def test_a_first_fit_that_converges_is_taken() -> None:
    meridian, pymc = Scripted("meridian", 300), Scripted("pymc", 300)
    outcome, seen = run(meridian, pymc)
    assert outcome.converged
    assert [attempt.converged for attempt in seen] == [True]
    assert outcome.attempts == tuple(seen)
    assert not pymc.asked
    assert outcome.posterior.info.attempts == (seen[0].sentence,)
    assert "4 chains of 100 + 300 steps: converged" in seen[0].sentence


def test_the_second_try_is_longer_with_another_seed() -> None:
    meridian, pymc = Scripted("meridian", 600), Scripted("pymc", 300)
    outcome, seen = run(meridian, pymc)
    assert outcome.converged
    assert [(asked.tune, asked.draws, asked.seed) for asked in meridian.asked] == [(100, 300, 7), (200, 600, 8)]
    assert not pymc.asked
    assert [attempt.converged for attempt in seen] == [False, True]
    assert seen[0].reasons[0].startswith("rhat: R-hat of roi_m")
    assert outcome.posterior.n_draws == 2400


def test_after_divergences_the_second_try_takes_smaller_steps() -> None:
    meridian = Scripted("meridian", 300, divergences=3)
    run(meridian, Scripted("pymc", 300))
    assert [asked.target_accept for asked in meridian.asked] == pytest.approx([0.85, 0.925])
    stuck = Scripted("meridian")
    run(stuck, Scripted("pymc", 300))
    assert [asked.target_accept for asked in stuck.asked] == [0.85, 0.85]


def test_then_the_fallback_is_tried_with_the_first_settings() -> None:
    meridian, pymc = Scripted("meridian"), Scripted("pymc", 300)
    outcome, seen = run(meridian, pymc)
    assert outcome.converged
    assert [attempt.backend for attempt in seen] == ["meridian", "meridian", "pymc"]
    assert [asked.draws for asked in pymc.asked] == [300]
    assert len(outcome.posterior.info.attempts) == 3


def test_if_nothing_converges_the_best_is_returned_as_not_converged() -> None:
    meridian, pymc = Scripted("meridian"), Scripted("pymc")
    outcome, seen = run(meridian, pymc)
    assert not outcome.converged
    assert [(attempt.backend, attempt.settings.draws) for attempt in seen] == [
        ("meridian", 300),
        ("meridian", 600),
        ("pymc", 300),
        ("pymc", 600),
    ]
    assert outcome.posterior.n_draws == 2400
    assert float(outcome.diagnostics.interpreted["rhat"].max()) > 1.01
    assert all("did not converge" in sentence for sentence in outcome.posterior.info.attempts)


@pytest.mark.parametrize(("backend", "fallback"), [("meridian", "none"), ("meridian", "meridian")])
def test_without_another_fallback_there_are_two_tries(backend: str, fallback: str) -> None:
    meridian, pymc = Scripted("meridian"), Scripted("pymc", 300)
    outcome, seen = run(meridian, pymc, backend=backend, fallback=fallback)
    assert [attempt.backend for attempt in seen] == ["meridian", "meridian"]
    assert not outcome.converged
    assert not pymc.asked


@pytest.mark.parametrize("error", [SpecificationError("no such thing here"), SamplingError("out of memory")])
def test_a_backend_that_cannot_fit_is_tried_once(error: MMMError) -> None:
    meridian, pymc = Scripted("meridian", error=error), Scripted("pymc", 300)
    outcome, seen = run(meridian, pymc)
    assert outcome.converged
    assert len(meridian.asked) == 1
    assert seen[0].seconds is None
    assert str(error) in seen[0].sentence
    assert outcome.posterior.info.attempts[0] == seen[0].sentence


def test_the_other_way_round() -> None:
    meridian, pymc = Scripted("meridian", 300), Scripted("pymc")
    _, seen = run(meridian, pymc, backend="pymc", fallback="meridian")
    assert [attempt.backend for attempt in seen] == ["pymc", "pymc", "meridian"]


def test_refusal_by_every_backend_is_a_specification_error() -> None:
    refusals = [SpecificationError("too many knots"), SpecificationError("no geos")]
    with pytest.raises(SpecificationError, match=r"meridian: too many knots .*pymc: no geos") as caught:
        run(Scripted("meridian", error=refusals[0]), Scripted("pymc", error=refusals[1]))
    assert "meridian" in str(caught.value)


def test_no_draws_at_all_is_a_sampling_error() -> None:
    meridian = Scripted("meridian", error=SpecificationError("too many knots"))
    with pytest.raises(SamplingError, match="out of memory"):
        run(meridian, Scripted("pymc", error=SamplingError("out of memory")))


def test_each_backend_has_habits_of_its_own_where_the_configuration_is_silent() -> None:
    meridian, pymc = Scripted("meridian"), Scripted("pymc", 300)
    run(meridian, pymc, training={"draws": 300})
    assert [asked.tune for asked in meridian.asked] == [600, 1200]
    assert [asked.tune for asked in pymc.asked] == [400]
    assert meridian.asked[0].target_accept > pymc.asked[0].target_accept


def test_a_warm_start_that_converges_is_taken() -> None:
    earlier = made_up_posterior(DATA)
    pymc = Scripted("pymc", 300)
    outcome, seen = run(Scripted("meridian"), pymc, start=earlier, backend="pymc", fallback="none")
    assert pymc.starts == [earlier]
    assert outcome.converged
    assert "4 chains of 25 + 300 steps, warm start: converged" in seen[0].sentence


def test_a_warm_start_that_does_not_converge_is_followed_by_a_cold_one_of_the_same_length() -> None:
    earlier = made_up_posterior(DATA)
    pymc = Scripted("pymc", 300, warm_fails=True)
    outcome, seen = run(Scripted("meridian"), pymc, start=earlier, backend="pymc", fallback="none")
    assert pymc.starts == [earlier, None]
    assert [asked.draws for asked in pymc.asked] == [300, 300]
    assert [attempt.warm_start for attempt in seen] == [True, False]
    assert outcome.converged
    assert "warm start: did not converge" in outcome.posterior.info.attempts[0]


def test_a_warm_start_without_draws_is_followed_by_a_cold_one() -> None:
    earlier = made_up_posterior(DATA)
    pymc = Scripted("pymc", 300, warm_error=SamplingError("no finite start"))
    outcome, seen = run(Scripted("meridian"), pymc, start=earlier, backend="pymc", fallback="none")
    assert pymc.starts == [earlier, None]
    assert outcome.converged
    assert "no finite start" in seen[0].sentence


def test_cold_tries_after_a_warm_one_are_as_many_as_ever() -> None:
    pymc = Scripted("pymc")
    run(Scripted("meridian"), pymc, start=made_up_posterior(DATA), backend="pymc", fallback="none")
    assert [asked.draws for asked in pymc.asked] == [300, 300, 600]


def test_the_fallback_may_use_the_start_that_the_first_backend_cannot_use() -> None:
    earlier = made_up_posterior(DATA)
    pymc = Scripted("pymc", 300)
    outcome, _ = run(Scripted("meridian", can_start_warm=False), pymc, start=earlier)
    assert pymc.starts == [earlier]
    assert outcome.posterior.info.warm_start


def test_every_try_may_leave_a_checkpoint(tmp_path: Path) -> None:
    meridian, pymc = Scripted("meridian"), Scripted("pymc", 300)
    run(meridian, pymc, checkpoint=tmp_path)
    assert meridian.checkpoints == [tmp_path, tmp_path]
    assert pymc.checkpoints == [tmp_path]
