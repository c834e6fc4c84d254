"""What came of a benchmark, for people: CSV tables, plots, and one page as Markdown and as HTML.

`results.csv` one row per run, `recovery.csv` one row per run, geo and channel, `totals.csv` one row per run
and channel; `plots/*.png`; `summary.md`, `summary.html`, which show the
calibration, the coverage study and the measurement of the data path too, if there are any.
"""

import html
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from mmm_core.benchmark.calibration_study import FOLDER, PICTURE, CalibrationStudy, stored_calibration
from mmm_core.benchmark.coverage_study import FOLDER as COVERAGE_FOLDER
from mmm_core.benchmark.coverage_study import PICTURE as COVERAGE_PICTURE
from mmm_core.benchmark.coverage_study import CoverageStudy, stored_coverage
from mmm_core.benchmark.data_scale import FOLDER as SCALE_FOLDER
from mmm_core.benchmark.data_scale import PICTURE as SCALE_PICTURE
from mmm_core.benchmark.data_scale import DataScale, stored_data_scale
from mmm_core.benchmark.job import RunResult
from mmm_core.benchmark.plots import PLOTS
from mmm_core.benchmark.runners import DESCRIPTIONS
from mmm_core.reporting.formats import MISSING, fixed, percent, plain
from mmm_core.storage import atomic_path, write_text

MARKDOWN, HTML = "summary.md", "summary.html"
_MEGABYTE = 2.0**20
Show = Callable[[float], str]
_STACKED = {"stacked_srmse": "SRMSE of the stack", "stacked_weekly_coverage": "weekly coverage of the stack"}
"""Metric of the stacked posterior of all candidates -> column."""


def _seconds(value: float) -> str:
    return fixed(value, 0 if value >= 10 else 1)


def _megabytes(value: float) -> str:
    return plain(round(value / _MEGABYTE, 1))


def _whole(value: float) -> str:
    return fixed(value, 0)


def _three(value: float) -> str:
    return fixed(value, 3)


_SECTIONS: tuple[tuple[str, str, tuple[tuple[str, str, Show], ...]], ...] = (
    (
        "Speed",
        "Effective sample sizes (bulk) are over all sampled parameters; per second counts building and compiling "
        "the model. Memory is that of the largest process of a run.",
        (
            ("seconds", "seconds", _seconds),
            ("sampling_seconds", "without compiling", _seconds),
            ("ess_min", "ESS min", _whole),
            ("ess_q10", "10 %", _whole),
            ("ess_median", "50 %", _whole),
            ("ess_q90", "90 %", _whole),
            ("ess_min_per_second", "min ESS/s", plain),
            ("ess_median_per_second", "median ESS/s", plain),
            ("ess_min_per_sampling_second", "min ESS/s without compiling", plain),
            ("max_rhat", "max R-hat", _three),
            ("divergences", "divergences", _whole),
            ("peak_memory_bytes", "memory MB", _megabytes),
            ("artifact_bytes", "stored MB", _megabytes),
        ),
    ),
    (
        "Recovery of the truth",
        "SRMSE: RMSE of weekly contributions / mean of the true ones, mean over channel x geo. Bias: of total "
        "contributions, relative, mean over channel x geo. Coverage: share of true values inside 90 % intervals. "
        "CRPS: relative to the mean true contribution.",
        (
            ("srmse", "SRMSE", _three),
            ("contribution_bias", "bias", lambda value: percent(value, signed=True)),
            ("contribution_abs_bias", "absolute bias", percent),
            ("roas_error", "ROAS error", percent),
            ("total_bias", "error of totals", percent),
            ("weekly_coverage", "weekly coverage", percent),
            ("weekly_coverage_all", "with weeks of no effect", percent),
            ("geo_total_coverage", "coverage of totals by geo", percent),
            ("total_coverage", "of totals", percent),
            ("crps", "CRPS", _three),
        ),
    ),
    (
        "Fit to the KPI",
        "In the sample.",
        (
            ("r2", "R²", _three),
            ("mape", "MAPE", percent),
            ("wmape", "wMAPE", percent),
            ("coverage_90", "coverage of weeks", percent),
            ("durbin_watson", "Durbin-Watson", plain),
        ),
    ),
)


def result_table(results: Sequence[RunResult]) -> pd.DataFrame:
    """One row per run: dataset, backend, status, reason, size, settings, metrics."""
    rows = []
    for result in results:
        settings = {key: result.settings.get(key) for key in ("chains", "tune", "draws", "target_accept", "seed")}
        settings["draws_per_chain"] = settings.pop("draws")
        rows.append(
            {
                "dataset": result.dataset,
                "backend": result.runner,
                "status": result.status,
                "reason": result.reason,
                **result.size,
                **settings,
                **result.metrics,
            }
        )
    return pd.DataFrame(rows)


