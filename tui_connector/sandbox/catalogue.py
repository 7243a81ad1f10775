"""The catalogue: products generated from a seed on demand, and products written since."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from .noise import noise
from .records import Item
from .response import Json, Refusal, as_list, as_object, php_json
from .table import Cell, Column

ODD_SKUS = (
    *("SYNC-0001", "SYNC-0002", "SYNC-0003", "A/B", "A B", "A%B", "café", "A+B", "a,b", "A&B"),
    *("A#B", "A?B", "A.B", 'A"B', "123", "00123", "lead", "UPPER", "24-MB01"),
    *("MH01", "MH01-Black", "MH01-Blue", "MH01-Red"),
)
"""The first products: SKUs that clients often mishandle, the examples' product, and one that comes in three colors."""
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
"""The content of every image."""
_CONFIGURABLE = "MH01"
_COLORS = (49, 50, 51)
"""Option values of the attribute `color`, as numbered in attributes.py."""

_EPOCH = datetime(2026, 1, 1)
_TEMPLATE = (
    '{"id":%d,"sku":%s,"name":"%s","attribute_set_id":4,"price":%s,"status":1,"visibility":4,"type_id":"simple",'
    '"created_at":"%s","updated_at":"%s","weight":1,"extension_attributes":{"website_ids":[1],"category_links":'
    '[{"position":0,"category_id":"%d"}]},"product_links":[],"options":[],"media_gallery_entries":[],"tier_prices":[],'
    '"custom_attributes":[{"attribute_code":"options_container","value":"container2"},{"attribute_code":"url_key",'
    '"value":"%s"},{"attribute_code":"msrp_display_actual_price_type","value":"0"},{"attribute_code":'
    '"required_options","value":"0"},{"attribute_code":"has_options","value":"0"},{"attribute_code":"tax_class_id",'
    '"value":"2"},{"attribute_code":"category_ids","value":["%d"]},{"attribute_code":"description","value":'
    '"<p>%s \\u00e9 \\u20ac<\\/p>"}]}'
)
_ABSENT = (
    *("special_price", "special_from_date", "special_to_date", "cost", "manufacturer", "color", "meta_title"),
    *("short_description", "image", "small_image", "thumbnail", "country_of_manufacture", "news_from_date"),
)
"""Attributes that exist and are null for every product."""


def stamp(moment: datetime) -> str:
    """A timestamp as Magento stores it: UTC, in seconds, without a zone."""
    return moment.strftime("%Y-%m-%d %H:%M:%S")


