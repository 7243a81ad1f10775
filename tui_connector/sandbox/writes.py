"""Takes products and source items that are sent to the store, with the checks and the wording of Magento 2.4.7."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime

from .records import Item
from .response import Json, ListPage, Refusal, StoreResponse, required
from .search import invalid_type, snake, unsupported
from .settings import Settings
from .stock import DEFAULT, SourceItems
from .store import Catalogue, stamp

_TYPES: dict[str, str] = {
    "id": "int",
    "sku": "string",
    "name": "string",
    "attribute_set_id": "int",
    "price": "float",
    "status": "int",
    "visibility": "int",
    "type_id": "string",
    "created_at": "string",
    "updated_at": "string",
    "weight": "float",
    "extension_attributes": "",
    "product_links": "",
    "options": "",
    "media_gallery_entries": "",
    "tier_prices": "",
    "custom_attributes": "",
}
_EXTENSIONS = {
    *("website_ids", "category_links", "stock_item", "discounts", "bundle_product_options"),
    *("downloadable_product_links", "downloadable_product_samples", "giftcard_amounts"),
    *("configurable_product_options", "configurable_product_links"),
}
_IN_STORE = ("name", "status", "visibility")
"""What a store view has of its own; a price is global unless the store says otherwise."""
_DEFAULT_SET = 4
_LONGEST_SKU = 64
_NEVER_EMPTY = {"name": "Product Name", "price": "Price"}
_NEEDS_PRICE = ("simple", "virtual", "downloadable")
_PRICED = ("simple", "virtual", "downloadable", "bundle", "configurable", "grouped")
"""Product types that have a price; an unknown type is taken and loses it."""


class _InvalidRow(Exception):
    """A source item that Magento's validators refuse."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(text)
        self.field = field
        self.text = text


