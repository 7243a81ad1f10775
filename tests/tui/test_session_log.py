"""The requests of a session stay in the log, whichever screen sent them; earlier sessions are one key away."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from exchanges import exchange
from guide_steps import no_demo
from screens import shown, until, until_shown
from textual.pilot import Pilot
from textual.widgets import Input, TextArea

from tui_connector.client.exchange import Exchange, Exchanges
from tui_connector.log.history import History
from tui_connector.machine import Machine
from tui_connector.sandbox.server import Sandbox
from tui_connector.tui.app import ConnectorApp
from tui_connector.tui.home.screen import HomeScreen
from tui_connector.tui.log.panel import LogPanel
from tui_connector.tui.log.request_form import RequestForm
from tui_connector.tui.log.screens import RecordedScreen, earlier_sessions
from tui_connector.tui.log.suggestions import SuggestionList
from tui_connector.tui.profile.page import ProfilePage
from tui_connector.tui.setup.screen import SetupScreen
from tui_connector.tui.widgets.questions import ConfirmScreen

PROFILE = """\
format = 1
name = "Acme store"

[[clients.magento.plugins]]
kind = "base-uri"
uri = "URL/rest/all/V1"
"""


def write(machine: Machine, url: str) -> Path:
    machine.directories.profiles.mkdir(parents=True, exist_ok=True)
    path = machine.directories.profiles / "acme.toml"
    path.write_text(PROFILE.replace("URL", url))
    return path


async def home_again(pilot: Pilot[None]) -> None:
    await pilot.press("q")
    await until(pilot, lambda: isinstance(pilot.app.screen, HomeScreen) and pilot.app.focused is not None)


async def open_page(pilot: Pilot[None]) -> LogPanel:
    await until(pilot, lambda: "Acme store" in shown(pilot.app))
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(pilot.app.screen, ProfilePage) and pilot.app.focused is not None)
    return pilot.app.screen.query_one(LogPanel)


async def test_a_page_that_is_opened_again_keeps_its_requests_and_home_shows_those_of_earlier_sessions(
    machine: Machine, sandbox: Sandbox
) -> None:
    path = write(machine, sandbox.url)
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(100, 30)) as pilot:
        log = await open_page(pilot)
        await pilot.press("t")
        await until(pilot, lambda: log.exchanges.end > 0 and not log.exchanges.in_flight)
        await home_again(pilot)
        log = await open_page(pilot)
        await until(pilot, lambda: log.selected is not None)
        await pilot.press("H")
        await until(pilot, lambda: isinstance(app.screen, RecordedScreen) and "acme · the last sessions" in shown(app))
        listed = app.screen.query_one(LogPanel)
        await until(pilot, lambda: listed.selected is not None)
        await until(pilot, lambda: len(listed.exchanges) == len(log.exchanges))
        assert all(each.body.data for each in listed.exchanges if each.body.size)  # what was sent in this session
        sent = listed.exchanges.end
        await pilot.press("x")
        await until(pilot, lambda: listed.exchanges.end > sent)
        await pilot.press("f", "x", "enter", "escape")  # the filter, then the screen
        await until(pilot, lambda: "filter x" not in shown(app))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, ProfilePage))
        assert log.exchanges.end == sent + 1  # also what was sent from the history
        assert [each.number for each in log.exchanges][-1] == sent + 1
        sent = log.exchanges.end
        await pilot.press("t")
        await until(pilot, lambda: log.exchanges.end > sent and not log.exchanges.in_flight)
        await home_again(pilot)
    [session] = History(machine.directories.state, path).sessions()
    numbers = [each.number for each in session.read() if isinstance(each, Exchange)]
    assert len(numbers) == len({*numbers})  # whichever screen has sent them
    with path.open("a") as file:
        file.write(f'[environments.staging]\nclients.magento.plugins.base-uri.uri = "{sandbox.url}/rest/V1"\n')
    staging = History(machine.directories.state, path, "staging")
    staging.start(
        Exchanges(), "metadata", machine.now(), [exchange(7, at=machine.now(), uri=f"{sandbox.url}/rest/V1/in-staging")]
    )
    staging.close()
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(100, 30)) as pilot:
        await until_shown(pilot, " (default)\n")  # the environment of the address that is shown
        assert "Environments   default, staging" in shown(app)
        await pilot.press("H")  # where the last requests were sent
        await until_shown(pilot, "acme (staging) · the last sessions")
        await until_shown(pilot, "default: H")
        assert "in-staging" in shown(app)
        await pilot.press("H")
        await until_shown(pilot, "staging: H")
        assert "(default) · the last sessions" in shown(app)  # named, as it is not the only one
        log = app.screen.query_one(LogPanel)
        await until(pilot, lambda: log.selected is not None)
        await pilot.press("g")
        await until(pilot, lambda: "── Session of " in shown(app))
        await pilot.press("G", "P", "enter")
        await until(pilot, lambda: log.detail.has_focus)
        await until(pilot, lambda: 'history = "requests" keeps the bodies of requests' in shown(app))
        await pilot.press("q")
        await until(pilot, lambda: log.view.has_focus)  # one level up, as with Esc
        await pilot.press("plus")
        await until(pilot, lambda: isinstance(app.screen, RequestForm))
        before = [each.number for each in log.exchanges]
        await pilot.press(*"directory/currency", "f5")
        await until(pilot, lambda: was_read(log, "directory/currency"))
        assert [each.number for each in log.exchanges][len(before) :] == [max(before) + 1]  # none of the list has it
        app.push_screen(RecordedScreen(machine, earlier_sessions(machine, path, "preview")))
        await until_shown(pilot, "No requests in preview are kept. H: requests in staging, default")


async def test_the_page_shows_the_requests_of_the_guide(machine: Machine, sandbox: Sandbox) -> None:
    path = write(machine, sandbox.url)
    app = ConnectorApp(machine, no_demo, start_at="setup", profile=path)
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, SetupScreen) and bool(app.screen.query(LogPanel)))
        await pilot.press("f5")
        guide = app.screen.query_one(LogPanel)
        await until(pilot, lambda: guide.exchanges.end > 0 and not guide.exchanges.in_flight)
        count = guide.exchanges.end
        await pilot.press("escape", "q")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))
        log = await open_page(pilot)
        assert log.exchanges.end >= count
        await until(pilot, lambda: bool(log.view.selected_probes))


async def test_the_history_begins_with_what_the_draft_sent_in_an_earlier_program(
    machine: Machine, sandbox: Sandbox
) -> None:
    app = ConnectorApp(machine, no_demo, start_at="setup")
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: focused_id(app) == "field-address")
        pilot.app.screen.query_one("#field-address", Input).value = sandbox.url
        await pilot.press("enter")
        guide = app.screen.query_one(LogPanel)
        await until_shown(pilot, "Magento 2.4")
        await until(pilot, lambda: not guide.exchanges.in_flight)
        sent = [each.at for each in guide.exchanges]
        assert sent
        await pilot.press("ctrl+q")
        await until_shown(pilot, "It is kept as a draft")
        await pilot.press("y")
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(100, 30)) as pilot:
        await until_shown(pilot, "not saved")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, SetupScreen))
        await pilot.press("escape", "5")
        await until_shown(pilot, "Not written yet")
        await pilot.press("enter")
        await until_shown(pilot, "✔ Saved")
        await pilot.press("q")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen) and app.focused is not None)
        await pilot.press("H")
        await until(pilot, lambda: isinstance(app.screen, RecordedScreen))
        listed = app.screen.query_one(LogPanel)
        await until(pilot, lambda: [each.at for each in listed.exchanges][: len(sent)] == sent)
    assert [each.name for each in (machine.directories.state / "history").iterdir()] == [
        History(machine.directories.state, next(machine.directories.profiles.glob("*.toml"))).directory.name
    ]


def focused_id(app: ConnectorApp) -> str | None:
    return app.screen.focused.id if app.screen.focused is not None else None


def was_read(log: LogPanel, path: str) -> bool:
    """Whether the selected request is one to this address, and succeeded."""
    return log.selected is not None and log.selected.status == 200 and log.selected.uri.endswith(path)


async def test_a_method_is_replaced_by_typing_or_typed_before_the_path(machine: Machine, sandbox: Sandbox) -> None:
    write(machine, sandbox.url)
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(120, 40)) as pilot:
        await open_page(pilot)
        await until(pilot, lambda: "no requests" in shown(app).lower())
        await pilot.press("l", "plus")
        await until(pilot, lambda: isinstance(app.screen, RequestForm))
        method, path = (app.screen.query_one(f"#resend-{each}", Input) for each in ("method", "uri"))
        await until(pilot, lambda: method.value == "GET")
        await pilot.press("up")
        await until(pilot, lambda: focused_id(app) == "resend-method")
        await pilot.press(*"POST", "down")
        await until(pilot, lambda: (method.value, focused_id(app)) == ("POST", "resend-uri"))
        await pilot.press(*"get products/NOPE-1")
        await until(pilot, lambda: (method.value, path.value) == ("GET", "products/NOPE-1"))
        for typed, taken in (("DELETE", "enter"), ("put", "space"), ("GET", "enter")):
            await pilot.press("ctrl+u", *typed, taken)
            expected = (typed.upper(), "", "resend-uri")
            await until(pilot, lambda as_typed=expected: (method.value, path.value, focused_id(app)) == as_typed)
        query = app.screen.query_one("#resend-query", TextArea)
        query.focus()
        await pilot.press(*"ab", "up")
        await until(pilot, lambda: query.text == "ab" and focused_id(app) == "resend-query")
        await pilot.press("end", "ctrl+u", "up")  # nothing is left to move in
        await until(pilot, lambda: focused_id(app) == "resend-uri")
        path.value = "put directory/countries"
        await until_shown(pilot, "in the schema for GET only")
        listed = app.screen.query_one("#resend-paths", SuggestionList)
        assert all(each.is_secondary for each in listed.offered)
        await pilot.press("f5")
        await until_shown(pilot, "the store's schema has directory/countries for GET only, not for PUT. F5 again")
        assert focused_id(app) == "resend-uri"
        await pilot.press("f5")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen))


async def test_a_request_is_written_from_scratch_with_the_paths_of_the_store(
    machine: Machine, sandbox: Sandbox
) -> None:
    write(machine, sandbox.url)
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(120, 40)) as pilot:
        log = await open_page(pilot)
        await until(pilot, lambda: "no requests" in shown(app).lower())
        await pilot.press("l", "plus")
        await until(pilot, lambda: isinstance(app.screen, RequestForm))
        await pilot.press(*"directory/cou")
        await until(pilot, lambda: "directory/countries  GET" in shown(app))
        await pilot.press("right", "up")
        await until(pilot, lambda: focused_id(app) == "resend-method")
        await pilot.press("down", "down", "down", "down")  # into the list of paths, and out at its end
        await until(pilot, lambda: focused_id(app) == "resend-query")
        await pilot.press("up")
        await until(pilot, lambda: focused_id(app) == "resend-uri")
        await pilot.press("down")
        await until(pilot, lambda: "▸ directory/countries  GET" in shown(app))
        await pilot.press("down")
        await until(pilot, lambda: "▸ directory/countries/{countryId}  GET" in shown(app))
        await pilot.press("enter")
        path = app.screen.query_one("#resend-uri", Input)
        await until(pilot, lambda: path.value == "directory/countries/{countryId}")
        await pilot.press("N", "L")
        await until(pilot, lambda: path.value == "directory/countries/NL")
        path.value = "directory/cou"
        await pilot.press("tab")
        await until(pilot, lambda: path.value == "directory/countries")
        await pilot.press("tab")  # there is nothing left to complete
        await until(pilot, lambda: focused_id(app) == "resend-query")
        assert "F5 Send" in shown(app)  # the keys of the form, not those of the page behind it
        await pilot.press("f5")
        await until(pilot, lambda: log.selected is not None and log.selected.uri.endswith("/V1/directory/countries"))
        await pilot.press("plus", *"directory/countries/")
        await until(pilot, lambda: "directory/countries/{countryId}" in shown(app))
        await pilot.press("right", "f5")
        await until(pilot, lambda: "Replace {countryId} in the path with a value" in shown(app))
        for start in ("/rest/all/V1/", f"{sandbox.url}/rest/all/V1/", f"{sandbox.url}/rest/default/V1/"):
            app.screen.query_one("#resend-uri", Input).value = start + "directory/cou"
            await until(pilot, lambda: "directory/countries  GET" in shown(app))
            await pilot.press("end")
            await until_shown(pilot, f"{start}directory/countries")
            await pilot.press("right", "f5")
            await until(pilot, partial(was_read, log, f"{start.removeprefix(sandbox.url)}directory/countries"))
            await pilot.press("plus")
            await until(pilot, lambda: isinstance(app.screen, RequestForm))
        asked = [each for each in log.exchanges if each.uri.endswith("/schema?services=all")]
        assert len(asked) == 1  # the session reads the schema once
        await pilot.press(*"directory/cou", "enter")
        await until(pilot, lambda: app.screen.query_one("#resend-uri", Input).value == "directory/countries")
        assert focused_id(app) == "resend-uri"  # what is typed next still goes into the path
        app.screen.query_one("#resend-uri", Input).value = "ory/countr"
        await until_shown(pilot, "Tab: take the first")
        await pilot.press("enter")
        await until(pilot, lambda: app.screen.query_one("#resend-uri", Input).value == "directory/countries")
        await pilot.press("enter")
        await until(pilot, lambda: focused_id(app) == "resend-query")
        await until(pilot, lambda: "Tab: complete" not in shown(app))
        await pilot.press("up")
        app.screen.query_one("#resend-uri", Input).value = "/rest/all/V1/directory/nothing"
        await until(pilot, lambda: "The store's schema for this token has no such path" in shown(app))
        app.screen.query_one("#resend-uri", Input).value = f"{sandbox.url}/rest/all/async/V1/directory/countries"
        await until(pilot, lambda: "Paths are known only below" in shown(app))
        await pilot.press(*["x"] * 70, *"the-end")
        await until(pilot, lambda: "the-end" in shown(app))  # a long path scrolls in its field
        app.screen.query_one("#resend-method", Input).value = "GETp"
        await pilot.press("f5")
        await until(pilot, lambda: "'GETp' is not a method: did you mean 'GET'?" in shown(app))
        lines = shown(app).splitlines()
        at = next(number for number, line in enumerate(lines) if "GETp  " in line)
        assert "is not a method" in lines[at + 2]  # below method and path
        assert focused_id(app) == "resend-method"
