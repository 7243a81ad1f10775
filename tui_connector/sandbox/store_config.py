"""Configuration of the store: views, websites, groups, currency, countries, modules."""

from __future__ import annotations

from .handlers import Call, Endpoints, Handlers
from .records import Item
from .response import Json, Refusal

STORE_CODES = ("default", "nl")
"""Store codes allowed in a path, besides `all`; `admin` is not."""

_MODULE_NAMES = """
Store Config Directory Theme Backend Security User Authorization Eav Customer Indexer Cms Rule Integration Search
Catalog CatalogInventory CatalogRule CatalogSearch CatalogUrlRewrite Quote SalesSequence Payment Sales Checkout Cron
Widget Newsletter ImportExport Bundle Email PageCache GroupedProduct Downloadable Captcha Inventory InventoryApi
InventoryCatalog InventorySales InventoryCatalogApi InventoryIndexer InventorySalesApi ConfigurableProduct Shipping
Webapi JwtFrameworkAdapter JwtUserToken MessageQueue MysqlMq SalesRule OfflinePayments UrlRewrite Swagger
SwaggerWebapi Swatches Tax Translation AsynchronousOperations Version WebapiAsync WebapiSecurity CurrencySymbol
Wishlist
"""
MODULES = tuple(f"Magento_{name}" for name in _MODULE_NAMES.split())
TWO_FACTOR_MODULE = "Magento_TwoFactorAuth"

CURRENCY: Item = {
    "base_currency_code": "USD",
    "base_currency_symbol": "$",
    "default_display_currency_code": "USD",
    "default_display_currency_symbol": "$",
    "available_currency_codes": ["USD"],
    "exchange_rates": [{"currency_to": "USD", "rate": 1}],
}

_COUNTRIES = (
    ("AT", "AUT", "Austria"),
    ("AU", "AUS", "Australia"),
    ("BE", "BEL", "Belgium"),
    ("BR", "BRA", "Brazil"),
    ("CA", "CAN", "Canada"),
    ("CH", "CHE", "Switzerland"),
    ("CN", "CHN", "China"),
    ("DE", "DEU", "Germany"),
    ("DK", "DNK", "Denmark"),
    ("ES", "ESP", "Spain"),
    ("FI", "FIN", "Finland"),
    ("FR", "FRA", "France"),
    ("GB", "GBR", "United Kingdom"),
    ("IE", "IRL", "Ireland"),
    ("IN", "IND", "India"),
    ("IT", "ITA", "Italy"),
    ("JP", "JPN", "Japan"),
    ("MX", "MEX", "Mexico"),
    ("NL", "NLD", "Netherlands"),
    ("NO", "NOR", "Norway"),
    ("PL", "POL", "Poland"),
    ("PT", "PRT", "Portugal"),
    ("SE", "SWE", "Sweden"),
    ("US", "USA", "United States"),
    ("ZA", "ZAF", "South Africa"),
)

COUNTRY_CODES = frozenset(two for two, _, _ in _COUNTRIES)

STORE_VIEWS: list[Json] = [
    {"id": 1, "code": "default", "name": "Default Store View", "website_id": 1, "store_group_id": 1, "is_active": 1},
    {"id": 2, "code": "nl", "name": "Nederlands", "website_id": 1, "store_group_id": 1, "is_active": 1},
    {"id": 0, "code": "admin", "name": "Admin", "website_id": 0, "store_group_id": 0, "is_active": 1},
]
WEBSITES: list[Json] = [
    {"id": 0, "code": "admin", "name": "Admin", "default_group_id": 0},
    {"id": 1, "code": "base", "name": "Main Website", "default_group_id": 1},
]
_NO_GROUP: Item = {"id": 0, "website_id": 0, "root_category_id": 0, "default_store_id": 0}
_ONLY_GROUP: Item = {"id": 1, "website_id": 1, "root_category_id": 2, "default_store_id": 1}
STORE_GROUPS: list[Json] = [
    _NO_GROUP | {"name": "Default", "code": "default"},
    _ONLY_GROUP | {"name": "Main Website Store", "code": "main_website_store"},
]


def countries() -> list[Json]:
    """Some of Magento's countries."""
    return [
        {
            "id": two,
            "two_letter_abbreviation": two,
            "three_letter_abbreviation": three,
            "full_name_locale": name,
            "full_name_english": name,
        }
        for two, three, name in _COUNTRIES
    ]


def store_configs(url: str) -> list[Json]:
    """One configuration for each store view."""
    return [_config(1, "default", "en_US", url), _config(2, "nl", "nl_NL", url)]


def _config(number: int, code: str, locale: str, url: str) -> Item:
    addresses: Item = {}
    for prefix in ("", "secure_"):
        addresses |= {
            f"{prefix}base_url": f"{url}/",
            f"{prefix}base_link_url": f"{url}/",
            f"{prefix}base_static_url": f"{url}/static/",
            f"{prefix}base_media_url": f"{url}/media/",
        }
    own: Item = {
        "id": number,
        "code": code,
        "website_id": 1,
        "locale": locale,
        "base_currency_code": "USD",
        "default_display_currency_code": "USD",
        "timezone": "UTC",
        "weight_unit": "lbs",
    }
    return own | addresses


class Directory(Endpoints):
    """The public routes of countries and the currency."""

    def handlers(self) -> Handlers:
        return {
            "GET /V1/directory/currency": lambda call: CURRENCY,
            "GET /V1/directory/countries": lambda call: countries(),
            "GET /V1/directory/countries/:countryId": self._country,
        }

    def _country(self, call: Call) -> Json:
        wanted = call.variables["countryId"].upper()
        found = next((each for each in countries() if isinstance(each, dict) and each["id"] == wanted), None)
        if found is None:
            raise Refusal(404, "The country isn't available.")
        return found
