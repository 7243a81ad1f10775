"""Sending an outgoing from the profile's page: planned, confirmed, sent, corrected, undone."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from guide_steps import no_demo
from runs import BEARER
from screens import shown, until, until_shown

from tui_connector.machine import Machine
from tui_connector.outgoing.changes import EntityChange, FieldChange
from tui_connector.outgoing.plan import PlanEntry
from tui_connector.sandbox.server import Sandbox, SandboxOptions
from tui_connector.templates import Json
from tui_connector.tui.app import ConnectorApp
from tui_connector.tui.log.screens import RequestsScreen
from tui_connector.tui.run.charts import MessageList
from tui_connector.tui.send.job import Plan, PlanRow, SendJob
from tui_connector.tui.send.plan_view import change_text, row_detail, type_change
from tui_connector.tui.send.screen import SendScreen
from tui_connector.tui.setup.screen import SetupScreen
from tui_connector.tui.widgets.text_areas import JsonField

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
[[clients.magento.plugins]]
kind = "content-type"
[outgoing.stock]
client = "magento"
source = { kind = "csv", path = "stock.csv", columns = { quantity = "number", status = "integer" } }
identifier = "sku"
batch = 20
request = { method = "post", uri = "inventory/source-items", parameters = { sourceItems = "&{@}" } }
compare = { preset = "stock" }
"""
COMPARE = 'compare = { preset = "stock" }\n'
ROWS = ("SYNC-0001,default,700,1", "SYNC-0002,default,8.5,1", "NO-SUCH,nowhere,1,1")


class Shop:
    """The program at the page of a profile whose outgoing sends stock to a sandbox."""

    def __init__(self, app: ConnectorApp, pilot: Any, sandbox: Sandbox, profile: Path) -> None:
        self.app, self.pilot, self.sandbox, self.profile = app, pilot, sandbox, profile

    def write(self, *rows: str) -> None:
        self.profile.with_name("stock.csv").write_text("\n".join(["sku,source_code,quantity,status", *rows]) + "\n")

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def shows(self, *texts: str) -> str:
        for text in texts:
            await until_shown(self.pilot, text)
        return shown(self.app)

    async def plan(self) -> str:
        """Opens the plan of the outgoing."""
        await self.press("enter")
        await self.shows("stock")
        await self.press("end", "r")
        return await self.shows("not sent yet")

    async def leave(self) -> None:
        await self.press("q")
        await until(self.pilot, lambda: not isinstance(self.app.screen, SendScreen))

    def job(self) -> SendJob:
        """The job of the screen of the run."""
        screen = self.app.screen
        assert isinstance(screen, SendScreen)
        return screen.job

    def writes(self) -> int:
        """Requests that could have changed the store."""
        return sum(
            entry["method"] == "POST" and str(entry["path"]).endswith("source-items")
            for entry in self.sandbox.journal()
        )


@contextlib.asynccontextmanager
async def shop(
    machine: Machine,
    *rows: str,
    profile: str = PROFILE,
    size: tuple[int, int] = (100, 34),
    editor: str = "true",
    **options: Any,
) -> AsyncIterator[Shop]:
    async with Sandbox(SandboxOptions(products=60, settings=BEARER, **options), machine.now) as sandbox:
        machine.directories.profiles.mkdir(parents=True)
        path = machine.directories.profiles / "acme.toml"
        path.write_text(profile.replace("URL", sandbox.url))
        integrations = sandbox.description()["integrations"]
        assert isinstance(integrations, dict)
        environ = {"SHOP_TOKEN": integrations["full"]["access_token"], "EDITOR": editor}
        app = ConnectorApp(replace(machine, environ={**machine.environ, **environ}), no_demo)
        app.without_terminal = contextlib.nullcontext  # type: ignore[method-assign,assignment]  # there is none here
        async with app.run_test(size=size, notifications=True) as pilot:
            found = Shop(app, pilot, sandbox, path)
            found.write(*(rows or ROWS))
            yield found


