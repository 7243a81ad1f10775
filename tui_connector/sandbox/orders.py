"""Orders and their items, generated from the seed; the first orders cover every state, for every seed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from .catalogue import Catalogue, stamp
from .noise import noise
from .records import Item, Records
from .response import Json
from .table import Cell, Column

EPOCH = datetime(2026, 1, 1)
_STATES = ("closed", "complete", "processing", "pending", "pending", "pending")
_FIRST_STATES = (*["closed"] * 2, *["complete"] * 4, *["processing"] * 6, *["pending"] * 8)
_SHIPPING = 10
_ITEMS_PER_ORDER = 2
"""Items per generated order."""

_SHIPPING_ZERO = (
    *("base_shipping_discount_amount", "base_shipping_tax_amount", "base_shipping_discount_tax_compensation_amnt"),
    *("shipping_discount_tax_compensation_amount", "shipping_discount_amount", "shipping_tax_amount"),
)
_ALWAYS_ZERO = (
    *("base_discount_tax_compensation_amount", "discount_tax_compensation_amount"),
    *("store_to_base_rate", "store_to_order_rate"),
    *_SHIPPING_ZERO,
)
_CREDITED = ("adjustment_negative", "adjustment_positive", "base_adjustment_negative", "base_adjustment_positive")
_ITEM_ZERO = (
    *("base_discount_amount", "base_discount_invoiced", "base_discount_tax_compensation_amount", "base_tax_amount"),
    *("base_tax_invoiced", "discount_amount", "discount_invoiced", "discount_percent", "free_shipping"),
    *("discount_tax_compensation_amount", "is_qty_decimal", "is_virtual", "no_discount", "qty_canceled", "tax_amount"),
    *("tax_invoiced", "tax_percent"),
)
_LINE_INVOICED = ("base_discount_tax_compensation_invoiced", "discount_tax_compensation_invoiced")
_LINE_REFUNDED = (
    *("base_discount_refunded", "base_discount_tax_compensation_refunded", "base_tax_refunded", "discount_refunded"),
    *("discount_tax_compensation_refunded", "tax_refunded"),
)
_COLUMNS = """
adjustment_negative adjustment_positive applied_rule_ids can_ship_partially can_ship_partially_item coupon_code
customer_dob customer_gender customer_id customer_middlename customer_note customer_prefix customer_suffix
customer_taxvat discount_canceled discount_description discount_invoiced discount_refunded
discount_tax_compensation_invoiced discount_tax_compensation_refunded edit_increment email_sent ext_customer_id
ext_order_id forced_shipment_with_invoice hold_before_state hold_before_status original_increment_id
payment_auth_expiration quote_address_id relation_child_id relation_child_real_id relation_parent_id
relation_parent_real_id send_email shipping_address_id shipping_canceled shipping_invoiced shipping_method
shipping_refunded shipping_tax_refunded subtotal_canceled subtotal_invoiced subtotal_refunded tax_canceled tax_invoiced
tax_refunded total_canceled total_invoiced total_offline_refunded total_online_refunded total_paid total_refunded
x_forwarded_for base_adjustment_negative base_adjustment_positive base_discount_canceled base_discount_invoiced
base_discount_refunded base_discount_tax_compensation_invoiced base_discount_tax_compensation_refunded
base_shipping_canceled base_shipping_invoiced base_shipping_refunded base_shipping_tax_refunded base_subtotal_canceled
base_subtotal_invoiced base_subtotal_refunded base_tax_canceled base_tax_invoiced base_tax_refunded
base_total_canceled base_total_invoiced base_total_invoiced_cost base_total_offline_refunded
base_total_online_refunded base_total_paid base_total_qty_ordered base_total_refunded payment_authorization_amount
gift_message_id paypal_ipn_customer_notified
"""
"""Columns of sales_order that not every order shows (module-sales/etc/db_schema.xml)."""
_ITEM_COLUMNS = """
additional_data applied_rule_ids base_cost base_tax_before_discount base_weee_tax_applied_amount
base_weee_tax_applied_row_amnt base_weee_tax_disposition base_weee_tax_row_disposition description
discount_tax_compensation_canceled discount_tax_compensation_invoiced discount_tax_compensation_refunded
discount_refunded ext_order_item_id gift_message_available gift_message_id locked_do_invoice locked_do_ship
parent_item_id product_options qty_backordered tax_before_discount tax_canceled tax_refunded weee_tax_applied
weee_tax_applied_amount weee_tax_applied_row_amount weee_tax_disposition weee_tax_row_disposition
base_discount_refunded base_discount_tax_compensation_invoiced base_discount_tax_compensation_refunded
base_tax_refunded
"""
"""Columns of sales_order_item that not every item shows."""


class Orders(Records):
    """Orders by `entity_id`. Generated orders have two items each."""

    def __init__(self, size: int, seed: int, catalogue: Catalogue) -> None:
        self._seed = seed
        self._catalogue = catalogue
        self.made = size
        columns: dict[str, Column] = {
            "entity_id": Column(lambda row: row, "number"),
            "increment_id": Column(lambda row: f"{row:09d}", "text", self._located),
            "status": Column(self.initial_status),
            "state": Column(lambda row: _state(self.initial_status(row))),
            "store_id": Column(lambda row: 1, "number"),
            "customer_email": Column(lambda row: f"guest{row}@example.com"),
            "customer_is_guest": Column(lambda row: 1, "number"),
            "grand_total": Column(lambda row: self._total(row) + _SHIPPING, "number"),
            "subtotal": Column(self._total, "number"),
            "total_item_count": Column(lambda row: _ITEMS_PER_ORDER, "number"),
            "created_at": Column(lambda row: stamp(self._created(row)), "date"),
            "updated_at": Column(lambda row: stamp(self._updated(row)), "date"),
        }
        super().__init__("entity_id", _COLUMNS, size=size, make=self._order, made_columns=columns)

    def initial_status(self, row: int) -> str:
        """The initial status of a generated order."""
        if row <= len(_FIRST_STATES):
            return _FIRST_STATES[row - 1]
        return _STATES[noise(self._seed, row, 22) % len(_STATES)]

    def _located(self, increment_id: str) -> Sequence[int]:
        row = int(increment_id) if increment_id.isdecimal() and len(increment_id) < 19 else 0
        return (row,) if 0 < row <= self.made and f"{row:09d}" == increment_id else ()

    def _order(self, row: int) -> Item:
        status, total = self.initial_status(row), self._total(row)
        lines: list[Json] = [self._line(row, place, status) for place in range(_ITEMS_PER_ORDER)]
        billing = order_address() | {"email": f"guest{row}@example.com", "parent_id": row, "entity_id": 2 * row}
        return {
            **dict.fromkeys(_ALWAYS_ZERO, 0),
            **_amounts(total, status),
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
            "state": _state(status),
            "status": status,
            "store_currency_code": "USD",
            "store_id": 1,
            "store_name": "Main Website\nMain Website Store\nDefault Store View",
            "total_item_count": _ITEMS_PER_ORDER,
            "total_qty_ordered": _ITEMS_PER_ORDER,
            "updated_at": stamp(self._updated(row)),
            "weight": _ITEMS_PER_ORDER,
            "items": lines,
            "billing_address": billing | {"address_type": "billing"},
            "payment": _payment(row, total + _SHIPPING, status),
            "status_histories": self._histories(row),
            "extension_attributes": _extension(row, billing, lines, status),
        }

    def _line(self, row: int, place: int, status: str) -> Item:
        product = 1 + noise(self._seed, 2 * row + place, 21) % max(1, len(self._catalogue.numbers()))
        price = self._price(product)
        line: Item = {
            "created_at": stamp(self._created(row)),
            "item_id": _ITEMS_PER_ORDER * row - 1 + place,
            "name": str(self._catalogue.columns["name"].read(product)),
            "order_id": row,
            "product_id": product,
            "product_type": "simple",
            "qty_ordered": 1,
            "quote_item_id": _ITEMS_PER_ORDER * row - 1 + place,
            "row_weight": 1,
            "sku": self._catalogue.sku(product),
            "store_id": 1,
            "updated_at": stamp(self._updated(row)),
            "weight": 1,
            **{f"{base}{name}": price for name in ("original_price", *_PRICES) for base in ("", "base_")},
            **dict.fromkeys(_ITEM_ZERO, 0),
        }
        return line | _progress(price, status) | {"extension_attributes": {"itemized_taxes": []}}

    def _histories(self, row: int) -> list[Json]:
        if self.initial_status(row) != "closed":
            return []
        comment = f"We refunded ${self._total(row) + _SHIPPING:.2f} offline."
        history: Item = {"comment": comment, "created_at": stamp(self._updated(row)), "entity_id": row}
        history |= {"entity_name": "creditmemo", "is_customer_notified": 0, "is_visible_on_front": 0}
        return [history | {"parent_id": row, "status": "closed"}]

    def _price(self, product: int) -> float:
        price = self._catalogue.columns["price"].read(product)
        return float(price) if isinstance(price, int | float) else 0.0

    def _total(self, row: int) -> float:
        products = len(self._catalogue.numbers())
        ordered = (1 + noise(self._seed, 2 * row + place, 21) % max(1, products) for place in range(_ITEMS_PER_ORDER))
        return round(sum(self._price(product) for product in ordered), 2)

    def _created(self, row: int) -> datetime:
        return EPOCH + timedelta(seconds=97 * row)

    def _updated(self, row: int) -> datetime:
        return self._created(row) + timedelta(seconds=noise(self._seed, row, 23) % 86_400)


class OrderItems(Records):
    """The items of all orders, by `item_id`."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        columns = {
            "item_id": Column(lambda row: row, "number"),
            "order_id": Column(lambda row: (row + 1) // _ITEMS_PER_ORDER, "number", self._of_order),
            "product_type": Column(lambda row: "simple"),
            "store_id": Column(lambda row: 1, "number"),
        }
        size = _ITEMS_PER_ORDER * orders.made
        super().__init__("item_id", _ITEM_COLUMNS, size=size, make=self._item, made_columns=columns)

    def _item(self, row: int) -> Item:
        order = self._orders.get((row + 1) // _ITEMS_PER_ORDER) or {}
        lines = order.get("items")
        found = (each for each in lines if isinstance(each, dict)) if isinstance(lines, list) else ()
        return next((item_alone(each) for each in found if each.get("item_id") == row), {})

    def _of_order(self, order: str) -> Sequence[int]:
        row = int(order) if order.isdecimal() and len(order) < 12 else 0
        return range(_ITEMS_PER_ORDER * row - 1, _ITEMS_PER_ORDER * row + 1) if 0 < row <= self._orders.made else ()


def item_alone(line: Item) -> Item:
    """An item as returned by the list of order items."""
    return {name: value for name, value in line.items() if name != "extension_attributes"}


_PRICES = ("price", "price_incl_tax", "row_total", "row_total_incl_tax")


def _state(status: str) -> str:
    return "new" if status == "pending" else status


def _progress(price: float, status: str) -> Item:
    """The invoiced, shipped and refunded quantities and amounts of an item in an order of this status."""
    invoiced, shipped, refunded = status != "pending", status in ("complete", "closed"), status == "closed"
    done: Item = {"qty_invoiced": int(invoiced), "qty_shipped": int(shipped), "qty_refunded": int(refunded)}
    for base in ("", "base_"):
        done |= {f"{base}row_invoiced": price if invoiced else 0, f"{base}amount_refunded": price if refunded else 0}
    done |= dict.fromkeys(_LINE_INVOICED, 0) if invoiced else {}
    return done | (dict.fromkeys(_LINE_REFUNDED, 0) if refunded else {})


def _amounts(total: float, status: str) -> Item:
    """Sums in both currencies; what was invoiced and refunded shows once it happened."""
    whole = round(total + _SHIPPING, 2)
    own: Item = {"discount_amount": 0, "grand_total": whole}
    own |= {"shipping_amount": _SHIPPING, "shipping_incl_tax": _SHIPPING}
    own |= {"subtotal": total, "subtotal_incl_tax": total, "tax_amount": 0}
    own["total_due"] = whole if status == "pending" else 0
    if status != "pending":
        own |= {"discount_invoiced": 0, "discount_tax_compensation_invoiced": 0, "shipping_invoiced": _SHIPPING}
        own |= {"subtotal_invoiced": total, "tax_invoiced": 0, "total_invoiced": whole, "total_paid": whole}
    if status == "closed":
        own |= {"discount_refunded": 0, "discount_tax_compensation_refunded": 0, "shipping_refunded": _SHIPPING}
        own |= {"shipping_tax_refunded": 0, "subtotal_refunded": total, "tax_refunded": 0}
        own |= {"total_offline_refunded": whole, "total_refunded": whole}
    both = own | {f"base_{name}": value for name, value in own.items()}
    if status != "pending":
        both["base_total_invoiced_cost"] = 0
    return both | (dict.fromkeys(_CREDITED, 0) if status == "closed" else {})


def _payment(row: int, total: float, status: str) -> Item:
    own: Item = {"amount_ordered": round(total, 2), "shipping_amount": _SHIPPING}
    own |= {"amount_paid": round(total, 2), "shipping_captured": _SHIPPING} if status != "pending" else {}
    own |= {"amount_refunded": round(total, 2), "shipping_refunded": _SHIPPING} if status == "closed" else {}
    fixed: Item = {"account_status": None, "additional_information": ["Check / Money order"], "cc_last4": None}
    fixed |= {"entity_id": row, "method": "checkmo", "parent_id": row}
    return fixed | own | {f"base_{name}": value for name, value in own.items()}


def _extension(row: int, billing: Item, lines: list[Json], status: str) -> Item:
    amounts = _amounts(0, status)
    total: Item = {name: value for name, value in amounts.items() if name.removeprefix("base_").startswith("shipping")}
    shipping: Item = {
        "address": billing | {"address_type": "shipping", "entity_id": 2 * row - 1},
        "method": "flatrate_flatrate",
        "total": dict.fromkeys(_SHIPPING_ZERO, 0) | total,
    }
    lists: Item = {name: [] for name in ("applied_taxes", "item_applied_taxes", "taxes", "additional_itemized_taxes")}
    return {
        "shipping_assignments": [{"shipping": shipping, "items": lines}],
        "payment_additional_info": [{"key": "method_title", "value": "Check / Money order"}],
        "converting_from_quote": False,
        **lists,
    }


def _guest(row: int) -> Item:
    return {
        "customer_email": f"guest{row}@example.com",
        "customer_firstname": "Gu",
        "customer_group_id": 0,
        "customer_is_guest": 1,
        "customer_lastname": "Est",
        "customer_note_notify": 1,
    }


def order_address() -> Item:
    """The address of every order."""
    return {
        "city": "Austin",
        "country_id": "US",
        "firstname": "Gu",
        "lastname": "Est",
        "postcode": "78701",
        "region": "Texas",
        "region_code": "TX",
        "region_id": 57,
        "street": ["1 Main"],
        "telephone": "5550100",
    }


def number_of(item: Item, name: str) -> float:
    """A field as a number; 0 where it is absent."""
    value: Cell | Json = item.get(name)
    return float(value) if isinstance(value, int | float) else 0.0