class Writes:
    """Changes the catalogue and the stock in memory."""

    def __init__(
        self, catalogue: Catalogue, stock: SourceItems, settings: Settings, now: Callable[[], datetime]
    ) -> None:
        self._catalogue = catalogue
        self._stock = stock
        self._settings = settings
        self._now = now

    def product(self, body: Item, store: str, sku: str | None = None) -> Item:
        """Create or update by sku, without regard to case; a sku in the path wins. Gives the product whole.

        `store` is the code in the path: an update through a store view keeps its name, status and visibility there.
        Raises `Refusal`, or `ListPage` where Magento breaks down.
        """
        product = self.read(body)
        named = product.get("sku")
        if sku is not None:
            product["sku"] = sku
        row = self._catalogue.find(self._sku(product))
        for name, label in _NEVER_EMPTY.items() if row is not None and store == "all" else ():
            if name in product and product[name] in (None, ""):
                raise Refusal(400, f'The "{label}" attribute value is empty. Set the attribute and try again.')
        product = {name: value for name, value in product.items() if value is not None and name != "id"}
        if row is None:
            row = self._create(product)
        else:
            self._update(row, product, store)
        self._put_stock(product)
        return _as_saved(self.whole(row, store), named)

    def read(self, body: Item) -> Item:
        """The product in a body, in snake case and of the right types. Raises `Refusal`."""
        given = body.get("product")
        if not isinstance(given, dict):
            raise required(["product"])
        return _read(given)

    def whole(self, row: int, store: str) -> Item:
        """One product as its own route answers it: with its stock item."""
        product = self._catalogue.product(row, store)
        extension = product.get("extension_attributes")
        extension = extension if isinstance(extension, dict) else {}
        return product | {"extension_attributes": extension | {"stock_item": self._stock.stock_item(row)}}

    def source_items(self, body: Item) -> list[Json]:
        """Set quantities; that no product has a sku is not checked. Raises `Refusal`."""
        rows = self.read_source_items(body)
        if not rows:
            raise Refusal(400, "Input data is empty")
        if not all(self._stock.knows(source) for _, source, _, _ in rows):
            raise Refusal(400, "Could not save Source Item")
        for sku, source, quantity, status in rows:
            self._stock.put(sku, source, quantity, status)
        return []

    def check_source_items(self, body: Item) -> None:
        """Look at names and types only, as the queue does before it takes them. Raises `Refusal`."""
        try:
            self.read_source_items(body)
        except Refusal as refusal:
            if "errors" not in refusal.envelope:
                raise

    def read_source_items(self, body: Item) -> list[tuple[str, str, float, int]]:
        """The rows in a body. Raises `Refusal`."""
        given = body.get("sourceItems")
        if not isinstance(given, list):
            raise required(["sourceItems"])
        self._settings.refuse_too_many(len(given), "\\Magento\\InventoryApi\\Api\\Data\\SourceItemInterface")
        try:
            return [_source_item(each) for each in given]
        except _InvalidRow as error:
            raise self._invalid(error) from error

    def _invalid(self, error: _InvalidRow) -> Refusal:
        """400 that names the field, never the row; since 2.4.8 the reason stands in the message too."""
        told = f": {error.text.replace('%field', error.field)}" if self._settings.since("2.4.8") else ""
        each: Json = {"message": error.text, "parameters": {"field": error.field}}
        return Refusal(400, f"Validation Failed{told}", errors=[each])

    def _sku(self, product: Item) -> str:
        if "sku" not in product:
            text = "An error has happened during application run. See exception log for details.\n"
            raise ListPage(StoreResponse(500, "text/plain;charset=UTF-8", text))
        sku = str(product["sku"] or "").strip()
        if not sku:
            raise Refusal(400, 'The "sku" attribute value is empty. Set the attribute and try again.')
        if len(sku) > _LONGEST_SKU:
            raise Refusal(400, "SKU length should be 64 characters maximum.")
        return sku

    def _create(self, product: Item) -> int:
        if product.get("attribute_set_id") != _DEFAULT_SET:
            raise Refusal(400, "Invalid product data: %1", ["Invalid attribute set entity type"])
        name = str(product.get("name") or "")
        if not name:
            raise Refusal(400, 'The "Product Name" attribute value is empty. Set the attribute and try again.')
        if product.get("type_id", "simple") in _NEEDS_PRICE and product.get("price") is None:
            raise Refusal(400, 'The "Price" attribute value is empty. Set the attribute and try again.')
        attributes = _merged(_made_attributes(name), product.get("custom_attributes"))
        self._refuse_taken(attributes, None)
        extension = _extension(product)
        links = extension.get("category_links")
        ids = [each["category_id"] for each in links if isinstance(each, dict)] if isinstance(links, list) else []
        attributes.append({"attribute_code": "category_ids", "value": ids})
        now = stamp(self._now())
        made: Item = {"id": 0, "sku": str(product["sku"]).strip(), "name": name, "attribute_set_id": _DEFAULT_SET}
        sold = product.get("type_id", "simple") in _PRICED
        made |= {"price": product["price"]} if sold and "price" in product else {}
        made |= {"status": product.get("status", 1), "visibility": product.get("visibility", 4)}
        made |= {"type_id": product.get("type_id", "simple"), "created_at": now, "updated_at": now}
        made |= {"weight": product["weight"]} if sold and "weight" in product else {}
        kept: Item = {"website_ids": extension.get("website_ids", [1])}
        made["extension_attributes"] = kept | ({"category_links": links} if links else {})
        lists: Item = {name: [] for name in ("product_links", "options", "media_gallery_entries", "tier_prices")}
        return self._catalogue.put(made | lists | {"custom_attributes": attributes}, None)

    def _update(self, row: int, product: Item, store: str) -> None:
        kept = self._catalogue.product(row)
        own = {} if store == "all" else {name: product[name] for name in _IN_STORE if name in product}
        attributes = _merged(kept.get("custom_attributes"), product.get("custom_attributes"))
        self._refuse_taken(attributes, row)
        extension = kept.get("extension_attributes")
        given = {name: value for name, value in _extension(product).items() if name != "stock_item"}
        changed = {name: value for name, value in product.items() if name not in own and name != "sku"}
        changed["extension_attributes"] = (extension if isinstance(extension, dict) else {}) | given
        changed |= {"custom_attributes": attributes, "updated_at": stamp(self._now())}
        self._catalogue.put(kept | changed, row)
        if own:
            self._catalogue.put_in_store(store, row, own)

    def _refuse_taken(self, attributes: list[Json], row: int | None) -> None:
        for each in attributes:
            if isinstance(each, dict) and each.get("attribute_code") == "url_key":
                taken = self._catalogue.find_url_key(str(each.get("value")))
                if taken is not None and taken != row:
                    raise Refusal(400, "URL key for specified store already exists.")

    def _put_stock(self, product: Item) -> None:
        item = _extension(product).get("stock_item")
        quantity = item.get("qty") if isinstance(item, dict) else None
        if isinstance(item, dict) and isinstance(quantity, int | float):
            in_stock = int(bool(item.get("is_in_stock", quantity > 0)))
            self._stock.put(str(product["sku"]).strip(), DEFAULT, quantity, in_stock)


