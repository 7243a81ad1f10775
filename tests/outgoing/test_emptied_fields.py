"""What sending an empty value does: it empties a field of the store, or the store keeps what the field has."""

from __future__ import annotations

from typing import Any

from compared_store import ComparedStore, preset

PRODUCTS = preset("products")


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