async def test_a_plan_is_shown_and_sent_only_after_a_confirmation(machine: Machine) -> None:
    async with shop(machine, *ROWS[:2]) as acme:
        screen = await acme.plan()
        assert "0 to create, 2 to change, 0 unchanged" in screen
        assert "~ change     SYNC-0002" in screen
        assert "→ 8.5" in screen
        await acme.press("T")
        await acme.shows("Nothing has been sent yet.", "Plan: 2 entities")
        await acme.press("s")
        await acme.shows("Nothing is running. a sends what the plan says.")
        await acme.press("S")
        await acme.shows("S is no key here: ? lists the keys. / finds an entity.")
        await acme.press("a")
        await acme.shows(f"Send 2 entities to Acme store ({acme.sandbox.url}/rest/all/V1/)", "2 to change")
        await acme.press("n")
        await acme.shows("not sent yet")
        assert acme.writes() == 0
        await acme.press("a")
        await acme.shows("2 entities to Acme store")
        await acme.press("y")
        await acme.shows("complete: 2 finished")
        assert "decimal point, columns sku" in acme.app.screen.query_one(MessageList).text  # noted while planning
        assert acme.writes() == 1
        await acme.press("r")
        await acme.shows("Nothing to send: 0 to create, 0 to change, 2 unchanged")
        await acme.leave()


async def test_a_store_in_production_is_sent_to_once_its_name_was_typed(machine: Machine) -> None:
    live = PROFILE.replace('authentications = ["integration"]', 'authentications = ["integration"]\nproduction = true')
    async with shop(machine, *ROWS[:2], profile=live, size=(80, 24)) as acme:
        assert "PRODUCTION" in (await acme.plan()).splitlines()[0]
        await acme.press("a")
        await acme.shows("Type the store's name to send: Acme store")
        await acme.press(*"yes", "enter")
        await acme.shows("'yes' is not the name")
        assert acme.writes() == 0
        await acme.press("ctrl+u", *"Acme", "space", *"store", "enter")
        await acme.shows("complete: 2 finished")


async def test_the_last_run_is_taken_back_after_its_plan(machine: Machine) -> None:
    async with shop(machine, *ROWS[:2], "NO-SUCH,default,1,1") as acme:
        assert "1 to create, 2 to change" in await acme.plan()
        await acme.press("a", "y")
        await acme.shows("complete: 3 finished")
        await acme.press("u")
        await acme.shows("Plan to undo run 1, not sent yet: 2 to restore, 1 created (kept); d deletes", "quantity: 700")
        await acme.shows("= kept")
        assert acme.writes() == 1
        await acme.press("d")
        await acme.shows("2 to restore, 1 to delete", "- delete")
        await acme.press("a")
        await acme.shows("Undo run 1 (3 entities) in Acme store", "2 to restore, 1 to delete")
        await acme.press("y")
        await acme.shows("✔ run 1 undone: 3 finished")
        job = acme.job()
        assert job.metrics.progress.items == 3  # of the restoring and the deleting run
        assert job.metrics.summary is not None
        assert job.metrics.progress.requests == job.metrics.summary.requests
        await acme.press("u")
        await acme.shows("run 3, which undid run 1:")
        await acme.press("r")
        await acme.shows("1 to create, 2 to change", "Last: run 3, undo of run 1")  # as before the run
        await acme.leave()
        await acme.shows("Last run: ✔ undo of run 1: complete,", "3 finished, ", "r Plan")  # by both of its runs
        assert "changed" not in shown(acme.app)  # the settings of an undo are its own
        await acme.press("T")
        await acme.shows("Acme store  tasks of stock: run 3, undo of run 1, complete", "State and reason · began 20")


async def test_an_undo_is_not_complete_where_the_store_keeps_what_was_sent(machine: Machine) -> None:
    """The rules of this profile do not know that the store keeps the dates of a special price."""
    compare = 'compare = { preset = "special-prices", rules = { price_from = {} } }\n'
    prices = PROFILE.replace("inventory/source-items", "products/special-price").replace("sourceItems", "prices")
    source = '"csv", path = "stock.csv", columns = { quantity = "number", status = "integer" }'
    prices = prices.replace(source, '"jsonl", path = "prices.jsonl"')
    async with shop(machine, profile=prices.replace(COMPARE, compare)) as acme:
        row = {"sku": "SYNC-0001", "store_id": 0, "price": 9}
        file = acme.profile.with_name("prices.jsonl")
        file.write_text(json.dumps(row))
        await acme.plan()
        await acme.press("a", "y")
        await acme.shows("complete: 1 finished")
        file.write_text(json.dumps(row | {"price_from": "2026-01-01 00:00:00"}))
        await acme.press("r")
        await acme.shows("1 to change")
        await acme.press("a", "y")
        await acme.shows("complete: 1 finished")
        await acme.press("u")
        await acme.shows("Plan to undo run 2, not sent yet: 1 to restore")
        await acme.press("a", "y")
        await acme.shows("✘ undo of run 2 ended: 1 finished, 1 not restored", "SYNC-0001: the store has accepted")


