"""What sending an empty value does: it empties a field of the store, or the store keeps what the field has."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import pytest
from compared_store import ComparedStore, preset
from test_presets import CASES

from tui_connector.magento.entities.comparisons import COMPARISONS
from tui_connector.outgoing.changes import leaves_of
from tui_connector.outgoing.undo import not_restored, undo_steps
from tui_connector.templates import PlaceholderError

PRODUCTS, SPECIAL = preset("products"), preset("special-prices")


def linked(sku: str, *links: tuple[str, int]) -> dict[str, Any]:
    rows = [{"category_id": category, "position": position} for category, position in links]
    return {"sku": sku, "extension_attributes": {"category_links": rows}}


async def links(store: ComparedStore, sku: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await store.get(f"products/{sku}"))["extension_attributes"].get("category_links", [])
    return found


async def test_no_category_links_clear_all_of_them_although_fewer_remove_none(store: ComparedStore) -> None:
    two, none = linked("SYNC-0001", ("3", 4), ("5", 1)), linked("SYNC-0001")
    await store.send(PRODUCTS, [two, linked("SYNC-0002")])
    before = await links(store, "SYNC-0001")
    assert await store.actions(PRODUCTS, [linked("SYNC-0001", ("5", 1)), linked("SYNC-0002")]) == ["unchanged"] * 2
    [change] = await store.plan(PRODUCTS, [none])
    assert [(each.field, each.old, each.new) for each in change.changes] == [
        ("extension_attributes.category_links", before, [])
    ]
    summary = await store.run(PRODUCTS, [none])
    assert (summary.tasks["finished"], await links(store, "SYNC-0001")) == (1, [])
    assert await store.actions(PRODUCTS, [none]) == ["unchanged"]
    await store.undo(PRODUCTS)
    assert await links(store, "SYNC-0001") == before


CHANGED = [each for each in CASES if COMPARISONS[each].get("existing", "changed") == "changed"]
"""Presets of entities that are changed where they exist."""


def emptied(entity: dict[str, Any], identifiers: Sequence[str]) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """The entity with each empty value in each field that does not identify it; before it, field and value."""
    fields = [(path, old) for path, old in leaves_of(entity) if path[0] not in identifiers]
    for path, value in ((path, value) for path, old in fields for value in (None, [] if isinstance(old, list) else "")):
        changed = json.loads(json.dumps(entity))
        inside: Any = changed
        for name in path[:-1]:
            inside = inside[name]
        if isinstance(inside, list):
            next(each for each in inside if each["attribute_code"] == path[-1])["value"] = value
        else:
            inside[path[-1]] = value
        yield ".".join(path), value, changed


@pytest.mark.parametrize("name", CHANGED)
async def test_an_empty_value_is_stored_or_it_is_not_sent(store: ComparedStore, name: str) -> None:
    """Whatever is empty: the store then has no value there, or it responds with an error, or the plan refuses it."""
    outgoing, case = preset(name), CASES[name]
    assert outgoing.compare is not None
    for request in case.setup:
        await store.call(*request)
    kept = []
    for sent in case.sent:
        await store.send(outgoing, [sent])
        for field, value, entity in emptied(sent, [*outgoing.compare.resolved.identifiers, "sku"]):
            [change] = await store.plan(outgoing, [entity])
            if change.action == "unchanged" or change.refused:
                continue
            with suppress(PlaceholderError):
                response = await store.session.client("shop")(outgoing.request_for(entity, {}))
                if response.status == 200 and b'"message"' not in response.body:
                    if (await store.plan(outgoing, [entity]))[0].action != "unchanged":
                        kept.append((field, value))
                    await store.send(outgoing, [sent])
    assert kept == []


def special(sku: str, price_from: str | None = None, price_to: str | None = None) -> dict[str, Any]:
    return {"sku": sku, "store_id": 0, "price": 5, "price_from": price_from, "price_to": price_to}


async def special_price(store: ComparedStore, sku: str) -> Any:
    return await store.call("POST", "products/special-price-information", {"skus": [sku]})


@pytest.mark.parametrize("empty", [None, ""])
async def test_a_date_that_the_store_would_keep_fails_with_the_way_that_works(store: ComparedStore, empty: Any) -> None:
    dated = special("SYNC-0001", "2026-01-01 00:00:00", "2026-12-31 00:00:00")
    await store.send(SPECIAL, [dated])
    before = await special_price(store, "SYNC-0001")
    cleared = dated | {"price": 4, "price_to": empty}
    found = await store.plan(SPECIAL, [cleared, special("SYNC-0002", empty)])
    why = (
        f"price_to: the store accepts {json.dumps(empty)} without storing it; delete the special price first "
        "(products/special-price-delete)"
    )
    assert [(each.action, each.refused, each.note) for each in found] == [("change", True, why), ("create", False, "")]
    summary = await store.run(SPECIAL, [cleared, special("SYNC-0002", empty)])
    assert (summary.tasks["failed"], summary.tasks["finished"]) == (1, 1)
    [failed, _] = store.tasks()
    assert (failed.state, failed.code, failed.reason, failed.attempts) == ("failed", "not-stored", why, 0)
    assert await special_price(store, "SYNC-0001") == before


async def test_an_empty_price_is_not_sent_because_it_would_become_zero(store: ComparedStore) -> None:
    entity = {"sku": "SYNC-0001", "custom_attributes": [{"attribute_code": "special_price", "value": ""}]}
    new = entity | {"sku": "NEW", "name": "New", "price": 1, "attribute_set_id": 4}
    for change in await store.plan(PRODUCTS, [entity, new]):
        assert change.note == (
            'custom_attributes.special_price: the store accepts "" without storing it; send null to remove it'
        )
    assert (await store.run(PRODUCTS, [entity, new])).tasks["failed"] == 2
    assert await special_price(store, "SYNC-0001") == []


async def test_null_removes_the_value_of_a_store_view_where_the_global_one_would_be_kept(store: ComparedStore) -> None:
    uri = f"{store.sandbox.url}/rest/default/V1/products/&{{sku}}"
    view = preset("products", request={"method": "put", "uri": uri, "parameters": {"product": "&{@}"}})
    await store.send(view, [{"sku": "SYNC-0001", "status": 2}])
    nothing = {"sku": "SYNC-0001", "status": None}
    assert [each.refused for each in await store.plan(PRODUCTS, [nothing])] == [True]
    assert (await store.run(view, [nothing])).tasks["finished"] == 1
    assert (await store.get("products/SYNC-0001", store="default"))["status"] == 1


async def test_a_category_is_not_moved_by_sending_another_parent(store: ComparedStore) -> None:
    categories, before = preset("categories"), await store.get("categories/4")
    same, other = ({"id": 4, "parent_id": parent} for parent in (before["parent_id"], 1))
    found = await store.plan(categories, [same, other])
    assert [(each.action, each.refused) for each in found] == [("unchanged", False), ("change", True)]
    assert "PUT categories/<id>/move" in found[1].note


async def test_attributes_that_are_not_sent_are_kept_so_none_of_them_change_nothing(store: ComparedStore) -> None:
    assert await store.actions(PRODUCTS, [{"sku": "SYNC-0001", "custom_attributes": []}]) == ["unchanged"]


async def test_an_undo_removes_the_dates_that_a_special_price_did_not_have(store: ComparedStore) -> None:
    open_ended, ends = special("SYNC-0001"), special("SYNC-0002", None, "2026-06-30 00:00:00")
    await store.send(SPECIAL, [open_ended, ends])
    before = [await special_price(store, each["sku"]) for each in (open_ended, ends)]
    starts = {"sku": "SYNC-0002", "price": 4, "price_from": "2026-02-01 00:00:00"}
    await store.run(SPECIAL, [special("SYNC-0001", "2026-01-01 00:00:00", "2026-12-31 00:00:00"), starts])
    plan = await store.undo(SPECIAL)
    assert [[(each.field, each.new) for each in entry.change.changes] for entry in plan.recreate] == [
        [("price_from", None), ("price_to", None)],
        [("price", 5), ("price_from", None)],
    ]
    assert (plan.restore, plan.not_undone) == ([], [])
    assert [await special_price(store, each["sku"]) for each in (open_ended, ends)] == before


async def test_an_undo_that_has_only_deleted_a_special_price_creates_it_again_later(store: ComparedStore) -> None:
    await store.send(SPECIAL, [special("SYNC-0001", None, "2026-06-30 00:00:00"), special("SYNC-0002")])
    before = await special_price(store, "SYNC-0001")
    starts = {"store_id": 0, "price": 4, "price_from": "2026-02-01 00:00:00"}
    await store.run(SPECIAL, [{"sku": "SYNC-0001", **starts}, {"sku": "SYNC-0002", **starts}])
    delete = SPECIAL.compare.resolved.recreate[0].model_dump(exclude_unset=True) if SPECIAL.compare is not None else {}
    missing = {"name": "create", "request": {"uri": "no/such/route", "method": "post"}}
    broken = preset("special-prices", compare={"preset": "special-prices", "recreate": [delete, missing]})
    plan = await store.undo_plan(broken)
    [(sender, source)] = undo_steps(broken, plan, 1)
    assert (await store.run(sender, source)).failed == 2
    assert await special_price(store, "SYNC-0001") == []
    await store.send(SPECIAL, [special("SYNC-0002")])  # somebody else creates it again
    plan = await store.undo(SPECIAL)
    assert [entry.change.identifier for entry in plan.recreate] == ["SYNC-0001"]
    assert await special_price(store, "SYNC-0001") == before
    await store.call("POST", "products/special-price-delete", {"prices": [special("SYNC-0001")]})
    plan = await store.undo_plan(SPECIAL, 1)
    assert [(left.identifier, left.code) for left in plan.not_undone] == [("SYNC-0001", "gone")]


async def test_a_value_that_cannot_be_removed_is_reported_and_not_sent(store: ComparedStore) -> None:
    kept = preset("special-prices", compare={"preset": "special-prices", "recreate": []})
    await store.send(kept, [special("SYNC-0001")])
    await store.run(kept, [special("SYNC-0001", "2026-01-01 00:00:00") | {"price": 4}])
    plan = await store.undo(kept)
    [left] = plan.not_undone
    assert (left.code, left.message.partition(";")[0]) == (
        "field",
        "price_from: the store accepts null without storing it",
    )
    assert [[each.field for each in entry.change.changes] for entry in plan.restore] == [["price"]]


async def test_an_undo_finds_what_the_store_has_accepted_without_storing_it(store: ComparedStore) -> None:
    """The rules of this comparison do not know yet that the store keeps dates."""
    rules: dict[str, Any] = {"price_from": {}, "price_to": {}}
    unaware = preset("special-prices", compare={"preset": "special-prices", "rules": rules})
    await store.send(unaware, [special("SYNC-0001"), special("SYNC-0002")])
    await store.run(unaware, [special("SYNC-0001", "2026-01-01 00:00:00"), special("SYNC-0002") | {"price": 4}])
    plan = await store.undo_plan(unaware, 1)
    for sender, source in undo_steps(unaware, plan, 1):
        assert (await store.run(sender, source)).failed == 0
    [kept] = not_restored(plan, await store.undo_plan(unaware, 1), deletes=True)
    assert (kept.identifier, kept.code) == ("SYNC-0001", "kept")
    assert kept.message == "the store has accepted its former values without storing all of them: price_from"
