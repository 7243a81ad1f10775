"""Stock by source and by product: sources, source items, stocks, their links, and what can be sold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal

from .catalogue import Catalogue
from .criteria import invalid_type
from .handlers import Call, Endpoints, Handlers, ListHandler, required_list, required_object, whole_number
from .records import Item, Records, holds
from .response import Json, Refusal, objects_in, php_json, required
from .settings import Settings
from .table import Column

DEFAULT = "default"
"""The source of every store."""

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
    """Inventory sources."""

    def __init__(self) -> None:
        default: Item = {"source_code": "default", "name": "Default Source", "enabled": True}
        default |= {"description": "Default Source", "latitude": 0, "longitude": 0, "country_id": "US"}
        default |= {"postcode": "00000", "use_default_carrier_config": True, "carrier_links": []}
        extension: Item = {"is_pickup_location_active": False, "frontend_name": ""}
        columns = "email contact_name region_id region city street phone fax is_pickup_location_active frontend_name"
        super().__init__("source_id", columns, field="", first=[default | {"extension_attributes": extension}])


class SourceItems:
    """One row for each generated product in the default source, and rows written since."""

    key = "source_item_id"
    strict_fields = False

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
        """The row of a sku in a source; source items may have SKUs without a product, and outlive their product."""
        row = self._added.get((sku.lower(), source.lower()))
        if row is None and source.lower() == DEFAULT:
            row = self._catalogue.generated_row(sku)
        return row if row is not None and holds(self._numbers, row) else None

    def written(self, row: int) -> str:
        sku, source, quantity, status = self._row(row)
        return php_json({"sku": sku, "source_code": source, "quantity": quantity, "status": status})

    def put(self, sku: str, source: str, quantity: float, status: int) -> None:
        """Store a quantity under the SKU as first written; the product's `updated_at` does not change."""
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
        """Delete a row if it exists; written again, it gets a new ID."""
        row = self.find(sku, source)
        if row is not None:
            self._numbers = [each for each in self._numbers if each != row]
            self._written.pop(row, None)
            self._version += 1

    def available(self, sku: str, sources: Iterable[str]) -> float:
        """The total quantity in those of these sources that are enabled."""
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
    """A quantity as stored in a decimal(12,4) column."""
    return float(Decimal(str(quantity)).quantize(Decimal("0.0001"), ROUND_HALF_UP))


_SOURCE_NEEDED = ("source_code", "name", "country_id", "postcode")
_SOURCE_FIELDS = """
source_code name email contact_name enabled description latitude longitude country_id region_id region city street
postcode phone fax use_default_carrier_config carrier_links extension_attributes
"""


