"""What an interrupted fit leaves behind, and from which the same fit goes on."""

import dataclasses
import hashlib
import json
import logging
import shutil
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmm_core import __version__
from mmm_core.features.model_data import ModelData
from mmm_core.model.backend import SamplerSettings
from mmm_core.model.posterior import Posterior
from mmm_core.model.specification import ModelSpec
from mmm_core.storage import atomic_path

_SECONDS = 30.0
"""Between two checkpoints of a chain."""
_NOT_IN_THE_DRAWS = ("cores", "compile_cache")
"""Settings that do not change the draws."""

_log = logging.getLogger(__name__)


def fingerprint(data: ModelData, spec: ModelSpec, settings: SamplerSettings, start: Posterior | None) -> str:
    """Hash of everything that the draws depend on."""
    import jax

    content = hashlib.sha256()
    relevant = {
        name: value for name, value in dataclasses.asdict(settings).items() if name not in _NOT_IN_THE_DRAWS
    }
    content.update(json.dumps([__version__, jax.__version__, relevant, spec.to_json()]).encode())
    roles = (data.channel_kinds, data.control_roles, data.control_per_capita)
    content.update(repr((roles, data.kpi_type)).encode())
    for name, variable in sorted(data.to_dataset().variables.items(), key=lambda item: str(item[0])):
        content.update(f"{name} {variable.shape}".encode())
        content.update(_bytes(variable.values))
    if spec.scaling is not None:
        for field in dataclasses.fields(spec.scaling):
            content.update(_bytes(np.asarray(getattr(spec.scaling, field.name))))
    if start is not None and start.sampler is not None:
        for name in sorted(map(str, start.sampler.data_vars)):
            content.update(_bytes(start.sampler[name].values))
    return content.hexdigest()


def _bytes(values: NDArray[Any]) -> bytes:
    return json.dumps(values.tolist()).encode() if values.dtype == object else values.tobytes()


class Checkpoint:
    """One file per chain in a folder; each knows to which fit it belongs."""

    def __init__(self, folder: Path | None, fit: str) -> None:
        """`folder` None: nothing is kept.  `fit`: see `fingerprint`."""
        self._folder = folder
        self._fit = fit
        self._written: dict[int, float] = {}

    def offer(self, chain: int, state: Callable[[], Mapping[str, NDArray[Any]]], now: bool = False) -> None:
        """Keep the state of a chain, if it is time; a folder that cannot be written costs a warning."""
        clock = time.monotonic()
        last = self._written.setdefault(chain, clock)
        if self._folder is None or not (now or clock - last >= _SECONDS):
            return
        self._written[chain] = clock
        try:
            with atomic_path(self._path(self._folder, chain)) as temporary, temporary.open("wb") as file:
                arrays: dict[str, Any] = {"fit": np.array(self._fit), **state()}
                np.savez(file, **arrays)
        except OSError as error:
            _log.warning("No checkpoint of chain %s: %s", chain, error)

    def resume(self, chain: int) -> dict[str, NDArray[Any]] | None:
        """What was kept of that chain of this very fit; None if nothing readable was."""
        if self._folder is None:
            return None
        try:
            with self._path(self._folder, chain).open("rb") as file, np.load(file, allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}
        except (OSError, ValueError, EOFError, zipfile.BadZipFile):
            return None
        return arrays if str(arrays.pop("fit", "")) == self._fit else None

    def remove(self) -> None:
        """The fit is done."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    @staticmethod
    def _path(folder: Path, chain: int) -> Path:
        return folder / f"chain-{chain}.npz"
