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