async def test_plan_and_undo_say_that_they_wait_for_the_store_and_a_key_ends_the_pause(machine: Machine) -> None:
    async def sleep(_: float) -> None:
        await asyncio.Event().wait()  # only a key ends the pause

    async with shop(replace(machine, sleep=sleep), *ROWS[:2], size=(80, 24)) as acme:
        await acme.plan()
        await acme.press("a", "y")
        await acme.shows("complete: 2 finished")
        for key, planned in (("r", "Nothing to send: 0 to create"), ("u", "not sent yet: 2 to restore")):
            acme.sandbox.change({"sandbox/maintenance": "1"})
            await acme.press(key)
            await acme.shows("next in", "t Retry now")
            said = " ".join(shown(acme.app).replace("▌", "").split())
            assert "! comparing with the store · 0 entities · waiting for the store, up to 5:00 min, next in" in said
            requests = len(acme.sandbox.journal())
            await acme.press("t")
            await until(acme.pilot, lambda requests=requests: len(acme.sandbox.journal()) > requests)
            acme.sandbox.change({"sandbox/maintenance": "0"})
            await acme.shows("t Retry now")
            await acme.press("t")
            await acme.shows(planned)
        acme.sandbox.change({"sandbox/maintenance": "1"})
        await acme.press("a", "y")  # which compares first
        await acme.shows("waiting for the store, up to 5:00 min, next in")
        await acme.press("s", "y")
        await acme.shows("by you")  # at once


async def test_a_stopped_run_is_resumed_from_its_plan(machine: Machine) -> None:
    rows = [f"SYNC-{number:04},default,{700 + number},1" for number in range(1, 41)]
    slow = PROFILE.replace("batch = 20", "batch = 2")
    async with shop(machine, *rows, profile=slow) as acme:
        await acme.plan()
        acme.sandbox.change({"sandbox/latency_ms": "700"})
        await acme.press("a", "y")
        await acme.shows("running")
        await until(acme.pilot, lambda: acme.writes() > 0)
        await acme.press("s")
        await acme.shows("Stop the run?")
        await acme.press("y")
        await acme.shows("stopped by you after")
        acme.write("SYNC-0001,default,1,1")  # what is sent is the plan
        acme.sandbox.change({"sandbox/latency_ms": "0"})
        await acme.press("r")  # nor does a new plan, which is not sent, replace it
        await acme.shows("not sent yet", "c resumes it")
        await acme.press("c")
        await acme.shows("of run 1")
        await acme.press("y")
        await acme.shows("complete: 40 finished")


async def test_options_of_a_plan(machine: Machine) -> None:
    async with shop(machine, size=(80, 24)) as acme:
        await acme.press("enter")
        await acme.shows("stock")
        await acme.press("end", "R")
        await acme.shows("also send unchanged entities")
        await acme.press("tab", *"x", "enter")
        await acme.shows("Must be a whole number")
        await acme.press("backspace", "1", "enter")
        await acme.shows("0 to create, 1 to change")
        await acme.press("a", "y")
        await acme.shows("complete: 1 finished")
        await acme.press("R")
        await acme.shows("also send unchanged entities")
        await acme.press("space", "tab", "1", "ctrl+s")
        await acme.shows("1 unchanged, sent as well")
        await acme.press("a", "y")
        await acme.shows("complete: 1 finished")
        assert acme.writes() == 2


async def test_entities_that_are_not_compared_are_listed_and_sent(machine: Machine) -> None:
    async with shop(machine, *ROWS[:2], "NO-SUCH", profile=PROFILE.replace(COMPARE, "")) as acme:
        screen = await acme.plan()
        assert "2 to send (not compared), 1 that cannot be sent" in " ".join(screen.split())
        assert "→ send       SYNC-0001" in screen
        await acme.press("slash", *"0002")
        await until(acme.pilot, lambda: "SYNC-0001" not in shown(acme.app).partition("Requests")[0])
        await acme.press("escape")
        await acme.shows("SYNC-0001")
        await acme.press("slash", *"0002", "enter", "f", "down", "enter")
        await acme.shows("1 entity · filter send, 0002 · Esc shows all", " Esc Show all  Enter Show")
        await acme.press("escape")
        await acme.shows("SYNC-0001", "Plan: 3 entities ─", " Enter Show  a Apply")
        await acme.press("end", "enter")
        await acme.shows("✘ bad line · line 4", "│ NO-SUCH")
        await acme.press("escape", "f")
        await acme.shows("send 2")
        await acme.press("down", "enter")
        await until(acme.pilot, lambda: "✘ bad line" not in shown(acme.app))


