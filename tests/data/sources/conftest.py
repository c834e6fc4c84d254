"""What tests of several connectors share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mmm_core.config.ingest import RetryConfig
from mmm_core.data.sources.transfer import Transfer
from mmm_core.progress import silent
from tests.local_server import LocalServer, running


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with running() as server:
        yield server


@pytest.fixture
def how(tmp_path: Path) -> Transfer:
    """Five quick tries; downloads in a folder of the test."""
    retries = RetryConfig(attempts=5, first_pause_seconds=0.001, timeout_seconds=5)
    return Transfer(retries, tmp_path / "cache", silent)
