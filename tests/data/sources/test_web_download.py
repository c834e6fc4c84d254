import gzip
import hashlib
import multiprocessing
import socket
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmm_core.config.ingest import RetryConfig
from mmm_core.data.sources.file import read_file
from mmm_core.data.sources.layout import Layout
from mmm_core.data.sources.retries import retry_after_seconds
from mmm_core.data.sources.table import SourceTable
from mmm_core.data.sources.transfer import FetchedFile, Transfer
from mmm_core.data.sources.web_download import download
from mmm_core.errors import DataError, UnreachableError
from mmm_core.progress import silent
from tests.local_server import Answer, LocalServer, http_date, in_turn, md5, plain, redirect, running, storage

CSV = b"geo,time,x\nN,2023-01-02,1\nN,2023-01-09,2\n"
BIG = b"geo,x\n" + b"".join(b"N,%d\n" % number for number in range(60_000))
PATH = "/x.csv"


def read(server: LocalServer, how: Transfer, path: str = PATH) -> SourceTable:
    return read_file(server.url(path), Layout(), how)


def fetch(server: LocalServer, how: Transfer, checksum: str | None = None) -> FetchedFile:
    return download(server.url(PATH), "the file", "x.csv", how, md5=checksum)


def test_file_is_read_with_the_hash_of_its_bytes(server: LocalServer, how: Transfer) -> None:
    server.scripts[PATH] = plain(CSV)
    table = read(server, how)
    assert table.content_hash == hashlib.sha256(CSV).hexdigest()
    assert table.origin == server.url(PATH)


def test_progress_counts_bytes(server: LocalServer, how: Transfer) -> None:
    server.scripts[PATH] = storage(BIG)
    told: list[tuple[int, int]] = []
    read(server, replace(how, progress=lambda what, done, total: told.append((done, total))))
    assert told[-1] == (len(BIG), len(BIG))
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_redirects_are_followed(server: LocalServer, how: Transfer) -> None:
    server.scripts[PATH] = in_turn(redirect("/other"))
    server.scripts["/other"] = in_turn(redirect(server.url("/stored"), 307))
    server.scripts["/stored"] = storage(CSV)
    assert len(read(server, how).frame) == 2


def test_unchanged_file_is_not_sent_again(server: LocalServer, how: Transfer) -> None:
    server.scripts[PATH] = storage(CSV)
    assert read(server, how).content_hash == read(server, how).content_hash
    first, second = server.requests(PATH)
    assert "If-None-Match" not in first.headers
    assert second.headers["If-None-Match"] == f'"{md5(CSV)}"'


def test_time_of_change_serves_where_there_is_no_tag(server: LocalServer, how: Transfer) -> None:
    date = "Mon, 02 Jan 2023 00:00:00 GMT"
    server.scripts[PATH] = in_turn(Answer(200, CSV, {"Last-Modified": date}), Answer(304))
    assert len(read(server, how).frame) == len(read(server, how).frame) == 2
    assert server.seen[1].headers["If-Modified-Since"] == date


def test_changed_file_is_fetched_anew(server: LocalServer, how: Transfer) -> None:
    server.scripts[PATH] = storage(CSV)
    read(server, how)
    server.scripts[PATH] = storage(CSV + b"N,2023-01-16,3\n")
    assert len(read(server, how).frame) == 3


def test_damaged_file_in_the_cache_is_fetched_anew(server: LocalServer, how: Transfer) -> None:
    server.scripts[PATH] = storage(CSV)
    fetch(server, how).path.write_bytes(b"geo,x\nN,9\n")
    assert fetch(server, how).path.read_bytes() == CSV


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 408, 202])
def test_passing_trouble_is_waited_out(server: LocalServer, how: Transfer, status: int) -> None:
    server.scripts[PATH] = in_turn(Answer(status), Answer(status), Answer(200, CSV))
    assert len(read(server, how).frame) == 2
    assert len(server.seen) == 3


def test_wait_that_the_server_asks_for_is_kept(server: LocalServer, how: Transfer) -> None:
    server.scripts[PATH] = in_turn(Answer(429, headers={"Retry-After": "1"}), Answer(200, CSV))
    start = time.monotonic()
    read(server, how)
    assert time.monotonic() - start >= 1


