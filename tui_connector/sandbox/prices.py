"""Prices by SKU: base, special and tier prices, and costs. Invalid rows are reported in a 200 response."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial

from .catalogue import Catalogue, missing_product
from .criteria import invalid_type, unsupported
from .handlers import Call, Checks, Endpoints, Handlers, required_list
from .records import Item
from .response import Json, Refusal, objects_in
from .settings import Settings

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

_SPECIAL_DATES = {"price_from": "special_from_date", "price_to": "special_to_date"}
"""By the name in a row: the attribute of the product."""

Problem = Item
Key = tuple[str, float, str, float]


class Prices(Endpoints):
    """The routes of the price storages (module-catalog/Model/Product/Price)."""

    def __init__(self, catalogue: Catalogue, settings: Settings, groups: Callable[[], list[str]]) -> None:
        self._catalogue = catalogue
        self._settings = settings
        self._groups = groups
        self._view_costs: dict[tuple[str, float], Item] = {}
        """Costs of a store view; that of all store views is an attribute of the product."""
        self._tier: dict[Key, Item] = {}

    def handlers(self) -> Handlers:
        return {
            "POST /V1/products/base-prices": self._put_base,
            "POST /V1/products/base-prices-information": self._base,
            "POST /V1/products/special-price": self._put_special,
            "POST /V1/products/special-price-information": self._special,
            "POST /V1/products/special-price-delete": self._delete_special,
            "POST /V1/products/cost": self._put_cost,
            "POST /V1/products/cost-information": self._costs,
            "POST /V1/products/cost-delete": self._delete_cost,
            "POST /V1/products/tier-prices": lambda call: self._put_tier(call, replace=False),
            "PUT /V1/products/tier-prices": lambda call: self._put_tier(call, replace=True),
            "POST /V1/products/tier-prices-information": self._stored_tier,
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
        payload = required_list(body, "prices")
        self._settings.check_length(len(payload), f"\\Magento\\Catalog\\Api\\Data\\{kind}Interface")
        return [_read(each, kind) for each in payload if isinstance(each, dict)]

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
                self._catalogue.put(self._catalogue.product(product) | {"price": round(price, 6)}, product)
        return problems

    def _put_special(self, call: Call) -> Json:
        problems: list[Json] = []
        for row in self._rows(call, "SpecialPrice"):
            wrong = self._special_problems(row)
            problems += wrong
            if not wrong:
                dates = {code: row[name] for name, code in _SPECIAL_DATES.items() if row.get(name)}
                self._set(row, {"special_price": f"{_number(row['price']):.6f}"} | dates)
        return problems

    def _special_problems(self, row: Item) -> list[Json]:
        sku, store, start, end = (row.get(name) for name in ("sku", "store_id", "price_from", "price_to"))
        parameters: list[Json] = [sku, str(int(_number(store))), start, end]
        tail = f" Row ID: SKU = {sku}, Store ID: {parameters[1]}, Price From: {start or ''}, Price To: {end or ''}."
        price = row.get("price")
        if self._sku(row) is None:
            return [{"message": missing_product().args[0] + tail, "parameters": parameters}]
        if not isinstance(price, int | float) or price < 0:
            message = f"Invalid attribute Price = {_text(price)}.{tail}"
            return [{"message": message, "parameters": [_text(price), *parameters]}]
        if store not in (0, None):
            return [_no_store(row)]
        problems: list[Json] = []
        for label, value in (("Price From", start), ("Price To", end)):
            if value and not _DATE.fullmatch(str(value)):
                # The value named is that of the end in both: so Magento has it.
                problems.append(
                    {"message": f"Invalid attribute {label} = {end}.{tail}", "parameters": [label, *parameters]}
                )
        return problems

    def _delete_special(self, call: Call) -> Json:
        problems: list[Json] = []
        for row in self._rows(call, "SpecialPrice"):
            if self._sku(row) is None:
                problems += self._special_problems(row)
            elif not row.get("store_id"):
                self._set(row, dict.fromkeys(("special_price", *_SPECIAL_DATES.values())))
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
                stored: Item = {"cost": round(cost, 6), "store_id": int(store), "sku": row["sku"]}
                if store == "0":
                    self._set(row, {"cost": f"{cost:.6f}"})
                else:
                    self._view_costs[_case_folded(row["sku"]), float(store)] = stored
        return problems

    def _delete_cost(self, call: Call) -> Json:
        skus = {_case_folded(sku) for sku in _skus(call)}
        self._view_costs = {key: row for key, row in self._view_costs.items() if key[0] not in skus}
        for sku in skus:
            if self._sku({"sku": sku}) is not None:
                self._set({"sku": sku}, {"cost": None})
        return True

    def _special(self, call: Call) -> Json:
        """The special prices of these skus, each under the sku as it was asked for; of others nothing is said."""
        found: list[Json] = []
        for sku in _skus(call):
            attributes = self._attributes(sku)
            if "special_price" in attributes:
                dates: Item = {name: attributes.get(code) for name, code in _SPECIAL_DATES.items()}
                row: Item = {"price": _shown(attributes["special_price"]), "store_id": 0, "sku": sku}
                found.append(row | dates)
        return found

    def _costs(self, call: Call) -> Json:
        """The costs of these skus, like `_special`."""
        found: list[Json] = []
        for sku in _skus(call):
            attributes = self._attributes(sku)
            if "cost" in attributes:
                found.append({"cost": _shown(attributes["cost"]), "store_id": 0, "sku": sku})
            found += [row | {"sku": sku} for key, row in self._view_costs.items() if key[0] == _case_folded(sku)]
        return found

    def _attributes(self, sku: str) -> dict[str, Json]:
        product = self._sku({"sku": sku})
        item = self._catalogue.product(product) if product is not None else {}
        return {str(each["attribute_code"]): each["value"] for each in objects_in(item.get("custom_attributes"))}

    def _set(self, row: Item, values: Mapping[str, Json]) -> None:
        """Set attributes of the product of a row; None removes one."""
        product = self._sku(row)
        assert product is not None
        attributes = self._attributes(str(row["sku"])) | dict(values)
        stored: list[Json] = [
            {"attribute_code": code, "value": value} for code, value in attributes.items() if value is not None
        ]
        self._catalogue.put(self._catalogue.product(product) | {"custom_attributes": stored}, product)

    def _stored_tier(self, call: Call) -> Json:
        skus = {_case_folded(sku) for sku in _skus(call)}
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
            stored: Item = {
                "price": row["price"],
                "price_type": row["price_type"],
                "website_id": row.get("website_id", 0),
            }
            self._tier[key] = stored | {"sku": row["sku"], "customer_group": group, "quantity": row["quantity"]}
        return problems

    def _tier_problem(self, row: Item, *, twice: bool) -> Item | None:
        group, price, quantity = row.get("customer_group"), _number(row.get("price")), _number(row.get("quantity"))
        parameters: list[Json] = [row.get("sku"), _text(row.get("website_id", 0)), group, _text(row.get("quantity"))]
        known = {_ALL_GROUPS, *(code.lower() for code in self._groups())}
        checks: tuple[tuple[bool, str, list[Json]], ...] = (
            (twice, _DUPLICATE, parameters),
            (
                row.get("price_type") not in ("fixed", "discount"),
                f"Invalid attribute Price Type = %priceType.{_TIER_ROW}",
                [row.get("price_type"), *parameters],
            ),
            (
                row.get("price") is None or price < 0 or (row.get("price_type") == "discount" and price > 100),
                f"Invalid attribute Price = %price.{_TIER_ROW}",
                [_text(row.get("price")), *parameters],
            ),
            (quantity <= 0, f"Invalid attribute Quantity = %qty.{_TIER_ROW}", parameters),
            (row.get("website_id", 0) != 0, f"Invalid attribute Website ID = %websiteId.{_TIER_ROW}", parameters),
            (
                str(group).lower() not in known,
                f"No such entity with Customer Group = %customerGroup.{_TIER_ROW}",
                parameters,
            ),
        )
        return next((_problem(text, *parameters) for wrong, text, parameters in checks if wrong), None)

    def _delete_tier(self, call: Call) -> Json:
        for row in self._rows(call, "TierPrice"):
            self._tier.pop(_tier_key(row), None)
        return []


def _read(payload: Item, kind: str) -> Item:
    row = dict(payload)
    for name, value in payload.items():
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
    skus = required_list(call.body, "skus")
    return [str(sku) for sku in skus]


def _problem(message: str, *parameters: Json) -> Item:
    return {"message": message, "parameters": list(parameters)}


def _no_store(row: Item) -> Item:
    sku, store = row.get("sku"), str(int(_number(row.get("store_id"))))
    return _problem(f"Requested store is not found. Row ID: SKU = {sku}, Store ID: {store}.", sku, store)


def _tier_key(row: Item) -> Key:
    group = str(row.get("customer_group")).lower()
    return _case_folded(row.get("sku")), _number(row.get("website_id")), group, _number(row.get("quantity"))


def _text(value: Json) -> str | None:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return None if value is None else str(value)


def _shown(value: Json) -> float:
    """A decimal column as a number in a response: 9 for "9.000000"."""
    number = float(str(value))
    return int(number) if number.is_integer() else number


def _number(value: Json) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _case_folded(value: Json) -> str:
    return str(value).lower()
