"""A request is written with what the store's schema says: its paths, search criteria and bodies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from exchanges import exchange
from textual.widgets import Input, TextArea
from watched_log import Store, Watched, filled, watching

from tui_connector.client.exchange import Exchanges
from tui_connector.client.message import InvalidRequest, Request, Response
from tui_connector.guide.requests.resend import NewRequests
from tui_connector.guide.rest_api import ApiPath, KnownPaths, why_unknown
from tui_connector.machine import Machine
from tui_connector.tui.log.request_form import RequestForm
from tui_connector.tui.log.sending import LogContext
from tui_connector.tui.widgets.questions import DiscardScreen


class _SlowPaths(NewRequests):
    """Reads the paths of a store that takes its time."""

    def __init__(self) -> None:
        self.response = asyncio.Event()
        self.outcome = ""

    def base_uri(self, client: str = "") -> str:
        return "https://acme.example/rest/V1"

    async def enter_missing(self, client: str = "") -> None:
        """No secret is missing."""

    async def kept_paths(self, client: str = "") -> KnownPaths:
        return KnownPaths()

    async def paths(self, client: str = "") -> KnownPaths:
        try:
            await self.response.wait()
        except asyncio.CancelledError:
            self.outcome = "cancelled"
            raise
        self.outcome = "found"
        return KnownPaths({"products": ApiPath(("GET",))})

    async def why_unknown(self, method: str, uri: str, client: str = "") -> str:
        return why_unknown((await self.paths()).paths, uri.rpartition("/V1/")[2], method)


@asynccontextmanager
async def writing(
    machine: Machine, new: NewRequests, store: Store, log: Exchanges | None = None
) -> AsyncIterator[Watched]:
    """The form of a new request, over a log with one request."""
    context = LogContext(machine, send=store.send, new=new)
    async with watching(machine, log or filled(exchange(1)), size=(80, 24), context=context) as watched:
        await watched.pilot.press("plus")
        await watched.until(lambda: isinstance(watched.app.screen, RequestForm))
        yield watched


async def test_the_paths_of_the_store_are_read_to_the_end_also_where_the_form_is_closed(machine: Machine) -> None:
    new = _SlowPaths()
    async with writing(machine, new, Store()) as watched:
        await watched.shows("categories/list  GET")
        path = watched.app.screen.query_one("#resend-uri", Input)
        await watched.type("post products")
        await watched.shows("products/attributes  GET POST")
        await watched.pilot.press("tab")  # what is a path is not replaced by a longer one with this method
        await watched.until(lambda: not path.has_focus)
        assert path.value == "products"
        await watched.pilot.press("escape", "escape", "escape")  # the list, the field, the form
        await watched.until(lambda: isinstance(watched.app.screen, DiscardScreen))
        await watched.pilot.press("ctrl+d")
        await watched.until(lambda: not isinstance(watched.app.screen, RequestForm | DiscardScreen))
        new.response.set()
        await watched.until(lambda: new.outcome == "found")


async def test_a_path_is_checked_when_the_paths_of_the_store_arrive(machine: Machine) -> None:
    new, store = _SlowPaths(), Store()
    message = b'{"message":"Request does not match any route."}'
    log = filled(exchange(1, status=404, uri="https://acme.example/rest/V1/prodcts", body=message))
    async with writing(machine, new, store, log) as watched:
        await watched.shows("categories/list  GET")
        await watched.type("prodcts")
        await watched.pilot.press("tab")
        new.response.set()
        await watched.shows("⚠ The store's schema has no path prodcts; did you mean products?")
        await watched.pilot.press("shift+tab")
        await watched.shows("Not in the store's schema: did you mean products?")
        await watched.until(lambda: not watched.says("⚠"))  # once is enough
        await watched.pilot.press("shift+tab")
        method = watched.app.screen.query_one("#resend-method", Input)
        await watched.type("po")  # replaces GET
        await watched.pilot.press("tab")
        await watched.until(lambda: method.value == "POST" and method.has_focus)
        await watched.type("g")
        await watched.until(lambda: method.value == "POSTg")
        method.value = "ge"
        await watched.pilot.press("enter")
        await watched.until(lambda: method.value == "GET" and not method.has_focus)
        await watched.pilot.press("tab")
        await watched.shows("⚠ The store's schema has no path prodcts; did you mean products?")
        await watched.pilot.press("f5")
        await watched.shows("✘ Not sent: the store's schema has no path prodcts; did you mean products?")
        path = watched.app.screen.query_one("#resend-uri", Input)
        assert path.has_focus
        path.value = "products"
        await watched.until(lambda: not watched.says("no path prodcts"))
        await watched.pilot.press("tab")
        await watched.until(lambda: not path.has_focus and not watched.says("⚠"))
        await watched.pilot.press("escape", "escape", "escape")  # the list, the field, the form
        await watched.shows("Discard the edited request?")
        await watched.pilot.press("ctrl+d")
        await watched.until(lambda: not isinstance(watched.app.screen, RequestForm | DiscardScreen))
        await watched.pilot.press("i")
        await watched.shows("→ The store's schema has no path prodcts; did you mean products?")


class _SlowSecrets(_SlowPaths):
    """The secrets of a client are where it takes a while to read them."""

    async def enter_missing(self, client: str = "") -> None:
        await self.response.wait()


async def test_a_question_opens_at_once_and_not_over_what_is_done_while_secrets_are_read(machine: Machine) -> None:
    new, store = _SlowSecrets(), Store()
    context = LogContext(machine, send=store.send, new=new)
    async with watching(machine, filled(exchange(1, method="PUT")), context=context) as watched:
        await watched.pilot.press("x")
        await watched.shows("It may change the store.")
        await watched.pilot.press("y", "slash", "q")
        new.response.set()
        await watched.until(lambda: len(store.requests) == 1)
        await watched.pilot.press("y")
        assert watched.panel.query_one("#log-prompt Input", Input).value == "qy"


class _KnownPaths(_SlowPaths):
    """Sends new requests to a store whose paths are known."""

    def __init__(self, store: Store) -> None:
        super().__init__()
        self._store = store

    async def kept_paths(self, client: str = "") -> KnownPaths:
        body = '{"entity": {"increment_id": "", "items": []}}'
        orders = ApiPath(("GET", "POST"), (), True, ("status", "created_at"), {"POST": body})
        return KnownPaths({"orders": orders, "orders/{id}": ApiPath(("GET",))}, datetime(2026, 11, 1, tzinfo=UTC))

    async def send(self, request: Request) -> Response:
        return await self._store.send(exchange(1), request)


async def test_an_empty_body_is_filled_with_what_the_schema_of_the_store_requires(machine: Machine) -> None:
    store = Store()
    async with writing(machine, _KnownPaths(store), store) as watched:
        await watched.shows("as of 01 Nov 2026")
        await watched.pilot.press("up")
        await watched.type("post")
        assert not watched.says("^T")  # without a path
        await watched.pilot.press("ctrl+u")
        await watched.type("get")
        await watched.pilot.press("down")
        await watched.type("orders")
        assert not watched.says("^T")
        await watched.pilot.press("ctrl+t")
        await watched.shows("GET orders has no body in the store's schema.")
        rows = watched.screen()
        [heading] = [row for row, line in enumerate(rows) if line.strip("│ ") == "Body"]
        assert "has no body" in rows[heading + 1]
        await watched.type("/x/y")
        await watched.pilot.press("ctrl+t")
        await watched.shows("The store's schema has no GET orders/x/y: its fields are not known.")
        await watched.pilot.press("ctrl+u")
        await watched.type("orders")
        await watched.until(lambda: not watched.says("its fields are not known"))
        await watched.pilot.press("up")
        await watched.type("post")
        await watched.shows("Body · ^T: fields that the store requires")
        await watched.shows("^T Body")
        await watched.pilot.press("ctrl+t")
        await watched.shows('"increment_id": ""')
        await watched.until(lambda: not watched.says("^T"))
        body = watched.app.screen.query_one("#resend-body", TextArea)
        assert body.scroll_offset.y == 0
        await watched.pilot.resize_terminal(200, 50)
        await watched.until(lambda: body.size.height > 20)
        await watched.pilot.resize_terminal(80, 24)
        await watched.type("A-1")
        await watched.shows('"increment_id": "A-1"')
        body = watched.app.screen.query_one("#resend-body", TextArea)
        await watched.pilot.press("ctrl+t")
        assert "A-1" in body.text
        await watched.pilot.press("ctrl+z")
        await watched.pilot.press("ctrl+z")
        await watched.until(lambda: not body.text)
        await watched.type('{"a"')
        await watched.shows("Body · ✘ ")  # while typing
        await watched.pilot.press("ctrl+u", "space", "space", "[", "enter", "1")
        assert body.text == "  [\n  1"  # a new line begins where the one before it does


async def test_search_criteria_are_written_in_short_and_sent_in_full_also_at_80_columns(machine: Machine) -> None:
    store = Store()
    async with writing(machine, _KnownPaths(store), store) as watched:
        await watched.shows("as of 01 Nov 2026")  # the store was not asked yet
        await watched.type("orders")
        await watched.shows("orders/{id}  GET")
        await watched.pilot.press("down")
        await watched.shows("▸ orders  GET")
        await watched.pilot.press("escape")  # closes the list, and stays in the field
        await watched.until(lambda: not watched.says("orders/{id}"))
        await watched.type("/")
        await watched.shows("  orders/{id}  GET")
        await watched.pilot.press("backspace", "down")
        await watched.shows("▸ orders  GET")
        await watched.pilot.press("tab")  # takes it, and closes the list
        await watched.until(lambda: not watched.says("orders/{id}"))
        await watched.pilot.press("tab")
        await watched.shows("where                    a filter")
        await watched.pilot.press("escape")
        await watched.until(lambda: not watched.says("where                    a filter"))
        await watched.type("w")
        await watched.shows("where                    a filter")
        await watched.pilot.press("backspace", "down")  # an empty query does not keep ↓
        await watched.until(lambda: watched.app.focused is watched.app.screen.query_one("#resend-headers"))
        await watched.pilot.press("up", "w", "down")
        await watched.shows("▸ where ")
        await watched.pilot.press("enter", "s", "t", "tab")
        await watched.shows("where status !=")
        await watched.pilot.press("equals_sign")
        await watched.type(" new")
        await watched.shows("will be sent: searchCriteria[filter_groups][0][filters][0][field]=status &")
        await watched.pilot.press("enter")
        await watched.type("sort cre")
        await watched.pilot.press("tab", "down", "down")
        await watched.shows("▸ sort created_at desc")
        await watched.pilot.press("tab")
        await watched.until(lambda: not watched.says("sort created_at asc"))
        query = watched.app.screen.query_one("#resend-query", TextArea)
        assert query.has_focus
        await watched.pilot.press("tab")
        await watched.until(lambda: not query.has_focus)
        await watched.pilot.press("shift+tab")
        await watched.until(lambda: query.has_focus)
        await watched.shows("… F6: all 5")
        await watched.shows("where status = new")  # in sight together
        await watched.shows(" Send ")
        await watched.pilot.press("f6")
        await watched.shows("searchCriteria[sortOrders][0][direction]=DESC")
        await watched.pilot.press("f6")
        await watched.until(lambda: isinstance(watched.app.screen, RequestForm))
        await watched.pilot.press("enter")
        await watched.type("where x")
        await watched.shows("will be sent, without line 3 (incomplete):")
        await watched.pilot.press("f5")
        await watched.shows("✘ Line 3 of the query: x has no condition")
        await watched.shows("✘ Not sent: correct the query first.")
        await watched.type(" > 5 and name likee")
        await watched.shows("✘ Line 3 of the query: 'likee' is not a condition type of Magento")
        await watched.pilot.press("f5")
        await watched.shows("✘ Not sent: correct the query first.")
        assert "".join(watched.screen()).count("'likee' is not") == 1
        before = query.text
        await watched.pilot.press("ctrl+u")  # all three lines
        await watched.until(lambda: not query.text)
        await watched.pilot.press("ctrl+z")
        await watched.until(lambda: query.text == before)
        await watched.pilot.press("ctrl+u")
        await watched.until(lambda: not query.text)
        await watched.type("where name like 24%")
        await watched.shows("[value]=24%25")  # as when it is opened again
        await watched.pilot.press("ctrl+u")
        await watched.type("page 2")
        await watched.pilot.press("f5")
        await watched.until(lambda: len(store.requests) == 1)
        assert store.requests[0].uri == "orders?searchCriteria[currentPage]=2"
        assert store.requests[0].about.note == "new request"
        assert store.requests[0].about.purpose == "user"
        await watched.until(lambda: not isinstance(watched.app.screen, RequestForm))
        await watched.pilot.press("X")
        await watched.shows("3 per page")
        await watched.shows("will be sent: searchCriteria[pageSize]=3")
        await watched.pilot.press("f5")
        await watched.until(lambda: len(store.requests) == 2)
        assert store.requests[1].uri == "products?searchCriteria%5BpageSize%5D=3"  # as it was sent
        await watched.until(lambda: not isinstance(watched.app.screen, RequestForm))
        await watched.pilot.press("X", "home", "4")  # it opens in the query
        await watched.shows("will be sent: searchCriteria[pageSize]=43")
        await watched.pilot.press("end", "enter")
        await watched.type("wher status = 5")
        await watched.type("%00%")
        await watched.shows("⚠ Line 2 of the query: “wher status = 5%00%” is not a search criterion")
        await watched.until(lambda: "will be sent: searchCriteria[pageSize]=43 " in f"{watched.screen()}")
        await watched.pilot.press("f5", "f5")
        await watched.shows("✘ Line 2 of the query: ' 5%00%' is ambiguous")
        await watched.pilot.press(*["backspace"] * 4)
        await watched.shows("⚠ Line 2 of the query: “wher status = 5” is sent as a parameter")
        await watched.shows("will be sent: searchCriteria[pageSize]=43 & wher status = 5")
        await watched.pilot.press("f5")
        await watched.shows("✘ Not sent: is the query what you mean? F5 again: send it as it is.")
        method = watched.app.screen.query_one("#resend-method", Input)
        method.value = "POST"
        await watched.until(lambda: not watched.says("is the query what you mean"))
        await watched.pilot.press("f5")
        await watched.shows("✘ Not sent: the store's schema has no path products. F5 again: send it as")
        assert not watched.says("no such path")  # once is enough
        await watched.shows("⚠ Line 2 of the query: “wher status = 5” is sent as a parameter")
        method.value = "GET"
        await watched.until(lambda: not watched.says("Not sent:"))
        await watched.pilot.press("f5", "f5")
        await watched.until(lambda: len(store.requests) == 3)
        assert store.requests[2].uri.endswith("?searchCriteria[pageSize]=43&wher status = 5")
        await watched.until(lambda: not isinstance(watched.app.screen, RequestForm))
        store.refuses = InvalidRequest("127.0.0.1:9 refused the connection")
        await watched.pilot.press("plus")
        await watched.shows("as of 01 Nov 2026")
        await watched.type("orders")
        await watched.pilot.press("escape", "tab")
        await watched.type("where status = pending")
        await watched.pilot.press("f5")
        await watched.told("GET orders · status = pending not sent: 127.0.0.1:9 refused the connection.")
