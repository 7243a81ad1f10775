"""Search criteria as rows: read as they are meant, refused at their place, and the same as criteria in brackets."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from examples import examples
from hypothesis import example, given, settings
from hypothesis import strategies as st
from runs import BEARER, KEYSET, NUMBERS, in_sandbox

from tui_connector.client.criteria_rows import CONDITION_TYPES, WITHOUT_VALUE, Condition, read_row
from tui_connector.client.message import Request
from tui_connector.client.model import RequestTemplate
from tui_connector.incoming.start import RunOptions
from tui_connector.machine import Machine
from tui_connector.magento.request_criteria import filters_as_rows
from tui_connector.profile.problems import check
from tui_connector.sandbox.criteria import parse_query, read_criteria
from tui_connector.sandbox.server import Sandbox, SandboxOptions
from tui_connector.sandbox.settings import Settings
from tui_connector.templates import Scope


def requested(rows: list[str], uri: str = "orders", **more: Any) -> list[list[tuple[str, str, str]]]:
    """The filter groups that a store reads in the request."""
    request = RequestTemplate.model_validate({"uri": uri, "where": rows, **more}).request(Scope(run={"cursor": "x y"}))
    groups = read_criteria(parse_query(request.uri.partition("?")[2]), Settings({})).groups
    return [[(each.field, each.condition, each.value) for each in group] for group in groups]


@pytest.mark.parametrize(
    ("row", "found"),
    [
        ("status eq processing", [("status", "eq", "processing")]),
        ("  status   EQ  processing ", [("status", "eq", "processing")]),
        (
            "status eq processing or status eq pending",
            [("status", "eq", "processing"), ("status", "eq", "pending")],
        ),
        ("updated_at gt 2026-01-01 12:00:00", [("updated_at", "gt", "2026-01-01 12:00:00")]),
        ("name like %Bag Pack%", [("name", "like", "%Bag Pack%")]),
        ("name eq 'black or white' OR sku null", [("name", "eq", "black or white"), ("sku", "null", "1")]),
        ('name eq "it\'s"', [("name", "eq", "it's")]),
        ("name eq 'it''s'", [("name", "eq", "it's")]),
        ('name eq 5" pipe', [("name", "eq", '5" pipe')]),
        ("name eq ''", [("name", "eq", "")]),
        ("name eq ' x '", [("name", "eq", " x ")]),
        ("sku in a, b ,c", [("sku", "in", "a,b,c")]),
        ("color finset 3", [("color", "finset", "3")]),
        ("shipped_at notnull", [("shipped_at", "notnull", "1")]),
        ("name eq salt and pepper", [("name", "eq", "salt and pepper")]),
        ("name eq 'salt and qty gt 5'", [("name", "eq", "salt and qty gt 5")]),
        ("name eq orange", [("name", "eq", "orange")]),
        ("items.sku eq a+b&c=ä", [("items.sku", "eq", "a+b&c=ä")]),
        ("updated_at gteq @{cursor}", [("updated_at", "gteq", "x y")]),
    ],
)
def test_a_row_is_one_filter_group(row: str, found: list[tuple[str, str, str]]) -> None:
    assert requested([row]) == [found]


def test_all_rows_must_match_besides_the_criteria_of_the_request() -> None:
    first = "searchCriteria[filter_groups][3][filters][0]"
    uri = f"orders?{first}[field]=store_id&{first}[value]=1"
    assert requested(["status eq new", "total gt 5"], uri) == [
        [("store_id", "eq", "1")],
        [("status", "eq", "new")],
        [("total", "gt", "5")],
    ]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("", "a condition is missing"),
        ("status", "status has no condition"),
        ("status processing", "'processing' is not a condition type of Magento"),
        ("status = processing", "did you mean 'eq'?"),
        ("qty moreq 5", "did you mean 'gteq'?"),
        ("lastname is Doe", "'is' is only for null, as in: is null; did you mean 'eq'?"),
        ("lastname is not null", "did you mean 'notnull'?"),
        ("where status eq new", "a row begins with its field: remove where"),
        ("status eq new and", "a condition is missing after and"),
        ("status eq", "status eq has no value; an empty one is written ''"),
        ("status null now", "status null has no value: remove 'now'"),
        ("status eq 'new", "the quote ' is not closed"),
        ("status eq 'new' old", "after the quoted value, there can only be or: 'old'"),
        ("status eq new or ", "a condition is missing after or"),
        ("qty gt 5 and name like %9%", "qty gt: write the condition after and as a row of its own"),
        ("qty gt 5 AND qty<9 or a eq b", "qty gt: write the condition after and as a row of its own"),
        ("status eq new or pending", "pending has no condition"),
        ("'status' eq new", "is not a field"),
        ("a[b] eq 1", "is not a field"),
        ("created_at gteq yesterday", "'yesterday' is not a date: Magento would ignore it in created_at gteq"),
        ("updated_at lt 31-01-2026", "'31-01-2026' is not a date"),
        ("name eq &{sku", "is not closed"),
        ("name eq &{sku}", "&{"),
    ],
)
def test_a_wrong_row_is_an_error_at_its_place(row: str, said: str) -> None:
    text = f"""format = 1
