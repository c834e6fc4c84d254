"""A fit as a folder in MLflow's format that needs neither this project nor what fitted it, and has no pickle."""

import json
import os
import shutil
import tempfile
import warnings
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import mmm_core
from mmm_core.config.features import FeaturesConfig
from mmm_core.model.posterior import Posterior

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlflow.models import ModelSignature

REQUIREMENTS = (
    "mlflow",
    "numpy",
    "pandas",
    "xarray",
    "h5netcdf",
    "h5py",
    "scipy",
    "pydantic",
    "PyYAML",
    "holidays",
)
"""What the served model imports, directly or through these."""
_PARTS = ("config", "data", "features", "model", "attribution", "planning", "serving")
_LEFT_OUT = ("__pycache__", "backends", "sources")
_SOURCES = ("__init__.py", "table.py")
_INPUT = {"date": "datetime", "geo": "string", "channel": "string", "spend": "double"}
_OUTPUT = {
    "geo": "string",
    "date": "datetime",
    "kind": "string",
    "component": "string",
    **dict.fromkeys(("mean", "q05", "q50", "q95"), "double"),
}


def write_model(posterior: Posterior, features: FeaturesConfig, about: Mapping[str, str], folder: Path) -> None:
    """Write the model.

    Args:
        posterior: the fit, thinned as it is to be served (`thinned`).
        features: `features` as the fit was made with.
        about: what else is to be known of it, e.g. the version of the fit.
        folder: does not exist yet.
    """
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    with tempfile.TemporaryDirectory() as temporary, _code(Path(temporary)) as code, warnings.catch_warnings():
        # MLflow warns of types of its own as it is imported, and that no example of the input is stored: it would
        # be of the data.
        warnings.filterwarnings("ignore", message="(?s).*(input example was not|type hint)", category=UserWarning)
        from mlflow.pyfunc import save_model

        draws, description = Path(temporary) / "posterior.nc", Path(temporary) / "about.json"
        posterior.save(draws)
        record = {**about, "features": features.model_dump(mode="json")}
        description.write_text(json.dumps(record, indent=2), encoding="utf-8")
        save_model(
            str(folder),
            python_model=str(Path(__file__).with_name("loader.py")),
            artifacts={"posterior": str(draws), "about": str(description)},
            code_paths=[str(code)],
            signature=_signature(),
            pip_requirements=requirements(),
        )


def requirements() -> list[str]:
    """`name==version` of what the model needs, as installed here."""
    return [f"{name}=={version(name)}" for name in REQUIREMENTS]


def thinned(posterior: Posterior, draws: int | None) -> Posterior:
    """About that many draws of all chains, evenly spaced; without what only a refit needs.

    Args:
        posterior: the fit.
        draws: of all chains together; None, or more than there are: all of them.
    """
    chains, kept = posterior.info.chains, posterior.info.draws
    step = 1 if draws is None else max(1, kept // max(1, draws // chains))
    samples, stats = (
        found.isel(draw=slice(None, None, step)) for found in (posterior.samples, posterior.sample_stats)
    )
    info = replace(posterior.info, draws=int(samples.sizes["draw"]))
    return replace(posterior, samples=samples, sample_stats=stats, info=info, sampler=None)


def _signature() -> "ModelSignature":
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    given = [ColSpec(kind, name) for name, kind in _INPUT.items()]
    return ModelSignature(
        inputs=Schema([*given, ColSpec("double", "media", required=False)]),
        outputs=Schema([ColSpec(kind, name) for name, kind in _OUTPUT.items()]),
    )


@contextmanager
def _code(temporary: Path) -> "Iterator[Path]":
    """The part of the library that answers, as a package of its own: a version keeps the code it was made with."""
    source, target = Path(mmm_core.__file__).parent, temporary / "code" / "mmm_core"
    for part in _PARTS:
        shutil.copytree(source / part, target / part, ignore=shutil.ignore_patterns(*_LEFT_OUT))
    for path in source.glob("*.py"):
        shutil.copyfile(path, target / path.name)
    (target / "data" / "sources").mkdir()
    for name in _SOURCES:
        shutil.copyfile(source / "data" / "sources" / name, target / "data" / "sources" / name)
    yield target
