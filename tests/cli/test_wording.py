"""One wording per place: the terminal has no word of the UI, whatever message of the library it shows."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from mmm_assets.commands.wording import in_terminal_words

REPOSITORY = Path(__file__).resolve().parents[2]
ONLY_IN_THE_UI = (
    "mmm_assets/stages/benchmark.py",
    "mmm_assets/automation/after_backfill.py",
    "mmm_assets/commands/wording.py",
)


def messages() -> Iterator[str]:
    """Texts of the code that are no docstrings, with x for what is put in."""
    for path in (path for package in ("mmm_core", "mmm_assets") for path in (REPOSITORY / package).rglob("*.py")):
        if path.relative_to(REPOSITORY).as_posix() not in ONLY_IN_THE_UI:
            nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
            passed = {id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values}
            passed |= {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
            yield from (text for node in nodes if id(node) not in passed and (text := _text(node)))


def _text(node: ast.AST) -> str | None:
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "x" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def test_no_message_of_the_library_keeps_a_word_of_the_ui_in_the_terminal() -> None:
    found = [text for text in messages() if "aterialize " in text]
    assert len(found) > 30
    said = [in_terminal_words(text) for text in found]
    assert [text for text in said if "aterialize" in text] == []
    assert all("un mmm run" in text or "`mmm run` makes it again" in text for text in said)


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("x is about another fit; materialize it again.", "x is about another fit; run mmm run."),
        (
            "Materialize raw_panel, clean_panel and features of these geos, or leave the geos out of the source.",
            "Run mmm run, or leave the geos out of the source.",
        ),
        (
            "No geo x any more; materialize source_snapshot, which removes the partition.",
            "No geo x any more; run mmm run, which removes the partition.",
        ),
        (
            "raise training.max_runtime and materialize backtest again: finished splits are kept.",
            "raise training.max_runtime and run mmm run: finished splits are kept.",
        ),
        ("cut off; `mmm run` makes it again, or materialize features.", "cut off; `mmm run` makes it again."),
        ("Correct row 4.", "Correct row 4."),
    ],
)
def test_the_terminal_names_the_command(message: str, said: str) -> None:
    assert in_terminal_words(message) == said
