"""The schedule, and what the section `automation` allows."""

from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mmm_assets.automation import retraining
from mmm_assets.instance import open_instance
from mmm_core.config.automation import AutomationConfig, RetrainingConfig
from tests.assets import projects
from tests.automation.ticks import job


def test_a_tick_asks_for_the_job_and_one_during_a_run_says_why_not(tmp_path: Path) -> None:
    project = projects.load(projects.write_config(tmp_path, projects.settings(tmp_path, None)))
    (schedule,) = retraining.definitions(project).schedules or ()
    assert isinstance(schedule, dg.ScheduleDefinition)
    assert schedule.default_status is dg.DefaultScheduleStatus.STOPPED
    repository = dg.Definitions(schedules=[schedule], jobs=[job("full")]).get_repository_def()
    with open_instance(project) as instance:
        now = datetime(2026, 1, 5, 6, tzinfo=UTC)
        context = dg.build_schedule_context(instance, now, repository_def=repository)
        assert len(schedule.evaluate_tick(context).run_requests or ()) == 1
        run = instance.create_run_for_job(job("stage_train"), status=dg.DagsterRunStatus.STARTED)
        skipped = schedule.evaluate_tick(context)
    assert not skipped.run_requests
    assert skipped.skip_message == f"Not asked for, because run {run.run_id} (stage_train) is started."


_NUMBER = st.integers(0, 59).map(str)
_PART = st.one_of(
    st.just("*"), _NUMBER, st.sampled_from(["mon", "jan", "7", "1-5", "5-1", "*/10", "*/0", "a", "1,2"])
)


@given(st.lists(_PART, min_size=4, max_size=6).map(" ".join))
def test_cron_expressions_are_those_that_the_scheduler_takes(text: str) -> None:
    from dagster._utils.schedules import is_valid_cron_string

    try:
        RetrainingConfig(cron=text)
    except ValidationError:
        return
    assert is_valid_cron_string(text)


@pytest.mark.parametrize("text", ["0 6 * * 1", "*/15 2-5 1,15 jan-mar mon", "0 6 * * MON-FRI", "30 4 1 * *"])
def test_common_cron_expressions_are_taken(text: str) -> None:
    assert RetrainingConfig(cron=text).cron == text


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"cron": "0 6 * *"}, "4 fields"),
        ({"cron": "0 24 * * 1"}, "hour '24'"),
        ({"timezone": "Berlin"}, "no time zone"),
    ],
)
def test_what_cannot_be_scheduled_is_refused(keys: dict[str, str], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        RetrainingConfig(**keys)


def test_what_costs_a_fit_is_off_or_waits_for_a_first_fit() -> None:
    assert not AutomationConfig().retraining.running
