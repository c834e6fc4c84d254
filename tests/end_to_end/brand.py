"""A brand whose file grows: a few geos of a public data set, week by week."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import yaml

from mmm_assets.registry import Registry
from mmm_assets.resources.project import Project
from mmm_assets.resources.tracking import Tracker
from tests.assets import projects
from tests.shared_data import shared_data

N_WEEKS = 60
_EXAMPLE = Path(__file__).parents[2] / "config" / "examples" / "meridian_geo_all_channels.yaml"


@dataclass(frozen=True)
class Brand:
    """A project whose file grows."""

    project: Project
    all_weeks: pd.DataFrame
    n_geos: int

    @property
    def geos(self) -> list[str]:
        """In the first file."""
        return [f"Geo{number}" for number in range(self.n_geos)]

    @property
    def newcomer(self) -> str:
        """The geo that comes with the first new week."""
        return f"Geo{self.n_geos}"

    @property
    def idle(self) -> str:
        """The geo that has no new week."""
        return self.geos[0]

    def write(self, new_weeks: int) -> None:
        """The source as it is after so many new weeks."""
        frame, weeks = self.all_weeks, sorted(self.all_weeks["time"].unique())[-N_WEEKS - 2 :]
        geos = self.geos if new_weeks == 0 else [*self.geos, self.newcomer]
        first = frame["time"].isin(weeks[:N_WEEKS])
        later = frame["time"].isin(weeks[N_WEEKS : N_WEEKS + new_weeks]) & frame["geo"].ne(self.idle)
        rows = frame[frame["geo"].isin(geos) & (first | later)]
        target = projects.panel_of(self.project)
        temporary = target.with_suffix(".tmp")
        rows.to_csv(temporary, index=False)
        temporary.replace(target)

    def configure(self, **limits: float) -> None:
        """Write the configuration with other limits of convergence."""
        values = yaml.safe_load(self.project.loaded.path.read_text(encoding="utf-8"))
        values["complexity"]["identifiability"].update(limits)
        projects.write_config(self.project.loaded.path.parent, values)

    def champion(self) -> int:
        """Number of the version in use."""
        return Registry.of(self.project, Tracker.of(self.project)).numbers_by_alias()["champion"]

    def fits(self) -> list[str]:
        """Status of each fit's MLflow run."""
        client = Tracker.of(self.project).client()
        runs = client.search_runs([experiment.experiment_id for experiment in client.search_experiments()])
        return [str(run.info.status) for run in runs]


def new_brand(folder: Path, n_geos: int) -> Brand:
    """A project in a folder, with its first file; of all that could run by itself only `new_data` does."""
    example = yaml.safe_load(_EXAMPLE.read_text(encoding="utf-8"))
    automation = {
        "new_data": {"every_seconds": 5},
        "after_backfill": {"running": False},
        "drift": {"running": False},
    }
    values = projects.settings(folder, folder / "panel.csv", data=example["data"], automation=automation)
    values["training"] = {"chains": 2, "tune": 100, "draws": 50}
    project = projects.load(projects.write_config(folder, values))
    frame = pd.read_csv(shared_data("meridian/geo_all_channels.csv"), index_col=0, dtype=str)
    brand = Brand(project, frame, n_geos)
    brand.write(new_weeks=0)
    return brand
