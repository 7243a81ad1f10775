"""Customers and orders, made from a seed when they are asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from .answer import Json, php_json
from .noise import noise
from .store import Catalogue, Item, stamp
from .table import Column

_EPOCH = datetime(2026, 1, 1)
_STATES = ("closed", "complete", "processing", "pending", "pending", "pending")
_FIRST_STATES = (*["closed"] * 2, *["complete"] * 4, *["processing"] * 6, *["pending"] * 8)
"""The first orders are the same for every seed: some of each state."""

_ALWAYS_NOTHING = (
    *("base_discount_tax_compensation_amount", "base_shipping_discount_amount", "base_shipping_tax_amount"),
    *("base_shipping_discount_tax_compensation_amnt", "discount_tax_compensation_amount", "shipping_discount_amount"),
    *("shipping_discount_tax_compensation_amount", "shipping_tax_amount", "store_to_base_rate", "store_to_order_rate"),
)
_CREDITED = ("adjustment_negative", "adjustment_positive", "base_adjustment_negative", "base_adjustment_positive")


class Customers:
    """Customers by `entity_id`, which answers call `id`."""

    key = "entity_id"
    named = True
    version = 0

    def __init__(self, size: int, seed: int) -> None:
        self._size = size
        self._seed = seed
        self.columns: Mapping[str, Column] = {
            "entity_id": Column(lambda row: row, "number"),
            "email": Column(self._email, "text", self._find),
            "firstname": Column(lambda row: f"F{row}"),
            "lastname": Column(lambda row: f"Lé{row}"),
            "group_id": Column(self._group, "number"),
            "website_id": Column(lambda row: 1, "number"),
            "store_id": Column(lambda row: 1, "number"),
            "created_at": Column(lambda row: stamp(self._created(row)), "date"),
            "updated_at": Column(lambda row: stamp(self._updated(row)), "date"),
            "dob": Column(lambda row: None, "date"),
        }

    def numbers(self) -> Sequence[int]:
        return range(1, self._size + 1)

    def written(self, row: int) -> str:
        address = _address(f"F{row}", f"Lé{row}") | {"id": row, "customer_id": row, "region": _region()}
        return php_json(
            {
                "id": row,
                "group_id": self._group(row),
                "default_billing": str(row),
                "default_shipping": str(row),
                "created_at": stamp(self._created(row)),
                "updated_at": stamp(self._updated(row)),
                "created_in": "Default Store View",
                "email": self._email(row),
                "firstname": f"F{row}",
                "lastname": f"Lé{row}",
                "store_id": 1,
                "website_id": 1,
                "addresses": [address | {"default_shipping": True, "default_billing": True}],
                "disable_auto_group_change": 0,
                "extension_attributes": {"is_subscribed": False},
            }
        )

    def _email(self, row: int) -> str:
        return f"c{row:03d}@example.com"

    def _find(self, email: str) -> int | None:
        number = email.lower().removeprefix("c").removesuffix("@example.com")
        row = int(number) if number.isdecimal() and len(number) < 12 else 0
        return row if 0 < row <= self._size and self._email(row) == email.lower() else None

    def _group(self, row: int) -> int:
        return 1 + noise(self._seed, row, 11) % 3

    def _created(self, row: int) -> datetime:
        return _EPOCH + timedelta(seconds=61 * row)

    def _updated(self, row: int) -> datetime:
        return self._created(row) + timedelta(seconds=noise(self._seed, row, 12) % 86_400)


class Orders:
    """Orders by `entity_id`, each of two products."""

    key = "entity_id"
    named = False
    version = 0

    def __init__(self, size: int, seed: int, catalogue: Catalogue) -> None:
        self._size = size
        self._seed = seed
        self._catalogue = catalogue
        self.columns: Mapping[str, Column] = {
            "entity_id": Column(lambda row: row, "number"),
            "increment_id": Column(lambda row: f"{row:09d}", "text", self._find),
            "status": Column(self._status),
            "state": Column(self._state),
            "store_id": Column(lambda row: 1, "number"),
            "customer_email": Column(lambda row: f"guest{row}@example.com"),
            "customer_is_guest": Column(lambda row: 1, "number"),
            "grand_total": Column(lambda row: self._total(row) + 10, "number"),
            "subtotal": Column(self._total, "number"),
            "total_item_count": Column(lambda row: 2, "number"),
            "created_at": Column(lambda row: stamp(self._created(row)), "date"),
            "updated_at": Column(lambda row: stamp(self._updated(row)), "date"),
        }

    def numbers(self) -> Sequence[int]:
        return range(1, self._size + 1)

    def written(self, row: int) -> str:
        return php_json(self.order(row))

    def order(self, row: int) -> Item:
        """One order, the same in lists and alone."""
        total = self._total(row)
        lines: list[Json] = [self._line(row, place) for place in range(2)]
        billing = _address("Gu", "Est") | {"address_type": "billing", "email": f"guest{row}@example.com"}
        shipping: Item = {"address": billing | {"address_type": "shipping"}, "method": "flatrate_flatrate"}
        return {
            **dict.fromkeys(_ALWAYS_NOTHING, 0),
            **_amounts(total, self._status(row)),
            "base_currency_code": "USD",
            "base_to_global_rate": 1,
            "base_to_order_rate": 1,
            "billing_address_id": 2 * row,
            "created_at": stamp(self._created(row)),
            **_guest(row),
            "entity_id": row,
            "global_currency_code": "USD",
            "increment_id": f"{row:09d}",
            "is_virtual": 0,
            "order_currency_code": "USD",
            "protect_code": f"{noise(self._seed, row, 24):032x}",
            "quote_id": row,
            "remote_ip": "127.0.0.1",
            "shipping_description": "Flat Rate - Fixed",
            "state": self._state(row),
            "status": self._status(row),
            "store_currency_code": "USD",
            "store_id": 1,
            "store_name": "Main Website\nMain Website Store\nDefault Store View",
            "total_item_count": 2,
            "total_qty_ordered": 2,
            "updated_at": stamp(self._updated(row)),
            "weight": 2,
            "items": lines,
            "billing_address": billing | {"entity_id": 2 * row, "parent_id": row},
            "payment": {"account_status": None, "additional_information": ["Check / Money order"], "method": "checkmo"},
            "status_histories": self._histories(row),
            "extension_attributes": {"shipping_assignments": [{"shipping": shipping, "items": lines}]},
        }

    def _line(self, row: int, place: int) -> Item:
        product = self._ordered(row, place)
        price = self._price(product)
        return {
            "base_price": price,
            "base_row_total": price,
            "created_at": stamp(self._created(row)),
            "item_id": 2 * row - 1 + place,
            "name": str(self._catalogue.columns["name"].read(product)),
            "order_id": row,
            "price": price,
            "product_id": product,
            "product_type": "simple",
            "qty_ordered": 1,
            "row_total": price,
            "sku": self._catalogue.sku(product),
            "store_id": 1,
            "updated_at": stamp(self._updated(row)),
            "weight": 1,
        }

    def _histories(self, row: int) -> list[Json]:
        if self._status(row) != "closed":
            return []
        comment = f"We refunded ${self._total(row) + 10:.2f} offline."
        told: Item = {"comment": comment, "created_at": stamp(self._updated(row)), "entity_id": row}
        told |= {"entity_name": "creditmemo", "is_customer_notified": 0, "is_visible_on_front": 0}
        return [told | {"parent_id": row, "status": "closed"}]

    def _ordered(self, row: int, place: int) -> int:
        return 1 + noise(self._seed, 2 * row + place, 21) % max(1, len(self._catalogue.numbers()))

    def _price(self, product: int) -> float:
        price = self._catalogue.columns["price"].read(product)
        return float(price) if isinstance(price, int | float) else 0.0

    def _total(self, row: int) -> float:
        return round(sum(self._price(self._ordered(row, place)) for place in range(2)), 2)

    def _status(self, row: int) -> str:
        if row <= len(_FIRST_STATES):
            return _FIRST_STATES[row - 1]
        return _STATES[noise(self._seed, row, 22) % len(_STATES)]

    def _state(self, row: int) -> str:
        status = self._status(row)
        return "new" if status == "pending" else status

    def _created(self, row: int) -> datetime:
        return _EPOCH + timedelta(seconds=97 * row)

    def _updated(self, row: int) -> datetime:
        return self._created(row) + timedelta(seconds=noise(self._seed, row, 23) % 86_400)

    def _find(self, increment_id: str) -> int | None:
        row = int(increment_id) if increment_id.isdecimal() and len(increment_id) < 19 else 0
        return row if 0 < row <= self._size and f"{row:09d}" == increment_id else None


def _amounts(total: float, status: str) -> Item:
    """Sums in both currencies; what was invoiced and refunded shows once it happened."""
    whole = round(total + 10, 2)
    own: Item = {"discount_amount": 0, "grand_total": whole, "shipping_amount": 10, "shipping_incl_tax": 10}
    own |= {"subtotal": total, "subtotal_incl_tax": total, "tax_amount": 0}
    own["total_due"] = whole if status == "pending" else 0
    if status != "pending":
        own |= {"discount_invoiced": 0, "discount_tax_compensation_invoiced": 0, "shipping_invoiced": 10}
        own |= {"subtotal_invoiced": total, "tax_invoiced": 0, "total_invoiced": whole, "total_paid": whole}
    if status == "closed":
        own |= {"discount_refunded": 0, "discount_tax_compensation_refunded": 0, "shipping_refunded": 10}
        own |= {"shipping_tax_refunded": 0, "subtotal_refunded": total, "tax_refunded": 0}
        own |= {"total_offline_refunded": whole, "total_refunded": whole}
    both = own | {f"base_{name}": value for name, value in own.items()}
    if status != "pending":
        both["base_total_invoiced_cost"] = 0
    return both | (dict.fromkeys(_CREDITED, 0) if status == "closed" else {})


def _guest(row: int) -> Item:
    return {
        "customer_email": f"guest{row}@example.com",
        "customer_firstname": "Gu",
        "customer_group_id": 0,
        "customer_is_guest": 1,
        "customer_lastname": "Est",
        "customer_note_notify": 1,
    }


def _region() -> Item:
    return {"region_code": "TX", "region": "Texas", "region_id": 57}


def _address(first: str, last: str) -> Item:
    return {
        "city": "Austin",
        "country_id": "US",
        "firstname": first,
        "lastname": last,
        "postcode": "78701",
        "region_id": 57,
        "street": ["1 Main"],
        "telephone": "5550100",
    }
