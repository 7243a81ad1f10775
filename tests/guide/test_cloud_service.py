"""Adobe Commerce as a Cloud Service in the guide: an address without /rest, the header Store, a token of Adobe IMS."""

from __future__ import annotations

from typing import Any

import pytest
from cloud_service import CLIENT_ID, CLIENT_SECRET, CloudService, cloud_service
from user_errors import user_error

from tui_connector.guide.checks.authentication import AuthenticationTest, try_authentication
from tui_connector.guide.checks.check import check
from tui_connector.guide.steps.methods import ADMIN, BEARER, INTEGRATION, OAUTH2
from tui_connector.guide.steps.setup import Setup
from tui_connector.guide.steps.store_address import (
    FoundStore,
    RestAddress,
    candidate_addresses,
    is_without_rest,
    search,
)
from tui_connector.guide.workbench import Workbench, profile_of
from tui_connector.machine import Machine

HOST = "https://na1.api.commerce.adobe.com"
TENANT = f"{HOST}/AbC123"


@pytest.mark.parametrize(
    "typed",
    [
        TENANT,
        f"{TENANT}/",
        f"{TENANT}/V1",
        f"{TENANT}/V1/products?searchCriteria=",
        f"{TENANT}/graphql",
        "na1.api.commerce.adobe.com/AbC123/V1/",
        f"{TENANT}/V1/async/bulk/V1/products",
    ],
)
def test_any_address_of_a_tenant_will_do(typed: str) -> None:
    assert [address.base_uri("nl") for address in candidate_addresses(typed)] == [f"{TENANT}/V1"]


def test_a_sandbox_of_it_is_one_too() -> None:
    [address] = candidate_addresses("https://na1-sandbox.api.commerce.adobe.com/AbC123")
    assert address.is_cloud_service


@pytest.mark.parametrize("typed", [HOST, f"{HOST}/", f"{HOST}/V1/products", f"{HOST}/rest/V1", f"{HOST}/graphql"])
def test_an_address_without_a_tenant_is_explained(typed: str) -> None:
    with user_error("uri", match="the tenant ID is missing"):
        candidate_addresses(typed)


@pytest.mark.parametrize(
    "typed", ["https://api.commerce.adobe.com.evil.example/x", "https://evilapi.commerce.adobe.com"]
)
def test_only_adobes_own_hosts_are_the_cloud_service(typed: str) -> None:
    assert not any(address.is_cloud_service for address in candidate_addresses(typed))


@pytest.mark.parametrize(
    ("base_uri", "without_rest"),
    [
        ("https://shop.example/V1", True),
        ("https://shop.example/x/V1/", True),
        ("https://shop.example/rest/V1", False),
        ("https://shop.example/rest/all/V1", False),
        ("https://shop.example/V1/more", False),
        ("https://shop.example/v1", False),
        ("https://shop.example/", False),
    ],
)
def test_which_base_uris_have_no_rest(base_uri: str, without_rest: bool) -> None:
    assert is_without_rest(base_uri) is without_rest


async def found(machine: Machine, store: CloudService) -> tuple[Setup, Workbench]:
    bench, setup = Workbench(machine), Setup()
    setup.typed_address = store.address
    async with bench.anonymous() as session:
        states = [each async for each in search(store.address, session.client("default"))]
    assert states[-1].found is not None, states[-1].finding
    setup.use_store(states[-1].found, store.address)
    return setup, bench


def filled_in(setup: Setup, bench: Workbench, store: CloudService, secret: str = CLIENT_SECRET) -> dict[str, Any]:
    setup.write_authentication()
    path = ("authentications", setup.authentication)
    setup.edit((*path, "token-uri"), store.token_uri)
    setup.edit((*path, "client-id"), CLIENT_ID)
    place = (*path, "client-secret")
    bench.vault.hold(setup.secret_name(place), secret, setup.origin_for(place))
    return dict(setup.draft)


