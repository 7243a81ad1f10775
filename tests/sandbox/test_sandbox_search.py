"""Lists: search criteria, conditions, order, pages, and the fields asked for."""

from __future__ import annotations

import json
import operator
import re
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sandbox_client import Starter, Store

from tui_connector.sandbox.catalogue import Catalogue
from tui_connector.sandbox.criteria import Sort, StoreCriteria, StoreFilter, parse_query
from tui_connector.sandbox.response import parse_fields, select_fields
from tui_connector.sandbox.table import Searches
from tui_connector.sandbox.table import test_of as condition_test


def criteria(*filters: tuple[str, str, str], **rest: object) -> str:
    """A query string: one group for each filter (field, condition, value)."""
    parts = {
        f"filter_groups][{place}][filters][0][{name}": value
        for place, (field, condition, value) in enumerate(filters)
        for name, value in (("field", field), ("condition_type", condition), ("value", value))
    }
    named = parts | {name: str(value) for name, value in rest.items()}
    return "&".join(f"searchCriteria[{name}]={quote(str(value), safe='')}" for name, value in named.items()) or (
        "searchCriteria="
    )


async def products(store: Store, query: str, route: str = "products") -> Any:
    reply = await store.ask(f"/rest/V1/{route}?{query}", Authorization=store.bearer())
    assert reply.status == 200, reply.body
    return reply.data


async def test_keyset_pagination_returns_the_whole_catalogue(start: Starter) -> None:
    store = await start(products=2345, settings={"oauth/consumer/enable_integration_as_bearer": "1"})
    seen, last, left = [], 0, 2345
    while left:
        sorted_by = "searchCriteria[sortOrders][0][field]=entity_id&searchCriteria[sortOrders][0][direction]=ASC"
        query = f"{criteria(('entity_id', 'gt', str(last)), pageSize=300)}&{sorted_by}&fields=items[id,sku],total_count"
        page = await products(store, query)
        assert page["total_count"] == left
        seen += page["items"]
        last = page["items"][-1]["id"]
        left -= len(page["items"])
    assert [item["id"] for item in seen] == list(range(1, 2346))
    assert len({item["sku"] for item in seen}) == 2345
    whole = await products(store, criteria(pageSize=0) + "&fields=items[id,sku]")
    assert whole["items"] == seen


async def test_a_million_products_are_not_held_in_memory(start: Starter) -> None:
    store = await start(products=1_000_000, settings={"oauth/consumer/enable_integration_as_bearer": "1"})
    query = criteria(("entity_id", "gteq", "999998"), ("entity_id", "lt", "1000000"), pageSize=100)
    page = await products(store, query + "&fields=items[id,sku],total_count")
    assert page == {
        "items": [{"id": 999998, "sku": "SKU-999975"}, {"id": 999999, "sku": "SKU-999976"}],
        "total_count": 2,
    }
    assert (await products(store, criteria(("sku", "eq", "sku-999977"))))["total_count"] == 1


@pytest.mark.parametrize(
    ("limits", "ids"),
    [
        ([("gt", "10"), ("lteq", "12")], [11, 12]),
        ([("gt", "10.5"), ("lt", "12.5")], [11, 12]),
        ([("from", "49"), ("to", "99")], [49, 50]),
        ([("eq", "7")], [7]),
        ([("eq", "7.5")], None),
        ([("gt", "12"), ("lt", "12")], None),
        ([("gteq", "abc"), ("lt", "3")], [1, 2]),
        ([("in", "3,9,400")], [3, 9]),
        ([("nosuch", "5")], [5]),
    ],
)
@pytest.mark.parametrize("order", ["", "entity_id DESC", "price ASC"])
async def test_ranges_of_ids(store: Store, limits: list[tuple[str, str]], ids: list[int] | None, order: str) -> None:
    query = criteria(*(("entity_id", condition, value) for condition, value in limits)) + "&fields=items[id]"
    if order:
        field, direction = order.split()
        query += f"&searchCriteria[sortOrders][0][field]={field}&searchCriteria[sortOrders][0][direction]={direction}"
    found = (await products(store, query))["items"]
    assert (found and sorted(item["id"] for item in found)) == ids
    if found and order == "entity_id DESC":
        assert [item["id"] for item in found] == ids[::-1] if ids else None


