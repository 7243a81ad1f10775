"""The signing dialect: found out with the tokens, saved by the guide, said by `check`, remembered for every process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from http_server import Received, reply, serving
from profiles import FOUR, bearer, full, profile, signed

from tui_connector.client.message import ANONYMOUS, Request
from tui_connector.guide.checks.authentication import try_authentication
from tui_connector.guide.checks.check import check
from tui_connector.guide.checks.signing import find_dialect
from tui_connector.guide.steps.setup import Setup
from tui_connector.guide.workbench import Workbench
from tui_connector.machine import Machine
from tui_connector.magento.dialects import DIALECTS, Dialect
from tui_connector.profile.document import Document
from tui_connector.profile.model import Profile
from tui_connector.sandbox.server import Sandbox, SandboxOptions
from tui_connector.templates import Json

TWELVE = "products?" + "&".join(
    f"{quote(f'searchCriteria[filter_groups][{group}][filters][0][{name}]', safe='')}={quote(value)}"
    for group in range(12)
    for name, value in (("field", "name"), ("condition_type", "like"), ("value", f"Special {group} %, a+b=c"))
)
SLASH = "products/A%2FB-1"


@pytest.fixture(params=DIALECTS)
def speaks(request: pytest.FixtureRequest) -> Dialect:
    """The dialect of the store."""
    dialect: Dialect = request.param
    return dialect


@pytest.fixture
async def store(speaks: Dialect) -> AsyncIterator[Sandbox]:
    options = SandboxOptions(products=5, settings={"sandbox/signing_dialect": speaks})
    async with Sandbox(options, lambda: datetime.now(UTC)) as sandbox:
        yield sandbox


def at_work(machine: Machine, store: Sandbox, integration: str = "full") -> Workbench:
    bench = Workbench(machine)
    for field, value in full(store, integration).items():
        bench.vault.hold(FOUR[field], value, store.url)
    return bench


def shop(store: Sandbox, **fields: str) -> Profile:
    return profile(f"{store.url}/rest/all/V1", {**signed(), **fields})


@pytest.mark.parametrize("integration", ["full", "catalog"])
async def test_check_says_which_dialect_the_store_speaks(
    store: Sandbox, speaks: Dialect, machine: Machine, integration: str
) -> None:
    bench = at_work(machine, store, integration)
    saved = shop(store)
    async with bench.session(saved) as session:
        tried = [each async for each in check(saved, session, bench.run())]
    bench.close()
    assert all(each.ok for each in tried)
    assert f"client shop: signing dialect {speaks} (Magento 2.4." in tried[-1].summary
    assert sum("signing%2Btest" in each.uri for each in bench.exchanges) <= 3
    assert {each.method for each in bench.exchanges} == {"GET"}


async def test_a_wrong_setting_is_a_finding_with_its_fix(store: Sandbox, speaks: Dialect, machine: Machine) -> None:
    for wrong in set(DIALECTS) - {speaks}:
        bench = at_work(machine, store)
        saved = shop(store, dialect=wrong)
        async with bench.session(saved) as session:
            tried = [each async for each in check(saved, session, bench.run())]
        bench.close()
        finding = tried[-1].finding
        assert finding is not None
        assert finding.id == "oauth-dialect"
        assert finding.fix is not None
        assert (finding.fix.target, finding.fix.value) == ("dialect", speaks)
        assert f'dialect = "{speaks}" in [authentications.a]' in finding.remedy


@pytest.mark.parametrize("uri", [TWELVE, SLASH, f"{SLASH}?{TWELVE.partition('?')[2]}"])
async def test_after_a_check_the_first_request_of_a_process_is_right(
    store: Sandbox, machine: Machine, uri: str
) -> None:
    bench = at_work(machine, store)
    async with bench.session(shop(store)) as session:
        await find_dialect(shop(store), session, "shop")
    bench.close()
    bench = at_work(machine, store)
    async with bench.session(shop(store)) as session:
        finished = await session.signed("shop", Request("GET", uri))
        assert bench.exchanges.end == 0
        (header,) = (value for name, value in finished.headers if name == "Authorization")
        assert (await session.client("shop", ANONYMOUS)(finished)).status in (200, 404)
        assert header.startswith("OAuth ")
        assert (await session.client("shop")(Request("GET", uri))).status in (200, 404)
    assert [each.status for each in bench.exchanges if each.status == 401] == []
    bench.close()


async def test_twelve_filters_whose_values_need_encoding_work_at_once(store: Sandbox, machine: Machine) -> None:
    bench = at_work(machine, store)
    async with bench.session(shop(store)) as session:
        assert (await session.client("shop")(Request("GET", TWELVE))).status == 200
    bench.close()


async def test_a_test_in_the_guide_finds_the_dialect_whatever_the_profile_has(
    store: Sandbox, speaks: Dialect, machine: Machine
) -> None:
    for before in ("auto", *DIALECTS):
        bench = at_work(machine, store)
        data: dict[str, Json] = {
            "format": 1,
            "name": "Shop",
            "authentications": {"integration": {**signed(), "dialect": before}},
            "clients": {
                "magento": {
                    "authentications": ["integration"],
                    "plugins": [{"kind": "base-uri", "uri": f"{store.url}/rest/all/V1"}],
                }
            },
        }
        setup = Setup.from_document("shop", Document.new(data))
        trial = await try_authentication(setup, bench, setup.draft)
        bench.close()
        assert trial.result.ok
        assert trial.dialect == speaks


PRODUCT = b'{"message":"The product that was requested doesn\'t exist. Verify the product and try again."}'
INVALID = b'{"message":"The signature is invalid. Verify and try again."}'
RESOURCE = b'{"message":"The consumer isn\'t authorized to access %resources.","parameters":{"resources":"x"}}'


@pytest.mark.parametrize(
    ("responses", "dialect", "requests"),
    [
        ([("404 Not Found", PRODUCT), ("401 Unauthorized", INVALID)], "laminas", 2),
        ([("401 Unauthorized", RESOURCE), ("401 Unauthorized", INVALID)], "laminas", 2),
        ([("401 Unauthorized", INVALID), ("401 Unauthorized", RESOURCE)], "m248", 2),
        ([("401 Unauthorized", INVALID), ("403 Forbidden", RESOURCE)], "m248", 2),
        ([("401 Unauthorized", INVALID), ("401 Unauthorized", INVALID), ("200 OK", b"{}")], "rfc5849", 3),
        ([("401 Unauthorized", INVALID)] * 3, None, 3),
        ([("404 Not Found", PRODUCT)] * 2, None, 2),
        ([("404 Not Found", b"<html>Apache</html>")], None, 1),
        ([("403 Forbidden", b"<html>firewall</html>")], None, 1),
        ([("401 Unauthorized", INVALID), ("503 Service Unavailable", b"{}")], None, 2),
        ([("500 Internal Server Error", PRODUCT)], None, 1),
        ([("429 Too Many Requests", b"{}")], None, 1),
    ],
)
async def test_a_dialect_is_known_only_where_another_was_refused(
    machine: Machine, responses: list[tuple[str, bytes]], dialect: Dialect | None, requests: int
) -> None:
    left = list(responses)

    async def response(_: Received, writer: asyncio.StreamWriter) -> None:
        status, body = left.pop(0)
        writer.write(reply(status, body))

    bench = Workbench(machine)
    async with serving(response) as server:
        for name in FOUR.values():
            bench.vault.hold(name, f"CANARY{name[-26:]:x>26}", server.url)
        saved = profile(f"{server.url}/rest/V1", signed())
        async with bench.session(saved) as session:
            found = await find_dialect(saved, session, "shop")
    bench.close()
    assert found is not None
    assert found.dialect == dialect
    assert found.finding is None
    assert len(server.received) == requests


async def test_a_client_that_does_not_sign_sends_no_signing_probe(machine: Machine) -> None:
    bench = Workbench(machine)
    saved = profile("http://127.0.0.1:1/rest/V1", bearer())
    async with bench.session(saved) as session:
        assert await find_dialect(saved, session, "shop") is None
    assert bench.exchanges.end == 0
    bench.close()
