"""Sources, and source items: how much of each sku a source has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal

from .records import Item, Records, holds
from .response import Json, php_json
from .store import Catalogue
from .table import Column

DEFAULT = "default"
"""The source that every store has."""

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


class Sources(Records):
    """The places that stock is kept at."""

    def __init__(self) -> None:
        default: Item = {"source_code": "default", "name": "Default Source", "enabled": True}
        default |= {"description": "Default Source", "latitude": 0, "longitude": 0, "country_id": "US"}
        default |= {"postcode": "00000", "use_default_carrier_config": True, "carrier_links": []}
        extension: Item = {"is_pickup_location_active": False, "frontend_name": ""}
        columns = "email contact_name region_id region city street phone fax is_pickup_location_active frontend_name"
        super().__init__("source_id", columns, field="", first=[default | {"extension_attributes": extension}])


class SourceItems:
    """One row for each product that was there at first, in the default source; then those written since."""

    key = "source_item_id"
    named = False

    def __init__(self, catalogue: Catalogue, sources: Sources) -> None:
        self._catalogue = catalogue
        self._sources = sources
        self._first = self._last = len(catalogue.numbers())
        self._written: dict[int, tuple[str, str, float, int]] = {}
        self._added: dict[tuple[str, str], int] = {}
        self._numbers: Sequence[int] = range(1, self._first + 1)
        self._version = 0
        self.columns: Mapping[str, Column] = {
            "source_item_id": Column(lambda row: row, "number"),
            "sku": Column(lambda row: self._row(row)[0], "text", self._located),
            "source_code": Column(lambda row: self._row(row)[1]),
            "quantity": Column(lambda row: self._row(row)[2], "number"),
            "status": Column(lambda row: self._row(row)[3], "number"),
        }

    @property
    def version(self) -> int:
        return self._version

    def numbers(self) -> Sequence[int]:
        return self._numbers

    def find(self, sku: str, source: str = DEFAULT) -> int | None:
        """The row of a sku in a source; source items may be of skus that no product has, and outlive their product."""
        row = self._added.get((sku.lower(), source.lower()))
        if row is None and source.lower() == DEFAULT:
            row = self._catalogue.first_row(sku)
        return row if row is not None and holds(self._numbers, row) else None

    def written(self, row: int) -> str:
        sku, source, quantity, status = self._row(row)
        return php_json({"sku": sku, "source_code": source, "quantity": quantity, "status": status})

    def put(self, sku: str, source: str, quantity: float, status: int) -> None:
        """Keep a quantity, under the sku as it was written first; the product's `updated_at` does not move."""
        row = self.find(sku, source)
        if row is None:
            self._last += 1
            row = self._added[sku.lower(), source.lower()] = self._last
            whole = isinstance(self._numbers, range) and self._numbers[-1:] == range(row - 1, row)
            self._numbers = range(1, row + 1) if whole else [*self._numbers, row]
            self._written[row] = (sku, source, 0, 0)
        kept_sku, kept_source, _, _ = self._row(row)
        self._written[row] = (kept_sku, kept_source, _four_places(quantity), status)
        self._version += 1

    def delete(self, sku: str, source: str) -> None:
        """Take a row away, if it is there; written again it is a new one."""
        row = self.find(sku, source)
        if row is not None:
            self._numbers = [each for each in self._numbers if each != row]
            self._written.pop(row, None)
            self._version += 1

    def available(self, sku: str, sources: Iterable[str]) -> float:
        """What the enabled ones of these sources have together."""
        enabled = {str(each["source_code"]) for each in self._sources.rows() if each.get("enabled")}
        rows = (self.find(sku, source) for source in sources if source in enabled)
        return sum(self._row(row)[2] for row in rows if row is not None and self._row(row)[3])

    def knows(self, source: str) -> bool:
        return self._sources.find(source_code=source) is not None

    def stock_item(self, row: int) -> Item:
        """`extension_attributes.stock_item` of one product."""
        found = self.find(self._catalogue.sku(row))
        quantity, status = self._row(found)[2:] if found else (None, 0)
        own: dict[str, Json] = {"item_id": row, "product_id": row, "stock_id": 1, "qty": quantity}
        return own | {"is_in_stock": bool(status)} | _RULES

    def _located(self, sku: str) -> Sequence[int]:
        sources = (str(each["source_code"]) for each in self._sources.rows())
        return [row for source in sources if (row := self.find(sku, source)) is not None]

    def _row(self, row: int) -> tuple[str, str, float, int]:
        if row in self._written:
            return self._written[row]
        quantity = self._catalogue.quantity(row) or 0
        return self._catalogue.sku(row), DEFAULT, quantity, int(quantity > 0)


def _four_places(quantity: float) -> float:
    """A quantity as the column decimal(12,4) keeps it."""
    return float(Decimal(str(quantity)).quantize(Decimal("0.0001"), ROUND_HALF_UP))
