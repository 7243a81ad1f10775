"""The fields by which the lists of a store are usually searched: known before the store has sent its schema."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from . import READABLE, Readable

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


def usual_fields(uri: str) -> tuple[str, ...]:
    """The fields by which this list is usually searched; empty for a list that is not one of Magento's."""
    known = listed_by(uri)
    return () if known is None else with_own(known, SEARCH_FIELDS.get(known.name, ()))


def listed_by(uri: str) -> Readable | None:
    """The entity whose list a request for this URI reads, relative to the base URI; None for any other one."""
    path = uri.partition("?")[0].strip("/")
    return next((each for each in READABLE.values() if each.is_read_by(path)), None)


def with_own(known: Readable, fields: Iterable[str]) -> tuple[str, ...]:
    """These fields after those of its id and date; the id as it is named in a search."""
    named = (each for each in fields if each == known.filter or not known.filter or each != known.field)
    return tuple(dict.fromkeys(each for each in (known.filter, known.cursor, *named) if each))
