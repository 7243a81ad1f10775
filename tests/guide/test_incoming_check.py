"""`check` requests what a run will request, and looks for the fields that it will read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from http_server import Received, reply, serving
from runs import BEARER, KEYSET, NUMBERS, in_sandbox

from tui_connector.guide.checks.check import CheckReport, check, check_incoming, check_part
from tui_connector.guide.steps.summaries import ProfilePart
from tui_connector.guide.workbench import Workbench
from tui_connector.machine import Machine
from tui_connector.magento.diagnosis import Finding
from tui_connector.magento.entities import READABLE
from tui_connector.profile.problems import check_data
from tui_connector.sandbox.server import Sandbox, SandboxOptions


async def checked(machine: Machine, directory: Path, **incoming: Any) -> CheckReport:
    async with Sandbox(SandboxOptions(products=50, settings=BEARER), machine.now) as sandbox:
        shop = in_sandbox(sandbox, directory, machine, **incoming)
        report = CheckReport()
        saved = shop.profile({})
        async with shop.bench.session(saved) as session:
            async for tried in check(saved, session, shop.bench.run()):
                report.results.append(tried)
        assert {each["method"] for each in sandbox.journal()} <= {"GET", "HEAD"}
        return report


async def findings(machine: Machine, directory: Path, **incoming: Any) -> list[Finding]:
    return (await checked(machine, directory, **incoming)).findings


DATE = {"field": "updated_at"}


@pytest.mark.parametrize(
    ("incoming", "field", "said"),
    [
        ({"pagination": {**KEYSET, "filter": "id"}}, "pagination.filter", "'id'"),
        ({"pagination": {**KEYSET, "filter": "entityid"}}, "pagination.filter", "'entityid'"),
        ({"pagination": {**KEYSET, "field": "nope"}}, "pagination.field", "'nope'"),
        ({"pagination": {**KEYSET, "field": "ids"}}, "pagination.field", "did you mean 'id'?"),
        ({"pagination": {**KEYSET, "field": "attribute_set_id"}}, "pagination.filter", "attribute_set_id"),
        ({"incremental": {"field": "update_at"}}, "incremental.field", "did you mean 'updated_at'?"),
        ({"incremental": {"field": "updatedAt"}}, "incremental.field", "did you mean 'updated_at'?"),
        ({"incremental": {"field": "type_id"}}, "incremental.field", "does not filter by 'type_id'"),
        ({"incremental": {"field": "extension_attributes"}}, "incremental.field", "'extension_attributes'"),
        ({"identifier": "nosku"}, "identifier", "did you mean 'sku'?"),
        ({"identifier": "SKU"}, "identifier", "'SKU'"),
        ({"pagination": {**NUMBERS, "order": "nosuch"}}, "pagination.order", "'nosuch'"),
        ({"identifier": None, "incremental": {"content": True}}, "identifier", "needs an identifier"),
    ],
)
async def test_each_mistake_is_a_finding_that_names_the_field(
    incoming: dict[str, Any], field: str, said: str, machine: Machine, tmp_path: Path
) -> None:
    [finding] = await findings(machine, tmp_path, **incoming)
    assert finding.field == field
    assert said in f"{finding.summary} {finding.remedy}"
    assert finding.id == "incoming-field" or finding.id.startswith("incoming-")


ROW = "searchCriteria[filterGroups][0][filters][0]"


@pytest.mark.parametrize(
    ("incoming", "field", "said"),
    [
        ({"request": {"uri": "products", "where": ["pri gt 3"]}}, "request.where", "did you mean 'price'?"),
        ({"request": {"uri": "products", "where": ["sku neq x", "nope eq 1"]}}, "request.where", "top-level fields"),
        ({"request": {"uri": f"products?{ROW}[field]=statu&{ROW}[value]=1"}}, "request.uri", "did you mean 'status'?"),
        (
            {"request": {"uri": "products", "parameters": {ROW: {"field": "nam", "value": "x"}}}},
            "request.parameters",
            "did you mean 'name'?",
        ),
        ({"request": {"uri": "orders", "where": ["statu eq pending"]}}, "request.where", "did you mean 'status'?"),
        (
            {"request": {"uri": "orders"}, "pagination": {**KEYSET, "filter": "entityid", "field": "entity_id"}},
            "pagination.filter",
            "did you mean 'entity_id'?",
        ),
        (
            {"request": {"uri": "products", "parameters": {"fields": "items[sku,price],total_count"}}},
            "request.parameters",
            "The parameter fields leaves it out. Add it in request.parameters: fields=items[sku,price,id],total_count",
        ),
        (
            {"request": {"uri": "products?fields=items[extension_attributes[website_ids],sku]"}},
            "request.uri",
            "fields=items[extension_attributes[website_ids],sku,id]",
        ),
        ({"request": {"uri": "products?fields=nope"}}, "request.uri", "Name fields of the response"),
    ],
)
async def test_a_refused_search_is_a_finding_at_the_setting_that_names_the_field(
    incoming: dict[str, Any], field: str, said: str, machine: Machine, tmp_path: Path
) -> None:
    [finding] = await findings(machine, tmp_path, **incoming)
    assert (finding.field, said in finding.remedy) == (field, True), finding


async def test_all_mistakes_are_reported_at_once(machine: Machine, tmp_path: Path) -> None:
    found = await findings(
        machine, tmp_path, identifier="nosku", incremental={"field": "update_at"}, pagination={**KEYSET, "filter": "id"}
    )
    assert [each.field for each in found] == ["identifier", "incremental.field", "pagination.filter"]
    assert "the items contain: id, sku" in " ".join(found[0].evidence)


@pytest.mark.parametrize("pagination", [KEYSET, NUMBERS, {"kind": "search-criteria"}])
async def test_nothing_is_found_where_nothing_is_wrong(
    pagination: dict[str, Any], machine: Machine, tmp_path: Path
) -> None:
    report = await checked(machine, tmp_path, pagination=pagination, incremental={**DATE, "from": "2020-01-01"})
    assert report.ok, report.findings
    assert report.results[-1].summary == "incoming items: 3 of 50 items read"


@pytest.mark.parametrize("name", ["products", "orders", "customers", "categories", "source-items", "order-items"])
async def test_the_presets_are_right(name: str, machine: Machine, tmp_path: Path) -> None:
    preset = {"pagination": None, "identifier": None, **READABLE[name].configuration("shop")}
    report = await checked(machine, tmp_path, **preset)
    assert report.ok, report.findings


@pytest.mark.parametrize(
    ("incoming", "setting", "said"),
    [
        ({"transform": "{sku: sku, p: prce}"}, "transform", "'p' is null in all 3 items: they have no field 'prce'"),
        ({"filter": "statuss == `1`"}, "filter", "The filter drops all 3 items: they have no field 'statuss'"),
        (
            {"transform": "ceil(sku)"},
            "transform",
            "Item 1 cannot be written: the transform cannot be evaluated: ceil()",
        ),
        (
            {"sink": {"kind": "csv", "path": "x.csv", "columns": ["sku", "prce"]}},
            "sink.columns",
            "The column 'prce' is empty in all 3 items: they have no field 'prce'",
        ),
    ],
)
async def test_what_a_run_would_lose_is_a_warning(
    incoming: dict[str, Any], setting: str, said: str, machine: Machine, tmp_path: Path
) -> None:
    report = await checked(machine, tmp_path, **incoming)
    assert report.ok, report.findings
    [warning] = report.warnings
    assert (warning.field, warning.summary[: len(said)]) == (setting, said)
    assert warning.id in ("incoming-field", "incoming-item")


async def test_first_items_are_those_that_a_run_would_write(machine: Machine, tmp_path: Path) -> None:
    report = await checked(machine, tmp_path, transform="{p: price, s: sku}", filter="price > `30`")
    result = report.results[-1]
    assert result.written is not None
    assert (len(result.written.items), result.written.filtered_out, result.warnings) == (2, 1, ())
    assert [list(each) for each in result.written.items if isinstance(each, dict)] == [["p", "s"]] * 2
    assert result.summary == "incoming items: 3 of 50 items read, 1 dropped by the filter"


async def test_an_empty_list_says_nothing_of_its_fields(machine: Machine, tmp_path: Path) -> None:
    nothing = {"searchCriteria": {"filterGroups": [{"filters": [{"field": "sku", "value": "none"}]}]}}
    request = {"uri": "products", "parameters": nothing}
    report = await checked(machine, tmp_path, request=request, identifier="nosku", incremental={"field": "update_at"})
    assert [each.field for each in report.findings] == ["incremental.field"]  # the store refuses to filter by it


@pytest.mark.parametrize(
    ("items", "total", "words"),
    [(1, 0, "1 item read"), (1, 1, "1 of 1 item read"), (2, None, "2 items read"), (3, 1321, "3 of 1,321 items read")],
)
async def test_numbers_are_written_as_people_write_them(
    items: int, total: int | None, words: str, machine: Machine
) -> None:
    body = {"items": [{"id": number} for number in range(items)], **({} if total is None else {"total_count": total})}

    async def response(_: Received, writer: Any) -> None:
        writer.write(reply("200 OK", json.dumps(body).encode()))

    async with serving(response) as store:
        plugins = [{"kind": "base-uri", "uri": f"{store.url}/rest/V1"}]
        incoming = {"client": "c", "request": {"uri": "x"}, "items": "items", "pagination": {"kind": "page-number"}}
        data = {"format": 1, "name": "x", "clients": {"c": {"plugins": plugins}}, "incoming": {"p": incoming}}
        saved, problems = check_data(data)
        assert saved is not None, problems
        bench = Workbench(machine)
        async with bench.session(saved) as session:
            tried, _found = await check_incoming(saved, session, "p", bench.run())
        bench.close()
    assert tried.summary == f"incoming p: {words}"


@pytest.mark.parametrize(
    ("request_", "shown"),
    [
        ({"method": "delete", "uri": "products/24-MB01"}, "DELETE /rest/all/V1/products/24-MB01"),
        (
            {"method": "post", "uri": "products", "parameters": {"product": {"sku": "new"}}},
            "POST /rest/all/V1/products",
        ),
        ({"method": "put", "uri": "products/24-MB01", "parameters": {}}, "PUT /rest/all/V1/products/24-MB01"),
        ({"method": "patch", "uri": "products/search"}, "PATCH /rest/all/V1/products/search"),
        ({"method": "post", "uri": "search/rebuild"}, "POST /rest/all/V1/search/rebuild"),
        ({"method": "post", "uri": "research"}, "POST /rest/all/V1/research"),
        ({"uri": "products", "headers": {"X-HTTP-Method-Override": "DELETE"}}, "GET /rest/all/V1/products"),
        ({"method": "head", "uri": "products", "headers": {"x-http-method": "PUT"}}, "HEAD /rest/all/V1/products"),
        ({"uri": "products?_method=DELETE"}, "GET /rest/all/V1/products?_method=DELETE"),
        ({"uri": "products", "parameters": {".Method": "DELETE"}}, "GET /rest/all/V1/products"),
        ({"method": "post", "uri": "search", "parameters": {"_METHOD": "put"}}, "POST /rest/all/V1/search"),
    ],
)
async def test_what_may_change_the_store_is_shown_and_not_sent(
    request_: dict[str, Any], shown: str, machine: Machine, tmp_path: Path
) -> None:
    async with Sandbox(SandboxOptions(products=50, settings=BEARER), machine.now) as sandbox:
        shop = in_sandbox(sandbox, tmp_path, machine, request=request_, pagination=None)
        saved = shop.profile({})
        async with shop.bench.session(saved) as session:
            tried = [each async for each in check(saved, session, shop.bench.run())]
            by_key = await check_part(saved, session, ProfilePart("incoming", "items", ""), shop.bench.run())
        paths = {(each["method"], each["path"]) for each in sandbox.journal()}
    assert tried[-1].ok
    assert by_key == tried[-1]
    assert f"would send {shown}" in by_key.summary
    assert "not sent" in by_key.summary
    assert {method for method, _ in paths} == {"GET"}
    assert not any("products" in path or "search" in path for _, path in paths)


@pytest.mark.parametrize(
    "request_",
    [
        {"method": "post", "uri": "products/search"},
        {"method": "post", "uri": "products/_search/"},
        {"method": "post", "uri": "graphql", "reads": True, "parameters": {"query": "{ products { items { sku } } }"}},
        {"method": "head", "uri": "products"},
        {"uri": "products", "reads": True},
    ],
)
async def test_a_post_that_reads_is_sent(request_: dict[str, Any], machine: Machine) -> None:
    async def response(_: Received, writer: Any) -> None:
        writer.write(reply("200 OK", b'{"items": [{"id": 1}]}'))

    async with serving(response) as store:
        plugins = [{"kind": "base-uri", "uri": f"{store.url}/api"}]
        incoming = {"client": "c", "request": request_, "items": "items"}
        data = {"format": 1, "name": "x", "clients": {"c": {"plugins": plugins}}, "incoming": {"p": incoming}}
        saved, problems = check_data(data)
        assert saved is not None, problems
        bench = Workbench(machine)
        async with bench.session(saved) as session:
            tried = [each async for each in check(saved, session, bench.run())]
        bench.close()
        sent = [each.head.split(b" ")[0].decode() for each in store.received]
    assert sent == [request_.get("method", "get").upper()]
    assert "not sent" not in " ".join(each.summary for each in tried)


async def test_a_plugin_that_names_another_method_counts_too(machine: Machine) -> None:
    async def response(_: Received, writer: Any) -> None:
        writer.write(reply("200 OK", b'{"items": [{"id": 1}]}'))

    async with serving(response) as store:
        plugins = [
            {"kind": "base-uri", "uri": f"{store.url}/api"},
            {"kind": "set-headers", "headers": {"X-Method-Override": "DELETE"}},
        ]
        incoming = {"client": "c", "request": {"uri": "x"}, "items": "items"}
        data = {"format": 1, "name": "x", "clients": {"c": {"plugins": plugins}}, "incoming": {"p": incoming}}
        saved, problems = check_data(data)
        assert saved is not None, problems
        bench = Workbench(machine)
        async with bench.session(saved) as session:
            tried, _found = await check_incoming(saved, session, "p", bench.run())
        bench.close()
        assert store.received == []
    assert "not sent" in tried.summary


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("incoming", "p", "request"), {"method": "delete", "uri": "x", "reads": True}),
        (("incoming", "p", "request"), {"method": "put", "uri": "x", "reads": True}),
        (("authentications", "a", "method"), "delete"),
        (("authentications", "a", "method"), "patch"),
    ],
)
def test_no_other_method_can_be_marked_or_made_a_login(where: tuple[str, ...], value: object) -> None:
    data: dict[str, Any] = {
        "format": 1,
        "name": "x",
        "clients": {"c": {}},
        "incoming": {"p": {"client": "c", "request": {"uri": "x"}}},
        "authentications": {"a": {"kind": "request", "parameters": {"username": "api"}}},
    }
    table = data
    for key in where[:-1]:
        table = table[key]
    table[where[-1]] = value
    _, problems = check_data(data)
    assert [path[: len(where)] for path, _ in problems] == [where]
