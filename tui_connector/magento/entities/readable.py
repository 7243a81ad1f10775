"""The entities that can be read: lists, trees and single objects, the most wanted first."""

from __future__ import annotations

from .entity import Readable

_PRODUCTS, _CATEGORIES = "Magento_Catalog::products", "Magento_Catalog::categories"
_ATTRIBUTES, _STORE = "Magento_Catalog::attributes_attributes", "Magento_Backend::store"
_ORDERS, _RULES, _TAXES = "Magento_Sales::actions_view", "Magento_SalesRule::quote", "Magento_Tax::manage_tax"
_SOURCES, _STOCKS = "Magento_InventoryApi::source", "Magento_InventoryApi::stock"


def _whole(
    name: str, title: str, path: str, identifier: str | None, resource: str, *, items: str = "@", note: str = ""
) -> Readable:
    """An entity that comes in one response: a bare list, a tree, or a single object."""
    return Readable(name, title, path, identifier, resource, None, "", None, items, note=note)


# Identifiers are unique in the whole store. An increment_id is unique in its store view only (db_schema.xml of
# Magento_Sales), an e-mail address in its website, and each store view may have a CMS block of the same identifier.
READABLES = (
    Readable(
        "products", "Products", "products", "sku", _PRODUCTS, field="id",
        note="Stock, price and category changes do not update updated_at. The list omits fields that only a single "
        "product returns, such as its stock item.",
    ),
    Readable("orders", "Orders", "orders", "entity_id", _ORDERS, page_size=50),
    Readable(
        "customers", "Customers", "customers/search", "id", "Magento_Customer::customer", field="id",
        note="Includes addresses; editing an address may not update updated_at.",
    ),
    Readable(
        "categories", "Categories", "categories/list", "id", _CATEGORIES, field="id",
        note="Slow: the store loads each one separately.",
    ),
    Readable(
        "source-items", "Source items (stock by source)", "inventory/source-items", None, _SOURCES,
        "source_item_id", "", None, page_size=500,
        note="Identified by sku and source_code together. No date of change: all are read each time, by ranges of an "
        "id that is not in the response.",
    ),
    Readable("order-items", "Order items", "orders/items", "item_id", _ORDERS, "item_id", "item_id", page_size=200),
    Readable("invoices", "Invoices", "invoices", "entity_id", "Magento_Sales::sales_invoice"),
    Readable("shipments", "Shipments", "shipments", "entity_id", "Magento_Sales::shipment"),
    Readable("credit-memos", "Credit memos", "creditmemos", "entity_id", "Magento_Sales::sales_creditmemo"),
    Readable(
        "transactions", "Payment transactions", "transactions", "transaction_id", "Magento_Sales::transactions_fetch",
        "transaction_id", "transaction_id", "created_at", page_size=200, note="Only new ones are found by date.",
    ),
    Readable(
        "customer-groups", "Customer groups", "customerGroups/search", "id", "Magento_Customer::group", "id", "id",
        None,
    ),
    Readable(
        "attributes", "Product attributes", "products/attributes", "attribute_code", _ATTRIBUTES,
        "attribute_id", "attribute_id", None, page_size=200,
    ),
    Readable(
        "attribute-sets", "Attribute sets", "products/attribute-sets/sets/list", "attribute_set_id",
        "Magento_Catalog::sets", "attribute_set_id", "attribute_set_id", None,
    ),
    Readable(
        "sources", "Inventory sources", "inventory/sources", "source_code", _SOURCES, None, "", None,
        order="source_code",
    ),
    Readable("stocks", "Inventory stocks", "inventory/stocks", "stock_id", _STOCKS, "stock_id", "stock_id", None),
    Readable(
        "cms-pages", "CMS pages", "cmsPage/search", "id", "Magento_Cms::page", "page_id", "id", "update_time",
        page_size=50,
    ),
    Readable(
        "cms-blocks", "CMS blocks", "cmsBlock/search", "id", "Magento_Cms::block", "block_id", "id",
        "update_time", page_size=50,
    ),
    Readable(
        "coupons", "Coupons", "coupons/search", "code", _RULES, "coupon_id", "coupon_id", "created_at", page_size=200,
        note="Only new ones are found by date; changes of their usage count are not.",
    ),
    Readable(
        "cart-price-rules", "Cart price rules", "salesRules/search", "rule_id", _RULES, "rule_id", "rule_id", None,
    ),
    Readable(
        "carts", "Carts", "carts/search", "id", "Magento_Cart::manage", field="id", page_size=50,
        note="Heavy: the store loads each cart with all its items.",
    ),
    Readable(
        "tax-rates", "Tax rates", "taxRates/search", "id", _TAXES, "tax_calculation_rate_id", "id", None,
        page_size=200,
    ),
    Readable("tax-rules", "Tax rules", "taxRules/search", "id", _TAXES, "id", "id", None),
    _whole("store-views", "Store views", "store/storeViews", "code", _STORE),
    _whole("websites", "Websites", "store/websites", "code", _STORE),
    _whole("store-groups", "Store groups", "store/storeGroups", "id", _STORE),
    _whole(
        "store-configs", "Store addresses and settings", "store/storeConfigs", "code", _STORE,
        note="All times of the REST API are UTC, whatever time zone is set here.",
    ),
    _whole(
        "category-tree", "Category tree", "categories", "id", _CATEGORIES, items="[@]",
        note="One tree with children in children_data; limit it with ?rootCategoryId= and &depth=.",
    ),
    _whole(
        "category-products", "Products of one category", "categories/2/products", "sku", _CATEGORIES,
        note="Replace 2 with the category's id.",
    ),
    _whole(
        "attribute-options", "Options of one attribute", "products/attributes/color/options", "value", _ATTRIBUTES,
        note="Replace color with the attribute's code.",
    ),
    _whole(
        "product", "One product in full", "products/24-MB01", "sku", _PRODUCTS, items="[@]",
        note="Replace 24-MB01 with the sku, percent-encoded: / is %2F.",
    ),
    _whole(
        "order", "One order in full", "orders/1", "entity_id", _ORDERS, items="[@]",
        note="Replace 1 with the order's entity_id, which is not the number the customer sees.",
    ),
    _whole(
        "stock-item", "Stock of one product (default source)", "stockItems/24-MB01", "item_id",
        "Magento_Catalog::catalog_inventory", items="[@]",
        note="Only the default source; with more than one, read the source items.",
    ),
    _whole(
        "salable-quantity", "Salable quantity of one product", "inventory/get-product-salable-quantity/24-MB01/1", None,
        "Magento_InventorySalesApi::stock", items="[@]",
        note="A bare number. The path has the sku, then the id of the stock, which is 1 if there is only one.",
    ),
)  # fmt: skip
