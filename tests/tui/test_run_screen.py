"""Running an incoming from the profile's page: seen, stopped, gone on with."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from screens import shown, until, until_shown

from tui_connector.machine import Machine
from tui_connector.runs.progress import Progress, Summary
from tui_connector.sandbox.server import Sandbox, SandboxOptions
from tui_connector.tui.app import ConnectorApp
from tui_connector.tui.run import RunScreen, RunView, bar, sparkline
from tui_connector.tui.setup.context import DemoStore

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
BEARER = {"oauth/consumer/enable_integration_as_bearer": "1"}


async def no_demo() -> DemoStore:
    raise AssertionError("no demo here")


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
            await pilot.press("r")  # the only one there is
            await until_shown(pilot, "complete: 40 items")
            assert "40 of 40 items" in shown(app)
            assert "run products → products.jsonl" in shown(app)
            await pilot.press("q")
            await until(pilot, lambda: not isinstance(app.screen, RunScreen))
            await pilot.press("q")
            await until_shown(pilot, "✔ complete, 40 items")
    assert len(written.read_bytes().splitlines()) == 40


async def test_run_is_stopped_after_confirmation_and_resumes(machine: Machine) -> None:
    async with Sandbox(SandboxOptions(products=400, latency_ms=800, settings=BEARER), machine.now) as sandbox:
        app, written = _opened(machine, sandbox)
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.press("enter")
            await until_shown(pilot, "products")
            await pilot.press("end", "r")
            await until_shown(pilot, "running")
            await pilot.press("s")
            await until_shown(pilot, "Stop the run?")
            await pilot.press("y")
            await until_shown(pilot, "stopped after")
            await asyncio.to_thread(_is_cut_at_a_line, written)
            sandbox.change({"sandbox/latency_ms": "0"})
            await pilot.press("r")
            await until_shown(pilot, "complete: 400 items")
    assert len(set(written.read_bytes().splitlines())) == 400


@pytest.mark.parametrize(("key", "question"), [("s", "Stop the run?"), ("q", "Stop it and go back?")])
async def test_question_closes_when_the_run_ends(machine: Machine, key: str, question: str) -> None:
    async with Sandbox(SandboxOptions(products=100, latency_ms=800, settings=BEARER), machine.now) as sandbox:
        app, _ = _opened(machine, sandbox)
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.press("enter")
            await until_shown(pilot, "products")
            await pilot.press("end", "r")
            await until_shown(pilot, "running")
            await pilot.press(key)
            await until_shown(pilot, question)
            sandbox.change({"sandbox/latency_ms": "0"})
            await until_shown(pilot, "complete: 100 items")
            await until(pilot, lambda: isinstance(app.screen, RunScreen))
            assert question not in shown(app)


def _is_cut_at_a_line(path: Path) -> None:
    content = path.read_bytes() if path.exists() else b""
    assert content == b"" or content.endswith(b"\n")
    assert len(content.splitlines()) < 400


async def test_refused_run_shows_the_reason(machine: Machine) -> None:
    async with Sandbox(SandboxOptions(products=10), machine.now) as sandbox:  # bearer is refused there
        app, _ = _opened(machine, sandbox)
        async with app.run_test(size=(100, 30)) as pilot:
            await pilot.press("enter")
            await until_shown(pilot, "products")
            await pilot.press("end", "r")
            await until_shown(pilot, "refused after 0 items")
            assert "401" in shown(app)


async def test_reason_of_a_failed_run_is_complete_on_a_narrow_screen(machine: Machine) -> None:
    async with Sandbox(SandboxOptions(products=10), machine.now) as sandbox:
        app, _ = _opened(machine, sandbox)
        app.machine = replace(app.machine, environ={})
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.press("enter")
            await until_shown(pilot, "products")
            await pilot.press("end", "r")
            await until_shown(pilot, "failed after 0 items")
            said = " ".join(shown(app).split())
            assert "The environment variable SHOP_TOKEN is not set. " in said
            assert "…" not in said[said.rindex("The environment variable") : said.index("Requests ")]


async def test_items_for_standard_output_are_not_written_to_the_screen(machine: Machine) -> None:
    async with Sandbox(SandboxOptions(products=4, settings=BEARER), machine.now) as sandbox:
        app, written = _opened(machine, sandbox)
        saved = written.with_name("acme.toml")
        saved.write_text(
            saved.read_text().replace('{ kind = "jsonl", path = "products.jsonl" }', '{ kind = "singer" }')
        )
        async with app.run_test(size=(100, 30)) as pilot:
            await pilot.press("enter")
            await until_shown(pilot, "products")
            await pilot.press("end", "r")
            await until_shown(pilot, "Its items go to standard output")
            await until_shown(pilot, "tui-connector run acme products |")
            assert "No requests yet" in shown(app)
    assert not written.exists()


def test_nothing_is_in_flight_once_a_run_was_stopped() -> None:
    view = RunView(Progress(items=5, requests=4, in_flight=4, limit=4))
    assert " 4  of 4 · 4 requests" in view.lines(78)[-1]
    view.summary = Summary("products", "stopped", 5, 0, 0, 2.0, 4, 0, "Stopped by the user")
    assert " 0  of 4 · 4 requests" in view.lines(78)[-1]


def test_figures_fit_the_width_and_show_the_remaining_time() -> None:
    view = RunView()
    for second in range(1, 200):
        view.add_sample(
            Progress(items=second * 100, expected=100_000, seconds=float(second), latency=0.05, in_flight=4, limit=8)
        )
    lines = view.lines(78)
    assert all(len(line) <= 78 for line in lines)
    assert "left" in lines[0]
    assert "20%" in lines[1]
    assert "100/s" in lines[2]


def test_a_bar_and_a_sparkline() -> None:
    assert bar(5, 10, 60).count("█") == bar(5, 10, 60).count("░")
    assert bar(5, None, 60) == "5 items"
    assert sparkline([0, 1, 2, 4], 10) == "▁▂▄█"
    assert sparkline([], 10) == sparkline([0.0], 10) == ""