async def test_groups_are_anded_and_filters_in_a_group_ored(store: Store) -> None:
    query = (
        "searchCriteria[filterGroups][0][filters][0][field]=sku&searchCriteria[filterGroups][0][filters][0][value]=A/B"
        "&searchCriteria[filterGroups][0][filters][1][field]=entity_id"
        "&searchCriteria[filterGroups][0][filters][1][value]=5&searchCriteria[filterGroups][0][filters][1]"
        "[conditionType]=lteq&searchCriteria[filterGroups][1][filters][0][field]=sku"
        "&searchCriteria[filterGroups][1][filters][0][value]=SYNC%25"
        "&searchCriteria[filterGroups][1][filters][0][condition_type]=nlike&fields=items[sku]"
    )
    assert (await products(store, query))["items"] == [{"sku": "A/B"}, {"sku": "A B"}]


async def test_rows_with_equal_sort_values_are_repeated_and_skipped_between_pages(store: Store) -> None:
    async def walk(*sorts: str) -> list[int]:
        ids = []
        for page in range(1, 6):
            query = criteria(pageSize=10, currentPage=page) + "&fields=items[id]"
            for place, field in enumerate(sorts):
                query += f"&searchCriteria[sortOrders][{place}][field]={field}"
                query += f"&searchCriteria[sortOrders][{place}][direction]=ASC"
            ids += [item["id"] for item in (await products(store, query))["items"]]
        return ids

    assert len(set(await walk("status"))) < 50
    assert sorted(await walk("status", "entity_id")) == list(range(1, 51))


async def test_a_sort_without_direction_is_descending(store: Store) -> None:
    query = criteria(pageSize=2) + "&searchCriteria[sortOrders][0][field]=entity_id&fields=items[id],search_criteria"
    page = await products(store, query)
    assert page["items"] == [{"id": 50}, {"id": 49}]
    assert page["search_criteria"]["sort_orders"] == [{"field": "entity_id", "direction": "DESC"}]


@pytest.mark.parametrize(
    ("route", "query", "status"),
    [
        ("products", criteria(("nosuch", "eq", "1")), 400),
        ("customers/search", criteria(("nosuch", "eq", "1")), 400),
        ("orders", criteria(("nosuch", "eq", "1")), 500),
        ("products", "searchCriteria[sortOrders][0][field]=nosuch", 200),
        ("orders", "searchCriteria[sortOrders][0][field]=nosuch", 500),
        ("products", "searchCriteria[sortOrders][0][field]=a-b", 400),
        ("products", criteria(("sku", "regexp", "(")), 500),
        ("products", criteria(nosuch=1), 400),
        ("products", criteria(pageSize=""), 400),
    ],
)
async def test_invalid_criteria(store: Store, route: str, query: str, status: int) -> None:
    reply = await store.ask(f"/rest/V1/{route}?{query}", Authorization=store.bearer())
    assert reply.status == status
    if status == 500:
        assert re.search(r"Report ID: webapi-[0-9a-f]{13}$", reply.data["message"])


async def test_input_limits(store: Store) -> None:
    await store.change({"webapi/validation/input_limit_enabled": "1", "webapi/validation/maximum_page_size": "20"})
    reply = await store.ask(f"/rest/V1/products?{criteria(pageSize=21)}", Authorization=store.bearer())
    assert (reply.status, reply.data) == (
        400,
        {"message": "Maximum SearchCriteria pageSize is %max", "parameters": {"max": 20}},
    )


