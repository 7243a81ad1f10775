"""The actions on the requests of the log, copy, save and export, and those of a log that was read from a file."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from exchanges import AT, exchange
from guide_steps import no_demo
from textual.widgets import Input
from watched_log import Watched, filled, watching

from tui_connector.client.exchange import Exchange, Exchanges, RecordedBody
from tui_connector.client.whole_bodies import WholeBody
from tui_connector.log.files import read
from tui_connector.log.recording import Reader
from tui_connector.log.records import line
from tui_connector.machine import Machine
from tui_connector.secrets.mask import Mask
from tui_connector.tui.app import ConnectorApp
from tui_connector.tui.log.screens import Recorded
from tui_connector.tui.widgets.questions import ConfirmScreen


async def test_a_value_is_copied_as_the_placeholder_that_reads_it(machine: Machine) -> None:
    log = filled(exchange(1, body=b'{"items":[{"sku":"24-MB01"}]}'))
    async with watching(machine, log) as watched:
        await watched.pilot.press("enter", "G", "k", "k", "k", "Y")
        await watched.shows("Placeholder &{items[0].sku}")
        await watched.pilot.press("down", "enter")
        copied = machine.directories.state / "last-copy"
        await watched.until(copied.exists)
        await watched.until(lambda: copied.read_text() == "&{items[0].sku}")
        await watched.told("Copied “Placeholder &{items[0].sku}” of #1 to the terminal's clipboard")


async def test_body_is_saved_privately_and_replaces_a_file_only_after_a_yes(machine: Machine, tmp_path: Path) -> None:
    target = tmp_path / "answer.json"
    async with watching(machine, filled(exchange(1, body=b'{"a":1}'))) as watched:
        await watched.pilot.press("w")
        await watched.until(lambda: bool(watched.app.screen.query(Input)))
        watched.app.screen.query_one(Input).value = str(target)
        await watched.pilot.press("enter")
        await watched.until(target.exists)
        assert stat.S_IMODE(target.stat().st_mode) == 0o600
        assert target.read_bytes() == b'{"a":1}'
        await watched.pilot.press("w")
        await watched.until(lambda: bool(watched.app.screen.query(Input)))
        watched.app.screen.query_one(Input).value = "~nobody-has-this-name/body.json"
        await watched.pilot.press("enter")
        await watched.shows("No such file or directory")
        target.write_bytes(b"mine")
        watched.app.screen.query_one(Input).value = str(target)
        await watched.pilot.press("enter")
        await watched.shows("Replace it?")
        await watched.pilot.press("n")
        await watched.shows("already exists. Choose")
        assert target.read_bytes() == b"mine"
        await watched.pilot.press("enter")  # the path is still there
        await watched.shows("Replace it?")
        await watched.pilot.press("enter")  # Enter, pressed twice
        await watched.until(lambda: not isinstance(watched.app.screen, ConfirmScreen))
        await watched.pilot.pause()
        assert target.read_bytes() == b"mine"


async def test_the_marked_requests_are_exported_for_other_tools(machine: Machine, tmp_path: Path) -> None:
    target = tmp_path / "marked.har"
    async with watching(machine, filled(*map(exchange, range(1, 6)))) as watched:
        await watched.pilot.press("g", "m", "j", "m", "E")
        await watched.until(lambda: bool(watched.app.screen.query(Input)))
        watched.app.screen.query_one(Input).value = str(target)
        await watched.pilot.press("enter")
        await watched.told("Saved")
        entries = json.loads(target.read_bytes())["log"]["entries"]
        assert len(entries) == 2
        assert stat.S_IMODE(target.stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["requests.har", "requests.jsonl"])
async def test_exports_have_whole_bodies_without_secrets_and_say_where_they_have_not(
    machine: Machine, tmp_path: Path, name: str
) -> None:
    page, mask = json.dumps({"sku": "x" * 1_000, "token": "s3cret-CANARY-value"}).encode(), Mask()
    mask.learn("s3cret-CANARY-value", "token")
    kept = RecordedBody(page[:100], len(page), media_type="application/json", cut=True)
    whole = replace(kept, whole=WholeBody(page, "application/json", mask))
    target = tmp_path / name
    async with watching(machine, filled(exchange(1, body=whole), exchange(2, body=kept))) as watched:
        await watched.pilot.press("E")
        await watched.until(lambda: bool(watched.app.screen.query(Input)))
        watched.app.screen.query_one(Input).value = str(target)
        await watched.pilot.press("enter")
        await watched.told("1 request has a body that was not kept, or only in part.")
    first, second = (each for each in read(target) if isinstance(each, Exchange))
    assert json.loads(first.body.data)["sku"] == "x" * 1_000
    assert not first.body.cut
    assert (second.body.data, second.body.cut) == (page[:100], True)
    assert b"CANARY" not in target.read_bytes()


async def test_growing_recording_is_followed_and_resends_only_with_a_profile(machine: Machine, tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    earlier = [exchange(number, at=AT - timedelta(hours=1)) for number in (1, 3, 2)]
    path.write_bytes(b"".join(map(line, [*earlier, *map(exchange, (2, 1, 3))])))
    reader = Reader(path)
    app = ConnectorApp(machine, no_demo, recorded=Recorded("run", reader.read, follow=True, filter="~s 404"))
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.pause()
        watched = Watched(pilot, Exchanges())
        await watched.shows("Requests 6")
        assert watched.numbers() == []
        with path.open("ab") as file:
            file.write(line(exchange(4, status=404)))
        await watched.until(lambda: watched.numbers() == [4])
        await pilot.press("x")
        await watched.told("--profile NAME")
        await pilot.press("F")
        await watched.until(lambda: watched.numbers() == [1, 2, 3, 1, 2, 3, 4])  # each run counts from 1
        await pilot.press("q")
    list(reader.end())
