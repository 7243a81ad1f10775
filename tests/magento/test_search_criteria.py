"""Search criteria in every spelling are read as one thing; what Magento would ignore is an error of the profile."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from runs import BEARER, KEYSET, NUMBERS, Shop, in_sandbox

from tui_connector.client.message import Request
from tui_connector.client.model import RequestTemplate
from tui_connector.incoming.start import RunOptions
from tui_connector.machine import Machine
from tui_connector.magento.criteria import CONDITION_TYPES, Criteria, CriteriaFilter
from tui_connector.magento.misread_criteria import misread_criteria
from tui_connector.magento.request_criteria import with_criteria
from tui_connector.profile.problems import check, check_data
from tui_connector.sandbox.criteria import parse_query, read_criteria
from tui_connector.sandbox.server import Sandbox, SandboxOptions
from tui_connector.sandbox.settings import Settings
from tui_connector.templates import Scope

SPELLINGS = {
    "searchCriteria": ("searchCriteria", "search_criteria"),
    "filter_groups": ("filter_groups", "filterGroups", "FilterGroups"),
    "filters": ("filters", "Filters"),
    "field": ("field",),
    "value": ("value",),
    "condition_type": ("condition_type", "conditionType"),
    "sortOrders": ("sortOrders", "sort_orders"),
    "direction": ("direction",),
    "pageSize": ("pageSize", "page_size"),
    "currentPage": ("currentPage", "current_page"),
}
FILTERS = st.builds(
    CriteriaFilter,
    st.sampled_from(["entity_id", "sku", "price", "name", "updated"]),
    st.text("ab%_ -ä+&=#/?[]'1", max_size=6),
    st.sampled_from(CONDITION_TYPES),
)
GROUPS = st.lists(st.lists(FILTERS, min_size=1, max_size=3), max_size=3)


def spelled(draw: Callable[[Any], Any], groups: list[list[CriteriaFilter]]) -> RequestTemplate:
    """A request for these groups, each name spelled in any way, each group in the URI or under `parameters`."""

    def name(word: str) -> str:
        return str(draw(st.sampled_from(SPELLINGS[word])))

    def indexes(number: int) -> list[str]:
        one_of = st.sampled_from(["0", "1", "2", "7", "10", "x", "a_b", "-1"])
        return list(draw(st.lists(one_of, min_size=number, max_size=number, unique=True)))

    pairs: list[tuple[str, str]] = []
    parameters: dict[str, Any] = {}
    for group, filters in zip(indexes(len(groups)), groups, strict=True):
        in_uri = draw(st.booleans())
        for index, each in zip(indexes(len(filters)), filters, strict=True):
            members = {"field": each.field, "value": each.value, "condition_type": each.condition}
            if each.condition == "eq" and draw(st.booleans()):
                del members["condition_type"]
            if in_uri:
                inside = [f"[{part}]" for part in (name("filter_groups"), group, name("filters"), index)]
                for key, value in draw(st.permutations(sorted(members.items()))):
                    pairs.append((f"{name('searchCriteria')}{''.join(inside)}[{name(key)}]", value))
            else:
                table = parameters
                for part in (name("searchCriteria"), name("filter_groups"), group, name("filters"), index):
                    table = table.setdefault(part, {})
                table.update({name(key): value for key, value in members.items()})
    query = "&".join(f"{n if draw(st.booleans()) else quote(n, safe='')}={quote(v, safe='')}" for n, v in pairs)
    return RequestTemplate.model_validate(
        {"uri": f"products?{query}" if query else "products", "parameters": parameters}
    )


def read_by_store(request: Request) -> Any:
    return read_criteria(parse_query(request.uri.partition("?")[2]), Settings({}))


@settings(max_examples=examples(150), deadline=None)
@given(st.data(), GROUPS)
def test_every_spelling_is_sent_as_one_that_the_store_reads_whole(
    data: Any, groups: list[list[CriteriaFilter]]
) -> None:
    template = spelled(data.draw, groups)
    assert list(misread_criteria(template, paged=True)) == []
    ours = CriteriaFilter("entity_id", "5", "gt")
    sent = with_criteria(template.request(Scope()), filters=(ours,), order=(("entity_id", "ASC"),), size=10, page=1)
    read = read_by_store(sent)
    wanted = sorted([(f.field, f.value, f.condition) for f in group] for group in [*groups, [ours]])
    found = [[(f.field, f.value, f.condition) for f in group] for group in read.groups]
    assert sorted(sorted(group) for group in found) == sorted(sorted(group) for group in wanted)
    assert (read.page_size, read.current_page, len(read.sorts)) == (10, 1, 1)
    assert with_criteria(sent, order=(("entity_id", "ASC"),), size=10, page=1) == sent  # it stays as it is


def f(outer: str, inside: str, condition: str = "condition_type", value: str = "500", kind: str = "lteq") -> str:
    start = f"{outer}{inside}"
    return f"{start}[field]=entity_id&{start}[value]={value}&{start}[{condition}]={kind}"


CASES: list[tuple[str, dict[str, Any] | None]] = [
    (f("searchCriteria", "[filterGroups][0][filters][0]", "conditionType"), None),
    (f("search_criteria", "[filter_groups][0][filters][0]"), None),
    (f("search_criteria", "[filterGroups][3][filters][x]", "conditionType", kind="LTEQ"), None),
    (f("searchCriteria", "[filterGroups][][filters][]", "conditionType"), None),
    (f("searchCriteria", "[filter_groups][filters]"), None),
    (f("searchCriteria", "[filter_groups][0][filters]"), None),
    (quote(f("search_criteria", "[filter_groups][a][filters][b]"), safe="=&"), None),
    (
        "searchCriteria=&searchCriteria[filter_groups][0][filters][0][field]=entity_id"
        "&search_criteria[filterGroups][0][filters][0][value]=500"
        "&searchCriteria[filterGroups][0][Filters][0][conditionType]=lteq",
        None,
    ),
    (
        "",
        {
            "searchCriteria": {
                "filterGroups": [{"filters": [{"field": "entity_id", "value": 500, "conditionType": "lteq"}]}]
            }
        },
    ),
    (
        "",
        {
            "search_criteria": {
                "filter_groups": {"filters": {"field": "entity_id", "value": 500, "condition_type": "lteq"}}
            }
        },
    ),
    (
        "",
        {
            "search_criteria[filterGroups][1][filters][2]": {
                "field": "entity_id",
                "value": "500",
                "conditionType": "lteq",
            }
        },
    ),
    (
        "searchCriteria[filter_groups][0][filters][0][field]=entity_id&searchCriteria[sort_orders][0][field]=sku",
        {"search_criteria": {"filterGroups": [{"filters": [{"value": 500, "conditionType": "lteq"}]}], "page_size": 3}},
    ),
]


@pytest.mark.parametrize(("query", "parameters"), CASES)
@pytest.mark.parametrize("pagination", [KEYSET, {"kind": "search-criteria", "page-size": 100}, NUMBERS])
def test_a_filter_in_any_spelling_is_the_same_filter(
    query: str, parameters: dict[str, Any] | None, pagination: dict[str, Any]
) -> None:
    template = RequestTemplate.model_validate({"uri": f"products?{query}", "parameters": parameters})
    assert list(misread_criteria(template, paged=True)) == []
    sent = with_criteria(template.request(Scope()), filters=(CriteriaFilter("updated_at", "2026-01-01", "gteq"),))
    read = read_by_store(sent)
    assert [[(x.field, x.value, x.condition) for x in group] for group in read.groups] == [
        [("entity_id", "500", "lteq")],
        [("updated_at", "2026-01-01", "gteq")],
    ]


def test_alternatives_stay_in_one_group_and_lists_become_text() -> None:
    query = (
        "searchCriteria[filterGroups][0][filters][][field]=sku&searchCriteria[filterGroups][0][filters][][value]=a"
        "&searchCriteria[filterGroups][0][filters][][field]=sku&searchCriteria[filterGroups][0][filters][][value]=b"
    )
    parameters = {
        "searchCriteria": {
            "filterGroups": {"7": {"filters": [{"field": "id", "value": [1, 2], "conditionType": "in"}]}}
        }
    }
    template = RequestTemplate.model_validate({"uri": f"products?{query}", "parameters": parameters})
    found = read_by_store(with_criteria(template.request(Scope())))
    assert [[(x.field, x.value, x.condition) for x in group] for group in found.groups] == [
        [("sku", "a", "eq"), ("sku", "b", "eq")],
        [("id", "1,2", "in")],
    ]


FILTER = "searchCriteria[filter_groups][0][filters][0]"
WHOLE = f"{FILTER}[field]=sku&{FILTER}[value]=1"


@pytest.mark.parametrize(
    ("query", "said"),
    [
        (f"{WHOLE}&{FILTER}[condition_typ]=gt", f"{FILTER}[condition_type]"),
        (f"{WHOLE}&{FILTER}[condition]=gt", f"{FILTER}[condition_type]"),
        (f"{WHOLE}&{FILTER}[condition_type]=moreq", "did you mean 'gteq'"),
        (f"{WHOLE}&{FILTER}[condition_type]=>=", "did you mean 'gteq'"),
        (f"{WHOLE}&{FILTER}[conditionType]=nosuch", "it has eq, neq"),
        ("searchCriteria[filter_group][0][filters][0][field]=sku", "write searchCriteria[filter_groups]"),
        ("searchCriteria[filterGroup][0][filters][0][field]=sku", "write searchCriteria[filter_groups]"),
        ("searchCriteria[filter_groups][0][filter][0][field]=sku", "write searchCriteria[filter_groups][0][filters]"),
        ("searchCriteria[filter_groups][0][field]=sku", f"write {FILTER}[field]"),
        ("searchCriteria[filters][0][field]=sku", "write searchCriteria[filter_groups][0][filters]"),
        ("searchCriteria[field]=sku", f"write {FILTER}[field]"),
        ("searchCriteria[value]=sku", f"write {FILTER}[value]"),
        ("searchCriteria[page]=2", "write searchCriteria[currentPage]"),
        ("searchCriteria[limit]=2", "write searchCriteria[pageSize]"),
        ("searchCriteria[page-size]=2", "write searchCriteria[pageSize]"),
        ("searchCriteria[sort][0][field]=sku", "write searchCriteria[sortOrders]"),
        ("searchCriteria[sortOrders][0][dir]=ASC", "write searchCriteria[sortOrders][0][direction]"),
        ("searchCriteria[sortOrders][0][field]=sku&searchCriteria[sortOrders][0][direction]=UP", "ASC or DESC"),
        ("searchCriteria[foo]=1", "it knows searchCriteria[filter_groups]"),
        (f"{FILTER}[field]=sku", "has no value"),
        (f"{FILTER}[value]=1", "has no field"),
        (f"{WHOLE}&searchCriteria[filterGroups][0][filters][0][field]=name", "is given twice"),
        (f"{WHOLE}&{FILTER}[value]=2", "is given twice"),
        (f"{WHOLE}&{FILTER}[condition_type][x]=2", "brackets inside a single value"),
        ("current_page=2", "write searchCriteria[currentPage]"),
        ("pageSize=2", "write searchCriteria[pageSize]"),
        ("filterGroups[0][filters][0][field]=sku", "write searchCriteria[filter_groups]"),
        ("sortOrders[0][field]=sku", "write searchCriteria[sortOrders]"),
        ("searchcriteria[pageSize]=2", "write it as searchCriteria[…]"),
        ("search-criteria[pageSize]=2", "write it as searchCriteria[…]"),
        ("seachCriteria[pageSize]=2", "write it as searchCriteria[…]"),
        ("searchCriteria.pageSize=2", "write it as searchCriteria[…]"),
        ("searchCriteria%255BpageSize%255D=2", "write it as searchCriteria[…]"),
        ("searchCriteria[filter_groups=2", "not a valid name"),
        ("searchCriteria={%22pageSize%22:3}", "Magento ignores the text"),
        ("searchCriteria[filter_groups]=sku", "is text"),
        (
            "searchCriteria[filter_groups][][filters][][field]=a&searchCriteria[filter_groups][][filters][][value]=1"
            "&searchCriteria[filter_groups][][filters][][field]=b&searchCriteria[filter_groups][][filters][][value]=1",
            "unclear whether this starts a filter or a group",
        ),
    ],
)
def test_what_magento_would_ignore_is_an_error_of_the_profile_at_its_place(query: str, said: str) -> None:
    text = f"""format = 1