def write_summary(results: Sequence[RunResult], output: Path) -> Path:
    """Write tables, plots and both pages; returns the HTML page.

    Without any results, and only calibration, coverage or the data path to show, there are no tables.

    Raises:
        StorageError: the stored calibration, coverage study or measurement of the data path is damaged.
    """
    study, scale = stored_calibration(output), stored_data_scale(output)
    coverage = stored_coverage(output)
    pages: dict[str, _Markdown | _Html] = {MARKDOWN: _Markdown(), HTML: _Html()}
    plots = _write_runs(results, output) if results else []
    for name, look in pages.items():
        parts = _run_parts(results, plots, look) if results else []
        parts += [] if study is None else _calibration_parts(study, look)
        parts += [] if coverage is None else _coverage_parts(coverage, look)
        parts += [] if scale is None else _data_scale_parts(scale, look)
        write_text(output / name, "".join([look.head, *parts, look.foot]))
    return output / HTML


def _write_runs(results: Sequence[RunResult], output: Path) -> list[tuple[str, str]]:
    """Write tables and plots; returns titles and paths of the plots."""
    table = result_table(results)
    by_geo = [_labelled(result, row) for result in results for row in result.by_geo]
    by_channel = [_labelled(result, row) for result in results for row in result.by_channel]
    named = {"results": table, "recovery": pd.DataFrame(by_geo), "totals": pd.DataFrame(by_channel)}
    for name, frame in named.items():
        with atomic_path(output / f"{name}.csv") as temporary:
            frame.to_csv(temporary, index=False)
    plots = []
    for name, (title, draw) in PLOTS.items():
        picture = draw(table)
        if picture is not None:
            plots.append((title, f"plots/{name}.png"))
            with atomic_path(output / plots[-1][1]) as temporary:
                temporary.write_bytes(picture)
    return plots


