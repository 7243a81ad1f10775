"""One output, however it is named; and ledgers that cannot be used, each for its own reason."""

from __future__ import annotations

import os
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest
from file_sinks import FILE_SINKS
from listing import listing, products
from runs import Shop, shop

from tui_connector.cli.out_option import output_file
from tui_connector.errors import UserError
from tui_connector.incoming.sink import Sink
from tui_connector.machine import Machine
from tui_connector.runs.database import LedgerError, explained, unusable
from tui_connector.runs.ledger import Ledger, ledger_file

FIRST = Path("/shops/acme.toml")


@pytest.mark.parametrize("written", ["./a.jsonl", "b/../a.jsonl", ".//a.jsonl", "linked/a.jsonl", "another-name.jsonl"])
def test_an_output_is_the_same_however_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "b").mkdir()
    (tmp_path / "linked").symlink_to(tmp_path)
    (tmp_path / "another-name.jsonl").symlink_to("a.jsonl")
    for each in (written, os.path.join(tmp_path, written)):
        assert ledger_file(tmp_path, FIRST, "items", each) == ledger_file(tmp_path, FIRST, "items", "a.jsonl")
        assert output_file(each) == str(tmp_path.resolve() / "a.jsonl")


def test_a_ledger_named_by_what_was_typed_is_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import hashlib

    monkeypatch.chdir(tmp_path)
    for typed in ("a.jsonl", "./b.jsonl", str(tmp_path / "c.jsonl")):
        place = hashlib.sha256(f"{FIRST}\0{typed}".encode()).hexdigest()[:12]
        kept = tmp_path / "incoming" / f"acme-{place}" / "items.sqlite"
        kept.parent.mkdir(parents=True)
        kept.touch()
        for spelling in (typed, os.path.abspath(typed)):
            assert ledger_file(tmp_path, FIRST, "items", spelling) == kept


async def test_a_profile_that_is_opened_by_a_link_is_the_same_run(tmp_path: Path, machine: Machine) -> None:
    (links := tmp_path / "links").mkdir()
    (real := tmp_path / "real").mkdir()
    (real / "shop.toml").touch()
    (links / "shop.toml").symlink_to(real / "shop.toml")
    async with listing(products(*range(1, 11))) as store:
        direct = shop(store, real, machine)
        linked = Shop(links, machine, store.url, {})
        assert linked.ledger == direct.ledger
        for each in (direct, linked, direct):
            assert (await each.run()).state == "complete"
    assert direct.ids() == list(range(1, 11))
    assert not linked.path.exists()


async def test_folders_below_the_profile_are_made(tmp_path: Path, machine: Machine) -> None:
    async with listing(products(1)) as store:
        for name, sink in FILE_SINKS.items():
            where = sink | {"path": f"{name}/of/items"}
            assert (await shop(store, tmp_path, machine, sink=where).run()).state == "complete"
            assert (tmp_path / name / "of" / "items").is_file()


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("select absent from run", "is damaged: no such column: absent"),
        ("drop table seen; select * from seen", "is damaged: no such table: seen"),
        ("insert into run (id) values (1)", "is damaged: NOT NULL constraint failed"),
    ],
)
def test_a_damaged_ledger_is_called_so(tmp_path: Path, statement: str, said: str) -> None:
    database = sqlite3.connect(":memory:")
    database.execute("create table run (id integer, began text not null)")
    database.execute("create table seen (at text)")
    *first, last = statement.split("; ")
    for each in first:
        database.execute(each)
    with pytest.raises(LedgerError, match=said), explained(tmp_path):
        database.execute(last)
    database.close()


def test_a_full_disk_is_called_so(tmp_path: Path) -> None:
    database = sqlite3.connect(tmp_path / "ledger", isolation_level=None)
    database.execute("pragma max_page_count = 2")
    database.execute("create table run (id)")
    with pytest.raises(LedgerError, match="the disk is full") as caught, explained(tmp_path):
        database.executemany("insert into run values (?)", [("x" * 1_000,)] * 100)
    database.close()
    assert "Free some space" in str(caught.value)
    assert "the disk is full" in str(unusable(tmp_path, OSError(28, "No space left on device")))


@pytest.mark.skipif(sys.platform != "linux", reason="modes")
def test_a_ledger_that_may_not_be_written_is_called_so(tmp_path: Path) -> None:
    (file := tmp_path / "ledger").touch()
    database = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    with pytest.raises(LedgerError, match="cannot be written") as caught, explained(file):
        database.execute("create table run (id)")
    database.close()
    assert "state directory writable" in str(caught.value)


def test_a_state_directory_that_may_not_be_entered_is_a_ledger_that_cannot_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As root enters every directory, the system's refusal is played."""
    stat_of = os.stat

    def refused(path: Any, *arguments: Any, **more: Any) -> os.stat_result:
        if str(path).startswith(str(tmp_path / "incoming")):
            raise PermissionError(13, "Permission denied", str(path))
        return stat_of(path, *arguments, **more)

    monkeypatch.setattr(os, "stat", refused)
    file = ledger_file(tmp_path, FIRST, "items")
    assert file.name == "items.sqlite"
    with pytest.raises(LedgerError, match="cannot be written: Permission denied"):
        Ledger(file)


@pytest.mark.parametrize("name", FILE_SINKS)
async def test_an_output_of_another_configuration_is_refused_with_its_name(
    tmp_path: Path, machine: Machine, name: str
) -> None:
    sink = FILE_SINKS[name] | {"path": f"items.{name}"}
    if "table" in Sink.all_kinds()[sink["kind"]].model_fields:
        sink["table"] = "items"
    async with listing(products(*range(1, 11))) as store:
        assert (await shop(store, tmp_path, machine, sink=sink).run()).state == "complete"
        with pytest.raises(UserError) as refused:
            await Shop(tmp_path, machine, store.url, {"sink": sink}, name="others").run()
    assert "the incoming items of this profile" in str(refused.value)