async def test_why_a_plan_cannot_be_made_is_shown(machine: Machine) -> None:
    profile = PROFILE.replace('path = "stock.csv"', 'path = "missing.csv"')
    async with shop(machine, profile=profile, size=(80, 24)) as acme:
        await acme.press("enter")
        await acme.shows("stock")
        await acme.press("end", "r")
        await acme.shows("missing.csv", "No such file or directory")
        await acme.shows("sku,source_code,quantity,status")


async def test_standard_input_is_sent_by_the_command(machine: Machine) -> None:
    source = next(line for line in PROFILE.splitlines() if line.startswith("source = "))
    profile = PROFILE.replace(source, 'source = { kind = "stdin", format = "jsonl" }')
    async with shop(machine, profile=profile) as acme:
        await acme.press("enter")
        await acme.shows("stock")
        await acme.press("end", "r")
        await acme.shows("Its entities come from standard input", "tui-connector run acme stock")


async def test_a_failed_task_is_found_corrected_and_sent_again(machine: Machine) -> None:
    """Plan, apply, find the failed task, edit it, send it again, take all back."""
    async with shop(machine, editor="sed -i -e s/nowhere/default/ -e s/^x//") as acme:
        assert "1 to create, 2 to change" in await acme.plan()
        await acme.press("a", "y")
        await acme.shows("ended: 2 finished, 1 failed")
        await acme.press("T")
        await acme.shows("✘         1  failed", "The store responded", "Enter Tasks", "›")
        await acme.press("enter", "enter")
        await acme.shows('"source_code": "nowhere"', "✘ failed")
        await acme.press("e")
        await acme.shows("Edit NO-SUCH")
        await acme.press("ctrl+s")
        await acme.shows("Unchanged: nothing is sent.", "l shows it.")  # on the task again
        await acme.press("e")
        await acme.shows("Edit NO-SUCH")
        await acme.press("x", "ctrl+s")
        await acme.shows("Invalid JSON")
        await acme.press("ctrl+o")  # the user's own editor
        await until(acme.pilot, lambda: "Invalid JSON" not in shown(acme.app))
        await acme.press("ctrl+s")
        await acme.shows(f"Send 1 task of run 1 to Acme store ({acme.sandbox.url})", "NO-SUCH", '→ "default"')
        await acme.shows("! the store has no product with this sku", "In the store, it would create NO-SUCH:")
        writes = acme.writes()
        await acme.press("y")
        await acme.shows("complete: 3 finished")
        assert acme.writes() == writes + 1
        messages = acme.app.screen.query_one(MessageList)
        assert "failed" not in f"{messages.border_title} {messages.text}"  # this run has solved what failed before
        await acme.press("u")
        await acme.shows("2 to restore, 1 created (kept)")
        await acme.press("a", "y")
        await acme.shows("run 1 undone: 2 finished")


async def test_a_group_of_tasks_is_exported_skipped_and_sent_again(machine: Machine) -> None:
    async with shop(machine, "A,nowhere,1,1", "B,nowhere,2,1", ROWS[0], size=(80, 24)) as acme:
        await acme.plan()
        await acme.press("a", "y")
        await acme.shows("ended: 1 finished, 2 failed")
        await acme.leave()
        await acme.shows("Last run: ✘ ended, 1 finished, 2 failed", "✘ now\n")
        await acme.press("T")
        await acme.shows("✘         2  failed", "✔         1  finished", '"source_code": "nowhere"')
        await acme.shows("✘ failed    A                  3 attempts · 400: Could not save Source Item")
        exported = acme.profile.with_name("stock-failed.jsonl")
        await acme.press("x")
        await acme.shows("Write the entities of the failed tasks")
        await acme.press("enter")
        await acme.shows("2 entities written")
        assert [json.loads(line)["sku"] for line in exported.read_text().splitlines()] == ["A", "B"]
        await acme.press("x", "enter")
        await acme.shows("cannot be written")
        await acme.press("escape")
        await until(acme.pilot, lambda: "Write the entities" not in shown(acme.app))
        await acme.press("S")
        await acme.shows("2 tasks skipped.", "-         2  skipped")
        writes = acme.writes()
        await acme.press("home")
        await acme.shows("Tasks: 3")
        await until(acme.pilot, lambda: "SYNC-0001" in shown(acme.app))
        await acme.press("end", "R")
        await acme.shows("Send 2 tasks of run 1 to Acme store")
        await acme.press("n")
        await acme.shows("•         2  new")
        assert acme.writes() == writes
        await acme.press("R", "y")
        await acme.shows("ended: 1 finished, 2 failed")
        assert acme.writes() > writes


