"""Secrets do not come out, however they are written."""

import html
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmm_core.config.masking import mask


@given(st.text(min_size=4, max_size=20), st.text(max_size=20), st.text(max_size=20))
def test_no_spelling_of_a_secret_is_left(secret: str, before: str, after: str) -> None:
    if secret in "***" * 3:
        return
    spellings = [secret, repr(secret)[1:-1], json.dumps(secret)[1:-1], html.escape(secret), quote_plus(secret)]
    for spelling in [*spellings, quote(secret, safe="")]:
        assert mask(f"|{spelling}|", [secret]) == "|***|"
    assert secret not in mask(f"{before}|{secret}|{after}", [secret]).replace("***", "\0")


def test_the_longer_of_two_overlapping_secrets_goes_first() -> None:
    assert mask("password1234", ["pass", "password1234"]) == "***"


def test_short_values_are_masked_only_where_asked_for() -> None:
    assert mask("2 of 2", ["2"]) == "2 of 2"
    assert mask("2 of 2", ["2"], shortest=1) == "*** of ***"


@pytest.mark.parametrize("secrets", [[], ["", "x"]])
def test_text_without_secrets_stays(secrets: list[str]) -> None:
    assert mask("a x b", secrets) == "a x b"


def test_a_password_in_a_url_is_masked_without_being_told() -> None:
    assert (
        mask("at https://ann:pw@host/x and https://host:80/y", [])
        == "at https://ann:***@host/x and https://host:80/y"
    )
    assert mask("postgresql://ann:p@w@host/x", []) == "postgresql://ann:***@host/x"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://host/x.csv?token=abc&sig=d%2Fe#f", "https://host/x.csv?token=***&sig=***#f"),
        ("'https://host/x.csv?abc'", "'https://host/x.csv?***'"),
        ("zip://a.csv::https://host/x.zip?sig=q", "zip://a.csv::https://host/x.zip?sig=***"),
        ("is it https://host/x? yes, a=b", "is it https://host/x? yes, a=b"),
    ],
)
def test_what_the_query_of_a_url_holds_is_masked_without_being_told(text: str, shown: str) -> None:
    assert mask(text, []) == shown
    assert mask(shown, []) == shown
