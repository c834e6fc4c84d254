"""Files of lift tests, and panels to write them for."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mmm_core.config.schema import Config
from mmm_core.features.model_data import ModelData
from tests.factories import tiny_model_data

DATA = tiny_model_data(n_geos=3, n_weeks=40, n_channels=3, n_controls=1)


def day(data: ModelData, week: int, weekday: int = 0) -> str:
    """A day of a week of the data."""
    return str(data.dates[week] + np.timedelta64(weekday, "D"))


def lift_row(data: ModelData = DATA, **cells: Any) -> dict[str, Any]:
    """A test of channel_0 in Geo0 and Geo1 in weeks 20 to 23, half of whose spend was the change."""
    row = {
        "id": "lift",
        "channels": "channel_0",
        "geos": "Geo0;Geo1",
        "start": day(data, 20),
        "end": day(data, 23, 6),
        "relative_change": 1.0,
        "metric": "roas",
        "estimate": 2.0,
        "standard_error": 0.3,
    }
    return row | cells


def calibrated_config(path: Path, use: str = "prior", **settings: Any) -> Config:
    """A configuration with that registry."""
    return Config.model_validate({"calibration": {"experiments": str(path), "use": use, **settings}})


def written(rows: list[dict[str, Any]], folder: Path, use: str = "prior", **settings: Any) -> Config:
    """The configuration of a CSV file with these rows."""
    path = folder / "lift.csv"
    pd.DataFrame(rows).to_csv(path, index=False)
    return calibrated_config(path, use, **settings)
