"""Lists of which this small store has no rows: they are there, want their resource, and answer with nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .table import Column

EMPTY_LISTS = (
    ("/V1/orders/items", "Magento_Sales::actions_view", "salesOrderItemRepositoryV1", "item_id"),
    ("/V1/invoices", "Magento_Sales::sales_invoice", "salesInvoiceRepositoryV1", "entity_id"),
    ("/V1/shipments", "Magento_Sales::shipment", "salesShipmentRepositoryV1", "entity_id"),
    ("/V1/creditmemos", "Magento_Sales::sales_creditmemo", "salesCreditmemoRepositoryV1", "entity_id"),
    ("/V1/transactions", "Magento_Sales::transactions_fetch", "salesTransactionRepositoryV1", "transaction_id"),
    ("/V1/cmsPage/search", "Magento_Cms::page", "cmsPageRepositoryV1", "page_id"),
    ("/V1/cmsBlock/search", "Magento_Cms::block", "cmsBlockRepositoryV1", "block_id"),
    ("/V1/coupons/search", "Magento_SalesRule::quote", "salesRuleCouponRepositoryV1", "coupon_id"),
    ("/V1/salesRules/search", "Magento_SalesRule::quote", "salesRuleRuleRepositoryV1", "rule_id"),
    ("/V1/carts/search", "Magento_Cart::manage", "quoteCartRepositoryV1", "entity_id"),
    ("/V1/taxRates/search", "Magento_Tax::manage_tax", "taxTaxRateRepositoryV1", "tax_calculation_rate_id"),
    ("/V1/taxRules/search", "Magento_Tax::manage_tax", "taxTaxRuleRepositoryV1", "id"),
)
"""Path, resource, service, and the field of the row's number (webapi.xml of Magento 2.4.7)."""


class Nothing:
    """A table without rows."""

    named = False
    version = 0

    def __init__(self, key: str) -> None:
        self.key = key
        self.columns: Mapping[str, Column] = {
            key: Column(int, "number"),
            "created_at": Column(str),
            "updated_at": Column(str),
        }

    def numbers(self) -> Sequence[int]:
        return ()

    def written(self, row: int) -> str:
        raise AssertionError(f"there is no row {row}")
