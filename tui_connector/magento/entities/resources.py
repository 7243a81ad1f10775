"""Magento's resources, and where each is ticked: the tree of an integration's tab API, and of a user role.

The titles and the order are those of the acl.xml files of Magento 2.4. Ticking a box ticks those below it; a box that
is not ticked grants nothing, whatever is ticked below it.
"""

from __future__ import annotations

from collections.abc import Mapping

_ORDERS = "Sales › Operations › Orders › Actions"
_STOCKS = "Stores › Inventory › Stocks"

TICKS: Mapping[str, str] = {
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
"""The place of each resource, in the order of the tree."""


def tick(resource: str) -> str:
    """Where a resource is ticked; for one of a module that is not known here, the module's name."""
    module, _, name = resource.partition("::")
    return TICKS.get(resource) or f"the box of {module} for {name.replace('_', ' ')}"
