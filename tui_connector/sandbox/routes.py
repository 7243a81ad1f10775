"""The REST routes of the sandbox: method, path, the resource each needs, and what answers it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import unquote_plus

from .access import Access
from .answer import Json, Refusal, Written
from .empty_lists import EMPTY_LISTS, Nothing
from .fields import project
from .not_offered import NOT_OFFERED, refuse
from .people import Customers, Orders
from .permissions import ANONYMOUS, ANY_RESOURCE, Caller
from .query import Tree
from .search import invalid_type, read_criteria
from .settings import Settings
from .shop import (
    CURRENCY,
    MODULES,
    STORE_GROUPS,
    STORE_VIEWS,
    TWO_FACTOR_MODULE,
    WEBSITES,
    Categories,
    countries,
    store_configs,
)
from .stock import SourceItems
from .store import Catalogue, Item, missing_product
from .table import Rows, Searches
from .writes import Writes


@dataclass(frozen=True)
class Call:
    """One request that found its route; `store` is the code in the path, `all` or `default`."""

    caller: Caller
    store: str
    variables: Mapping[str, str]
    query: Tree
    body: Item


Handler = Callable[[Call], Json]


@dataclass(frozen=True)
class Route:
    """One line of webapi.xml; `open_if_insecure` is what `allow_insecure` opens to everybody."""

    method: str
    path: str
    resource: str
    service: str
    handler: Handler
    open_if_insecure: bool = False

    def match(self, parts: list[str]) -> dict[str, str] | None:
        """The path's variables, decoded (`+` is a space), or None where it is another path."""
        own = self.path.split("/")
        if len(own) != len(parts):
            return None
        variables = {}
        for name, part in zip(own, parts, strict=True):
            if name.startswith(":"):
                variables[name[1:]] = unquote_plus(part)
            elif name != part:
                return None
        return variables


_PRODUCTS, _CATEGORIES = "Magento_Catalog::products", "Magento_Catalog::categories"
_ORDERS, _CUSTOMERS = "Magento_Sales::actions_view", "Magento_Customer::customer"
_STORE, _SOURCES = "Magento_Backend::store", "Magento_InventoryApi::source"
_ASSIGN = "Magento_InventoryApi::stock_source_item_assign"
_TABLE = (
    ("GET", "/V1/products", _PRODUCTS, "catalogProductRepositoryV1", "products"),
    ("POST", "/V1/products", _PRODUCTS, "catalogProductRepositoryV1", "write product"),
    ("GET", "/V1/products/:sku", _PRODUCTS, "catalogProductRepositoryV1", "product"),
    ("PUT", "/V1/products/:sku", _PRODUCTS, "catalogProductRepositoryV1", "write product"),
    ("DELETE", "/V1/products/:sku", _PRODUCTS, "catalogProductRepositoryV1", "delete product"),
    ("GET", "/V1/orders", _ORDERS, "salesOrderRepositoryV1", "orders"),
    ("GET", "/V1/orders/:id", _ORDERS, "salesOrderRepositoryV1", "order"),
    ("GET", "/V1/customers/search", _CUSTOMERS, "customerCustomerRepositoryV1", "customers"),
    ("GET", "/V1/categories", _CATEGORIES, "catalogCategoryManagementV1", "tree"),
    ("GET", "/V1/categories/list", _CATEGORIES, "catalogCategoryListV1", "categories"),
    ("GET", "/V1/inventory/source-items", _SOURCES, "inventoryApiSourceItemRepositoryV1", "source items"),
    ("POST", "/V1/inventory/source-items", _ASSIGN, "inventoryApiSourceItemsSaveV1", "write source items"),
    ("GET", "/V1/modules", ANY_RESOURCE, "backendModuleServiceV1", "modules"),
    ("GET", "/V1/store/storeViews", _STORE, "storeStoreRepositoryV1", "views"),
    ("GET", "/V1/store/websites", _STORE, "storeWebsiteRepositoryV1", "websites"),
    ("GET", "/V1/store/storeGroups", _STORE, "storeGroupRepositoryV1", "groups"),
    ("GET", "/V1/store/storeConfigs", _STORE, "storeStoreConfigManagerV1", "configs"),
    ("GET", "/V1/directory/currency", ANONYMOUS, "directoryCurrencyInformationAcquirerV1", "currency"),
    ("GET", "/V1/directory/countries", ANONYMOUS, "directoryCountryInformationAcquirerV1", "countries"),
    ("POST", "/V1/integration/admin/token", ANONYMOUS, "integrationAdminTokenServiceV1", "password"),
    ("POST", "/V1/tfa/provider/google/authenticate", ANONYMOUS, "twoFactorAuthGoogleAuthenticateV1", "google"),
    ("POST", "/V1/tfa/provider/authy/authenticate", ANONYMOUS, "twoFactorAuthAuthyAuthenticateV1", "authy"),
)
"""Method, path, resource, service, and the name of what answers."""

