"""The links by which pages name the next one: where they lead, and how a header writes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_connector.client.message import Request
from tui_connector.incoming.pagination.link_header import link_of
from tui_connector.incoming.pagination.sequential import resolved_link


@pytest.mark.parametrize(
    ("uri", "link", "found"),
    [
        ("products", "?page=2", "products?page=2"),
        ("shop/products?page=1", "?page=2", "shop/products?page=2"),
        ("shop/products?page=1", "products?page=2", "shop/products?page=2"),
        ("shop/products?page=1", "./products?page=2", "shop/products?page=2"),
        ("products", "products?page=2#top", "products?page=2"),
        ("products", "/rest/V1/products?page=2", "/rest/V1/products?page=2"),
        ("products", " https://acme.example/x?page=2 ", "https://acme.example/x?page=2"),
        ("https://acme.example/a/b?x=1", "c", "https://acme.example/a/c"),
    ],
)
def test_links_are_resolved(uri: str, link: str, found: str) -> None:
    assert resolved_link(Request("GET", uri), link) == found


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        (['<a?page=2>; rel="next"'], "a?page=2"),
        (["<a>; rel=prev, <b>;rel=next"], "b"),
        (['<a>; rel="prev"', '<b>; REL="last NEXT"'], "b"),
        (['<a,b;c>; title="x, <y>; rel=\\"next\\""; rel="next"'], "a,b;c"),
        (['<a>; rel="last"; rel="next"'], None),
        (['<a>; rel="next"; anchor="#foo", <b>; rel="next"'], "b"),
        (["a; rel=next"], None),
        (["<a"], None),
        (["<a>; rel"], None),
        ([""], None),
        ([], None),
        (['<a>; rel="next'], None),
    ],
)
def test_link_headers(headers: list[str], found: str | None) -> None:
    """RFC 8288 §3: several links in a header, several headers, several relations, quoted commas."""
    assert link_of(tuple(("link", text) for text in headers), "next") == found


@given(st.text(st.sampled_from('<>;,="\\ relnxt\t'), max_size=200))
def test_any_link_header_is_read_to_its_end(text: str) -> None:
    link_of((("Link", text),), "next")
