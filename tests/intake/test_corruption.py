"""Whatever is wrong with the rows: they pass with a log, or a check or a clear refusal names what is wrong."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from mmm_core.config.schema import Config
from mmm_core.data.mapping import geo_names
from mmm_core.errors import MMMError
from mmm_core.intake.geo import prepare_geo
from mmm_core.quality.source_checks import SOURCE_CHECKS, check_source
from tests.panels import MAPPING, config, source_rows, source_table

Corruption = Callable[[pd.DataFrame, np.random.Generator], pd.DataFrame]
NUMBERS = ("orders", "price", "people", "tv_cost", "tv_views", "search_cost", "weather")
VALUES: tuple[Any, ...] = (
    None,
    "",
    "n.v.",
    "1,200",
    "1e400",
    -5.0,
    0.0,
    np.inf,
    -np.inf,
    np.nan,
    1e300,
    True,
    "x" * 1_000_000,
)
DATES = (
    "",
    None,
    "soon",
    "31/01/2023",
    "2023-02-30",
    "2023-01-04T12:00:00+02:00",
    "20230109",
    "0001-01-01",
    20230116,
)
NAMES = ("", None, " North ", "NORTH", "Nord/Süd", "東京", "a\nb", "All", "..", "é", "e\u0301")


def wrong_numbers(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    column = NUMBERS[rng.integers(len(NUMBERS))]
    frame = frame.astype({column: object})
    for row in rng.integers(len(frame), size=rng.integers(1, 4)):
        frame.loc[row, column] = VALUES[rng.integers(len(VALUES))]
    return frame


def wrong_dates(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    frame = frame.astype({"day": object})
    frame.loc[rng.integers(len(frame)), "day"] = DATES[rng.integers(len(DATES))]
    return frame


def wrong_names(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    frame = frame.astype({"region": object})
    rows = rng.integers(len(frame), size=rng.integers(1, 30))
    frame.loc[rows, "region"] = NAMES[rng.integers(len(NAMES))]
    return frame


def shuffled(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    return frame.iloc[rng.permutation(len(frame))].reset_index(drop=True)


def duplicated(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    again = frame.iloc[rng.integers(len(frame), size=3)]
    return pd.concat([frame, again], ignore_index=True)


def thinned(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    return frame[rng.random(len(frame)) < rng.choice([0.05, 0.5, 0.98])].reset_index(drop=True)


def emptied(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    return frame.assign(**{NUMBERS[rng.integers(len(NUMBERS))]: [None, 0.0, "x"][rng.integers(3)]})


def cut(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    return frame.iloc[: rng.integers(0, 3)]


CORRUPTIONS: tuple[Corruption, ...] = (
    wrong_numbers,
    wrong_dates,
    wrong_names,
    shuffled,
    duplicated,
    thinned,
    emptied,
    cut,
)
CLEANING: tuple[dict[str, Any], ...] = (
    {},
    {"missing_data": {"strategy": "refuse"}},
    {"missing_data": {"strategy": "simple"}, "duplicates": {"policy": "drop_identical"}},
    {"missing_data": {"strategy": "campaign_aware"}, "duplicates": {"policy": "aggregate"}},
    {"week_alignment": "align", "outliers": {"policy": "contextual_winsorization"}},
)


def settings_of(cleaning: dict[str, Any], lenient: bool) -> Config:
    """With lenient severities, everything that is not protected goes on to the next stage."""
    names = ("coverage", "missing_weeks", "missing_values", "validation_score")
    severities = dict.fromkeys(names, "warn") if lenient else {}
    return config(enhanced_cleaning=cleaning, validation={"severities": severities})


@given(
    seed=st.integers(0, 10_000),
    corruptions=st.lists(st.sampled_from(CORRUPTIONS), min_size=1, max_size=3),
    cleaning=st.sampled_from(CLEANING),
    lenient=st.booleans(),
    step=st.sampled_from([1, 7]),
)
@settings(max_examples=60, deadline=None)
def test_corrupt_rows_are_judged_or_refused_and_never_break_a_check(
    seed: int, corruptions: list[Corruption], cleaning: dict[str, Any], lenient: bool, step: int
) -> None:
    rng = np.random.default_rng(seed)
    frame = pd.concat(
        [
            source_rows(60 * 7 // step, geo, step_days=step, seed=seed + n)
            for n, geo in enumerate(("North", "South"))
        ],
        ignore_index=True,
    )
    for corruption in corruptions:
        frame = corruption(frame, rng) if len(frame) else frame
    source, wanted = source_table(frame), settings_of(cleaning, lenient)
    assert [result.name for result in check_source(source, MAPPING, wanted)] == list(SOURCE_CHECKS)
    try:
        intakes = [prepare_geo(source, MAPPING, wanted, geo) for geo in geo_names(source, MAPPING)]
    except MMMError as refusal:
        refused = str(refusal)
        intakes = []
    else:
        refused = ""
    assert intakes or len(refused) > 30 or not len(frame)
    for intake in intakes:
        if intake.features is None:
            assert intake.blocked
            continue
        known = intake.features.drop(columns="kpi").select_dtypes("number").to_numpy()
        assert np.isfinite(known).all()
        assert not np.isinf(intake.features["kpi"]).any()
