"""A test of one part needs only the parts that it uses: the others may be invalid meanwhile."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from tui_connector.profile.usable_parts import usable_profile

PROFILE = """
format = 1
name = "Acme"

[authentications.integration]
kind = "bearer"
token = { env = "ACME_TOKEN" }

[authentications.other]
kind = "bearer"
token = { env = "OTHER_TOKEN" }

[clients.magento]
authentications = ["integration"]
plugins = [{ kind = "base-uri", uri = "https://acme.example/rest/all/V1" }]

[clients.shop]
authentications = ["other"]
plugins = [{ kind = "base-uri", uri = "https://shop.example/" }]

[incoming.products]
client = "magento"
request = { uri = "products" }

[incoming.images]
client = "magento"
request = { uri = "products/&{sku}/media" }
parent = { incoming = "products" }

[outgoing.prices]
client = "magento"
source = { kind = "incoming", name = "products" }
request = { method = "POST", uri = "products" }

[environments.staging.clients.magento]
plugins = [{ kind = "base-uri", uri = "https://staging.example/rest/all/V1" }]

[environments.staging.authentications]
integration.token.env = "STAGING_TOKEN"
"""
BROKEN: dict[str, tuple[tuple[str, ...], Any]] = {
    "incoming": (("incoming", "products", "items"), 5),
    "client": (("clients", "magento", "bogus"), 1),
    "other client": (("clients", "shop", "bogus"), 1),
    "authentication": (("authentications", "integration", "token"), "literal"),
    "other authentication": (("authentications", "other", "kind"), "none-such"),
    "table": (("incoming",), 5),
    "key": (("clinets",), {}),
    "ledger": (("ledger",), {"kind": "none-such"}),
    "environment": (("environments", "staging", "clients", "magento", "bogus"), 1),
    "environment's key": (("environments", "staging", "bogus"), 1),
}


def broken(*names: str) -> dict[str, Any]:
    data = tomllib.loads(PROFILE)
    for name in names:
        path, value = BROKEN[name]
        table = data
        for step in path[:-1]:
            table = table[step]
        table[path[-1]] = value
    return data


@pytest.mark.parametrize(
    ("part", "names", "environment"),
    [
        (("clients", "magento"), ["incoming"], ""),
        (("clients", "magento"), ["table"], ""),
        (("clients", "magento"), ["other client", "other authentication", "key", "ledger"], ""),
        (("clients", "magento"), ["environment"], ""),
        (("clients", "magento"), ["environment's key"], ""),
        (("clients", "magento"), ["incoming", "other authentication", "environment's key"], "staging"),
        (("clients", "shop"), ["environment"], "staging"),
        (("clients", "shop"), ["client", "authentication"], ""),
        (("authentications", "integration"), ["incoming", "other client"], ""),
        (("incoming", "products"), ["other authentication"], ""),
        (("outgoing", "prices"), ["incoming"], ""),
        (("outgoing", "prices"), ["table"], "staging"),
    ],
)
def test_invalid_parts_that_are_not_used_are_left_out(
    part: tuple[str, str], names: list[str], environment: str
) -> None:
    profile, problems = usable_profile(broken(*names), [part], environment)
    assert profile is not None, problems
    assert part[1] in getattr(profile, part[0])
    if part[1] != "shop":
        host = "staging" if environment else "acme"
        assert profile.base_uri("magento") == f"https://{host}.example/rest/all/V1"
        [secret] = [each.source.env for each in profile.secrets() if each.path[1] == "integration"]
        assert secret == ("STAGING_TOKEN" if environment else "ACME_TOKEN")
    assert profile.environment == environment


@pytest.mark.parametrize(
    ("part", "name", "environment", "path"),
    [
        (("incoming", "products"), "incoming", "", "incoming.products.items"),
        (("incoming", "images"), "incoming", "", "incoming.products.items"),
        (("incoming", "images"), "client", "", "clients.magento.bogus"),
        (("incoming", "images"), "authentication", "", "authentications.integration.token"),
        (("authentications", "integration"), "client", "", "clients.magento.bogus"),
        (("outgoing", "prices"), "authentication", "", "authentications.integration.token"),
        (("incoming", "products"), "table", "", "incoming"),
        (("clients", "magento"), "environment", "staging", "environments.staging.clients.magento.bogus"),
    ],
)
def test_problems_of_what_is_used_are_reported(part: tuple[str, str], name: str, environment: str, path: str) -> None:
    profile, problems = usable_profile(broken(name, "key"), [part], environment)
    assert profile is None
    assert [".".join(map(str, each)) for each, _ in problems] == [path]
