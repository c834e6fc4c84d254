"""A plan that cannot be used is refused with one sentence that names the cell."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from mmm_core.errors import DataError
from mmm_core.serving.plan import read_plan
from tests.factories import Extras, tiny_model_data
from tests.serving.plans_of_fit import coming_plan, own_plan

DATA = tiny_model_data(extras=Extras(n_organic=1, ragged=True))
Change = Callable[[pd.DataFrame], pd.DataFrame]


def _with(column: str, value: object) -> Change:
    def change(plan: pd.DataFrame) -> pd.DataFrame:
        values: list[object] = list(plan[column])
        values[5] = value
        return plan.assign(**{column: pd.Series(values, index=plan.index, dtype=object)})

    return change


def _without_cell(plan: pd.DataFrame) -> pd.DataFrame:
    return plan.drop(index=[5])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (_with("geo", "Geo9"), ["'Geo9'", "Geo0"]),
        (_with("channel", "chanel_1"), ["'chanel_1'", "channel_1"]),
        (_with("channel", "organic_0"), ["'organic_0'"]),
        (_with("spend", -1.0), ["spend -1", "0 or more", "geo Geo0"]),
        (_with("spend", np.inf), ["spend inf"]),
        (_with("spend", "much"), ["spend nan"]),
        (_with("date", "soon"), ["'soon'", "YYYY-MM-DD"]),
        (_with("date", "2023-01-03"), ["2023-01-03", "Monday"]),
        (_with("date", "2022-12-26"), ["2022-12-26", "2023-01-02"]),
        (_with("date", "2030-01-07"), ["ask for them apart"]),
        (_without_cell, ["no row for geo Geo0, channel channel_1", "2023-01-16", "1 such"]),
        (lambda plan: pd.concat([plan, plan.iloc[:1]]), ["twice", "2023-01-02"]),
        (lambda plan: plan.drop(columns=["spend"]), ["no column spend"]),
        (lambda plan: plan.iloc[:0], ["no rows"]),
        (lambda plan: plan.assign(media=-2.0), ["media -2"]),
        (lambda plan: plan.assign(spend=5.0), ["Geo1", "no data"]),
    ],
)
def test_bad_plans_are_refused(change: Change, says: list[str]) -> None:
    with pytest.raises(DataError) as caught:
        read_plan(change(own_plan(DATA)), DATA)
    message = str(caught.value)
    assert all(part in message for part in says), message
    assert "\n" not in message


def test_coming_weeks_begin_right_after_the_fit_and_name_everything() -> None:
    plan = coming_plan(DATA)
    late = plan[plan["date"] > plan["date"].min()]
    with pytest.raises(DataError, match=r"lacks the week of 2023-07-31.*right after"):
        read_plan(late, DATA)
    with pytest.raises(DataError, match="no row for geo Geo1"):
        read_plan(plan[plan["geo"] != "Geo1"], DATA)
    found = read_plan(plan, DATA)
    assert found.is_coming
    assert found.geos == DATA.geos


def test_dates_may_be_text_and_rows_in_any_order() -> None:
    plan = own_plan(DATA).sample(frac=1.0, random_state=3)
    found = read_plan(plan.assign(date=plan["date"].dt.strftime("%Y-%m-%d")), DATA)
    np.testing.assert_array_equal(found.spend, DATA.spend[:, :, : len(DATA.paid_channels)])
    assert np.isnan(found.media).all()


def test_a_week_in_the_middle_may_not_be_left_out() -> None:
    plan = own_plan(DATA)
    with pytest.raises(DataError, match="no row for geo Geo0"):
        read_plan(plan[plan["date"] != plan["date"].unique()[4]], DATA)
