"""Routes of a whole Magento that this stand-in has not.

They are in its schema and want their resource, so that what a token may do is told as it would be; asked for, they say
501. Paths and resources from the webapi.xml files of Magento 2.4.7.
"""

from __future__ import annotations

from .answer import Refusal

_CATALOG, _SETS = "Magento_Catalog::catalog", "Magento_Catalog::sets"
_CATEGORIES, _ATTRIBUTES = "Magento_Catalog::categories", "Magento_Catalog::attributes_attributes"
_RULES, _TAX, _GROUPS = "Magento_SalesRule::quote", "Magento_Tax::manage_tax", "Magento_Customer::group"
NOT_OFFERED = (
    ("GET", "/V1/products/attributes", _ATTRIBUTES),
    ("POST", "/V1/products/attributes", _ATTRIBUTES),
    ("GET", "/V1/products/attributes/:code/options", _ATTRIBUTES),
    ("POST", "/V1/products/attributes/:code/options", _ATTRIBUTES),
    ("GET", "/V1/products/attribute-sets/sets/list", _SETS),
    ("POST", "/V1/products/attribute-sets", _SETS),
    ("POST", "/V1/products/base-prices", _CATALOG),
    ("POST", "/V1/products/special-price", _CATALOG),
    ("POST", "/V1/products/tier-prices", _CATALOG),
    ("POST", "/V1/products/cost", _CATALOG),
    ("POST", "/V1/products/:sku/media", _CATALOG),
    ("PUT", "/V1/products/:sku/stockItems/:item", "Magento_Catalog::products"),
    ("GET", "/V1/stockItems/:sku", "Magento_Catalog::catalog_inventory"),
    ("POST", "/V1/categories", _CATEGORIES),
    ("PUT", "/V1/categories/:id", _CATEGORIES),
    ("GET", "/V1/categories/:id/products", _CATEGORIES),
    ("POST", "/V1/categories/:id/products", _CATEGORIES),
    ("GET", "/V1/inventory/sources", "Magento_InventoryApi::source"),
    ("POST", "/V1/inventory/sources", "Magento_InventoryApi::source_edit"),
    ("GET", "/V1/inventory/stocks", "Magento_InventoryApi::stock"),
    ("POST", "/V1/inventory/stocks", "Magento_InventoryApi::stock_edit"),
    ("POST", "/V1/inventory/stock-source-links", "Magento_InventoryApi::stock_source_link"),
    ("POST", "/V1/inventory/source-items-delete", "Magento_InventoryApi::stock_source_item_assign"),
    ("GET", "/V1/inventory/get-product-salable-quantity/:sku/:stock", "Magento_InventorySalesApi::stock"),
    ("PUT", "/V1/customers/:id", "Magento_Customer::manage"),
    ("GET", "/V1/customerGroups/search", _GROUPS),
    ("POST", "/V1/customerGroups", _GROUPS),
    ("POST", "/V1/orders", "Magento_Sales::create"),
    ("POST", "/V1/orders/:id/comments", "Magento_Sales::comment"),
    ("POST", "/V1/order/:id/invoice", "Magento_Sales::invoice"),
    ("POST", "/V1/order/:id/refund", "Magento_Sales::creditmemo"),
    ("POST", "/V1/order/:id/ship", "Magento_Sales::ship"),
    ("POST", "/V1/shipment/track", "Magento_Sales::shipment"),
    ("POST", "/V1/salesRules", _RULES),
    ("POST", "/V1/coupons", _RULES),
    ("POST", "/V1/coupons/generate", _RULES),
    ("POST", "/V1/taxRates", _TAX),
    ("POST", "/V1/taxRules", _TAX),
    ("POST", "/V1/cmsBlock", "Magento_Cms::block"),
    ("POST", "/V1/cmsPage", "Magento_Cms::page"),
)
"""Method, path and resource."""


def refuse(_: object) -> None:
    """Raises `Refusal` 501: it would be a lie to answer as if something had been done."""
    raise Refusal(501, "This stand-in for a store does not do this; Magento does.")
