"""The JSON Schema, read by an independent reader: it takes what the program takes, and knows every field."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft7Validator

from tui_connector.client.layer import Authentication, Plugin
from tui_connector.profile.model import schema
from tui_connector.profile.problems import check

PROFILE = """\
format = 1
name = "Shop"

[authentications.admin]
kind = "request"
title = "An admin user"
parameters = { username = "api", number = 1, password = { ask = true }, otp = { totp = { keyring = "shop/totp" } } }

[authentications.gate]
kind = "basic"
username = "staging"
password = { env = "GATE" }

[authentications.key]
kind = "query"
parameter = "key"
value = { command = ["pass", "show", "key"] }

[authentications.header]
kind = "header"
header = "X-Gate"
value = { keyring = "shop/gate" }
disabled = true

[clients.shop]
authentications = ["key", "admin"]
connect-timeout = "5s"
tls = { ca-file = "ca.pem", client-certificate = "c.pem", client-key = "c.key", client-key-password = { env = "K" } }
proxy = { uri = "http://proxy.example:3128", username = "u", password = { env = "P" } }
plugins = [
    { kind = "base-uri", uri = "https://shop.example/rest/V1" },
    { kind = "append-headers", headers = { X-A = "a" } },
    { kind = "set-headers", headers = { X-A = "@{run.started_at}" } },
    { kind = "default-headers", headers = { X-B = "b" } },
    { kind = "remove-headers", headers = ["X-C"] },
    { kind = "query-defaults", parameters = { "searchCriteria[pageSize]" = "100" } },
    { kind = "retry", attempts = 5 },
    { kind = "rate-limit", requests = 10, span = "1s" },
]

[clients.past-the-proxy]
proxy = { uri = "direct" }
tls = { verify = false }
"""


@pytest.fixture(scope="module")
def reader() -> Draft7Validator:
    Draft7Validator.check_schema(schema())
    return Draft7Validator(schema())


def test_the_schema_accepts_valid_profiles(reader: Draft7Validator) -> None:
    saved, problems = check(PROFILE)
    assert saved is not None, problems
    assert list(reader.iter_errors(tomllib.loads(PROFILE))) == []


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ('connect-timeout = "5s"', 'conect-timeout = "5s"'),
        ("attempts = 5", 'attempts = "5"'),
        ("requests = 10", "requests = 0"),
        ('uri = "direct"', "uri = 1"),
        ('kind = "basic"', 'kind = "basics"'),
        ('headers = { X-A = "a" }', "headers = {}"),
        ('totp = { keyring = "shop/totp" }', 'totp = "literal"'),
        ("verify = false", 'verify = "no"'),
    ],
)
def test_the_schema_refuses_invalid_profiles(reader: Draft7Validator, right: str, wrong: str) -> None:
    assert right in PROFILE
    text = PROFILE.replace(right, wrong)
    assert check(text)[0] is None
    assert list(reader.iter_errors(tomllib.loads(text)))


def _nodes(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        for inner in node.values():
            yield from _nodes(inner)


@pytest.mark.parametrize("family", [Plugin, Authentication])
def test_every_field_of_every_kind_is_explained(family: type[Plugin] | type[Authentication]) -> None:
    for kind in family.all_kinds().values():
        for name, field in kind.model_fields.items():
            if name != "kind":
                assert field.title, f"{kind.__name__}.{name} has no title"
                assert field.description, f"{kind.__name__}.{name} has no description"


def test_formats_say_how_a_field_is_edited() -> None:
    definitions = schema()["definitions"]
    found = {node["format"] for node in _nodes(definitions) if isinstance(node.get("format"), str)}
    assert {"secret", "template", "span", "path", "uri"} <= found
