"""Describes an entity: how it is requested or sent, and the configuration for it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from ...templates import Json  # in types only: completing a path on the command line does not wait for pydantic

_ORDERS = "Sales › Operations › Orders › Actions"
_STOCKS = "Stores › Inventory › Stocks"

PERMISSION_PATHS: Mapping[str, str] = {
    "Magento_Sales::create": f"{_ORDERS} › Create",
    "Magento_Sales::actions_view": f"{_ORDERS} › View",
    "Magento_Sales::email": f"{_ORDERS} › Send Order Email",
    "Magento_Sales::actions_edit": f"{_ORDERS} › Edit",
    "Magento_Sales::cancel": f"{_ORDERS} › Cancel",
    "Magento_Sales::capture": f"{_ORDERS} › Capture",
    "Magento_Sales::invoice": f"{_ORDERS} › Invoice",
    "Magento_Sales::creditmemo": f"{_ORDERS} › Credit Memos",
    "Magento_Sales::hold": f"{_ORDERS} › Hold",
    "Magento_Sales::unhold": f"{_ORDERS} › Unhold",
    "Magento_Sales::ship": f"{_ORDERS} › Ship",
    "Magento_Sales::comment": f"{_ORDERS} › Comment",
    "Magento_Sales::emails": f"{_ORDERS} › Send Sales Emails",
    "Magento_Sales::sales_invoice": "Sales › Operations › Invoices",
    "Magento_Sales::shipment": "Sales › Operations › Shipments",
    "Magento_Sales::sales_creditmemo": "Sales › Operations › Credit Memos",
    "Magento_Sales::transactions": "Sales › Operations › Transactions",
    "Magento_Sales::transactions_fetch": "Sales › Operations › Transactions › Fetch",
    "Magento_Catalog::catalog": "Catalog",
    "Magento_Catalog::catalog_inventory": "Catalog › Inventory",
    "Magento_Catalog::products": "Catalog › Inventory › Products",
    "Magento_Catalog::categories": "Catalog › Inventory › Categories",
    "Magento_Customer::customer": "Customers",
    "Magento_Customer::manage": "Customers › All Customers",
    "Magento_Customer::group": "Customers › Customer Groups",
    "Magento_Cart::manage": "Carts › Manage carts",
    "Magento_SalesRule::quote": "Marketing › Promotions › Cart Price Rules",
    "Magento_Cms::page": "Content › Elements › Pages",
    "Magento_Cms::block": "Content › Elements › Blocks",
    "Magento_Backend::store": "Stores › Settings › All Stores",
    "Magento_InventoryApi::source": "Stores › Inventory › Sources",
    "Magento_InventoryApi::source_edit": "Stores › Inventory › Sources › Edit Sources",
    "Magento_InventoryApi::stock": _STOCKS,
    "Magento_InventoryApi::stock_edit": f"{_STOCKS} › Edit Stocks",
    "Magento_InventoryApi::stock_source_link": f"{_STOCKS} › Source to Stock Assigning",
    "Magento_InventoryApi::stock_source_item_assign": f"{_STOCKS} › Source Item Assigning",
    "Magento_InventorySalesApi::stock": "Stores › Inventory › Sales Stock",
    "Magento_Tax::manage_tax": "Stores › Taxes",
    "Magento_Catalog::attributes_attributes": "Stores › Attributes › Product",
    "Magento_Catalog::sets": "Stores › Attributes › Attribute Set",
    "Magento_Logging::system_magento_logging_bulk_operations": "System › Action Log › Bulk Actions",
}
"""Where each permission (ACL resource) is ticked, in the tree of an integration's tab API and of a user role.

Titles and order are those of the acl.xml files of Magento 2.4. Ticking a box ticks those below it; a box that is not
ticked grants nothing, whatever is ticked below it.
"""


def permission_path(resource: str) -> str:
    """Where a resource is ticked; for an unknown module, a description with the module's name."""
    module, _, name = resource.partition("::")
    return PERMISSION_PATHS.get(resource) or f"the box of {module} for {name.replace('_', ' ')}"


_VALUE = re.compile(r"[&?@]\{[^}]*\}")


@dataclass(frozen=True, slots=True)
class Readable:
    """An entity that can be read.

    `filter` is the name of its id in a search, `field` the name in a response; if `field` is empty, responses do not
    contain the id, but ranges of it can be requested. Without `filter` everything comes in one response, or in pages
    sorted by `order` if the only unique field is not a number. `cursor` is the date by which changes are found. A
    value in `path`, such as a sku, is an example to be replaced.
    """

    name: str
    title: str
    path: str
    identifier: str | None
    resource: str
    filter: str | None = "entity_id"
    field: str = "entity_id"
    cursor: str | None = "updated_at"
    items: str = "items"
    order: str | None = None
    page_size: int = 100
    note: str = ""

    @property
    def route(self) -> str:
        """The request line without the base URI."""
        return f"GET {self.path}"

    def is_read_by(self, uri: str) -> bool:
        """Whether this URI requests the list, or one of its entities: products/&{sku}, customers/@{…}."""
        if uri == self.path:
            return True
        path, _, last = uri.partition("?")[0].rpartition("/")
        return bool(_VALUE.fullmatch(last)) and path == re.sub("/(search|list)$", "", self.path)

    @property
    def permission_path(self) -> str:
        """Where in Magento's tree of permissions the resource is ticked."""
        return permission_path(self.resource)

    def configuration(self, client: str) -> dict[str, Json]:
        """The incoming configuration, as it is in a profile."""
        found: dict[str, Json] = {"client": client, "request": {"uri": self.path}, "items": self.items}
        if self.identifier:
            found["identifier"] = self.identifier
        if self.filter:
            pages: dict[str, Json] = {"kind": "keyset", "filter": self.filter, "field": self.field}
            found["pagination"] = {**pages, "page-size": self.page_size}
        elif self.order:
            found["pagination"] = {"kind": "search-criteria", "order": self.order, "page-size": self.page_size}
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
    sample: Json
    batch: int = 1
    note: str = ""

    @property
    def route(self) -> str:
        """The request line without the base URI."""
        return f"{self.method.upper()} {self.uri}"

    def is_sent_by(self, uri: str) -> bool:
        """Whether this is the path that it is sent to, whatever placeholders it contains."""
        return _VALUE.sub("", uri) == _VALUE.sub("", self.uri)

    @property
    def permission_path(self) -> str:
        """Where in Magento's tree of permissions the resource is ticked."""
        return permission_path(self.resource)

    def configuration(self, client: str) -> dict[str, Json]:
        """The outgoing configuration, as it is in a profile."""
        found: dict[str, Json] = {
            "client": client,
            "source": {"kind": "jsonl", "path": f"{self.name}.jsonl"},
            "identifier": self.identifier,
            "request": {"method": self.method, "uri": self.uri, "parameters": self.parameters},
            "compare": {"preset": self.name},
        }
        if self.batch > 1:
            found["batch"] = self.batch
        return found
