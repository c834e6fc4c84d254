"""What stays in the download cache, and for how long."""

import os
import time
from pathlib import Path

from mmm_core.data.sources.downloads import DownloadCache, Signs


def kept(folder: Path, address: str, text: str) -> DownloadCache:
    """The cache of an address after a download."""
    cache = DownloadCache(folder, address)
    with cache.locked():
        arrived = folder / "arrived"
        arrived.write_text(text)
        cache.keep(arrived, Signs(etag="1"))
    return cache


def age(path: Path, days: float) -> None:
    before = time.time() - days * 86_400
    os.utime(path, (before, before))


def test_what_nobody_has_read_for_ninety_days_goes_when_something_new_comes(tmp_path: Path) -> None:
    old, used, young = (kept(tmp_path, name, name) for name in ("old", "used", "young"))
    for cache, days in ((old, 91.0), (used, 91.0), (young, 89.0)):
        record = cache.record()
        assert record is not None
        age(cache.content(record.content_hash), days)
    assert used.record() is not None
    broken = tmp_path / "partial" / "broken"
    broken.write_text("half a fi")
    age(broken, 100.0)
    new = kept(tmp_path, "new", "new")
    assert old.record() is None
    assert all(cache.record() is not None for cache in (used, young, new))
    assert not broken.exists()


def test_harmed_files_are_fetched_again(tmp_path: Path) -> None:
    cache = kept(tmp_path, "a", "right")
    record = cache.record()
    assert record is not None
    cache.content(record.content_hash).write_text("wrong")
    assert cache.record() is None