class _Markdown:
    """How the parts of the page look as Markdown."""

    head, foot = "# Benchmark\n", ""

    def title(self, text: str) -> str:
        return f"\n## {text}\n"

    def text(self, text: str) -> str:
        return f"\n{text}\n"

    def table(self, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
        lines = [header, ["---"] * len(header), *rows]
        return (
            "\n"
            + "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
            + "\n"
        )

    def picture(self, title: str, path: str) -> str:
        return f"\n![{title}]({path})\n"


class _Html:
    """How the parts of the page look as HTML."""

    head = (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'><title>Benchmark</title><style>"
        "body{font:15px/1.5 system-ui,sans-serif;max-width:75rem;margin:2rem auto;padding:0 1rem;color:#1f2933}"
        "div.table{overflow-x:auto}table{border-collapse:collapse;font-size:13px}"
        "th,td{padding:.3rem .6rem;border-bottom:1px solid #e3e8ed;text-align:right;vertical-align:top}"
        "th:first-child,td:first-child,th:nth-child(2),td:nth-child(2){text-align:left}img{max-width:100%}"
        "</style></head><body><h1>Benchmark</h1>"
    )
    foot = "</body></html>"

    def title(self, text: str) -> str:
        return f"<h2>{html.escape(text)}</h2>"

    def text(self, text: str) -> str:
        return f"<p>{html.escape(text)}</p>"

    def table(self, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
        top = "".join(f"<th>{html.escape(cell)}</th>" for cell in header)
        body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
        return f"<div class='table'><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"

    def picture(self, title: str, path: str) -> str:
        return f"<p><img alt='{html.escape(title)}' src='{html.escape(path)}'></p>"


def _run_parts(
    results: Sequence[RunResult], plots: Sequence[tuple[str, str]], look: _Markdown | _Html
) -> list[str]:
    good = [result for result in results if result.status == "ok"]
    bad = [result for result in results if result.status != "ok"]
    parts = [look.title("Data sets"), look.table(*_dataset_table(results))]
    for title, about, columns in _SECTIONS:
        header, rows = _metric_table(good, columns)
        if rows and len(header) > len(("data set", "backend")):
            parts += [look.title(title), look.text(about), look.table(header, rows)]
    chosen = [result for result in good if "selected" in result.metrics]
    if chosen:
        header = ["data set", "backend", "model", "seconds of the comparison", *_STACKED.values()]
        parts += [
            look.title("Models that were selected"),
            look.table(header, [_choice(result) for result in chosen]),
        ]
    if bad:
        rows = [[result.dataset, result.runner, result.status, result.reason] for result in bad]
        parts += [look.title("Runs without result"), look.table(["data set", "backend", "status", "why"], rows)]
    if plots:
        parts.append(look.title("Plots"))
        parts += [look.picture(title, path) for title, path in plots]
    return [*parts, look.title("How it was run"), look.table(*_backend_table(results))]


def _calibration_parts(study: CalibrationStudy, look: _Markdown | _Html) -> list[str]:
    """Is the posterior of the pymc backend that of the model?"""
    rows = [
        [row["parameter"], row["index"] or MISSING, f"{row['p_value']:.2g}", _three(row["mean_rank_share"])]
        for row in study.table.to_dict("records")
    ]
    return [
        look.title("Calibration of the pymc backend"),
        look.text(
            "Parameters are drawn from the prior, a KPI from the model with them, and the model is fitted to that "
            f"KPI, {study.panels} times; ranks of the true values among the draws are uniform if the posterior is "
            f"that of the model. {percent(study.divergent_share)} of the draws diverged."
        ),
        look.text(study.check().message),
        look.picture("Ranks of true values; grey: where 95 % of single lines lie", f"{FOLDER}/{PICTURE}"),
        look.table(["parameter", "index", "p-value", "mean rank / largest rank"], rows),
    ]


def _coverage_parts(study: CoverageStudy, look: _Markdown | _Html) -> list[str]:
    """How often do intervals hold the truth?"""
    about = ["backend", "scenario", "quantity", "channel"]
    shares = ["level", "coverage", "low", "high", "bias", "median_error", "width"]
    rows = [
        [*(row[name] for name in about), str(row["n"]), *(percent(row[name]) for name in shares)]
        for row in study.table.to_dict("records")
    ]
    fits = [
        [
            *(str(row[name]) for name in study.fits.columns[:-2]),
            _three(row["seconds"]),
            _three(row["coverage_90_of_all"]),
        ]
        for row in study.fits.to_dict("records")
    ]
    return [
        look.title("Coverage: how often intervals hold the truth"),
        look.text(
            "Simulated panels with known effects, each fitted in the product's own way; of fits that pass the "
            "convergence gate. low, high: what chance leaves open (95 %); bias and width relative to the truth."
        ),
        *(look.text(check.message) for check in study.checks()),
        look.picture("Measured coverage of each level", f"{COVERAGE_FOLDER}/{COVERAGE_PICTURE}"),
        look.table([name.replace("_", " ") for name in study.fits.columns], fits),
        look.table([*about, "n", *(name.replace("_", " ") for name in shares)], rows),
    ]


def _data_scale_parts(scale: DataScale, look: _Markdown | _Html) -> list[str]:
    """What do many geos cost before the fit?"""
    return [
        look.title("From Parquet to the model's data"),
        look.text(
            "Daily panels through ingest, validation, cleaning and features, each in a fresh process. "
            f"{scale.about()}"
        ),
        look.picture("Processor time per geo, and memory", f"{SCALE_FOLDER}/{SCALE_PICTURE}"),
        look.table(*scale.shown()),
    ]


def _dataset_table(results: Sequence[RunResult]) -> tuple[list[str], list[list[str]]]:
    sizes = {result.dataset: result.size for result in results if result.size}
    names = ("geos", "weeks", "channels", "controls")
    rows = [
        [dataset, *(str(sizes.get(dataset, {}).get(name, MISSING)) for name in names)]
        for dataset in dict.fromkeys(result.dataset for result in results)
    ]
    return ["data set", *names], rows


def _metric_table(
    results: Sequence[RunResult], columns: Sequence[tuple[str, str, Show]]
) -> tuple[list[str], list[list[str]]]:
    """Without the columns that no run has."""
    used = [column for column in columns if any(result.metrics.get(column[0]) is not None for result in results)]
    rows = []
    for result in results:
        values = [(result.metrics.get(key), show) for key, _, show in used]
        cells = [MISSING if value is None else show(float(value)) for value, show in values]
        rows.append([result.dataset, result.runner, *cells])
    return ["data set", "backend", *(title for _, title, _ in used)], rows


def _backend_table(results: Sequence[RunResult]) -> tuple[list[str], list[list[str]]]:
    rows = []
    for runner in dict.fromkeys(result.runner for result in results):
        of_runner = [result for result in results if result.runner == runner]
        versions = dict.fromkeys(
            str(result.metrics["version"]) for result in of_runner if "version" in result.metrics
        )
        steps = dict.fromkeys(
            f"{result.settings.get('chains')} x ({result.settings.get('tune')} + {result.settings.get('draws')}), "
            f"target {result.settings.get('target_accept')}"
            for result in of_runner
            if result.settings
        )
        rows.append(
            [
                runner,
                DESCRIPTIONS.get(runner) or DESCRIPTIONS[runner.partition(":")[0]],
                ", ".join(versions) or MISSING,
                ", ".join(steps) or MISSING,
            ]
        )
    return ["backend", "what it fits", "version", "chains x (tune + draws), target acceptance"], rows


def _choice(result: RunResult) -> list[str]:
    seconds = _seconds(float(result.metrics["selection_seconds"]))
    stacked = [result.metrics.get(name) for name in _STACKED]
    numbers = [MISSING if value is None else _three(float(value)) for value in stacked]
    return [result.dataset, result.runner, str(result.metrics["selected"]), seconds, *numbers]


def _labelled(result: RunResult, row: object) -> dict[str, object]:
    return {"dataset": result.dataset, "backend": result.runner, **(row if isinstance(row, dict) else {})}
