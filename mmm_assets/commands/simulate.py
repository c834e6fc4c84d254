"""`mmm simulate`."""

from collections.abc import Mapping
from pathlib import Path

import pydantic

from mmm_assets.commands.console import results
from mmm_core.config.ingest import SimulatorConfig
from mmm_core.data.simulator import simulate
from mmm_core.errors import InputError
from mmm_core.storage import atomic_path, write_text


def write_simulation(output: Path, settings: Mapping[str, int | str]) -> int:
    """Write a simulated panel to `output` and its truth beside it.

    Raises:
        InputError: a number out of range, or a file that is neither CSV nor Parquet.
    """
    if output.suffix not in (".csv", ".parquet"):
        raise InputError(f"--output is {output}; give a file that ends with .csv or .parquet.")
    sizes = [f"--{key.removeprefix('n_')}" for key in settings if key.startswith("n_")]
    if "preset" in settings and sizes:
        raise InputError(f"{', '.join(sizes)} cannot be given with --preset, whose sizes are fixed; drop one.")
    try:
        config = SimulatorConfig.model_validate(dict(settings))
    except pydantic.ValidationError as error:
        problems = "; ".join(
            f"--{str(problem['loc'][0]).removeprefix('n_')} is {problem['input']}: {problem['msg']}"
            for problem in error.errors()
        )
        raise InputError(f"{problems}.") from error
    simulation = simulate(config)
    with atomic_path(output) as temporary:
        if output.suffix == ".csv":
            simulation.frame.to_csv(temporary, index=False)
        else:
            simulation.frame.to_parquet(temporary, index=False)
    truth = output.with_name(f"{output.stem}.truth.json")
    write_text(truth, simulation.truth.to_json())
    results().print(f"{output}: {len(simulation.frame)} rows; truth in {truth}", markup=False)
    return 0