async def test_the_guide_finds_it_and_offers_oauth_2_first(machine: Machine) -> None:
    async with cloud_service() as store:
        setup, bench = await found(machine, store)
    bench.close()
    assert setup.base_uri == store.address
    assert setup.store is not None
    assert setup.store.summary() == "Commerce REST API, REST at /Tenant1/V1, requires an access token"
    assert setup.offered_kinds() == (OAUTH2, INTEGRATION, BEARER, ADMIN)
    assert setup.auth_kind == OAUTH2
    saved = setup.default_authentication()
    assert saved["token-uri"] == "https://ims-na1.adobelogin.com/ims/token/v3"
    assert saved["client-authentication"] == "client_secret_post"
    assert "commerce.accs" in str(saved["scope"])
    assert "directory/currency" in "".join(store.paths())
    assert not any("magento_version" in path or "tfa" in path for path in store.paths())


async def test_a_token_of_ims_is_accepted_and_the_view_goes_into_the_header_store(machine: Machine) -> None:
    async with cloud_service() as store:
        setup, bench = await found(machine, store)
        setup.choose_store_view("nl")
        trial: AuthenticationTest = await try_authentication(setup, bench, filled_in(setup, bench, store))
    bench.close()
    assert trial.result.ok, trial.result.finding
    asked = [each for each in store.server.received if b"/V1/modules" in each.head and each.header("Authorization")]
    assert [each.header("Store") for each in asked] == ["nl"]
    assert sum("/ims/token" in path for path in store.paths()) == 1


async def test_a_wrong_secret_is_reported_with_the_servers_message(machine: Machine) -> None:
    async with cloud_service() as store:
        setup, bench = await found(machine, store)
        trial = await try_authentication(setup, bench, filled_in(setup, bench, store, "wrong-CANARY-secret"))
    bench.close()
    assert trial.result.finding is not None
    assert trial.result.finding.id == "login-refused"
    assert "invalid_client: invalid pair" in trial.result.finding.summary
    assert trial.result.finding.field == "client-secret"
    assert "Magento" not in trial.result.finding.remedy


@pytest.mark.parametrize("with_incoming", [True, False])
async def test_check_is_green(machine: Machine, with_incoming: bool) -> None:
    async with cloud_service() as store:
        setup, bench = await found(machine, store)
        data = filled_in(setup, bench, store)
        if with_incoming:
            setup.add_incoming("products")
            data = dict(setup.draft)
        profile = profile_of(data)
        async with bench.session(profile) as session:
            tried = [each async for each in check(profile, session, bench.run())]
    bench.close()
    assert all(each.ok for each in tried), tried
    assert len(tried) == 2 + with_incoming


def test_the_header_store_follows_the_chosen_view_and_leaves_other_headers() -> None:
    setup = Setup()
    setup.use_store(FoundStore(RestAddress(TENANT, without_rest=True)))

    def headers() -> list[Any]:
        return [each["headers"] for each in setup.draft["clients"][setup.client]["plugins"] if "headers" in each]

    assert headers() == []
    setup.choose_store_view("nl")
    assert headers() == [{"Store": "nl"}]
    setup.choose_store_view("de")
    assert headers() == [{"Store": "de"}]
    assert setup.base_uri == f"{TENANT}/V1"
    index = setup.plugin("set-headers")
    setup.edit(("clients", setup.client, "plugins", index or 0, "headers", "x-gw-ims-org-id"), "1@AdobeOrg")
    again = Setup.from_document("acme", setup.document)
    assert again.store_view == "de"
    again.choose_store_view("default")
    assert headers() == [{"x-gw-ims-org-id": "1@AdobeOrg"}]


def test_back_at_a_magento_the_ways_of_magento_are_offered() -> None:
    setup = Setup()
    setup.use_store(FoundStore(RestAddress(TENANT, without_rest=True)))
    assert setup.auth_kind == OAUTH2
    setup.use_store(FoundStore(RestAddress("https://shop.example")))
    assert setup.auth_kind == INTEGRATION
    assert OAUTH2 not in setup.offered_kinds()
    assert setup.choose_kind(OAUTH2) is None
    assert setup.default_authentication()["token-uri"] == ""
