"""The connector `figshare`: one file of an article, by Figshare's API (version 2), checksum verified."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from mmm_core.config.ingest import FigshareConfig
from mmm_core.data.sources.address import display_name
from mmm_core.data.sources.transfer import FetchedFile, Transfer
from mmm_core.data.sources.web import Refused, get_json
from mmm_core.data.sources.web_download import download
from mmm_core.errors import DataError

TOKEN_VARIABLE = "FIGSHARE_TOKEN"  # noqa: S105 - the variable's name
"""Environment variable with a personal token, for articles that are not public."""
_PAGE = 100
_OWN_HOSTS = ("figshare.com",)
_SECTION = "ingest.figshare"


@dataclass(frozen=True)
class _File:
    """A file as the API describes it."""

    id: int
    name: str
    size: int
    md5: str | None
    url: str
    elsewhere: bool
    """Only a link to another site."""


def fetch_figshare(settings: FigshareConfig, how: Transfer, name: str | None = None) -> FetchedFile:
    """Fetch the configured file, or another file of the same article.

    Args:
        settings: article, version, file.
        how: patience, folder for downloads, progress.
        name: file name instead of the configured file.

    Raises:
        UnreachableError: the service did not answer, after retries.
        DataError: no such article or file, not public, not stored there, or damaged.
    """
    if settings.article_id is None:
        return _file_alone(settings, how)
    wanted = (
        settings if name is None else settings.model_copy(update={"file_name": name, "file_id": None, "md5": None})
    )
    file = _chosen(_files(settings, how), wanted)
    origin = f"{_article(settings)}, file {file.name}"
    if file.elsewhere:
        raise DataError(f"{origin}: Figshare only links to it; set ingest.path to {display_name(file.url)}.")
    expected = wanted.md5.lower() if wanted.md5 else file.md5
    if file.md5 and expected != file.md5:
        raise DataError(
            f"{origin} has the MD5 checksum {file.md5}, but {_SECTION}.md5 is {expected}; the file was "
            "replaced, or the key is wrong."
        )
    try:
        return download(file.url, origin, file.name, how, _headers(file.url, settings), expected)
    except Refused as error:
        raise DataError(_refusal(origin, error.status)) from None


def figshare_signs(settings: FigshareConfig, how: Transfer) -> list[str]:
    """Version and date of the article; of a file alone its id, because its content never changes."""
    if settings.article_id is None:
        return [f"figshare file {settings.file_id}"]
    article = _about(settings, how)
    return [f"figshare {article.get(name)}" for name in ("id", "version", "modified_date")]


def _file_alone(settings: FigshareConfig, how: Transfer) -> FetchedFile:
    origin = f"Figshare file {settings.file_id}"
    url = f"{settings.api.rstrip('/')}/file/download/{settings.file_id}"
    try:
        return download(
            url, origin, str(settings.file_id), how, _headers(url, settings), settings.md5 and settings.md5.lower()
        )
    except Refused as error:
        raise DataError(_refusal(origin, error.status)) from None


def _chosen(files: Sequence[_File], settings: FigshareConfig) -> _File:
    article = _article(settings)
    if not files:
        raise DataError(f"{article} has no files that may be read.")
    if settings.file_id is None and settings.file_name is None and len(files) == 1:
        return files[0]
    if settings.file_id is not None:
        key, received, fitting = "file_id", str(settings.file_id), [f for f in files if f.id == settings.file_id]
    else:
        key, received = "file_name", repr(settings.file_name)
        fitting = [file for file in files if file.name == settings.file_name]
    if len(fitting) == 1:
        return fitting[0]
    listed = ", ".join(f"{file.name} (file_id {file.id}, {file.size:,} bytes)" for file in files[:20])
    if settings.file_id is None and settings.file_name is None:
        raise DataError(f"{article} has {len(files)} files; set {_SECTION}.file_name to one of: {listed}.")
    how_many = "no file" if not fitting else f"{len(fitting)} files"
    raise DataError(f"{article} has {how_many} with {_SECTION}.{key} {received}; it has: {listed}.")


def _files(settings: FigshareConfig, how: Transfer) -> list[_File]:
    """All files of the article, after making sure that they may be read."""
    article = _about(settings, how)
    files: list[_File] = []
    while True:
        page = len(files) // _PAGE + 1
        listed = _get(settings, f"{_place(settings)}/files?page={page}&page_size={_PAGE}", how)
        files += [_file(item) for item in listed]
        if len(listed) < _PAGE:
            break
    if not files and article.get("is_embargoed"):
        until = article.get("embargo_date")
        raise DataError(
            f"{_article(settings)} is under embargo{f' until {until}' if until else ''}; its files cannot be read "
            "before that."
        )
    if not files and (article.get("is_confidential") or article.get("download_disabled")):
        raise DataError(f"{_article(settings)} is confidential, or its download is switched off by its owners.")
    return files


def _about(settings: FigshareConfig, how: Transfer) -> Mapping[str, Any]:
    article = _get(settings, _place(settings), how)
    if not isinstance(article, Mapping):
        raise DataError(f"{_article(settings)}: the answer describes no article; check {_SECTION}.api.")
    return article


def _file(item: Mapping[str, Any]) -> _File:
    md5 = str(item.get("computed_md5") or item.get("supplied_md5") or "").lower()
    return _File(
        id=int(item["id"]),
        name=str(item["name"]),
        size=int(item.get("size") or 0),
        md5=md5 or None,
        url=str(item["download_url"]),
        elsewhere=bool(item.get("is_link_only")),
    )


def _place(settings: FigshareConfig) -> str:
    version = "" if settings.version is None else f"/versions/{settings.version}"
    return f"articles/{settings.article_id}{version}"


def _get(settings: FigshareConfig, place: str, how: Transfer) -> Any:
    """Answer of the API; with a token also about articles of one's own that are not public."""
    article, api = _article(settings), settings.api.rstrip("/")
    headers = _headers(api, settings)
    try:
        return get_json(f"{api}/{place}", article, how, headers)
    except Refused as error:
        if not headers or settings.version is not None or error.status not in (401, 403, 404):
            raise DataError(_refusal(article, error.status)) from None
    try:
        return get_json(f"{api}/account/{place}", article, how, headers)
    except Refused as error:
        raise DataError(_refusal(article, error.status)) from None


def _headers(url: str, settings: FigshareConfig) -> dict[str, str]:
    """The token, for Figshare's own hosts only."""
    token = os.environ.get(TOKEN_VARIABLE, "").strip()
    host, own = urlsplit(url).hostname or "", urlsplit(settings.api).hostname
    known = host == own or any(host == name or host.endswith(f".{name}") for name in _OWN_HOSTS)
    return {"Authorization": f"token {token}"} if token and known else {}


def _article(settings: FigshareConfig) -> str:
    version = "" if settings.version is None else f" version {settings.version}"
    return f"Figshare article {settings.article_id}{version}"


def _refusal(what: str, status: int) -> str:
    if status in (404, 410):
        return (
            f"{what} does not exist or is not public (the service answered {status}); check {_SECTION}, or set "
            f"the environment variable {TOKEN_VARIABLE} to a token of an account that may read it."
        )
    if status in (401, 403):
        return (
            f"{what} may not be read: the service answered {status}; set the environment variable "
            f"{TOKEN_VARIABLE} to a valid token of an account that may read it."
        )
    return f"{what} cannot be fetched: the service answered {status}; check {_SECTION}."
