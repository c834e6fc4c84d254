import json
from dataclasses import fields

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmm_core.config.schema import Config
from mmm_core.errors import StorageError
from mmm_core.exploration.exploration import Exploration
from mmm_core.exploration.explore import explore
from tests.factories import EVERYTHING, Extras, tiny_model_data

LOG = pd.DataFrame(
    [("Geo0", pd.Timestamp("2023-01-09"), "kpi", np.nan, np.nan, "missing week: left out of the fit")],
    columns=["geo", "date", "column", "before", "after", "rule"],
)


def assert_same(one: Exploration, other: Exploration) -> None:
    for field in fields(Exploration):
        left, right = getattr(one, field.name), getattr(other, field.name)
        if isinstance(left, pd.DataFrame):
            pd.testing.assert_frame_equal(left, right, check_exact=True)
        else:
            assert left == right


@given(
    n_geos=st.integers(1, 5),
    n_weeks=st.integers(12, 30),
    n_channels=st.integers(1, 3),
    n_controls=st.integers(0, 2),
    ragged=st.booleans(),
    n_missing=st.integers(0, 4),
    n_organic=st.integers(0, 1),
)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_was_stored_comes_back_exactly(
    n_geos: int, n_weeks: int, n_channels: int, n_controls: int, ragged: bool, n_missing: int, n_organic: int
) -> None:
    extras = Extras(ragged=ragged, n_missing=n_missing, n_organic=n_organic)
    data = tiny_model_data(n_geos, n_weeks, n_channels, n_controls, extras=extras)
    found = explore(data, LOG, Config())
    text = json.dumps(found.to_record(), allow_nan=False)
    assert_same(found, Exploration.from_record(json.loads(text)))


def test_equal_data_give_equal_tables() -> None:
    data = tiny_model_data(extras=EVERYTHING)
    assert_same(explore(data, None, Config()), explore(data, None, Config()))


def test_limits_come_from_the_configuration() -> None:
    limits = {"identifiability": {"max_channel_correlation": 0.7, "max_vif": 4}}
    config = Config.model_validate({"validation": {**limits, "value_sanity": {"outliers": {"iqr_factor": 1.5}}}})
    found = explore(tiny_model_data(), None, config)
    assert (found.correlation_limit, found.inflation_limit, found.iqr_factor) == (0.7, 4.0, 1.5)


def test_tables_are_bounded_for_many_geos() -> None:
    found = explore(tiny_model_data(300, 52, 3), None, Config())
    assert len(found.weeks) <= 42 * 52
    assert len(json.dumps(found.to_record())) < 700_000


def test_a_record_without_a_table_is_refused() -> None:
    record = explore(tiny_model_data(), None, Config()).to_record()
    del record["geos"]
    with pytest.raises(StorageError, match="geos"):
        Exploration.from_record(record)
