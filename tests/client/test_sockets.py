"""The sockets below: hosts with several addresses, bodies larger than what is held, and unrequested responses."""

from __future__ import annotations

import asyncio
import socket
from urllib.parse import urlsplit

import httpcore
import pytest
from certificates import authority, server_context
from http_proxy import proxying
from http_server import Received, reply, serving
from profiles import profile

from tui_connector.client.connection import Sockets
from tui_connector.client.message import Failure, NoResponse, Request
from tui_connector.guide.workbench import Workbench


async def _fine(_: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(reply("200 OK", b"{}"))


async def _turns(count: int) -> None:
    """Lets the loop look at its sockets so often; on loopback, what was written is there at once."""
    for _ in range(count):
        await asyncio.sleep(0)


@pytest.fixture
def two_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    """shop.example is 127.0.0.2, where nothing listens, and 127.0.0.1."""

    def found(host: str, port: int, *_: object, **__: object) -> list[object]:
        addresses = ("127.0.0.2", "127.0.0.1") if host == "shop.example" else (host,)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", found)


@pytest.mark.usefixtures("two_addresses")
async def test_the_address_that_responds_is_used(workbench: Workbench) -> None:
    async with serving(_fine) as shop, workbench.anonymous() as session:
        port = urlsplit(shop.url).port
        response = await session.client("default")(Request("GET", f"http://shop.example:{port}/x"))
    assert response.status == 200


@pytest.mark.usefixtures("two_addresses")
async def test_a_host_that_refuses_at_all_its_addresses_refuses(workbench: Workbench) -> None:
    async with serving(_fine) as shop:
        port = urlsplit(shop.url).port
    async with workbench.anonymous() as session:
        with pytest.raises(NoResponse, match=r"shop\.example:.* refused the connection") as caught:
            await session.client("default")(Request("GET", f"http://shop.example:{port}/x"))
    assert caught.value.failure is Failure.REFUSED


@pytest.mark.parametrize("host", ["a" * 64, "a..example"])
async def test_a_host_that_no_name_can_have_is_not_reached(host: str) -> None:
    with pytest.raises(httpcore.ConnectError):
        await Sockets().connect_tcp(host, 80)


async def test_large_bodies_go_through_whole_both_ways(workbench: Workbench) -> None:
    body = bytes(range(256)) * 40_000

    async def echo(request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(reply("200 OK", request.body))

    async with serving(echo) as shop, workbench.anonymous() as session:
        response = await session.client("default")(Request("PUT", f"{shop.url}/x", body=body))
    assert response.body == body


async def test_the_head_and_a_small_body_of_a_request_leave_in_one_packet(workbench: Workbench) -> None:
    packets: list[bytes] = []

    class Listening(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.Transport)
            self._transport = transport

        def data_received(self, data: bytes) -> None:
            packets.append(data)
            if data.endswith(b"entity"):
                self._transport.write(reply("200 OK", b"{}"))

    server = await asyncio.get_running_loop().create_server(Listening, "127.0.0.1", 0)
    uri = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/x"
    async with workbench.anonymous() as session:
        for _ in range(3):
            await session.client("default")(Request("POST", uri, body=b"entity"))
    server.close()
    assert [each.startswith(b"POST /x") and each.endswith(b"entity") for each in packets] == [True] * 3


async def test_unread_data_pauses_the_sender() -> None:
    flood, writers = bytes(50_000_000), []

    async def send(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        writer.write(flood)
        writer.close()

    server = await asyncio.start_server(send, "127.0.0.1", 0)
    stream = await Sockets().connect_tcp(*server.sockets[0].getsockname())
    await _turns(1_000)
    assert writers[0].transport.get_write_buffer_size() > 10_000_000
    size = 0
    while data := await stream.read(65_536):
        size += len(data)
    assert size == len(flood)
    await stream.aclose()
    server.close()


async def test_unsolicited_data_is_not_used_as_the_next_response(workbench: Workbench) -> None:
    begun: list[asyncio.StreamWriter] = []

    async def response(_: Received, writer: asyncio.StreamWriter) -> None:
        begun.append(writer)
        writer.write(reply("200 OK", b"%d" % len(begun)))

    async with serving(response) as shop, workbench.anonymous() as session:
        send = session.client("default")
        assert (await send(Request("GET", f"{shop.url}/x"))).body == b"1"
        begun[0].write(reply("408 Request Timeout"))
        await _turns(10)
        answered = await send(Request("GET", f"{shop.url}/x"))
    assert (answered.status, answered.body) == (200, b"2")
    assert begun[0] is not begun[1]


async def test_tls_goes_through_a_proxy_that_speaks_tls_itself(workbench: Workbench) -> None:
    workbench.directory.mkdir(parents=True)
    signer = authority(workbench.directory)
    tls = server_context(workbench.directory, signer)
    async with serving(_fine, tls) as shop, proxying(tls=tls) as proxy:
        saved = profile(shop.url, None, tls={"ca-file": signer.file.name}, proxy={"uri": proxy.url})
        async with workbench.session(saved) as session:
            assert (await session.client("shop")(Request("GET", "modules"))).status == 200
    assert proxy.lines[0].startswith("CONNECT ")
