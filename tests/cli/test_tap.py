"""`tap-tui-connector` as a Singer runner calls it: discovery, a catalog, a state, and only messages on its output."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import fork_server
import pytest
from http_server import reply
from listing import Item, SearchRequest, is_mark_of
from requirements import require
from run_command import Command

TAP = str(Path(sys.executable).parent / "tap-tui-connector")
MORE = """
[incoming.changed]
client = "shop"
request = { uri = "products" }
items = "items"
identifier = "sku"
pagination = { kind = "keyset", filter = "entity_id", field = "id", page-size = 10 }
incremental = { field = "updated_at", overlap = "1s" }
"""
BOOKMARK = {"replication_key": "updated_at", "replication_key_value": "2026-11-01 00:00:00"}


def is_bookmark_of(bookmark: dict[str, Any], newest: str) -> bool:
    return bookmark["replication_key"] == "updated_at" and is_mark_of(bookmark["replication_key_value"], newest)


class Tap:
    """The tap on a small store; files are written for its options."""

    def __init__(self, command: Command) -> None:
        self.command, self.store = command, command.store
        file = command.folder / "shop.toml"
        file.write_text(file.read_text() + MORE)
        self.config: dict[str, Any] = {"profile": str(file)}

    async def run(self, *options: str, program: tuple[str, ...] = (), **files: Any) -> tuple[int, bytes, str]:
        for name, content in {"config": self.config, **files}.items():
            (self.command.folder / f"{name}.json").write_text(json.dumps(content))
            options = (*options, f"--{name}", str(self.command.folder / f"{name}.json"))
        if not program:
            given = {"env": self.command.environment, "program": fork_server.TAP}
            code, out, err = await asyncio.to_thread(fork_server.run, "--trust", *options, **given)
            return code, out, err.decode()
        ended = await asyncio.to_thread(
            subprocess.run,
            [*program, "--trust", *options],
            env=self.command.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=120,
            check=False,
        )
        return ended.returncode, ended.stdout, ended.stderr.decode()

    async def catalog(self) -> dict[str, Any]:
        code, out, err = await self.run("--discover")
        assert (code, err) == (0, "")
        found: dict[str, Any] = json.loads(out)
        return found

    async def messages(self, **files: Any) -> list[dict[str, Any]]:
        """What a run writes; each line is a message."""
        code, out, err = await self.run(**files)
        assert code == 0, err
        return [json.loads(line) for line in out.splitlines()]


@pytest.fixture
def tap(command: Command) -> Tap:
    return Tap(command)


def records(messages: list[dict[str, Any]], stream: str) -> list[Any]:
    return [each["record"] for each in messages if each["type"] == "RECORD" and each["stream"] == stream]


def stream(catalog: dict[str, Any], name: str) -> dict[str, Any]:
    [found] = [each for each in catalog["streams"] if each["tap_stream_id"] == name]
    assert isinstance(found, dict)
    return found


def select(catalog: dict[str, Any], name: str, selected: bool, *breadcrumb: str) -> None:
    [about] = [each for each in stream(catalog, name)["metadata"] if each["breadcrumb"] == [*breadcrumb]]
    about["metadata"]["selected"] = selected


async def test_discovery_lists_each_enabled_incoming_with_types_read_from_the_store(tap: Tap) -> None:
    catalog = await tap.catalog()
    assert [each["tap_stream_id"] for each in catalog["streams"]] == ["items", "changed"]
    changed = stream(catalog, "changed")
    assert changed["key_properties"] == ["sku"]
    assert (changed["replication_method"], changed["replication_key"]) == ("INCREMENTAL", "updated_at")
    assert changed["schema"]["properties"]["id"] == {"type": ["null", "integer"]}
    inclusion = {"/".join(each["breadcrumb"]): each["metadata"]["inclusion"] for each in changed["metadata"]}
    assert inclusion == {
        "": "available",
        "properties/id": "available",
        "properties/name": "available",
        "properties/sku": "automatic",
        "properties/updated_at": "automatic",
    }
    assert stream(catalog, "items")["replication_method"] == "FULL_TABLE"
    assert len(tap.store.asked) < 2 * 20, "a sample, and not all"


async def test_the_catalog_that_was_discovered_reads_everything(tap: Tap) -> None:
    catalog = await tap.catalog()
    messages = await tap.messages(catalog=catalog)
    for name in ("items", "changed"):
        assert [each["id"] for each in records(messages, name)] == list(range(1, 201))
    assert messages[-1]["type"] == "STATE"
    assert set(messages[-1]["value"]["bookmarks"]) == {"items", "changed"}
    assert is_bookmark_of(messages[-1]["value"]["bookmarks"]["changed"], "2026-11-01 00:00:00")
    assert not list(tap.command.state.rglob("*.sqlite")), "a tap leaves no ledger behind"


async def test_only_what_is_selected_is_read_and_keys_always_are(tap: Tap) -> None:
    catalog = await tap.catalog()
    select(catalog, "items", False)
    select(catalog, "changed", False, "properties", "name")
    select(catalog, "changed", False, "properties", "sku")
    messages = await tap.messages(catalog=catalog)
    assert {each["stream"] for each in messages if "stream" in each} == {"changed"}
    [schema] = [each["schema"] for each in messages if each["type"] == "SCHEMA"]
    assert set(schema["properties"]) == {"id", "sku", "updated_at"}
    assert all(set(each) == {"id", "sku", "updated_at"} for each in records(messages, "changed"))


async def test_a_state_says_from_where_on_whatever_runs_have_recorded(tap: Tap) -> None:
    assert (await tap.command.run("items", "--quiet"))[0] == 0
    tap.store.items[77]["updated_at"] = "2026-11-05 00:00:00"
    before = {"changed": {**BOOKMARK, "replication_key_value": "2026-11-03 00:00:00"}, "other": {"kept": 1}}
    messages = await tap.messages(state={"bookmarks": before})
    assert [each["id"] for each in records(messages, "changed")] == [77]
    assert len(records(messages, "items")) == 200, "a stream without a bookmark is read from its beginning"
    states = [each["value"]["bookmarks"] for each in messages if each["type"] == "STATE"]
    assert all(each["other"] == {"kept": 1} for each in states)
    assert is_bookmark_of(states[-1]["changed"], "2026-11-05 00:00:00")


async def test_a_run_that_finds_nothing_new_keeps_the_bookmark(tap: Tap) -> None:
    later = {**BOOKMARK, "replication_key_value": "2026-11-09 00:00:00"}
    messages = await tap.messages(catalog=await tap.catalog(), state={"bookmarks": {"changed": later}})
    assert records(messages, "changed") == []
    assert messages[-1]["value"]["bookmarks"]["changed"] == {"items": 0, **later}


async def test_an_interrupted_stream_does_not_move_its_bookmark(tap: Tap) -> None:
    def breaks(asked: SearchRequest, items: list[Item]) -> bytes | None:
        return reply("403 Forbidden", b'{"message":"no"}') if asked.since and asked.after >= 100 else None

    tap.store.bend = breaks
    before = {**BOOKMARK, "replication_key_value": "2026-10-01 00:00:00"}
    code, out, err = await tap.run(state={"bookmarks": {"changed": before}})
    assert code == 3
    assert "changed: " in err
    last = json.loads(out.splitlines()[-1])
    assert last["value"]["bookmarks"]["changed"].items() >= before.items()


async def test_a_start_date_limits_a_stream_without_a_bookmark(tap: Tap) -> None:
    tap.store.items[9]["updated_at"] = "2026-11-05 10:00:00"
    tap.config["start_date"] = "2026-11-05T00:00:00+02:00"
    assert [each["id"] for each in records(await tap.messages(), "changed")] == [9]
    assert {each.since for each in tap.store.asked} == {"", "2026-11-04 22:00:00"}


async def test_the_catalog_can_ask_for_a_full_table_or_for_another_key(tap: Tap) -> None:
    catalog = await tap.catalog()
    stream(catalog, "changed")["metadata"][0]["metadata"]["replication-method"] = "FULL_TABLE"
    items = stream(catalog, "items")["metadata"][0]["metadata"]
    items |= {"replication-method": "INCREMENTAL", "replication-key": "updated_at"}
    state = {"bookmarks": {"changed": BOOKMARK, "items": {**BOOKMARK, "replication_key_value": "2026-11-09 00:00:00"}}}
    messages = await tap.messages(catalog=catalog, state=state)
    assert (len(records(messages, "changed")), len(records(messages, "items"))) == (200, 0)


async def test_a_type_that_was_changed_in_the_catalog_is_kept(tap: Tap) -> None:
    catalog = await tap.catalog()
    stream(catalog, "items")["schema"]["properties"]["id"] = {"type": ["string"]}
    messages = await tap.messages(catalog=catalog)
    assert records(messages, "items")[0]["id"] == "1"


async def test_a_property_that_discovery_did_not_see_is_not_lost(tap: Tap) -> None:
    catalog = await tap.catalog()
    for item in tap.store.items.values():
        item["colour"] = "red"
    select(catalog, "changed", False, "properties", "name")
    code, out, err = await tap.run(catalog=catalog)
    messages = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert all(each["colour"] == "red" for each in records(messages, "items"))
    assert all("colour" not in each for each in records(messages, "changed"))
    assert "changed: Omitted, because the catalog selects some properties and does not list these: colour." in err


async def test_a_property_that_was_null_in_discovery_can_be_selected(tap: Tap) -> None:
    for item in tap.store.items.values():
        item |= {"weight": None, "height": None}
    catalog = await tap.catalog()
    assert stream(catalog, "changed")["schema"]["properties"]["weight"] == {}
    select(catalog, "changed", False, "properties", "name")
    select(catalog, "changed", False, "properties", "height")
    tap.store.items[150] |= {"weight": 1.5, "height": 2}
    messages = await tap.messages(catalog=catalog)
    schemas = [
        each["schema"]["properties"] for each in messages if each["type"] == "SCHEMA" and each["stream"] == "changed"
    ]
    assert ["weight" in each for each in schemas] == [False, True]
    assert schemas[-1]["weight"] == {"type": ["null", "number"]}
    assert "height" not in schemas[-1]
    assert [each["weight"] for each in records(messages, "changed") if each["id"] == 150] == [1.5]
    weights = [each["weight"] for each in records(messages, "items") if each["id"] == 150]
    assert weights == [1.5]


async def test_the_form_of_catalogs_before_metadata(tap: Tap) -> None:
    catalog = await tap.catalog()
    for each in catalog["streams"]:
        del each["metadata"]
    stream(catalog, "changed")["schema"]["selected"] = True
    messages = await tap.messages(properties=catalog)
    assert {each["stream"] for each in messages if "stream" in each} == {"changed"}


async def test_it_is_a_command_too(tap: Tap) -> None:
    code, out, _ = await tap.run("--discover", program=(sys.executable, "-m", "tui_connector", "tap"))
    assert code == 0
    assert len(json.loads(out)["streams"]) == 2


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"config": {}}, "name the profile"),
        ({"config": []}, "not a JSON object"),
        ({"config": {"profile": "nosuch"}}, "no profile is named"),
        ({"config": {"profile": 7}}, "profile is not text"),
        ({"start": "yesterday"}, "start_date: 'yesterday' is not a date"),
        ({"catalog": {"streams": 1}}, 'no list "streams"'),
        ({"catalog": {"streams": [{"tap_stream_id": "gone", "selected": True}]}}, "no such incoming"),
        ({"catalog": {"streams": [{"schema": {}}]}}, 'no "tap_stream_id"'),
        ({"catalog": {"streams": [{"stream": "items", "selected": True, "metadata": [{}]}]}}, "no breadcrumb"),
        (
            {"catalog": {"streams": [{"stream": "items", "selected": True, "replication_method": "LOG_BASED"}]}},
            "LOG_BASED",
        ),
        ({"state": []}, "The state is not a JSON object"),
        ({"state": {"bookmarks": {"changed": {"replication_key_value": "soon"}}}}, "bookmark of changed is not a date"),
        ({"state": {"bookmarks": {"changed": {"replication_key_value": 17}}}}, "bookmark of changed is not a date"),
        ({"state": {"bookmarks": {"changed": {"replication_key_value": "20260101"}}}}, "is not a date"),
        ({"state": {"bookmarks": {"changed": {"replication_key_value": "2026-W05-6"}}}}, "is not a date"),
    ],
    ids=str,
)
async def test_what_is_wrong_is_said_and_nothing_is_requested(tap: Tap, files: dict[str, Any], said: str) -> None:
    if start := files.pop("start", None):
        tap.config["start_date"] = start
    code, out, err = await tap.run(**files)
    assert (code, out) == (2, b"")
    assert said in err
    assert "Traceback" not in err
    assert tap.store.asked == []


async def test_a_stream_that_cannot_be_read_fails_discovery(tap: Tap) -> None:
    tap.store.bend = lambda asked, items: reply("403 Forbidden", b'{"message":"no such right"}')
    code, out, err = await tap.run("--discover")
    assert (code, out) == (3, b"")
    assert "no such right" in err


async def test_a_public_target_loads_what_the_tap_writes(tap: Tap, tmp_path: Path) -> None:
    require("target-csv")
    _, out, _ = await tap.run(catalog=await tap.catalog())
    (folder := tmp_path / "loaded").mkdir()
    loaded = await asyncio.to_thread(
        subprocess.run, ["target-csv"], cwd=folder, input=out, capture_output=True, check=True
    )
    assert set(json.loads(loaded.stdout.splitlines()[-1])["bookmarks"]) == {"items", "changed"}
    assert (folder / "changed.csv").read_text().count("\n") == 201


CHILDREN = """
[incoming.media]
client = "shop"
parent = { incoming = "changed", fields = { of = "sku" } }
request = { uri = "products/&{sku}/media" }
items = "items"
incremental = { field = "updated_at", overlap = "1s" }
"""


async def test_child_lists_are_streams_with_the_date_of_their_parents(tap: Tap) -> None:
    tap.store.items = {number: item for number, item in tap.store.items.items() if number < 4}
    file = tap.command.folder / "shop.toml"
    file.write_text(file.read_text() + CHILDREN)
    media = stream(await tap.catalog(), "media")
    assert (media["replication_method"], media["replication_key"]) == ("INCREMENTAL", "updated_at")
    messages = await tap.messages()
    assert [each["of"] for each in records(messages, "media")] == ["S1"] * 3 + ["S2"] * 3 + ["S3"] * 3
    [schema] = [each for each in messages if each["type"] == "SCHEMA" and each["stream"] == "media"]
    assert "bookmark_properties" not in schema, "the date is not in the items"
    state = messages[-1]["value"]
    assert is_bookmark_of(state["bookmarks"]["media"], "2026-11-01 00:00:00")
    tap.store.items[2]["updated_at"] = "2026-11-05 00:00:00"
    later = {"bookmarks": {"media": {**BOOKMARK, "replication_key_value": "2026-11-03 00:00:00"}}}
    assert {each["of"] for each in records(await tap.messages(state=later), "media")} == {"S2"}
