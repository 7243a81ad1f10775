"""What can be read from and sent to Magento: paths, identifiers, and what a token must be allowed to.

Paths and resources from the webapi.xml files of Magento 2.4 (for example Magento_Catalog, Magento_Sales), the places to
tick from their acl.xml.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from ..placeholder import Json


@dataclass(frozen=True, slots=True)
class Readable:
    """A list that Magento offers. `filter` is what its id is called in a search, `field` what an answer calls it."""

    name: str
    title: str
    path: str
    identifier: str
    resource: str
    tick: str
    filter: str | None = "entity_id"
    field: str | None = "entity_id"
    cursor: str | None = "updated_at"
    items: str = "items"
    page_size: int = 100
    note: str = ""

    def configuration(self, client: str) -> dict[str, Json]:
        """The incoming configuration, as it stands in a profile."""
        found: dict[str, Json] = {
            "client": client,
            "request": {"uri": self.path},
            "items": self.items,
            "identifier": self.identifier,
        }
        if self.filter and self.field:
            found["pagination"] = {
                "kind": "keyset",
                "filter": self.filter,
                "field": self.field,
                "page-size": self.page_size,
            }
        if self.cursor:
            found["incremental"] = {"field": self.cursor}
        found["sink"] = {"kind": "jsonl", "path": f"{self.name}.jsonl"}
        return found


@dataclass(frozen=True, slots=True)
class Writable:
    """A way to send entities, with a sample to show the request by."""

    name: str
    title: str
    method: Literal["post", "put"]
    uri: str
    parameters: Json
    identifier: str
    resource: str
    tick: str
    sample: Json
    batch: int = 1
    note: str = ""

    def configuration(self, client: str) -> dict[str, Json]:
        """The outgoing configuration, as it stands in a profile."""
        found: dict[str, Json] = {
            "client": client,
            "source": {"kind": "jsonl", "path": f"{self.name}.jsonl"},
            "identifier": self.identifier,
            "request": {"method": self.method, "uri": self.uri, "parameters": self.parameters},
        }
        if self.batch > 1:
            found["batch"] = self.batch
        return found


_READABLE = (
    Readable(
        "products", "Products", "products", "sku", "Magento_Catalog::products",
        "Catalog › Inventory › Products", field="id", note="Stock and price storage do not move updated_at.",
    ),
    Readable(
        "orders", "Orders", "orders", "increment_id", "Magento_Sales::actions_view",
        "Sales › Operations › Orders › Actions › View", page_size=50,
    ),
    Readable(
        "customers", "Customers", "customers/search", "email", "Magento_Customer::customer",
        "Customers › All Customers", field="id", note="A change of an address may not move updated_at.",
    ),
    Readable(
        "categories", "Categories", "categories/list", "id", "Magento_Catalog::categories",
        "Catalog › Inventory › Categories", field="id", note="The store loads each one singly: slow.",
    ),
)  # fmt: skip

_WRITABLE = (
    Writable(
        "stock", "Stock by source", "post", "inventory/source-items", {"sourceItems": "&{@}"}, "sku",
        "Magento_InventoryApi::stock_source_item_assign",
        "Stores › Inventory › Sources",
        {"sku": "24-MB01", "source_code": "default", "quantity": 100, "status": 1}, batch=20,
        note="Overwrites; safe to send again. The store does not check that the sku exists.",
    ),
    Writable(
        "products", "Products", "put", "products/&{sku}", {"product": "&{@}"}, "sku", "Magento_Catalog::products",
        "Catalog › Inventory › Products", {"sku": "24-MB01", "name": "Joust Duffle Bag", "price": 34},
        note="Creates what is not there. Stock does not belong in it.",
    ),
)  # fmt: skip

READABLE = MappingProxyType({entity.name: entity for entity in _READABLE})
WRITABLE = MappingProxyType({entity.name: entity for entity in _WRITABLE})