def test_very_long_wait_counts_as_unreachable(server: LocalServer, how: Transfer) -> None:
    server.scripts[PATH] = in_turn(Answer(503, headers={"Retry-After": http_date(3600)}))
    with pytest.raises(UnreachableError, match=r"the server answered 503 Service Unavailable .it asks to wait 3"):
        read(server, how)
    assert len(server.seen) == 1


def test_retry_after_is_a_number_or_a_date() -> None:
    assert retry_after_seconds("7") == 7
    assert 50 < (retry_after_seconds(http_date(60)) or 0) <= 60
    assert retry_after_seconds(http_date(-60)) == 0
    assert retry_after_seconds("soon") is None
    assert retry_after_seconds(None) is None


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (404, r"x\.csv does not exist \(the server answered 404\); set ingest\.path"),
        (410, "does not exist"),
        (401, "may not be read: the server answered 401"),
        (403, "may not be read: the server answered 403"),
        (400, "cannot be fetched: the server answered 400"),
    ],
)
def test_refusals_are_not_repeated(server: LocalServer, how: Transfer, status: int, message: str) -> None:
    server.scripts[PATH] = in_turn(Answer(status))
    with pytest.raises(DataError, match=message) as caught:
        read(server, how)
    assert not isinstance(caught.value, UnreachableError)
    assert len(server.seen) == 1


def test_server_that_stays_down_is_unreachable(server: LocalServer, how: Transfer) -> None:
    server.scripts[PATH] = in_turn(Answer(503))
    with pytest.raises(UnreachableError, match=r"could not be fetched in 5 attempt\(s\): the server answered 503"):
        read(server, how)
    assert len(server.seen) == 5


def test_no_server_is_unreachable_and_secrets_are_not_shown(how: Transfer) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"http://me:secret@127.0.0.1:{taken.getsockname()[1]}/x.csv?sig=hidden"
        with pytest.raises(UnreachableError, match=r"in 5 attempt.*no connection") as caught:
            read_file(address, Layout(), how)
    assert "secret" not in str(caught.value)
    assert "hidden" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_unusable_address_is_refused(how: Transfer) -> None:
    with pytest.raises(DataError, match=r"cannot be fetched: InvalidURL"):
        read_file("http://", Layout(), how)


def test_slow_body_times_out_and_is_resumed(server: LocalServer, how: Transfer) -> None:
    good = storage(BIG)
    server.scripts[PATH] = lambda seen, number: (
        replace(good(seen, number), wait_s=2.0) if number == 1 else good(seen, number)
    )
    hasty = replace(how, retries=RetryConfig(attempts=2, first_pause_seconds=0, timeout_seconds=0.3))
    assert fetch(server, hasty).path.read_bytes() == BIG
    resumed = int(server.seen[1].headers["Range"].removeprefix("bytes=").removesuffix("-"))
    assert len(BIG) // 4 < resumed <= len(BIG) // 2


def test_truncated_body_is_resumed_where_it_broke_off(server: LocalServer, how: Transfer) -> None:
    server.scripts[PATH] = storage(BIG, cuts=(100_000, 50_000))
    assert fetch(server, how).path.read_bytes() == BIG
    assert [seen.headers.get("Range") for seen in server.seen] == [None, "bytes=100000-", "bytes=150000-"]
    assert {seen.headers.get("If-Range") for seen in server.seen[1:]} == {f'"{md5(BIG)}"'}
    assert not list((how.folder / "partial").iterdir())


@given(cuts=st.lists(st.integers(0, 2000), max_size=4), ranges=st.booleans(), tagged=st.booleans())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_file_is_whole_however_it_breaks_off(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int], ranges: bool, tagged: bool
) -> None:
    content = BIG[:1500]
    retries = RetryConfig(attempts=5, first_pause_seconds=0, timeout_seconds=5)
    how = Transfer(retries, tmp_path_factory.mktemp("cache"), silent)
    full = storage(content, cuts=tuple(cuts))

    def script(seen, number):  # type: ignore[no-untyped-def]
        if not ranges:
            seen = replace(seen, headers={})
        answer = full(seen, number)
        if not tagged:
            answer.headers.pop("ETag")
        return answer

    with running() as server:
        server.scripts[PATH] = script
        assert fetch(server, how).path.read_bytes() == content


