"""Missing data skips a developer's test and fails CI's."""

from pathlib import Path

import pytest

from tests.shared_data import REQUIRE_VARIABLE, ROOT_VARIABLE, shared_data


def test_a_file_is_found_below_the_given_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path))
    (tmp_path / "panel.csv").touch()
    assert shared_data("panel.csv") == tmp_path / "panel.csv"
    with pytest.raises(pytest.fail.Exception, match=r"other\.csv is missing"):
        shared_data("other.csv")


@pytest.mark.parametrize(("required", "outcome"), [("", pytest.skip.Exception), ("1", pytest.fail.Exception)])
def test_a_missing_root_skips_unless_data_is_required(
    required: str, outcome: type[BaseException], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path / "nowhere"))
    monkeypatch.setenv(REQUIRE_VARIABLE, required)
    with pytest.raises(outcome, match=ROOT_VARIABLE):
        shared_data("panel.csv")
