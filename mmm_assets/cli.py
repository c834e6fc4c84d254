"""The command line: `mmm`.

Exit codes: 0 success; 1 a check blocks, or something unexpected; 2 data, configuration or arguments cannot be
used.  Heavy imports happen in the commands that need them.
"""

import sys
import traceback
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Annotated

import typer

from mmm_core.errors import InputError, MMMError

BLOCKED, BAD_INPUT, INTERRUPTED = 1, 2, 130
_STAGES: dict[str, str] = {
    "ingest": "Read the source and register its geos.",
    "validate": "Check each geo's rows.",
    "transform": "Clean each geo's rows into a weekly panel.",
    "features": "Make the model's inputs and align all geos.",
    "train": "Fit the model, unless the fit is up to date.",
    "evaluate": "Contributions, returns, response curves and fit.",
    "optimize": "Recommend budgets.",
    "report": "Write the report and the exports.",
}
app = typer.Typer(
    name="mmm",
    help="Marketing mix modeling as a Dagster asset graph.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
config_app = typer.Typer(help="Look at the configuration.", no_args_is_help=True)
app.add_typer(config_app, name="config")


class BackendChoice(StrEnum):
    """Names of the backends, for the shell."""

    MERIDIAN = "meridian"
    PYMC = "pymc"


class StepsChoice(StrEnum):
    """Sampler steps of a benchmark, for the shell."""

    QUICK = "quick"
    FULL = "full"


ConfigOption = Annotated[
    Path, typer.Option("--config", "-c", envvar="MMM_CONFIG", help="Configuration file.", metavar="FILE")
]
ProfileOption = Annotated[str | None, typer.Option("--profile", envvar="MMM_PROFILE", help="Profile of the file.")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", help="Override one key; may be repeated.", metavar="KEY=VALUE")
]
BackendOption = Annotated[
    BackendChoice | None, typer.Option("--backend", help="Who fits the model (model.backend).")
]
ForceOption = Annotated[bool, typer.Option("--force", help="Make what is up to date as well.")]
DebugOption = Annotated[bool, typer.Option("--debug", help="Show tracebacks and the libraries' warnings.")]
DEFAULT_CONFIG = Path("config/project.yaml")


def main() -> None:
    """Entry point of the console script."""
    sys.excepthook = _unexpected
    typer.main.get_command(app)()  # `app()` would put a hook of its own in the place of ours


def _unexpected(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """One line for what nobody foresaw; the traceback only if asked for."""
    if "--debug" in sys.argv:
        typer.echo(_masked("".join(traceback.format_exception(kind, error, trace))), err=True, nl=False)
    elif isinstance(error, Exception) and (words := _explained(error)):
        typer.echo(_masked(words), err=True)
    else:
        text = f"Unexpected {kind.__name__}: {error}\nRun again with --debug to see where."
        typer.echo(_masked(text), err=True)


def _explained(error: Exception) -> str | None:
    """Words for what is the machine's doing, not a mistake of the program."""
    from mmm_assets.outages import explained

    return explained(error)


def _said_here(text: str) -> str:
    """The message of the library in the words of the command line."""
    from mmm_assets.commands.wording import in_terminal_words

    return in_terminal_words(text)


def _masked(text: str) -> str:
    from mmm_core.logs import masked

    return masked(text)


def _finish(action: Callable[[], int], debug: bool) -> None:
    """Run, and leave with the exit code.

    Raises:
        typer.Exit: always.
    """
    try:
        code = action()
    except MMMError as error:
        if debug:
            raise
        typer.echo(_masked(_said_here(str(error))), err=True)
        code = BAD_INPUT if isinstance(error, InputError) else BLOCKED
    except KeyboardInterrupt:
        typer.echo("Interrupted; report and exports are as they were before.", err=True)
        code = INTERRUPTED
    raise typer.Exit(code)


def _add_stage_command(name: str, about: str, stages: tuple[str, ...]) -> None:
    def command(
        config: ConfigOption = DEFAULT_CONFIG,
        profile: ProfileOption = None,
        backend: BackendOption = None,
        set_: SetOption = None,
        force: ForceOption = False,
        debug: DebugOption = False,
    ) -> None:
        def action() -> int:
            from mmm_assets.commands.invocation import Invocation
            from mmm_assets.commands.stages import run_stages
            from mmm_assets.planning import STAGES

            invocation = Invocation(config, profile, tuple(set_ or ()), backend, debug)
            return run_stages(invocation, [stage for stage in STAGES if stage in stages], force)

        _finish(action, debug)

    app.command(name, help=about)(command)


_add_stage_command("run", "Run all stages, from the source to the report.", tuple(_STAGES))
for _stage, _about in _STAGES.items():
    if _stage != "optimize":
        _add_stage_command(_stage, f"{_about} Makes what it needs first.", (_stage,))


@app.command()
def optimize(
    config: ConfigOption = DEFAULT_CONFIG,
    profile: ProfileOption = None,
    backend: BackendOption = None,
    set_: SetOption = None,
    scenario: Annotated[
        str | None,
        typer.Option("--scenario", help="Answer this scenario alone from the stored posterior; makes no asset."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="CSV file for that scenario's plan.", metavar="FILE")
    ] = None,
    force: ForceOption = False,
    debug: DebugOption = False,
) -> None:
    """Recommend budgets. Makes what it needs first."""

    def action() -> int:
        from mmm_assets.commands.invocation import Invocation

        invocation = Invocation(config, profile, tuple(set_ or ()), backend, debug)
        if scenario is not None:
            from mmm_assets.commands.optimize import answer_scenario

            return answer_scenario(invocation, scenario, output)
        if output is not None:
            raise InputError(
                "--output needs --scenario; the plans of all scenarios are in exports/budget_plan.csv."
            )
        from mmm_assets.commands.stages import run_stages

        return run_stages(invocation, ["optimize"], force)

    _finish(action, debug)


@app.command()
def backfill(
    config: ConfigOption = DEFAULT_CONFIG,
    profile: ProfileOption = None,
    set_: SetOption = None,
    geos: Annotated[
        list[str] | None, typer.Option("--geos", help="These geos; may be repeated.", metavar="A,B,...")
    ] = None,
    first: Annotated[
        str | None, typer.Option("--from", help="From this geo on, in the order of the source.", metavar="GEO")
    ] = None,
    last: Annotated[str | None, typer.Option("--to", help="Up to this geo, included.", metavar="GEO")] = None,
    every: Annotated[bool, typer.Option("--all", help="All geos.")] = False,
    stage: Annotated[
        str, typer.Option("--stage", help="Up to this stage: ingest, validate, transform or features.")
    ] = "features",
    no_fit: Annotated[bool, typer.Option("--no-fit", help="Make the geos' tables only.")] = False,
    debug: DebugOption = False,
) -> None:
    """Make tables of geos again; then, once, whatever is out of date behind them: fit, budgets, report."""

    def action() -> int:
        from mmm_assets.commands.backfill import Wanted, run_backfill
        from mmm_assets.commands.invocation import Invocation

        wanted = Wanted(tuple(geos or ()), first, last, every)
        invocation = Invocation(config, profile, tuple(set_ or ()), None, debug)
        return run_backfill(invocation, wanted, stage, fit=not no_fit)

    _finish(action, debug)


def _add_version_command(name: str, about: str, option: str, by_default: str) -> None:
    def command(
        config: ConfigOption = DEFAULT_CONFIG,
        profile: ProfileOption = None,
        set_: SetOption = None,
        number: Annotated[int | None, typer.Option(option, help=f"Which version ({by_default}).")] = None,
        debug: DebugOption = False,
    ) -> None:
        def action() -> int:
            from mmm_assets.commands import promotion
            from mmm_assets.commands.invocation import Invocation

            change = promotion.promote if name == "promote" else promotion.roll_back
            return change(Invocation(config, profile, tuple(set_ or ()), None, debug), number)

        _finish(action, debug)

    app.command(name, help=about)(command)


_add_version_command(
    "promote",
    "Make a version of the model the champion, and budgets and report with it.",
    "--version",
    "the challenger",
)
_add_version_command(
    "rollback",
    "Go back to an earlier version of the model: its fit takes the place of the stored one.",
    "--to",
    "the champion before",
)


@app.command("new-project")
def new_project(
    name: Annotated[str, typer.Argument(help="Small letters, digits, - and _.", metavar="NAME")],
    folder: Annotated[
        Path | None, typer.Option("--folder", help="Folder for the configuration (config).", metavar="FOLDER")
    ] = None,
    debug: DebugOption = False,
) -> None:
    """Write the configuration of one more project, and add it to workspace.yaml."""

    def action() -> int:
        from mmm_assets.commands.new_project import new_project as write

        return write(name, folder)

    _finish(action, debug)


@app.command()
def brands(
    configs: Annotated[
        list[Path] | None, typer.Argument(help="Configuration files (all of workspace.yaml).", metavar="[FILE]...")
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    profile: ProfileOption = None,
    set_: SetOption = None,
    debug: DebugOption = False,
) -> None:
    """Run all stages of several projects, by deployment.executor: one by one, in processes, or on Dask workers."""

    def action() -> int:
        from mmm_assets.commands.brands import run_brands
        from mmm_assets.commands.invocation import Invocation

        return run_brands(Invocation(config, profile, tuple(set_ or ()), None, debug), configs or [])

    _finish(action, debug)


@app.command()
def ui(
    config: ConfigOption = DEFAULT_CONFIG,
    profile: ProfileOption = None,
    set_: SetOption = None,
    port: Annotated[int, typer.Option("--port", "-p", min=1, max=65535, help="Port of the Dagster UI.")] = 3000,
    mlflow: Annotated[bool, typer.Option("--mlflow", help="Serve MLflow's UI on port 5000 as well.")] = False,
    debug: DebugOption = False,
) -> None:
    """Open the Dagster UI on this machine, with the geos of the source registered."""

    def action() -> int:
        from mmm_assets.commands.invocation import Invocation
        from mmm_assets.commands.ui import serve

        return serve(Invocation(config, profile, tuple(set_ or ()), None, debug), port, mlflow)

    _finish(action, debug)


@app.command()
def simulate(
    output: Annotated[Path, typer.Option("--output", "-o", help="CSV or Parquet file to write.", metavar="FILE")],
    geos: Annotated[int | None, typer.Option("--geos", help="Number of geos.")] = None,
    weeks: Annotated[int | None, typer.Option("--weeks", help="Number of weeks.")] = None,
    channels: Annotated[int | None, typer.Option("--channels", help="Number of channels.")] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Seed of the simulation.")] = None,
    preset: Annotated[
        str | None, typer.Option("--preset", help="A panel of the benchmark, such as small_business.")
    ] = None,
    debug: DebugOption = False,
) -> None:
    """Write a simulated panel, and the truth behind it as NAME.truth.json."""

    def action() -> int:
        from mmm_assets.commands.simulate import write_simulation

        asked = {"n_geos": geos, "n_weeks": weeks, "n_channels": channels, "seed": seed, "preset": preset}
        return write_simulation(output, {key: value for key, value in asked.items() if value is not None})

    _finish(action, debug)


@app.command()
def benchmark(
    names: Annotated[
        list[str] | None, typer.Argument(help="More data sets and backends, in any order.", metavar="[NAME]...")
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    profile: ProfileOption = None,
    set_: SetOption = None,
    datasets: Annotated[
        list[str] | None,
        typer.Option("--datasets", "--dataset", help="small_business, ..., configured (benchmark.datasets)."),
    ] = None,
    backends: Annotated[
        list[str] | None,
        typer.Option(
            "--backends", "--backend", help="meridian, pymc, pymc_reference:numpyro, ... (benchmark.backends)."
        ),
    ] = None,
    preset: Annotated[
        StepsChoice | None, typer.Option("--preset", help="quick: 2 x (300 + 300) steps; full: 4 x (1000 + 1000).")
    ] = None,
    chains: Annotated[int | None, typer.Option("--chains", min=1, help="Chains (training.chains).")] = None,
    tune: Annotated[int | None, typer.Option("--tune", min=1, help="Adaptation steps (training.tune).")] = None,
    draws: Annotated[int | None, typer.Option("--draws", min=4, help="Kept draws (training.draws).")] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder of results (STORAGE/benchmark).", metavar="FOLDER"),
    ] = None,
    timeout: Annotated[
        float | None, typer.Option("--timeout", min=1, help="Seconds per run (benchmark.timeout_seconds).")
    ] = None,
    force_rerun: Annotated[bool, typer.Option("--force-rerun", help="Run again what is known.")] = False,
    plots_only: Annotated[bool, typer.Option("--plots-only", help="Only write the summary again.")] = False,
    calibration: Annotated[
        int | None,
        typer.Option(
            "--calibration",
            min=1,
            help="Fit so many simulated panels and test whether the posterior is right; 300 say much. Without "
            "names of data sets or backends nothing else is run.",
            metavar="N",
        ),
    ] = None,
    data_scale: Annotated[
        str | None,
        typer.Option(
            "--data-scale",
            help="Measure time and memory from Parquet to the model's data, with daily panels of so many geos "
            "(10,100,1000). Without names of data sets or backends nothing else is run.",
            metavar="GEOS,...",
        ),
    ] = None,
    coverage: Annotated[
        bool,
        typer.Option(
            "--coverage",
            help="Fit simulated panels with model.backend and count how often intervals hold the truth "
            "(benchmark.coverage). Without names of data sets or backends nothing else is run.",
        ),
    ] = False,
    seeds: Annotated[
        int | None,
        typer.Option("--seeds", min=1, help="Panels per scenario of --coverage (benchmark.coverage.seeds)."),
    ] = None,
    debug: DebugOption = False,
) -> None:
    """Fit data sets with known truth with each backend; compare time, sampling and recovery.

    Results are kept: the same run is not done twice, and an interrupted benchmark goes on where it was.
    """

    def action() -> int:
        from mmm_assets.commands.benchmark import Request, compare
        from mmm_assets.commands.invocation import Invocation

        invocation = Invocation(config, profile, tuple(set_ or ()), None, debug)
        steps = {"preset": preset and preset.value, "chains": chains, "tune": tune, "draws": draws}
        asked = (tuple(datasets or ()), tuple(backends or ()), tuple(names or ()))
        given = (*asked, steps, output, timeout, force_rerun, plots_only)
        return compare(invocation, Request(*given, calibration, data_scale, coverage, seeds))

    _finish(action, debug)


@config_app.command("check")
def config_check(
    config: ConfigOption = DEFAULT_CONFIG,
    profile: ProfileOption = None,
    set_: SetOption = None,
    debug: DebugOption = False,
) -> None:
    """List every effective value with its origin, and prove that every key has an effect."""

    def action() -> int:
        from mmm_assets.commands.config import check
        from mmm_assets.commands.invocation import Invocation

        return check(Invocation(config, profile, tuple(set_ or ()), None, debug))

    _finish(action, debug)
