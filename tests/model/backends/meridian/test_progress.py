"""While the sampler runs in its thread, the caller is told about it and stays in charge."""

import threading

import pytest

from mmm_core.errors import SamplingError
from mmm_core.model.backends.meridian import progress as module
from mmm_core.model.backends.meridian.progress import StepCounter, run_with_reports


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SECONDS_BETWEEN_REPORTS", 0.001)


def test_reports_come_from_the_calling_thread_and_count_all_chains() -> None:
    counter, seen, threads = StepCounter(), list[tuple[str, int, int]](), set[str]()
    both = threading.Event()

    def work() -> None:
        while not any("compiling" in what for what, _, _ in seen):
            both.wait(0.001)
        for _ in range(3 * 7):
            counter()
        both.wait(120)

    def report(what: str, done: int, total: int) -> None:
        seen.append((what, done, total))
        threads.add(threading.current_thread().name)
        if done:
            both.set()

    run_with_reports(work, counter, steps=10, chains=4, progress=report)
    assert seen[0][1:] == (0, 40)
    assert seen[-1][0].startswith("meridian: sampling")
    assert seen[-1][1:] == (28, 40)
    assert threads == {threading.current_thread().name}


def test_an_error_of_the_sampler_is_passed_on() -> None:
    def work() -> None:
        raise SamplingError("no luck")

    with pytest.raises(SamplingError, match="no luck"):
        run_with_reports(work, StepCounter(), 10, 2, lambda *_: None)


def test_an_interrupted_report_stops_the_sampler() -> None:
    counter, stopped = StepCounter(), threading.Event()

    def work() -> None:
        try:
            while True:
                counter()
        except InterruptedError:
            stopped.set()

    def report(what: str, done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_with_reports(work, counter, 10, 2, report)
    assert stopped.is_set()
