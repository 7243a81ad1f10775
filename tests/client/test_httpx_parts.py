"""What is used of httpx's private parts, and of httpcore: an update that removes one fails here, by its name."""

from __future__ import annotations

import ast
import asyncio
import inspect
import ssl
import subprocess
import sys
from pathlib import Path
from types import CodeType

import httpcore
import httpx
import pytest
from http_server import Received, reply, serving

from tui_connector import client
from tui_connector.client import _httpx
from tui_connector.client.connection import Sockets


def test_a_transport_of_httpx_keeps_its_pool_in_pool_and_nothing_else() -> None:
    assert set(vars(httpx.AsyncHTTPTransport(verify=False))) == {"_pool"}


@pytest.mark.parametrize("pool", [httpcore.AsyncConnectionPool, httpcore.AsyncHTTPProxy])
@pytest.mark.parametrize(
    "option",
    ["ssl_context", "max_connections", "max_keepalive_connections", "keepalive_expiry", "network_backend"],
)
def test_the_pools_of_httpcore_accept_this_option(pool: type[object], option: str) -> None:
    assert option in inspect.signature(pool).parameters


def test_the_pools_of_httpcore_assign_requests_by_these_private_parts() -> None:
    """`_QuickAssignment` replaces one method and uses what that one uses: it must follow where httpcore changes it."""

    def names(code: CodeType) -> set[str]:
        return set(code.co_names).union(*(names(each) for each in code.co_consts if isinstance(each, CodeType)))

    replaced = httpcore.AsyncConnectionPool._assign_requests_to_connections
    ours = _httpx._QuickAssignment._assign_requests_to_connections
    own = {"next", "Any", "list", "len"}
    assert names(ours.__code__) - own <= names(replaced.__code__)
    assert names(replaced.__code__) - names(ours.__code__) <= {"_max_keepalive_connections", "list", "len"}
    for name in ("_assign_requests_to_connections", "_close_connections"):
        assert name not in vars(httpcore.AsyncHTTPProxy)
        assert set(inspect.signature(getattr(_httpx._QuickAssignment, name)).parameters) == set(
            inspect.signature(getattr(httpcore.AsyncConnectionPool, name)).parameters
        )


async def test_a_connection_to_another_origin_takes_the_place_of_an_idle_one() -> None:
    """Where as many connections are open as there may be."""
    async with serving(_ok) as one, serving(_ok) as other:
        transport = _httpx.Transport(ssl.create_default_context(), 1, None)
        try:
            for server in (one, other, one):
                request = transport.request("GET", f"{server.url}/", (), None, {})
                response = await transport.handle_async_request(request)
                assert await response.aread() == b"{}"
                await response.aclose()
        finally:
            await transport.aclose()
    assert (len(one.received), len(other.received)) == (2, 1)


async def _ok(request: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(reply("200 OK", b"{}"))


@pytest.mark.parametrize("option", ["proxy_url", "proxy_auth", "proxy_ssl_context"])
def test_the_proxy_of_httpcore_accepts_this_option(option: str) -> None:
    assert option in inspect.signature(httpcore.AsyncHTTPProxy).parameters


@pytest.mark.parametrize("base", [httpcore.AsyncNetworkBackend, httpcore.AsyncNetworkStream])
def test_the_sockets_implement_what_httpcore_calls_over_tcp(base: type[object]) -> None:
    unused = {"connect_unix_socket", "sleep"}
    wanted = {name for name in vars(base) if not name.startswith("_")} - unused
    [own] = [kind for kind in base.__subclasses__() if kind.__module__ == Sockets.__module__]
    assert wanted <= set(vars(own))


def test_httpx_can_be_imported_without_its_command_line() -> None:
    assert (Path(httpx.__file__).parent / "_main.py").is_file(), "httpx._main: its command line is elsewhere"
    code = "import sys; sys.modules['httpx._main'] = None; import httpx; print('rich' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout == "False\n"


def test_no_other_module_of_the_client_imports_httpx() -> None:
    for path in Path(client.__path__[0]).rglob("*.py"):
        imported = {
            name
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Import | ast.ImportFrom)
            for name in ([alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""])
        }
        assert path.name == Path(_httpx.__file__).name or not {"httpx", "anyio"} & imported, path