class Catalogue:
    """Products by row number (`entity_id`), ascending and without gaps until a product is deleted."""

    key = "entity_id"
    strict_fields = True

    def __init__(self, size: int, seed: int) -> None:
        self._size = self._generated_size = size
        self._seed = seed
        self._rows: Sequence[int] = range(1, size + 1)
        self._deleted: set[int] = set()
        self._written: dict[int, Item] = {}
        self._store_view_values: dict[tuple[str, int], Item] = {}
        self._odd = {sku.lower(): row for row, sku in enumerate(ODD_SKUS[:size], start=1)}
        self._by_sku: dict[str, int] = {}
        self._by_url_key: dict[str, int] = {}
        self._version = 0
        for row, changes in self._special_products().items():
            self._written[row] = json.loads(self._made(row)) | changes
            self._by_url_key[f"product-{row}"] = row
        self.columns: Mapping[str, Column] = self._columns()

    @property
    def version(self) -> int:
        return self._version

    def numbers(self) -> Sequence[int]:
        return self._rows

    def written(self, row: int) -> str:
        """The product as JSON in a list response: without its stock item."""
        item = self._written.get(row)
        return php_json(item) if item else self._made(row)

    def product(self, row: int, store: str = "all") -> Item:
        """The product, with the store view's own values where it has any."""
        item: Item = json.loads(self.written(row))
        own = self._store_view_values.get((store, row))
        if not own:
            return item
        own_attributes = as_object(own.get("custom_attributes"))
        kept = [
            each
            for each in as_list(item["custom_attributes"])
            if as_object(each)["attribute_code"] not in own_attributes
        ]
        attributes: list[Json] = [{"attribute_code": code, "value": value} for code, value in own_attributes.items()]
        return item | own | {"custom_attributes": [*kept, *attributes]}

    def sku(self, row: int) -> str:
        item = self._written.get(row)
        if item:
            return str(item["sku"])
        return ODD_SKUS[row - 1] if row <= len(ODD_SKUS) else f"SKU-{row - len(ODD_SKUS):06d}"

    def find(self, sku: str) -> int | None:
        """The row of a SKU, compared case-insensitively as in MySQL."""
        row = self._by_sku.get(sku.lower()) or self.generated_row(sku)
        return None if row in self._deleted else row

    def _located(self, sku: str) -> Sequence[int]:
        row = self.find(sku)
        return () if row is None else (row,)

    def generated_row(self, sku: str) -> int | None:
        """The row for which a SKU was generated, even if it has been deleted."""
        sku = sku.lower()
        if sku in self._odd:
            return self._odd[sku]
        if not sku.startswith("sku-") or not sku[4:].isdecimal():
            return None
        row = int(sku[4:]) + len(ODD_SKUS)
        return row if row <= self._generated_size and self.sku(row).lower() == sku else None

    def find_url_key(self, url_key: str) -> int | None:
        """The row of a URL key, which is unique per store."""
        if url_key in self._by_url_key:
            return self._by_url_key[url_key]
        number = url_key.removeprefix("product-")
        row = int(number) if number.isdecimal() else 0
        untouched = 0 < row <= self._generated_size and row not in self._written and row not in self._deleted
        return row if untouched and url_key == f"product-{row}" else None

    def put(self, item: Item, row: int | None) -> int:
        """Store a product in its row, or as a new one; returns the row."""
        if row is None:
            self._size += 1
            row = self._size
            self._rows = range(1, row + 1) if not self._deleted else [*self._rows, row]
        self._written[row] = item | {"id": row}
        self._by_sku[str(item["sku"]).lower()] = row
        attributes = item.get("custom_attributes")
        for each in as_list(attributes):
            if isinstance(each, dict) and each.get("attribute_code") == "url_key":
                self._by_url_key[str(each["value"])] = row
        self._version += 1
        return row

    def has_own_values(self, store: str, row: int) -> bool:
        """Whether a store view has values of its own of a product."""
        return (store, row) in self._store_view_values

    def put_in_store_view(self, store: str, row: int, values: Item) -> None:
        """Store values of one store view; None removes one, and the view follows the global value again."""
        before = self._store_view_values.get((store, row), {})
        attributes = as_object(before.get("custom_attributes")) | as_object(values.get("custom_attributes"))
        own: Item = {name: value for name, value in (before | values).items() if value is not None}
        own_attributes: Item = {code: value for code, value in attributes.items() if value is not None}
        own["custom_attributes"] = own_attributes
        self._store_view_values[store, row] = own
        self._version += 1

    def delete(self, row: int) -> None:
        """Delete a product; its ID is not reused."""
        self._by_sku.pop(self.sku(row).lower(), None)
        self._by_url_key = {url_key: owner for url_key, owner in self._by_url_key.items() if owner != row}
        self._store_view_values = {
            place: values for place, values in self._store_view_values.items() if place[1] != row
        }
        self._written.pop(row, None)
        self._deleted.add(row)
        self._rows = [each for each in self._rows if each != row]
        self._version += 1

    def changed_product(self, row: int) -> Item | None:
        """The product if it was ever written, otherwise None."""
        return self._written.get(row)

    def _special_products(self) -> Mapping[int, Item]:
        """Products that differ from the template: one with an image, one with three colors."""
        rows = {sku: row for sku, row in ((sku, self._odd.get(sku.lower())) for sku in ODD_SKUS) if row}
        special: dict[int, Item] = {}
        image: Item = {"id": 1, "media_type": "image", "label": "Front", "position": 1, "disabled": False}
        roles: Item = {"types": ["image", "small_image", "thumbnail"], "file": "/f/r/front.png"}
        if "24-MB01" in rows:
            special[rows["24-MB01"]] = {"media_gallery_entries": [image | roles]}
        children = [row for sku, row in rows.items() if sku.startswith(f"{_CONFIGURABLE}-")]
        if children:
            parent = rows[_CONFIGURABLE]
            values: list[Json] = [{"value_index": value} for value in _COLORS[: len(children)]]
            option: Item = {"id": 1, "attribute_id": "93", "label": "Color", "position": 0, "values": values}
            made: Item = json.loads(self._made(parent))
            own = made["extension_attributes"]
            extension: Item = as_object(own)
            links: Item = {"configurable_product_options": [option | {"product_id": parent}]}
            links["configurable_product_links"] = list[Json](children)
            special[parent] = {"type_id": "configurable", "price": 0, "extension_attributes": extension | links}
            for child, value in zip(children, _COLORS, strict=False):
                child_item: Item = json.loads(self._made(child))
                attributes = child_item["custom_attributes"]
                color: Json = {"attribute_code": "color", "value": str(value)}
                kept = as_list(attributes)
                special[child] = {"visibility": 1, "custom_attributes": [*kept, color]}
        return special

    def _made(self, row: int) -> str:
        name = self._name(row)
        url_key = name.lower().replace(" ", "-")
        category = self._category(row)
        price = php_json(self._price(row))
        sku = php_json(self.sku(row))
        dates = (stamp(self._created(row)), stamp(self._updated(row)))
        return _TEMPLATE % (row, sku, name, price, *dates, category, url_key, category, name)

    def _name(self, row: int) -> str:
        return f"Sync product {row}" if row <= 3 else f"Product {row}"

    def _price(self, row: int) -> float:
        return (500 + noise(self._seed, row, 1) % 49_500) / 100

    def _category(self, row: int) -> int:
        return 3 if row <= 3 else 3 + noise(self._seed, row, 2) % 6

    def _created(self, row: int) -> datetime:
        return _EPOCH + timedelta(seconds=7 * row)

    def _updated(self, row: int) -> datetime:
        return self._created(row) + timedelta(seconds=noise(self._seed, row, 3) % 86_400)

    def quantity(self, row: int) -> int | None:
        """The initial quantity in the default source; None for a product written later."""
        return noise(self._seed, row, 4) % 500 if row <= self._generated_size else None

    def _columns(self) -> Mapping[str, Column]:
        def of(name: str, made: Callable[[int], Cell]) -> Callable[[int], Cell]:
            def read(row: int) -> Cell:
                item = self._written.get(row) if self._written else None
                return _cell(item, name) if item else made(row)

            return read

        columns = {name: Column(of(name, lambda row: None)) for name in _ABSENT}
        for name, value in (("attribute_set_id", 4), ("status", 1), ("visibility", 4), ("weight", 1)):
            columns[name] = Column(of(name, lambda row, value=value: value), "number")  # type: ignore[misc]
        return columns | {
            "entity_id": Column(lambda row: row, "number"),
            "sku": Column(self.sku, "text", self._located),
            "name": Column(of("name", self._name)),
            "type_id": Column(of("type_id", lambda row: "simple")),
            "url_key": Column(of("url_key", lambda row: self._name(row).lower().replace(" ", "-"))),
            "price": Column(of("price", self._price), "number"),
            "tax_class_id": Column(of("tax_class_id", lambda row: 2), "number"),
            "description": Column(of("description", lambda row: f"<p>{self._name(row)} é €</p>")),
            "created_at": Column(of("created_at", lambda row: stamp(self._created(row))), "date"),
            "updated_at": Column(of("updated_at", lambda row: stamp(self._updated(row))), "date"),
            "category_id": Column(of("category_id", lambda row: frozenset((str(self._category(row)),))), "set"),
            "website_id": Column(lambda row: frozenset("1"), "set"),
            "store_id": Column(lambda row: frozenset("01"), "set"),
            "store": Column(lambda row: frozenset(("0", "1", "default", "admin")), "set"),
        }


