"""Dialogs: where messages are shown over them, and that none of their text is cut."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from guide_steps import no_demo
from screens import shown, until, until_shown
from textual.screen import Screen
from textual.widgets._toast import ToastRack

from tui_connector.machine import Machine
from tui_connector.tui.app import ConnectorApp
from tui_connector.tui.dialogs import EntryScreen, SecretEntryScreen
from tui_connector.tui.help import HelpScreen
from tui_connector.tui.run.options import RunOptionsScreen
from tui_connector.tui.send.options import SendOptionsScreen
from tui_connector.tui.widgets.choice import ChoiceScreen
from tui_connector.tui.widgets.dialog_panel import DialogPanel
from tui_connector.tui.widgets.questions import AllowScreen, ConfirmScreen, DiscardScreen, UnsavedScreen, WorkAnswer

LONG = "\n".join(f"line {number}" for number in range(60))
MESSAGES = ("One line.", "A message that takes several lines. " * 6)


async def as_typed(text: str) -> str:
    return text


@pytest.mark.parametrize("size", [(80, 24), (140, 45)])
@pytest.mark.parametrize(
    "dialog",
    [
        lambda: AllowScreen(LONG),
        lambda: ConfirmScreen("Delete it?", details=None),
        lambda: DiscardScreen(),
        lambda: EntryScreen(LONG, apply=as_typed),
        lambda: SecretEntryScreen("Token:"),
        lambda: ChoiceScreen({str(number): f"Choice {number}" for number in range(60)}),
        lambda: RunOptionsScreen("products"),
        lambda: SendOptionsScreen("stock"),
    ],
)
async def test_a_message_covers_no_part_of_a_dialog(
    machine: Machine, size: tuple[int, int], dialog: Callable[[], Screen[object]]
) -> None:
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=size, notifications=True) as pilot:
        await app.push_screen(dialog())
        screen = app.screen
        for message in MESSAGES:
            app.notify(message, markup=False)
            await until(pilot, lambda message=message: message[:9] in shown(app))  # type: ignore[misc]
            messages = [each.region for each in screen.query("Toast")]
            panels = [each.region for each in screen.children if each.region and not isinstance(each, ToastRack)]
            assert panels
            assert not [(each, panel) for each in messages for panel in panels if each.overlaps(panel)]


async def test_a_message_has_rows_of_its_own_on_a_screen(machine: Machine) -> None:
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, lambda: "No profiles yet" in shown(app))
        for message in MESSAGES:
            app.notify(message, markup=False)
            await until(pilot, lambda message=message: message[:9] in shown(app))  # type: ignore[misc]
            messages = [each.region for each in app.screen.query("Toast")]
            parts = [each.region for each in app.screen.children if each.region and not isinstance(each, ToastRack)]
            assert len(parts) > 2
            assert not [(each, part) for each in messages for part in parts if each.overlaps(part)]


@pytest.mark.parametrize("size", [(80, 24), (140, 45)])
async def test_no_answer_is_cut(machine: Machine, size: tuple[int, int]) -> None:
    long = f"Write it to {' and '.join(f'file-{number}.jsonl' for number in range(12))} once"
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=size) as pilot:
        for dialog, answers in (
            (ChoiceScreen({"a": "Short", "b": long, "c": "Last"}, "b", question="Where?"), ["Short", long, "Last"]),
            (ConfirmScreen("Write it?", yes=long, no="Do not"), [f"y  {long}", "n  Do not"]),
            (ConfirmScreen("Write it?", yes="x" * 40, no="z" * 40), [f"y  {'x' * 40}", f"n  {'z' * 40}"]),
            (UnsavedScreen({"save": "s" * 30, "discard": "d" * 30}, question="Save?", stay="t" * 30), ["Esc  ttt"]),
        ):
            await app.push_screen(dialog)
            panel = app.screen.query_one(DialogPanel)
            await until(pilot, lambda panel=panel: bool(panel.region))  # type: ignore[misc]
            for answer in answers:
                await until(pilot, lambda answer=answer: answer in inside(app))  # type: ignore[misc]
            assert "Enter" in shown(app).split("\n")[panel.region.bottom - 1]
            app.pop_screen()


def inside(app: ConnectorApp) -> str:
    """The text of the dialog, without the ends of its lines."""
    region = app.screen.query_one(DialogPanel).content_region
    lines = shown(app).split("\n")[region.y : region.bottom]
    return " ".join(" ".join(line[region.x : region.right].strip() for line in lines).split(" "))


async def test_a_question_says_which_keys_answer_it_where_another_one_is_pressed(machine: Machine) -> None:
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        for dialog, key, words in (
            (DiscardScreen(), "y", "y is not an answer here. ^D: Discard · Esc: Keep editing"),
            (DiscardScreen(), "n", "n is not an answer here."),
            (ConfirmScreen("Delete it?", yes="Delete", no="Keep"), "d", "d is not an answer here. y: Delete · n: Keep"),
        ):
            app.push_screen(dialog)
            await until(pilot, lambda dialog=dialog: app.screen is dialog and dialog.is_mounted)  # type: ignore[misc]
            await pilot.press(key)
            await until_shown(pilot, words)
            await pilot.press("escape")
            await until(pilot, lambda dialog=dialog: app.screen is not dialog)  # type: ignore[misc]


async def test_the_help_of_a_question_says_what_its_keys_do(machine: Machine) -> None:
    options: dict[WorkAnswer, str] = {"restore": "Resume", "discard": "Discard and reload the file"}
    dialog = UnsavedScreen(options, question="There are unsaved changes.", stay="Decide later", title="Draft")
    app = ConnectorApp(machine, no_demo)
    async with app.run_test(size=(80, 30)) as pilot:
        answer = asyncio.get_running_loop().create_future()
        app.push_screen(dialog, answer.set_result)
        await until_shown(pilot, "r/Enter: resume")
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        keys = {line.strip("│ ") for line in shown(app).split("\n")}
        assert {"Enter          Resume", "Esc/q          Decide later"} <= keys
        assert "Last runs" not in shown(app)  # its key does nothing here
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is dialog)
        await pilot.press("q")
        await until(pilot, answer.done)
        assert answer.result() is None
