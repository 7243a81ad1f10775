"""The lines of a query: search criteria in short, what is sent for them, and what is suggested."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_connector.client.criteria_rows import CONDITION_TYPES, WITHOUT_VALUE, Condition, parameters_of
from tui_connector.client.uri import parameters
from tui_connector.errors import InvalidValue
from tui_connector.guide.requests.query_lines import (
    SentParameter,
    in_short,
    is_incomplete,
    is_short,
    sent_parameters,
    suggested_lines,
)
from tui_connector.guide.rest_api import ApiPath
from tui_connector.log.request_summary import conditions, decoded_criteria

GROUP = "searchCriteria[filter_groups][{}][filters][{}]"


def sent(*lines: str) -> list[str]:
    return [str(each) if found else line for line, found in sent_parameters(lines) for each in found or [""]]


@pytest.mark.parametrize(
    ("lines", "criteria"),
    [
        (["where status = pending"], [("where", "status = pending")]),
        (["where status eq pending or qty>=5"], [("where", "status = pending or qty ≥ 5")]),
        (["where qty ≥ 5", "and sku is not null"], [("where", "qty ≥ 5"), ("and", "sku is not null")]),
        (
            ["where sku == A", "where qty != 5", "where qty <> 6"],
            [("where", "sku = A"), ("and", "qty ≠ 5"), ("and", "qty ≠ 6")],
        ),
        (
            ["where entity_id > 990 or sku null AND name like %99% and 'a b' = 1"],
            [("where", "entity_id > 990 or sku is null"), ("and", "name like %99%"), ("and", "'a b' = 1")],
        ),
        (["where name = 'salt and pepper' and qty>1"], [("where", "name = 'salt and pepper'"), ("and", "qty > 1")]),
        (["where name like %A&B + 50%"], [("where", "name like %A&B + 50%")]),
        (["where name = 'black or white'"], [("where", "name = 'black or white'")]),
        (["WHERE sku in A, B"], [("where", "sku in A,B")]),
        (["sort created_at desc", "sort entity_id"], [("sort", "created_at DESC"), ("sort", "entity_id ASC")]),
        (["page 2, 50 per page"], [("page", "2, 50 per page")]),
        (["page 3", "20 per page"], [("page", "3, 20 per page")]),
    ],
)
def test_criteria_in_short_are_sent_as_magento_reads_them(lines: list[str], criteria: list[tuple[str, str]]) -> None:
    query = "&".join(each.encoded() for _, found in sent_parameters(lines) for each in found)
    assert decoded_criteria(f"https://acme.example/?{query}")[0] == criteria


P = GROUP.format(0, 0)


@pytest.mark.parametrize(
    ("query", "short"),
    [
        (f"fields=sku&{P}[field]=qty&{P}[value]=5&{P}[condition_type]=gteq", ["where qty ≥ 5", "fields=sku"]),
        (f"{P}[field]=qty&{P}[value]=5", ["where qty = 5"]),
        (f"{P}[value]=a%20or%20b&{P}[field]=name&{P}[conditionType]=like", ["where name like 'a or b'"]),
        ("searchCriteria[pageSize]=50&searchCriteria[currentPage]=2", ["page 2, 50 per page"]),
        ("searchCriteria[pageSize]=50&search_criteria[currentPage]=2", None),  # one of which Magento ignores
        ("searchCriteria%5BpageSize%5D=50", ["50 per page"]),
        ("searchCriteria[sortOrders][0][field]=id&searchCriteria[sortOrders][0][direction]=DESC", ["sort id DESC"]),
        (f"{P}[field]=qty&{P}[value]=5&{P}[condition_type]=moreq", None),  # which Magento reads as eq
        (f"{P}[field]=qty&{P}[value]=5&searchCriteria[filter_group]=lost", None),
        (f"{P}[field]=a%20b&{P}[value]=5", ["where 'a b' = 5"]),
        (f"{P}[field]=qty", None),
        ("searchCriteria=", None),
        ("where%20qty%20%3E%205", None),
    ],
)
def test_criteria_of_a_request_are_edited_in_short_where_that_is_the_same(query: str, short: list[str] | None) -> None:
    lines = query.split("&")
    assert in_short(f"https://acme.example/?{query}", lines) == (lines if short is None else short)


def test_other_lines_are_sent_as_they_are() -> None:
    assert sent("fields=items[sku]", "", "where=3", "sort=name", "page=2", "wherever x") == [
        "fields=items[sku]",
        "where=3",
        "sort=name",
        "page=2",
        "wherever x",
    ]


def test_criteria_in_short_join_those_that_are_there_in_their_spelling() -> None:
    before = "searchCriteria%5BfilterGroups%5D[2][filters][0][field]=status"
    assert sent(before, "where qty > 5", "sort sku")[1:4] == [
        "searchCriteria[filterGroups][3][filters][0][field]=qty",
        "searchCriteria[filterGroups][3][filters][0][value]=5",
        "searchCriteria[filterGroups][3][filters][0][condition_type]=gt",
    ]
    assert sent("search_criteria[sortOrders][0][field]=id", "sort sku", "page 2")[1:] == [
        "search_criteria[sortOrders][1][field]=sku",
        "search_criteria[sortOrders][1][direction]=ASC",
        "search_criteria[currentPage]=2",
    ]


@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cc",)), min_size=1))
def test_any_value_arrives_as_it_was_typed(value: str) -> None:
    written = "'" + value.replace("'", "''") + "'"
    query = "&".join(each.encoded() for _, found in sent_parameters([f"where name = {written}"]) for each in found)
    assert (f"{GROUP.format(0, 0)}[value]", value) in parameters(query)
    assert quote(value, safe="") in query


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("where status", "status has no condition"),
        ("where status >=", "status >= has no value"),
        ("where status equals 5", "did you mean 'eq'"),
        ("where status = 5 and name likee %9%", "did you mean 'like'"),
        ("where lastname is Doe", "'is' is only for null, as in: is null; did you mean 'eq'?"),
        ("where status = 5 or status IS  NOT 6", "did you mean 'neq'"),
        ("where name like salt and pepper", "a value with and in it needs quotes"),
        ("where name like 'salt' pepper", "there can only be and or or"),
        ("sort created_at down", "sort created_at desc"),
        ("page x", "page 2, 50 per page"),
    ],
)
def test_invalid_criteria_say_what_is_wrong(line: str, message: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        sent_parameters(["storeId=1", line])
    assert str(caught.value).startswith("Line 2 of the query: ")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("line", "lacks_end"),
    [
        ("where status", True),
        ("where status lik", True),
        ("where status likee", False),
        ("where a = 1 and", True),
        ("where a = 1 and status", True),
        ("where a = 1 and status likee %9%", False),
        ("where a = 'x", True),
        ("where a is", True),
        ("where a is not", True),
        ("where a is 5", False),
        ("where a(b) = 1", False),
    ],
)
def test_what_may_still_be_typed_is_told_from_what_is_wrong(line: str, lacks_end: bool) -> None:
    with pytest.raises(InvalidValue) as caught:
        sent_parameters([line])
    assert (caught.value.code == "incomplete-query-line") is lacks_end
    assert is_incomplete(line) is lacks_end


SHOWN_SAME = {"from": "gteq", "to": "lteq"}
FILTERS = st.tuples(
    st.text("ab_. ='·!", min_size=1, max_size=5) | st.sampled_from(["or", "and", "is", "null"]),
    st.sampled_from([each for each in CONDITION_TYPES if each not in SHOWN_SAME]),
    st.text("ab ,'\"%·=>", max_size=8)
    | st.sampled_from(["x or y", "x and b = 1", "null", "not null x", "null-a", "a, b"]),
)


@given(st.lists(st.lists(FILTERS, min_size=1, max_size=3), min_size=1, max_size=3))
def test_what_the_log_shows_of_criteria_can_be_typed(groups: list[list[tuple[str, str, str]]]) -> None:
    rows = [
        [Condition(field, kind, "1" if kind in WITHOUT_VALUE else value) for field, kind, value in group]
        for group in groups
    ]
    query = "&".join(SentParameter(name, value).encoded() for _, name, value in parameters_of(rows))
    shown = conditions(f"https://acme.example/?{query}")
    [(_, sent)] = sent_parameters([f"where {shown}"])
    assert [(each.name, each.value) for each in sent] == [(name, value) for _, name, value in parameters_of(rows)]


ORDERS = ApiPath(("GET",), ("storeId",), True, ("base_cost", "status", "state", "id"))


@pytest.mark.parametrize(
    ("line", "suggested"),
    [
        ("", ["where ", "sort ", "page 1, 20 per page", "storeId=", "fields="]),
        ("wh", ["where "]),
        ("where ", ["where entity_id ", "where updated_at ", "where status ", "where state "]),
        ("where st", ["where status ", "where state "]),
        ("where cost", ["where base_cost "]),
        ("where status ", ["where status = ", "where status != "]),
        ("where status n", ["where status nin ", "where status nlike ", "where status nfinset ", "where status neq "]),
        ("where status is", ["where status is null ", "where status is not null "]),
        ("where status = ", []),
        ("where id = 1 or st", ["where id = 1 or status ", "where id = 1 or state "]),
        ("where id = 1 and st", ["where id = 1 and status ", "where id = 1 and state "]),
        ("sort sta", ["sort status ", "sort state "]),
        ("sort status d", ["sort status desc"]),
        ("sort statsu ", ["sort status asc", "sort status desc", "sort statsu asc", "sort statsu desc"]),
        ("sort colour ", ["sort colour asc", "sort colour desc"]),
        ("store", ["storeId="]),
        ("storeId=", []),
        ("pageSize", ["searchCriteria[pageSize]="]),
        ("searchC", ["searchCriteria[filter_groups][0][filters][0][field]="]),
        ("nothing", []),
    ],
)
def test_what_a_line_can_become(line: str, suggested: list[str]) -> None:
    found = [each.line for each in suggested_lines(line, "orders", ORDERS)]
    assert found[: len(suggested) or None] == suggested
    assert all(is_short(each.strip()) for each in found if each.startswith(("where status =", "page 1")))


def test_the_order_of_dates_is_told_of_fields_that_may_be_there() -> None:
    def told(line: str) -> list[tuple[str, str]]:
        return [(each.line, each.meaning) for each in suggested_lines(line, "orders", ORDERS)]

    assert told("sort updated_at ") == [
        ("sort updated_at asc", "the oldest first"),
        ("sort updated_at desc", "the newest first"),
    ]
    assert told("sort updatd_at d") == [("sort updated_at desc", "the newest first"), ("sort updatd_at desc", "")]
    assert told("sort status d") == [("sort status desc", "")]


def test_a_path_without_search_criteria_has_none() -> None:
    assert [each.line for each in suggested_lines("", "orders", ORDERS, "POST")] == ["fields="]
    found = [each.line for each in suggested_lines("", "orders/1", ApiPath(("GET",), ("editMode",)))]
    assert found == ["editMode=", "fields="]


def test_a_long_query_is_in_short_too() -> None:
    rows = [f"where field_{number} = Größe {number}" for number in range(40)]
    query = "&".join(each.encoded() for _, found in sent_parameters(rows) for each in found)
    short = in_short(f"https://acme.example/?{query}", query.split("&"))
    assert short == [rows[0], *(row.replace("where", "and", 1) for row in rows[1:])]