def test_download_that_was_given_up_is_resumed_the_next_time(server: LocalServer, how: Transfer) -> None:
    once = replace(how, retries=RetryConfig(attempts=1, timeout_seconds=5))
    server.scripts[PATH] = storage(BIG, cuts=(100_000,))
    with pytest.raises(UnreachableError, match=rf"broke off after 100000 of {len(BIG)} bytes"):
        fetch(server, once)
    assert fetch(server, once).path.read_bytes() == BIG
    assert server.seen[1].headers["Range"] == "bytes=100000-"


def test_file_that_changed_between_two_tries_is_never_mixed(server: LocalServer, how: Transfer) -> None:
    new = BIG.replace(b"N,", b"S,")
    before, after = storage(BIG, cuts=(100_000,)), storage(new)
    server.scripts[PATH] = lambda seen, number: (before if number == 1 else after)(seen, number)
    assert fetch(server, how).path.read_bytes() == new


def test_server_that_resumes_another_file_is_not_believed(server: LocalServer, how: Transfer) -> None:
    new = BIG.replace(b"N,", b"S,")
    before, after = storage(BIG, cuts=(100_000,)), storage(new)

    def script(seen, number):  # type: ignore[no-untyped-def]
        careless = {name: value for name, value in seen.headers.items() if name != "If-Range"}
        return (before if number == 1 else after)(replace(seen, headers=careless), number)

    server.scripts[PATH] = script
    assert fetch(server, how).path.read_bytes() == new


def test_compressed_answer_is_unpacked(server: LocalServer, how: Transfer) -> None:
    server.scripts[PATH] = plain(gzip.compress(BIG), **{"Content-Encoding": "gzip"})
    assert fetch(server, how).path.read_bytes() == BIG
    assert server.seen[0].headers["Accept-Encoding"] == "identity"


def test_compressed_answer_that_was_cut_without_a_length_is_noticed(server: LocalServer, how: Transfer) -> None:
    packed = gzip.compress(BIG)
    short = Answer(200, packed[:-500], {"Content-Encoding": "gzip"})
    server.scripts[PATH] = in_turn(short, Answer(200, packed, {"Content-Encoding": "gzip"}))
    assert fetch(server, how).path.read_bytes() == BIG


def test_checksum_decides_whether_the_cache_will_do(server: LocalServer, how: Transfer) -> None:
    server.scripts[PATH] = storage(CSV)
    assert fetch(server, how, md5(CSV)).path.read_bytes() == fetch(server, how, md5(CSV)).path.read_bytes() == CSV
    assert len(server.seen) == 1


def test_wrong_checksum_is_refused_after_a_second_download(server: LocalServer, how: Transfer) -> None:
    server.scripts[PATH] = plain(CSV)
    with pytest.raises(DataError, match=rf"has the MD5 checksum {md5(CSV)}, but 0{{32}}"):
        fetch(server, how, "0" * 32)
    assert len(server.seen) == 2


def _fetch_in_process(url: str, folder: Path, results: "multiprocessing.Queue[bytes]") -> None:
    how = Transfer(RetryConfig(first_pause_seconds=0.001), folder, silent)
    results.put(download(url, "the file", "x.csv", how).path.read_bytes())


def test_processes_that_fetch_the_same_share_one_download(server: LocalServer, tmp_path: Path) -> None:
    good = storage(BIG)
    server.scripts[PATH] = lambda seen, number: replace(good(seen, number), wait_s=0.2)
    context = multiprocessing.get_context("spawn")
    results: multiprocessing.Queue[bytes] = context.Queue()
    jobs = [
        context.Process(target=_fetch_in_process, args=(server.url(PATH), tmp_path, results)) for _ in range(2)
    ]
    for job in jobs:
        job.start()
    contents = [results.get(timeout=60) for _ in jobs]
    for job in jobs:
        job.join(timeout=120)
    assert contents == [BIG] * 2
    assert sum("If-None-Match" not in seen.headers for seen in server.seen) == 1
