"""The canonical posterior: everything that attribution, budgets and reports need, in one netCDF file."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

from mmm_core.errors import StorageError
from mmm_core.features.model_data import ModelData
from mmm_core.model.lift_test import LiftTest
from mmm_core.model.scaling import Scaling
from mmm_core.model.specification import ModelSpec
from mmm_core.plausible import require_plausible
from mmm_core.storage import atomic_path

PARAMETER_DIMS: dict[str, tuple[str, ...]] = {
    "alpha_m": ("channel",),
    "ec_m": ("channel",),
    "slope_m": ("channel",),
    "theta_m": ("channel",),
    "roi_m": ("paid_channel",),
    "beta_m": ("channel",),
    "eta_m": ("channel",),
    "beta_gm": ("geo", "channel"),
    "tau_g": ("geo",),
    "knot_values": ("knot",),
    "gamma_c": ("control",),
    "xi_c": ("control",),
    "gamma_gc": ("geo", "control"),
    "sigma": ("geo",),
}
"""Canonical names (Meridian's) and their dims after (chain, draw).  A pooled sigma is stored once per
geo; without controls the control arrays have length 0.  `roi_m` is what the model implies over the window,
whatever the prior was on; `beta_m` is on the scale of `ModelSpec.media_effects`; `theta_m` is the second
adstock parameter."""
_ROBUST_DIMS: dict[str, tuple[str, ...]] = {"nu": (), "sigma_beta": ()}
SAMPLER_DIMS: dict[str, tuple[str, ...]] = {
    "position": ("chain", "coordinate"),
    "inverse_mass": ("chain", "coordinate"),
    "step_size": ("chain",),
}
"""What a refresh starts from: unconstrained coordinates after the last step, and how to step."""


def parameter_dims(spec: ModelSpec) -> dict[str, tuple[str, ...]]:
    """The parameters of that model and their dims after (chain, draw)."""
    return PARAMETER_DIMS | (_ROBUST_DIMS if spec.family == "robust_log" else {})


@dataclass(frozen=True)
class FitInfo:
    """How the posterior came about."""

    backend: str
    """Name of the backend that sampled it."""
    backend_version: str
    seconds: float
    """Wall-clock seconds of sampling, compilation included."""
    compile_seconds: float | None
    """Of which compilation, where the backend can tell."""
    chains: int
    draws: int
    """Kept draws per chain."""
    tune: int
    seed: int
    max_tree_depth: int
    attempts: tuple[str, ...] = ()
    """What was tried before this fit was taken, one sentence per try (filled by `fit_until_converged`)."""
    warm_start: bool = False
    """Whether it started from an earlier posterior."""


@dataclass(frozen=True)
class Posterior:
    """Draws with the data, specification and constants that give them meaning."""

    samples: xr.Dataset
    """Variables of `parameter_dims(spec)`, each with dims (chain, draw, ...)."""
    sample_stats: xr.Dataset
    """(chain, draw): `diverging` (bool), and where known `energy`, `tree_depth`, `n_steps`, `lp`."""
    data: ModelData
    spec: ModelSpec
    scaling: Scaling
    info: FitInfo
    sampler: xr.Dataset | None = None
    """Variables of `SAMPLER_DIMS`, for a warm start; None where the backend has none."""

    @property
    def n_draws(self) -> int:
        """Draws of all chains together."""
        return int(self.samples.sizes["chain"] * self.samples.sizes["draw"])

    def stacked(self, name: str) -> np.ndarray:
        """(S, ...) draws of one parameter, chains one after the other."""
        values = self.samples[name].transpose("chain", "draw", ...).values
        return values.reshape(self.n_draws, *values.shape[2:])

    def with_attempts(self, attempts: tuple[str, ...]) -> "Posterior":
        """The same posterior with its history."""
        return dataclasses.replace(self, info=dataclasses.replace(self.info, attempts=attempts))

    def save(self, path: Path, more: Mapping[str, xr.Dataset] | None = None) -> None:
        """Write netCDF-4 groups posterior, sample_stats, constant_data, scaling; if any lift_tests, sampler.

        The file is made in memory: HDF5 may take the process with it when a disk is full.

        Args:
            path: what to write.
            more: group -> further datasets, which `load` does not look at.
        """
        groups = {**self._groups(), **(more or {})}
        compact = {name: {"zlib": True, "complevel": 4} for name in self.samples.data_vars}
        content = xr.DataTree.from_dict(groups).to_netcdf(engine="h5netcdf", encoding={"/posterior": compact})
        with atomic_path(path) as temporary:
            temporary.write_bytes(content)

    def _groups(self) -> dict[str, xr.Dataset]:
        scaling = xr.Dataset(
            {
                "media_scale": (("geo", "channel"), self.scaling.media_scale),
                "control_mean": (("control",), self.scaling.control_mean),
                "control_sd": (("control",), self.scaling.control_sd),
                "population": (("geo",), self.scaling.population),
                "kpi_mean": ((), self.scaling.kpi_mean),
                "kpi_sd": ((), self.scaling.kpi_sd),
                "control_divisor": (("geo", "control"), self.scaling.control_divisor),
            },
            attrs={"kpi_transform": self.scaling.kpi_transform, "kept": int(self.spec.scaling is not None)},
        )
        samples = self.samples.assign_attrs(
            spec=dataclasses.replace(self.spec, lift_tests=()).to_json(),
            info=json.dumps(dataclasses.asdict(self.info)),
        )
        return {
            "posterior": samples,
            "sample_stats": self.sample_stats,
            "constant_data": self.data.to_dataset(),
            "scaling": scaling,
            **({} if self.sampler is None else {"sampler": self.sampler}),
            **_lift_tests_dataset(self.spec),
        }

    @classmethod
    def load(cls, path: Path) -> "Posterior":
        """Read what `save` wrote.

        Raises:
            StorageError: the file is missing, truncated or lacks a group.
        """
        try:
            require_plausible(path)
            groups = {
                group: xr.load_dataset(path, group=group, engine="h5netcdf")
                for group in ("posterior", "sample_stats", "constant_data", "scaling")
            }
            sampler, tests = _optional_group(path, "sampler"), _optional_group(path, "lift_tests")
            samples, constants = groups["posterior"], groups["scaling"]
            scaling = _scaling(constants)
            spec = _with_lift_tests(ModelSpec.from_json(samples.attrs["spec"]), tests)
            info = json.loads(samples.attrs["info"])
            info["attempts"] = tuple(info["attempts"])
            return cls(
                samples=samples,
                sample_stats=groups["sample_stats"],
                data=ModelData.from_dataset(groups["constant_data"]),
                spec=dataclasses.replace(spec, scaling=scaling) if constants.attrs.get("kept", 0) else spec,
                scaling=scaling,
                info=FitInfo(**info),
                sampler=sampler,
            )
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise StorageError(
                f"No readable posterior at {path} ({error}); materialize posterior again."
            ) from error


def _scaling(stored: xr.Dataset) -> Scaling:
    return Scaling(
        kpi_mean=float(stored["kpi_mean"]),
        kpi_sd=float(stored["kpi_sd"]),
        media_scale=stored["media_scale"].values,
        control_mean=stored["control_mean"].values,
        control_sd=stored["control_sd"].values,
        population=stored["population"].values,
        control_divisor=stored["control_divisor"].values,
        kpi_transform=stored.attrs["kpi_transform"],
    )


def _lift_tests_dataset(spec: ModelSpec) -> dict[str, xr.Dataset]:
    """Group -> one JSON text per test, if there are any: together they may be too long for an attribute."""
    texts = np.array([json.dumps(test.to_json()) for test in spec.lift_tests], dtype=object)
    return {"lift_tests": xr.Dataset({"test": (("experiment",), texts)})} if len(texts) else {}


def _with_lift_tests(spec: ModelSpec, stored: xr.Dataset | None) -> ModelSpec:
    if stored is None:
        return spec
    tests = tuple(LiftTest.from_json(json.loads(str(text))) for text in stored["test"].values)
    return dataclasses.replace(spec, lift_tests=tests)


def _optional_group(path: Path, group: str) -> xr.Dataset | None:
    import h5netcdf

    with h5netcdf.File(path, "r") as file:
        there = group in file.groups
    return xr.load_dataset(path, group=group, engine="h5netcdf") if there else None
