"""What is sent for an address as it is typed: each % means one thing, whatever follows it."""

from __future__ import annotations

from urllib.parse import quote, unquote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from user_errors import user_error

from tui_connector.client.model import RequestTemplate
from tui_connector.client.uri import canonical, escape_percents
from tui_connector.errors import InvalidValue
from tui_connector.profile.problems import check
from tui_connector.templates import Scope

TYPED = [
    ("%Sync%", "%25Sync%25"),
    ("%edu%", "%25edu%25"),
    ("%Bag%", "%25Bag%25"),
    ("%add%", "%25add%25"),
    ("%face%", "%25face%25"),
    ("%Cafe%", "%25Cafe%25"),
    ("%deck", "%25deck"),
    ("%fee%fo%", "%25fee%25fo%25"),
    ("100%", "100%25"),
    ("%", "%25"),
    ("%%", "%25%25"),
    ("%E4", "%25E4"),
    ("caf%E9", "caf%25E9"),
    ("%C3", "%25C3"),
    ("%ED%A0%80", "%25ED%25A0%2580"),
    ("%C0%AF", "%25C0%25AF"),
    ("%20", "%20"),
    ("a%2Fb", "a%2Fb"),
    ("%C3%A4", "%C3%A4"),
    ("%c3%a4", "%c3%a4"),
    ("%F0%9F%98%80", "%F0%9F%98%80"),
    ("%25edu%25", "%25edu%25"),
    ("ä%20b", "%C3%A4%20b"),
    ("ä%", "%C3%A4%25"),
    ("a b", "a%20b"),
    ("a+b%", "a+b%25"),
]


@pytest.mark.parametrize(("typed", "sent"), TYPED)
@pytest.mark.parametrize("around", ["?q={}", "?q={}&p=%20", "?p=%C3%A4&q={}", "/{}", "/%20/{}/x", "?{}=1"])
def test_a_percent_sign_is_an_escape_only_where_the_whole_value_is_escaped(typed: str, sent: str, around: str) -> None:
    head = "http://store.example/V1"
    assert canonical(head + around.format(typed)) == head + around.format(sent)


@pytest.mark.parametrize(
    ("typed", "one", "other"),
    [
        ("%Sync%20Bag%", "%25Sync%20Bag%25", "%25Sync%2520Bag%25"),
        ("100%20%", "100%20%25", "100%2520%25"),
        ("%C3%A4%", "%C3%A4%25", "%25C3%25A4%25"),
        ("%20%E4", "%20%25E4", "%2520%25E4"),
        ("%2fast%", "%2fast%25", "%252fast%25"),
        ("%c3%a4%edu", "%c3%a4%25edu", "%25c3%25a4%25edu"),
    ],
)
def test_what_can_be_read_in_two_ways_is_refused_with_both(typed: str, one: str, other: str) -> None:
    for head in ("http://store.example/V1?q=", "http://store.example/"):
        with user_error("uri") as refused:
            canonical(head + typed)
        assert repr(one) in str(refused.value)
        assert repr(other) in str(refused.value)
        assert unquote(canonical(head + one)) != unquote(canonical(head + other))


PIECES = st.lists(
    st.sampled_from(["%", "%20", "%25", "%C3%A4", "%E4", "ed", "u", "2", "0", "ä", " ", "+", "A"]), max_size=8
)


@given(PIECES, st.sampled_from(["?q=", "/", "?a=%20&"]))
def test_the_form_that_is_sent_stays_as_it_is(pieces: list[str], head: str) -> None:
    uri = f"http://store.example/V1{head}{''.join(pieces)}"
    try:
        sent = canonical(uri)
    except InvalidValue:
        assume(False)
    assert canonical(sent) == sent
    assert "%" not in sent.replace("%25", "").partition("V1")[2] or unquote(sent)
    assert unquote(canonical(sent), errors="strict") == unquote(sent, errors="strict")


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"])))
def test_a_whole_encoded_value_is_sent_as_it_is(text: str) -> None:
    uri = f"http://store.example/V1?q={quote(text, safe='')}"
    assert canonical(uri) == uri
    assert escape_percents(uri) == uri


@given(st.text("abcdefABCDEFghxyz_", max_size=8))
def test_a_word_between_percent_signs_is_meant_as_it_is_typed(word: str) -> None:
    """A % and two letters are no character of UTF-8, so that the letters of a pattern do not change its meaning."""
    for typed in (f"%{word}%", f"%{word}", f"{word}%"):
        sent = canonical(f"http://store.example/V1?q={typed}")
        assert sent == f"http://store.example/V1?q={typed.replace('%', '%25')}"


@pytest.mark.parametrize("value", ["edu", "20", "C3", " ", "%", "%20"])
def test_a_placeholder_value_never_changes_the_text_around_it(value: str) -> None:
    template = RequestTemplate(uri="products?q=@{run.word}% off&p=a%20@{run.word}")
    sent = template.request(Scope(run={"run": {"word": value}}))
    inside = quote(value, safe="")
    assert canonical(f"http://x.example/{sent.uri}") == f"http://x.example/products?q={inside}%25%20off&p=a%20{inside}"


def test_an_address_with_two_meanings_is_an_error_of_the_profile() -> None:
    text = """format = 1
name = "x"
[clients.c]
[incoming.p]
client = "c"
request.uri = "products?q=%Sync%20Bag%"
"""
    found, [problem] = check(text)
    assert found is None
    assert (problem.line, problem.path) == (6, "incoming.p.request.uri")
    assert "'%25Sync%20Bag%25'" in problem.message
