"""The routes of products: themselves, their images and their variants."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

from .call import Call, Checks, Handlers, Listed, Part, no_entity
from .records import Item
from .response import Json, Refusal, required
from .search import invalid_type, unsupported
from .settings import Settings
from .stock import SourceItems
from .store import PIXEL, Catalogue, missing_product
from .writes import Writes

_TYPES = ("simple", "virtual", "downloadable", "bundle", "grouped", "configurable")
_LINK_TYPES = (("related", 1), ("crosssell", 5), ("upsell", 4), ("associated", 3))
_IMAGE_NEEDED = ("media_type", "types")


class Products(Part):
    """Products, as the store shows and changes them."""

    def __init__(self, catalogue: Catalogue, stock: SourceItems, writes: Writes, listed: Listed) -> None:
        self._catalogue = catalogue
        self._stock = stock
        self._writes = writes
        self._listed = listed
        self._last_image = 100

    def handlers(self) -> Handlers:
        media, variants = "/V1/products/:sku/media", "/V1/configurable-products/:sku"
        return {
            "GET /V1/products": self._listed(self._catalogue),
            "POST /V1/products": self._write,
            "GET /V1/products/:sku": self._product,
            "PUT /V1/products/:sku": self._write,
            "DELETE /V1/products/:sku": self._delete,
            "GET /V1/products/types": lambda call: [
                {"name": name, "label": f"{name.capitalize()} Product"} for name in _TYPES
            ],
            "GET /V1/products/links/types": lambda call: [{"code": code, "name": name} for name, code in _LINK_TYPES],
            "GET /V1/products/:sku/options": lambda call: self._product_item(call).get("options", []),
            "GET /V1/inventory/source-items": self._listed(self._stock),
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
        return _dicts(self._product_item(call).get("media_gallery_entries"))

    def _images(self, call: Call) -> Json:
        """Newest first, with their content, which the product itself does not show."""
        return [_with_content(each) for each in reversed(self._entries(call))]

    def _image(self, call: Call) -> Json:
        wanted = call.number("entryId")
        found = next((each for each in self._entries(call) if each["id"] == wanted), None)
        if found is None:
            raise Refusal(404, "The image doesn't exist. Verify and try again.")
        return _with_content(found)

    def _add_image(self, call: Call) -> Json:
        given = _entry(call.body)
        content = given.get("content")
        if not isinstance(content, dict) or not content.get("base64_encoded_data"):
            raise Refusal(400, "The image content is invalid. Verify the content and try again.")
        self._last_image += 1
        name = str(content.get("name", "image"))
        kept = {field: value for field, value in given.items() if field not in ("content", "id")}
        made: Item = {"id": self._last_image, "media_type": "image", "label": None, "position": 1, "disabled": False}
        file: Item = {"file": f"/{name[:1]}/{name[1:2]}/{name}"}
        self._put_images(call, [*_without_roles(self._entries(call), given), made | {"types": []} | kept | file])
        return str(self._last_image)

    def _change_image(self, call: Call) -> Json:
        wanted, given = call.number("entryId"), _entry(call.body)
        entries = self._entries(call)
        if not any(each["id"] == wanted for each in entries):
            raise Refusal(404, "No image with the provided ID was found. Verify the ID and try again.")
        kept = {field: value for field, value in given.items() if field not in ("content", "id", "file")}
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
        return options if isinstance(options, list) else []

    def _option(self, call: Call) -> Json:
        options, wanted = self._options(call), call.number("id")
        found = options if isinstance(options, list) else []
        for each in found:
            if isinstance(each, dict) and each.get("id") == wanted:
                return each
        raise no_entity("option_id", wanted)

    def _add_option(self, call: Call) -> Json:
        """Make a product vary by an attribute; it becomes configurable by it."""
        given = call.body.get("option")
        if not isinstance(given, dict):
            raise required(["option"])
        values = given.get("values")
        if not given.get("attribute_id") or not isinstance(values, list) or not values:
            raise Refusal(400, "Option values are not specified.")
        extension = self._own_extension(call)
        options = _dicts(extension.get("configurable_product_options"))
        number = 1 + max((int(str(each["id"])) for each in options), default=0)
        kept = [each for each in options if each.get("attribute_id") != given["attribute_id"]]
        made: Item = {"position": 0, **given, "id": number, "product_id": self._row(call)}
        links = extension.get("configurable_product_links", [])
        changed: Item = {"configurable_product_options": [*kept, made], "configurable_product_links": links}
        self._put_extension(call, extension | changed, {"type_id": "configurable"})
        return str(number)

    def _remove_option(self, call: Call) -> Json:
        wanted = self._option(call)
        extension = self._extension(call)
        kept: list[Json] = [each for each in _dicts(extension.get("configurable_product_options")) if each != wanted]
        self._put_extension(call, extension | {"configurable_product_options": kept})
        return True

    def _add_website(self, call: Call) -> Json:
        given = call.body.get("productWebsiteLink")
        if not isinstance(given, dict):
            raise required(["productWebsiteLink"])
        return self._put_websites(call, add=given.get("website_id"))

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
        return links if isinstance(links, list) else []

    def _put_links(self, call: Call, links: list[Json]) -> None:
        self._put_extension(call, self._extension(call) | {"configurable_product_links": links})

    def _own_extension(self, call: Call) -> Item:
        extension = self._product_item(call).get("extension_attributes")
        return extension if isinstance(extension, dict) else {}

    def _put_extension(self, call: Call, extension: Item, beside: Item | None = None) -> None:
        row = self._row(call)
        self._catalogue.put(self._catalogue.product(row) | {"extension_attributes": extension} | (beside or {}), row)


def _dicts(value: Json) -> list[Item]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _entry(body: Item) -> Item:
    given = body.get("entry")
    if not isinstance(given, dict):
        raise required(["entry"])
    return given


def _with_content(entry: Item) -> Item:
    file = str(entry.get("file", ""))
    content: Item = {"base64_encoded_data": PIXEL, "type": "image/png", "name": file.rpartition("/")[2]}
    return entry | {"content": content}


def _without_roles(entries: list[Item], given: Item) -> list[Item]:
    """The older images without the roles that a new one takes."""
    taken = given.get("types")
    roles = taken if isinstance(taken, list) else []
    kept = []
    for each in entries:
        own = each.get("types")
        rest: list[Json] = [role for role in own if role not in roles] if isinstance(own, list) else []
        kept.append(each | {"types": rest})
    return kept


# Prices by sku: base prices, special prices, tier prices and costs, where a bad row is told in a response of 200.


_INVALID = "Invalid attribute %fieldName = %fieldValue."
_TIER_ROW = " Row ID: SKU = %SKU, Website ID: %websiteId, Customer Group: %customerGroup, Quantity: %qty."
_DUPLICATE = (
    "We found a duplicate website, tier price, customer group and quantity: Customer Group = %customerGroup, "
    f"Website ID = %websiteId, Quantity = %qty.{_TIER_ROW}"
)
_DATE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
_ALL_GROUPS = "all groups"
_STORES = (0, 1, 2)
_FIELDS = {
    "BasePrice": ("sku", "store_id", "price"),
    "SpecialPrice": ("sku", "store_id", "price", "price_from", "price_to"),
    "TierPrice": ("sku", "price", "price_type", "website_id", "customer_group", "quantity"),
    "Cost": ("sku", "store_id", "cost"),
}
_NUMBERS = ("price", "cost", "quantity")

Problem = Item
Key = tuple[str, float, str, float]


class Prices(Part):
    """The routes of the price storages (module-catalog/Model/Product/Price)."""

    def __init__(self, catalogue: Catalogue, settings: Settings, groups: Callable[[], list[str]]) -> None:
        self._catalogue = catalogue
        self._settings = settings
        self._groups = groups
        self._special: dict[tuple[str, float], Item] = {}
        self._cost: dict[tuple[str, float], Item] = {}
        self._tier: dict[Key, Item] = {}

    def handlers(self) -> Handlers:
        return {
            "POST /V1/products/base-prices": self._put_base,
            "POST /V1/products/base-prices-information": self._base,
            "POST /V1/products/special-price": self._put_special,
            "POST /V1/products/special-price-information": lambda call: self._known(call, self._special),
            "POST /V1/products/special-price-delete": self._delete_special,
            "POST /V1/products/cost": self._put_cost,
            "POST /V1/products/cost-information": lambda call: self._known(call, self._cost),
            "POST /V1/products/cost-delete": self._delete_cost,
            "POST /V1/products/tier-prices": lambda call: self._put_tier(call, replace=False),
            "PUT /V1/products/tier-prices": lambda call: self._put_tier(call, replace=True),
            "POST /V1/products/tier-prices-information": self._known_tier,
            "POST /V1/products/tier-prices-delete": self._delete_tier,
        }

    def checks(self) -> Checks:
        routes = {
            "base-prices": "BasePrice",
            "special-price": "SpecialPrice",
            "tier-prices": "TierPrice",
            "cost": "Cost",
        }
        return {f"POST /V1/products/{path}": partial(self._read_rows, kind) for path, kind in routes.items()}

    def _rows(self, call: Call, kind: str) -> list[Item]:
        return self._read_rows(kind, call.body)

    def _read_rows(self, kind: str, body: Item) -> list[Item]:
        given = body.get("prices")
        if not isinstance(given, list):
            raise required(["prices"])
        self._settings.refuse_too_many(len(given), f"\\Magento\\Catalog\\Api\\Data\\{kind}Interface")
        return [_read(each, kind) for each in given if isinstance(each, dict)]

    def _sku(self, row: Item) -> int | None:
        """The product of a row; one whose price comes from others, as a configurable's does, has none."""
        found = self._catalogue.find(str(row.get("sku", "")))
        configurable = found is not None and self._catalogue.columns["type_id"].read(found) == "configurable"
        return None if configurable else found

    def _base(self, call: Call) -> Json:
        found: list[Json] = []
        for sku in _skus(call):
            product = self._sku({"sku": sku})
            if product is not None:
                price = self._catalogue.product(product).get("price")
                found.append({"price": price, "store_id": 0, "sku": sku})
        return found

    def _put_base(self, call: Call) -> Json:
        problems: list[Json] = []
        for row in self._rows(call, "BasePrice"):
            product, price, store = self._sku(row), row.get("price"), row.get("store_id", 0)
            if product is None:
                problems.append(_problem(_INVALID, "SKU", row.get("sku")))
            elif not isinstance(price, int | float) or price < 0:
                problems.append(_problem(_INVALID, "Price", _text(price)))
            elif store not in _STORES:
                problems.append(_no_store(row))
            else:
                self._catalogue.put(self._catalogue.product(product) | {"price": price}, product)
        return problems

    def _put_special(self, call: Call) -> Json:
        problems: list[Json] = []
        for row in self._rows(call, "SpecialPrice"):
            wrong = self._special_problems(row)
            problems += wrong
            if not wrong:
                key = (_folded(row["sku"]), _number(row.get("store_id")))
                former = self._special.get(key, {"price_from": None, "price_to": None})
                self._special[key] = {"store_id": 0} | former | row
        return problems

    def _special_problems(self, row: Item) -> list[Json]:
        sku, store, start, end = (row.get(name) for name in ("sku", "store_id", "price_from", "price_to"))
        told: list[Json] = [sku, str(int(_number(store))), start, end]
        tail = f" Row ID: SKU = {sku}, Store ID: {told[1]}, Price From: {start or ''}, Price To: {end or ''}."
        price = row.get("price")
        if self._sku(row) is None:
            return [{"message": missing_product().args[0] + tail, "parameters": told}]
        if not isinstance(price, int | float) or price < 0:
            parameters: list[Json] = [_text(price), *told]
            return [{"message": f"Invalid attribute Price = {_text(price)}.{tail}", "parameters": parameters}]
        if store not in (0, None):
            return [_no_store(row)]
        problems: list[Json] = []
        for label, value in (("Price From", start), ("Price To", end)):
            if value is not None and not _DATE.fullmatch(str(value)):
                # The value named is that of the end in both: so Magento has it.
                problems.append({"message": f"Invalid attribute {label} = {end}.{tail}", "parameters": [label, *told]})
        return problems

    def _delete_special(self, call: Call) -> Json:
        problems: list[Json] = []
        for row in self._rows(call, "SpecialPrice"):
            if self._sku(row) is None:
                problems += self._special_problems(row)
            self._special.pop((_folded(row.get("sku")), _number(row.get("store_id"))), None)
        return problems

    def _put_cost(self, call: Call) -> Json:
        problems: list[Json] = []
        for row in self._rows(call, "Cost"):
            cost, store = row.get("cost"), str(int(_number(row.get("store_id"))))
            if self._sku(row) is None:
                problems.append(_problem(_INVALID, "SKU", row.get("sku")))
            elif not isinstance(cost, int | float) or cost < 0:
                text = f"Invalid attribute Cost = {_text(cost)}. Row ID: SKU = {row['sku']}, Store ID: {store}."
                problems.append({"message": text, "parameters": [_text(cost), row["sku"], store]})
            else:
                kept: Item = {"cost": round(cost, 6), "store_id": int(store), "sku": row["sku"]}
                self._cost[_folded(row["sku"]), float(store)] = kept
        return problems

    def _delete_cost(self, call: Call) -> Json:
        skus = {_folded(sku) for sku in _skus(call)}
        self._cost = {key: row for key, row in self._cost.items() if key[0] not in skus}
        return True

    def _known(self, call: Call, kept: dict[tuple[str, float], Item]) -> Json:
        """The rows of these skus, each under the sku as it was asked for; of others nothing is said."""
        return [row | {"sku": sku} for sku in _skus(call) for key, row in kept.items() if key[0] == _folded(sku)]

    def _known_tier(self, call: Call) -> Json:
        skus = {_folded(sku) for sku in _skus(call)}
        return [row for key, row in self._tier.items() if key[0] in skus]

    def _put_tier(self, call: Call, *, replace: bool) -> Json:
        rows = self._rows(call, "TierPrice")
        if any(self._sku(row) is None for row in rows):
            raise missing_product()
        keys = [_tier_key(row) for row in rows]
        problems: list[Json] = []
        good = []
        for row, key in zip(rows, keys, strict=True):
            found = self._tier_problem(row, twice=keys.count(key) > 1)
            if found:
                problems.append(found)
            else:
                good.append((row, key))
        if replace:
            skus = {key[0] for _, key in good}
            self._tier = {key: row for key, row in self._tier.items() if key[0] not in skus}
        for row, key in good:
            group = _ALL_GROUPS if key[2] == _ALL_GROUPS else row["customer_group"]
            kept: Item = {
                "price": row["price"],
                "price_type": row["price_type"],
                "website_id": row.get("website_id", 0),
            }
            self._tier[key] = kept | {"sku": row["sku"], "customer_group": group, "quantity": row["quantity"]}
        return problems

    def _tier_problem(self, row: Item, *, twice: bool) -> Item | None:
        group, price, quantity = row.get("customer_group"), _number(row.get("price")), _number(row.get("quantity"))
        told: list[Json] = [row.get("sku"), _text(row.get("website_id", 0)), group, _text(row.get("quantity"))]
        known = {_ALL_GROUPS, *(code.lower() for code in self._groups())}
        checks: tuple[tuple[bool, str, list[Json]], ...] = (
            (twice, _DUPLICATE, told),
            (
                row.get("price_type") not in ("fixed", "discount"),
                f"Invalid attribute Price Type = %priceType.{_TIER_ROW}",
                [row.get("price_type"), *told],
            ),
            (
                price < 0 or (row.get("price_type") == "discount" and price > 100),
                f"Invalid attribute Price = %price.{_TIER_ROW}",
                [_text(row.get("price")), *told],
            ),
            (quantity <= 0, f"Invalid attribute Quantity = %qty.{_TIER_ROW}", told),
            (row.get("website_id", 0) != 0, f"Invalid attribute Website ID = %websiteId.{_TIER_ROW}", told),
            (
                str(group).lower() not in known,
                f"No such entity with Customer Group = %customerGroup.{_TIER_ROW}",
                told,
            ),
        )
        return next((_problem(text, *parameters) for wrong, text, parameters in checks if wrong), None)

    def _delete_tier(self, call: Call) -> Json:
        for row in self._rows(call, "TierPrice"):
            self._tier.pop(_tier_key(row), None)
        return []


