"""Filter and transform."""

from __future__ import annotations

import json

import pytest
from user_errors import user_error

from tui_connector.incoming.model import ItemTransform
from tui_connector.profile.model import Profile
from tui_connector.profile.problems import check_data

ITEMS = [b'{"id":%d,"name":"n%d","price":1.10}' % (number, number) for number in range(5)]


def test_without_either_items_pass_as_they_are() -> None:
    assert ItemTransform(None, None)(ITEMS).items is ITEMS


def test_a_filter_leaves_out_and_changes_nothing() -> None:
    transformed = ItemTransform(None, "id >= `3`")(ITEMS)
    assert (transformed.items, transformed.filtered_out, list(transformed.rejected)) == (ITEMS[3:], 3, [])


@pytest.mark.parametrize(
    ("found", "kept"), [("`0`", 5), ("`0.0`", 5), ("`false`", 0), ("nothing", 0), ("''", 0), ("`[]`", 0), ("`{}`", 0)]
)
def test_what_counts_as_true(found: str, kept: int) -> None:
    assert len(ItemTransform(None, found)(ITEMS).items) == kept


def test_a_transform_sees_what_the_filter_left() -> None:
    transformed = ItemTransform("{sku: name}", "id == `4`")(ITEMS)
    assert (transformed.items, transformed.filtered_out) == ([b'{"sku":"n4"}'], 4)


def test_an_item_that_fails_is_named_and_the_others_go_on() -> None:
    items = [*ITEMS[:2], b'{"id":"x","price":"free"}', b'{"price":' + b"9" * 5_000 + b"}", *ITEMS[2:]]
    transformed = ItemTransform("{rounded: ceil(price)}", None)(items)
    assert len(transformed.items) == 5
    assert [rejected.index for rejected in transformed.rejected] == [2, 3]
    assert "ceil() requires number, not string" in transformed.rejected[0].reason
    assert "4,300 digits" in transformed.rejected[1].reason
    assert transformed.filtered_out == 0


def test_a_transform_that_finds_nothing() -> None:
    (rejected,) = ItemTransform("nam", None)(ITEMS[:1]).rejected
    assert "Nearest: name" in rejected.reason


def test_what_json_cannot_say_twice_stays() -> None:
    transformed = ItemTransform("@", None)([rb'{"a":"\ud800","b":12345678901234567890123}'])
    assert json.loads(transformed.items[0]) == {"a": "\ud800", "b": 12345678901234567890123}


def test_expressions_are_checked_in_the_profile() -> None:
    with user_error("expression"):
        ItemTransform("a b", None)
    incoming = {"client": "default", "request": {"uri": "x"}, "transform": "a b", "filter": "", "items": "nosuch(@)"}
    profile, problems = check_data({"format": 1, "name": "x", "incoming": {"a": incoming}})
    assert profile is None
    assert {path for path, _ in problems} == {("incoming", "a", name) for name in ("transform", "filter", "items")}


def test_items_must_not_leave_out_what_pages_count() -> None:
    incoming = {"client": "default", "request": {"uri": "x"}, "items": "items[?status]"}
    read = {"format": 1, "name": "x", "incoming": {"a": incoming}}
    assert isinstance(check_data(read)[0], Profile)
    incoming = {**incoming, "pagination": {"kind": "keyset"}}
    profile, problems = check_data({**read, "incoming": {"a": incoming}})
    assert profile is None
    ((path, words),) = problems
    assert path == ("incoming", "a", "items")
    assert 'use "filter"' in words
