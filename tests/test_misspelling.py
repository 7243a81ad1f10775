"""The name that was probably meant by a misspelt one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_connector.guide.steps import kind_schemas
from tui_connector.incoming.model import Incoming
from tui_connector.misspelling import matching_options, most_similar, similar_names

KEYS = [field.alias or name for name, field in Incoming.model_fields.items()]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("idnt", "identifier"),
        ("ident", "identifier"),
        ("idetifier", "identifier"),
        ("identfier", "identifier"),
        ("identiifer", "identifier"),
        ("Identifier", "identifier"),
        ("clinet", "client"),
        ("clnt", "client"),
        ("cleint", "client"),
        ("desc", "description"),
        ("descr", "description"),
        ("descripton", "description"),
        ("pagniation", "pagination"),
        ("req", "request"),
        ("rqeuest", "request"),
        ("Item", "items"),
        ("tilte", "title"),
        ("zzz", ""),
        ("since", ""),
        ("pattern", ""),
        ("", ""),
    ],
)
def test_a_misspelt_key_is_recognised_by_omitted_and_swapped_letters(written: str, meant: str) -> None:
    assert most_similar(written, KEYS) == meant


def test_the_most_similar_names_come_first() -> None:
    names = ["timeout", "connect-timeout", "title", "page_size", "Magento"]
    assert similar_names("timeuot", names, 3) == ["timeout"]
    assert similar_names("size", names, 1) == ["page_size"]
    assert most_similar("page size", names) == "page_size"
    assert most_similar("magneto", names) == "Magento"
    assert most_similar("nosku", ["sku", "name"]) == "sku"
    assert most_similar("mm", ["m"]) == "m"
    assert most_similar("n", ["m"]) == ""
    assert most_similar("out", ["timeout", "output"]) == "output"


@given(st.text(max_size=130), st.lists(st.text(max_size=130), max_size=5))
def test_a_name_is_most_similar_to_itself(name: str, others: list[str]) -> None:
    assert set(similar_names(name, others, 3)) <= set(others)
    if 0 < len(name.strip()) <= 100:
        assert similar_names(name, [*others, name], len(others) + 1)


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("retry", "retry"),
        ("retries", "retry"),
        ("rety", "retry"),
        ("attempts", "retry"),
        ("ratelimit", "rate-limit"),
        ("rate limt", "rate-limit"),
        ("429", "rate-limit"),
        ("defaut headers", "default-headers"),
        ("base url", "base-uri"),
        ("set req", "set-headers"),
        ("append", "append-headers"),
        ("curl", "log-requests"),
        ("", "base-uri"),
        ("zzz", None),
    ],
)
def test_a_filter_finds_kinds_by_words_of_their_fields_and_by_near_misses(typed: str, first: str | None) -> None:
    found = matching_options(typed, kind_schemas.plugins(), kind_schemas.plugin_details())
    assert next(iter(found), None) == first
