"""Products, with their images and variants, and the checks and wording of Magento 2.4.7 for writes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime

from .catalogue import PIXEL, Catalogue, InStoreView, missing_product, stamp
from .criteria import invalid_type, snake, unsupported
from .handlers import (
    Call,
    Checks,
    Endpoints,
    Handlers,
    ListHandler,
    SearchHandler,
    no_such_entity,
    required_list,
    required_object,
)
from .inventory import DEFAULT, SourceItems
from .records import Item
from .response import Json, PageResponse, Refusal, StoreResponse, as_list, as_object, objects_in, required
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
        if "category_links" in given:
            sent = {str(link["category_id"]): link.get("position", 0) for link in objects_in(given["category_links"])}
            links = _with_links(links, sent) if sent else []
        if isinstance(category_ids, list) and category_ids:
            positions = {str(link["category_id"]): link["position"] for link in links}
            links = [{"position": positions.get(str(each), 0), "category_id": str(each)} for each in category_ids]
        merged = extension | {name: value for name, value in given.items() if name != "stock_item"}
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


_PRODUCT_TYPES = ("simple", "virtual", "downloadable", "bundle", "grouped", "configurable")
_LINK_PRODUCT_TYPES = (("related", 1), ("crosssell", 5), ("upsell", 4), ("associated", 3))
_IMAGE_NEEDED = ("media_type", "types")


class _ProductSearch(SearchHandler):
    """Searches products as the store view in the path shows them; filters see the global values."""

    def __init__(self, catalogue: Catalogue, list_handler: ListHandler) -> None:
        self._catalogue, self._list_handler = catalogue, list_handler
        self._lists: dict[str, SearchHandler] = {}

    def __call__(self, call: Call) -> Json:
        return self._of(call.store)(call)

    def example(self) -> Item:
        return self._of("all").example()

    def _of(self, store: str) -> SearchHandler:
        if store not in self._lists:
            self._lists[store] = self._list_handler(InStoreView(self._catalogue, store))
        return self._lists[store]


class Products(Endpoints):
    """The routes of products, their images, variants and source items."""

    def __init__(
        self, catalogue: Catalogue, stock: SourceItems, writes: ProductWriter, list_handler: ListHandler
    ) -> None:
        self._catalogue = catalogue
        self._stock = stock
        self._writes = writes
        self._list_handler = list_handler
        self._last_image = 100

    def handlers(self) -> Handlers:
        media, variants = "/V1/products/:sku/media", "/V1/configurable-products/:sku"
        return {
            "GET /V1/products": _ProductSearch(self._catalogue, self._list_handler),
            "POST /V1/products": self._write,
            "GET /V1/products/:sku": self._product,
            "PUT /V1/products/:sku": self._write,
            "DELETE /V1/products/:sku": self._delete,
            "GET /V1/products/types": lambda call: [
                {"name": name, "label": f"{name.capitalize()} Product"} for name in _PRODUCT_TYPES
            ],
            "GET /V1/products/links/types": lambda call: [
                {"code": code, "name": name} for name, code in _LINK_PRODUCT_TYPES
            ],
            "GET /V1/products/:sku/options": lambda call: self._product_item(call).get("options", []),
            "GET /V1/inventory/source-items": self._list_handler(self._stock),
            "POST /V1/inventory/source-items": lambda call: self._writes.source_items(call.body),
            "POST /V1/products/:sku/websites": self._add_website,
            "PUT /V1/products/:sku/websites": self._add_website,
            "DELETE /V1/products/:sku/websites/:websiteId": self._remove_website,
            f"GET {media}": self._images,
            f"GET {media}/:entryId": self._image,
            f"POST {media}": self._add_image,
            f"PUT {media}/:entryId": self._change_image,
            f"DELETE {media}/:entryId": self._delete_image,
            f"GET {variants}/children": self._children,
            f"GET {variants}/options/all": self._options,
            f"GET {variants}/options/:id": self._option,
            f"POST {variants}/options": self._add_option,
            f"DELETE {variants}/options/:id": self._remove_option,
            f"POST {variants}/child": self._add_child,
            f"DELETE {variants}/children/:childSku": self._delete_child,
        }

    def checks(self) -> Checks:
        read, rows = self._writes.read, self._writes.check_source_items
        stock = {"POST /V1/inventory/source-items": rows}
        return {"POST /V1/products": read, "PUT /V1/products/:sku": read, **stock}

    def _write(self, call: Call) -> Json:
        return self._writes.product(call.body, call.store, call.variables.get("sku"))

    def _product(self, call: Call) -> Json:
        return self._writes.whole(self._row(call), call.store)

    def _delete(self, call: Call) -> Json:
        self._catalogue.delete(self._row(call))
        return True

    def _row(self, call: Call, variable: str = "sku") -> int:
        row = self._catalogue.find(call.variables[variable])
        if row is None:
            raise missing_product()
        return row

    def _product_item(self, call: Call) -> Item:
        return self._catalogue.product(self._row(call), call.store)

    def _entries(self, call: Call) -> list[Item]:
        return objects_in(self._product_item(call).get("media_gallery_entries"))

    def _images(self, call: Call) -> Json:
        """The images, newest first, with their content, which a product response lacks."""
        return [_with_content(each) for each in reversed(self._entries(call))]

    def _image(self, call: Call) -> Json:
        wanted = call.number("entryId")
        found = next((each for each in self._entries(call) if each["id"] == wanted), None)
        if found is None:
            raise Refusal(404, "The image doesn't exist. Verify and try again.")
        return _with_content(found)

    def _add_image(self, call: Call) -> Json:
        payload = required_object(call.body, "entry")
        content = payload.get("content")
        if not isinstance(content, dict) or not content.get("base64_encoded_data"):
            raise Refusal(400, "The image content is invalid. Verify the content and try again.")
        self._last_image += 1
        name = str(content.get("name", "image"))
        kept = {field: value for field, value in payload.items() if field not in ("content", "id")}
        made: Item = {"id": self._last_image, "media_type": "image", "label": None, "position": 1, "disabled": False}
        file: Item = {"file": f"/{name[:1]}/{name[1:2]}/{name}"}
        self._put_images(call, [*_without_roles(self._entries(call), payload), made | {"types": []} | kept | file])
        return str(self._last_image)

    def _change_image(self, call: Call) -> Json:
        wanted, payload = call.number("entryId"), required_object(call.body, "entry")
        entries = self._entries(call)
        if not any(each["id"] == wanted for each in entries):
            raise Refusal(404, "No image with the provided ID was found. Verify the ID and try again.")
        kept = {field: value for field, value in payload.items() if field not in ("content", "id", "file")}
        self._put_images(call, [each | kept if each["id"] == wanted else each for each in entries])
        return True

    def _delete_image(self, call: Call) -> Json:
        wanted, entries = call.number("entryId"), self._entries(call)
        kept = [each for each in entries if each["id"] != wanted]
        if len(kept) == len(entries):
            raise Refusal(404, "No image with the provided ID was found. Verify the ID and try again.")
        self._put_images(call, kept)
        return True

    def _put_images(self, call: Call, entries: list[Item]) -> None:
        row = self._row(call)
        item = self._catalogue.product(row)
        self._catalogue.put(item | {"media_gallery_entries": list[Json](entries)}, row)

    def _extension(self, call: Call) -> Item:
        item = self._product_item(call)
        extension = item.get("extension_attributes")
        if item.get("type_id") != "configurable" or not isinstance(extension, dict):
            raise Refusal(400, "The product isn't a configurable product. Verify the product and try again.")
        return extension

    def _children(self, call: Call) -> Json:
        item = self._product_item(call)
        if item.get("type_id") != "configurable":
            return []
        links = self._extension(call).get("configurable_product_links")
        rows = [int(str(each)) for each in links] if isinstance(links, list) else []
        return [self._catalogue.product(each, call.store) for each in rows if each in self._catalogue.numbers()]

    def _options(self, call: Call) -> Json:
        options = self._extension(call).get("configurable_product_options")
        return as_list(options)

    def _option(self, call: Call) -> Json:
        options, wanted = self._options(call), call.number("id")
        found = as_list(options)
        for each in found:
            if isinstance(each, dict) and each.get("id") == wanted:
                return each
        raise no_such_entity("option_id", wanted)

    def _add_option(self, call: Call) -> Json:
        """Add a configurable option; the product becomes configurable."""
        payload = required_object(call.body, "option")
        values = payload.get("values")
        if not payload.get("attribute_id") or not isinstance(values, list) or not values:
            raise Refusal(400, "Option values are not specified.")
        extension = self._own_extension(call)
        options = objects_in(extension.get("configurable_product_options"))
        number = 1 + max((int(str(each["id"])) for each in options), default=0)
        kept = [each for each in options if each.get("attribute_id") != payload["attribute_id"]]
        made: Item = {"position": 0, **payload, "id": number, "product_id": self._row(call)}
        links = extension.get("configurable_product_links", [])
        changed: Item = {"configurable_product_options": [*kept, made], "configurable_product_links": links}
        self._put_extension(call, extension | changed, {"type_id": "configurable"})
        return str(number)

    def _remove_option(self, call: Call) -> Json:
        wanted = self._option(call)
        extension = self._extension(call)
        kept: list[Json] = [
            each for each in objects_in(extension.get("configurable_product_options")) if each != wanted
        ]
        self._put_extension(call, extension | {"configurable_product_options": kept})
        return True

    def _add_website(self, call: Call) -> Json:
        payload = required_object(call.body, "productWebsiteLink")
        return self._put_websites(call, add=payload.get("website_id"))

    def _remove_website(self, call: Call) -> Json:
        return self._put_websites(call, remove=call.number("websiteId"))

    def _put_websites(self, call: Call, *, add: Json = None, remove: Json = None) -> Json:
        extension = self._own_extension(call)
        websites = extension.get("website_ids")
        kept: list[Json] = [each for each in websites if each != remove] if isinstance(websites, list) else []
        if add is not None and add not in kept:
            kept.append(add)
        self._put_extension(call, extension | {"website_ids": kept})
        return True

    def _add_child(self, call: Call) -> Json:
        sku = call.body.get("childSku")
        if not sku:
            raise required(["childSku"])
        child = self._catalogue.find(str(sku))
        if child is None:
            raise missing_product()
        links = self._links(call)
        if child in links:
            raise Refusal(400, "The product is already attached.")
        self._put_links(call, [*links, child])
        return True

    def _delete_child(self, call: Call) -> Json:
        child, links = self._catalogue.find(call.variables["childSku"]), self._links(call)
        if child is None or child not in links:
            raise Refusal(400, "The option that was requested doesn't exist. Verify the entity and try again.")
        self._put_links(call, [each for each in links if each != child])
        return True

    def _links(self, call: Call) -> list[Json]:
        links = self._extension(call).get("configurable_product_links")
        return as_list(links)

    def _put_links(self, call: Call, links: list[Json]) -> None:
        self._put_extension(call, self._extension(call) | {"configurable_product_links": links})

    def _own_extension(self, call: Call) -> Item:
        extension = self._product_item(call).get("extension_attributes")
        return as_object(extension)

    def _put_extension(self, call: Call, extension: Item, beside: Item | None = None) -> None:
        row = self._row(call)
        self._catalogue.put(self._catalogue.product(row) | {"extension_attributes": extension} | (beside or {}), row)


def _with_content(entry: Item) -> Item:
    file = str(entry.get("file", ""))
    content: Item = {"base64_encoded_data": PIXEL, "type": "image/png", "name": file.rpartition("/")[2]}
    return entry | {"content": content}


def _without_roles(entries: list[Item], payload: Item) -> list[Item]:
    """The existing images without the roles of a new one."""
    taken = payload.get("types")
    roles = as_list(taken)
    kept = []
    for each in entries:
        own = each.get("types")
        rest: list[Json] = [role for role in own if role not in roles] if isinstance(own, list) else []
        kept.append(each | {"types": rest})
    return kept
