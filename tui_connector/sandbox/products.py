"""The routes of the catalogue: products, their stock items, media, categories and links, and the tree of categories."""

from __future__ import annotations

from .answer import Json
from .call import Call, Handlers, Listed, no_entity, whole_number
from .shop import Categories
from .stock import SourceItems
from .store import Catalogue, missing_product
from .writes import Writes


class Products:
    """Products and categories, as the store shows and changes them."""

    def __init__(self, catalogue: Catalogue, stock: SourceItems, writes: Writes, listed: Listed) -> None:
        self._catalogue = catalogue
        self._stock = stock
        self._writes = writes
        self._categories = Categories()
        self._listed = listed

    def handlers(self) -> Handlers:
        return {
            "GET /V1/products": self._listed(self._catalogue),
            "POST /V1/products": self._write,
            "GET /V1/products/:sku": self._product,
            "PUT /V1/products/:sku": self._write,
            "DELETE /V1/products/:sku": self._delete,
            "GET /V1/categories": self._tree,
            "GET /V1/categories/list": self._listed(self._categories),
            "GET /V1/inventory/source-items": self._listed(self._stock),
            "POST /V1/inventory/source-items": lambda call: self._writes.source_items(call.body),
        }

    def _write(self, call: Call) -> Json:
        return self._writes.product(call.body, call.store, call.variables.get("sku"))

    def _product(self, call: Call) -> Json:
        return self._writes.whole(self._row(call), call.store)

    def _delete(self, call: Call) -> Json:
        self._catalogue.delete(self._row(call))
        return True

    def _row(self, call: Call) -> int:
        row = self._catalogue.find(call.variables["sku"])
        if row is None:
            raise missing_product()
        return row

    def _tree(self, call: Call) -> Json:
        root, depth = call.query.get("rootCategoryId", "2"), call.query.get("depth")
        row = whole_number(str(root))
        if row not in self._categories.numbers():
            raise no_entity("id", row)
        return self._categories.tree(row, None if depth is None else whole_number(str(depth)))