async def test_updated_at_finds_products_written_since(store: Store) -> None:
    since = criteria(("updated_at", "gteq", "2026-11-23 22:00:00")) + "&fields=items[sku],total_count"
    assert await products(store, since) == {"items": None, "total_count": 0}
    body = {"product": {"price": 3}}
    await store.ask("/rest/all/V1/products/A%2FB", "PUT", json_body=body, Authorization=store.bearer())
    assert await products(store, since) == {"items": [{"sku": "A/B"}], "total_count": 1}
    assert (await products(store, criteria(("updated_at", "gteq", "not-a-date"))))["total_count"] == 50


NUMBERS = st.integers(-50, 50) | st.none()
COMPARISONS = {
    "eq": operator.eq,
    "nosuch": operator.eq,
    "seq": operator.eq,
    "neq": operator.ne,
    "sneq": operator.ne,
    "gt": operator.gt,
    "lt": operator.lt,
    "gteq": operator.ge,
    "from": operator.ge,
    "lteq": operator.le,
    "to": operator.le,
}


@given(NUMBERS, st.sampled_from(sorted(COMPARISONS)), st.integers(-50, 50))
def test_numbers_compare_and_null_never_does(cell: int | None, condition: str, value: int) -> None:
    expected = cell is not None and COMPARISONS[condition](cell, value)
    assert condition_test(condition, str(value), "number")(cell) == expected


@given(NUMBERS, st.lists(st.integers(-50, 50), min_size=1))
def test_in_and_nin(cell: int | None, values: list[int]) -> None:
    text = ",".join(map(str, values))
    assert condition_test("in", text, "number")(cell) == (cell in values)
    assert condition_test("nin", text, "number")(cell) == (cell is not None and cell not in values)


WORDS = st.text("abAB%_é.*", max_size=6)


def like_by_hand(pattern: str, text: str) -> bool:
    if not pattern:
        return not text
    if pattern[0] == "%":
        return any(like_by_hand(pattern[1:], text[place:]) for place in range(len(text) + 1))
    return bool(text) and pattern[0] in ("_", text[0]) and like_by_hand(pattern[1:], text[1:])


@given(WORDS, WORDS)
def test_like(text: str, pattern: str) -> None:
    expected = like_by_hand(pattern.lower(), text.lower())
    assert condition_test("like", pattern, "text")(text) == expected
    assert condition_test("nlike", pattern, "text")(text) != expected
    assert condition_test("fulltext", pattern, "text")(text) == like_by_hand(f"%{pattern.lower()}%", text.lower())


@given(st.lists(st.text("abc", max_size=2)), st.text("abc", max_size=2))
def test_a_value_in_a_set_of_a_column(members: list[str], value: str) -> None:
    cell = ",".join(members)
    assert condition_test("finset", value, "text")(cell) == (value in cell.split(","))
    assert condition_test("nfinset", value, "text")(cell) != (value in cell.split(","))


@pytest.mark.parametrize(
    ("condition", "value", "kind", "cell", "expected"),
    [
        ("null", "1", "text", None, True),
        ("null", "1", "text", "x", False),
        ("notnull", "1", "text", "x", True),
        ("seq", "", "text", None, True),
        ("sneq", "", "text", None, False),
        ("regexp", "^sku-0+1$", "text", "SKU-0001", True),
        ("ntoa", "0.0.0.%", "number", 5, True),
        ("eq", "sku", "text", "SKU", True),
        ("eq", "12abc", "number", 12, True),
        ("eq", "2026-01-02T03:04:05+05:00", "date", "2026-01-02 03:04:05", True),
        ("gteq", "2026-01-02", "date", "2026-01-02 00:00:00", True),
        ("gteq", "20260102030405", "date", "2026-01-02 03:04:04", False),
        ("lt", "not-a-date", "date", "2026-01-02 00:00:00", False),
        ("eq", "3", "set", frozenset({"3", "4"}), True),
        ("nin", "3,9", "set", frozenset({"3", "4"}), False),
    ],
)
def test_conditions_as_in_mysql(condition: str, value: str, kind: Any, cell: Any, expected: bool) -> None:
    assert condition_test(condition, value, kind)(cell) == expected


