"""Kinds of another package, found by entry point: in the profile, the schema and a request, with no change here."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from serving import Received, reply, serving

MODULE = '''
"""Kinds of the Acme company."""

import hashlib
from typing import Literal

from pydantic import Field

from tui_connector.client.layer import Authentication, Layer, LayerContext, Plugin, Send
from tui_connector.client.message import Response, Request
from tui_connector.client.uri import origin_of
from tui_connector.secrets.source import SecretSource, secret_field


class BodyDigest(Plugin):
    """Add a digest of the body."""

    kind: Literal["acme-digest"] = "acme-digest"
    header_name: str = Field("X-Digest", title="Header", description="Which header has it.", examples=["X-Sum"])
    rounds: int = Field(1, ge=1, title="Rounds", description="How often.")

    def prepare(self, request: Request) -> Request:
        return request.with_header(self.header_name, hashlib.sha256(request.body).hexdigest()[:8])


class Ticket(Authentication):
    """Acme ticket."""

    kind: Literal["acme-ticket"] = "acme-ticket"
    ticket: SecretSource = secret_field("Ticket", "From the Acme portal.")

    def start(self, context: LayerContext) -> Layer:
        async def layer(request: Request, forward: Send) -> Response:
            return await forward(
                request.with_header("X-Ticket", await context.secret(self.ticket, origin_of(request.uri)))
            )

        return layer
'''
CLASH = '''
from typing import Literal

from tui_connector.client.plugins.retry import Retry
from tui_connector.client.layer import Plugin


class Again(Plugin):
    """Retry, once more."""

    kind: Literal["retry"] = "retry"
'''


def _install(folder: Path, name: str, source: str) -> None:
    """What an installer leaves: a module, and the metadata that names its entry point."""
    module = name.replace("-", "_")
    (folder / f"{module}.py").write_text(source)
    information = folder / f"{module}-1.0.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(f"[tui_connector.kinds]\n{name} = {module}\n")


class Elsewhere:
    """The program in a new process that finds other packages."""

    def __init__(self, environ: dict[str, str], packages: Path) -> None:
        self._environ = {**environ, "PYTHONPATH": os.pathsep.join([str(packages), environ["PYTHONPATH"]])}
        self.packages = packages

    async def run(self, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "tui_connector", *words]
        return await asyncio.to_thread(
            subprocess.run, command, env=self._environ | environ, capture_output=True, text=True, timeout=60,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip


@pytest.fixture
def elsewhere(clean_environment: dict[str, str], tmp_path: Path) -> Elsewhere:
    packages = tmp_path / "site-packages"
    packages.mkdir()
    return Elsewhere(clean_environment, packages)


def _profile(folder: Path, uri: str, *lines: str) -> Path:
    file = folder / "shop.toml"
    file.write_text(
        'format = 1\nname = "Shop"\n[authentications.a]\nkind = "acme-ticket"\nticket = { env = "TICKET" }\n'
        f'[clients.shop]\nauthentications = ["a"]\n[[clients.shop.plugins]]\nkind = "base-uri"\nuri = "{uri}"\n'
        '[[clients.shop.plugins]]\nkind = "acme-digest"\n' + "".join(f"{line}\n" for line in lines)
    )
    return file


async def test_kinds_of_another_package_work_in_a_request(elsewhere: Elsewhere, tmp_path: Path) -> None:
    _install(elsewhere.packages, "acme-kinds", MODULE)

    async def response(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(reply("200 OK", b"{}"))

    async with serving(response) as shop:
        file = _profile(tmp_path, shop.url, 'header-name = "X-Sum"')
        ended = await elsewhere.run(
            "request", "--trust", str(file), "POST", "x", "--data", "{}", TICKET="a-CANARY-ticket"
        )
    assert ended.returncode == 0, ended.stderr
    assert shop.received[0].header("X-Sum") == "44136fa3"
    assert shop.received[0].header("X-Ticket") == "a-CANARY-ticket"
    assert "CANARY" not in ended.stdout + ended.stderr


async def test_kinds_of_another_package_are_in_the_schema(elsewhere: Elsewhere) -> None:
    _install(elsewhere.packages, "acme-kinds", MODULE)
    schema = json.loads((await elsewhere.run("schema")).stdout)
    digest, ticket = schema["definitions"]["BodyDigest"], schema["definitions"]["Ticket"]
    assert digest["title"] == "Add a digest of the body"
    assert digest["properties"]["header-name"]["examples"] == ["X-Sum"]
    assert ticket["properties"]["ticket"]["allOf"] == [{"$ref": "#/definitions/SecretSource"}]
    assert schema["definitions"]["SecretSource"]["format"] == "secret"
    plugins = schema["definitions"]["HttpClient"]["properties"]["plugins"]["items"]["oneOf"]
    assert {"$ref": "#/definitions/BodyDigest"} in plugins


async def test_what_is_wrong_in_them_is_said_at_its_place(elsewhere: Elsewhere, tmp_path: Path) -> None:
    _install(elsewhere.packages, "acme-kinds", MODULE)
    file = _profile(tmp_path, "http://127.0.0.1:9", "rounds = 0", 'header-nam = "X-Sum"')
    ended = await elsewhere.run("request", "--trust", str(file), "GET", "x")
    assert ended.returncode == 2
    assert f"{file}:13:1: clients.shop.plugins.1.rounds: must be at least 1" in ended.stderr
    assert (
        f"{file}:14:1: clients.shop.plugins.1.header-nam: there is no such key; did you mean 'header-name'?"
        in ended.stderr
    )


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import a_module_that_is_not_there", "a_module_that_is_not_there"),
        ("raise SystemError('broken on purpose')", "broken on purpose"),
        (CLASH, "two kinds are named 'retry'"),
    ],
    ids=["missing", "raising", "clashing"],
)
async def test_a_package_that_cannot_be_loaded_harms_nobody_else(
    elsewhere: Elsewhere, tmp_path: Path, source: str, reason: str
) -> None:
    _install(elsewhere.packages, "acme-broken", source)
    used = await elsewhere.run("request", "--trust", str(_profile(tmp_path, "http://127.0.0.1:9")), "GET", "x")
    assert used.returncode == 2
    assert "clients.shop.plugins.1.kind: there is no kind 'acme-digest'" in used.stderr
    assert "the package acme-broken could not be loaded" in used.stderr
    assert reason in used.stderr
    assert "Traceback" not in used.stderr
    _install(elsewhere.packages, "acme-kinds", MODULE)
    assert "BodyDigest" in json.loads((await elsewhere.run("schema")).stdout)["definitions"]
