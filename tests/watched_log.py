"""The screen of requests over a log, for tests of what its user sees and does."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from exchanges import exchange
from guide_steps import no_demo
from screens import accepts_keys
from textual.pilot import Pilot

from tui_connector.client.exchange import Exchange, Exchanges
from tui_connector.client.message import InvalidRequest, Request, Response
from tui_connector.machine import Machine
from tui_connector.tui.app import ConnectorApp
from tui_connector.tui.log.panel import LogPanel
from tui_connector.tui.log.screens import RequestsScreen
from tui_connector.tui.log.sending import LogContext

REFUSED = (
    b'{"message":"The consumer isn\'t authorized to access %resources.",'
    b'"parameters":{"resources":"Magento_Catalog::products"}}'
)


SIGNED = (("Authorization", 'OAuth oauth_token="•••"'),)


def refusal(number: int, **changes: Any) -> Exchange:
    return exchange(number, **{"status": 401, "body": REFUSED, "request_headers": SIGNED, **changes})


class Watched:
    """The screen of requests over a log, and what it shows."""

    def __init__(self, pilot: Pilot[None], log: Exchanges) -> None:
        self.pilot, self.log = pilot, log
        self.app = pilot.app

    @property
    def panel(self) -> LogPanel:
        screen = next(screen for screen in self.app.screen_stack if isinstance(screen, RequestsScreen))
        return screen.query_one(LogPanel)

    def says(self, text: str) -> bool:
        return text in "\n".join(self.screen())

    def screen(self) -> list[str]:
        return ["".join(part.text for part in strip) for strip in self.app.screen._compositor.render_strips()]

    async def until(self, condition: Callable[[], bool]) -> None:
        for _ in range(400):
            if condition() and accepts_keys(self.app):
                return
            await self.pilot.pause(0.02)
        raise AssertionError("it did not come to that:\n" + "\n".join(self.screen()))

    async def told(self, text: str) -> None:
        """Waits for a notification."""
        await self.until(lambda: any(text in each.message for each in self.app._notifications))

    async def shows(self, text: str) -> None:
        await self.until(lambda: self.says(text))

    async def type(self, text: str) -> None:
        names = {" ": "space", "~": "tilde", "<": "less_than_sign", ">": "greater_than_sign", "/": "slash"}
        await self.pilot.press(*(names.get(letter, letter) for letter in text))

    def numbers(self) -> list[int]:
        """The numbers of the exchanges in the list."""
        return [each.number for each in self.panel.view.view.page(0, 100_000)]

    def selected(self) -> int | None:
        exchange = self.panel.selected
        return exchange.number if exchange else None

    async def selects(self, number: int | None) -> None:
        await self.until(lambda: self.selected() == number)


@asynccontextmanager
async def watching(
    machine: Machine,
    log: Exchanges,
    *,
    size: tuple[int, int] = (120, 40),
    context: LogContext | None = None,
    notifications: bool = False,
) -> AsyncIterator[Watched]:
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=size, notifications=notifications) as pilot:
        await pilot.pause()
        app.push_screen(RequestsScreen(log, context or LogContext(machine, lambda: "acme"), "Acme store"))
        watched = Watched(pilot, log)
        await watched.until(lambda: isinstance(app.screen, RequestsScreen) and app.focused is not None)
        await watched.until(lambda: len(watched.panel.view.view) == len(log))
        yield watched


def filled(*exchanges: Exchange, **bounds: int) -> Exchanges:
    log = Exchanges(**bounds)
    for each in exchanges:
        log.record(each)
    return log


class Store:
    """Receives what the log sends."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.refuses: InvalidRequest | None = None

    async def send(self, exchange: Exchange, request: Request) -> Response:
        self.requests.append(request)
        if self.refuses is not None:
            raise self.refuses
        return Response(200, (), b"", 1)
