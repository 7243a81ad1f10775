"""`check` requests what a run will request, and looks for the fields that it will read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from runs import BEARER, KEYSET, NUMBERS, in_sandbox
from serving import Received, reply, serving

from tui_connector.guide.check import Report, check, try_incoming
from tui_connector.guide.workbench import Workbench
from tui_connector.machine import Machine
from tui_connector.magento.diagnosis import Finding
from tui_connector.magento.entities import READABLE
from tui_connector.profile.problems import check_data
from tui_connector.sandbox.server import Sandbox, SandboxOptions


async def checked(machine: Machine, directory: Path, **incoming: Any) -> Report:
    async with Sandbox(SandboxOptions(products=50, settings=BEARER), machine.now) as sandbox:
        shop = in_sandbox(sandbox, directory, machine, **incoming)
        report = Report()
        saved = shop.profile({})
        async with shop.bench.session(saved) as session:
            async for tried in check(saved, session, shop.bench.run()):
                report.tried.append(tried)
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
    assert report.tried[-1].words == "incoming items: 3 of 50 items read"


@pytest.mark.parametrize("name", ["products", "orders", "customers", "categories", "source-items", "order-items"])
async def test_the_presets_are_right(name: str, machine: Machine, tmp_path: Path) -> None:
    preset = {"pagination": None, "identifier": None, **READABLE[name].configuration("shop")}
    report = await checked(machine, tmp_path, **preset)
    assert report.ok, report.findings


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

    async def answer(_: Received, writer: Any) -> None:
        writer.write(reply("200 OK", json.dumps(body).encode()))

    async with serving(answer) as store:
        plugins = [{"kind": "base-uri", "uri": f"{store.url}/rest/V1"}]
        incoming = {"client": "c", "request": {"uri": "x"}, "items": "items", "pagination": {"kind": "page-number"}}
        data = {"format": 1, "name": "x", "clients": {"c": {"plugins": plugins}}, "incoming": {"p": incoming}}
        saved, problems = check_data(data)
        assert saved is not None, problems
        bench = Workbench(machine)
        async with bench.session(saved) as session:
            tried, _found = await try_incoming(saved, session, "p", bench.run())
        bench.close()
    assert tried.words == f"incoming p: {words}"