def _as_saved(product: Item, named: Json) -> Item:
    """The answer to a write: two lists are missing where the body itself named the sku (seen on 2.4.7-p3)."""
    if str(named).lower() != str(product["sku"]).lower():
        return product
    return {name: value for name, value in product.items() if name not in ("product_links", "tier_prices")}


def _read(given: Item) -> Item:
    """A product's fields in snake case and of their types."""
    product: Item = {}
    for name, value in given.items():
        field = snake(name)
        if field not in _TYPES:
            raise unsupported(field)
        product[field] = _typed(name, value, _TYPES[field])
    for name in _extension(product):
        if snake(name) not in _EXTENSIONS:
            raise unsupported(name)
    return product


def _extension(product: Item) -> Item:
    extension = product.get("extension_attributes")
    return extension if isinstance(extension, dict) else {}


def _typed(name: str, value: Json, expected: str) -> Json:
    if value is None or not expected:
        return value
    if isinstance(value, dict | list):
        found = invalid_type("Array", expected)
        raise Refusal(400, f'Error occurred during "{name}" processing. {found}')
    if expected == "string":
        return str(value)
    try:
        return int(value) if expected == "int" else float(value)
    except ValueError as error:
        message = f'Error occurred during "{name}" processing. {invalid_type(str(value), expected)}'
        raise Refusal(400, message) from error


def _source_item(given: Json) -> tuple[str, str, float, int]:
    row = {snake(name): value for name, value in given.items()} if isinstance(given, dict) else {}
    for name in row:
        if name not in ("sku", "source_code", "quantity", "status", "extension_attributes"):
            raise unsupported(name)
    for name in ("sku", "source_code"):
        if not str(row.get(name) or "").strip():
            raise _InvalidRow(name, '"%field" can not be empty.')
    quantity, status = _typed("quantity", row.get("quantity"), "float"), _typed("status", row.get("status"), "int")
    if not isinstance(status, int):
        raise _InvalidRow("status", '"%field" should be numeric.')
    if status not in (0, 1):
        raise _InvalidRow("status", '"%field" should a known status.')
    number = quantity if isinstance(quantity, int | float) else 0.0
    return str(row["sku"]), str(row["source_code"]), number, status


def _made_attributes(name: str) -> list[Json]:
    url_key = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    values = {"options_container": "container2", "url_key": url_key, "msrp_display_actual_price_type": "0"}
    values |= {"required_options": "0", "has_options": "0", "tax_class_id": "2"}
    return [{"attribute_code": code, "value": value} for code, value in values.items()]


def _merged(kept: Json, given: Json) -> list[Json]:
    """Attributes sent replace those of the same code; the others stay."""
    values: dict[str, Json] = {}
    for each in [*(kept if isinstance(kept, list) else []), *(given if isinstance(given, list) else [])]:
        if isinstance(each, dict):
            values[str(each.get("attribute_code"))] = each.get("value")
    return [{"attribute_code": code, "value": value} for code, value in values.items() if value is not None]
