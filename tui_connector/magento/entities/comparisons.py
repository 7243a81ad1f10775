"""How the current values of each writable entity are read, compared, restored and deleted.

Each is the table `compare` as it could be written in a profile. Observed on Magento 2.4.8: which list returns what was
sent, and in which form; what sending it again does; and which request undoes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Literal

    from ...templates import Json  # in types only, as in entity.py

Table = dict[str, "Json"]

_PRODUCTS, _CATALOG = "Magento_Catalog::products", "Magento_Catalog::catalog"
_CATEGORIES, _ATTRIBUTES = "Magento_Catalog::categories", "Magento_Catalog::attributes_attributes"
_RULES, _ORDERS = "Magento_SalesRule::quote", "Magento_Sales::actions_view"
_TAXES, _CUSTOMERS = "Magento_Tax::manage_tax", "Magento_Customer::customer"
_LINKS, _CATEGORY_IDS = "extension_attributes.category_links", "custom_attributes.category_ids"


def _kept(values: list[Json] | Literal["any"]) -> Table:
    """Part of a rule for a field of which Magento ignores these values: it keeps what it has."""
    return {"not-stored": values}


def _search(
    uri: str, field: str, *, value: str | None = None, equal: list[str] | None = None, fields: str | None = None
) -> Table:
    """A search for many values of a field at once."""
    lookup: Table = {"kind": "in-filter", "field": field}
    lookup |= {"value": value} if value else {}
    lookup |= {"equal": [*equal]} if equal else {}
    request: Table = {"uri": uri, "parameters": {"fields": fields}} if fields else {"uri": uri}
    return {"request": request, "lookup": lookup}


def _information(uri: str) -> Table:
    """One of the price routes, which return the rows of a list of skus and leave out unknown ones."""
    return {
        "request": {"uri": uri, "method": "post", "reads": True},
        "lookup": {"kind": "value-list", "field": "sku", "parameter": "skus"},
        "items": "@",
    }


def _for_each(uri: str, items: str = "@") -> Table:
    """A request for each entity, where the store has no list of them."""
    return {"request": {"uri": uri}, "items": items}


def _required(fields: str) -> Table:
    """Fields that were refused when they were absent or empty (`Validation Failed`, `"%fieldName" is required`)."""
    return {"required": [*fields.split()]}


def _delete(uri: str) -> Table:
    return {"delete": {"request": {"uri": uri, "method": "delete"}}}


def _delete_rows(uri: str, name: str, fields: str) -> Table:
    """A request that deletes several rows, each given by these fields."""
    rows = ", ".join(f"{field}: {field}" for field in fields.split())
    return {
        "delete": {
            "request": {"uri": uri, "method": "post", "parameters": {name: f"&{{[].{{{rows}}}}}"}},
            "batch": 20,
        }
    }


def _one_price(uri: str) -> Table:
    return {"uri": uri, "method": "post", "parameters": {"prices": ["&{@}"]}}


_EXISTING_PRODUCT: Table = {
    **_search("products", "sku", fields="items[sku],total_count"),
    "identifier": "sku",
    "message": "the store has no product with this sku",
}
_PRODUCT_EXISTS: Table = {"requires": _EXISTING_PRODUCT}
_OF_PRODUCT: Table = {"not-found": _EXISTING_PRODUCT["message"]}
_REFUSED: Table = {"existing": "refused"}
_PRICE: Table = {"places": 6}
_QUANTITY: Table = {"places": 4}
_REMOVED_PRICE: Table = {**_PRICE, "not-stored": [""], "instead": "send null to remove it"}  # "" is stored as 0
_TRUTH: Table = {"not-stored": [None, ""], "instead": "send true or false"}
_STOCK: Table = {**_QUANTITY, "least": 0}  # Magento stores a negative quantity, which only a backorder has
_SPECIAL_DATE: Table = {  # ResourceModel\Product\Price\SpecialPrice::update writes only dates that are not empty
    "blank": True,
    "not-stored": [None, ""],
    "instead": "delete the special price first (products/special-price-delete)",
}
_TEXTS: Table = {"custom_attributes.url_key": {"slug": True}, "custom_attributes.*": {"blank": True}}
_DATES: Table = {"created_at": {"ignore": True}, "updated_at": {"ignore": True}}
_FINAL = "They cannot be deleted or changed."

COMPARISONS: Mapping[str, Mapping[str, Json]] = {
    "stock": {
        **_required("sku source_code quantity status"),
        **_search("inventory/source-items", "sku", equal=["source_code"]),
        "requires": {**_EXISTING_PRODUCT, "unchecked": True},  # the store creates stock for any sku
        **_delete_rows("inventory/source-items-delete", "sourceItems", "sku source_code"),
        "identifier": ["sku", "source_code"],
        "rules": {"quantity": _STOCK},
        "repeatable": True,
        "permission": "Magento_InventoryApi::source",
    },
    "products": {
        "required-to-create": ["name", "price", "attribute_set_id"],
        **_search("products", "sku"),
        **_delete("products/&{sku}"),
        "detail": {"fields": ["extension_attributes.stock_item"], "request": {"uri": "products/&{sku}"}},
        "identifier": "sku",
        "rules": {
            "price": _PRICE,
            "weight": _PRICE,
            "custom_attributes.price": _PRICE,
            "custom_attributes.special_price": _REMOVED_PRICE,
            "custom_attributes.cost": _REMOVED_PRICE,
            "custom_attributes.msrp": _REMOVED_PRICE,
            **_TEXTS,
            **dict.fromkeys(("attribute_set_id", "type_id"), _kept([None])),
            "status": {**_kept([None, ""]), "instead": "send 1 (enabled) or 2 (disabled)"},
            "extension_attributes.stock_item.qty": {**_kept([None, ""]), "instead": "send 0"},
            "extension_attributes.stock_item.is_in_stock": _TRUTH,
            "extension_attributes.website_ids": {**_kept([None]), "instead": "send [] to remove it from all websites"},
            _CATEGORY_IDS: {
                **_kept([None, "", []]),
                "instead": "send category_links = [] in extension_attributes",
                "restore-empty-field": _LINKS,
            },
            _LINKS: {
                "adds": True,
                "clears": True,
                **_kept([None]),
                "instead": "send [] to remove it from all categories",
                "restore-field": _CATEGORY_IDS,
                "restore-value": "[].category_id",
                "restore-empty-field": _LINKS,
            },
            "extension_attributes.stock_item.low_stock_date": {"ignore": True},
            **_DATES,
        },
        "repeatable": True,
        "permission": _PRODUCTS,
        "per-view": True,
        "undo": "Deleting a product does not delete its stock, and a product that is created again has another id.",
    },
    "base-prices": {
        **_required("sku price"),
        **_information("products/base-prices-information"),
        **_PRODUCT_EXISTS,
        "identifier": ["sku", "store_id"],
        "defaults": {"store_id": 0},
        "fallback": {"store_id": 0},
        "missing": "refused",  # a configurable product has no price of its own
        "rules": {"price": _PRICE},
        "repeatable": True,
        "permission": _CATALOG,
    },
    "special-prices": {
        **_required("sku price"),
        **_information("products/special-price-information"),
        **_PRODUCT_EXISTS,
        **_delete_rows("products/special-price-delete", "prices", "sku store_id price price_from price_to"),
        "identifier": ["sku", "store_id"],
        "defaults": {"store_id": 0},
        "rules": {"price": _PRICE, "price_from": _SPECIAL_DATE, "price_to": _SPECIAL_DATE},
        "recreate": [
            {"name": "delete", "request": _one_price("products/special-price-delete")},
            {"name": "create", "request": _one_price("products/special-price")},
        ],
        "undo": "A special price that had no date is deleted and created again, as the store would keep the date.",
        "repeatable": True,
        "permission": _CATALOG,
    },
    "tier-prices": {
        **_required("sku customer_group quantity price price_type"),
        **_information("products/tier-prices-information"),
        **_PRODUCT_EXISTS,
        **_delete_rows(
            "products/tier-prices-delete", "prices", "sku website_id customer_group quantity price price_type"
        ),
        "identifier": ["sku", "website_id", "customer_group", "quantity"],
        "defaults": {"website_id": 0},
        "rules": {"price": _PRICE, "quantity": _QUANTITY},
        "repeatable": True,
        "permission": _CATALOG,
    },
    "costs": {
        **_required("sku cost"),
        **_information("products/cost-information"),
        **_PRODUCT_EXISTS,
        "delete": {
            "request": {"uri": "products/cost-delete", "method": "post", "parameters": {"skus": "&{[].sku}"}},
            "batch": 20,
        },
        "identifier": ["sku", "store_id"],
        "defaults": {"store_id": 0},
        "rules": {"cost": _PRICE},
        "repeatable": True,
        "permission": _CATALOG,
        "undo": "Deleting a cost deletes it for all stores.",
    },
    "product-images": {
        "request": {"uri": "products/&{sku}", "parameters": {"fields": "sku,media_gallery_entries"}},
        "items": "media_gallery_entries || `[]`",
        **_OF_PRODUCT,
        **_delete("products/&{sku}/media/&{id}"),
        "identifier": "label",
        "fields": ["label", "media_type", "position", "disabled"],
        "existing": "another",
        "permission": _PRODUCTS,
        "undo": "Deleting a new image does not return the roles that it took from older images.",
    },
    "stock-item": {
        **_for_each("stockItems/&{sku}"),
        **_OF_PRODUCT,
        "missing": "refused",
        "rules": {"qty": _STOCK, "is_in_stock": _TRUTH, "low_stock_date": {"ignore": True}},
        "repeatable": True,
        "permission": "Magento_Catalog::catalog_inventory",
    },
    "stock-removed": {
        **_search("inventory/source-items", "sku", equal=["source_code"]),
        "restore": {
            "request": {"uri": "inventory/source-items", "method": "post", "parameters": {"sourceItems": "&{@}"}},
            "batch": 20,
        },
        "identifier": ["sku", "source_code"],
        "existing": "removed",
        "repeatable": True,
        "permission": "Magento_InventoryApi::source",
    },
    "sources": {
        **_required("source_code name country_id postcode"),
        **_search("inventory/sources", "source_code"),
        "identifier": "source_code",
        "rules": {
            "description": {"blank": True},
            "email": {"blank": True},
            "phone": {"blank": True},
        },
        "repeatable": True,
        "permission": "Magento_InventoryApi::source",
        "undo": "Sources cannot be deleted; send enabled = false to disable one.",
    },
    "stocks": {
        **_required("name"),
        **_search("inventory/stocks", "name"),
        **_delete("inventory/stocks/&{stock_id}"),
        **_REFUSED,
        "identifier": "name",
        "permission": "Magento_InventoryApi::stock",
    },
    "stock-sources": {
        **_required("stock_id source_code"),
        **_search("inventory/stock-source-links", "stock_id"),
        **_delete_rows("inventory/stock-source-links-delete", "links", "stock_id source_code"),
        "identifier": ["stock_id", "source_code"],
        "repeatable": True,
        "permission": "Magento_InventoryApi::stock_source_link",
    },
    "categories": {
        **_search("categories/list", "entity_id", value="id"),
        "identifier": "id",
        "missing": "refused",
        "rules": {
            **_TEXTS,
            **_DATES,
            "parent_id": {**_kept("any"), "instead": "move the category with PUT categories/<id>/move"},
            **{name: _kept([None]) for name in ("name", "position")},
            **dict.fromkeys(("is_active", "include_in_menu"), _TRUTH),
        },
        "repeatable": True,
        "permission": _CATEGORIES,
        "undo": "A value that was sent through a store view remains set in that view.",
    },
    "new-categories": {
        **_required("name"),
        **_search("categories/list", "name", equal=["parent_id"]),
        **_delete("categories/&{id}"),
        **_REFUSED,
        "identifier": ["name", "parent_id"],
        "rules": _TEXTS,
        "permission": _CATEGORIES,
    },
    "category-products": {
        # the list of the category's products would also contain those of its subcategories
        "request": {"uri": "products/&{sku}", "parameters": {"fields": "extension_attributes[category_links]"}},
        "items": "extension_attributes.category_links || `[]`",
        **_OF_PRODUCT,
        **_delete("categories/&{category_id}/products/&{sku}"),
        "identifier": "category_id",
        "rules": {"sku": {"ignore": True}},
        "repeatable": True,
        "permission": _PRODUCTS,
    },
    "customers": {
        **_search("customers/search", "entity_id", value="id"),
        "identifier": "id",
        "missing": "refused",
        "rules": {
            "email": {"ignore-case": True},
            "dob": {"blank": True},
            **{
                name: {"blank": True, **_kept([None]), "instead": 'send ""', "restore-absent": ""}
                for name in ("prefix", "middlename", "suffix", "taxvat")
            },
            "gender": {**_kept([None, ""]), "instead": "send 0", "restore-absent": 0},
            "addresses": {
                "not-restored": "removed addresses would get new ids, and those with their old ids are refused"
            },
            **_DATES,
        },
        "repeatable": True,
        "permission": _CUSTOMERS,
        "undo": "A gender that was not set is restored as 0.",
    },
    "new-customers": {
        **_required("email firstname lastname"),
        **_search("customers/search", "email", equal=["website_id"]),
        **_delete("customers/&{id}"),
        **_REFUSED,
        "identifier": ["email", "website_id"],
        "permission": _CUSTOMERS,
    },
    "order-invoices": {"can-undo": False, "undo": f"Invoices are kept. {_FINAL}"},
    "order-shipments": {"can-undo": False, "undo": f"Shipments are kept, and have reduced the stock. {_FINAL}"},
    "order-refunds": {"can-undo": False, "undo": f"Refunds are kept, and the last one closes the order. {_FINAL}"},
    "order-comments": {
        **_for_each("orders/&{order_id}/comments", "items"),
        "requires": {
            **_search("orders", "entity_id", value="order_id", fields="items[entity_id],total_count"),
            "identifier": "entity_id",
            "value": "order_id",
            "message": "the store has no such order",
        },
        "identifier": "comment",
        "fields": ["comment"],
        "existing": "another",
        "permission": _ORDERS,
        "can-undo": False,
        "undo": f"Comments are kept. {_FINAL}",
    },
    "orders": {
        **_required("payment"),
        **_search("orders", "increment_id"),
        "identifier": "increment_id",
        "fields": ["increment_id"],
        "existing": "another",
        "permission": _ORDERS,
        "can-undo": False,
        "undo": "Orders are kept: they can be cancelled, but not deleted.",
    },
    "tracking-numbers": {
        **_required("order_id parent_id"),
        **_search("shipments", "order_id"),
        **_delete("shipment/track/&{entity_id}"),
        "requires": {
            **_search("shipments", "entity_id", value="parent_id", fields="items[entity_id],total_count"),
            "identifier": "entity_id",
            "value": "parent_id",
            "message": "the store has no such shipment",
        },
        "items": "items[].tracks[]",
        "identifier": ["track_number", "parent_id"],
        "fields": ["track_number", "parent_id", "carrier_code", "title"],
        "existing": "another",
        "permission": "Magento_Sales::shipment",
    },
    "attributes": {
        **_required("attribute_code frontend_input"),
        **_search("products/attributes", "attribute_code"),
        **_delete("products/attributes/&{attribute_code}"),
        **_REFUSED,
        "identifier": "attribute_code",
        "rules": {
            "frontend_labels": {"ignore": True},
            "options": {"adds": True},  # also an empty list removes none (Attribute\Repository::save)
            "default_value": {"blank": True},
        },
        "permission": _ATTRIBUTES,
    },
    "attribute-options": {
        **_for_each("products/attributes/&{attribute_code}/options"),
        "not-found": "the store has no such attribute",
        **_delete("products/attributes/&{attribute_code}/options/&{value}"),
        **_REFUSED,
        "identifier": "label",
        "fields": ["label"],
        "permission": _ATTRIBUTES,
    },
    "attribute-sets": {
        **_required("attribute_set_name"),
        **_search("products/attribute-sets/sets/list", "attribute_set_name"),
        **_delete("products/attribute-sets/&{attribute_set_id}"),
        **_REFUSED,
        "sent": "attributeSet",
        "identifier": "attribute_set_name",
        "permission": "Magento_Catalog::sets",
    },
    "cms-pages": {
        **_required("identifier title"),
        **_search("cmsPage/search", "identifier"),
        **_delete("cmsPage/&{id}"),
        **_REFUSED,
        "identifier": "identifier",
        "rules": {"creation_time": {"ignore": True}, "update_time": {"ignore": True}, "sort_order": {"number": True}},
        "permission": "Magento_Cms::page",
    },
    "cms-blocks": {
        **_required("identifier title"),
        **_search("cmsBlock/search", "identifier"),
        **_delete("cmsBlock/&{id}"),
        **_REFUSED,
        "identifier": "identifier",
        "rules": {"creation_time": {"ignore": True}, "update_time": {"ignore": True}},
        "permission": "Magento_Cms::block",
    },
    "coupons": {
        **_required("rule_id"),
        **_search("coupons/search", "code"),
        **_delete("coupons/&{coupon_id}"),
        **_REFUSED,
        "identifier": "code",
        "rules": {
            "is_primary": {"ignore": True},  # false is stored as null
            "usage_limit": {"ignore": True},  # these two are copied from the rule
            "usage_per_customer": {"ignore": True},
        },
        "permission": _RULES,
    },
    "generated-coupons": {
        "can-undo": False,
        "undo": "The store chose the codes: they are in the responses, and can be deleted with coupons/deleteByCodes.",
    },
    "cart-price-rules": {
        **_required("name"),
        **_search("salesRules/search", "name"),
        **_delete("salesRules/&{rule_id}"),
        "identifier": "name",
        "existing": "another",
        "permission": _RULES,
    },
    "customer-groups": {
        **_required("code"),
        **_search("customerGroups/search", "code"),
        **_delete("customerGroups/&{id}"),
        **_REFUSED,
        "identifier": "code",
        "permission": "Magento_Customer::group",
    },
    "tax-rates": {
        **_required("code tax_country_id rate"),
        **_search("taxRates/search", "code"),
        **_delete("taxRates/&{id}"),
        **_REFUSED,
        "identifier": "code",
        "rules": {"rate": _QUANTITY},
        "permission": _TAXES,
        "undo": "A rate that a tax rule uses cannot be deleted.",
    },
    "tax-rules": {
        **_required("code customer_tax_class_ids product_tax_class_ids tax_rate_ids"),
        **_search("taxRules/search", "code"),
        **_delete("taxRules/&{id}"),
        **_REFUSED,
        "identifier": "code",
        "permission": _TAXES,
    },
}

READ_BY_POST = frozenset(
    str(request["uri"])
    for each in COMPARISONS.values()
    if isinstance(request := each.get("request"), Mapping) and request.get("reads") is True
)
"""Routes that change nothing although they take a POST."""


def required_to_create(name: str) -> list[str]:
    """The fields without which the store does not create an entity of this name, such as "products"."""
    found = COMPARISONS.get(name, {})
    names = [found.get(each) for each in ("required", "required-to-create")]
    return [str(field) for each in names if isinstance(each, list) for field in each]
