"""Writes of products and of their stock, with the checks and the wording of Magento 2.4.7."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime

from .catalogue import Catalogue, stamp
from .criteria import invalid_type, snake, unsupported
from .handlers import (
    required_list,
    required_object,
)
from .inventory import DEFAULT, SourceItems
from .records import Item
from .response import Json, PageResponse, Refusal, StoreResponse, as_list, as_object, objects_in
from .settings import Settings

_FIELD_TYPES: dict[str, str] = {
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
_PER_STORE_VIEW = ("name", "status", "visibility")
"""What a store view has of its own; a price is global unless the store says otherwise."""
_DEFAULT_SET = 4
_DECIMALS = ("special_price", "cost", "msrp", "minimal_price")
_GLOBAL = (*_DECIMALS, "category_ids", "special_from_date", "special_to_date")
"""Attributes that a store view has no value of its own of; prices are global unless the store says otherwise."""
_DATE_CODES = ("_date", "_from", "_to")
_DATE = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d:\d\d))?")
_MAX_SKU_LENGTH = 64
_NOT_EMPTY = {"name": "Product Name", "price": "Price"}
_NEEDS_PRICE = ("simple", "virtual", "downloadable")
_PRICED = ("simple", "virtual", "downloadable", "bundle", "configurable", "grouped")
"""Product types that have a price; an unknown type is taken and loses it."""


class _InvalidRow(Exception):
    """A source item that Magento's validators refuse."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(text)
        self.field = field
        self.text = text


