"""Fingerprints: a key that is added to a model does not change them, so that earlier runs and marks still count."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, create_model

from tui_connector.client.layer import Plugin
from tui_connector.guide.workbench import Workbench
from tui_connector.incoming.list_request import ListRequest
from tui_connector.incoming.pagination import Pagination
from tui_connector.incoming.sink import Sink
from tui_connector.incoming.start import RunOptions, StartPoint, begin_run
from tui_connector.kinds import NotCompared
from tui_connector.machine import Machine
from tui_connector.outgoing.plan import fingerprint
from tui_connector.outgoing.source import Source
from tui_connector.profile.model import Profile
from tui_connector.profile.problems import check_data
from tui_connector.runs.ledger import HighWaterMark, Ledger, RunEnd

_PROFILE = """
format = 1
name = "Shop"
[clients.shop]
[[clients.shop.plugins]]
kind = "base-uri"
uri = "https://shop.example/rest/all/V1"
[[clients.shop.plugins]]
kind = "append-headers"
headers = { Store = "nl", User-Agent = "x" }
[incoming.orders]
client = "shop"
request = { uri = "orders", where = ["status eq complete"] }
items = "items"
pagination = { kind = "search-criteria" }
sink = { kind = "stdout" }
[incoming.comments]
client = "shop"
parent = { incoming = "orders", fields = { order = "entity_id" } }
request = { uri = "orders/&{entity_id}/comments", headers = { X-Store = "nl" } }
sink = { kind = "csv", path = "comments.csv" }
[incoming.products]
client = "shop"
title = "Products"
request = { uri = "products/search", method = "post", reads = true, parameters = { a = 1 }, expected = [404] }
pagination = { kind = "offset", page-size = 7, send-in = "body" }
incremental = { field = "updated_at", from = "2026-01-01", overlap = "1m" }
identifier = "sku"
filter = "a"
transform = "{a: a}"
patience = "1m"
[incoming.products.sink]
kind = "postgres"
host = "db.example"
database = "shop"
user = "u"
password = { env = "PASSWORD" }
table = "products"
[outgoing.stock]
client = "shop"
request = { uri = "stock", method = "post", parameters = "&{@}" }
source = { kind = "jsonl", path = "stock.jsonl" }
max-changes = 100
[outgoing.chain]
client = "shop"
batch = 10
delivery = "single"
steps = [
    { name = "one", request = { uri = "one" } },
    { name = "two", when = "steps.one.status == `200`", request = { uri = "two" } },
]
"""
_PAGINATIONS: list[dict[str, Any]] = [
    {"kind": "keyset"},
    {"kind": "page-number"},
    {"kind": "offset"},
    {"kind": "link-header"},
    {"kind": "next-link", "link": "next"},
    {"kind": "cursor", "cursor": "next"},
]
_SINKS: list[dict[str, Any]] = [
    {"kind": "csv", "path": "items.csv"},
    {"kind": "duckdb", "path": "items.duckdb"},
    {"kind": "jsonl", "path": "items.jsonl"},
    {"kind": "parquet", "path": "items.parquet"},
    {"kind": "postgres", "host": "db.example", "database": "shop", "user": "u", "password": {"env": "PASSWORD"}},
    {"kind": "singer"},
    {"kind": "sqlite", "path": "items.sqlite"},
]
_SOURCES: list[dict[str, Any]] = [
    {"kind": "csv", "path": "items.csv"},
    {"kind": "incoming", "name": "orders"},
    {"kind": "sqlite", "path": "items.sqlite", "query": "select 1"},
    {"kind": "stdin"},
]
RECORDED = {
    "orders": "0dd1e8a24aee334257c79f0a4ea6fbad316cbfae447c1c13a764a770f499c738",
    "comments": "cbe717a3e571f14946ab0c430987198e89c03007cfa359c2a14324b31a9b1a59",
    "products": "68f3f39c1d21998b61af7c944af11d00f3c0d68b42bf4d74a6082e271450cc88",
    "keyset": "9dbc67f1c802e43da4b5b0cd4475d2dcfb35b43f268dbecbff4320d42c4be739",
    "page-number": "42d7b4e385a27d5267b75bd79ad74729c82e385825614aaf2426bff6b57e96b8",
    "offset": "c09568efb8493559e89f960d0782d4cca48120893a15d052ff5a5697bb91537c",
    "link-header": "76a8135af0c3dff781d42621c90d7052f58b0f8fe1253c2bd84d752a8bbe65ff",
    "next-link": "42e1559762215873bb3105dbae1891dc2b87e97065acb6134f00e6f68a7ade45",
    "cursor": "f9f1277eec612821b45f6289706d4f8f4a1e9042a6e224254f37e12677408c9c",
    "to-csv": "300207cf6e306e3e944ffff1e4f7cc099238a32626aa359135cbf70f07caae3e",
    "to-duckdb": "36b3b8b4fbd97ef1c98c5d7c2afda578ad7bf365add79fd1ee89954eb0d37874",
    "to-jsonl": "2a96d769ce70456423d5b7da9d98499d6d1d0826e55c7baf7dd410780af96b7d",
    "to-parquet": "9e54bd346deb48cf74a01df9a94d92549e0fab1b39a6e3b14f7a2b566bf31e6b",
    "to-postgres": "0fd2ff58c20539306511429505935abd6da4d3f75d15efd8113626128daec3ce",
    "to-singer": "52cd86138a1bf8766ee8486bb86c98104421cf3c902577272043082b3c41f807",
    "to-sqlite": "e7df0d0abde8d99bf4869d6d8eebe2c95488c25f70c1fd3c4d87747ac2882a6f",
    "stock": "c1ee31406bb710b5/d7919d396c1b8dc6b1be46fb701be3bf42103762fa0ad7c1218366b3840b4086",
    "chain": "c1ee31406bb710b5/d098f34941e4aba6d6d6926632cfdad999e03a22e64f70d92031bc227bffaab0",
    "from-csv": "c1ee31406bb710b5/7fe830ad42c890bf61de73a848e4c63b2d3e077cde563c40e8539aa2998e6cea",
    "from-incoming": "c1ee31406bb710b5/4038bf9eb1cefd8dd91d04f59f8b4d0e31fa92aeccd53c79109e41ef9d969590",
    "from-sqlite": "c1ee31406bb710b5/bcf873b503182fd7438bbb5979feb6f8ae940954ea70d70a494c1be629f1e9ad",
    "from-stdin": "c1ee31406bb710b5/b9a6b3ee8f79ae57fabb2d9ff0088c063c8791d1c4eb6edc31bc753296fb1dd5",
}
"""The fingerprints in the ledgers of the first version, by configuration. They never change."""


def _configurations() -> dict[str, Any]:
    """A profile with every kind that is part of a fingerprint, with as few keys as possible."""
    data = tomllib.loads(_PROFILE)
    plain = {"client": "shop", "request": {"uri": "items"}}
    for each in _PAGINATIONS:
        data["incoming"][each["kind"]] = plain | {"pagination": each, "sink": {"kind": "jsonl", "path": "a.jsonl"}}
    for each in _SINKS:
        data["incoming"][f"to-{each['kind']}"] = plain | {"sink": each}
    for each in _SOURCES:
        data["outgoing"][f"from-{each['kind']}"] = plain | {"source": each}
    return data


def _profile() -> Profile:
    saved, problems = check_data(_configurations())
    assert saved is not None, problems
    return saved


async def fingerprints(machine: Machine, folder: Path, saved: Profile) -> dict[str, str]:
    """The fingerprint of each incoming and outgoing, as runs have it."""
    async with Workbench(machine, directory=folder).session(saved) as session:
        found = {
            name: ListRequest(name, each, None, session, saved.incoming).identity()[0]
            for name, each in saved.incoming.items()
        }
        return found | {name: fingerprint(each, session) for name, each in saved.outgoing.items()}


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Profile]:
    """The profile as a later version has it, in which each model has two more keys, both None by default."""
    saved = _profile()
    for family in (Pagination, Sink, Source):
        monkeypatch.setattr(family, "family_kinds", {})  # each kind has another class then
    models: dict[type[BaseModel], type[BaseModel]] = {}

    def changed(value: Any, **added: Any) -> Any:
        if isinstance(value, BaseModel):
            kind = type(value)
            if kind not in models:
                added_fields: dict[str, Any] = {
                    "added": (str | None, Field(None)),
                    "note": (Annotated[str | None, NotCompared], Field(None)),
                }
                models[kind] = create_model(kind.__name__, __base__=kind, **added_fields)
            return models[kind].model_construct(**{name: changed(each) for name, each in value}, **added)
        if isinstance(value, dict):
            return {name: changed(each) for name, each in value.items()}
        return [changed(each) for each in value] if isinstance(value, list) else value

    def profile(**added: Any) -> Profile:
        parts = {
            family: {name: changed(each, **added) for name, each in getattr(saved, family).items()}
            for family in ("incoming", "outgoing")
        }
        return saved.model_copy(update=parts)

    return profile


async def test_fingerprints_are_those_of_the_first_version(machine: Machine, tmp_path: Path) -> None:
    assert await fingerprints(machine, tmp_path, _profile()) == RECORDED


async def test_a_new_key_of_a_model_changes_no_fingerprint_before_it_is_used(
    machine: Machine, tmp_path: Path, later: Callable[..., Profile]
) -> None:
    assert await fingerprints(machine, tmp_path, later()) == RECORDED
    used = await fingerprints(machine, tmp_path, later(added="used"))
    assert not set(used.values()) & set(RECORDED.values())


async def test_a_key_that_is_marked_changes_no_fingerprint_at_any_depth(
    machine: Machine, tmp_path: Path, later: Callable[..., Profile]
) -> None:
    assert await fingerprints(machine, tmp_path, later(note="used")) == RECORDED


async def test_the_mark_and_the_interrupted_run_of_the_first_version_are_used(
    machine: Machine, tmp_path: Path, later: Callable[..., Profile]
) -> None:
    saved, began = later(), "2026-02-01 00:00:00"
    found = (await fingerprints(machine, tmp_path, saved))["products"]

    def begun(ledger: Ledger) -> StartPoint:
        incoming, asked = saved.incoming["products"], "POST products"
        return begin_run(
            ledger, incoming, RunOptions(), began=began, fingerprint=found, request_line=asked, resumable=True
        )

    with Ledger(tmp_path / "products.sqlite") as ledger:
        run = ledger.begin(began, RECORDED["products"], "POST products", None, moves_mark=True, forget=False)
        ledger.step(replace(run, sink={"rows": 7}))
        assert begun(ledger).resumes
        ledger.end(run, RunEnd("complete"), began, HighWaterMark("2026-01-31 00:00:00", RECORDED["products"], {}))
        start = begun(ledger)
        assert (start.run.since, start.notes) == ("2026-01-30 23:59:00", [])


async def test_a_plugin_says_itself_which_headers_are_part_of_a_fingerprint(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Plugin, "family_kinds", {**Plugin.all_kinds()})

    class Counted(Plugin):
        """A field that happens to be named headers."""

        kind: Literal["acme-counted"] = "acme-counted"
        headers: dict[str, str]

    class Department(Plugin):
        """Add a header."""

        kind: Literal["acme-department"] = "acme-department"
        name: str

        def written_headers(self) -> dict[str, str]:
            return {"X-Department": self.name}

    async def found(*plugins: dict[str, Any]) -> str:
        data = _configurations()
        data["clients"]["shop"]["plugins"] += plugins
        saved, problems = check_data(data)
        assert saved is not None, problems
        return (await fingerprints(machine, tmp_path, saved))["orders"]

    assert await found({"kind": "acme-counted", "headers": {"A": "1"}}) == RECORDED["orders"]
    sales, support = [await found({"kind": "acme-department", "name": each}) for each in ("sales", "support")]
    assert len({sales, support, RECORDED["orders"]}) == 3