_OPEN_IF_INSECURE = (
    *("/V1/products", "/V1/products/:sku", "/V1/categories", "/V1/categories/list"),
    *("/V1/store/storeViews", "/V1/store/websites", "/V1/store/storeGroups", "/V1/store/storeConfigs"),
)
"""What module-webapi-security opens to everybody, for reading only."""


class Shop:
    """Everything the routes read and change."""

    def __init__(
        self, products: int, seed: int, settings: Settings, access: Access, now: Callable[[], datetime]
    ) -> None:
        self.url = ""
        self._settings = settings
        self._access = access
        self._catalogue = Catalogue(products, seed)
        self._stock = SourceItems(self._catalogue)
        self._orders = Orders(max(60, products // 20), seed, self._catalogue)
        self._customers = Customers(max(131, products // 10), seed)
        self._categories = Categories()
        self._writes = Writes(self._catalogue, self._stock, settings, now)
        handlers = self._handlers()
        empty = (
            Route("GET", path, resource, service, self._listed(Nothing(key)))
            for path, resource, service, key in EMPTY_LISTS
        )
        not_offered = (Route(method, path, resource, "notOfferedV1", refuse) for method, path, resource in NOT_OFFERED)
        self.routes = (
            *empty,
            *not_offered,
            *(
                Route(method, path, resource, service, handlers[name], method == "GET" and path in _OPEN_IF_INSECURE)
                for method, path, resource, service, name in _TABLE
            ),
        )

    def find(self, method: str, parts: list[str]) -> tuple[Route, dict[str, str]]:
        """The route of a path. Raises `Refusal` 404; a wrong method is no route either."""
        for route in self.routes_in_force():
            variables = route.match(parts) if route.method == method else None
            if variables is not None:
                return route, variables
        raise Refusal(404, "Request does not match any route.")

    def routes_in_force(self) -> list[Route]:
        """The routes of the modules that are on."""
        two_factor = self._settings.flag("twofactorauth/general/enable")
        return [route for route in self.routes if two_factor or "/tfa/" not in route.path]

    def resource(self, route: Route) -> str:
        """What a caller of the route needs, as the settings are now."""
        insecure = route.open_if_insecure and self._settings.flag("webapi/webapisecurity/allow_insecure")
        return ANONYMOUS if insecure else route.resource

    def _handlers(self) -> Mapping[str, Handler]:
        sign_in = self._access.sign_in
        return {
            "products": self._listed(self._catalogue),
            "product": self._product,
            "write product": self._write,
            "delete product": self._delete,
            "orders": self._listed(self._orders),
            "order": self._order,
            "customers": self._listed(self._customers),
            "tree": self._tree,
            "categories": self._listed(self._categories),
            "source items": self._listed(self._stock),
            "write source items": lambda call: self._writes.source_items(call.body),
            "modules": self._modules,
            "views": lambda call: STORE_VIEWS,
            "websites": lambda call: WEBSITES,
            "groups": lambda call: STORE_GROUPS,
            "configs": lambda call: store_configs(self.url),
            "currency": lambda call: CURRENCY,
            "countries": lambda call: countries(),
            "password": lambda call: sign_in.password_token(call.body),
            "google": lambda call: sign_in.code_token("google", call.body),
            "authy": lambda call: sign_in.code_token("authy", call.body),
        }

    def _listed(self, rows: Rows) -> Handler:
        searches = Searches(rows)
        return lambda call: searches.answer(read_criteria(call.query, self._settings))

    def _write(self, call: Call) -> Json:
        return self._writes.product(call.body, call.store, call.variables.get("sku"))

    def _product(self, call: Call) -> Json:
        return self._writes.whole(self._row(call), call.store)

    def _delete(self, call: Call) -> Json:
        self._catalogue.delete(self._row(call))
        return True

    def _row(self, call: Call) -> int:
        row = self._catalogue.find(call.variables["sku"])
        if row is None:
            raise missing_product()
        return row

    def _order(self, call: Call) -> Json:
        row = _number(call.variables["id"])
        if row not in self._orders.numbers():
            raise Refusal(404, "The entity that was requested doesn't exist. Verify the entity and try again.")
        return self._orders.order(row)

    def _tree(self, call: Call) -> Json:
        root, depth = call.query.get("rootCategoryId", "2"), call.query.get("depth")
        row = _number(str(root))
        if row not in self._categories.numbers():
            raise Refusal(404, "No such entity with %fieldName = %fieldValue", {"fieldName": "id", "fieldValue": row})
        return self._categories.tree(row, None if depth is None else _number(str(depth)))

    def _modules(self, call: Call) -> Json:
        two_factor = self._settings.flag("twofactorauth/general/enable")
        return [*MODULES, *([TWO_FACTOR_MODULE] if two_factor else [])]


def answered(route: Route, call: Call) -> Json:
    """What the route answers, cut down to the `fields` asked for."""
    data = route.handler(call)
    fields = call.query.get("fields", "")
    if not isinstance(fields, str) or not fields:
        return data
    return project(data.data() if isinstance(data, Written) else data, fields)


def _number(text: str) -> int:
    if not text.removeprefix("-").isdecimal():
        raise Refusal(400, invalid_type(text, "int"))
    return int(text)
