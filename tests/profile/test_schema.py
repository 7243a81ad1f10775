"""The JSON Schema, read by an independent reader: it accepts what the program accepts, and has every field."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from tui_connector.client.layer import Authentication, Plugin
from tui_connector.profile.document import SCHEMA_LINE
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


@pytest.fixture(scope="session")
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


ENVIRONMENTS = """
[environments.staging]
name = "Shop, staging"
production = false
clients.shop.plugins.base-uri.uri = "https://staging.example/rest/V1"
clients.shop.plugins.1.headers.X-A = "b"
clients.shop.tls.verify = false
authentications.gate.password = { keyring = "shop/gate@staging" }
authentications.key.value = { command = ["pass", "show", "staging"] }
clients.shop.tls.client-key-password = { env = "STAGING_K" }

[environments.other]
clients.shop.plugins = [{ kind = "base-uri", uri = "https://other.example/rest/V1" }]
authentications.gate = { kind = "bearer", token = { ask = true } }
authentications.key.value = { env = "OTHER_KEY" }
clients.shop.tls.client-key-password = { ask = true }
"""


def test_the_schema_knows_the_overrides_of_environments(reader: Draft7Validator) -> None:
    text = PROFILE + ENVIRONMENTS
    assert check(text)[1] == []
    assert list(reader.iter_errors(tomllib.loads(text))) == []
    for right, wrong in (
        ("production = false", 'production = "no"'),
        ('base-uri.uri = "', 'base-uri.url = "'),
        ("tls.verify = false", "tls.verify = 1"),
        ("[environments.other]", "[environments.other]\nformat = 1"),
        ("clients.shop.tls", "client.shop.tls"),
    ):
        assert right in text
        assert list(reader.iter_errors(tomllib.loads(text.replace(right, wrong)))), wrong


def test_taplo_checks_a_profile_by_its_schema_line(tmp_path: Path) -> None:
    """The language server of Even Better TOML: it reads the first line of the profile."""
    taplo = shutil.which("taplo", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if taplo is None:
        pytest.skip("taplo is not installed, or has no wheel for this machine (pip install taplo)")
    (tmp_path / "tui-connector.schema.json").write_text(json.dumps(schema()))
    results = []
    for name, text in (("good", PROFILE + ENVIRONMENTS), ("bad", PROFILE.replace("attempts = 5", 'attempts = "5"'))):
        (tmp_path / f"{name}.toml").write_text(SCHEMA_LINE + text)
        command = [taplo, "lint", f"{name}.toml"]
        environment = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
        results.append(
            subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
        )
    assert [each.returncode for each in results] == [0, 1], results
    assert '{"kind":"retry","attempts":"5"} is not valid' in results[1].stderr


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
