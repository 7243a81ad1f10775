"""Source items: how much of each sku the default source has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .answer import Json, php_json
from .records import Item
from .store import Catalogue
from .table import Column

_RULES: Item = {
    "is_qty_decimal": False,
    "show_default_notification_message": False,
    "use_config_min_qty": True,
    "min_qty": 0,
    "use_config_min_sale_qty": 1,
    "min_sale_qty": 1,
    "use_config_max_sale_qty": True,
    "max_sale_qty": 10000,
    "use_config_backorders": True,
    "backorders": 0,
    "use_config_notify_stock_qty": True,
    "notify_stock_qty": 1,
    "use_config_qty_increments": True,
    "qty_increments": 0,
    "use_config_enable_qty_inc": True,
    "enable_qty_increments": False,
    "use_config_manage_stock": True,
    "manage_stock": True,
    "low_stock_date": None,
    "is_decimal_divided": False,
    "stock_status_changed_auto": 0,
}


class SourceItems:
    """One row for each product that was there at first, then those written for skus that had none."""

    key = "source_item_id"
    named = False

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._first = len(catalogue.numbers())
        self._written: dict[int, tuple[str, float, int]] = {}
        self._added: dict[str, int] = {}
        self._version = 0
        self.columns: Mapping[str, Column] = {
            "source_item_id": Column(lambda row: row, "number"),
            "sku": Column(lambda row: self._row(row)[0], "text", self._located),
            "source_code": Column(lambda row: "default"),
            "quantity": Column(lambda row: self._row(row)[1], "number"),
            "status": Column(lambda row: self._row(row)[2], "number"),
        }

    @property
    def version(self) -> int:
        return self._version

    def numbers(self) -> Sequence[int]:
        return range(1, self._first + len(self._added) + 1)

    def find(self, sku: str) -> int | None:
        """The row of a sku; source items may be of skus that no product has, and outlive their product."""
        return self._catalogue.first_row(sku) or self._added.get(sku.lower())

    def _located(self, sku: str) -> Sequence[int]:
        row = self.find(sku)
        return () if row is None else (row,)

    def written(self, row: int) -> str:
        sku, quantity, status = self._row(row)
        return php_json({"sku": sku, "source_code": "default", "quantity": quantity, "status": status})

    def put(self, sku: str, quantity: float, status: int) -> None:
        """Keep a quantity; the product's `updated_at` does not move."""
        row = self.find(sku)
        if row is None:
            row = self._first + len(self._added) + 1
            self._added[sku.lower()] = row
        self._written[row] = (sku, quantity, status)
        self._version += 1

    def stock_item(self, row: int) -> Item:
        """`extension_attributes.stock_item` of one product."""
        found = self.find(self._catalogue.sku(row))
        quantity, status = self._row(found)[1:] if found else (None, 0)
        own: dict[str, Json] = {"item_id": row, "product_id": row, "stock_id": 1, "qty": quantity}
        return own | {"is_in_stock": bool(status)} | _RULES

    def _row(self, row: int) -> tuple[str, float, int]:
        if row in self._written:
            return self._written[row]
        quantity = self._catalogue.quantity(row) or 0
        return self._catalogue.sku(row), quantity, int(quantity > 0)
