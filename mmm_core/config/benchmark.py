"""Section benchmark: data sets with known truth, and who fits them."""

from typing import Literal

from pydantic import Field

from mmm_core.config.base import Section
from mmm_core.config.inputs import Name

DatasetName = Literal[
    "small_business",
    "growing_business",
    "medium_business",
    "large_business",
    "geo_effects",
    "endogenous",
    "published_small",
    "published_growing",
    "pymc_marketing_example",
    "configured",
]
RunnerName = Literal[
    "meridian",
    "pymc",
    "pymc:selected",
    "pymc_reference:pymc",
    "pymc_reference:numpyro",
    "pymc_reference:blackjax",
    "pymc_reference:nutpie",
    "pymc_marketing:pymc",
    "pymc_marketing:numpyro",
    "pymc_marketing:blackjax",
    "pymc_marketing:nutpie",
]


CoverageScenario = Literal["planned", "unseen_demand", "confounded", "s_shaped"]


class CoverageSeedsConfig(Section):
    """Simulated panels per scenario, by the backend that fits them."""

    pymc: int = Field(100, ge=1, le=10_000)
    meridian: int = Field(20, ge=1, le=10_000)


class CoverageStudyConfig(Section):
    """How often intervals hold the truth: panels of one size, simulated again and again, each fitted.

    The model is the one of `features` and `model` without what is said of single channels, fitted by
    `model.backend`, tried once more where the convergence gate asks for it; `model.fallback` is not used.
    """

    seeds: CoverageSeedsConfig = CoverageSeedsConfig()
    scenarios: tuple[CoverageScenario, ...] = Field(("planned", "confounded"), min_length=1)
    """`planned`: media go on and off by chance.  `unseen_demand`: demand that no column shows moves the KPI, and
    spend does not follow it.  `confounded`: spend follows that demand.  `s_shaped`: as `planned`, with Hill
    slopes from 0.8 to 1.8."""
    geos: int = Field(5, ge=1, le=200)
    weeks: int = Field(104, ge=52, le=1040)
    channels: int = Field(3, ge=1, le=60)
    controls: int = Field(1, ge=0, le=20)
    chains: int = Field(2, ge=2, le=16)
    draws: int = Field(1000, ge=50)
    """Kept draws per chain; the other sampler settings are those of `training`."""


class BenchmarkConfig(Section):
    """What `mmm benchmark` and the assets of the same name do unless told otherwise.

    Sampler settings are those of `training`, the model is the one of `features` and `model`.
    """

    datasets: tuple[DatasetName, ...] = Field(
        ("small_business", "growing_business", "medium_business"), min_length=1
    )
    """Simulated presets; `published_small`, `published_growing` and `pymc_marketing_example` are read from
    `data_folder`; `configured` is the source of this project."""
    backends: tuple[RunnerName, ...] = Field(("meridian", "pymc"), min_length=1)
    """`pymc:selected` fits the model that `model.selection` chooses; `pymc_reference:SAMPLER` is the configured
    model with nothing integrated out; `pymc_marketing:SAMPLER` is another library's, which needs `peer_python`."""
    data_folder: Name | None = None
    """Folder with the published files: `param_recovery/*.csv` and `pymc_marketing/mmm_example.csv`."""
    peer_python: Name | None = None
    """Python interpreter of an environment that has pymc-marketing."""
    timeout_seconds: float = Field(3600.0, gt=0)
    """Longest time of one run; what takes longer is recorded as failed."""
    seed: int = Field(20240101, ge=0)
    """Seed of the simulated data sets."""
    calibration_panels: int = Field(200, ge=1)
    """Simulated panels of the asset `calibration`."""
    coverage: CoverageStudyConfig = CoverageStudyConfig()
