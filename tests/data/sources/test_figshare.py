from typing import Any

import pytest

from mmm_core.config.ingest import FigshareConfig
from mmm_core.data.sources.figshare import fetch_figshare, figshare_signs
from mmm_core.data.sources.transfer import Transfer
from mmm_core.errors import DataError, UnreachableError
from tests.local_server import Answer, LocalServer, as_json, in_turn, md5, redirect, storage

CSV = b"geo,time,x\n" + b"N,2023-01-02,1\n" * 1000
TOKEN = "figshare-token"  # noqa: S105


class Service:
    """Figshare's API and the store that its downloads are redirected to."""

    def __init__(self, server: LocalServer) -> None:
        self.server = server
        self.article: dict[str, Any] = {"id": 7, "version": 2, "modified_date": "2024-01-01T00:00:00Z"}
        self.files: list[dict[str, Any]] = []
        self.publish("/v2")

    def publish(self, root: str) -> None:
        for place in ("/articles/7", "/articles/7/versions/2"):
            self.server.scripts[f"{root}{place}"] = lambda seen, number: as_json(self.article)
            self.server.scripts[f"{root}{place}/files"] = self._page

    def _page(self, seen: Any, number: int) -> Answer:
        asked = dict(part.split("=") for part in seen.path.partition("?")[2].split("&"))
        size, page = int(asked.get("page_size", 10)), int(asked.get("page", 1))
        return as_json(self.files[(page - 1) * size : page * size])

    def add(self, file_id: int, name: str, content: bytes = CSV, cuts: tuple[int, ...] = (), **more: Any) -> None:
        self.files.append(
            {
                "id": file_id,
                "name": name,
                "size": len(content),
                "is_link_only": False,
                "download_url": self.server.url(f"/ndownloader/files/{file_id}"),
                "supplied_md5": md5(content),
                "computed_md5": md5(content),
                "mimetype": "text/csv",
            }
            | more
        )
        target = redirect(self.server.url(f"/store/{file_id}"))
        self.server.scripts[f"/ndownloader/files/{file_id}"] = in_turn(target)
        self.server.scripts[f"/v2/file/download/{file_id}"] = in_turn(target)
        self.server.scripts[f"/store/{file_id}"] = storage(content, cuts=cuts)

    def config(self, **values: Any) -> FigshareConfig:
        return FigshareConfig(api=self.server.url("/v2"), **values)


