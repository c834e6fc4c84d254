"""The download cache: files by content, and which address had which content when.

Layout below the cache folder: `content/<sha256>` holds files, `records/<key>.json` what a service said about
them, `partial/<key>` broken downloads (with a JSON file beside each).  A key is the SHA-256 of an address, so
no address, which may hold secrets, is written down.  What nobody has read for 90 days goes when something new
is kept; all of it may be deleted at any time, as snapshots are stored elsewhere.
"""

import hashlib
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mmm_core.data.sources.transfer import file_hash
from mmm_core.storage import write_text

_UNUSED_DAYS = 90


@dataclass(frozen=True)
class Signs:
    """What a service says about a file, from which one sees whether it has changed."""

    etag: str | None = None
    last_modified: str | None = None
    size: int | None = None
    """Bytes as they are sent."""
    encoding: str | None = None
    """Compression during the transfer only."""

    @property
    def validator(self) -> str | None:
        """What identifies these very bytes (`If-Range`, RFC 9110 section 13.1.5); weak tags do not."""
        if self.etag is not None:
            return None if self.etag.startswith("W/") else self.etag
        return self.last_modified


@dataclass(frozen=True)
class Record:
    """What an address held when it was last fetched."""

    content_hash: str
    signs: Signs


class DownloadCache:
    """Downloads below one folder; several processes may use it at once."""

    def __init__(self, folder: Path, address: str) -> None:
        """Look after one address; any text that identifies what is fetched."""
        self._folder = folder
        self._key = hashlib.sha256(address.encode()).hexdigest()

    @property
    def partial(self) -> Path:
        """Where the bytes go that have arrived so far."""
        return self._folder / "partial" / self._key

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Only one process at a time fetches this address; others wait, and find it done."""
        from filelock import FileLock

        lock = self._folder / "locks" / f"{self._key}.lock"
        lock.parent.mkdir(parents=True, exist_ok=True)
        self.partial.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(lock):
            yield

    def content(self, content_hash: str) -> Path:
        """Where the file with this content is kept."""
        return self._folder / "content" / content_hash

    def record(self) -> Record | None:
        """What was fetched last, if it is still there and unharmed."""
        values = _json(self._record_path)
        if values is None:
            return None
        record = Record(str(values["content_hash"]), Signs(**values["signs"]))
        path = self.content(record.content_hash)
        if not path.is_file() or file_hash(path) != record.content_hash:
            return None
        os.utime(path)  # when it was last of use
        return record

    def keep(self, path: Path, signs: Signs) -> Record:
        """Move a complete download to its place, and remember what the service said about it."""
        record = Record(file_hash(path), signs)
        target = self.content(record.content_hash)
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(target)
        os.utime(target)
        self._drop_unused()
        write_text(self._record_path, json.dumps(asdict(record)))
        self.drop_partial()
        return record

    def begun(self) -> tuple[int, Signs]:
        """Bytes that have arrived of a broken download, and what the service said about the whole."""
        values = _json(self._partial_signs)
        if values is None or not self.partial.is_file():
            self.drop_partial()
            return 0, Signs()
        return self.partial.stat().st_size, Signs(**values)

    def begin(self, signs: Signs) -> None:
        """Start anew with an empty file."""
        self.partial.write_bytes(b"")
        write_text(self._partial_signs, json.dumps(asdict(signs)))

    def drop_partial(self) -> None:
        """Forget a broken download."""
        self.partial.unlink(missing_ok=True)
        self._partial_signs.unlink(missing_ok=True)

    def _drop_unused(self) -> None:
        """Delete files and broken downloads that nobody has used for `_UNUSED_DAYS`."""
        limit = time.time() - _UNUSED_DAYS * 86_400
        for name in ("content", "partial"):
            for path in (self._folder / name).glob("*"):
                with suppress(FileNotFoundError):  # another process may be at it
                    if path.stat().st_mtime < limit:
                        path.unlink()

    @property
    def _partial_signs(self) -> Path:
        return self.partial.with_suffix(".json")

    @property
    def _record_path(self) -> Path:
        return self._folder / "records" / f"{self._key}.json"


def _json(path: Path) -> dict[str, Any] | None:
    """What the file holds; None if it is not there or was cut off."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return values if isinstance(values, dict) else None
