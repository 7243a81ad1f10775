"""The guide on a real store's responses: its address, three authentications, the problems, and permissions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from profiles import FOUR, PASSWORD, TOKEN, bearer, login, profile, signed
from recorded_store import PASSWORD as ADMINS
from recorded_store import RecordedStore, integration

from tui_connector.client.message import ANONYMOUS
from tui_connector.client.printer import text
from tui_connector.guide.checks.check import check, check_authentication
from tui_connector.guide.checks.permissions import RouteAccess, permissions
from tui_connector.guide.steps.methods import ADMIN, BEARER, INTEGRATION
from tui_connector.guide.steps.profile_draft import new_document
from tui_connector.guide.steps.setup import Setup
from tui_connector.guide.steps.store_address import AddressSearch, search
from tui_connector.guide.unattended_setup import SetupInput, set_up
from tui_connector.guide.workbench import Workbench
from tui_connector.machine import Machine
from tui_connector.magento.entities import READABLE, WRITABLE

SECRETS = {
    INTEGRATION: integration("full"),
    BEARER: {"token": integration("full")["access-token"]},
    ADMIN: {"username": "admin", "password": ADMINS},
}


async def found(store: RecordedStore, workbench: Workbench, typed: str) -> AddressSearch:
    async with workbench.anonymous() as session:
        *_, state = [each async for each in search(typed.format(store.url), session.client("default"))]
    return state


@pytest.mark.parametrize(
    "typed",
    [
        *("{}", "{}/", "{}/admin_x1/dashboard/index/key/CANARYkey/", "{}/rest", "{}/rest/V1", "{}/rest/v1/products"),
        *("{}/rest/all/V1/products?searchCriteria=", "{}/rest/default/V1", "{}/index.php/admin", "{}/women/tops.html"),
        "{}/magento_version",
    ],
)
async def test_whatever_address_is_typed_the_store_is_found(
    store: RecordedStore, workbench: Workbench, typed: str
) -> None:
    state = await found(store, workbench, typed)
    assert state.found is not None, state.finding
    assert state.found.address.root == store.url
    assert state.found.summary().startswith("Magento 2.4 Community, REST at /rest/")
    assert not state.found.two_factor


async def test_anonymous_requests_identify_the_store(store: RecordedStore, workbench: Workbench) -> None:
    store.two_factor = True
    state = await found(store, workbench, "{}")
    assert state.found is not None
    assert state.found.two_factor
    assert len(state.probes) == 1
    store.maintenance = True
    closed = await found(store, workbench, "{}")
    assert closed.finding is not None
    assert closed.finding.id == "maintenance"
    assert len(closed.probes) == 1


@pytest.mark.parametrize("way", [INTEGRATION, BEARER, ADMIN])
async def test_the_guide_is_walked_to_its_end(
    store: RecordedStore,
    machine: Machine,
    clean_environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    way: str,
) -> None:
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    # a computer without a keyring; the new process looks for its state where this one keeps it
    state = Path(clean_environment["XDG_STATE_HOME"]) / "tui-connector"
    directories = replace(machine.directories, state=state)
    machine = replace(machine, environ=clean_environment, keyring=None, directories=directories)
    workbench = Workbench(machine)
    setup = Setup("acme", new_document("Acme"))
    setup.choose_kind(way)
    if way == ADMIN:
        setup.write_authentication()
        setup.edit(("authentications", setup.authentication, "parameters", "username"), "admin")
    said: list[str] = []
    path = Path(clean_environment["XDG_CONFIG_HOME"]) / "tui-connector" / "profiles" / "acme.toml"
    path.parent.mkdir(parents=True)
    await set_up(setup, SetupInput(store.url, SECRETS[way]), path, workbench, said.append, path.parent)
    workbench.close()
    words = "\n".join(said)
    assert "Magento 2.4 Community, REST at /rest/V1" in words
    assert "the store accepts it" in words
    assert "incoming products: 3 of 100 items read" in words
    assert "in a new process" in words
    statuses = [each.status for each in workbench.exchanges if each.purpose != "probe"]
    assert set(statuses) == {200}
    assert store.asked[-1] == "GET /rest/all/V1/modules"
    told = [text(each, form) for each in workbench.exchanges for form in ("simple", "long", "full", "curl")]
    assert not any("canary" in each.lower() for each in told)


REFUSALS = {
    "a consumer key of nobody": (signed(), "consumer-key", "oauth-consumer-key"),
    "an access token of nobody": (signed(), "access-token", "oauth-access-token"),
    "a wrong consumer secret": (signed(), "consumer-secret", "oauth-signature"),
    "a wrong token secret": (signed(), "access-token-secret", "oauth-signature"),
    "an access token alone where it is switched off": (bearer(), "", "bearer"),
    "a wrong password": (login(), "password", "login-refused"),
    "a right password and 2FA": (login(), "", "two-factor"),
}


@pytest.mark.parametrize("what", REFUSALS)
async def test_a_refusal_of_the_store_is_explained(store: RecordedStore, workbench: Workbench, what: str) -> None:
    authentication, wrong, expected = REFUSALS[what]
    values = {**{entry: integration("full")[name] for name, entry in FOUR.items()}, PASSWORD: ADMINS}
    if wrong:
        values[PASSWORD if wrong == "password" else FOUR[wrong]] = "CANARYwrong".ljust(32, "x")
    store.two_factor = "2FA" in what
    store.takes_bearer = False
    for entry, value in {**values, TOKEN: values[FOUR["access-token"]]}.items():
        workbench.vault.hold(entry, value, store.url)
    saved = profile(f"{store.url}/rest/all/V1", authentication)
    async with workbench.session(saved) as session:
        tried = [each async for each in check(saved, session, workbench.run())]
    (finding,) = [each.finding for each in tried if each.finding is not None]
    assert finding.id.startswith(expected), finding
    assert "canary" not in str(finding).lower()


async def test_an_unknown_store_view_is_named(store: RecordedStore, workbench: Workbench) -> None:
    saved = profile(f"{store.url}/rest/nosuch/V1", None)
    async with workbench.session(saved) as session:
        (tried,) = [each async for each in check(saved, session, workbench.run())]
    assert tried.finding is not None
    assert tried.finding.id == "store-code"
    assert "nosuch" in str(tried.finding)


async def test_permissions_are_read_from_the_real_schema(store: RecordedStore, workbench: Workbench) -> None:
    known = {}
    for who in ("full", "catalog", None):
        saved = profile(f"{store.url}/rest/all/V1", signed() if who else None)
        for name, entry in FOUR.items():
            workbench.vault.hold(entry, integration(who or "full")[name], store.url)
        async with workbench.session(saved) as session:
            modules = (await check_authentication(saved, session, "shop")).modules
            known[who] = await permissions(
                session.client("shop"), session.client("shop", ANONYMOUS), f"{store.url}/rest/all/V1", modules
            )
    full, catalogue = known["full"], known["catalog"]
    assert {name for name, may in full.read.items() if may is not RouteAccess.YES} == set()
    assert {name for name, may in full.send.items() if may is not RouteAccess.YES} == set()
    assert (len(full.read), len(full.send)) == (len(READABLE), len(WRITABLE))
    assert catalogue.read["products"] is RouteAccess.YES
    assert {catalogue.read[each] for each in ("orders", "customers", "store-views", "source-items")} == {RouteAccess.NO}
    assert catalogue.send["new-customers"] is RouteAccess.YES, "open to everybody"
    assert catalogue.send["stock"] is RouteAccess.NO
    assert not known[None].read


async def test_only_the_beginning_of_the_real_schema_is_stored(store: RecordedStore, workbench: Workbench) -> None:
    """It is half a megabyte with passwords' names in it: to mask it all would hold up the screen."""
    saved = profile(f"{store.url}/rest/all/V1", None)
    async with workbench.session(saved) as session:
        send = session.client("shop")
        await permissions(send, send, f"{store.url}/rest/all/V1", frozenset())
    exchange = next(iter(workbench.exchanges))
    assert exchange.body.cut
    assert len(exchange.body.data) <= 64_000
    assert exchange.body.size > len(exchange.body.data)
