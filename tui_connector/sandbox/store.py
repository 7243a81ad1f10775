"""The store: all routes of a real Magento, with handlers for those that the sandbox offers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from .access import Access
from .attributes import Attributes
from .callers import ANONYMOUS
from .catalogue import Catalogue
from .categories import Categories
from .content import Content
from .criteria import read_criteria
from .customers import Accounts, Customers
from .handlers import Call, Check, Endpoints, Handlers, SearchHandler
from .inventory import Inventory, SourceItems, Sources
from .magento_routes import ROUTES
from .orders import Orders
from .prices import Prices
from .product_writer import ProductWriter
from .products import Products
from .queue import Queue, QueuedRoute, bulk_part
from .records import Item
from .response import Json, JsonText, Refusal, as_object, rotated_lists, select_fields
from .route import Route, by_shape
from .sales import Sales
from .settings import Settings
from .store_config import MODULES, STORE_GROUPS, STORE_VIEWS, TWO_FACTOR_MODULE, WEBSITES, Directory, store_configs
from .table import Rows, Searches

_ROUTES_BY_SHAPE = by_shape(ROUTES.values())
_OPEN_IF_INSECURE = {
    f"GET /V1/{path}"
    for path in (
        *("products", "products/:sku", "categories", "categories/list", "categories/:categoryId"),
        *("store/storeViews", "store/websites", "store/storeGroups", "store/storeConfigs"),
        *("products/attributes", "products/attributes/:attributeCode", "products/:sku/media", "products/:sku/options"),
    )
}
"""Read routes that module-webapi-security makes public."""


class Store:
    """The data of the store and the routes to it."""

    def __init__(
        self, products: int, seed: int, settings: Settings, access: Access, now: Callable[[], datetime]
    ) -> None:
        self.url = ""
        self._turn = 0
        self._settings = settings
        self._access = access
        catalogue = Catalogue(products, seed)
        sources = Sources()
        stock = SourceItems(catalogue, sources)
        orders = Orders(max(60, products // 20), seed, catalogue)
        content = Content(orders, seed, self._list_handler, settings, now)
        accounts = Accounts(Customers(max(131, products // 10), seed, settings), self._list_handler, now)
        settings.watch(content.refresh)
        settings.watch(accounts.refresh)
        parts: tuple[Endpoints, ...] = (
            Products(catalogue, stock, ProductWriter(catalogue, stock, settings, now), self._list_handler),
            Sales(orders, self._list_handler, now),
            content,
            accounts,
            Inventory(catalogue, stock, sources, self._list_handler, settings),
            Attributes(self._list_handler, settings),
            Categories(catalogue, self._list_handler, now),
            Prices(catalogue, settings, content.group_codes),
            Directory(),
        )
        self.queue = Queue(seed, settings, self._list_handler, now)
        handlers = {**self._handlers(), **self.queue.handlers()}
        self._checks: dict[str, Check] = {}
        for part in parts:
            handlers |= part.handlers()
            self._checks |= part.checks()
        self._when_queued = {"PUT /V1/customers/:customerId": accounts.save_queued}
        unknown = handlers.keys() - ROUTES.keys()
        assert not unknown, f"no such routes in Magento: {', '.join(unknown)}"
        self._routed = handlers

    def find(self, method: str, parts: list[str]) -> tuple[Route, dict[str, str]]:
        """The route of a path; a literal segment has priority over a variable.

        Raises `Refusal` 404, also for a wrong method, as a real store does.
        """
        for route in _ROUTES_BY_SHAPE.get((method, len(parts)), ()):
            variables = route.match(parts) if self._is_active(route) else None
            if variables is not None:
                return route, variables
        raise no_route()

    def find_bulk(self, method: str, parts: list[str]) -> tuple[Route, tuple[str, ...]]:
        """The route of a bulk's path, where `:sku` is written `bySku`, and its variables. Raises `Refusal` 404."""
        for route in _ROUTES_BY_SHAPE.get((method, len(parts)), ()):
            if self._is_active(route) and [bulk_part(part) for part in route.parts] == parts:
                return route, tuple(part[1:] for part in route.parts if part.startswith(":"))
        raise no_route()

    def queued(self, route: Route) -> QueuedRoute:
        """A route for the queue. Raises `Refusal` 501 if it is not offered."""
        name = route.name
        handler = self._when_queued.get(name) or self._routed.get(name)
        if handler is None:
            raise not_offered(route)
        return QueuedRoute(route, handler, self._checks.get(name, dict))

    def active_routes(self) -> list[Route]:
        """The routes of enabled modules."""
        return [route for route in ROUTES.values() if self._is_active(route)]

    def resource(self, route: Route) -> str:
        """The permission that the route requires with the current settings."""
        insecure = route.name in _OPEN_IF_INSECURE and self._settings.flag("webapi/webapisecurity/allow_insecure")
        return ANONYMOUS if insecure else route.resource

    def call(self, route: Route, call: Call) -> Json:
        """The handler's result, reduced to the requested `fields`. Raises `Refusal`; 501 if it is not offered."""
        handler = self._routed.get(route.name)
        if handler is None:
            raise not_offered(route)
        data = handler(call)
        fields = call.query.get("fields", "")
        if not isinstance(fields, str) or not fields:
            return data
        return select_fields(data.data() if isinstance(data, JsonText) else data, fields)

    def in_varying_order(self, data: Json) -> Json:
        """The data with its nested lists in varying order, if the settings ask for it."""
        if not self._settings.flag("sandbox/varying_order"):
            return data
        self._turn += 1
        return rotated_lists(data.data() if isinstance(data, JsonText) else data, self._turn)

    def _is_active(self, route: Route) -> bool:
        return "/tfa/" not in route.path or self._settings.flag("twofactorauth/general/enable")

    def _list_handler(self, rows: Rows) -> SearchHandler:
        return _TableSearch(rows, self._settings)

    def example(self, route: Route) -> Item | None:
        """An item of the list that this route searches; None if it is no list."""
        handler = self._routed.get(route.name)
        return handler.example() if isinstance(handler, SearchHandler) else None

    def _handlers(self) -> Handlers:
        sign_in = self._access.sign_in
        return {
            "GET /V1/modules": self._modules,
            "GET /V1/store/storeViews": lambda call: STORE_VIEWS,
            "GET /V1/store/websites": lambda call: WEBSITES,
            "GET /V1/store/storeGroups": lambda call: STORE_GROUPS,
            "GET /V1/store/storeConfigs": lambda call: store_configs(self.url),
            "POST /V1/integration/admin/token": lambda call: sign_in.password_token(call.body),
            "POST /V1/tfa/provider/google/authenticate": lambda call: sign_in.code_token("google", call.body),
            "POST /V1/tfa/provider/authy/authenticate": lambda call: sign_in.code_token("authy", call.body),
        }

    def _modules(self, call: Call) -> Json:
        two_factor = self._settings.flag("twofactorauth/general/enable")
        return [*MODULES, *([TWO_FACTOR_MODULE] if two_factor else [])]


class _TableSearch(SearchHandler):
    """Searches a table."""

    def __init__(self, rows: Rows, settings: Settings) -> None:
        self._rows, self._searches, self._settings = rows, Searches(rows), settings

    def __call__(self, call: Call) -> Json:
        return self._searches.response(read_criteria(call.query, self._settings))

    def example(self) -> Item:
        numbers = self._rows.numbers()
        return as_object(JsonText(self._rows.written(numbers[0])).data()) if numbers else {}


def no_route() -> Refusal:
    """404 for a route that Magento does not have."""
    return Refusal(404, "Request does not match any route.")


def not_offered(route: Route) -> Refusal:
    """501 for a Magento route that the sandbox does not offer."""
    text = "The sandbox, a stand-in for a Magento store, does not offer %route. A real Magento store has it."
    return Refusal(501, text, {"route": route.name})