class InStoreView:
    """The catalogue as one store view shows it: searches see the global values, and rows have the view's own."""

    def __init__(self, catalogue: Catalogue, store: str) -> None:
        self._catalogue, self._store = catalogue, store
        self.key, self.strict_fields, self.columns = catalogue.key, catalogue.strict_fields, catalogue.columns

    @property
    def version(self) -> int:
        return self._catalogue.version

    def numbers(self) -> Sequence[int]:
        return self._catalogue.numbers()

    def written(self, row: int) -> str:
        if not self._catalogue.has_own_values(self._store, row):
            return self._catalogue.written(row)
        return php_json(self._catalogue.product(row, self._store))


def _cell(item: Item, name: str) -> Cell:
    """A field or custom attribute of a written product."""
    extension = item.get("extension_attributes")
    if name == "category_id":
        links = extension.get("category_links") if isinstance(extension, dict) else None
        return frozenset(str(link["category_id"]) for link in links or () if isinstance(link, dict))  # type: ignore[union-attr]
    value = item.get(name)
    attributes = item.get("custom_attributes")
    if value is None and isinstance(attributes, list):
        codes = (each for each in attributes if isinstance(each, dict) and each.get("attribute_code") == name)
        value = next((each.get("value") for each in codes), None)
    return value if isinstance(value, int | float | str) else None


def missing_product() -> Refusal:
    """404 for an unknown SKU."""
    return Refusal(404, "The product that was requested doesn't exist. Verify the product and try again.")