ROW_FILTERS = st.tuples(
    st.sampled_from(["entity_id", "sku", "price", "status", "category_id", "updated_at"]),
    st.sampled_from(["eq", "neq", "gt", "lteq", "in", "like", "null"]),
    st.sampled_from(["3", "7", "SKU-000002", "%00001%", "2026-01-01 09:00:00", "1"]),
)


@given(
    st.lists(st.lists(ROW_FILTERS, min_size=1, max_size=2), max_size=3),
    st.sampled_from([None, "entity_id", "price"]),
    st.booleans(),
)
def test_a_search_finds_what_a_plain_scan_finds(
    groups: list[list[tuple[str, str, str]]], field: str | None, down: bool
) -> None:
    catalogue = Catalogue(40, 3)
    asked = StoreCriteria(
        tuple(tuple(StoreFilter(name, value, condition) for name, condition, value in group) for group in groups),
        (Sort(field, down),) if field else (),
    )

    def passes(row: int) -> bool:
        return all(
            any(
                condition_test(condition, value, catalogue.columns[name].kind)(catalogue.columns[name].read(row))
                for name, condition, value in group
            )
            for group in groups
        )

    expected = [row for row in range(1, 41) if passes(row)]
    if field:
        expected.sort(key=catalogue.columns[field].read, reverse=down)  # type: ignore[arg-type]
    assert list(Searches(catalogue).found(asked)) == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("items[sku],total_count", {"items": [{"sku": "a"}, {"sku": "b"}], "total_count": 2}),
        ("items[nosuch]", {"items": [[], []]}),
        ("items[sku", []),
        ("items]sku[", []),
        ("[sku]", []),
        ("items[sku], total_count", []),
        ("nope", []),
        ("total_count,items[ext[qty]]", {"items": [{"ext": {"qty": 1}}, {"ext": {"qty": 2}}], "total_count": 2}),
        (
            "items[custom_attributes[attribute_code]]",
            {"items": [{"custom_attributes": [{"attribute_code": "x"}, {"attribute_code": "y"}]}] * 2},
        ),
        (
            "items[custom_attributes[y]]",
            {"items": [{"custom_attributes": {"1": {"attribute_code": "y", "value": "2"}}}] * 2},
        ),
    ],
)
def test_fields(fields: str, expected: object) -> None:
    attributes = [{"attribute_code": "x", "value": "1"}, {"attribute_code": "y", "value": "2"}]
    items = [
        {"sku": sku, "ext": {"qty": place, "other": 0}, "custom_attributes": attributes}
        for place, sku in enumerate("ab", 1)
    ]
    assert select_fields({"items": items, "search_criteria": {}, "total_count": 2}, fields) == expected


@given(st.text("ab[],_ .", max_size=20))
def test_any_text_is_parsed_as_fields_or_rejected(text: str) -> None:
    wanted = parse_fields(text)
    assert (wanted is None) or text.count("[") == text.count("]")


@given(st.text("ab[]=&+%20", max_size=40))
def test_any_text_is_parsed_as_a_query(text: str) -> None:
    assert isinstance(json.dumps(parse_query(text)), str)


def test_a_query_is_parsed_like_in_php() -> None:
    assert parse_query("a[b][]=1&a[b][]=2&a[c]=x+y%2B&d&d.e=1&%5Bx=1&e[f=3&g=1&g=2&h[i]j[k]=5") == {
        "a": {"b": {"0": "1", "1": "2"}, "c": "x y+"},
        "d": "",
        "d_e": "1",
        "_x": "1",
        "e_f": "3",
        "g": "2",
        "h": {"i": "5"},
    }
