"""What a run finds when it begins: files of its own and of others, ledgers that cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest
from http_server import reply
from listing import listing, products
from runs import RunNotes, shop

from tui_connector.incoming.sink import SinkError
from tui_connector.incoming.start import RunOptions
from tui_connector.machine import Machine
from tui_connector.runs.database import LedgerError
from tui_connector.runs.ledger import Ledger


async def test_a_file_that_was_taken_away_is_begun_anew(tmp_path: Path, machine: Machine) -> None:
    async with listing(products(*range(1, 51))) as store:
        reader = shop(store, tmp_path, machine)
        await reader.run(RunOptions(limit=20))
        reader.path.unlink()
        summary = await reader.run(told=(told := RunNotes()))
    assert summary.state == "complete"
    assert "Starting over" in " ".join(told.notes)
    assert reader.ids() == list(range(1, 51))


async def test_a_foreign_file_stays_as_it_is_and_nothing_is_asked(tmp_path: Path, machine: Machine) -> None:
    async with listing(products(1)) as store:
        reader = shop(store, tmp_path, machine)
        reader.path.write_text("mine\n")
        with pytest.raises(SinkError, match="already exists"):
            await reader.run()
    assert reader.path.read_text() == "mine\n"
    assert store.asked == []


async def test_a_refused_first_request_leaves_the_last_file_as_it_was(tmp_path: Path, machine: Machine) -> None:
    async with listing(products(*range(1, 11))) as store:
        reader = shop(store, tmp_path, machine)
        await reader.run()
        store.bend = lambda asked, items: reply("401 Unauthorized", b"{}")
        assert (await reader.run()).state == "refused"
    assert reader.ids() == list(range(1, 11))


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"this is no database at all, but it is long enough to be looked at" * 20, "damaged"), (None, "newer version")],
    ids=["corrupt", "newer"],
)
async def test_a_ledger_that_cannot_be_read_is_named(
    tmp_path: Path, machine: Machine, content: bytes | None, said: str
) -> None:
    async with listing(products(1)) as store:
        reader = shop(store, tmp_path, machine)
        await reader.run()
        if content is not None:
            reader.ledger.write_bytes(content)
        else:
            with Ledger(reader.ledger) as ledger:
                ledger._database.execute("pragma user_version = 99")
        with pytest.raises(LedgerError, match=said):
            await reader.run()
    assert reader.ids() == [1]


async def test_a_locked_ledger_is_named(tmp_path: Path, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    import sqlite3

    monkeypatch.setattr("tui_connector.runs.database._BUSY", 0.05)
    async with listing(products(1)) as store:
        reader = shop(store, tmp_path, machine)
        await reader.run()
        other = sqlite3.connect(reader.ledger)
        other.execute("begin immediate")
        with pytest.raises(LedgerError, match="locked by another program"):
            await reader.run()
        other.close()
