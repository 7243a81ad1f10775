"""What `check` and `t` say of an incoming or outgoing that could not run, whatever the store responds."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from http_server import Received, reply, serving

from tui_connector.errors import UserError
from tui_connector.guide.checks.check import CheckResult, check, check_part
from tui_connector.guide.checks.run_needs import check_sink
from tui_connector.guide.steps.summaries import ProfilePart
from tui_connector.guide.workbench import Workbench
from tui_connector.machine import Machine
from tui_connector.profile.problems import check_data

LIST: dict[str, Any] = {"client": "shop", "request": {"uri": "items"}, "items": "@", "identifier": "id"}
SENT: dict[str, Any] = {"client": "shop", "identifier": "sku", "request": {"method": "post", "uri": "prices"}}
STOCK: dict[str, Any] = {**SENT, "request": {"method": "post", "uri": "inventory/source-items"}}
ACME = """\
format = 1
name = "Acme"
[incoming.items]
client = "default"
request = { uri = "http://127.0.0.1:1/items" }
items = "@"
"""
SINK = {"kind": "jsonl", "path": "items.jsonl"}
QUERY = {"kind": "sqlite", "path": "shop.db"}
ENDLESS = "with recursive n(i) as (select 1 union all select i + 1 from n) select i as sku from n where i < 0"


@pytest.fixture
def folder(machine: Machine) -> Path:
    """The folder of the profile, with files that sources can read, and some that they cannot."""
    folder = machine.directories.profiles
    folder.mkdir(parents=True)
    (folder / "good.csv").write_text("sku,price\na,1\n")
    (folder / "empty.jsonl").write_text("")
    (folder / "bad.jsonl").write_text("{\n")
    (folder / "other.csv").write_text("id,price\n1,1\n")
    os.mkfifo(folder / "pipe.jsonl")
    (folder / "folder.jsonl").mkdir()
    with sqlite3.connect(folder / "shop.db") as database:
        database.execute("create table prices (sku text)")
    database.close()
    (folder / "acme.toml").write_text(ACME)
    (folder / "broken.toml").write_text("format = 1\n")
    return folder


async def checked(
    machine: Machine, *, alone: tuple[str, str] | None = None, **parts: dict[str, Any]
) -> list[CheckResult]:
    """The results of `check`, or of `t` on the part `alone`, at a store that lists two items."""

    async def response(_: Received, writer: Any) -> None:
        writer.write(reply("200 OK", b'[{"id": 1}, {"id": 2}]'))

    bench = Workbench(machine)
    async with serving(response) as shop:
        clients = {"shop": {"plugins": [{"kind": "base-uri", "uri": f"{shop.url}/v1"}]}}
        profile, problems = check_data({"format": 1, "name": "Shop", "clients": clients, **parts})
        assert profile is not None, problems
        async with bench.session(profile) as session:
            if alone is None:
                results = [each async for each in check(profile, session, bench.run())]
            else:
                results = [await check_part(profile, session, ProfilePart(*alone, ""), bench.run())]
    bench.close()
    return results


def told(results: list[CheckResult], family: str) -> list[tuple[str, str]]:
    return [(each.mark, each.summary) for each in results if each.summary.startswith(family)]


async def test_an_incoming_without_a_usable_sink_is_a_warning(machine: Machine) -> None:
    """Unless it has none, and only a child list or an outgoing reads it."""
    child = {**LIST, "parent": {"incoming": "read"}, "request": {"uri": "items/&{id}"}, "sink": SINK}
    copies = {**SENT, "source": {"kind": "incoming", "name": "sent"}}
    refused = {**LIST, "sink": {"kind": "jsonl", "path": "items.yaml"}}
    incoming = {"lost": LIST, "read": LIST, "sent": LIST, "refused": refused, "child": child}
    results = await checked(machine, incoming=incoming, outgoing={"copies": copies})
    assert all(each.ok for each in results)
    assert told(results, "incoming") == [
        ("!", "incoming lost: 2 of 2 items read"),
        ("✔", "incoming read: 2 of 2 items read"),
        ("✔", "incoming sent: 2 of 2 items read"),
        ("!", "incoming refused: 2 of 2 items read"),
        ("✔", "incoming child: 2 of 2 items read"),
    ]
    warning, never = [warning for each in results for warning in each.warnings]
    assert (never.id, never.field) == ("path-refused", "sink.path")
    assert "items.yaml is never written by a sink" in never.summary
    assert (warning.id, warning.field) == ("sink-missing", "sink")
    assert (warning.summary, warning.remedy) == (
        "The incoming lost has no sink",
        "Add one, or run it with --out FILE.",
    )
    [alone] = await checked(machine, alone=("incoming", "lost"), incoming=incoming)
    assert (alone.mark, alone.warnings) == ("!", (warning,))


@pytest.mark.parametrize(
    ("source", "code", "said"),
    [
        (None, "source-missing", "The outgoing prices has no source"),
        ({"kind": "csv", "path": "gone.csv"}, "source-unreadable", "gone.csv cannot be read: No such file"),
        ({"kind": "jsonl", "path": "pipe.jsonl"}, "source-unreadable", "pipe.jsonl cannot be read: is a pipe"),
        ({"kind": "jsonl", "path": "folder.jsonl"}, "source-unreadable", "cannot be read: is a directory"),
        ({"kind": "csv", "path": "good.csv/x.csv"}, "source-unreadable", "Not a directory"),
        ({"kind": "csv", "path": "other.csv"}, "source-column-missing", "other.csv has no column 'sku'"),
        ({"kind": "csv", "path": "shop.db"}, "source-not-csv", "shop.db"),
        (
            {**QUERY, "path": "gone.db", "query": "select 1"},
            "source-unreadable",
            "gone.db cannot be read: No such file",
        ),
        ({**QUERY, "query": "select id from prices"}, "source-query", "no such column: id"),
        ({"kind": "incoming", "profile": "gone", "name": "items"}, "profile-unknown", "'gone'"),
        ({"kind": "incoming", "profile": "broken", "name": "items"}, "source-profile", "broken"),
        ({"kind": "incoming", "profile": "acme", "name": "itms"}, "source-incoming", "acme has none of this name"),
        (
            {"kind": "incoming", "profile": "acme", "name": "items", "environment": "staging"},
            "source-environment",
            "no environment 'staging'",
        ),
    ],
    ids=str,
)
async def test_a_source_that_a_run_could_not_read_is_a_warning(
    source: dict[str, Any] | None, code: str, said: str, machine: Machine, folder: Path
) -> None:
    outgoing = {"prices": {**SENT, "source": source} if source else SENT}
    results = await checked(machine, outgoing=outgoing)
    assert all(each.ok for each in results)
    assert told(results, "outgoing") == [("!", "outgoing prices: source not readable")]
    [warning] = results[-1].warnings
    assert (warning.id, said in warning.summary) == (code, True), warning
    [alone] = await checked(machine, alone=("outgoing", "prices"), outgoing=outgoing)
    assert (alone.ok, alone.mark, alone.warnings) == (True, "!", (warning,))


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ({"kind": "csv", "path": "good.csv"}, [("✔", "outgoing prices: source readable")]),
        ({"kind": "jsonl", "path": "empty.jsonl"}, [("✔", "outgoing prices: source readable")]),
        ({"kind": "jsonl", "path": "bad.jsonl"}, [("✔", "outgoing prices: source readable")]),  # one task fails
        ({**QUERY, "query": "select sku from prices"}, [("✔", "outgoing prices: source readable")]),
        ({"kind": "incoming", "profile": "acme", "name": "items"}, [("✔", "outgoing prices: source readable")]),
        ({"kind": "stdin"}, []),
    ],
    ids=str,
)
async def test_a_source_that_can_be_read_or_not_be_tried_is_none(
    source: dict[str, Any], lines: list[tuple[str, str]], machine: Machine, folder: Path
) -> None:
    results = await checked(machine, outgoing={"prices": {**SENT, "source": source}})
    assert told(results, "outgoing") == lines
    assert [each.warnings for each in results if each.warnings] == []


async def test_a_missing_file_is_described_as_a_run_does(machine: Machine, folder: Path) -> None:
    results = await checked(machine, outgoing={"stock": {**STOCK, "source": {"kind": "csv", "path": "stock.csv"}}})
    [warning] = results[-1].warnings
    assert "It has to contain CSV: the names of the fields, then one entity per line, such as\nsku," in warning.remedy


def test_a_file_that_cannot_be_written_is_named_with_environment_and_field(machine: Machine, folder: Path) -> None:
    for path, said in (
        (str(folder / "gone" / "items.jsonl"), "gone/items.jsonl does not exist"),
        ("folder.jsonl", "folder.jsonl is a folder"),
        ("good.csv/items.jsonl", "The folder of "),
        ("items.yaml", "never written by a sink"),
    ):
        sink = {"kind": "jsonl", "path": path}
        listed = {**LIST, "client": "default", "sink": sink}
        profile, problems = check_data({"format": 1, "name": "Shop", "incoming": {"list": listed}})
        assert profile is not None, problems
        profile.set_environment("staging")
        with pytest.raises(UserError) as caught:
            check_sink(profile, "list", folder, machine)
        assert said in caught.value.message
        hint = "in the environment staging: Enter on incoming list, field File of its Sink (sink.path)."
        assert caught.value.hint.endswith(f"To write elsewhere, {hint}")
    assert not (folder / "gone").exists()
    sink = {"kind": "jsonl", "path": "gone/items.jsonl"}  # a run creates folders below that of the profile
    profile, _ = check_data({"format": 1, "name": "Shop", "incoming": {"list": {**listed, "sink": sink}}})
    assert profile is not None
    check_sink(profile, "list", folder, machine)


async def test_a_query_that_takes_long_is_not_waited_for(machine: Machine, folder: Path) -> None:
    seconds = iter(range(0, 1_000, 3))
    clock = Machine(machine.directories, machine.environ, keyring=machine.keyring, monotonic=lambda: next(seconds))
    source = {**QUERY, "query": ENDLESS}
    assert told(await checked(clock, outgoing={"prices": {**SENT, "source": source}}), "outgoing") == []
