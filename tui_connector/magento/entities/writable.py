"""The entities that can be sent: the body that each of Magento's routes expects, with a sample.

The top-level key is the name of a PHP parameter, so Magento silently ignores a wrong one; below it, unknown keys are
refused since 2.4.7. Lists are sent in batches of 20, the lowest of Magento's input limits where these are on.
"""

from __future__ import annotations

from .entity import Writable

_PRODUCTS, _CATALOG = "Magento_Catalog::products", "Magento_Catalog::catalog"
_CATEGORIES, _ATTRIBUTES = "Magento_Catalog::categories", "Magento_Catalog::attributes_attributes"
_ASSIGN, _RULES = "Magento_InventoryApi::stock_source_item_assign", "Magento_SalesRule::quote"
_AGAIN = "Overwrites; safe to resend."
_ONCE = "Creates another one each time it is sent: check before resending."
_ALL_VIEWS = "/rest/all sets the values of all store views."
_PRICES = f"{_AGAIN} Failed rows are listed in the response, whose status is 200 nevertheless."
_PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

WRITABLES = (
    Writable(
        "stock", "Stock by source", "post", "inventory/source-items", {"sourceItems": "&{@}"}, "sku", _ASSIGN,
        {"sku": "24-MB01", "source_code": "default", "quantity": 100, "status": 1}, batch=20,
        note=f"{_AGAIN} The store does not check that the sku exists.",
    ),
    Writable(
        "products", "Products", "put", "products/&{sku}", {"product": "&{@}"}, "sku", _PRODUCTS,
        {"sku": "24-MB01", "name": "Joust Duffle Bag", "price": 34},
        note=f"Creates missing products, which need name, price and attribute_set_id. Send stock separately. "
        f"{_ALL_VIEWS}",
    ),
    Writable(
        "base-prices", "Prices", "post", "products/base-prices", {"prices": "&{@}"}, "sku", _CATALOG,
        {"sku": "24-MB01", "store_id": 0, "price": 34}, batch=20, note=_PRICES,
    ),
    Writable(
        "special-prices", "Special prices", "post", "products/special-price", {"prices": "&{@}"}, "sku", _CATALOG,
        {
            "sku": "24-MB01", "store_id": 0, "price": 29,
            "price_from": "2026-01-01 00:00:00", "price_to": "2026-12-31 23:59:59",
        },
        batch=20, note=_PRICES,
    ),
    Writable(
        "tier-prices", "Tier prices", "post", "products/tier-prices", {"prices": "&{@}"}, "sku", _CATALOG,
        {
            "sku": "24-MB01", "price": 30, "price_type": "fixed", "website_id": 0, "customer_group": "ALL GROUPS",
            "quantity": 2,
        },
        batch=20, note=f"Adds and changes; PUT instead of POST replaces all tier prices of these skus. {_PRICES}",
    ),
    Writable(
        "costs", "Costs", "post", "products/cost", {"prices": "&{@}"}, "sku", _CATALOG,
        {"sku": "24-MB01", "store_id": 0, "cost": 17}, batch=20, note=_PRICES,
    ),
    Writable(
        "product-images", "Product images", "post", "products/&{sku}/media", {"entry": "&{entry}"}, "sku", _CATALOG,
        {
            "sku": "24-MB01",
            "entry": {
                "media_type": "image", "label": "Front", "position": 1, "disabled": False,
                "types": ["image", "small_image", "thumbnail"],
                "content": {"base64_encoded_data": _PIXEL, "type": "image/png", "name": "front.png"},
            },
        },
        note=_ONCE,
    ),
    Writable(
        "stock-item", "Stock of one product (default source)", "put", "products/&{sku}/stockItems/&{item_id}",
        {"stockItem": {"qty": "&{qty}", "is_in_stock": "&{is_in_stock}"}}, "sku", _PRODUCTS,
        {"sku": "24-MB01", "item_id": 1, "qty": 5, "is_in_stock": True},
        note=f"{_AGAIN} Only the default source; with more than one, send stock by source.",
    ),
    Writable(
        "stock-removed", "Stock by source, removed", "post", "inventory/source-items-delete", {"sourceItems": "&{@}"},
        "sku", _ASSIGN, {"sku": "24-MB01", "source_code": "default"}, batch=20, note="Safe to resend.",
    ),
    Writable(
        "sources", "Inventory sources", "post", "inventory/sources", {"source": "&{@}"}, "source_code",
        "Magento_InventoryApi::source_edit",
        {"source_code": "west", "name": "Warehouse west", "country_id": "US", "postcode": "90210", "enabled": True},
        note=_AGAIN,
    ),
    Writable(
        "stocks", "Inventory stocks", "post", "inventory/stocks", {"stock": "&{@}"}, "name",
        "Magento_InventoryApi::stock_edit", {"name": "Shop west"}, note="Existing names are refused.",
    ),
    Writable(
        "stock-sources", "Sources of a stock", "post", "inventory/stock-source-links", {"links": "&{@}"},
        "source_code", "Magento_InventoryApi::stock_source_link",
        {"stock_id": 2, "source_code": "west", "priority": 1}, batch=20, note=_AGAIN,
    ),
    Writable(
        "categories", "Categories", "put", "categories/&{id}", {"category": "&{@}"}, "id", _CATEGORIES,
        {"id": 3, "name": "Bags", "is_active": True}, note=f"{_AGAIN} {_ALL_VIEWS}",
    ),
    Writable(
        "new-categories", "New categories", "post", "categories", {"category": "&{@}"}, "name", _CATEGORIES,
        {"parent_id": 2, "name": "Bags", "is_active": True},
        note="A name that already exists below the same parent is refused.",
    ),
    Writable(
        "category-products", "Products into a category", "post", "categories/&{category_id}/products",
        {"productLink": {"sku": "&{sku}", "category_id": "&{category_id}"}}, "sku",
        _CATEGORIES, {"category_id": "3", "sku": "24-MB01"},
        note="Puts the product at position 0, even if it already has another position in the category. The "
        "category must exist; category_id in the body overrides the path.",
    ),
    Writable(
        "customers", "Customers", "put", "customers/&{id}", {"customer": "&{@}"}, "id", "Magento_Customer::manage",
        {"id": 1, "email": "roni@example.com", "firstname": "Roni", "lastname": "Cost", "website_id": 1},
        note="Changes only the fields sent. If `addresses` is sent, addresses not in it are removed and cannot be "
        "restored under their ids. An e-mail address of another customer of the website is refused.",
    ),
    Writable(
        "new-customers", "New customers", "post", "customers", {"customer": "&{@}"}, "email", "anonymous",
        {"email": "roni@example.com", "firstname": "Roni", "lastname": "Cost", "website_id": 1},
        note="A customer with the same e-mail address is refused. Open to everyone: a captcha may be required.",
    ),
    Writable(
        "order-invoices", "Invoices for orders", "post", "order/&{order_id}/invoice",
        {"capture": "&{capture}", "items": "&{items}", "notify": "&{notify}"}, "order_id", "Magento_Sales::invoice",
        {"order_id": 1, "capture": True, "items": [{"order_item_id": 1, "qty": 1}], "notify": False},
        note="No items: all of them. A second invoice for the same items is refused.",
    ),
    Writable(
        "order-shipments", "Shipments for orders", "post", "order/&{order_id}/ship",
        {"items": "&{items}", "notify": "&{notify}", "tracks": "&{tracks}"}, "order_id", "Magento_Sales::ship",
        {
            "order_id": 1, "items": [{"order_item_id": 1, "qty": 1}], "notify": False,
            "tracks": [{"track_number": "1Z999", "title": "UPS", "carrier_code": "ups"}],
        },
        note="No items: all of them. A second shipment of the same items is refused.",
    ),
    Writable(
        "order-refunds", "Refunds for orders", "post", "order/&{order_id}/refund",
        {"items": "&{items}", "notify": "&{notify}", "arguments": "&{arguments}"}, "order_id",
        "Magento_Sales::creditmemo",
        {
            "order_id": 1, "items": [{"order_item_id": 1, "qty": 1}], "notify": False,
            "arguments": {"shipping_amount": 0},
        },
        note="No items: all of them. Offline refunds: pay the money back through the payment provider. "
        "More than the remaining amount is refused.",
    ),
    Writable(
        "order-comments", "Comments on orders", "post", "orders/&{order_id}/comments",
        {
            "statusHistory": {
                "comment": "&{comment}", "parent_id": "&{order_id}", "is_customer_notified": 0,
                "is_visible_on_front": 0,
            }
        },
        "order_id", "Magento_Sales::comment", {"order_id": 1, "comment": "Packed"}, note=_ONCE,
    ),
    Writable(
        "orders", "Orders (the raw record)", "post", "orders", {"entity": "&{@}"}, "increment_id",
        "Magento_Sales::create",
        {
            "increment_id": "EXT-1", "customer_email": "roni@example.com", "base_grand_total": 39, "grand_total": 39,
            "items": [{"sku": "24-MB01", "name": "Joust Duffle Bag", "qty_ordered": 1, "price": 34}],
            "payment": {"method": "checkmo"},
        },
        note="Skips the checkout: no stock, no totals, no e-mail. Creates another order each time it is sent, even "
        "with the same increment_id.",
    ),
    Writable(
        "tracking-numbers", "Tracking numbers", "post", "shipment/track", {"entity": "&{@}"}, "track_number",
        "Magento_Sales::shipment",
        {
            "order_id": 1, "parent_id": 1, "weight": 1, "qty": 1, "description": "", "track_number": "1Z999",
            "title": "UPS", "carrier_code": "ups",
        },
        note=f"parent_id is the shipment. {_ONCE}",
    ),
    Writable(
        "attributes", "Product attributes", "post", "products/attributes", {"attribute": "&{@}"}, "attribute_code",
        _ATTRIBUTES,
        {
            "attribute_code": "fabric", "frontend_input": "select", "entity_type_id": "4", "is_required": False,
            "frontend_labels": [{"store_id": 0, "label": "Fabric"}],
        },
        note="Existing ones are refused.",
    ),
    Writable(
        "attribute-options", "Options of attributes", "post", "products/attributes/&{attribute_code}/options",
        {"option": {"label": "&{label}"}}, "label", _ATTRIBUTES,
        {"attribute_code": "color", "label": "Petrol"},
        note="Existing labels are refused, ignoring case and surrounding blanks.",
    ),
    Writable(
        "attribute-sets", "Attribute sets", "post", "products/attribute-sets",
        {"attributeSet": "&{@}", "skeletonId": 4}, "attribute_set_name", "Magento_Catalog::sets",
        {"attribute_set_name": "Bags", "sort_order": 10},
        note="skeletonId is the set to copy: 4 is Default. Existing names are refused.",
    ),
    Writable(
        "cms-pages", "CMS pages", "post", "cmsPage", {"page": "&{@}"}, "identifier", "Magento_Cms::page",
        {"identifier": "about-us", "title": "About us", "content": "<p>…</p>", "active": True},
        note="A page with this identifier is refused: PUT cmsPage/<id> changes it.",
    ),
    Writable(
        "cms-blocks", "CMS blocks", "post", "cmsBlock", {"block": "&{@}"}, "identifier", "Magento_Cms::block",
        {"identifier": "delivery-note", "title": "Delivery", "content": "<p>…</p>", "active": True},
        note="A block with this identifier is refused: PUT cmsBlock/<id> changes it.",
    ),
    Writable(
        "coupons", "Coupons", "post", "coupons", {"coupon": "&{@}"}, "code", _RULES,
        {"rule_id": 1, "code": "WELCOME-10", "times_used": 0, "is_primary": False, "type": 1},
        note="The rule must use manual coupon codes. Existing codes are refused.",
    ),
    Writable(
        "generated-coupons", "Coupons, made by the store", "post", "coupons/generate", {"couponSpec": "&{@}"},
        "rule_id", _RULES, {"rule_id": 1, "format": "alphanum", "quantity": 10, "length": 12}, note=_ONCE,
    ),
    Writable(
        "cart-price-rules", "Cart price rules", "post", "salesRules", {"rule": "&{@}"}, "name", _RULES,
        {
            "name": "Ten per cent", "website_ids": [1], "customer_group_ids": [0, 1], "uses_per_customer": 0,
            "is_active": False, "stop_rules_processing": False, "is_advanced": True, "sort_order": 0,
            "simple_action": "by_percent", "discount_amount": 10, "discount_step": 0, "apply_to_shipping": False,
            "times_used": 0, "is_rss": False, "coupon_type": "NO_COUPON", "use_auto_generation": False,
            "uses_per_coupon": 0,
        },
        note=_ONCE,
    ),
    Writable(
        "customer-groups", "Customer groups", "post", "customerGroups", {"group": "&{@}"}, "code",
        "Magento_Customer::group", {"code": "Retailers", "tax_class_id": 3},
        note="Existing codes are refused.",
    ),
    Writable(
        "tax-rates", "Tax rates", "post", "taxRates", {"taxRate": "&{@}"}, "code", "Magento_Tax::manage_tax",
        {"code": "NL-high", "tax_country_id": "NL", "tax_region_id": 0, "tax_postcode": "*", "rate": 21},
        note="Existing codes are refused.",
    ),
    Writable(
        "tax-rules", "Tax rules", "post", "taxRules", {"rule": "&{@}"}, "code", "Magento_Tax::manage_tax",
        {
            "code": "Retail NL", "priority": 0, "position": 0, "customer_tax_class_ids": [3],
            "product_tax_class_ids": [2], "tax_rate_ids": [1],
        },
        note="Existing codes are refused.",
    ),
)  # fmt: skip