name = "x"
[clients.c]
[incoming.p]
client = "c"
[incoming.p.request]
uri = "orders"
where = [
    "status eq new",
    {json.dumps(row)},
]
"""
    saved, problems = check(text)
    assert saved is None
    wrong = _WRONG_PARTS.get(row, "")
    column = 6 + row.index(wrong) if wrong else 5
    assert [(each.line, each.column, each.path) for each in problems] == [(10, column, "incoming.p.request.where.1")]
    assert said in problems[0].message


_WRONG_PARTS = {
    "status processing": "processing",
    "status = processing": "=",
    "qty moreq 5": "moreq",
    "lastname is Doe": "is Doe",
    "lastname is not null": "is not null",
    "where status eq new": "where",
    "name eq &{sku": "&{",
}
"""The part of a row at which it is wrong, where that is known."""


def test_an_open_bracket_in_fields_is_an_error_at_its_place() -> None:
    text = 'format = 1\nname = "x"\n[incoming.p]\nclient = "default"\nrequest = {{ uri = "a{}" }}\n'
    assert check(text.format("?fields=items[sku],total_count"))[1] == []
    [problem] = check(text.format("?fields=items[sku,total_count"))[1]
    assert (problem.path, problem.message[:20]) == ("incoming.p.request.uri", "a ] is missing in 'i")
    [problem] = check(text.format('", parameters = { fields = "items[sku]]" }, where = [], method = "get'))[1]
    assert (problem.path, problem.message[:18]) == ("incoming.p.request.parameters.fields", "a [ is missing in ")


def test_rows_need_a_query() -> None:
    text = 'format = 1\nname = "x"\n[incoming.p]\nclient = "default"\nrequest = {{ uri = "a", {}where = ["a eq 1"] }}\n'
    assert check(text.format(""))[1] == []
    [problem] = check(text.format('method = "post", '))[1]
    assert "search criteria are sent in the query of a GET" in problem.message


CONDITIONS = st.sampled_from(CONDITION_TYPES).flatmap(
    lambda condition: st.builds(
        Condition,
        st.from_regex(r"[a-z_]{1,6}", fullmatch=True),
        st.just(condition),
        st.just("1") if condition in WITHOUT_VALUE else st.text("ab ,'\"%_or", max_size=12) | st.just("a and b is c"),
    )
)


@settings(max_examples=examples(150), deadline=None)
@given(st.lists(CONDITIONS, min_size=1, max_size=4))
@example([Condition("a", "eq", "or")])
@example([Condition("a", "eq", "or b"), Condition("a", "in", "a, or")])
def test_what_is_written_is_read_back(conditions: list[Condition]) -> None:
    row = " or ".join(map(str, conditions))
    assert list(read_row(row)) == conditions


def groups_in(uri: str) -> list[list[tuple[str, str, str]]]:
    """The filter groups that a store reads; `null` and `notnull` ignore their value."""
    return [
        [(field, condition, "" if condition in WITHOUT_VALUE and value else value) for field, condition, value in group]
        for group in requested([], uri)
    ]


def rows_from(uri: str) -> list[str]:
    """The rows for the filters in this URI, once a store has read both the same."""
    rest, rows = filters_as_rows(uri)
    before, after = groups_in(uri), requested(rows, rest)
    assert [[(f, c, "" if c in WITHOUT_VALUE else v) for f, c, v in group] for group in after] == before
    return rows


@settings(max_examples=examples(150), deadline=None)
@given(st.lists(st.lists(CONDITIONS, min_size=1, max_size=3), min_size=1, max_size=3))
@example([[Condition("a", "eq", "100%25")], [Condition("a", "like", "%ac%")]])
def test_filters_in_brackets_become_the_same_rows(rows: list[list[Condition]]) -> None:
    found = rows_from(f"products?{in_brackets(rows)}&searchCriteria[sortOrders][0][field]=sku&fields=items[sku]")
    assert [[*read_row(row)] for row in found] == rows


FIRST = "searchCriteria[filter_groups][0][filters][0]"


@pytest.mark.parametrize(
    ("query", "rest", "rows"),
    [
        (f"{FIRST}[field]=status&{FIRST}[value]=new", "", ["status eq new"]),
        (f"a=1&{FIRST}[field]=a&{FIRST}[value]=x+y&searchCriteria[pageSize]=5", "?a=1&searchCriteria[pageSize]=5", 1),
        (f"{FIRST}[field]=a&{FIRST}[value]=0&{FIRST}[conditionType]=null", "", ["a null"]),
        (f"{FIRST.replace('searchC', 'search_c')}[field]=a&{FIRST.replace('searchC', 'search_c')}[value]=1", "", 1),
        (f"{FIRST}[field]=a&{FIRST}[value]=%22it%27s%22", "", ["a eq '\"it''s\"'"]),
    ],
)
def test_rows_replace_filters_only(query: str, rest: str, rows: list[str] | int) -> None:
    found = rows_from(f"orders?{query}")
    assert found == rows or len(found) == rows
    assert filters_as_rows(f"orders?{query}")[0] == f"orders{rest}"


@pytest.mark.parametrize(
    "query",
    [
        "searchCriteria=all",
        "searchCriteria[pageSize]=5",
        f"{FIRST}[field]=a",
        f"{FIRST}[field]=a&{FIRST}[value]=1&{FIRST}[condition_type]=moreq",
        f"{FIRST}[field]=a&{FIRST}[value]=&{FIRST}[condition_type]=null",
        f"{FIRST}[field]=a&{FIRST}[value][]=1&{FIRST}[value][]=2&{FIRST}[condition_type]=in",
        f"{FIRST}[field]=a&{FIRST}[value]=1&{FIRST.replace('filter_g', 'filterG')}[condition_type]=gt",
        f"{FIRST}[field]=a/b&{FIRST}[value]=1",
        f"{FIRST}[field]=a&{FIRST}[value]=one%0Atwo",
        f"{FIRST}[field]=a&{FIRST}[value]=%26%7Bsku%7D",
        f"{FIRST}[field]=a&{FIRST}[value]=1&search_criteria[sortOrders][0][field]=sku",
        f"search_criteria[sortOrders][0][field]=sku&{FIRST}[field]=a&{FIRST}[value]=1",
        f"{FIRST}[field]=a&{FIRST}[value]=%25a%zz",
    ],
)
def test_filters_that_rows_cannot_express_stay_in_brackets(query: str) -> None:
    assert filters_as_rows(f"orders?{query}") == (f"orders?{query}", [])


def random_rows(source: random.Random) -> list[list[Condition]]:
    """Rows for the products of the sandbox, also such that match nothing or that the store refuses."""

    def condition() -> Condition:
        match source.randrange(7):
            case 0:
                number = str(source.randrange(1, 60))
                return Condition("entity_id", source.choice(["eq", "neq", "gt", "gteq", "lt", "lteq"]), number)
            case 1:
                numbers = [str(source.randrange(1, 60)) for _ in range(source.randrange(1, 6))]
                return Condition("entity_id", source.choice(["in", "nin"]), ",".join(numbers))
            case 2:
                text = source.choice(["SYNC-00%", "%1", "%-000_", "24-MB01", "none"])
                return Condition("sku", source.choice(["like", "nlike", "eq"]), text)
            case 3:
                return Condition(source.choice(["name", "price"]), source.choice(WITHOUT_VALUE), "1")
            case 4:
                return Condition("price", source.choice(["from", "to", "gt"]), str(source.randrange(0, 90)))
            case 5:
                date = f"20{source.randrange(20, 28)}-0{source.randrange(1, 10)}-01 00:00:00"
                return Condition("updated_at", source.choice(["gt", "lteq"]), date)
            case _:
                return Condition("type_id", source.choice(["eq", "neq"]), source.choice(["simple", "a or b"]))

    return [[condition() for _ in range(source.choice([1, 1, 2, 3]))] for _ in range(source.randrange(1, 4))]


def in_brackets(rows: list[list[Condition]]) -> str:
    """The same criteria, written by hand."""
    pairs = [
        (f"searchCriteria[filterGroups][{group}][filters][{index}][{name}]", value)
        for group, row in enumerate(rows)
        for index, each in enumerate(row)
        for name, value in (("field", each.field), ("value", each.value), ("conditionType", each.condition))
    ]
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in pairs)


@pytest.fixture
async def store(machine: Machine) -> AsyncIterator[Sandbox]:
    async with Sandbox(SandboxOptions(products=60, settings=BEARER), machine.now) as sandbox:
        yield sandbox


async def test_50_random_criteria_return_the_same_in_rows_and_in_brackets(
    store: Sandbox, machine: Machine, tmp_path: Path
) -> None:
    shop = in_sandbox(store, tmp_path, machine)
    source, counts = random.Random(29), set()
    async with shop.bench.session(shop.profile({})) as session:
        send = session.client("shop")
        for _ in range(50):
            rows = random_rows(source)
            written = [" or ".join(map(str, row)) for row in rows]
            by_rows = await send(RequestTemplate(uri="products", where=written).request(Scope()))
            by_brackets = await send(Request("GET", f"products?{in_brackets(rows)}"))
            found, wanted = json.loads(by_rows.body), json.loads(by_brackets.body)
            assert by_rows.status == by_brackets.status == 200, written
            assert found["items"] == wanted["items"], written
            counts.add(found["total_count"])
    assert len(counts) > 10


async def test_a_run_combines_rows_with_its_pages_and_its_date(
    store: Sandbox, machine: Machine, tmp_path: Path
) -> None:
    rows = ["entity_id gt 10", "entity_id lteq 40 or entity_id eq 45"]
    for number, pagination in enumerate((KEYSET, NUMBERS)):
        place = tmp_path / str(number)
        place.mkdir()
        request = {"uri": "products", "where": rows}
        incremental = {"field": "updated_at", "from": "2020-01-01 00:00:00"}
        shop = in_sandbox(store, place, machine, request=request, pagination=pagination, incremental=incremental)
        assert (await shop.run(RunOptions())).state == "complete"
        assert sorted(shop.ids()) == [*range(11, 41), 45]
