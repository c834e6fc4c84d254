"""A key that nobody reads is found, and only a read of that key counts."""

from collections import Counter
from pathlib import Path

import pytest

from mmm_core.config.base import Section
from mmm_core.config.loading import load_config
from mmm_core.config.mapping import ChannelColumns
from mmm_core.config.modeling import TrainingConfig
from mmm_core.config.schema import Config
from mmm_core.config.usage import effective_listing, unused_keys


class TrainingWithMore(TrainingConfig):
    """One key that no code knows."""

    not_read: int = 1


class ConfigWithMore(Config):
    """The real schema and that key."""

    training: TrainingWithMore = TrainingWithMore()


def test_every_key_of_the_schema_is_read_by_the_code() -> None:
    assert unused_keys() == []


def test_a_key_that_nobody_reads_is_reported() -> None:
    assert set(unused_keys(ConfigWithMore)) - set(unused_keys()) == {"training.not_read"}


class Deep(Section):
    """Below a section."""

    draws: int = 1


class Other(Section):
    """The same key elsewhere."""

    draws: int = 1


class Small(Section):
    """A whole configuration."""

    deep: Deep = Deep()
    other: Other = Other()
    columns: dict[str, str | ChannelColumns] = {}


HEADER = f"from {__name__} import Small, Deep\n"
REST = ["columns.*.media", "columns.*.reach", "columns.*.frequency"]
COLUMNS = ["columns", "columns.*.spend", *REST]


def unread(code: str, folder: Path) -> list[str]:
    """Keys of `Small` that this code does not read."""
    (folder / "code.py").write_text(HEADER + code, encoding="utf-8")
    return unused_keys(Small, {"made_up": folder})


READS = {
    "chain": "def f(config: Small):\n    return config.deep.draws",
    "section parameter": "def f(deep: Deep):\n    return deep.draws",
    "keyword parameter": "def f(*, deep: 'Deep | None' = None):\n    return deep.draws",
    "variable": "def f(config: Small):\n    d = config.deep\n    return d.draws",
    "unpacking": "def f(config: Small):\n    a, d = config.other, config.deep\n    return d.draws",
    "attribute of an object": "class A:\n    c: Small\n    def f(self):\n        return self.c.deep.draws",
    "attribute set in init": (
        "class A:\n    def __init__(self, config: Small):\n        self.c = config\n"
        "    def f(self):\n        return self.c.deep.draws"
    ),
    "attributes set together in init": (
        "class A:\n    def __init__(self, n: int, config: Small):\n        self.n, self.d = n, config.deep\n"
        "    def f(self):\n        return self.d.draws"
    ),
    "property": (
        "class A:\n    @property\n    def c(self) -> Small: ...\nclass B(A): ...\n"
        "def f(b: B):\n    return b.c.deep.draws"
    ),
    "method": "class A:\n    def c(self) -> Small: ...\ndef f(a: A):\n    return a.c().deep.draws",
    "function": "def c() -> Small: ...\ndef f():\n    return c().deep.draws",
    "nested function": "def f(config: Small):\n    def g():\n        return config.deep.draws\n    return g",
    "lambda": "def f(config: Small):\n    return lambda x: config.deep.draws",
    "inside a branch": "def f(c: Small):\n    if c:\n        with x:\n            return [c.deep.draws]",
    "f-string": "def f(config: Small):\n    return f'{config.deep.draws}'",
    "decorator": "@d(Small().deep.draws)\ndef f(): ...",
    "static method": "class A:\n    @staticmethod\n    def f(c: Small):\n        return c.deep.draws",
}


@pytest.mark.parametrize("case", READS)
def test_a_read_counts(case: str, tmp_path: Path) -> None:
    assert unread(READS[case], tmp_path) == ["other.draws", *COLUMNS]


NO_READS = {
    "nothing": "",
    "same name on another object": "def f(posterior):\n    return posterior.deep.draws",
    "section only": "def f(config: Small):\n    return config.deep",
    "dump of everything": "def f(config: Small):\n    return config.model_dump()['deep']['draws']",
    "written, not read": "def f(d):\n    d.draws = 1",
    "as keyword": "def f(d):\n    return d(draws=1)",
    "in text": "def f(config: Small):\n    '''config.deep.draws'''",
    "hidden by an assignment": "def f(deep: Deep):\n    deep = g()\n    return deep.draws",
    "hidden by a parameter": "def f(deep: Deep):\n    return lambda deep: deep.draws",
    "class of the same name": "class Deep: ...\ndef f(deep: Deep):\n    return deep.draws",
    "the class itself": "def f(kind: type[Deep]):\n    return kind.draws",
}


@pytest.mark.parametrize("case", NO_READS)
def test_what_only_looks_like_a_read_does_not_count(case: str, tmp_path: Path) -> None:
    assert unread(NO_READS[case], tmp_path) == ["deep.draws", "other.draws", *COLUMNS]


MAP_READS = {
    "items": "def f(c: Small):\n    for name, x in c.columns.items():\n        x.spend",
    "values": "def f(c: Small):\n    return [x.spend for x in c.columns.values()]",
    "sorted": "def f(c: Small):\n    return {n: x.spend for n, x in sorted(c.columns.items())}",
    "subscript": "def f(c: Small):\n    m = c.columns\n    return m['tv'].spend",
    "get": "def f(c: Small):\n    if x := c.columns.get('tv'):\n        return x.spend",
    "enumerate": "def f(c: Small):\n    for i, (n, x) in enumerate(c.columns.items()):\n        x.spend",
    "zip": "def f(c: Small, names: list):\n    for n, x in zip(names, c.columns.values()):\n        x.spend",
}


@pytest.mark.parametrize("case", MAP_READS)
def test_reads_inside_a_map_count(case: str, tmp_path: Path) -> None:
    assert unread(MAP_READS[case], tmp_path) == ["deep.draws", "other.draws", *REST]


def test_reads_through_a_re_export_count(tmp_path: Path) -> None:
    (tmp_path / "__init__.py").write_text("from .a import Holder as Public\n")
    (tmp_path / "a.py").write_text(HEADER + "class Holder:\n    config: Small\n")
    code = "from made_up import Public\ndef f(h: Public):\n    return h.config.deep.draws"
    assert unread(code, tmp_path) == ["other.draws", *COLUMNS]


def test_each_section_stands_once_in_the_schema() -> None:
    """So a read of a section's key is a read of one dotted key."""

    def sections(model: type[Section]) -> list[type[Section]]:
        inner = [field.annotation for field in model.model_fields.values()]
        found = [kind for kind in inner if isinstance(kind, type) and issubclass(kind, Section)]
        return found + [deeper for kind in found for deeper in sections(kind)]

    assert [kind for kind, times in Counter(sections(Config)).items() if times > 1] == []


def test_the_listing_has_every_effective_key_with_origin_and_without_secrets(tmp_path: Path) -> None:
    path = tmp_path / "project.yaml"
    path.write_text('tracking: {tracking_uri: "${URI}"}\ntraining: {draws: 77}', encoding="utf-8")
    rows = effective_listing(load_config(path, environ={"URI": "topsecret"}))
    assert ("training.draws", 77, f"file {path.as_posix()}") in rows
    assert ("training.chains", 4, "default") in rows
    assert ("tracking.tracking_uri", "***", f"file {path.as_posix()}") in rows
    assert "topsecret" not in str(rows)
    assert len(rows) == len({key for key, _, _ in rows})
