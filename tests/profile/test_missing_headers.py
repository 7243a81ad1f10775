"""A table header that is missing is one problem, at the keys that have lost it, and one key writes it."""

from __future__ import annotations

import re

import pytest

from tui_connector.profile.correction import apply
from tui_connector.profile.text_checker import Checker

GOOD = """format = 1
name = "Acme"

[authentications.a]
kind = "bearer"
token = { keyring = "acme/token" }

[clients.m]
authentications = ["a"]
timeout = "30s"

[[clients.m.plugins]]
kind = "base-uri"
uri = "https://acme.example/rest/all/V1"

[[clients.m.plugins]]
kind = "log-requests"

# the catalogue
[incoming.products]
client = "m"
request = { uri = "products" }
sink = { kind = "jsonl", path = "products.jsonl" }

[incoming.orders]
client = "m"
items = "items"
sink = { kind = "jsonl", path = "acme/orders.jsonl" }

[incoming.orders.request]
uri = "orders"
method = "get"

[outgoing.stock]
title = "Stock"
client = "m"
source = { kind = "incoming", name = "products" }
request = { method = "post", uri = "inventory/source-items" }

[environments.staging]
production = false
incoming = { products = { items = "items" } }
"""
HEADERS = [*re.finditer(r"(?m)^\[.*\]\n", GOOD)]
NAMES = [header.group().strip() for header in HEADERS]


def problems(text: str) -> list[str]:
    return [str(each) for each in Checker().check(text).problems]


def corrected(text: str) -> str:
    """The text after as many corrections as there are headers."""
    for _ in HEADERS:
        fix = next((each.fix for each in Checker().check(text).problems if each.fix is not None), None)
        text = apply(text, fix.edits) if fix is not None else text
    return text


@pytest.mark.parametrize("header", HEADERS, ids=NAMES)
def test_a_header_that_is_missing_is_one_problem_and_one_key_writes_it(header: re.Match[str]) -> None:
    text = GOOD[: header.start()] + GOOD[header.end() :]
    line = text.count("\n", 0, header.start()) + 1
    [problem] = Checker().check(text).problems
    assert (problem.line, problem.code) == (line, "missing-header")
    assert f"seems to be missing above line {line}" in problem.message
    assert problem.fix_title.startswith("Write [")
    assert problems(corrected(text)) == []
    crlf = Checker().check(text.replace("\n", "\r\n")).problems
    assert [(each.line, each.fix) for each in crlf] == [(line, problem.fix)]


@pytest.mark.parametrize("header", HEADERS, ids=NAMES)
def test_a_header_that_is_a_comment_is_no_comment_again(header: re.Match[str]) -> None:
    text = f"{GOOD[: header.start()]}# {GOOD[header.start() :]}"
    assert len(problems(text)) == 1
    assert corrected(text) == GOOD


@pytest.mark.parametrize(
    ("missing", "message", "written"),
    [
        ("[incoming.orders]", "[incoming.orders]", "[incoming.orders]"),  # as the table below names it
        ("[outgoing.stock]", "[outgoing.NAME]", "[outgoing.inventory]"),
        ("[incoming.products]", "[incoming.products]", "[incoming.products]"),  # as the outgoing names it
        ("[authentications.a]", "[authentications.a]", "[authentications.a]"),
        ("[environments.staging]", "[environments.NAME]", "[environments.staging]"),
        ("[incoming.orders.request]", "[incoming.orders.request]", "[incoming.orders.request]"),
    ],
)
def test_the_header_has_the_name_that_the_text_has_for_it(missing: str, message: str, written: str) -> None:
    text = GOOD.replace(f"{missing}\n", "").replace('"inventory/source-items"', '"inventory"')
    [problem] = Checker().check(text).problems
    assert f"such as {message} seems" in problem.message
    assert problem.fix_title == f"Write {written}"


def test_a_name_that_is_in_use_gets_a_number() -> None:
    text = GOOD.replace("[outgoing.stock]\n", "").replace("inventory/source-items", "orders")
    [problem] = Checker().check(text).problems
    assert problem.fix_title == "Write [outgoing.orders-2]"


def test_other_problems_are_shown_with_it_at_their_own_lines() -> None:
    text = GOOD.replace("[incoming.products]\n", "").replace('"30s"', "30").replace("method =", "methd =", 1)
    text = text.replace("production = false", "production = false\nproduction = true")
    lines = text.split("\n")
    found = Checker().check(text).problems
    assert [(lines[each.line - 1].partition(" =")[0], each.code) for each in found] == [
        ("timeout", "wrong-type"),
        ("client", "missing-header"),
        ("methd", "unknown-key"),
        ("production", "duplicate-key"),
    ]
    assert f"already defined on line {found[3].line - 1}" in found[3].message
    for each in found:
        assert each.fix is not None
        changed = apply(text, each.fix.edits).split("\n")
        assert len([*filter(None, changed)]) == len([*filter(None, lines)]) + (each.code == "missing-header")
    assert problems(corrected(text)) == []


def test_each_of_several_missing_headers_is_a_problem() -> None:
    text = (
        GOOD.replace("[incoming.products]\n", "").replace("[incoming.orders]\n", "").replace("[outgoing.stock]\n", "")
    )
    found = Checker().check(text).problems
    assert [each.code for each in found] == ["missing-header"] * 3
    assert problems(corrected(text)) == []


@pytest.mark.parametrize(
    "added",
    [
        'client = "m"\nrequest = { uri = "products" }\n',  # pasted twice
        'client = "other"\n',
        'titel = "Products"\ndescripton = "All of them"\n',
        'title = "One"\ndescription = "1"\ntitle = "Two"\ndescription = "2"\n',
    ],
)
def test_keys_that_make_no_part_of_their_own_have_not_lost_a_header(added: str) -> None:
    text = GOOD.replace("\n[incoming.orders]", f"{added}\n[incoming.orders]")
    found = Checker().check(text).problems
    assert found
    assert "missing-header" not in {each.code for each in found}
