"""What goes wrong before there is a response: each case on a real socket, and the message for its user."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from certificates import authority, server_context
from http_server import Received, reply, serving
from profiles import profile

from tui_connector.client.message import Request, RequestFailed
from tui_connector.guide.workbench import Workbench
from tui_connector.machine import Machine
from tui_connector.magento.diagnosis import Finding, diagnose_failure

DAY = timedelta(days=1)


async def fine(request: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(reply("200 OK", b"{}"))


async def silent(request: Received, writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()  # nobody sets it


async def half(request: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
    await writer.drain()
    await asyncio.Event().wait()  # nobody sets it


async def cut(request: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
    writer.close()


async def no_http(request: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(b"SSH-2.0-OpenSSH_9.2\r\n")
    writer.close()


async def refusing_proxy(request: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(reply("403 Forbidden"))


RAW = {"TLS to plain": b"HTTP/1.1 400 Bad Request\r\n\r\n", "plain to TLS": b"\x15\x03\x01\x00\x02\x02\x46"}
"""What a server says to the first bytes it gets, if they are not those it expects; the second is an alert of TLS."""


@asynccontextmanager
async def raw(response: bytes) -> AsyncIterator[int]:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1_000)
        writer.write(response)
        writer.close()

    listening = await asyncio.start_server(handle, "127.0.0.1", 0)
    yield listening.sockets[0].getsockname()[1]
    listening.close()


@asynccontextmanager
async def at(case: str, directory: Path) -> AsyncIterator[str]:
    """The address at which this case happens."""
    signer = authority(directory)
    contexts = {
        "untrusted": lambda: server_context(directory, signer),
        "self-signed": lambda: server_context(directory),
        "name": lambda: server_context(directory, signer, "other.example"),
        "expired": lambda: server_context(directory, signer, begins=-2 * DAY, ends=-DAY),
        "not yet valid": lambda: server_context(directory, signer, begins=DAY, ends=2 * DAY),
    }
    responses = {"silent": silent, "half": half, "cut": cut, "no HTTP": no_http}
    if case in ("refused", "full", "no TLS answer"):
        with socket.create_server(("127.0.0.1", 0), backlog=0) as listening:
            port = listening.getsockname()[1]
            waiting = []
            if case == "full":  # two connections fill its queue; Linux then drops what else arrives
                for _ in range(2):
                    waiting.append(socket.socket())
                    waiting[-1].setblocking(False)
                    waiting[-1].connect_ex(("127.0.0.1", port))
            if case == "refused":
                listening.close()
            yield f"{'https' if case == 'no TLS answer' else 'http'}://127.0.0.1:{port}"
            for each in waiting:
                each.close()
        return
    if case == "no name":
        yield "http://no-such-host.invalid"
        return
    if case in RAW:
        async with raw(RAW[case]) as port:
            yield f"{'https' if case == 'TLS to plain' else 'http'}://127.0.0.1:{port}"
        return
    async with serving(responses.get(case, fine), contexts[case]() if case in contexts else None) as server:
        yield server.url


@dataclass
class Explained:
    finding: Finding
    address: str


async def told(machine: Machine, case: str, directory: Path) -> Explained:
    """What a request is told that goes to where this case happens."""
    bench = Workbench(machine)
    trusted = directory / "authority.pem"
    async with at(case, directory) as address:
        short = CASES[case][0]  # the others have the time that a loaded machine needs
        saved = profile(f"{address}/rest/V1", None, timeout="300ms" if short == "timeout" else "60s")
        changes: dict[str, object] = {
            "connect_timeout": "300ms" if short in ("timeout-connect", "timeout-tls") else "60s"
        }
        if case in ("name", "expired", "not yet valid"):
            changes["tls"] = saved.clients["shop"].tls.model_copy(update={"ca_file": str(trusted)})
        saved.clients["shop"] = saved.clients["shop"].model_copy(update=changes)
        async with bench.session(saved) as session:
            with pytest.raises(RequestFailed) as failed:
                await session.client("shop")(Request("GET", "modules"))
        bench.close()
    return Explained(diagnose_failure(failed.value, f"GET {address}/rest/V1/modules"), address)


CASES = {
    "no name": ("dns", "spelling"),
    "refused": ("refused", "port"),
    "full": ("timeout-connect", "firewall"),
    "no TLS answer": ("timeout-tls", "TLS"),
    "silent": ("timeout", "timeout"),
    "half": ("timeout", "timeout"),
    "cut": ("cut-off", "again"),
    "no HTTP": ("protocol", "https"),
    "untrusted": ("tls-untrusted", "tls.ca-file"),
    "self-signed": ("tls-self-signed", "First compare its SHA-256 fingerprint with that of the store's administrator"),
    "name": ("tls-name", "the host name that the certificate was issued for"),
    "expired": ("tls-expired", "renewed"),
    "not yet valid": ("tls-not-yet-valid", "clock"),
    "TLS to plain": ("tls-to-plain", "http://"),
    "plain to TLS": ("plain-to-tls", "https://"),
}


@pytest.mark.parametrize("case", CASES)
async def test_what_went_wrong_on_the_way_is_named(machine: Machine, case: str, tmp_path: Path) -> None:
    failure, remedy = CASES[case]
    found = (await told(machine, case, tmp_path)).finding
    assert found.id == f"unreachable-{failure}"
    assert remedy in found.remedy
    assert found.evidence[0].startswith("#1 GET ")


async def test_the_wrong_scheme_is_mended_by_one_key(machine: Machine, tmp_path: Path) -> None:
    for case in ("TLS to plain", "plain to TLS"):
        found = await told(machine, case, tmp_path)
        assert found.finding.fix is not None
        scheme, _, place = found.address.partition("://")
        assert found.finding.fix.value == f"{'http' if scheme == 'https' else 'https'}://{place}"


async def test_a_proxy_that_refuses_and_one_that_is_not_there_are_named(machine: Machine) -> None:
    async def through(proxy: str) -> Finding:
        bench = Workbench(replace(machine, environ={"HTTPS_PROXY": proxy}))
        async with bench.session(profile("https://shop.example/rest/V1", None, timeout="5s")) as session:
            with pytest.raises(RequestFailed) as failed:
                await session.client("shop")(Request("GET", "modules"))
        bench.close()
        return diagnose_failure(failed.value, "GET https://shop.example/rest/V1/modules")

    async with serving(refusing_proxy) as proxy:
        refused = await through(proxy.url)
    assert refused.id == "unreachable-proxy"
    assert "proxy" in refused.summary.lower()
    gone = await through(proxy.url)
    assert gone.id == "unreachable-proxy-connection"
    assert "proxy" in gone.summary