@pytest.fixture
def service(server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> Service:
    monkeypatch.delenv("FIGSHARE_TOKEN", raising=False)
    return Service(server)


def test_only_file_of_an_article_is_fetched_and_kept(service: Service, how: Transfer) -> None:
    service.add(11, "data.csv")
    for _ in range(2):
        file = fetch_figshare(service.config(article_id=7), how)
    assert file.path.read_bytes() == CSV
    assert (file.name, file.origin) == ("data.csv", "Figshare article 7, file data.csv")
    assert len(service.server.requests("/store/11")) == 1


def test_file_is_found_by_name_or_id_on_any_page(service: Service, how: Transfer) -> None:
    for number in range(120):
        service.add(number + 1, f"{number}.csv", b"geo,x\nN,%d\n" % number)
    assert (
        fetch_figshare(service.config(article_id=7, file_name="119.csv"), how).path.read_bytes().endswith(b"119\n")
    )
    assert fetch_figshare(service.config(article_id=7, file_id=116), how).path.read_bytes().endswith(b"115\n")
    assert fetch_figshare(service.config(article_id=7, version=2), how, "3.csv").name == "3.csv"
    with pytest.raises(
        DataError, match=r"has 120 files; set ingest\.figshare\.file_name to one of: 0\.csv \(file_id 1"
    ):
        fetch_figshare(service.config(article_id=7), how)
    with pytest.raises(DataError, match=r"no file with ingest\.figshare\.file_name 'none\.csv'"):
        fetch_figshare(service.config(article_id=7, file_name="none.csv"), how)


def test_file_alone_is_checked_against_the_configured_checksum(service: Service, how: Transfer) -> None:
    service.add(11, "data.csv")
    assert fetch_figshare(service.config(file_id=11, md5=md5(CSV).upper()), how).path.read_bytes() == CSV
    with pytest.raises(DataError, match=rf"has the MD5 checksum {md5(CSV)}, but 0"):
        fetch_figshare(service.config(file_id=11, md5="0" * 32), how)


def test_truncated_download_is_resumed(service: Service, how: Transfer) -> None:
    service.add(11, "data.csv", cuts=(5000,))
    assert fetch_figshare(service.config(article_id=7), how).path.read_bytes() == CSV
    assert service.server.requests("/store/11")[1].headers["Range"] == "bytes=5000-"


def test_damaged_file_is_refused(service: Service, how: Transfer) -> None:
    service.add(11, "data.csv", computed_md5="0" * 32)
    with pytest.raises(DataError, match=r"has the MD5 checksum .*, but 0{32} is expected"):
        fetch_figshare(service.config(article_id=7), how)


def test_configured_checksum_must_be_that_of_the_service(service: Service, how: Transfer) -> None:
    service.add(11, "data.csv")
    with pytest.raises(DataError, match=r"ingest\.figshare\.md5 is 0{32}"):
        fetch_figshare(service.config(article_id=7, md5="0" * 32), how)
    assert not service.server.requests("/store/11")


@pytest.mark.parametrize(
    ("article", "message"),
    [
        ({"is_embargoed": True, "embargo_date": "2099-01-01"}, "under embargo until 2099-01-01"),
        ({"is_confidential": True}, "is confidential"),
        ({}, "has no files"),
    ],
)
def test_article_without_readable_files_says_why(
    service: Service, how: Transfer, article: dict[str, Any], message: str
) -> None:
    service.article |= article
    with pytest.raises(DataError, match=message):
        fetch_figshare(service.config(article_id=7), how)


def test_file_that_is_only_linked_is_refused_with_its_address(service: Service, how: Transfer) -> None:
    service.add(11, "data.csv", is_link_only=True, download_url="https://elsewhere.test/x.csv?key=secret")
    with pytest.raises(DataError, match=r"set ingest\.path to https://elsewhere\.test/x\.csv\.$"):
        fetch_figshare(service.config(article_id=7), how)


@pytest.mark.parametrize(
    ("status", "message"), [(404, "does not exist or is not public"), (403, "may not be read")]
)
def test_refusal_names_the_token_variable(service: Service, how: Transfer, status: int, message: str) -> None:
    service.server.scripts["/v2/articles/8"] = in_turn(Answer(status))
    with pytest.raises(DataError, match=rf"Figshare article 8 {message}.*FIGSHARE_TOKEN") as caught:
        fetch_figshare(service.config(article_id=8), how)
    assert not isinstance(caught.value, UnreachableError)


def test_article_of_ones_own_is_read_with_the_token(
    service: Service, how: Transfer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIGSHARE_TOKEN", TOKEN)
    service.publish("/v2/account")
    service.add(11, "data.csv")
    for place in ("/v2/articles/7", "/v2/articles/7/files"):
        service.server.scripts[place] = in_turn(Answer(404))
    assert fetch_figshare(service.config(article_id=7), how).path.read_bytes() == CSV
    sent = {seen.path: seen.headers.get("Authorization") for seen in service.server.seen}
    assert sent["/v2/account/articles/7"] == sent["/ndownloader/files/11"] == f"token {TOKEN}"


def test_token_is_not_sent_to_other_hosts_and_not_shown(
    service: Service, how: Transfer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIGSHARE_TOKEN", TOKEN)
    url = service.server.url("/store/11").replace("127.0.0.1", "localhost")
    service.add(11, "data.csv", download_url=url)
    service.server.scripts["/store/11"] = in_turn(Answer(403))
    with pytest.raises(DataError, match=r"may not be read") as caught:
        fetch_figshare(service.config(article_id=7), how)
    assert TOKEN not in str(caught.value)
    assert "Authorization" not in service.server.requests("/store/11")[0].headers


def test_rate_limit_is_waited_out_and_a_dead_service_is_unreachable(service: Service, how: Transfer) -> None:
    service.add(11, "data.csv")
    good = service.server.scripts["/v2/articles/7"]
    service.server.scripts["/v2/articles/7"] = lambda seen, number: (
        Answer(429, headers={"Retry-After": "0"}) if number < 3 else good(seen, number)
    )
    assert fetch_figshare(service.config(article_id=7), how).path.read_bytes() == CSV
    service.server.scripts["/v2/articles/7"] = in_turn(Answer(200, b"<html>maintenance</html>"))
    with pytest.raises(UnreachableError, match=r"Figshare article 7 could not be fetched.*not JSON"):
        fetch_figshare(service.config(article_id=7), how)


def test_signs_are_version_and_date(service: Service, how: Transfer) -> None:
    before = figshare_signs(service.config(article_id=7), how)
    service.article |= {"version": 3}
    assert figshare_signs(service.config(article_id=7), how) != before
    assert figshare_signs(service.config(file_id=11), how) == ["figshare file 11"]