async def test_requests_of_a_task_are_shown_in_the_log_and_of_an_unreadable_line_the_line(machine: Machine) -> None:
    async with shop(machine, "A,nowhere,1,1", "B,default,many,1", editor="sed -i s/many/12/") as acme:
        await acme.plan()
        await acme.press("a", "y")
        await acme.shows("2 failed")
        await acme.press("T")
        await acme.shows("✘         2  failed")
        await acme.press("enter", "l")
        await until(acme.pilot, lambda: isinstance(acme.app.screen, RequestsScreen))
        await acme.shows("A, line 2", "POST")
        await acme.press("q")
        await acme.shows("✘         2  failed", "e Edit")
        await acme.press("down", "enter")
        screen = await acme.shows("Line 3 of stock.csv, as it is now", "B,default,many,1", "'many' is not a number")
        assert "Resend" not in screen
        assert "e Edit" not in screen
        assert "s Skip  o Open source" in screen
        await acme.press("o")
        await acme.shows("To send what you corrected, plan and send again: q, then r.")
        assert "\nB,default,12,1\n" in acme.profile.with_name("stock.csv").read_text()
        await acme.press("s")
        await acme.shows("1 task skipped.")


async def test_a_sample_is_sent_from_the_guide_by_the_second_press(machine: Machine) -> None:
    async with shop(machine, size=(120, 40)) as acme:
        await acme.press("enter")
        await acme.shows("stock")
        await acme.press("end", "g")
        await until(acme.pilot, lambda: isinstance(acme.app.screen, SetupScreen))
        await acme.shows("e: edit")
        await acme.press("S")
        await acme.shows("Sample (JSON)", "Not sent yet: ")
        assert acme.writes() == 0
        await acme.press("t")
        await acme.shows("Preview for the sample (not sent)")
        sample = acme.app.screen.query_one("#sample", JsonField)
        sample.text = '{"sku": "SYNC-0001", "source_code": "default", "quantity": 700, "status": 1}'
        await acme.shows("SYNC-0001", "Plan sample")
        await acme.press("ctrl+t")
        await acme.shows(
            "Not sent yet: change SYNC-0001: quantity: 23 → 700",
            "S again sends it to",
            "(^T in a field)",
            "Send sample",
        )
        sample.text = sample.text.replace("700", "701")
        await acme.shows("Plan sample")
        await acme.press("ctrl+t")
        await acme.shows("quantity: 23 → 701")
        assert acme.writes() == 0
        await acme.press("ctrl+t")
        await acme.shows("✔ Sent, and accepted by the store · u: undo (F9 in a field)", "Undo sample")
        assert acme.writes() == 1
        await acme.press("u")
        await acme.shows("Not undone yet: restore SYNC-0001: quantity: 701 → 23", "u again undoes it")
        assert acme.writes() == 1
        await acme.press("u")
        await acme.shows("✔ Undone")
        assert acme.writes() == 2
        await acme.press("ctrl+t")
        await acme.shows("Not sent yet: change SYNC-0001: quantity: 23 → 701")
        assert "Undo sample" not in shown(acme.app)
        work = acme.app.screen.work
        work.setup.edit(("clients", "magento", "timeout"), "40s")
        assert not work.is_tested("outgoing", "stock")
        await acme.press("ctrl+t")
        await acme.shows("✔ Sent, and accepted by the store")
        assert work.is_tested("outgoing", "stock")
        await acme.press("ctrl+t")
        await acme.shows("Nothing to send: the store has these values already")
        sample.text = sample.text.replace("default", "nowhere")
        await acme.press("ctrl+t")
        await acme.shows("create SYNC-0001")
        await acme.press("ctrl+t")
        await acme.shows("✘ The store responded with 400")


