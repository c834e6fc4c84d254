"""Where asset values are stored and in which format: Parquet by geo, netCDF, JSON; written atomically.

Layout under `<storage>/assets`, readable as it is by DuckDB, Polars or Spark:
`<asset>/geo=<url-quoted geo>/part.parquet` for tables by geo, `<asset>.parquet` for pooled tables,
`<asset>.nc` for arrays and posteriors, `<asset>.json` for small records.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import dagster as dg
import pandas as pd
from upath import UPath

from mmm_assets.damage import readable
from mmm_assets.resources.storage import is_there, local_copy, publish
from mmm_core.errors import StorageError
from mmm_core.plausible import require_plausible

if TYPE_CHECKING:
    from mmm_core.evaluation.convergence import Diagnostics
    from mmm_core.features.model_data import ModelData
    from mmm_core.model.posterior import Posterior

ALL_GEOS = {"all_geos": True}
"""Metadata of an input that takes every geo: the value is then a dict geo -> value, even for one geo."""
BACKTEST = "backtest"
"""The asset whose partitions are splits of the backtest; those of all others are geos."""


@dataclass(frozen=True)
class StoredFit:
    """What the asset `posterior` stores: the draws, and what tells whether they may be interpreted."""

    posterior: "Posterior"
    diagnostics: "Diagnostics"
    version: str
    """Hash of data and draws; tables made from the fit carry it, so that two fits cannot be mixed."""
    mlflow_run_id: str
    """The MLflow run that recorded this fit."""
    model_choice: dict[str, Any] | None = None
    """How this model was chosen (`ModelChoice.to_record`); None where it was configured."""


def every_geo(asset: str) -> dg.AssetIn:
    """Input of a pooled asset: the values of all registered geos that are stored, by geo."""
    return dg.AssetIn(key=asset, partition_mapping=dg.AllPartitionMapping(), metadata=ALL_GEOS)


def geo_folder(geo: str) -> str:
    """Hive-style folder of a geo; `/`, spaces and anything not ASCII are percent-encoded."""
    return f"geo={quote(geo, safe='')}"


def split_folder(split: str) -> str:
    """The same for a split of the backtest."""
    return f"split={quote(split, safe='')}"


class AtomicIOManager(dg.UPathIOManager):
    """What all formats share: paths, atomic writes, and one rule for inputs of all geos."""

    suffix: str

    def write(self, value: Any, path: Path) -> None:
        """Write a value to a local file."""
        raise NotImplementedError

    def read(self, path: Path) -> Any:
        """Read a value from a local file."""
        raise NotImplementedError

    def path_of(self, asset: str, geo: str | None = None) -> UPath:
        """Where the value of an asset is stored, for one geo or pooled."""
        if geo is None:
            return self._base_path / f"{asset}{self.suffix}"
        folder = split_folder(geo) if asset == BACKTEST else geo_folder(geo)
        return self._base_path / asset / folder / f"part{self.suffix}"

    def _get_path(self, context: dg.InputContext | dg.OutputContext) -> UPath:
        return self.path_of(context.asset_key.path[-1])

    def _get_paths_for_partitions(self, context: dg.InputContext | dg.OutputContext) -> dict[str, UPath]:
        name = context.asset_key.path[-1]
        return {geo: self.path_of(name, geo) for geo in context.asset_partition_keys}

    def dump_to_path(self, context: dg.OutputContext, obj: Any, path: UPath) -> None:
        """Write atomically."""
        publish(path, lambda local: self.write(obj, local))

    def load_from_path(self, context: dg.InputContext, path: UPath) -> Any:
        """Read one value.

        Raises:
            StorageError: nothing is stored there; says what to materialize.
        """
        return self.stored(path, context.asset_key.path[-1])

    def stored(self, path: UPath, asset: str) -> Any:
        """The value at a path.

        Raises:
            StorageError: nothing is stored there, or it is damaged; says what to materialize.
        """
        if not is_there(path):
            raise StorageError(f"{asset} is not stored at {path}; materialize {asset} first.")
        with local_copy(path) as local, readable(path, f"`mmm run` makes it again, or materialize {asset}"):
            require_plausible(local)
            return self.read(local)

    def load_partitions(self, context: dg.InputContext) -> Any:
        """One geo's value, or a dict of all stored geos where the input asks for all.

        A registered geo without a stored value is left out of the dict; the asset that pools decides
        whether that is allowed.
        """
        paths = self._get_paths_for_partitions(context)
        if not (context.definition_metadata or {}).get("all_geos"):
            (path,) = paths.values()
            return self.load_from_path(context, path)
        return {geo: self.load_from_path(context, path) for geo, path in paths.items() if is_there(path)}


class ParquetIOManager(AtomicIOManager):
    """DataFrames without index; `frame.attrs` travels along."""

    suffix = ".parquet"

    def write(self, value: pd.DataFrame, path: Path) -> None:
        """Write a DataFrame."""
        value.to_parquet(path, index=False)

    def read(self, path: Path) -> pd.DataFrame:
        """Read a DataFrame."""
        return pd.read_parquet(path)


class JsonIOManager(AtomicIOManager):
    """Small records: anything that JSON can hold."""

    suffix = ".json"

    def write(self, value: Any, path: Path) -> None:
        """Write a record."""
        path.write_text(json.dumps(value, indent=2, ensure_ascii=False), encoding="utf-8")

    def read(self, path: Path) -> Any:
        """Read a record."""
        return json.loads(path.read_text(encoding="utf-8"))


class ModelDataIOManager(AtomicIOManager):
    """The aligned cube, as one labelled netCDF dataset."""

    suffix = ".nc"

    def write(self, value: "ModelData", path: Path) -> None:
        """Write a cube."""
        path.write_bytes(value.to_dataset().to_netcdf(engine="h5netcdf"))  # see `Posterior.save`

    def read(self, path: Path) -> "ModelData":
        """Read a cube."""
        import xarray as xr

        from mmm_core.features.model_data import ModelData

        return ModelData.from_dataset(xr.load_dataset(path, engine="h5netcdf"))


class PosteriorIOManager(AtomicIOManager):
    """A posterior with its diagnostics in one file, so that the two can never disagree."""

    suffix = ".nc"

    def write(self, value: StoredFit, path: Path) -> None:
        """Write the draws, and the record of the fit as one more group."""
        import xarray as xr

        record = {
            "diagnostics": value.diagnostics.to_json(),
            "version": value.version,
            "mlflow_run_id": value.mlflow_run_id,
            "model_choice": json.dumps(value.model_choice),
        }
        value.posterior.save(path, {"fit": xr.Dataset({name: ((), text) for name, text in record.items()})})

    def read(self, path: Path) -> StoredFit:
        """Read both."""
        import xarray as xr

        from mmm_core.evaluation.convergence import Diagnostics
        from mmm_core.model.posterior import Posterior

        posterior = Posterior.load(path)
        record = xr.load_dataset(path, group="fit", engine="h5netcdf")
        return StoredFit(
            posterior=posterior,
            diagnostics=Diagnostics.from_json(str(record["diagnostics"].values)),
            version=str(record["version"].values),
            mlflow_run_id=str(record["mlflow_run_id"].values),
            model_choice=json.loads(str(record["model_choice"].values)),
        )


def io_managers(folder: UPath) -> dict[str, AtomicIOManager]:
    """The IO managers by resource key."""
    return {
        "parquet": ParquetIOManager(folder),
        "json": JsonIOManager(folder),
        "model_data_io": ModelDataIOManager(folder),
        "posterior_io": PosteriorIOManager(folder),
    }
