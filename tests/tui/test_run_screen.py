"""Running an incoming from the profile's page: seen, stopped, gone on with."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from pathlib import Path

import pytest
from exchanges import lost
from guide_steps import no_demo
from http_server import reply
from listing import Item, SearchRequest, listing, products
from runs import BEARER
from screens import shown, until, until_shown
from textual.pilot import Pilot
from textual.widgets import Static

from tui_connector.machine import Machine
from tui_connector.sandbox.server import Sandbox, SandboxOptions
from tui_connector.tui.app import ConnectorApp
from tui_connector.tui.home.screen import HomeScreen
from tui_connector.tui.last_runs import LastRunsScreen
from tui_connector.tui.log.detail import ExchangeDetail
from tui_connector.tui.log.list import LogView
from tui_connector.tui.log.panel import LogPanel
from tui_connector.tui.profile import profile_screen
from tui_connector.tui.profile.page import ProfilePage
from tui_connector.tui.run.charts import MessageList
from tui_connector.tui.run.job import RunMessage
from tui_connector.tui.run.screen import RunScreen
from tui_connector.tui.widgets.frame import KeyFooter
from tui_connector.tui.widgets.questions import ConfirmScreen

PROFILE = """
format = 1
name = "Acme store"
[authentications.integration]
kind = "bearer"
token = { env = "SHOP_TOKEN" }
[clients.magento]
authentications = ["integration"]
[[clients.magento.plugins]]
kind = "base-uri"
uri = "URL/rest/all/V1"
[incoming.products]
client = "magento"
request = { uri = "products" }
items = "items"
identifier = "sku"
pagination = { kind = "keyset", filter = "entity_id", field = "id", page-size = 5 }
sink = { kind = "jsonl", path = "products.jsonl" }
"""


async def start_run(pilot: Pilot[None]) -> None:
    """Opens the profile, and runs the last of its configurations."""
    await pilot.press("enter")
    await until_shown(pilot, "products")
    await pilot.press("end", "up", "r")


MISSPELT = 'transform = "{code: sku, cost: prce}"'


def _opened(machine: Machine, sandbox: Sandbox) -> tuple[ConnectorApp, Path]:
    machine.directories.profiles.mkdir(parents=True)
    path = machine.directories.profiles / "acme.toml"
    path.write_text(PROFILE.replace("URL", sandbox.url))
    integrations = sandbox.description()["integrations"]
    assert isinstance(integrations, dict)
    machine = replace(machine, environ={"SHOP_TOKEN": integrations["full"]["access_token"]})
    return ConnectorApp(machine, no_demo), path.with_name("products.jsonl")


async def test_r_runs_the_incoming_and_shows_the_result(machine: Machine) -> None:
    async with Sandbox(SandboxOptions(products=40, settings=BEARER), machine.now) as sandbox:
        app, written = _opened(machine, sandbox)
        async with app.run_test(size=(100, 30)) as pilot:
            await pilot.press("enter")
            await until_shown(pilot, "products")
            await pilot.press("r", "enter")  # with the client selected: choose it from the list
            await until_shown(pilot, "complete: 40 items")
            messages = app.screen.query_one(MessageList)
            assert f"Writing to {written.resolve()}" in messages.text
            assert "profiles/products.jsonl" in shown(app).splitlines()[0]
            await until(pilot, lambda: "└0 s" not in shown(app))  # the log has their rows
            assert " r Run  e Errors  l Log  h Charts  / Search" in shown(app).splitlines()[-1]
            assert _rows_below_the_log(app) == 0
            await pilot.press("f", *"404")
            await until_shown(pilot, "filter 404: 0 of")
            await pilot.press("escape")
            await until(pilot, lambda: "filter 404" not in shown(app))
            await pilot.press("C")
            await until_shown(pilot, "The history (H) still has its requests, most without their bodies.")
            await pilot.press("escape")
            if app.screen_stack[-1].has_class("zoomed"):  # where the log has little room
                await pilot.press("l")
            await pilot.press("slash", *"sku")
            await until_shown(pilot, "search sku")
            await pilot.press("enter", "f", *"entity")
            await until_shown(pilot, "filter entity: ")
            await pilot.press("enter", "F")
            await until_shown(pilot, "filter entity: off (F: on)")
            if app.screen_stack[-1].has_class("zoomed"):
                await pilot.press("l")
            app.screen.set_focus(None)
            assert "search sku" in shown(app)
            sent = app.screen.query_one(LogView).exchanges.end
            await pilot.press("r")
            await until(pilot, lambda: app.screen.query_one(LogView).exchanges.end > sent)
            await until_shown(pilot, "complete: ")
            await until(pilot, lambda: not any(each in shown(app) for each in ("search sku", "filter entity")))
            first = app.screen.job.first_number
            assert first > 1
            await pilot.press("slash", *"sku", "enter")
            await until_shown(pilot, "search sku")
            await until(pilot, lambda: (each := app.screen.query_one(LogView).selected) and each.number >= first)
            if app.screen_stack[-1].has_class("zoomed"):
                await pilot.press("l")
            app.screen.set_focus(None)
            await pilot.press("escape")
            await until(pilot, lambda: "search sku" not in shown(app))
            assert isinstance(app.screen_stack[-1], RunScreen)
            await pilot.press("escape")
            await until(pilot, lambda: not isinstance(app.screen, RunScreen))
            await pilot.press("q")
            await until_shown(pilot, "✔ products, just now")
    assert len(written.read_bytes().splitlines()) == 40


async def test_test_and_run_show_what_a_misspelt_transform_loses(machine: Machine) -> None:
    async with Sandbox(SandboxOptions(products=40, settings=BEARER), machine.now) as sandbox:
        app, _ = _opened(machine, sandbox)
        path = machine.directories.profiles / "acme.toml"
        path.write_text(path.read_text().replace("[incoming.products]", f"[incoming.products]\n{MISSPELT}"))
        async with app.run_test(size=(100, 30)) as pilot:
            await pilot.press("enter")
            await until_shown(pilot, "GET products")
            await pilot.press("down", "down", "t")
            await until_shown(pilot, "! incoming products: 3 of 40 items read")
            for words in ("'cost' is null in all 3 items", "did you mean 'price'?", "code ", "SYNC-0001"):
                assert words in shown(app)
            await pilot.press("r")
            await until_shown(pilot, "complete: 40 items")
            assert "'cost' is null in all 40 items" in app.screen.query_one(MessageList).text


async def test_page_shows_the_result_of_a_run_that_was_left(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profile_screen, "_CHECK_INTERVAL", 0.01)  # looks at the file while it reads the result
    async with Sandbox(SandboxOptions(products=100, latency_ms=800, settings=BEARER), machine.now) as sandbox:
        app, _ = _opened(machine, sandbox)
        async with app.run_test(size=(100, 30)) as pilot:
            await start_run(pilot)
            await until_shown(pilot, "running")
            await pilot.press("q")
            await until(pilot, lambda: isinstance(app.screen, ProfilePage) and not app.screen.loading_message)
            sandbox.change({"sandbox/latency_ms": "0"})
            screen = await until_shown(pilot, "Last run: ✔ complete, 100 items")
            assert "✔ now\n" in screen  # in the row, too
            path = machine.directories.profiles / "acme.toml"
            text = path.read_text()
            path.write_text(text.replace('uri = "products"', 'uri = "products?x=1"'))
            await until_shown(pilot, "! Settings changed since that run: the next one starts over.")
            assert "✔ now · changed" in shown(app)
            path.write_text(text.replace("[incoming.products]", '[incoming.products]\ntitle = "All products"'))
            screen = await until_shown(pilot, "All products")  # which changes nothing of what is read
            await until(pilot, lambda: "changed since" not in shown(app))


async def test_charts_show_a_run_that_completed_below_the_zoomed_log(machine: Machine) -> None:
    async with Sandbox(SandboxOptions(products=100, latency_ms=800, settings=BEARER), machine.now) as sandbox:
        app, _ = _opened(machine, sandbox)
        async with app.run_test(size=(120, 36)) as pilot:
            await start_run(pilot)
            await until_shown(pilot, "running")
            await pilot.press("l")
            await until(pilot, lambda: app.screen.has_class("zoomed"))
            sandbox.change({"sandbox/latency_ms": "0"})
            await until(pilot, lambda: not any(job.active for job in app.jobs))
            await pilot.press("q")
            await until_shown(pilot, "complete: 100 items")
            assert app.screen.query_one(LogPanel).size.height >= 20  # which is read now
            await pilot.press("h")
            await until_shown(pilot, "└0 s")
            axis = next(line for line in shown(app).splitlines() if "└0 s" in line)
            assert re.search(r"└0 s +[0-9]", axis)
            assert "█" in shown(app)


async def test_a_stray_r_in_the_log_starts_no_run(machine: Machine) -> None:
    async with Sandbox(SandboxOptions(products=10, settings=BEARER), machine.now) as sandbox:
        app, _ = _opened(machine, sandbox)
        async with app.run_test(size=(120, 36)) as pilot:
            await start_run(pilot)
            await until_shown(pilot, "complete: 10 items")
            assert not app.screen.query_one("#run-charts").display  # its log is read now
            sent = app.screen.query_one(LogView).exchanges.end
            await pilot.press("l")
            await until(pilot, lambda: app.screen.has_class("zoomed"))
            await pilot.press("r")
            await until(
                pilot, lambda: "r (Run) does nothing while the log has the focus: l ends its zoom." in said(app)
            )
            await pilot.press("R", "l")
            await until(pilot, lambda: not app.screen.has_class("zoomed"))
            assert isinstance(app.screen, RunScreen)
            assert not app.screen.job.active
            assert app.screen.query_one(LogView).exchanges.end == sent
            await until_shown(pilot, "r Run")
            await pilot.press("E")  # the first Tab goes to the messages
            way = "E (Export) is a key of the request log: l goes there."
            await until(pilot, lambda: way in said(app))
            await pilot.press("tab", "D")
            way = "D (Slowest) is a key of the request log: l goes there."
            await until(pilot, lambda: way in said(app))
            assert isinstance(app.screen.focused, MessageList)
            await pilot.press("x")
            await until(pilot, lambda: app.screen.query_one(LogView).exchanges.end == sent + 1)
            await pilot.press("X")
            await until_shown(pilot, "Edit and resend")
            await pilot.press("escape", "escape")  # leaves the field, then the form
            await until(pilot, lambda: isinstance(app.screen_stack[-1], RunScreen))
            app.screen.set_focus(None)
            sent += 1
            await pilot.press("s")
            await until(pilot, lambda: "Nothing is running." in said(app))
            await pilot.press("t")
            await until(pilot, lambda: "It has ended: r runs it again." in said(app))
            await pilot.press("e")
            await until_shown(pilot, "No failures of this run. e: show all")
            await pilot.press("e", "tab", "tab")
            assert app.screen.log_panel.view.has_focus
            await pilot.press("r")  # the run is in sight
            await until(pilot, lambda: app.screen.query_one(LogView).exchanges.end > sent)
            await until_shown(pilot, "complete: ")
            detail = app.screen.query_one(ExchangeDetail)
            app.screen.set_focus(detail)
            await pilot.press("l")
            await until(pilot, lambda: app.screen.has_class("zoomed"))
            assert detail.has_focus  # n is its next match, and not the next request


def said(app: ConnectorApp) -> list[str]:
    """The messages on the screen."""
    return [each.message for each in app._notifications]


def _rows_below_the_log(app: ConnectorApp) -> int:
    """Rows of the screen between the log and the footer."""
    return app.screen.query_one(KeyFooter).region.y - app.screen.query_one(LogPanel).region.bottom


async def test_run_is_stopped_after_confirmation_and_resumes(machine: Machine) -> None:
    async with Sandbox(SandboxOptions(products=200, latency_ms=800, settings=BEARER), machine.now) as sandbox:
        app, written = _opened(machine, sandbox)
        async with app.run_test(size=(80, 24)) as pilot:
            await start_run(pilot)
            await until_shown(pilot, "running")
            assert _rows_below_the_log(app) == 0
            await pilot.press("s")
            await until_shown(pilot, "Stop the run?")
            await pilot.press("y")
            await until_shown(pilot, "stopped by you after")
            await until_shown(pilot, "r Resume")
            await asyncio.to_thread(_is_cut_at_a_line, written)
            sandbox.change({"sandbox/latency_ms": "0"})
            view = app.screen.query_one(LogView)
            view.stop_following()
            await pilot.press("G")
            assert view.following
            view.stop_following()
            await pilot.press("r")
            await until_shown(pilot, "complete: 200 items")
            assert view.following
    assert len(set(written.read_bytes().splitlines())) == 200


async def test_the_failures_of_a_resumed_run_are_those_before_it_was_resumed_too(machine: Machine) -> None:
    async with Sandbox(SandboxOptions(products=200, latency_ms=200, settings=BEARER), machine.now) as sandbox:
        app, _ = _opened(machine, sandbox)
        async with app.run_test(size=(140, 45)) as pilot:
            await start_run(pilot)
            await until(pilot, lambda: isinstance(app.screen, RunScreen) and app.screen.job.metrics.progress.items > 0)
            sandbox.change(dict.fromkeys(BEARER, "0"))
            await until_shown(pilot, "✘ refused after")
            await pilot.press("t")
            await until(pilot, lambda: "It has ended: r resumes it." in said(app))
            await until(pilot, lambda: re.search(r"#[0-9]+[^\n]* 401 ", shown(app)) is not None)
            refused = re.findall(r"#([0-9]+)[^\n]* 401 ", shown(app))[-1]
            sandbox.change(BEARER | {"sandbox/latency_ms": "0"})
            await pilot.press("q")  # the page of the profile
            await until(pilot, lambda: isinstance(app.screen, ProfilePage) and not app.screen.loading_message)
            await pilot.press("r")
            await until_shown(pilot, "complete: 200 items")
            await pilot.press("h")
            screen = await until_shown(pilot, "Items per second since resume")
            assert "Latency (resumed)" in screen
            await pilot.press("e")
            screen = await until_shown(pilot, "errors only of this run")
            assert re.search(rf"#{refused}[^\n]* 401 ", screen)
            await pilot.press("e", "R")
            await until_shown(pilot, "Run products")
            await pilot.press("space", "ctrl+s")  # everything again: another run
            await until(pilot, lambda: isinstance(app.screen, RunScreen) and not app.screen.job.active)
            await pilot.press("e")
            await until_shown(pilot, "No failures of this run. e: show ")


async def test_question_says_so_when_the_run_ends_and_takes_the_answer(machine: Machine) -> None:
    async with Sandbox(SandboxOptions(products=100, latency_ms=800, settings=BEARER), machine.now) as sandbox:
        app, _ = _opened(machine, sandbox)
        async with app.run_test(size=(80, 24)) as pilot:
            await start_run(pilot)
            await until_shown(pilot, "running")
            await pilot.press("s")
            await until_shown(pilot, "Stop the run?")
            sandbox.change({"sandbox/latency_ms": "0"})
            await pilot.press("ctrl+q")
            await until_shown(pilot, "is running; if you quit")
            await until(pilot, lambda: not app.jobs or not next(iter(app.jobs)).active)
            await pilot.press("n")
            text = await until_shown(pilot, "It has ended meanwhile.")
            assert "✔ complete: 100 items" in text
            assert "Enter/Esc: close" in text
            assert "Stop the run?" not in text
            await pilot.press("y")  # would copy a request, behind the question
            assert isinstance(app.screen, ConfirmScreen)
            assert said(app) == ["y (Yes) does nothing here."]
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(app.screen, RunScreen))


def _is_cut_at_a_line(path: Path) -> None:
    content = path.read_bytes() if path.exists() else b""
    assert content == b"" or content.endswith(b"\n")
    assert len(content.splitlines()) < 200


async def test_refused_run_shows_the_reason(machine: Machine) -> None:
    async with Sandbox(SandboxOptions(products=10), machine.now) as sandbox:  # bearer is refused there
        app, _ = _opened(machine, sandbox)
        async with app.run_test(size=(100, 30)) as pilot:
            await start_run(pilot)
            await until_shown(pilot, "refused after 0 items")
            assert "401" in shown(app)
            assert app.screen.query_one(MessageList).text.startswith("Writing to ")
            assert "\n" not in app.screen.query_one(MessageList).text  # the state says why, once


@pytest.mark.parametrize("size", [(120, 36), (80, 24), (110, 24)])
async def test_the_request_that_a_store_refused_is_in_view_below_its_reason(
    machine: Machine, size: tuple[int, int]
) -> None:
    async with Sandbox(SandboxOptions(products=100, settings=BEARER), machine.now) as sandbox:
        app, _ = _opened(machine, sandbox)
        async with app.run_test(size=size) as pilot:
            await start_run(pilot)
            await until_shown(pilot, "complete: 100 items")
            await until(pilot, lambda: _rows_below_the_log(app) == 0)
            app.screen.query_one(LogView).exchanges.record(lost(90, purpose="login"))  # of a test, say
            sandbox.change(dict.fromkeys(BEARER, "0"))
            await pilot.press("r")
            await until(pilot, lambda: isinstance(app.screen, RunScreen) and app.screen.job.metrics.summary is not None)
            await until_shown(pilot, "refused after 0 items")
            panel = app.screen.query_one(LogPanel)
            selected = panel.view.selected
            assert selected is not None
            assert selected.status == 401
            await until(pilot, lambda: f"› #{selected.number}" in shown(app))  # its row
            await until_shown(pilot, "GET /rest/all/V1/products")
            assert panel.has_class("side") is (size[0] >= 100)
            assert panel.detail.region.height >= 6
            assert app.screen.max_scroll_y == 0
            await until(pilot, lambda: _rows_below_the_log(app) == 0)
            await pilot.press("e")
            screen = await until_shown(pilot, "errors only of this run (e: 1 other)")
            assert "2 failed, 1 of this run" in screen
            assert [panel.view.exchange_at(index) for index in range(len(panel.view.view))] == [selected]


async def test_reason_of_a_failed_run_is_complete_on_a_narrow_screen(machine: Machine) -> None:
    async with Sandbox(SandboxOptions(products=10), machine.now) as sandbox:
        app, written = _opened(machine, sandbox)
        name, profile = "SHOP_TOKEN_" * 14, written.with_name("acme.toml")
        app.machine = replace(app.machine, environ={name: "CANARY\x01"})
        profile.write_text(profile.read_text().replace("SHOP_TOKEN", name))
        async with app.run_test(size=(80, 24)) as pilot:
            await start_run(pilot)
            await until_shown(pilot, "failed after 0 items")
            state = "".join(str(app.screen.query_one("#run-state", Static).content).split())
            assert f"environmentvariable{name}containsalinebreak" in state
            await until(pilot, lambda: state in "".join(shown(app).translate({ord("▌"): None}).split()))


async def test_a_run_is_drawn_behind_the_question_for_its_secret(machine: Machine) -> None:
    async with Sandbox(SandboxOptions(products=5, settings=BEARER), machine.now) as sandbox:
        app, written = _opened(replace(machine, environ={}), sandbox)
        path = written.with_name("acme.toml")
        path.write_text(path.read_text().replace('"products.jsonl"', '"out/products.jsonl"'))
        written.with_name("out").write_text("")
        app.machine.environ.pop("SHOP_TOKEN")
        async with app.run_test(size=(80, 24)) as pilot:
            await start_run(pilot)
            await until_shown(pilot, "field File of its Sink")  # what needs no secret is checked first
            written.with_name("out").unlink()
            await pilot.press("q")
            await until(pilot, lambda: isinstance(app.screen_stack[-1], profile_screen.ProfileScreen))
            await pilot.press("r")
            await until_shown(pilot, "SHOP_TOKEN is not set")
            behind = shown(app)
            assert "Acme store  run products" in behind.splitlines()[0]
            assert "Items per second" in behind
            assert not app.screen_stack[-2].show_vertical_scrollbar
            await pilot.press("escape")
            await until(pilot, lambda: isinstance(app.screen_stack[-1], profile_screen.ProfileScreen))


async def test_items_for_standard_output_are_not_written_to_the_screen(machine: Machine) -> None:
    async with Sandbox(SandboxOptions(products=4, settings=BEARER), machine.now) as sandbox:
        app, written = _opened(machine, sandbox)
        saved = written.with_name("acme.toml")
        saved.write_text(
            saved.read_text().replace('{ kind = "jsonl", path = "products.jsonl" }', '{ kind = "singer" }')
        )
        async with app.run_test(size=(100, 30)) as pilot:
            await start_run(pilot)
            await until_shown(pilot, "Its items go to standard output")
            await until_shown(pilot, "tui-connector run acme products |")
            assert "No requests yet" in shown(app)
    assert not written.exists()


async def test_a_run_that_waits_for_its_store_is_shown_so_everywhere(machine: Machine) -> None:
    def away(asked: SearchRequest, items: list[Item]) -> bytes | None:
        return reply("503 Service Unavailable", b"", "Retry-After: 60") if asked.after >= 5 else None

    async with listing(products(*range(1, 21)), away) as store:
        machine.directories.profiles.mkdir(parents=True)
        text = PROFILE.replace("URL", store.url)
        (machine.directories.profiles / "acme.toml").write_text(text)
        app = ConnectorApp(replace(machine, environ={"SHOP_TOKEN": "CANARY-token"}), no_demo)
        async with app.run_test(size=(120, 36)) as pilot:
            await start_run(pilot)
            await until_shown(pilot, "waiting for the store")
            await pilot.press("q")
            await until_shown(pilot, "Last run: ! waiting, 5 items")
            await pilot.press("q")
            await until_shown(pilot, "waiting, 5 items")
            await pilot.press("L")
            await until(pilot, lambda: isinstance(app.screen, LastRunsScreen) and "waiting" in shown(app))


async def test_other_screens_are_open_while_a_run_continues(machine: Machine) -> None:
    async with Sandbox(SandboxOptions(products=200, latency_ms=500, settings=BEARER), machine.now) as sandbox:
        app, written = _opened(machine, sandbox)
        async with app.run_test(size=(100, 30)) as pilot:
            await start_run(pilot)
            await until_shown(pilot, "running")
            await pilot.press("q")
            await until_shown(pilot, "▶ products")
            await pilot.press("q")
            await until(pilot, lambda: isinstance(app.screen, HomeScreen))
            assert "F4" in (await until_shown(pilot, "▶ products")).splitlines()[0]
            await pilot.press("ctrl+q")
            await until_shown(pilot, "products (acme) is running; if you quit")
            await pilot.press("n", "O")
            await until(pilot, lambda: isinstance(app.screen, RunScreen))
            await pilot.press("q")
            await until(pilot, lambda: isinstance(app.screen, HomeScreen))
            sandbox.change({"sandbox/latency_ms": "0"})
            await until(pilot, lambda: "✔ products" in shown(app).splitlines()[0])
            await until_shown(pilot, "✔ products, just now")
            await pilot.press("f4")
            await until_shown(pilot, "complete: 200 items")
            await pilot.press("q")
            await until(pilot, lambda: isinstance(app.screen, HomeScreen) and "F4" not in shown(app).splitlines()[0])
    assert len(set(written.read_bytes().splitlines())) == 200


async def test_the_clock_and_the_waits_are_true_while_the_store_is_down(machine: Machine) -> None:
    sandbox = Sandbox(SandboxOptions(products=400, latency_ms=200, settings=BEARER), machine.now)
    await sandbox.start()
    app, written = _opened(machine, sandbox)
    profile, retry = written.with_name("acme.toml"), '\nkind = "retry"\nattempts = 2\nwait = "2s"\n'
    table = "[[clients.magento.plugins]]"
    profile.write_text(profile.read_text().replace(table, f"{table}{retry}\n{table}", 1))
    async with app.run_test(size=(80, 24)) as pilot:
        await start_run(pilot)
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        assert isinstance(app.screen, RunScreen)
        job = app.screen.job
        await until(pilot, lambda: job.metrics.progress.items > 0)
        await sandbox.close()
        # the last one, the third where the connection had been kept open: it was resent over another one at once
        last = re.compile(r"attempt ([23]) of \1, next in ")
        await until(pilot, lambda: last.search(" ".join(shown(app).replace("▌", "").split())) is not None)
        await until_shown(pilot, "waiting for the store, up to 5:00 min, next in")
        await until_shown(pilot, "In flight 0 of")
        app.screen.set_focus(app.screen.query_one(LogView))
        await until_shown(pilot, " t Retry now  / Search")
        before = job.metrics.progress.seconds
        await until(pilot, lambda: job.metrics.progress.seconds > before + 1)
        await until_shown(pilot, "retrying in 2 s")
        await pilot.press("l")  # the log on the whole screen
        await until(pilot, lambda: "waiting for the store" in shown(app).splitlines()[0])


async def test_options_are_offered_before_a_run(machine: Machine) -> None:
    async with Sandbox(SandboxOptions(products=40, settings=BEARER), machine.now) as sandbox:
        app, written = _opened(machine, sandbox)
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.press("enter")
            await until_shown(pilot, "products")
            await pilot.press("end", "up", "R")
            await until_shown(pilot, "start over and read everything")
            await pilot.press("tab", *"ten", "enter")
            await until_shown(pilot, "Must be a whole number")
            await pilot.press("ctrl+u", "1", "2", "enter")
            await until_shown(pilot, "stopped at the limit after 12 items")
            await until_shown(pilot, "12 of 12")
            await pilot.press("R")
            await until_shown(pilot, "start over and read everything")
            await pilot.press("space", "ctrl+s")
            await until_shown(pilot, "complete: 40 items")
    assert len(written.read_bytes().splitlines()) == 40


async def test_the_newest_message_is_in_view_until_the_user_scrolls_up(machine: Machine) -> None:
    said = [RunMessage(machine.now(), f"message {number} " + "word " * 5) for number in range(30)]
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(80, 24)) as pilot:
        listed = MessageList(id="messages")
        listed.styles.width, listed.styles.height = 60, 10
        await app.screen.mount(listed)
        listed.show(said[:3], 0)
        listed.show(said[:20], 0)
        await until(pilot, lambda: listed.max_scroll_y > 0 and listed.is_vertical_scroll_end)
        await pilot.pause()
        listed.styles.width, listed.styles.height = 40, 5
        await until(
            pilot, lambda: listed.size.height < 6 and listed.is_vertical_scroll_end and "message 19" in shown(app)
        )
        listed.scroll_home(animate=False, force=True)
        await until(pilot, lambda: listed.scroll_offset.y == 0)
        listed.show(said, 0)
        await pilot.pause()
        assert listed.scroll_offset.y == 0
