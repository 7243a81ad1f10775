"""A part that others use is not deleted: the reason names all of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tui_connector.errors import UserError
from tui_connector.guide.part_families import Family
from tui_connector.guide.profiles.edit import removal

PROFILE = """\
format = 1
name = "Acme"

[authentications.admin]
kind = "request"
uri = "https://acme.example/rest/V1/integration/admin/token"
parameters = { username = "api", password = { env = "ACME_PASSWORD" } }
client = "magento"

[clients.magento]
plugins = [{ kind = "base-uri", uri = "https://acme.example/rest/V1" }]

[clients.login]
authentications = ["admin"]

[incoming.products]
client = "magento"
request = { uri = "products" }
items = "items"
identifier = "sku"

[incoming.stock]
client = "magento"
request = { uri = "stockItems/&{sku}" }
items = "@"
parent = { incoming = "products" }

[outgoing.copies]
client = "login"
source = { kind = "incoming", name = "products" }
request = { method = "post", uri = "https://acme.example/rest/V1/products", parameters = { product = "&{@}" } }

[on-failure]
client = "magento"
request = { uri = "https://alerts.example", method = "post" }

[environments.test]
outgoing.copies.client = "magento"
"""


@pytest.mark.parametrize(
    ("family", "name", "users"),
    [
        (
            "clients",
            "magento",
            "the alert on failure, authentication admin, incoming products, incoming stock, "
            "outgoing copies in the environment test",
        ),
        ("clients", "login", "outgoing copies"),
        ("incoming", "products", "incoming stock, outgoing copies"),
    ],
)
def test_a_part_in_use_is_not_deleted_and_all_that_use_it_are_named(
    tmp_path: Path, family: Family, name: str, users: str
) -> None:
    path = tmp_path / "acme.toml"
    path.write_text(PROFILE)
    with pytest.raises(UserError) as caught:
        removal(path, family, name)
    assert str(caught.value) == f"{name} is used by {users}. Change or delete what uses it first."


@pytest.mark.parametrize(
    ("applied", "effect"),
    [
        ('"token"', "The client magento then sends without authentication."),
        ('"token", "gate"', "The client magento then applies only gate."),
        ('"gate"', ""),
    ],
)
def test_it_is_said_how_a_client_authenticates_without_the_one_that_is_deleted(
    tmp_path: Path, applied: str, effect: str
) -> None:
    path = tmp_path / "acme.toml"
    path.write_text(
        f'format = 1\nname = "Acme"\n[clients.magento]\nauthentications = [{applied}]\n'
        '[authentications.token]\nkind = "bearer"\ntoken = { env = "ACME_TOKEN" }\n'
        '[authentications.gate]\nkind = "header"\nheader = "X-Gate"\nvalue = { env = "ACME_GATE" }\n'
    )
    assert removal(path, "authentications", "token").effect == effect