name = "x"
[clients.c]
[incoming.p]
client = "c"
items = "items"
pagination = {{ kind = "keyset" }}
request = {{ uri = {json.dumps("products?" + query)} }}
"""
    found, problems = check(text)
    assert found is None
    assert [(each.line, each.path) for each in problems] == [(8, "incoming.p.request.uri")] * len(problems)
    assert said in " ".join(each.message for each in problems)


def test_tables_are_refused_at_the_line_of_the_wrong_key() -> None:
    text = """format = 1
name = "x"
[clients.c]
[incoming.p]
client = "c"
items = "items"
pagination = { kind = "search-criteria" }
[incoming.p.request]
uri = "products"
[[incoming.p.request.parameters.searchCriteria.filterGroups]]
[[incoming.p.request.parameters.searchCriteria.filterGroups.filters]]
field = "sku"
value = "x"
condition_typ = "like"
"""
    found, [problem] = check(text)
    assert found is None
    assert (problem.line, problem.column) == (14, 1)
    assert f"{FILTER}[condition_type]" in problem.message


@pytest.mark.parametrize(
    ("request_", "pagination", "said"),
    [
        ({"uri": f"products?{WHOLE}&search_criteria[pageSize]=3"}, None, "write searchCriteria only"),
        ({"uri": f"products?{WHOLE}&searchCriteria[filterGroups][1][filters][0][field]=a&searchCriteria[filterGroups]"
          "[1][filters][0][value]=a"}, None, "Magento reads one of filter_groups and filterGroups"),
        ({"uri": "products?search_criteria[filter_groups][0][filters][0][field]=a&search_criteria[filter_groups][0]"
          "[filters][0][value]=a"},
         {"kind": "page-number", "parameter": "searchCriteria[currentPage]"}, "write searchCriteria only"),
    ],
)  # fmt: skip
def test_criteria_that_are_sent_as_written_must_be_in_one_spelling(
    request_: dict[str, Any], pagination: dict[str, Any] | None, said: str
) -> None:
    incoming: dict[str, Any] = {"client": "c", "request": request_}
    if pagination:
        incoming["pagination"] = pagination
    found, problems = check_data({"format": 1, "name": "x", "clients": {"c": {}}, "incoming": {"p": incoming}})
    assert found is None
    assert any(said in message for _, message in problems)


def test_query_defaults_may_not_bring_criteria_to_a_paged_list() -> None:
    text = """format = 1
