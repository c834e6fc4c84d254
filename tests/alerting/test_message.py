"""What an alert says, and what it cannot say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmm_core.alerting.message import FACTS, mail, new_message, plain_text, slack_payload, subject
from mmm_core.config.alerts import ALERT_KINDS

ANY_TEXT = st.text(max_size=600)


def test_a_message_names_what_happened_where_and_links_to_it() -> None:
    facts = {"job": "full", "geo": "Geo0"}
    message = new_message("run_failed", "brand", "full failed", facts, "https://ui/runs/1", 4)
    assert plain_text(message).splitlines() == [
        "[brand] Run failed: full failed",
        "job: full",
        "geo: Geo0",
        "4 more of this kind since the last message.",
        "https://ui/runs/1",
    ]


@pytest.mark.parametrize("name", ["kpi", "spend", "revenue", "value", "message"])
def test_a_value_of_the_data_has_no_name_to_be_told_under(name: str) -> None:
    with pytest.raises(KeyError, match="cannot tell"):
        new_message("drift", "brand", "title", {name: "12345"})


@pytest.mark.parametrize("kind", ALERT_KINDS)
def test_every_kind_has_a_subject(kind: str) -> None:
    assert subject(new_message(kind, "brand", "title", {})).startswith("[brand] ")  # type: ignore[arg-type]


@given(project=ANY_TEXT, title=ANY_TEXT, fact=ANY_TEXT)
def test_hostile_names_cannot_add_lines_headers_mentions_or_length(project: str, title: str, fact: str) -> None:
    message = new_message("drift", project, title, dict.fromkeys(FACTS, fact))
    assert "\n" not in subject(message)
    assert len(plain_text(message)) < 400 * len(FACTS) + 1000
    assert not set("<>") & set(slack_payload(message)["text"])
    letter = mail(message, "mmm@example.com", ("a@example.com",))
    assert letter["To"] == "a@example.com"
    assert letter.as_bytes()


def test_a_mention_arrives_as_text() -> None:
    text = slack_payload(new_message("drift", "b", "<!channel> <http://evil|click> & more", {}))["text"]
    assert text == "[b] Drift: &lt;!channel&gt; &lt;http://evil|click&gt; &amp; more"
