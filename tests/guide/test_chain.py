"""Chains in the guide: their requests for a sample, which are never sent, and the boxes that they need."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from profiles import FOUR, signed

from tui_connector.guide.checks.check import check, check_part
from tui_connector.guide.checks.permissions import boxes, chosen
from tui_connector.guide.steps.chain import LOOKUPS, ChainSteps, sample_entity
from tui_connector.guide.steps.samples import as_text, sample_requests
from tui_connector.guide.steps.setup import Setup
from tui_connector.guide.steps.summaries import parts
from tui_connector.guide.workbench import Workbench, profile_of
from tui_connector.machine import Machine
from tui_connector.magento.entities import WRITABLE
from tui_connector.profile.document import Document
from tui_connector.profile.positions import value_at
from tui_connector.sandbox.server import Sandbox
from tui_connector.templates import Json

FIND = {"name": "find", "request": {"uri": "products/&{sku}", "expected": [404]}}
CREATE = {
    "name": "create",
    "when": "steps.find.status == `404`",
    "request": {"method": "post", "uri": "products", "parameters": {"product": "&{@}"}},
}
SIMPLE = {
    "name": "stock",
    "when": "entity.type_id == 'simple'",
    "request": {"method": "post", "uri": "inventory/source-items", "parameters": {"sourceItems": ["&{stock}"]}},
}
IMAGE = {
    "name": "image",
    "request": {"method": "post", "uri": "products/@{steps.create.body.sku || steps.find.body.sku}/media"},
}


def chain(*steps: dict[str, Any], base_uri: str = "https://shop.example/rest/V1", **more: object) -> dict[str, Any]:
    plugins = [{"kind": "base-uri", "uri": base_uri}, {"kind": "content-type"}]
    outgoing = {"client": "shop", "steps": list(steps), **more}
    return {"format": 1, "name": "Shop", "clients": {"shop": {"plugins": plugins}}, "outgoing": {"products": outgoing}}


async def shown(machine: Machine, data: dict[str, Any], sample: Json) -> str:
    bench, profile = Workbench(machine), profile_of(data)
    async with bench.session(profile) as session:
        text = as_text(sample_requests(profile.outgoing["products"], session, sample, bench.run()))
    bench.close()
    return text


async def test_each_step_shows_its_request_or_what_is_still_open(machine: Machine) -> None:
    sample: Json = {"sku": "a b", "type_id": "simple", "stock": {"sku": "a b"}}
    assert (await shown(machine, chain(FIND, CREATE, SIMPLE, IMAGE), sample)).splitlines() == [
        "  1 find",
        "    GET /rest/V1/products/a%20b",
        "  2 create · when steps.find.status == `404`",
        "    POST /rest/V1/products",
        "    Content-Type: application/json",
        "    {",
        '      "product": {',
        '        "sku": "a b",',
        '        "type_id": "simple",',
        '        "stock": {',
        '          "sku": "a b"',
        "        }",
        "      }",
        "    }",
        "  3 stock · when entity.type_id == 'simple'",
        "    POST /rest/V1/inventory/source-items",
        "    Content-Type: application/json",
        "    {",
        '      "sourceItems": [',
        "        {",
        '          "sku": "a b"',
        "        }",
        "      ]",
        "    }",
        "  4 image",
        "    POST products/@{steps.create.body.sku || steps.find.body.sku}/media",
        "    … needs the responses of steps find, create",
    ]


async def test_a_condition_on_the_entity_is_decided_by_the_sample(machine: Machine) -> None:
    text = await shown(machine, chain(FIND, SIMPLE), {"sku": "a", "type_id": "configurable"})
    assert text.endswith("    POST inventory/source-items\n    … is skipped for this sample")


async def test_a_field_missing_in_the_sample_is_reported_at_its_step(machine: Machine) -> None:
    text = await shown(machine, chain(FIND, CREATE), {"skus": "a"})
    assert "    GET products/&{sku}\n    ✘ &{sku}: no value found: no sku" in text
    assert "    POST /rest/V1/products" in text


async def test_a_batch_is_the_list_of_its_entities_for_every_step(machine: Machine) -> None:
    step = {"name": "send", "request": {"method": "post", "uri": "x", "parameters": ["&{[0].sku}", "@{entity[0].sku}"]}}
    assert '    [\n      "a",\n      "a"\n    ]' in await shown(machine, chain(step, batch=5), {"sku": "a"})


def test_a_chain_in_one_line() -> None:
    (part,) = [
        each
        for each in parts(chain(FIND, CREATE, source={"kind": "csv", "path": "p.csv"}))
        if each.family == "outgoing"
    ]
    assert part.summary == "2 steps: find → create · ← p.csv"


edits = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.sampled_from([*LOOKUPS, *WRITABLE, "my/own"])),
        st.tuples(st.just("remove"), st.integers(0, 9)),
        st.tuples(st.just("move"), st.integers(0, 9), st.integers(-9, 9)),
    ),
    max_size=8,
)


@given(edits=edits, batch=st.sampled_from([None, 20]))
def test_whatever_is_edited_names_stay_apart_and_the_other_requests_as_they_are(
    edits: list[Any], batch: int | None
) -> None:
    request = {"method": "put", "uri": "products/&{sku}"}
    data = chain(request=request, **({"batch": batch} if batch else {}))
    del data["outgoing"]["products"]["steps"]
    setup = Setup(document=Document.new(data))
    edited = ChainSteps(setup, "products")
    kept = [request]
    for edit in edits:
        steps = len(kept)
        if edit[0] == "add":
            assert edited.add(edit[1]) == steps
            kept.append(edited.steps[-1]["request"])  # type: ignore[index,call-overload]
        elif edit[0] == "remove":
            edited.remove(edit[1] % steps)
            if steps > 1:
                del kept[edit[1] % steps]
        elif 0 <= edit[1] % steps + edit[2] < steps:
            edited.move(edit[1] % steps, edit[2])
            kept.insert(edit[1] % steps + edit[2], kept.pop(edit[1] % steps))
        assert [value_at(each, ("request",)) for each in edited.steps] == kept
        assert len(set(edited.names)) == len(kept)
        assert ("request" in setup.outgoing["products"]) == edited.is_single  # type: ignore[operator]
        assert tomllib.loads(setup.document.text())["outgoing"] == setup.draft["outgoing"]
        assert not setup.problems()


def test_the_sample_for_a_chain_has_what_each_of_its_steps_needs() -> None:
    stock = ("post", "inventory/source-items")
    assert sample_entity([("get", "products/&{sku}"), ("put", "products/&{sku}"), stock]) == {
        "sku": "24-MB01",
        "name": "Joust Duffle Bag",
        "price": 34,
        "source_code": "default",
        "quantity": 100,
        "status": 1,
    }
    assert sample_entity([stock]) == WRITABLE["stock"].sample
    assert sample_entity([("delete", "products/&{sku}")]) == WRITABLE["products"].sample
    assert sample_entity([("post", "nowhere")]) is None


def test_an_empty_list_of_steps_takes_no_request_away() -> None:
    data = chain(request=FIND["request"])
    setup = Setup(document=Document.new(data))
    ChainSteps(setup, "products").add("stock")
    assert [value_at(each, ("name",)) for each in setup.at("outgoing", "products", "steps")] == ["find", "stock"]  # type: ignore[union-attr]


def test_what_is_sent_as_a_list_is_added_as_a_list_of_one() -> None:
    data = chain(FIND)
    setup = Setup(document=Document.new(data))
    ChainSteps(setup, "products").add("stock")
    request = value_at(setup.outgoing, ("products", "steps", 1, "request"))
    assert request == {"method": "post", "uri": "inventory/source-items", "parameters": {"sourceItems": "&{[@]}"}}
    sent = profile_of(setup.draft).outgoing["products"].request_for({"sku": "a"}, {}, "stock")
    assert sent.body == b'{"sourceItems": [{"sku": "a"}]}'


def test_what_a_chain_looks_up_needs_the_box_for_reading() -> None:
    by_mail = {"name": "find", "request": {"uri": "customers/&{id}"}}
    change = {"name": "change", "request": {"method": "put", "uri": "customers/&{id}"}}
    assert chosen({}, {"c": {"steps": [by_mail]}}) == (["customers"], [])
    assert chosen({}, {"p": {"steps": [FIND, IMAGE]}}) == (["products"], ["product-images"])
    reads, sends = chosen({}, {"c": {"steps": [by_mail, change]}, "stock": {"steps": [SIMPLE]}})
    assert (reads, sends) == (["customers"], ["stock", "customers"])
    assert boxes(reads, sends) == [
        "Customers",
        "Customers › All Customers",
        "Stores › Inventory › Stocks › Source Item Assigning",
    ]


@pytest.mark.parametrize("integration", ["full", "catalog"])
async def test_a_check_asks_for_the_permission_of_every_step(
    machine: Machine, sandbox: Sandbox, integration: str
) -> None:
    described = sandbox.description()["integrations"]
    assert isinstance(described, dict)
    bench = Workbench(machine)
    for name, entry in FOUR.items():
        bench.vault.hold(entry, described[integration][name.replace("-", "_")], sandbox.url)
    data = chain(FIND, SIMPLE, base_uri=f"{sandbox.url}/rest/all/V1")
    data["authentications"] = {"a": signed()}
    data["clients"]["shop"]["authentications"] = ["a"]
    profile = profile_of(data)
    async with bench.session(profile) as session:
        tried = {each.summary: each async for each in check(profile, session, bench.run())}
        part = next(each for each in parts(data) if each.family == "outgoing")
        tested = await check_part(profile, session, part, bench.run())
    bench.close()
    assert tried["outgoing products, step find: permitted"].ok
    stock = tried["outgoing products, step stock: permitted"]
    assert stock.ok is (integration == "full")
    assert stock.finding is None or "Source Item Assigning" in stock.finding.remedy
    assert tested.ok
    assert "find: GET /rest/all/V1/products/24-MB01" in tested.summary
    assert not [each for each in sandbox.journal() if each["method"] == "POST" or "24-MB01" in str(each["path"])]