class ProductWriter:
    """Changes the catalogue and the stock in memory."""

    def __init__(
        self, catalogue: Catalogue, stock: SourceItems, settings: Settings, now: Callable[[], datetime]
    ) -> None:
        self._catalogue = catalogue
        self._stock = stock
        self._settings = settings
        self._now = now

    def product(self, body: Item, store: str, sku: str | None = None) -> Item:
        """Create or update by case-insensitive SKU; the one in the path overrides the body. Returns the whole product.

        `store` is the code in the path: an update through a store view keeps its name, status and visibility there.
        Raises `Refusal`, or `PageResponse` where Magento breaks down.
        """
        product = self.read(body)
        strict_fields = product.get("sku")
        if sku is not None:
            product["sku"] = sku
        row = self._catalogue.find(self._sku(product))
        for name, label in _NOT_EMPTY.items() if row is not None and store == "all" else ():
            if name in product and product[name] in (None, ""):
                raise Refusal(400, f'The "{label}" attribute value is empty. Set the attribute and try again.')
        cleared = [name for name, value in product.items() if value is None]
        product = {name: value for name, value in product.items() if value is not None and name != "id"}
        if row is None:
            row = self._create(product)
        else:
            self._update(row, product, store, cleared)
        self._put_stock(product)
        return _as_saved(self.whole(row, store), strict_fields)

    def read(self, body: Item) -> Item:
        """The product in a body, in snake case and of the right types. Raises `Refusal`."""
        payload = required_object(body, "product")
        return _read(payload)

    def whole(self, row: int, store: str) -> Item:
        """A product as returned by its own route: with its stock item."""
        product = self._catalogue.product(row, store)
        extension = product.get("extension_attributes")
        extension = as_object(extension)
        return product | {"extension_attributes": extension | {"stock_item": self._stock.stock_item(row)}}

    def source_items(self, body: Item) -> list[Json]:
        """Set quantities, also for SKUs without a product. Raises `Refusal`."""
        rows = self.read_source_items(body)
        if not rows:
            raise Refusal(400, "Input data is empty")
        if not all(self._stock.knows(source) for _, source, _, _ in rows):
            raise Refusal(400, "Could not save Source Item")
        for sku, source, quantity, status in rows:
            self._stock.put(sku, source, quantity, status)
        return []

    def check_source_items(self, body: Item) -> None:
        """Check names and types only, as the queue does. Raises `Refusal`."""
        try:
            self.read_source_items(body)
        except Refusal as refusal:
            if "errors" not in refusal.envelope:
                raise

    def read_source_items(self, body: Item) -> list[tuple[str, str, float, int]]:
        """The rows in a body. Raises `Refusal`."""
        payload = required_list(body, "sourceItems")
        self._settings.check_length(len(payload), "\\Magento\\InventoryApi\\Api\\Data\\SourceItemInterface")
        try:
            return [_source_item(each) for each in payload]
        except _InvalidRow as error:
            raise self._invalid(error) from error

    def _invalid(self, error: _InvalidRow) -> Refusal:
        """400 with the field but not the row; since 2.4.8, with the reason in the message."""
        told = f": {error.text.replace('%field', error.field)}" if self._settings.since("2.4.8") else ""
        each: Json = {"message": error.text, "parameters": {"field": error.field}}
        return Refusal(400, f"Validation Failed{told}", errors=[each])

    def _sku(self, product: Item) -> str:
        if "sku" not in product:
            text = "An error has happened during application run. See exception log for details.\n"
            raise PageResponse(StoreResponse(500, "text/plain;charset=UTF-8", text))
        sku = str(product["sku"] or "").strip()
        if not sku:
            raise Refusal(400, 'The "sku" attribute value is empty. Set the attribute and try again.')
        if len(sku) > _MAX_SKU_LENGTH:
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
        attributes = _merged(_made_attributes(name), _converted(product.get("custom_attributes"), self._now()))
        self._check_unique(attributes, None)
        extension = as_object(product.get("extension_attributes"))
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

    def _update(self, row: int, product: Item, store: str, cleared: list[str]) -> None:
        kept = self._catalogue.product(row)
        given = _converted(product.get("custom_attributes"), self._now())
        in_view = store != "all"
        own: Item = {name: product[name] for name in _PER_STORE_VIEW if name in product and in_view}
        own |= {name: None for name in cleared if name in _PER_STORE_VIEW and in_view}
        own_attributes = {code: value for code, value in given.items() if in_view and code not in _GLOBAL}
        if own_attributes:
            own["custom_attributes"] = own_attributes
        attributes = _merged(kept.get("custom_attributes"), {c: v for c, v in given.items() if c not in own_attributes})
        self._check_unique(attributes, row)
        changed = {name: value for name, value in product.items() if name not in own and name != "sku"}
        extension = self._extension(kept, product, given.get("category_ids"))
        ids: Json = [str(link["category_id"]) for link in objects_in(extension.get("category_links"))]
        attributes = _merged(attributes, {"category_ids": ids})
        changed |= {"extension_attributes": extension, "custom_attributes": attributes}
        changed |= {"updated_at": stamp(self._now())}
        gone = {name for name in cleared if name in ("weight", "visibility") and not in_view}
        left = {name: value for name, value in (kept | changed).items() if name not in gone}
        self._catalogue.put(left, row)
        if own:
            self._catalogue.put_in_store_view(store, row, own)

    def _extension(self, kept: Item, product: Item, category_ids: Json) -> Item:
        """Category links add and move, an empty list removes all; `category_ids` replaces, unless it is empty."""
        extension = as_object(kept.get("extension_attributes"))
        given = as_object(product.get("extension_attributes"))
        links = objects_in(extension.get("category_links"))
        if given.get("category_links") is not None:
            sent = {str(link["category_id"]): link.get("position", 0) for link in objects_in(given["category_links"])}
            links = _with_links(links, sent) if sent else []
        if isinstance(category_ids, list) and category_ids:
            positions = {str(link["category_id"]): link["position"] for link in links}
            links = [{"position": positions.get(str(each), 0), "category_id": str(each)} for each in category_ids]
        merged = extension | {n: value for n, value in given.items() if n != "stock_item" and value is not None}
        if isinstance(merged.get("website_ids"), list):
            merged["website_ids"] = [int(str(each)) for each in as_list(merged["website_ids"])]
        merged.pop("category_links", None)
        return merged | ({"category_links": [*links]} if links else {})

    def _check_unique(self, attributes: list[Json], row: int | None) -> None:
        for each in attributes:
            if isinstance(each, dict) and each.get("attribute_code") == "url_key":
                taken = self._catalogue.find_url_key(str(each.get("value")))
                if taken is not None and taken != row:
                    raise Refusal(400, "URL key for specified store already exists.")

    def _put_stock(self, product: Item) -> None:
        item = as_object(product.get("extension_attributes")).get("stock_item")
        quantity = item.get("qty") if isinstance(item, dict) else None
        if isinstance(item, dict) and isinstance(quantity, int | float):
            in_stock = int(bool(item.get("is_in_stock", quantity > 0)))
            self._stock.put(str(product["sku"]).strip(), DEFAULT, quantity, in_stock)


