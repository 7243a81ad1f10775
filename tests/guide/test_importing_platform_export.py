"""The NDJSON export of an integration platform becomes a profile that the store accepts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from imported_profiles import Outcome, carried_out, planned, refusal, run_all
from profiles import admin, full

from tui_connector.machine import Machine
from tui_connector.sandbox.server import Sandbox


def line(kind: str, identifier: str, name: str, content: Any, **more: Any) -> str:
    entry = {"$schema": "https://di.schema.example/register.json", "type": kind, "identifier": identifier, "name": name}
    return json.dumps({**entry, "object": content, "description": None, "owner": None, "disabled": False, **more})


def of(prototype: str, **parameters: Any) -> dict[str, Any]:
    return {"prototype": prototype, "parameters": parameters}


def export() -> list[str]:
    oauth1 = of(
        "magento-2-integration-oauth1", consumerKey="${CONSUMER_KEY}", consumerSecret="${CONSUMER_SECRET}",
        accessToken="${ACCESS_TOKEN}", accessTokenSecret="${ACCESS_TOKEN_SECRET}", signature="oauth1-hmac-sha256",
    )  # fmt: skip
    login = of(
        "request", uri="/rest/V1/integration/admin/token", method="post", header="Authorization", source="body",
        parameters={"username": "${ADMIN}", "password": "${ADMIN_PASSWORD}"}, template="Bearer &{@[0]}",
    )  # fmt: skip
    plugins = [of("base-uri", uri="${MAGENTO_URL}", config={"replace": False}), of("logger", formatter="long")]
    return [
        line("http-authentication", "admin-login", "Login", login),
        line(
            "http-client", "magento", "Magento", of(
                "http-client", plugins=[*plugins, of("header-set", headers={"X-Trace": "export"}), of("retry")],
                authentications=[oauth1], timeout=20, enableErrorHandling=True,
            ),
        ),
        line("http-client", "magento-admin", "Magento, admin", of(
            "http-client", plugins=plugins, authentications=["admin-login"]
        )),
        line("incoming", "attributes", "Attributes", {
            "subscriber": of(
                "http-subscriber", client="magento",
                request={"uri": "/rest/${STORE}/V1/products/attributes?searchCriteria={}", "method": "GET"},
                deserializer=of("json", pattern="items", readMethod="wholeFile"),
            ),
            "transformers": [of("value-setter")],
            "entityType": "attribute",
        }),
        line("incoming", "modules", "Modules", {
            "subscriber": of(
                "http-subscriber", client="magento-admin", request={"uri": "/rest/all/V1/modules"},
                deserializer=of("json", pattern="@"),
            )
        }),
        line("outgoing", "names", "Names of products", {
            "publisher": of(
                "http-publisher", client="magento",
                request={
                    "uri": "/rest/all/V1/products/&{sku}", "method": "PUT", "payloadType": "data",
                    "payload": {"product": {"sku": "&{sku}", "name": "&{name}"}},
                },
            )
        }),
        line("outgoing", "stock", "Stock", {
            "publisher": of("no-action-publisher"),
            "transformers": [of("chain", transformers=[of("merger", transformer=of(
                "http-transformer", client="magento",
                request={
                    "uri": "/rest/all/V1/inventory/source-items", "method": "POST",
                    "payload": {"sourceItems": ["&{@}"]},
                },
            ))])],
        }),
        line("outgoing", "to-ftp", "To FTP", {"publisher": of("ftp-publisher")}),
        line("route", "attributes-to-names", "Attributes to names", {"incoming": "attributes", "outgoing": "names"}),
        line("scheduler", "nightly", "Nightly", {}),
        line("incoming", "off", "Off", {}, disabled=True),
    ]  # fmt: skip


async def test_an_export_becomes_a_profile_that_the_store_accepts(
    sandbox: Sandbox, machine: Machine, tmp_path: Path
) -> None:
    variables = {
        "MAGENTO_URL": sandbox.url, "STORE": "default", "ADMIN": admin(sandbox)["username"],
        "ADMIN_PASSWORD": admin(sandbox)["password"],
        **{name.upper().replace("-", "_"): value for name, value in full(sandbox).items()},
    }  # fmt: skip
    environment = "\n".join(f"{name}={value}" for name, value in variables.items())
    plan = planned("\n".join(export()), machine, tmp_path, environment=environment)
    result = await carried_out(plan, machine)
    assert result.to_set == ()
    for name, entity in {
        "names-of-products": {"sku": "24-MB01", "name": "Joust"},
        "stock": {"sku": "24-MB01", "source_code": "default", "quantity": 3, "status": 1},
    }.items():
        path = result.path.parent / plan.document.draft["outgoing"][name]["source"]["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{json.dumps(entity)}\n")
    outcome = Outcome(plan, result, result.path.read_text())
    await run_all(outcome, machine)
    assert outcome.failed == []
    assert sorted(outcome.succeeded) == ["attributes", "modules", "names-of-products", "stock"]
    assert 'parameters = { product = { sku = "&{sku}", name = "&{name}" } }' in outcome.text
    told = "\n".join(map(str, plan.not_imported))
    for text in (
        "http-client magento: the plugin retry: add it again",
        "http-client magento: the setting enableErrorHandling: it has no counterpart",
        "incoming attributes, outgoing stock: 1 transformer: use filter and transform",
        "outgoing to-ftp: the publisher ftp-publisher: only HTTP publishers are imported",
        "route attributes-to-names: the route Attributes to names: its 1 transformer cannot be converted",
        "line 10: scheduler nightly: it has no counterpart",
        "incoming off: disabled: it is switched off",
    ):
        assert text in told


async def test_a_route_becomes_an_outgoing_whose_source_is_the_incoming(
    sandbox: Sandbox, machine: Machine, tmp_path: Path
) -> None:
    lines = [each for each in export() if json.loads(each)["type"].startswith("http")]

    def incoming(name: str, items: str, size: int = 5, **more: Any) -> str:
        request = {"uri": f"/rest/all/V1/products?searchCriteria[pageSize]={size}"}
        parameters = {"client": "magento", "request": request, "deserializer": of("json", pattern=items)}
        return line("incoming", name, name, {"subscriber": of("http-subscriber", **parameters), **more})

    request = {
        "uri": "/rest/all/V1/products/&{sku}", "method": "PUT",
        "payload": {"product": {"sku": "&{sku}", "name": "&{name}"}},
    }  # fmt: skip
    lines += [
        incoming("items", "items"),
        incoming("whole", "@", 7, transformers=[of("brancher", pattern="items.*")]),
        incoming("links", "items", 9, transformers=[of("brancher", pattern="media_gallery_entries.*")]),
        line("outgoing", "names", "Names", {"publisher": of("http-publisher", client="magento", request=request)}),
        line("route", "first", "First", {"incoming": "items", "outgoing": "names", "transformers": []}),
        line("route", "second", "Second", {"incoming": {"identifier": "whole"}, "outgoing": "names"}),
        line("route", "third", "Third", {"incoming": "items", "outgoing": "names", "transformers": [of("node")]}),
        line("route", "fourth", "Fourth", {"incoming": "gone", "outgoing": "names"}),
        line("route", "fifth", "Fifth", {"incoming": "links", "outgoing": "names"}),
    ]
    values = {name.upper().replace("-", "_"): value for name, value in full(sandbox).items()}
    environment = "\n".join(f"{name}={value}" for name, value in {"MAGENTO_URL": sandbox.url, **values}.items())
    plan = planned("\n".join(lines), machine, tmp_path, environment=environment)
    draft = plan.document.draft
    assert draft["outgoing"]["names"]["source"] == {"kind": "incoming", "name": "items"}
    assert draft["outgoing"]["second"]["source"] == {"kind": "incoming", "name": "whole"}
    told = "\n".join(map(str, plan.not_imported))
    assert "route third: the route Third: its 1 transformer cannot be converted" in told
    assert "route fifth: the route Fifth: its 1 transformer cannot be converted" in told
    assert "route fourth: the route Fourth: its incoming gone is not in the export" in told
    result = await carried_out(plan, machine)
    outcome = Outcome(plan, result, result.path.read_text())
    await run_all(outcome, machine)
    assert outcome.failed == []
    assert sorted(outcome.succeeded) == ["items", "links", "names", "second", "whole"]


def test_variables_without_a_value_are_secrets_to_set(machine: Machine, tmp_path: Path) -> None:
    environment = json.dumps({"MAGENTO_URL": "https://acme.example", "STORE": "all"})
    plan = planned("\n".join(export()), machine, tmp_path, environment=environment)
    assert "imported/integration/consumer-key" in plan.missing_secrets()
    assert "imported/admin/password" in plan.missing_secrets()


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ([*export()[:1], "{"], "import-syntax"),
        ([line("scheduler", "x", "x", {})], "import-empty"),
        ([line("incoming", "x", "x", {"subscriber": 5}), line("outgoing", "y", "y", [1])], "import-empty"),
    ],
)
def test_broken_exports_are_refused(lines: list[str], code: str) -> None:
    assert refusal("\n".join(lines)).code == code