def test_the_counts_of_a_plan_name_its_warnings() -> None:
    plan = Plan()
    plan.add_entry(PlanEntry(1, {}, EntityChange("A", "create", (), None, "quantity: not a number")))
    plan.add_entry(PlanEntry(2, {}, EntityChange("B", "create", (), None)))
    assert plan.words() == "2 to create, 0 to change, 0 unchanged, 1 with a warning"


@pytest.mark.parametrize(
    ("old", "new", "mark"),
    [
        (12, "many", "number → text"),
        (True, "x", "yes/no → text"),
        ("12", 13, ""),
        (12, "13.5", ""),
        ("a", "b", ""),
        ([1], "a", "list → text"),
        (None, "a", ""),
    ],
)
def test_a_change_of_type_is_marked_in_the_plan(old: Json, new: Json, mark: str) -> None:
    change = FieldChange("quantity", old, new)
    assert type_change(change) == mark
    assert (f"(! {mark})" in change_text(change)) is bool(mark)


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        (240, "5", "240 → 5"),
        ("240.0000", 5, "240.0000 → 5"),
        ("240", "5", '"240" → "5"'),  # perhaps no numbers
        ("a", "5", '"a" → "5" (! text → number)'),
    ],
)
def test_a_number_in_a_text_is_planned_as_the_number_it_replaces(old: Json, new: Json, text: str) -> None:
    change = FieldChange("quantity", old, new)
    assert change_text(change) == f"quantity: {text}"
    detail = row_detail(PlanRow("change", "24-MB01", 2, (change,), "")).plain
    assert ("sent as text" in detail) is (old == 240)


PRICES = """[outgoing.base-prices]
client = "magento"
source = { kind = "jsonl", path = "outgoing/base-prices.jsonl" }
identifier = "sku"
batch = 20
request = { method = "post", uri = "products/base-prices", parameters = { prices = "&{@}" } }
compare = { preset = "base-prices" }
"""


async def test_what_the_store_will_refuse_is_not_promised_as_a_creation(machine: Machine) -> None:
    async with shop(machine, profile=PROFILE + PRICES, size=(80, 24)) as acme:
        source = acme.profile.with_name("outgoing") / "base-prices.jsonl"
        source.parent.mkdir()
        source.write_text('{"sku":"NOPE-1","store_id":0,"price":5}\n{"sku":"24-MB01","store_id":0,"price":5}\n')
        screen = await acme.plan()
        assert "0 to create, 1 to change, 0 unchanged, 1 to be refused" in screen
        assert "✘ refused    NOPE-1             the store has no product with this sku" in screen
        await acme.press("a")
        await acme.shows("1 to be refused")


async def test_a_source_that_does_not_exist_is_written_with_the_sample(machine: Machine) -> None:
    async with shop(machine, profile=PROFILE + PRICES, size=(80, 24), editor="sed -i s/34/35/") as acme:
        source = acme.profile.with_name("outgoing") / "base-prices.jsonl"
        await acme.press("enter")
        await acme.shows("base-prices")
        await acme.press("end", "g")
        await until(acme.pilot, lambda: isinstance(acme.app.screen, SetupScreen))
        await acme.shows("e: edit")
        await acme.press("E")
        await acme.press("ctrl+o")
        await acme.shows('"price": 35')
        edited = acme.app.screen.query_one("#sample", JsonField).text
        await acme.press("escape", "q")  # a sample is no part of the profile, which has not changed
        await acme.shows("base-prices", "r Plan")
        await acme.press("g")
        await until(acme.pilot, lambda: isinstance(acme.app.screen, SetupScreen))
        await acme.shows('"price": 35', "Preview of base-prices (not sent)")
        await acme.press("escape", "q")
        await acme.shows("base-prices", "r Plan")
        token = acme.app.machine.environ.pop("SHOP_TOKEN")
        await acme.press("end", "r")
        await acme.shows("No such file", '"price": 35', "w: write a sample there")  # before a secret is asked for
        acme.app.machine.environ["SHOP_TOKEN"] = token
        await acme.press("a")  # there is no plan: it neither sends nor starts a filter
        await acme.shows("The plan could not be made")
        await acme.press("w")
        await acme.shows("1 to change", "24-MB01", "Sample written:")
        assert json.loads(source.read_text()) == json.loads(edited)
        source.write_text("")
        await acme.press("r")
        await acme.shows("Nothing to send: the source contains no entities")
        await acme.press("w")  # nothing that exists is replaced
        assert source.read_text() == ""
