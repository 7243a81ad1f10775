"""The fields by which the lists of a store are usually searched: known before the store has sent its schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_DATES: Final = ("created_at", "updated_at")
_DOCUMENT: Final = ("increment_id", "order_id", "store_id")

SEARCH_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "products": (
        *("sku", "name", "price", "special_price", "status", "visibility", "type_id", "attribute_set_id"),
        *("category_id", "weight", *_DATES),
    ),
    "orders": (
        *("increment_id", "status", "state", "store_id", "grand_total", "order_currency_code", "customer_id"),
        *("customer_email", "customer_firstname", "customer_lastname", "customer_group_id", *_DATES),
    ),
    "customers": ("email", "firstname", "lastname", "group_id", "store_id", "website_id", "gender", "dob", *_DATES),
    "categories": ("name", "is_active", "level", "parent_id", "position", "include_in_menu", *_DATES),
    "source-items": ("sku", "source_code", "quantity", "status"),
    "order-items": ("order_id", "sku", "name", "product_id", "product_type", "qty_ordered", *_DATES),
    "invoices": (*_DOCUMENT, "state", "grand_total", *_DATES),
    "shipments": (*_DOCUMENT, "customer_id", "total_qty", *_DATES),
    "credit-memos": (*_DOCUMENT, "invoice_id", "state", "grand_total", *_DATES),
}
"""By the name of the entity."""
