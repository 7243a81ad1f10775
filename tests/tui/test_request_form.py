"""The form in which a request of the log is edited, or a new one written, before it is sent."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from exchanges import exchange
from profiles import admin, profile
from textual.app import App
from textual.events import Paste
from textual.widgets import TextArea
from watched_log import Store, filled, watching

from tui_connector.client.exchange import Exchange, RecordedBody
from tui_connector.client.message import InvalidRequest, Request, Response
from tui_connector.guide.requests.resend import NewRequests, resend
from tui_connector.guide.trust import ProfileTrust
from tui_connector.guide.workbench import Workbench
from tui_connector.log.history import BODIES_ARE_KEPT
from tui_connector.machine import Machine, NoPrompt
from tui_connector.sandbox.server import Sandbox
from tui_connector.tui.log.list import LogView
from tui_connector.tui.log.request_form import RequestForm
from tui_connector.tui.log.screens import RequestsScreen
from tui_connector.tui.log.sending import LogContext
from tui_connector.tui.screen_prompt import ScreenPrompt
from tui_connector.tui.widgets.questions import ConfirmScreen, DiscardScreen

LONG = "items[sku,name,price,status,visibility,type_id,created_at,updated_at,weight,custom_attributes],total_count"


@pytest.mark.parametrize("filters", [1, 20])
async def test_a_long_query_is_shown_and_leaves_the_body_in_sight_at_80_columns(machine: Machine, filters: int) -> None:
    field = "searchCriteria[filter_groups][{}][filters][0][field]=updated_at"
    uri = f"products?fields={LONG}&{'&'.join(map(field.format, range(filters)))}"
    log = filled(exchange(1, uri=f"https://acme.example/rest/V1/{uri}"))
    async with watching(machine, log, size=(80, 24), context=LogContext(machine, send=Store().send)) as watched:
        await watched.pilot.press("X")
        await watched.until(lambda: LONG in "".join(line.strip("│▁▂▃▄▅▆▇█ ") for line in watched.screen()))
        await watched.until(lambda: field.format(0) in "".join(line.strip("│▁▂▃▄▅▆▇█ ") for line in watched.screen()))
        await watched.shows(" Send ")
        headers = watched.app.screen.query_one("#resend-headers", TextArea)
        headers.text = "\n".join(f"X-Header-{number}: 1" for number in range(9))
        await watched.shows("X-Header-1")
        await watched.shows(" Send ")
        assert watched.app.screen.query_one("#resend-body").size.height >= 3


async def test_a_body_is_checked_and_shown_before_it_is_sent(machine: Machine) -> None:
    store = Store()
    log = filled(exchange(1, method="POST", uri="https://acme.example/rest/V1/products/base-prices"))
    async with watching(machine, log, context=LogContext(machine, lambda: "acme", store.send)) as watched:
        await watched.pilot.press("X")
        await watched.until(lambda: isinstance(watched.app.screen, RequestForm))
        watched.app.screen.query_one("#resend-headers", TextArea).text = "Content-Type: application/json"
        watched.app.screen.query_one("#resend-body", TextArea).focus()
        watched.app.post_message(Paste('{"prices": [\r  {"price": -5,}\r]}'))  # as xterm and tmux end its lines
        await watched.shows('  {"price": -5,}')
        await watched.pilot.press("f5")
        await watched.shows("The body is not valid JSON")
        await watched.shows("(line 2, column")
        await watched.shows("Send POST /rest/V1/products/base-prices")
        await watched.shows('  {"price": -5,}')  # as it is
        await watched.shows("Send it anyway")
        await watched.pilot.press("n")
        await watched.until(lambda: isinstance(watched.app.screen, RequestForm))
        prices = [{"price": -5, "price_type": "fixed", "store_id": 0, "sku": f"24-MB0{each}"} for each in range(3)]
        watched.app.screen.query_one("#resend-body", TextArea).text = json.dumps({"prices": prices})
        await watched.pilot.press("f5")
        await watched.shows('"price": -5')
        await watched.shows('"sku": "24-MB02"')  # to its end
        assert not watched.says("not valid JSON")
        assert not store.requests
        await watched.pilot.press("y")
        await watched.until(lambda: len(store.requests) == 1)


async def test_a_json_body_is_edited_as_the_log_shows_it_and_sent_as_it_was_unless_it_is_changed(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, texts = Store(), list[str]()
    body = b'{"product":{"sku":"24-MB01","price":34.00,"name":"Caf\\u00e9 \\/ Bar"}}'
    log = filled(exchange(1, method="POST", uri="https://acme.example/rest/V1/products", request_body=body))

    def edit(_: object, __: object, path: Path, ___: object) -> None:
        texts.append(path.read_text())

    monkeypatch.setattr("tui_connector.tui.external_editor.edit", partial(asyncio.to_thread, edit))
    async with watching(machine, log, context=LogContext(machine, lambda: "acme", store.send)) as watched:
        await watched.pilot.press("X")
        await watched.shows('    "price": 34.00,')
        assert watched.app.focused is watched.app.screen.query_one("#resend-body")
        await watched.shows('    "name": "Café / Bar"')
        await watched.pilot.press("escape", "o")
        await watched.shows("Unchanged. Nothing was sent.")
        assert '    "sku": "24-MB01",\n' in texts[0]
        await watched.pilot.press("f5")
        await watched.shows("Send POST")
        await watched.pilot.press("y")
        await watched.until(lambda: len(store.requests) == 1)
        assert store.requests[0].body == body
        await watched.pilot.press("X")
        await watched.until(lambda: isinstance(watched.app.screen, RequestForm))
        area = watched.app.screen.query_one("#resend-body", TextArea)
        area.text = area.text.replace("34.00", "35.00")
        await watched.pilot.press("f5", "y")
        await watched.until(lambda: len(store.requests) == 2)
        assert json.loads(store.requests[1].body) == json.loads(body.replace(b"34", b"35"))


async def test_the_editor_returns_to_the_form_and_sends_nothing(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store()
    changes = {"entity_id": "sku", "[pageSize]=3": "[pageSize]=50"}
    texts: list[str] = []

    def edit(_: object, __: object, path: Path, ___: object) -> None:
        text = path.read_text()
        texts.append(text)
        for old, new in changes.items() if len(texts) == 2 else ():
            text = text.replace(old, new)
        if len(texts) == 3:
            text = text.rstrip("\n") + '\nX-Sent: é\n{"a": 1}\n'
        path.write_text(text, "latin-1" if len(texts) == 3 else "utf-8")

    monkeypatch.setattr("tui_connector.tui.external_editor.edit", partial(asyncio.to_thread, edit))
    encoded = "&since=2026-01-01%2000%3A00%3A00"  # a colon need not be encoded, but was
    uri = f"https://acme.example/rest/V1/products?searchCriteria%5BpageSize%5D=3&fields=a%26b{encoded}"
    async with watching(machine, filled(exchange(1, uri=uri)), context=LogContext(machine, send=store.send)) as watched:
        await watched.pilot.press("X", "escape", "o")
        await watched.shows("Unchanged. Nothing was sent.")
        assert "GET https://acme.example/rest/V1/products?searchCriteria[pageSize]=3\n    &fields=a%26b\n" in texts[0]
        await watched.pilot.press("o")
        await watched.shows("Changed. F5 sends the request.")
        await watched.shows("searchCriteria[pageSize]=50")
        await watched.shows("since=2026-01-01 00:00:00")
        assert not store.requests
        await watched.pilot.press("o")
        await watched.shows("✘ Line 3 of the headers is not “Name: value”: {")
        headers = watched.app.screen.query_one("#resend-headers", TextArea)
        assert (watched.app.focused, headers.text.split("\n")[1:]) == (headers, ["X-Sent: é", '{"a": 1}', ""])
        await watched.pilot.press("ctrl+o")
        await watched.shows("Unchanged. Nothing was sent.")
        assert texts[3].endswith('\nX-Sent: é\n{"a": 1}\n\n')
        headers.text = headers.text.split("\n")[0]
        await watched.pilot.press("escape", "escape")
        await watched.shows("Discard the edited request?")
        await watched.pilot.press("enter")
        await watched.until(lambda: isinstance(watched.app.screen, RequestForm))
        await watched.until(lambda: "Esc Leave  e Edit  t Send" in watched.screen()[-1])  # as before the question
        await watched.pilot.press("e")
        await watched.until(lambda: headers.has_focus)  # which Esc had left
        await watched.pilot.press("f1")
        await watched.shows("F5 sends it; Esc leaves")
        await watched.pilot.press("escape")
        await watched.until(lambda: isinstance(watched.app.screen, RequestForm))
        await watched.pilot.press("f5")
        await watched.until(lambda: len(store.requests) == 1)
        assert store.requests[0].uri.endswith(f"products?searchCriteria[pageSize]=50&fields=a%26b{encoded}")
        await watched.pilot.press("X", "f5")
        await watched.until(lambda: len(store.requests) == 2)
        assert store.requests[1].uri == uri


class PromptOfApp(NoPrompt):
    """The prompt of an app that is made after the workbench."""

    app: App[None]

    async def missing_secret(self, question: str) -> str:
        return await ScreenPrompt(self.app).missing_secret(question)


async def test_a_missing_secret_is_entered_after_the_question_and_the_edit_stays(
    machine: Machine, tmp_path: Path
) -> None:
    path, store = tmp_path / "shop.toml", Store()
    prompt = PromptOfApp()
    bench = Workbench(replace(machine, prompt=prompt), directory=tmp_path, trust=ProfileTrust(machine, path))
    new = NewRequests(bench, lambda: profile("http://127.0.0.1:9/rest/V1", {"kind": "bearer", "token": {"env": "T"}}))
    log = filled(exchange(1, client="shop", method="PUT", request_body=RecordedBody(b'{"a":1}', 7)))
    async with watching(machine, log, context=LogContext(machine, send=store.send, new=new)) as watched:
        prompt.app = watched.app
        await watched.pilot.press("X")
        await watched.until(lambda: isinstance(watched.app.screen, RequestForm))
        body = watched.app.screen.query_one("#resend-body", TextArea)
        body.text = '{"a":2'
        await watched.shows("Body · ✘ The body is not valid JSON: ")  # next to the text
        body.text = '{"a":2}'
        body.focus()
        body.move_cursor((0, 5))
        await watched.until(lambda: not watched.says("not valid JSON") and body.has_focus)
        await watched.pilot.press("f1")
        await watched.shows("Body: JSON that is invalid is marked.")
        await watched.pilot.press("escape", "f5")
        await watched.shows("It may change the store.")
        await watched.pilot.press("y")
        await watched.shows("The environment variable T is not set.")
        assert watched.says("Access token of authentication a")
        await watched.pilot.press("escape")
        await watched.shows("✘ The environment variable T is not set. Try again to enter its value for this session.")
        store.refuses = InvalidRequest("The profile is not trusted to do this")
        await watched.pilot.press("f5", "y")
        await watched.shows("Its value for http://127.0.0.1:9, for this session:")
        await watched.type("CANARY-token")
        await watched.pilot.press("enter")
        await watched.told("Edited #1 not sent: The profile is not trusted to do this. X on #1 opens it again.")
        assert machine.typed.find(path, "env:T", "http://127.0.0.1:9") == "CANARY-token"
        await watched.pilot.press("X")
        await watched.shows("✘ Not sent: The profile is not trusted to do this")
        body = watched.app.screen.query_one("#resend-body", TextArea)
        assert json.loads(body.text) == {"a": 2}
        assert body.has_focus  # where it was edited
        assert body.cursor_location == (1, 7)  # at the same character, where it is by now
        await watched.pilot.press("escape", "escape")
        await watched.shows("Discard the edited request?")
        await watched.pilot.press("enter")
        await watched.until(lambda: isinstance(watched.app.screen, RequestForm))
        store.refuses = None
        await watched.pilot.press("f5")
        await watched.shows("It may change the store.")
        await watched.pilot.press("y")
        await watched.until(lambda: [each.body for each in store.requests] == [b'{"a":2}'] * 2)
        await watched.until(lambda: not isinstance(watched.app.screen, RequestForm | ConfirmScreen))
    bench.close()


async def test_a_request_without_its_body_is_completed_before_it_is_sent(machine: Machine) -> None:
    store = Store()
    gone, cut = RecordedBody(size=93), RecordedBody(b'{"a": [1, ', 90_000, cut=True)
    masked = '{"password": "•••"}'.encode()
    log = filled(*(exchange(n, method="POST", request_body=body) for n, body in enumerate((gone, cut, masked), 1)))
    async with watching(machine, log, context=LogContext(machine, send=store.send)) as watched:
        for number, missing, keeps in (
            (1, "its body (93 B) was not kept", BODIES_ARE_KEPT),
            (2, "only the first 10 B of its body (90.0 KB) were kept", ""),
            (3, "its secrets are masked (•••)", ""),
        ):
            await watched.pilot.press("g", *["down"] * (number - 1))
            await watched.selects(number)
            await watched.pilot.press("enter", "G")
            await watched.shows(f"x cannot resend it: {missing}. X opens it for editing.")
            await watched.pilot.press("escape", "x")
            await watched.told(
                f"#{number} cannot be resent unchanged: {missing}. X opens it for editing. {keeps}".strip()
            )
            await watched.pilot.press("X")
            await watched.shows(f"Body · complete the request: {missing}")
            if number == 3:
                await watched.pilot.press("f5")
                await watched.shows("Replace each •••: the log has no secrets.")
            watched.app.screen.query_one("#resend-body", TextArea).text = "{}"
            await watched.pilot.press("f5")
            await watched.shows("It may change the store.")
            await watched.pilot.press("y")
            await watched.until(lambda n=number: len(store.requests) == n)  # type: ignore[misc]
            assert (store.requests[-1].body, store.requests[-1].about.by_hand) == (b"{}", True)
            await watched.until(lambda: not isinstance(watched.app.screen, RequestForm | ConfirmScreen))


async def test_what_was_written_is_kept_however_sending_it_ends(machine: Machine, sandbox: Sandbox) -> None:
    password = {"username": admin(sandbox)["username"], "password": {"env": "PASSWORD"}}
    shop = profile(f"{sandbox.url}/rest/V1", {"kind": "request", "parameters": password})
    bench = Workbench(replace(machine, environ={**machine.environ, "PASSWORD": "CANARY-wrong"}))
    closes = asyncio.Event()

    async def send(original: Exchange, request: Request) -> Response:
        if closes.is_set():
            await asyncio.Event().wait()
        return await resend(bench, shop, original, request)

    log, uri = bench.exchanges, f"{sandbox.url}/rest/V1/products/24-MB01"
    log.record(exchange(1, client="shop", method="PUT", uri=uri, request_body=RecordedBody(b'{"a":1}', 7)))
    context = LogContext(machine, lambda: "acme", send, NewRequests(bench, lambda: shop))
    async with watching(machine, log, context=context) as watched:

        async def opens(key: str, reason: str, shown: str) -> None:
            await watched.pilot.press(key)
            await watched.shows(reason)
            await watched.shows(shown)

        await watched.pilot.press("plus")
        await watched.shows("New request")
        await watched.type("products")
        await watched.pilot.press("f5")
        await watched.told("GET products not sent (see #2): ")
        await watched.told("+ opens it again.")
        await opens("plus", "✘ Not sent: ", "products")
        await watched.pilot.press("escape", "escape")
        await watched.shows("Discard the edited request?")
        await watched.pilot.press("ctrl+d")
        await watched.until(lambda: not isinstance(watched.app.screen, RequestForm | DiscardScreen))
        await watched.pilot.press("g", "X")
        await watched.shows('"a": 1')
        watched.app.screen.query_one("#resend-body", TextArea).text = '{"a": 2}'
        await watched.pilot.press("ctrl+q")
        await watched.shows("The edited request is lost: it was not sent.")
        await watched.pilot.press("n")
        await watched.until(lambda: isinstance(watched.app.screen, RequestForm))
        await watched.pilot.press("f5", "y")
        await watched.told("Edited #1 not sent: Not logged in: the store refused this login with 401")
        await watched.told("X on #1 opens it again.")
        await watched.pilot.press("ctrl+q")
        await watched.shows("1 request not sent yet, and lost then: PUT products/24-MB01.")
        await watched.pilot.press("n", "g")
        await watched.selects(1)
        await opens("X", "✘ Not sent: Not logged in", '"a": 2')
        closes.set()
        await watched.pilot.press("f5", "y")
        await watched.until(lambda: not isinstance(watched.app.screen, RequestForm | ConfirmScreen))
        await watched.pilot.press("ctrl+q")
        await watched.shows("1 request not sent yet, and lost then: PUT products/24-MB01.")
        await watched.pilot.press("n", "q")
        await watched.told("The log was closed before the store responded: it may have received this request.")
        await watched.until(lambda: not isinstance(watched.app.screen, RequestsScreen))
        watched.app.push_screen(RequestsScreen(log, context, "Acme store"))
        await watched.until(lambda: isinstance(watched.app.focused, LogView))
        await watched.pilot.press("g")
        await watched.selects(1)
        await opens("X", "✘ The log was closed before the store responded", '"a": 2')
    bench.close()
