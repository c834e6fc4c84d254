"""PyMC-Marketing's multidimensional MMM on one panel; run by an interpreter that has pymc-marketing.

`python pymc_marketing_worker.py FOLDER` reads `request.json` and `panel.parquet` in FOLDER and writes
`draws.nc` and `answer.json` there.  It imports nothing of this project: the two libraries cannot share an
environment.
"""

import importlib
import json
import os
import resource
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

_MAX_LAG_WEEKS = 8
_MOST_KEPT = 1000
"""Draws of the contributions that are handed over."""


def main(folder: Path) -> None:
    """Fit, and write what came of it."""
    request = json.loads((folder / "request.json").read_text(encoding="utf-8"))
    # Before JAX is imported: one device per core, so that the JAX samplers run their chains side by side.
    os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={request['cores']}"
    panel = pd.read_parquet(folder / "panel.parquet")
    for library in ("pymc_marketing.mmm", request["sampler"]):
        importlib.import_module(library)  # before the clock starts, as for every other runner
    began = time.perf_counter()
    mmm = _model(request)
    inputs, target = panel.drop(columns=["y"]), panel["y"]
    mmm.build_model(X=inputs, y=target)
    fitted = mmm.fit(X=inputs, y=target, progressbar=False, random_seed=request["seed"], **_sampler(request))
    seconds = time.perf_counter() - began
    posterior = _dataset(fitted, "posterior")
    predicted = mmm.sample_posterior_predictive(inputs, extend_idata=False, combined=False, progressbar=False)
    draws = _handed_over(mmm, posterior, _dataset(predicted, "posterior_predictive"), request)
    draws.to_netcdf(folder / "draws.nc", engine="h5netcdf", encoding={name: {"zlib": True} for name in draws})
    fit_file = folder / "fit.nc"
    mmm.save(str(fit_file))
    answer = {
        "version": f"pymc-marketing {version('pymc-marketing')}, pymc {version('pymc')}",
        "seconds": seconds,
        "compile_seconds": _compile_seconds(posterior, seconds, request["sampler"]),
        "divergences": int(_dataset(fitted, "sample_stats")["diverging"].sum()),
        "artifact_bytes": fit_file.stat().st_size,
        "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }
    fit_file.unlink()
    (folder / "answer.json").write_text(json.dumps(answer), encoding="utf-8")


def _model(request: dict[str, Any]) -> Any:
    """Geometric adstock, Hill sigmoid with half-normal scales in proportion to spend, two yearly harmonics."""
    from pymc_extras.prior import Prior
    from pymc_marketing.mmm import GeometricAdstock, HillSaturationSigmoid

    if int(version("pymc-marketing").split(".")[0]) >= 1:
        from pymc_marketing.mmm import MMM
    else:
        from pymc_marketing.mmm.multidimensional import MMM
    spread = Prior(
        "HalfNormal", sigma=np.array(request["spend_shares"]) * len(request["channels"]), dims="channel"
    )
    priors = {
        "sigma": Prior("InverseGamma", mu=spread, sigma=Prior("HalfNormal", sigma=1.5), dims=("channel", "geo")),
        "beta": Prior("HalfNormal", sigma=1.5, dims="channel"),
        "lam": Prior("HalfNormal", sigma=1.5, dims="channel"),
    }
    return MMM(
        date_column="date",
        target_column="y",
        channel_columns=request["channels"],
        control_columns=request["controls"] or None,
        dims=("geo",),
        scaling={"channel": {"method": "max", "dims": ()}, "target": {"method": "max", "dims": ()}},
        adstock=GeometricAdstock(
            l_max=_MAX_LAG_WEEKS, priors={"alpha": Prior("Beta", alpha=1, beta=3, dims="channel")}
        ),
        saturation=HillSaturationSigmoid(priors=priors),
        yearly_seasonality=2,
    )


def _sampler(request: dict[str, Any]) -> dict[str, Any]:
    keys = ("chains", "draws", "tune", "target_accept", "cores")
    return {key: request[key] for key in keys} | {"nuts_sampler": request["sampler"]}


def _dataset(tree: Any, group: str) -> xr.Dataset:
    """A group of an InferenceData or a DataTree, or the dataset itself."""
    if isinstance(tree, xr.Dataset):
        return tree
    found = tree[group]
    return found if isinstance(found, xr.Dataset) else found.to_dataset()


def _compile_seconds(posterior: xr.Dataset, seconds: float, sampler: str) -> float | None:
    """What is not sampling, for the samplers that compile before they look at the clock."""
    sampling = posterior.attrs.get("sampling_time")
    return None if sampling is None or sampler not in ("pymc", "nutpie") else seconds - float(sampling)


def _handed_over(mmm: Any, posterior: xr.Dataset, predicted: xr.Dataset, request: dict[str, Any]) -> xr.Dataset:
    """Sampled parameters, contributions in KPI units, and predictions, as plain arrays."""
    target_scale = mmm.get_scales_as_xarray()["target_scale"]
    contributions = posterior["channel_contribution"] * target_scale
    stacked = contributions.stack(sample=("chain", "draw")).transpose("sample", "geo", "date", "channel")
    stacked = stacked.sel(geo=request["geos"], channel=request["channels"])
    kept = np.unique(np.linspace(0, stacked.sizes["sample"] - 1, _MOST_KEPT, dtype=int))
    free = [variable.name for variable in mmm.model.free_RVs]
    labels, columns = [], []
    for name in free:
        values = posterior[name].transpose("chain", "draw", ...).values
        flat = values.reshape(*values.shape[:2], -1)
        labels += [f"{name}[{position}]" for position in range(flat.shape[2])]
        columns.append(flat)
    prediction = predicted["y"].transpose("chain", "draw", "geo", "date").sel(geo=request["geos"]).values
    prediction = (
        prediction.reshape(-1, *prediction.shape[2:]) * target_scale.sel(geo=request["geos"]).values[:, None]
    )
    low, high = np.quantile(prediction, [0.05, 0.95], axis=0)
    return xr.Dataset(
        {
            "parameters": (("chain", "draw", "quantity"), np.concatenate(columns, axis=2)),
            "contributions": (("sample", "geo", "time", "channel"), stacked.values[kept].astype(np.float32)),
            "predicted_mean": (("geo", "time"), prediction.mean(axis=0)),
            "q05": (("geo", "time"), low),
            "q95": (("geo", "time"), high),
        },
        coords={"quantity": np.array(labels, dtype=object)},
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
