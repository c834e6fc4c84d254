"""What every connector that fetches files shares: patience, cache folder, progress, and the file fetched."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from mmm_core.config.ingest import IngestConfig, RetryConfig
from mmm_core.progress import Progress

_BLOCK = 1 << 20


@dataclass(frozen=True)
class Transfer:
    """How files are fetched."""

    retries: RetryConfig
    folder: Path
    """Where downloads are kept: the cache, or a folder that is removed afterwards."""
    progress: Progress


@dataclass(frozen=True)
class FetchedFile:
    """A file that can be read from the local disk."""

    path: Path
    origin: str
    """How it is called in messages: path, or URL without secrets."""
    name: str
    """File name as its source gives it."""
    content_hash: str
    """SHA-256 of its bytes."""
    partitions: tuple[tuple[str, str | None], ...] = ()
    """Columns that only the names of its folders hold (`geo=Berlin/`), with their value."""


@contextmanager
def transfer(ingest: IngestConfig, cache: Path | None, progress: Progress) -> Iterator[Transfer]:
    """How files are fetched with this configuration; without a cache, they are kept within the block only."""
    if cache is not None and ingest.download_cache:
        yield Transfer(ingest.retries, cache, progress)
        return
    with TemporaryDirectory(prefix="mmm-download-") as folder:
        yield Transfer(ingest.retries, Path(folder), progress)


def file_hash(path: Path, algorithm: str = "sha256") -> str:
    """Digest of a file's bytes, in hexadecimal, without holding the file in memory."""
    digest = hashlib.new(algorithm, usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
