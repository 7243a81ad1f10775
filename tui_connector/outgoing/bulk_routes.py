"""The variables in the paths of Magento's routes, which a bulk names, and which templates can be sent in bulk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

from ..client.model import RequestTemplate
from ..runs.inconsistency import Inconsistency
from ..runs.request_templates import ENTITY
from ..templates import Template, paths_read
from ..templates.template import Placeholder

PATHS = """
DELETE addresses/:addressId
DELETE adobestock/asset/:id
PUT bundle-products/:sku/links/:id
POST bundle-products/:sku/links/:optionId
DELETE bundle-products/:sku/options/:optionId
DELETE bundle-products/:sku/options/:optionId/children/:childSku
PUT bundle-products/options/:optionId
PUT carts/:cartId
POST carts/:cartId/billing-address
DELETE carts/:cartId/coupons
PUT carts/:cartId/coupons/:couponCode
POST carts/:cartId/estimate-shipping-methods
POST carts/:cartId/estimate-shipping-methods-by-address-id
POST carts/:cartId/gift-message
POST carts/:cartId/gift-message/:itemId
PUT,DELETE carts/:cartId/items/:itemId
PUT carts/:cartId/order
PUT carts/:cartId/selected-payment-method
POST carts/:cartId/shipping-information
POST carts/:cartId/totals-information
POST carts/:quoteId/items
PUT carts/mine
POST carts/mine/billing-address
DELETE carts/mine/coupons
PUT carts/mine/coupons/:couponCode
POST carts/mine/estimate-shipping-methods
POST carts/mine/estimate-shipping-methods-by-address-id
POST carts/mine/gift-message
POST carts/mine/gift-message/:itemId
POST carts/mine/items
PUT,DELETE carts/mine/items/:itemId
PUT carts/mine/order
POST carts/mine/payment-order/:id
PUT carts/mine/selected-payment-method
POST carts/mine/shipping-information
POST carts/mine/totals-information
DELETE categories/:categoryId
PUT categories/:categoryId/move
POST,PUT categories/:categoryId/products
DELETE categories/:categoryId/products/:sku
PUT categories/:id
DELETE cmsBlock/:blockId
PUT cmsBlock/:id
PUT cmsPage/:id
DELETE cmsPage/:pageId
POST configurable-products/:sku/child
DELETE configurable-products/:sku/children/:childSku
POST configurable-products/:sku/options
PUT,DELETE configurable-products/:sku/options/:id
PUT,DELETE coupons/:couponId
PUT creditmemo/:id
POST creditmemo/:id/comments
POST creditmemo/:id/emails
PUT,DELETE customerGroups/:id
PUT customerGroups/default/:id
PUT,DELETE customers/:customerId
POST customers/:customerId/carts
PUT customers/:email/activate
PUT customers/me
PUT customers/me/activate
PUT customers/password
PUT customers/validate
PUT,DELETE eav/attribute-sets/:attributeSetId
PUT guest-carts/:cartId
POST guest-carts/:cartId/billing-address
PUT guest-carts/:cartId/collect-totals
DELETE guest-carts/:cartId/coupons
PUT guest-carts/:cartId/coupons/:couponCode
POST guest-carts/:cartId/estimate-shipping-methods
POST guest-carts/:cartId/gift-message
POST guest-carts/:cartId/gift-message/:itemId
POST guest-carts/:cartId/items
PUT,DELETE guest-carts/:cartId/items/:itemId
PUT guest-carts/:cartId/order
POST guest-carts/:cartId/payment-information
POST guest-carts/:cartId/payment-order
POST guest-carts/:cartId/payment-order/:id
PUT guest-carts/:cartId/selected-payment-method
POST guest-carts/:cartId/set-payment-information
POST guest-carts/:cartId/shipping-information
POST guest-carts/:cartId/totals-information
PUT inventory/sources/:sourceCode
PUT,DELETE inventory/stocks/:stockId
POST invoice/:invoiceId/refund
POST invoices/:id/capture
POST invoices/:id/emails
POST invoices/:id/void
POST order/:orderId/invoice
POST order/:orderId/refund
POST order/:orderId/ship
POST orders/:id/cancel
POST orders/:id/comments
POST orders/:id/emails
POST orders/:id/hold
POST orders/:id/unhold
PUT orders/:parent_id
PUT orders/create
PUT products/:productSku/stockItems/:itemId
PUT,DELETE products/:sku
POST products/:sku/downloadable-links
PUT products/:sku/downloadable-links/:id
POST products/:sku/downloadable-links/samples
PUT products/:sku/downloadable-links/samples/:id
DELETE products/:sku/group-prices/:customerGroupId/tiers/:qty
POST products/:sku/group-prices/:customerGroupId/tiers/:qty/price/:price
POST,PUT products/:sku/links
DELETE products/:sku/links/:type/:linkedProductSku
POST products/:sku/media
PUT,DELETE products/:sku/media/:entryId
DELETE products/:sku/options/:optionId
POST,PUT products/:sku/websites
DELETE products/:sku/websites/:websiteId
PUT,DELETE products/attribute-sets/:attributeSetId
DELETE products/attribute-sets/:attributeSetId/attributes/:attributeCode
PUT products/attribute-sets/:attributeSetId/groups
DELETE products/attribute-sets/groups/:groupId
PUT,DELETE products/attributes/:attributeCode
PUT products/attributes/:attributeCode/is-filterable/:isFilterable
POST products/attributes/:attributeCode/options
DELETE,PUT products/attributes/:attributeCode/options/:optionId
DELETE products/downloadable-links/:id
DELETE products/downloadable-links/samples/:id
PUT products/options/:optionId
PUT products/tier-prices
PUT,DELETE salesRules/:ruleId
POST shipment/:id/comments
POST shipment/:id/emails
DELETE shipment/track/:id
PUT taxClasses/:classId
DELETE taxClasses/:taxClassId
DELETE taxRates/:rateId
DELETE taxRules/:ruleId
"""
"""The routes that write and have variables, and those that could be taken for one of them: methods and path.