def _as_saved(product: Item, strict_fields: Json) -> Item:
    """The response to a write: two lists are missing if the body contains the SKU (seen on 2.4.7-p3)."""
    if str(strict_fields).lower() != str(product["sku"]).lower():
        return product
    return {name: value for name, value in product.items() if name not in ("product_links", "tier_prices")}


def _read(payload: Item) -> Item:
    """A product's fields in snake case, converted to their types."""
    product: Item = {}
    for name, value in payload.items():
        field = snake(name)
        if field not in _FIELD_TYPES:
            raise unsupported(field)
        product[field] = _typed(name, value, _FIELD_TYPES[field])
    for name in as_object(product.get("extension_attributes")):
        if snake(name) not in _EXTENSIONS:
            raise unsupported(name)
    return product


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


def _source_item(payload: Json) -> tuple[str, str, float, int]:
    row = {snake(name): value for name, value in payload.items()} if isinstance(payload, dict) else {}
    for name in row:
        if name not in ("sku", "source_code", "quantity", "status", "extension_attributes"):
            raise unsupported(name)
    for name in ("sku", "source_code"):
        if not str(row.get(name) or "").strip():
            raise _InvalidRow(name, '"%field" can not be empty.')
    quantity, status = _typed("quantity", row.get("quantity"), "float"), _typed("status", row.get("status"), "int")
    if not isinstance(quantity, int | float):
        raise _InvalidRow("quantity", '"%field" should be numeric.')
    if not isinstance(status, int):
        raise _InvalidRow("status", '"%field" should be numeric.')
    if status not in (0, 1):
        raise _InvalidRow("status", '"%field" should a known status.')
    return str(row["sku"]), str(row["source_code"]), quantity, status


def _made_attributes(name: str) -> list[Json]:
    url_key = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    values = {"options_container": "container2", "url_key": url_key, "msrp_display_actual_price_type": "0"}
    values |= {"required_options": "0", "has_options": "0", "tax_class_id": "2"}
    return [{"attribute_code": code, "value": value} for code, value in values.items()]


def _merged(kept: Json, given: Mapping[str, Json]) -> list[Json]:
    """Attributes sent replace those with the same code, and null removes one; the others are kept."""
    values: dict[str, Json] = {}
    for each in objects_in(as_list(kept)):
        values[str(each.get("attribute_code"))] = each.get("value")
    values |= given
    return [{"attribute_code": code, "value": value} for code, value in values.items() if value is not None]


def _converted(payload: Json, now: datetime) -> dict[str, Json]:
    """The attributes in a body as they are stored: texts, with six places for prices; None removes one.

    An empty text removes texts and dates, but a price becomes 0, and a special price then starts today.
    """
    found: dict[str, Json] = {}
    for each in objects_in(as_list(payload)):
        code, value = str(each.get("attribute_code")), each.get("value")
        if code in _DECIMALS and value is not None and not isinstance(value, dict | list):
            found[code] = f"{float(value or 0):.6f}"
            if value == "" and code == "special_price":
                found.setdefault("special_from_date", stamp(now.replace(hour=0, minute=0, second=0)))
        else:
            found[code] = _converted_value(code, value)
    return found


def _converted_value(code: str, value: Json) -> Json:
    if value is None or value == "":
        return None
    if isinstance(value, list):
        return [str(each) for each in value]
    text = str(int(value)) if isinstance(value, bool) else str(value)
    if code == "url_key":
        return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    if code.endswith(_DATE_CODES) and (date := _DATE.match(text)):
        return f"{date[1]} {date[2] or '00:00:00'}"
    return text


def _with_links(links: list[Item], sent: Mapping[str, Json]) -> list[Item]:
    """The category links with those that are sent added, or moved to their position."""
    moved: dict[str, Json] = {str(link["category_id"]): link["position"] for link in links} | dict(sent)
    return [{"position": position, "category_id": category} for category, position in moved.items()]
