"""TLS with real certificates: own authorities, client certificates, and the errors when they do not fit."""

from __future__ import annotations

import asyncio
import os
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from certificates import Authority, authority, client_pair, server_context
from http_server import Received, reply, serving
from profiles import profile

from tui_connector.client.connection import tls_context
from tui_connector.client.message import Failure, InvalidRequest, NoResponse, Request, Response
from tui_connector.client.model import Tls
from tui_connector.client.printer import simple, text
from tui_connector.guide.workbench import Workbench

MODULES = Request("GET", "modules")
KEY_PASSWORD = "shop/tls/key-password"


@pytest.fixture
def signer(workbench: Workbench) -> Authority:
    """An authority of the company's own; its file is in the profile's directory."""
    workbench.directory.mkdir(parents=True)
    return authority(workbench.directory)


def _server(signer: Authority, *, asking: bool = False) -> ssl.SSLContext:
    return server_context(signer.file.parent, signer, clients=signer if asking else None)


async def _ok(_: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(reply("200 OK", b"{}"))


async def _ask(bench: Workbench, server: ssl.SSLContext, **client: Any) -> Response:
    async with serving(_ok, server) as shop, bench.session(profile(f"{shop.url}/rest/V1", None, **client)) as session:
        return await session.client("shop")(MODULES)


async def test_a_custom_authority_is_trusted_in_addition_to_the_systems(
    workbench: Workbench, signer: Authority
) -> None:
    server = _server(signer)
    with pytest.raises(NoResponse, match="is not from an authority this computer trusts") as failed:
        await _ask(workbench, server)
    assert failed.value.failure is Failure.TLS_UNTRUSTED
    assert not failed.value.may_have_arrived
    assert "tls.ca-file" in failed.value.hint
    assert (await _ask(workbench, server, tls={"ca-file": signer.file.name})).status == 200
    usual = tls_context(Tls(), workbench.directory, "", None).cert_store_stats()["x509_ca"]
    more = tls_context(Tls(ca_file=str(signer.file)), workbench.directory, "", None).cert_store_stats()["x509_ca"]
    assert more == usual + 1


async def test_verification_is_off_only_for_the_client_that_says_so_and_the_log_shows_it(
    workbench: Workbench, signer: Authority
) -> None:
    server = server_context(workbench.directory, signer, "elsewhere.example")
    assert (await _ask(workbench, server, tls={"verify": False})).status == 200
    assert workbench.exchanges[0].note == "certificate not verified"
    assert "certificate not verified" in simple(workbench.exchanges[0])
    assert "certificate not verified" in text(workbench.exchanges[0], "long")
    with pytest.raises(NoResponse, match="certificate"):
        await _ask(workbench, server)
    async with serving(_ok) as shop, workbench.session(profile(shop.url, None, tls={"verify": False})) as session:
        await session.client("shop")(MODULES)
    assert workbench.exchanges[2].note == ""  # http has no certificate


async def test_a_client_certificate_is_shown_where_the_server_asks(workbench: Workbench, signer: Authority) -> None:
    server = _server(signer, asking=True)
    ours = client_pair(workbench.directory, signer, "ours")
    trusted = {"ca-file": signer.file.name}
    # the refusal comes after the client is done with TLS 1.3: as an alert, or as a reset that overtakes it
    with pytest.raises(NoResponse, match="client certificate") as failed:
        await _ask(workbench, server, tls=trusted)
    assert failed.value.failure in (Failure.TLS_CLIENT_CERTIFICATE, Failure.PROTOCOL)
    assert "tls.client-certificate" in failed.value.hint
    split = {**trusted, "client-certificate": ours.certificate.name, "client-key": ours.key.name}
    assert (await _ask(workbench, server, tls=split)).status == 200
    both = workbench.directory / "both.pem"
    both.write_bytes(ours.certificate.read_bytes() + ours.key.read_bytes())
    assert (await _ask(workbench, server, tls={**trusted, "client-certificate": "both.pem"})).status == 200
    elsewhere = workbench.directory / "elsewhere"
    elsewhere.mkdir()
    stranger = client_pair(workbench.directory, authority(elsewhere), "theirs")
    wrong = {**trusted, "client-certificate": stranger.certificate.name, "client-key": stranger.key.name}
    with pytest.raises(NoResponse, match="client certificate"):
        await _ask(workbench, server, tls=wrong)


async def test_an_encrypted_key_is_opened_by_its_password(workbench: Workbench, signer: Authority) -> None:
    ours = client_pair(workbench.directory, signer, "ours", "a-CANARY-password")
    server = _server(signer, asking=True)
    tls: dict[str, Any] = {"ca-file": signer.file.name, "client-certificate": ours.certificate.name}
    tls |= {"client-key": ours.key.name}
    with pytest.raises(InvalidRequest, match=r"client-key-password: the key in .*ours\.key needs a password"):
        await _ask(workbench, server, tls=tls)
    tls |= {"client-key-password": {"keyring": KEY_PASSWORD}}
    for password, status in (("wrong-CANARY", None), ("a-CANARY-password", 200)):
        async with serving(_ok, server) as shop:
            workbench.vault.hold(KEY_PASSWORD, password, shop.url)
            async with workbench.session(profile(shop.url, None, tls=tls)) as session:
                if status is None:
                    with pytest.raises(InvalidRequest, match="cannot be decrypted with its password") as refused:
                        await session.client("shop")(MODULES)
                    assert "CANARY" not in str(refused.value)
                else:
                    assert (await session.client("shop")(MODULES)).status == status


def _lay_down(directory: Path, signer: Authority) -> None:
    (directory / "empty.pem").write_bytes(b"")
    (directory / "text.pem").write_bytes(b"not a certificate\n")
    (directory / "broken.pem").write_bytes(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    os.mkfifo(directory / "pipe.pem")
    (directory / "loop.pem").symlink_to(directory / "loop.pem")
    (directory / "folder.pem").mkdir()
    client_pair(directory, signer, "ours")
    client_pair(directory, signer, "others")


BAD_FILES: dict[str, tuple[dict[str, str], str]] = {
    "missing": ({"ca-file": "nowhere.pem"}, r"tls\.ca-file: file not found: .*nowhere\.pem"),
    "absolute": ({"ca-file": "/nowhere/ca.pem"}, r"tls\.ca-file: file not found: /nowhere/ca\.pem"),
    "empty": ({"ca-file": "empty.pem"}, r"tls\.ca-file: .*empty\.pem contains no readable certificate"),
    "text": ({"ca-file": "text.pem"}, r"tls\.ca-file: .*text\.pem contains no readable certificate"),
    "broken": ({"ca-file": "broken.pem"}, r"tls\.ca-file: .*broken\.pem contains no readable certificate"),
    "pipe": ({"ca-file": "pipe.pem"}, r"tls\.ca-file: .*pipe\.pem is not a regular file"),
    "device": ({"ca-file": "/dev/zero"}, r"tls\.ca-file: /dev/zero is not a regular file"),
    "folder": ({"client-certificate": "folder.pem"}, r"tls\.client-certificate: .*folder\.pem is not a regular file"),
    "loop": ({"ca-file": "loop.pem"}, r"tls\.ca-file: .*loop\.pem"),
    "long": ({"ca-file": "x" * 5_000}, r"tls\.ca-file: .* cannot be read: File name too long"),
    "no key in it": ({"client-certificate": "ours.pem"}, r"tls\.client-certificate: .*ours\.pem do not contain"),
    "no key": ({"client-certificate": "ours.pem", "client-key": "x"}, r"tls\.client-key: file not found: .*x"),
    "another's key": (
        {"client-certificate": "ours.pem", "client-key": "others.key"},
        r"tls\.client-key: the key in .*others\.key is not that of the certificate in .*ours\.pem",
    ),
    "no certificate": ({"client-certificate": "text.pem"}, r"tls\.client-certificate: .*text\.pem do not contain"),
}


@pytest.mark.parametrize("name", BAD_FILES)
async def test_a_bad_file_is_named_with_its_field_before_anything_is_sent(
    workbench: Workbench, signer: Authority, name: str
) -> None:
    _lay_down(workbench.directory, signer)
    tls, message = BAD_FILES[name]
    connections: list[int] = []

    async def count(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        writer.close()

    listening = await asyncio.start_server(count, "127.0.0.1", 0)
    url = f"https://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    async with workbench.session(profile(url, None, tls=tls)) as session:
        for _ in range(2):
            with pytest.raises(InvalidRequest, match=f"clients.shop.{message}") as refused:
                await session.client("shop")(MODULES)
    listening.close()
    assert refused.value.hint or name in ("pipe", "device", "folder", "loop", "long")
    assert connections == []
    assert [exchange.failure for exchange in workbench.exchanges] == [Failure.NOT_SENT] * 2


async def test_paths_begin_at_the_profiles_file(
    signer: Authority, workbench: Workbench, tmp_path: Path, clean_environment: dict[str, str]
) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "ca.pem").write_bytes(signer.file.read_bytes())
    async with serving(_ok, _server(signer)) as shop:
        (folder / "shop.toml").write_text(
            'format = 1\nname = "Shop"\n[clients.shop]\ntls = { ca-file = "ca.pem" }\n'
            f'plugins = [{{ kind = "base-uri", uri = "{shop.url}" }}]\n'
        )
        command = [
            sys.executable,
            "-m",
            "tui_connector",
            "request",
            "--trust",
            str(folder / "shop.toml"),
            "GET",
            "modules",
        ]
        ended = await asyncio.to_thread(
            subprocess.run, command, env=clean_environment, cwd=tmp_path, capture_output=True, timeout=60
        )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == b"{}"


def test_the_home_of_an_unknown_user_is_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"file not found: .*~nobody-has-this-name"):
        tls_context(Tls.model_validate({"ca-file": "~nobody-has-this-name/ca.pem"}), tmp_path, "clients.shop.tls", None)