From webapi.xml in the modules of 2.4.7 and 2.4.8.
"""


def variables(method: str, segments: Sequence[str | None]) -> dict[int, str] | None:
    """The names of the variables in a path by their positions; None if Magento has no such route.

    None among the segments is one that contains a placeholder, and so can only be a variable. A literal segment has
    priority over a variable.
    """
    found = [own for own in _routes(method, len(segments)) if all(map(_matches, own, segments))]
    if not found:
        return None
    own = min(found, key=lambda each: [part.startswith(":") for part in each])
    return {index: part[1:] for index, part in enumerate(own) if part.startswith(":")}


@lru_cache(maxsize=64)
def _routes(method: str, length: int) -> list[list[str]]:
    """The segments of the routes of this method that have as many of them."""
    lines = (line.partition(" ") for line in PATHS.split("\n"))
    paths = [path.split("/") for methods, _, path in lines if method in methods.split(",")]
    return [path for path in paths if len(path) == length]


def _matches(own: str, segment: str | None) -> bool:
    return own.startswith(":") or own == segment


def segments(uri: str) -> tuple[list[tuple[str | None, str]], str]:
    """The path's segments, each as literal text (None with a placeholder) and as a template; and the query."""
    segments: list[tuple[str | None, str]] = []
    text, is_literal, query = "", True, ""
    pieces = Template.parse(uri).pieces
    for index, piece in enumerate(pieces):
        if isinstance(piece, Placeholder):
            text, is_literal = f"{text}{piece.sigil}{{{piece.expression.text}}}", False
            continue
        path, mark, query = piece.partition("?")
        first, *more = path.split("/")
        text += first
        for each in more:
            segments.append((text if is_literal else None, text))
            text, is_literal = each, True
        if mark:
            rest = pieces[index + 1 :]
            query += "".join(
                each if isinstance(each, str) else f"{each.sigil}{{{each.expression.text}}}" for each in rest
            )
            break
    return [*segments, (text if is_literal else None, text)], query


def inconsistencies(delivery: str, request: RequestTemplate | None) -> Iterator[Inconsistency]:
    """Why a configuration cannot be sent with this `delivery`. A chain has no `request`."""
    if delivery == "single":
        return
    if request is None:
        message = f"{delivery!r} cannot be combined with steps: the results of its requests come too late for them"
        yield Inconsistency(("delivery",), message)
        return
    if request.method in ("get", "head", "patch") or request.reads:
        what = "reads" if request.reads else request.method.upper()
        message = f"{delivery!r} needs a POST, PUT or DELETE that writes: Magento has no such route for {what}"
        yield Inconsistency(("delivery",), message)
    if delivery == "bulk":
        texts = [(("request", "headers", name), text) for name, text in request.headers.items()]
        for place, text in ((("request", "uri"), segments(request.uri)[1]), *texts):
            if _reads_entity(text):
                yield Inconsistency(place, "only the path and the parameters can depend on the entity of a bulk")


def _reads_entity(text: str) -> bool:
    placeholders = [piece for piece in Template.parse(text).pieces if isinstance(piece, Placeholder)]
    return any(
        each.sigil != "@" or any(names[:1] in ((), (ENTITY,)) for names in paths_read(each.expression))
        for each in placeholders
    )
