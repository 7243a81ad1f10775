"""What the guide offers to read and to send, compared with what a real store sends and accepted."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
from profiles import FOUR
from recorded_store import RecordedStore, integration, pool
from recordings import Recording, recordings, schema

from tui_connector.guide.workbench import Workbench, profile_of
from tui_connector.incoming.model import first_items
from tui_connector.magento.entities import READABLE, WRITABLE, Readable, Writable
from tui_connector.profile.model import Profile

RECORDED = {each.route for each in recordings() if each.method == "GET" and each.status == 200}
EXAMPLES = {
    "product": "products/SKU-000010",
    "order": "orders/1",
    "stock-item": "stockItems/SYNC-0001",
    "category-products": "categories/3/products",
    "salable-quantity": "inventory/get-product-salable-quantity/SYNC-0001/1",
}
"""Paths with a value in them, for what was recorded."""


def saved(store: RecordedStore, bench: Workbench, **parts: object) -> Profile:
    for name, entry in FOUR.items():
        bench.vault.hold(entry, integration("full")[name], store.url)
    signed: dict[str, Any] = {"kind": "oauth1", **{name: {"keyring": entry} for name, entry in FOUR.items()}}
    plugins = [{"kind": "base-uri", "uri": f"{store.url}/rest/all/V1"}, {"kind": "content-type"}]
    client = {"authentications": ["a"], "plugins": plugins}
    data: dict[str, Any] = {"format": 1, "name": "Shop", "authentications": {"a": signed}, "clients": {"shop": client}}
    return profile_of({**data, **parts})


def configuration(entity: Readable) -> dict[str, Any]:
    found = entity.configuration("shop")
    if entity.name in EXAMPLES:
        found["request"] = {"uri": EXAMPLES[entity.name]}
    return found


async def test_the_first_items_of_everything_that_can_be_read(
    store: RecordedStore, workbench: Workbench, capsys: pytest.CaptureFixture[str]
) -> None:
    read, empty = {}, []
    names = [name for name in READABLE if f"/V1/{configuration(READABLE[name])['request']['uri']}" in RECORDED]
    profile = saved(store, workbench, incoming={name: configuration(READABLE[name]) for name in names})
    async with workbench.session(profile) as session:
        for name in names:
            found = await first_items(profile.incoming[name], session.client("shop"), {})
            entity = READABLE[name]
            if not found.items:
                empty.append(name)
                assert not pool(f"/V1/{entity.path}"), name
                continue
            read[name] = found
            for item in found.items:
                for field in filter(None, (entity.identifier, entity.field if entity.filter else "", entity.cursor)):
                    assert isinstance(item, dict), name
                    assert item.get(field) is not None, f"{name} has no {field}: {sorted(item)}"
    with capsys.disabled():
        print(
            f"\n{len(read)} of {len(READABLE)} presets read real items, identifier, cursor and keyset field in each; "
            f"{len(empty)} were recorded without items ({', '.join(empty)}); not recorded: "
            f"{', '.join(sorted(set(READABLE) - set(names)))}"
        )
    assert len(read) >= 19


def _body_schema(entity: Writable) -> dict[str, Any]:
    """What the route takes, by the store's own schema."""
    uri = re.sub(r"&\{[^}]*\}", "x", f"/V1/{entity.uri}").split("/")
    paths = json.loads(schema("all"))["paths"]
    alike = [
        (template.count("{"), template)
        for template in paths
        if entity.method in paths[template]
        and len(parts := template.split("/")) == len(uri)
        and all(part == value or part.startswith("{") for part, value in zip(parts, uri, strict=True))
    ]
    parameters = paths[min(alike)[1]][entity.method]["parameters"]
    found: dict[str, Any] = next(each["schema"] for each in parameters if each["in"] == "body")
    return found


def _unlike(value: object, part: Mapping[str, Any], place: str) -> list[str]:
    """Where a body is not what the schema says: names that are not there, other kinds of values."""
    if "$ref" in part:
        part = json.loads(schema("all"))["definitions"][part["$ref"].rpartition("/")[2]]
    if isinstance(value, dict):
        known = part.get("properties", {})
        wrong = [f"{place}.{name}: unknown" for name in value if name not in known]
        return wrong + [each for n in value if n in known for each in _unlike(value[n], known[n], f"{place}.{n}")]
    if isinstance(value, list):
        if part.get("type") != "array":
            return [f"{place}: a list for {part.get('type')}"]
        return [each for item in value for each in _unlike(item, part["items"], f"{place}[]")]
    kinds: dict[str, tuple[type, ...]] = {"integer": (int,), "number": (int, float), "boolean": (bool,)}
    wanted = kinds.get(part.get("type", ""), (str,))
    fits = isinstance(value, wanted) and (isinstance(value, bool) == (wanted == (bool,)))
    return [] if fits else [f"{place}: {value!r} for {part.get('type')}"]


def _taken(entity: Writable) -> list[Recording]:
    """Recorded requests that the store took by this preset's route."""
    path = re.escape(f"/V1/{entity.uri}").replace(r"\}", "}")
    pattern = re.compile(re.sub(r"\\?&\\?\{[^}]*\}", "[^/]+", path))
    return [
        each
        for each in recordings()
        if each.method == entity.method.upper()
        and each.status == 200
        and pattern.fullmatch(each.route)
        and each.sent.startswith("{")
    ]


def test_sent_bodies_have_the_form_that_the_store_accepted(capsys: pytest.CaptureFixture[str]) -> None:
    profile = _sending()
    compared = set()
    for name, entity in WRITABLE.items():
        sent = json.loads(profile.outgoing[name].request_for(entity.sample, {"run": {}}).body)
        for each in _taken(entity):
            theirs = json.loads(each.sent)
            assert set(theirs) <= set(sent), f"{name}: {each.number}"
            for key in theirs:
                assert type(theirs[key]) is type(sent[key]), f"{name}: {each.number} {key}"
            compared.add(name)
    with capsys.disabled():
        print(f"\n{len(compared)} presets sent as recorded requests that the store took: {', '.join(sorted(compared))}")
    assert compared >= {"products", "stock", "base-prices", "stock-item", "customers", "new-customers"}


def _sending() -> Profile:
    outgoing = {name: each.configuration("shop") for name, each in WRITABLE.items()}
    client = {"plugins": [{"kind": "base-uri", "uri": "https://shop.example/rest/all/V1"}]}
    return profile_of({"format": 1, "name": "Shop", "clients": {"shop": client}, "outgoing": outgoing})


def test_every_sample_is_valid_by_the_real_schema(capsys: pytest.CaptureFixture[str]) -> None:
    wrong = {}
    profile = _sending()
    for name, entity in WRITABLE.items():
        sent = json.loads(profile.outgoing[name].request_for(entity.sample, {"run": {}}).body)
        if found := _unlike(sent, _body_schema(entity), ""):
            wrong[name] = found
    assert not wrong
    with capsys.disabled():
        print(f"\n{len(WRITABLE)} of {len(WRITABLE)} samples are bodies that the real schema knows")