class Inventory(Endpoints):
    """The routes of module-inventory and module-catalog-inventory."""

    def __init__(
        self, catalogue: Catalogue, items: SourceItems, sources: Sources, list_handler: ListHandler, settings: Settings
    ) -> None:
        self._catalogue = catalogue
        self._items = items
        self._sources = sources
        self._settings = settings
        self._list_handler = list_handler
        channels: Json = [{"type": "website", "code": "base"}]
        default: Item = {"stock_id": 1, "name": "Default Stock", "extension_attributes": {"sales_channels": channels}}
        self._stocks = Records("stock_id", first=[default])
        link: Item = {"stock_id": 1, "source_code": "default", "priority": 1}
        self._links = Records("link_id", field="", first=[link])

    def handlers(self) -> Handlers:
        salable = "/V1/inventory"
        return {
            "GET /V1/inventory/sources": self._list_handler(self._sources),
            "GET /V1/inventory/sources/:sourceCode": self._source,
            "POST /V1/inventory/sources": self._post_source,
            "PUT /V1/inventory/sources/:sourceCode": self._put_source,
            "GET /V1/inventory/stocks": self._list_handler(self._stocks),
            "GET /V1/inventory/stocks/:stockId": self._stock,
            "POST /V1/inventory/stocks": self._post_stock,
            "PUT /V1/inventory/stocks/:stockId": self._put_stock,
            "DELETE /V1/inventory/stocks/:stockId": self._delete_stock,
            "GET /V1/inventory/stock-source-links": self._list_handler(self._links),
            "POST /V1/inventory/stock-source-links": self._post_links,
            "POST /V1/inventory/stock-source-links-delete": self._delete_links,
            "GET /V1/inventory/get-sources-assigned-to-stock-ordered-by-priority/:stockId": self._assigned,
            "POST /V1/inventory/source-items-delete": self._delete_items,
            f"GET {salable}/get-product-salable-quantity/:sku/:stockId": self._salable,
            f"GET {salable}/is-product-salable/:sku/:stockId": lambda call: self._salable(call) > 0,
            f"GET {salable}/is-product-salable-for-requested-qty/:sku/:stockId/:requestedQty": self._requested,
            f"GET {salable}/stock-resolver/:type/:code": lambda call: self._stocks.get(1),
            "GET /V1/stockItems/:productSku": self._stock_item,
            "GET /V1/stockItems/lowStock": self._low,
            "GET /V1/stockStatuses/:productSku": self._stock_status,
            "PUT /V1/products/:productSku/stockItems/:itemId": self._put_stock_item,
        }

    def _source(self, call: Call) -> Json:
        code = call.variables["sourceCode"]
        row = self._sources.find(source_code=code)
        if row is None:
            raise no_source(code)
        return self._sources.get(row)

    def _post_source(self, call: Call) -> Json:
        payload = required_object(call.body, "source", _SOURCE_FIELDS)
        missing_fields = [name for name in _SOURCE_NEEDED if not payload.get(name)]
        if missing_fields:
            errors: list[Json] = [
                {"message": 'Validation Failed: "%field" can not be empty.', "parameters": {"field": name}}
                for name in missing_fields
            ]
            raise Refusal(400, "Validation Failed", errors=errors)
        self._put(payload, str(payload["source_code"]))
        return []

    def _put_source(self, call: Call) -> Json:
        payload = required_object(call.body, "source", _SOURCE_FIELDS)
        code = call.variables["sourceCode"]
        if self._sources.find(source_code=code) is None:
            raise Refusal(400, "Could not save Source")
        self._put(payload, code)
        return []

    def _put(self, payload: Item, code: str) -> None:
        row = self._sources.find(source_code=code)
        if row is not None:
            self._sources.change(row, payload | {"source_code": code})
            return
        extension: Item = {"is_pickup_location_active": False, "frontend_name": payload.get("name")}
        made: Item = {"enabled": True, "use_default_carrier_config": True, "carrier_links": []}
        self._sources.add(made | payload | {"extension_attributes": extension})

    def _stock(self, call: Call) -> Item:
        row = call.number("stockId")
        stock = self._stocks.get(row)
        if stock is None:
            text = 'Stock with id "%value" does not exist.'
            raise Refusal(404, text, {"value": row})
        return stock

    def _post_stock(self, call: Call) -> Json:
        payload = required_object(call.body, "stock", "stock_id name extension_attributes")
        if not payload.get("name"):
            raise Refusal(400, "Validation Failed", errors=[_empty("name")])
        if self._stocks.find(name=payload["name"]) is not None:
            raise Refusal(400, "Could not save Stock")
        extension = payload.get("extension_attributes")
        shown: Json = extension if isinstance(extension, dict) else {"sales_channels": []}
        kept = {name: value for name, value in payload.items() if name != "stock_id"}
        return self._stocks.add(kept | {"extension_attributes": shown})["stock_id"]

    def _put_stock(self, call: Call) -> Json:
        row = int(str(self._stock(call)["stock_id"]))
        self._stocks.change(
            row, required_object(call.body, "stock", "stock_id name extension_attributes") | {"stock_id": row}
        )
        return row

    def _delete_stock(self, call: Call) -> Json:
        row = int(str(self._stock(call)["stock_id"]))
        if row == 1:
            raise Refusal(400, "Default Stock could not be deleted.")
        self._stocks.delete(row)
        return []

    def _post_links(self, call: Call) -> Json:
        links = _rows(call.body, "links")
        for link in links:
            stock, source = link.get("stock_id"), link.get("source_code")
            known = isinstance(stock, int) and self._stocks.get(stock) is not None
            if not known or self._sources.find(source_code=source) is None:
                raise Refusal(400, "Could not save StockSourceLinks")
        for link in links:
            row = self._links.find(stock_id=link["stock_id"], source_code=link["source_code"])
            if row is None:
                self._links.add({"priority": 0} | link)
            else:
                self._links.change(row, link)
        return []

    def _delete_links(self, call: Call) -> Json:
        for link in _rows(call.body, "links"):
            row = self._links.find(stock_id=link.get("stock_id"), source_code=link.get("source_code"))
            if row is not None:
                self._links.delete(row)
        return []

    def _assigned(self, call: Call) -> Json:
        row = int(str(self._stock(call)["stock_id"]))
        codes = [link["source_code"] for link in self._links.rows() if link["stock_id"] == row]
        return [source for source in self._sources.rows() if source["source_code"] in codes]

    def _delete_items(self, call: Call) -> Json:
        rows = _rows(call.body, "sourceItems")
        self._settings.check_length(len(rows), "\\Magento\\InventoryApi\\Api\\Data\\SourceItemInterface")
        if not rows:
            raise Refusal(400, "Input data is empty")
        for each in rows:
            self._items.delete(str(each.get("sku")), str(each.get("source_code")))
        return []

    def _salable(self, call: Call) -> float:
        sku, stock = call.variables["sku"], call.number("stockId")
        if self._catalogue.find(sku) is None:
            raise Refusal(404, "The product that was requested doesn't exist. Verify the product and try again.")
        codes = {str(link["source_code"]) for link in self._links.rows() if link["stock_id"] == stock}
        return self._items.available(sku, codes)

    def _requested(self, call: Call) -> Json:
        wanted = float(whole_number(call.variables["requestedQty"]))
        errors: list[Json] = []
        if self._salable(call) < wanted:
            text = "The requested qty is not available"
            errors.append({"code": "is_salable_with_reservations-not_enough_qty", "message": text})
        return {"salable": not errors, "errors": errors}

    def _product_row(self, call: Call) -> int:
        sku = call.variables["productSku"]
        row = self._catalogue.find(sku)
        if row is None:
            raise Refusal(404, 'The Product with the "%1" SKU doesn\'t exist.', [sku])
        return row

    def _stock_item(self, call: Call) -> Json:
        return self._items.stock_item(self._product_row(call))

    def _stock_status(self, call: Call) -> Json:
        row = self._product_row(call)
        item = self._items.stock_item(row)
        status: Item = {
            "product_id": row,
            "stock_id": 1,
            "qty": item["qty"],
            "stock_status": int(bool(item["is_in_stock"])),
        }
        return status | {"stock_item": item}

    def _put_stock_item(self, call: Call) -> Json:
        """Set a product's stock by SKU; the item ID in the path is ignored."""
        row = self._product_row(call)
        payload = required_object(call.body, "stockItem")
        item = self._items.stock_item(row) | payload
        quantity = item["qty"]
        try:
            number = float(quantity) if isinstance(quantity, int | float | str) else 0.0
        except ValueError as error:
            text = f'Error occurred during "qty" processing. {invalid_type(str(quantity), "float")}'
            raise Refusal(400, text) from error
        self._items.put(self._catalogue.sku(row), "default", number, int(bool(item["is_in_stock"])))
        return str(row) if self._settings.since("2.4.8") else row

    def _low(self, call: Call) -> Json:
        """Products with at most this quantity; the criteria are of an older type and echoed in its internal form."""
        names = ("scopeId", "qty")
        missing_fields = [name for name in names if name not in call.query]
        if missing_fields:
            raise required(missing_fields)
        most = whole_number(str(call.query["qty"]))
        page, size = (whole_number(str(call.query.get(name, default))) for name, default in _PAGE)
        items = (self._items.stock_item(row) for row in self._catalogue.numbers())
        low: list[Json] = [item for item in items if isinstance(item["qty"], int | float) and item["qty"] <= most]
        mapper = "Magento\\CatalogInventory\\Model\\ResourceModel\\Stock\\Item\\StockItemCriteriaMapper"
        echo: Item = {"mapper_interface_name": mapper, "criteria_list": [], "filters": [], "orders": []}
        shown = low[(page - 1) * size : page * size] if size else low
        return {"items": shown, "search_criteria": echo | {"limit": [str(page), str(size)]}, "total_count": len(low)}


_PAGE = (("currentPage", 1), ("pageSize", 0))


def no_source(code: str) -> Refusal:
    """404 for an unknown source."""
    return Refusal(404, 'Source with code "%value" does not exist.', {"value": code})


def _empty(name: str) -> Json:
    return {"message": '"%field" can not be empty.', "parameters": {"field": name}}


def _rows(body: Item, envelope: str) -> list[Item]:
    return objects_in(required_list(body, envelope))