name = "x"
[[clients.c.plugins]]
kind = "query-defaults"
parameters = { "searchCriteria[filterGroups][0][filters][0][field]" = "sku" }
[incoming.p]
client = "c"
request.uri = "products"
pagination = { kind = "keyset" }
"""
    found, [problem] = check(text)
    assert found is None
    assert problem.line == 5
    assert "request of an incoming" in problem.message


def test_other_stores_name_their_parameters_as_they_like() -> None:
    for uri in ("items?page_size=3&filter[sku]=1&current_page=2", "stockItems/lowStock?scopeId=0&pageSize=3"):
        assert list(misread_criteria(RequestTemplate(uri=uri), paged=False)) == []


def test_values_of_placeholders_are_not_known_yet() -> None:
    uri = (
        "products?search_criteria[filterGroups][0][filters][0][field]=sku&search_criteria[filterGroups][0][filters][0]"
    )
    template = RequestTemplate.model_validate(
        {"uri": f"{uri}[value]=@{{cursor}}", "parameters": {"searchCriteria": {"pageSize": "@{run.size}"}}}
    )
    assert list(misread_criteria(template, paged=True)) == []
    sent = with_criteria(template.request(Scope(run={"cursor": "a b%", "run": {"size": 3}})))
    assert read_by_store(sent).groups[0][0].value == "a b%"


def run_ids(directory: Path, machine: Machine, incoming: dict[str, Any], since: str | None) -> list[list[int]]:
    async def go() -> list[list[int]]:
        found = []
        async with Sandbox(SandboxOptions(products=60, settings=BEARER), machine.now) as sandbox:
            for number, pagination in enumerate((KEYSET, NUMBERS)):
                place = directory / str(number)
                place.mkdir(parents=True)
                shop: Shop = in_sandbox(sandbox, place, machine, pagination=pagination, **incoming)
                assert (await shop.run(RunOptions(since=since) if since else None)).state == "complete"
                found.append(sorted(shop.ids()) if shop.path.exists() else [])
        return found

    return asyncio.run(go())


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_run_reads_the_same_items_in_every_spelling(
    data: Any, tmp_path_factory: pytest.TempPathFactory, machine: Machine
) -> None:
    low, high = data.draw(st.integers(1, 30)), data.draw(st.integers(20, 60))
    groups = [
        [CriteriaFilter("entity_id", str(low), "gteq")],
        [CriteriaFilter("entity_id", str(high), "lteq"), CriteriaFilter("entity_id", "59")],
    ]
    template = spelled(data.draw, groups)
    either = Criteria(groups=(tuple(groups[0]), tuple(groups[1])))
    uri = "products?" + "&".join(f"{quote(n, safe='')}={quote(v, safe='')}" for n, v in either.pairs())
    since = data.draw(st.sampled_from([None, "2020-01-01 00:00:00"]))
    incremental = {"incremental": {"field": "updated_at"}} if since else {}
    directory = tmp_path_factory.mktemp("spelled")
    written = {"uri": template.uri, "parameters": template.parameters}
    found = run_ids(directory / "a", machine, {"request": written, **incremental}, since)
    wanted = run_ids(directory / "b", machine, {"request": {"uri": uri}, **incremental}, since)
    assert found == wanted
    assert found[0] == found[1] == [number for number in range(low, 61) if number <= high or number == 59]
