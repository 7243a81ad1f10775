"""Stores other than Magento: `check` sends what the profile's own configurations send, and repeats what they say."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from http_server import Received, Server, reply, serving
from profiles import TOKEN

from tui_connector.guide.checks.check import CheckReport, check, check_part
from tui_connector.guide.steps.store_address import search
from tui_connector.guide.steps.summaries import parts
from tui_connector.guide.workbench import Workbench
from tui_connector.machine import Machine
from tui_connector.profile.model import Profile
from tui_connector.profile.problems import check_data

Responder = Callable[[str, Received], bytes]
ROWS = json.dumps({"results": [{"id": 1}, {"id": 2}, {"id": 3}], "count": 2503}).encode()
LIST = {
    "client": "shop",
    "request": {"uri": "products/"},
    "items": "results",
    "identifier": "id",
    "pagination": {"kind": "page-number", "total": "count"},
    "sink": {"kind": "jsonl", "path": "items.jsonl"},
}


def profile(base_uri: str, incoming: dict[str, Any], bearer: bool = True) -> Profile:
    client: dict[str, Any] = {"plugins": [{"kind": "base-uri", "uri": base_uri}]}
    data: dict[str, Any] = {"format": 1, "name": "Shop", "clients": {"shop": client}, "incoming": incoming}
    if bearer:
        client["authentications"] = ["key"]
        data["authentications"] = {"key": {"kind": "bearer", "token": {"keyring": TOKEN}}}
    found, problems = check_data(data)
    assert found is not None, problems
    return found


async def checked(
    machine: Machine,
    response: Responder,
    path: str = "/api",
    incoming: dict[str, Any] | None = None,
    bearer: bool = True,
) -> tuple[CheckReport, Server]:
    async def respond(request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(response(request.head.split()[1].decode(), request))

    bench, report = Workbench(machine), CheckReport()
    async with serving(respond) as server:
        bench.vault.hold(TOKEN, "tok-CANARY", server.url)
        configurations = {"items": LIST} if incoming is None else incoming
        saved = profile(server.url + path, configurations, bearer)
        async with bench.session(saved) as session:
            async for tried in check(saved, session, bench.run()):
                report.results.append(tried)
    bench.close()
    return report, server


def words(report: CheckReport) -> list[str]:
    return [f"{tried.mark} {tried.summary}" for tried in report.results]


def rows(path: str, request: Received) -> bytes:
    if request.header("Authorization") != "Bearer tok-CANARY":
        return reply("401 Unauthorized", b'{"detail":"Authentication credentials were not provided."}')
    return reply("200 OK", ROWS) if path.startswith("/api/products/") else reply("404 Not Found", b'{"detail":"?"}')


async def test_the_first_page_of_an_incoming_is_what_is_tried(machine: Machine) -> None:
    report, server = await checked(machine, rows)
    assert report.ok
    assert words(report) == [
        "✔ client shop: store reachable",
        "✔ client shop: authenticated",
        "✔ incoming items: 3 items read",
    ]
    assert [each.head.split()[1] for each in server.received] == [b"/api/products/?page=1"]


async def test_a_second_incoming_is_tried_too(machine: Machine) -> None:
    other = {**LIST, "request": {"uri": "nothing"}}
    report, _ = await checked(machine, rows, incoming={"items": LIST, "others": other})
    assert words(report)[2:] == ["✔ incoming items: 3 items read", "✘ incoming others"]
    assert report.findings[0].summary == "The store responded with 404 (?)"


@pytest.mark.parametrize(
    ("response", "failed", "finding", "said"),
    [
        (reply("401 No", b'{"detail":"Invalid token."}'), "authenticated", "unauthorized", "Invalid token."),
        (
            reply("401 No", b'{"error":"invalid_token"}', "WWW-Authenticate: Bearer"),
            "authenticated",
            "unauthorized",
            "",
        ),
        (reply("403 No", b'{"errors":[{"title":"No","detail":"scope"}]}'), "authenticated", "forbidden", "No: scope"),
        (reply("500 Oh", b"<title>Server Error</title>"), "store reachable", "store-error", "'Server Error'"),
        (reply("404 No", b'{"title":"No such list","status":404,"type":"x"}'), "items", "not-found", "No such list"),
        (reply("302 Found", b"", "Location: https://www.shop.example/"), "store reachable", "redirect", "302"),
        (reply("200 OK", b"[]"), "items", "request-failed", "empty list"),
        (reply("422 No", b'{"errors":["bad page"]}'), "items", "refused", "bad page"),
    ],
)
async def test_the_stores_message_is_shown_without_mentioning_magento(
    machine: Machine, response: bytes, failed: str, finding: str, said: str
) -> None:
    report, _ = await checked(machine, lambda path, request: response)
    assert not report.ok
    assert [tried.summary.rpartition(": ")[2] for tried in report.results if not tried.ok] in (
        [failed],
        [f"incoming {failed}"],
    )
    [found] = report.findings
    assert found.id == finding
    assert said in found.summary
    assert found.remedy
    assert "Magento" not in found.summary + found.remedy or finding == "request-failed"


async def test_without_an_incoming_the_base_uri_is_tried(machine: Machine) -> None:
    report, server = await checked(machine, lambda path, request: reply("200 OK", b"{}"), incoming={})
    assert words(report) == ["✔ client shop: store reachable", "✔ client shop: authenticated"]
    assert [each.head.split()[1] for each in server.received] == [b"/api/"]
    report, _ = await checked(machine, lambda path, request: reply("404 No", b"{}"), incoming={})
    assert report.ok
    assert words(report) == [
        "✔ client shop: store reachable",
        "– client shop: authentication not tested (404 at the base URI; add an incoming to try it)",
    ]


async def test_a_disabled_incoming_is_not_sent(machine: Machine) -> None:
    report, server = await checked(machine, rows, incoming={"items": {**LIST, "disabled": True}})
    assert [each.head.split()[1] for each in server.received] == [b"/api/"]
    assert report.ok


@pytest.mark.parametrize("path", ["/rest/api/3", "/rest/api/1.0", "/wp-json/wc/v3", "/V1", "/graphql", "/shop/rest/v2"])
async def test_a_path_with_rest_in_it_is_not_enough_for_magento(machine: Machine, path: str) -> None:
    report, server = await checked(machine, lambda path, request: reply("200 OK", ROWS), path)
    assert report.ok
    assert not any(b"directory/currency" in each.head for each in server.received)


async def test_a_store_that_looks_like_magento_is_judged_by_its_incoming(machine: Machine) -> None:
    def response(path: str, request: Received) -> bytes:
        if "products/" in path:
            return reply("200 OK", ROWS)
        return reply("404 Not Found", b'{"error":"Route not resolved"}')

    report, _ = await checked(machine, response, "/rest/V1")
    assert report.ok
    assert words(report)[-1] == "✔ incoming items: 3 items read"


async def test_nobody_listens(machine: Machine) -> None:
    bench = Workbench(machine)
    saved = profile("http://127.0.0.1:1/api", {"items": LIST}, bearer=False)
    async with bench.session(saved) as session:
        [tried] = [each async for each in check(saved, session, bench.run())]
    bench.close()
    assert (tried.ok, tried.finding is not None and tried.finding.id) == (False, "unreachable-refused")


@pytest.mark.parametrize("family", ["clients", "authentications", "incoming"])
async def test_each_part_can_be_tried_alone(machine: Machine, family: str) -> None:
    async def respond(request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(rows(request.head.split()[1].decode(), request))

    bench = Workbench(machine)
    async with serving(respond) as server:
        bench.vault.hold(TOKEN, "tok-CANARY", server.url)
        saved = profile(f"{server.url}/api", {"items": LIST})
        data = saved.model_dump(exclude_none=True, by_alias=True, mode="json")
        [part] = [each for each in parts(data) if each.family == family]
        async with bench.session(saved) as session:
            tried = await check_part(saved, session, part, bench.run())
    bench.close()
    assert tried.ok, tried


# JSON:API


def json_api(path: str, request: Received) -> bytes:
    accept = request.header("Accept")
    body = (
        b'{"data":[{"id":"1"}]}'
        if "*/*" in accept or "vnd.api+json" in accept
        else b'{"errors":[{"detail":"Accept?"}]}'
    )
    status = "200 OK" if b"data" in body else "406 Not Acceptable"
    return reply(status, body).replace(b"application/json", b"application/vnd.api+json")


DATA = {**LIST, "items": "data", "pagination": {"kind": "next-link", "link": "links.next"}}


async def test_json_api_is_recognised_at_once(machine: Machine) -> None:
    report, _ = await checked(machine, json_api, incoming={"items": DATA})
    assert report.ok
    assert words(report)[-1] == "✔ incoming items: 1 item read"


async def test_a_406_says_which_header_to_set(machine: Machine) -> None:
    picky = {**DATA, "request": {"uri": "products/", "headers": {"Accept": "application/json"}}}
    report, _ = await checked(machine, json_api, incoming={"items": picky})
    [found] = report.findings
    assert found.summary == "The store responded with 406 (Accept?)"
    assert 'Accept = "application/vnd.api+json"' in found.remedy


# step 1


@pytest.mark.parametrize(
    ("response", "said"),
    [
        (
            reply("404 No", b'{"type":"x#NO_PATH","title":"Route not resolved","status":404}'),
            "404 and JSON (Route not",
        ),
        (reply("404 No", b'{"detail":"Not found."}'), "404 and JSON (Not found.)"),
        (reply("404 No", b"{}"), "404 and JSON, but"),
        (reply("400 No", b'{"error":"bad"}'), "400 and JSON (bad)"),
        (reply("200 OK", b'{"status":"ok"}'), "200 and JSON, but"),
        (reply("403 No", b'{"errors":[{"detail":"No key"}]}'), "403 and JSON (No key)"),
    ],
)
async def test_step_one_explains_json_of_another_store_in_full_sentences(
    machine: Machine, response: bytes, said: str
) -> None:
    async def respond(request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(response)

    bench = Workbench(machine)
    async with serving(respond) as server, bench.anonymous() as session:
        states = [each async for each in search(server.url, session.client("default"))]
    bench.close()
    finding = states[-1].finding
    assert finding is not None
    assert finding.id == "not-rest"
    assert said in finding.summary
    assert not finding.summary.rstrip().endswith(":")
    assert "identifier" not in finding.remedy
    assert "front page" in finding.remedy


async def test_a_wrong_path_of_a_magento_store_is_reported_if_its_incoming_fails_too(machine: Machine) -> None:
    page = reply("404 Not Found", b"<title>404 Not Found</title>").replace(b"application/json", b"text/html")
    report, _ = await checked(machine, lambda path, request: page, "/shop/rest/V1")
    [found] = report.findings
    assert found.id == "not-rest"
    assert words(report) == ["✘ client shop: store reachable"]


async def test_a_refused_login_claims_nothing_of_the_store(machine: Machine) -> None:
    async def respond(request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(reply("400 Bad Request", b'{"error":"invalid_client","error_description":"bad pair"}'))

    bench = Workbench(machine)
    async with serving(respond) as server:
        bench.vault.hold(TOKEN, "a-CANARY-secret", server.url)
        login = {"kind": "oauth2", "token-uri": "/token", "client-id": "x", "client-secret": {"keyring": TOKEN}}
        data = profile(f"{server.url}/api", {"items": LIST}).model_dump(exclude_none=True, by_alias=True)
        saved, problems = check_data({**data, "authentications": {"key": login}})
        assert saved is not None, problems
        async with bench.session(saved) as session:
            [tried] = [each async for each in check(saved, session, bench.run())]
    bench.close()
    assert (tried.summary, tried.ok) == ("client shop: authenticated", False)
    assert tried.finding is not None
    assert "bad pair" in tried.finding.summary
    assert [each.head.split()[1] for each in server.received] == [b"/token"]
