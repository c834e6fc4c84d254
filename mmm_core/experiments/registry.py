"""The registry of experiments: read, and proven to be about this data."""

from collections.abc import Sequence

import numpy as np

from mmm_core.config.schema import Config
from mmm_core.experiments.cells import as_lift_test, weeks_of, without_test
from mmm_core.experiments.experiment import Experiment
from mmm_core.experiments.rows import TEXT_COLUMNS, experiments_in
from mmm_core.features.model_data import ModelData

KEY = "calibration.experiments"


def load_experiments(config: Config, data: ModelData) -> tuple[Experiment, ...]:
    """The lift tests of `calibration.experiments`, in the file's order; none if there is no file.

    Columns: `id`, `channels` (`a`, or `a+b` for several at once), `geos` (names with `;` between them; empty or
    `all`: all), `start`, `end` (days), `spend_change` (money, all cells together) or `relative_change` (0.5 is
    half more, -1 nothing at all), `metric` (outcome: money; kpi: KPI units; roas: money per money), `estimate`,
    `standard_error`, or `low`, `high` and `level`, `post_weeks` (weeks after the end that the result includes),
    `design`, `source`, `notes`.

    Args:
        config: `calibration`.
        data: the panel of the fit, which has to have the weeks of the tests.

    Raises:
        DataError: the file is no such table, or a row cannot be used with this data; names file, row and remedy.
    """
    if config.calibration.experiments is None:
        return ()
    from mmm_core.data.sources.file import read_file
    from mmm_core.data.sources.layout import Layout
    from mmm_core.data.sources.transfer import transfer
    from mmm_core.progress import silent

    layout = Layout(config.ingest.format, "ingest.format", frozenset(TEXT_COLUMNS))
    with transfer(config.ingest, None, silent) as how:
        table = read_file(config.calibration.experiments, layout, how, KEY)
    experiments = tuple(experiments_in(table, data))
    for experiment in experiments:
        _check(experiment, data)
    _check_overlap(experiments, data)
    return experiments


def _check(experiment: Experiment, data: ModelData) -> None:
    _check_dates(experiment, data)
    _check_units(experiment, data)
    _check_change(experiment, data)
    _check_size(experiment, data)


def _check_dates(experiment: Experiment, data: ModelData) -> None:
    first, last = data.dates[0], data.dates[-1] + 6
    if experiment.start < first or experiment.end > last:
        experiment.refuse(
            f"it runs from {experiment.start} to {experiment.end}, but the data from {first} to {last}; correct "
            "the dates, or leave the test out."
        )
    weeks = weeks_of(experiment, data)
    end = weeks.stop + experiment.post_weeks
    if end > len(data.dates):
        experiment.refuse(
            f"its {experiment.post_weeks} post_weeks end {end - len(data.dates)} week(s) after the data; lower "
            "them and give the result up to there, or leave the test out."
        )
    for geo in experiment.geos:
        if not data.present[data.geos.index(geo), weeks.start : end].all():
            experiment.refuse(f"geo {geo} has no data in some of its weeks; leave the geo or the test out.")


def _check_units(experiment: Experiment, data: ModelData) -> None:
    organic = [channel for channel in experiment.channels if channel not in data.paid_channels]
    if organic and experiment.metric == "roas":
        experiment.refuse(
            f"metric is roas, but {organic[0]} has no spend and so no return on it; give outcome or kpi."
        )
    if organic and experiment.spend_change is not None:
        experiment.refuse(f"spend_change is money, but {organic[0]} has no spend; give relative_change.")
    if experiment.metric == "kpi" and data.kpi_type == "revenue":
        experiment.refuse("metric is kpi, but the KPI of this model is revenue; give money and metric outcome.")
    if experiment.metric != "kpi" and not data.has_revenue:
        experiment.refuse(
            f"metric is {experiment.metric}, which is money, but the KPI of this model is not, and its value is "
            "not known; give KPI units and metric kpi, or map data.revenue_per_kpi_col."
        )


def _check_change(experiment: Experiment, data: ModelData) -> None:
    """Something changed, and less spend did not surely bring more: then a loss is written without its sign."""
    test, change = as_lift_test(experiment, data), without_test(experiment, data).spend_change
    changed = test.media_without(data) != data.media
    for channel in experiment.channels:
        if not changed[:, :, data.channels.index(channel)].any():
            experiment.refuse(
                f"there is no media of {channel} in its cells, so nothing was changed; correct the dates, "
                "channels or geos."
            )
    if change == 0 and experiment.metric == "roas":
        experiment.refuse("nothing was spent in its cells, so there is no return on it; correct dates or geos.")
    less = change < 0 or (experiment.relative_change or 0) < 0
    if less and experiment.metric != "roas" and experiment.estimate > 2 * experiment.sd:
        experiment.refuse(
            f"spend was lowered, but {experiment.metric} rose by {experiment.estimate:,.6g}; the result is what "
            "there was with the change minus without it, so write a loss with a minus."
        )


def _check_size(experiment: Experiment, data: ModelData) -> None:
    """An effect larger than all there was is in another unit."""
    test = as_lift_test(experiment, data)
    total = float(np.nansum(data.kpi * test.worth(data)))
    if abs(test.measured) > total > 0:
        what = "revenue" if test.unit == "outcome" else "KPI units"
        experiment.refuse(
            f"its effect is {test.measured:,.6g} in {what}, more than the whole {total:,.6g} in its geos and "
            f"weeks; metric is {experiment.metric}, so check whether the result is in that unit."
        )


def _check_overlap(experiments: Sequence[Experiment], data: ModelData) -> None:
    for i, later in enumerate(experiments):
        for earlier in experiments[:i]:
            weeks, others = weeks_of(later, data), weeks_of(earlier, data)
            channels = [channel for channel in later.channels if channel in earlier.channels]
            geos = [geo for geo in later.geos if geo in earlier.geos]
            first, stop = max(weeks.start, others.start), min(weeks.stop, others.stop)
            if channels and geos and first < stop:
                later.refuse(
                    f"it overlaps with experiment {earlier.name} (row {earlier.row}) in {channels[0]}, geo "
                    f"{geos[0]}, week of {data.dates[first]}; a cell can be in one test, so join or remove one "
                    "of them."
                )