def _read(given: Item, kind: str) -> Item:
    row = dict(given)
    for name, value in given.items():
        if name not in (*_FIELDS[kind], "extension_attributes"):
            raise unsupported(name)
        if name in _NUMBERS and isinstance(value, str):
            try:
                row[name] = float(value)
            except ValueError as error:
                text = f'Error occurred during "{name}" processing. {invalid_type(value, "float")}'
                raise Refusal(400, text) from error
    return row


def _skus(call: Call) -> list[str]:
    skus = call.body.get("skus")
    if not isinstance(skus, list):
        raise required(["skus"])
    return [str(sku) for sku in skus]


def _problem(message: str, *parameters: Json) -> Item:
    return {"message": message, "parameters": list(parameters)}


def _no_store(row: Item) -> Item:
    sku, store = row.get("sku"), str(int(_number(row.get("store_id"))))
    return _problem(f"Requested store is not found. Row ID: SKU = {sku}, Store ID: {store}.", sku, store)


def _tier_key(row: Item) -> Key:
    group = str(row.get("customer_group")).lower()
    return _folded(row.get("sku")), _number(row.get("website_id")), group, _number(row.get("quantity"))


def _text(value: Json) -> str | None:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return None if value is None else str(value)


def _number(value: Json) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _folded(value: Json) -> str:
    return str(value).lower()
