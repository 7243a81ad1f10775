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
    assert (transformed.items, list(transformed.filtered_out), list(transformed.rejected)) == (ITEMS[3:], [0, 1, 2], [])


@pytest.mark.parametrize(
    ("found", "kept"), [("`0`", 5), ("`0.0`", 5), ("`false`", 0), ("nothing", 0), ("''", 0), ("`[]`", 0), ("`{}`", 0)]
)
def test_what_counts_as_true(found: str, kept: int) -> None:
    assert len(ItemTransform(None, found)(ITEMS).items) == kept


def test_a_transform_sees_what_the_filter_left() -> None:
    transformed = ItemTransform("{sku: name}", "id == `4`")(ITEMS)
    assert (transformed.items, len(transformed.filtered_out)) == ([b'{"sku":"n4"}'], 4)


def test_an_item_that_fails_is_named_and_the_others_go_on() -> None:
    items = [*ITEMS[:2], b'{"id":"x","price":"free"}', b'{"price":' + b"9" * 5_000 + b"}", *ITEMS[2:]]
    transformed = ItemTransform("{rounded: ceil(price)}", None)(items)
    assert len(transformed.items) == 5
    assert [rejected.index for rejected in transformed.rejected] == [2, 3]
    assert "ceil() requires number, not string" in transformed.rejected[0].reason
    assert "4,300 digits" in transformed.rejected[1].reason
    assert not transformed.filtered_out


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


@pytest.mark.parametrize(
    ("transform", "lost"),
    [
        ("{name: name, p: prce}", ["'p' is null in all 5 items: they have no field 'prce'"]),
        ("{a: {b: [id, nam]}}", ["'a.b[1]' is null in all 5 items: they have no field 'nam'"]),
        ("@ | {p: to_number(prce)}", ["'p' is null in all 5 items: they have no field 'prce'"]),
        ("{p: price.amount}", ["'p' is null in all 5 items: they have no field 'amount'"]),
        ("{p: prce || prise}", ["'p' is null in all 5 items: they have no field 'prce' or 'prise'"]),
        ("{p: [prce, prise]}", ["'p' is empty in all 5 items: they have no field 'prce' or 'prise'"]),
        ("{p: lines[*].qtty}", ["'p' is empty in all 5 items: they have no field 'qtty'"]),
        ("{p: prce || price}", []),
        ("{p: gone}", []),
        ("{p: rare}", []),
        ("{p: lines[0].qty, q: `null`}", []),
        ("name", []),
    ],
)
def test_what_no_item_has_is_said_with_what_is_lost(transform: str, lost: list[str]) -> None:
    transformed = ItemTransform(transform, None)
    items = [each[:-1] + b',"gone":null,"lines":[{"qty":1},{}]}' for each in ITEMS]
    transformed(items[:4])
    transformed([items[4][:-1] + b',"rare":1}'])
    assert [each.summary for each in transformed.unfound()] == lost


def test_the_nearest_field_is_suggested_or_those_that_are_there() -> None:
    transformed = ItemTransform("{p: prce, z: zzz}", None)
    transformed(ITEMS[:1])
    assert list(map(str, transformed.unfound())) == [
        "'p' is null in the only item: it has no field 'prce'. Correct transform: did you mean 'price'?",
        "'z' is null in the only item: it has no field 'zzz'. Correct transform. There are: id, name, price.",
    ]


@pytest.mark.parametrize(
    ("condition", "lost"),
    [
        ("statuss == `1`", ["The filter drops all 5 items: they have no field 'statuss'"]),
        ("id >= `0` && nam == 'n1'", ["The filter drops all 5 items: they have no field 'nam'"]),
        ("id > `9`", []),
        ("nam || id == `1`", []),
    ],
)
def test_a_filter_that_drops_all_items_names_the_field_that_they_lack(condition: str, lost: list[str]) -> None:
    transformed = ItemTransform("{p: prce}" if lost else None, condition)
    transformed(ITEMS)
    assert [each.summary for each in transformed.unfound()] == lost
