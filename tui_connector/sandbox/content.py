"""Pages and blocks, price rules and coupons, taxes, customer groups and carts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from .catalogue import stamp
from .criteria import unsupported
from .handlers import Call, Endpoints, Handler, Handlers, ListHandler, no_such_entity, required_list, required_object
from .noise import token
from .orders import EPOCH, Orders, order_address
from .records import Item, Records
from .response import Json, Refusal, required
from .settings import Settings

Missing = Callable[[Json], Refusal]
Finished = Callable[[Item], Item]


@dataclass(frozen=True)
class Entity:
    """An entity with the usual five routes: `envelope` is its key in a body, `unique` a field without duplicates."""

    rows: Records
    envelope: str
    missing: Missing
    needed: tuple[str, ...] = ()
    unique: str = ""
    taken: Refusal | None = None
    defaults: Mapping[str, Json] = field(default_factory=dict)
    finished: Finished = dict
    """Completes a new entity."""

    def one(self, variable: str) -> Handler:
        """A handler that returns the entity with the ID in the path."""
        return lambda call: self._found(call.number(variable))

    def post(self, call: Call) -> Json:
        """Create an entity. Raises `Refusal`."""
        payload = self.read(call.body)
        self._check_required(payload)
        self._check_unique(payload, None)
        return self.rows.add(self.finished({**self.defaults, **payload}))

    def put(self, variable: str = "") -> Handler:
        """A handler that changes an entity, by the ID in the path or, without one, in the body."""

        def put(call: Call) -> Json:
            payload = self.read(call.body)
            if not variable and not isinstance(payload.get(self.rows.field), int):
                return self.post(call)
            row = call.number(variable) if variable else int(str(payload[self.rows.field]))
            self._found(row)
            self._check_unique(payload, row)
            return self.rows.change(row, {**payload, self.rows.field: row})

        return put

    def delete(self, variable: str) -> Handler:
        def delete(call: Call) -> Json:
            row = call.number(variable)
            self._found(row)
            self.rows.delete(row)
            return True

        return delete

    def read(self, body: Item) -> Item:
        """The entity in a body. Raises `Refusal` 400 if it is missing or has an unknown field."""
        payload = required_object(body, self.envelope)
        known = {*self.rows.columns, *self.defaults, self.rows.field, "extension_attributes", "custom_attributes"}
        for name in payload:
            if name not in known and not any(name in item for item in self.rows.rows()[:3]):
                raise unsupported(name)
        return payload

    def _found(self, row: int) -> Item:
        item = self.rows.get(row)
        if item is None:
            raise self.missing(row)
        return item

    def _check_required(self, payload: Item) -> None:
        missing_fields = [name for name in self.needed if payload.get(name) in (None, "")]
        if missing_fields:
            raise required(missing_fields)

    def _check_unique(self, payload: Item, row: int | None) -> None:
        if not self.taken or self.unique not in payload:
            return
        found = self.rows.find(**{self.unique: payload[self.unique]})
        if found is not None and found != row:
            raise self.taken


def routes(entity: Entity, list_handler: ListHandler, **paths: str) -> Handlers:
    """The handlers of an entity's routes: `search`, `one`, `post`, `put` and `delete` are paths below /V1/."""
    made: dict[str, Handler] = {}
    for what, path in paths.items():
        last = path.rpartition("/")[2]
        variable = last.removeprefix(":") if last.startswith(":") else ""
        match what:
            case "search":
                made[f"GET /V1/{path}"] = list_handler(entity.rows)
            case "one":
                made[f"GET /V1/{path}"] = entity.one(variable)
            case "post":
                made[f"POST /V1/{path}"] = entity.post
            case "put":
                made[f"PUT /V1/{path}"] = entity.put(variable)
            case "delete":
                made[f"DELETE /V1/{path}"] = entity.delete(variable)
    return made


def no_such_number(field_name: str) -> Missing:
    """404 with the name and the value of a field."""
    return lambda value: no_such_entity(field_name, value)


def already_exists(what: str) -> Refusal:
    """400 for a name that exists already."""
    return Refusal(400, "%1 already exists.", [what])


_PAGE_COLUMNS = """
page_layout meta_title meta_keywords meta_description content_heading layout_update_xml custom_theme
custom_root_template custom_layout_update_xml custom_theme_from custom_theme_to store_id layout_update_selected
"""
_RULE_COLUMNS = """
description from_date to_date discount_qty simple_free_shipping product_ids store_labels website_ids
customer_group_ids condition action_condition
"""
_COUPON_COLUMNS = (
    "usage_limit usage_per_customer times_used expiration_date generated_by_dotmailer extension_attributes"
)
_CART_COLUMNS = """
converted_at customer_id customer_email customer_group_id customer_note grand_total base_grand_total coupon_code
subtotal is_changed is_multi_shipping is_persistent trigger_recollect
"""
_ACTIVE = {"is_active": "active"}
_BLOCKS = ("delivery", "returns", "contact")
_VIEWS = ("default", "nl")
_PAGES = ("no-route", "home", "enable-cookies", "privacy-policy-cookie-restriction-mode")


class Content(Endpoints):
    """CMS, price rules, coupons, taxes, customer groups and carts."""

    def __init__(
        self, orders: Orders, seed: int, list_handler: ListHandler, settings: Settings, now: Callable[[], datetime]
    ) -> None:
        self._now = now
        self._settings = settings
        self._seed = seed
        self._list_handler = list_handler
        self._pages = Entity(
            Records("page_id", _PAGE_COLUMNS, first=map(_page, _PAGES), field="id", aliases=_ACTIVE),
            "page",
            lambda value: Refusal(404, 'The CMS page with the "%1" ID doesn\'t exist.', [value]),
            needed=("identifier", "title"),
            unique="identifier",
            taken=Refusal(400, "Could not save the page: %1", ["URL key for specified store already exists."]),
            defaults={"active": True},
            finished=self._dated,
        )
        self._blocks = Entity(
            Records(
                "block_id",
                "store_id",
                size=len(_BLOCKS) * len(_VIEWS),
                make=self._made_block,
                field="id",
                aliases=_ACTIVE,
            ),
            "block",
            lambda value: Refusal(404, 'The CMS block with the "%1" ID doesn\'t exist.', [value]),
            needed=("identifier", "title"),
            unique="identifier",
            taken=Refusal(400, "A block identifier with the same properties already exists in the selected store."),
            defaults={"active": True},
            finished=self._dated,
        )
        self._rules = Entity(
            Records(
                "rule_id", _RULE_COLUMNS, first=[_rule(1, "Ten per cent", "SPECIFIC_COUPON"), _rule(2, "Free gift")]
            ),
            "rule",
            no_such_number("rule_id"),
            needed=("name",),
            defaults=_rule(0, ""),
        )
        self._coupons = Entity(
            Records("coupon_id", _COUPON_COLUMNS, first=[_coupon(f"WELCOME-{number}") for number in range(1, 6)]),
            "coupon",
            no_such_number("coupon_id"),
            needed=("rule_id",),
            unique="code",
            taken=already_exists("Code"),
            defaults={"usage_limit": 0, "usage_per_customer": 0, "times_used": 0, "type": 0},
            finished=lambda payload: payload | {"is_primary": None, "created_at": stamp(self._now())},
        )
        self._tax_rates = Entity(
            Records(
                "tax_calculation_rate_id", "region_name zip_is_range zip_from zip_to", first=_TAX_RATES, field="id"
            ),
            "taxRate",
            no_such_number("taxRateId"),
            needed=("tax_country_id", "rate", "code"),
            unique="code",
            taken=already_exists("Code"),
            defaults={"tax_region_id": 0, "tax_postcode": "*", "titles": []},
        )
        self._tax_rules = Entity(
            Records("id", "tax_calculation_rule_id", first=[_TAX_RULE], aliases={"tax_calculation_rule_id": "id"}),
            "rule",
            no_such_number("taxRuleId"),
            needed=("code", "customer_tax_class_ids", "product_tax_class_ids", "tax_rate_ids"),
            unique="code",
            taken=already_exists("Code"),
            defaults={"calculate_subtotal": False, "priority": 0, "position": 0},
        )
        self._tax_classes = Entity(
            Records("class_id", first=_TAX_CLASSES),
            "taxClass",
            no_such_number("class_id"),
            needed=("class_name", "class_type"),
        )
        groups = {"customer_group_id": "id", "customer_group_code": "code", "id": "id"}
        self._groups = Entity(
            Records("customer_group_id", "", first=_GROUPS, field="id", aliases=groups),
            "group",
            no_such_number("id"),
            needed=("code",),
            unique="code",
            taken=Refusal(400, "Customer Group already exists."),
            defaults={"tax_class_id": 3},
            finished=lambda payload: payload | {"tax_class_name": "Retail Customer"},
        )
        columns = {"entity_id": "id"}
        self._carts = Records(
            "id", _CART_COLUMNS, size=orders.made, make=lambda row: _cart(orders, row), field="id", aliases=columns
        )

    def handlers(self) -> Handlers:
        page, block = "cmsPage/:pageId", "cmsBlock/:blockId"
        rule, coupon = "salesRules/:ruleId", "coupons/:couponId"
        tax_class, group = "taxClasses/:taxClassId", "customerGroups/:id"
        rates, tax_rules = "taxRates/:rateId", "taxRules/:ruleId"
        made = (
            routes(
                self._pages, self._list_handler, search="cmsPage/search", one=page, post="cmsPage", put="cmsPage/:id"
            ),
            routes(self._pages, self._list_handler, delete=page),
            routes(self._blocks, self._list_handler, search="cmsBlock/search", one=block, post="cmsBlock"),
            routes(self._blocks, self._list_handler, put="cmsBlock/:id", delete=block),
            routes(self._rules, self._list_handler, search="salesRules/search", one=rule, post="salesRules"),
            routes(self._rules, self._list_handler, put=rule, delete=rule),
            routes(self._coupons, self._list_handler, search="coupons/search", one=coupon, post="coupons", put=coupon),
            routes(self._coupons, self._list_handler, delete=coupon),
            routes(self._tax_rates, self._list_handler, search="taxRates/search", one=rates, post="taxRates"),
            routes(self._tax_rates, self._list_handler, put="taxRates", delete=rates),
            routes(self._tax_rules, self._list_handler, search="taxRules/search", one=tax_rules, post="taxRules"),
            routes(self._tax_rules, self._list_handler, put="taxRules", delete=tax_rules),
            routes(self._tax_classes, self._list_handler, search="taxClasses/search", one=tax_class, post="taxClasses"),
            routes(self._tax_classes, self._list_handler, put="taxClasses/:classId", delete=tax_class),
            routes(self._groups, self._list_handler, search="customerGroups/search", one=group, post="customerGroups"),
            routes(self._groups, self._list_handler, put=group, delete=group),
        )
        return {name: handler for part in made for name, handler in part.items()} | {
            "GET /V1/customerGroups/default": lambda call: self._groups.rows.get(1),
            "GET /V1/customerGroups/default/:storeId": lambda call: self._groups.rows.get(1),
            "GET /V1/carts/search": self._list_handler(self._carts),
            "POST /V1/coupons/generate": self._generate,
            "POST /V1/coupons/deleteByCodes": lambda call: self._delete_coupons(call, "codes", "code"),
            "POST /V1/coupons/deleteByIds": lambda call: self._delete_coupons(call, "ids", "coupon_id"),
        }

    def group_codes(self) -> list[str]:
        """The names of all customer groups."""
        return [str(group["code"]) for group in self._groups.rows.rows()]

    def _dated(self, payload: Item) -> Item:
        now = stamp(self._now())
        return payload | {"creation_time": now, "update_time": now}

    def refresh(self) -> None:
        """Generate records again that depend on a setting."""
        self._blocks.rows.refresh()

    def _made_block(self, row: int) -> Item:
        """A block of one store view; with repeated identifiers, the blocks of all views share one."""
        place, view = divmod(row - 1, len(_VIEWS))
        repeated = self._settings.flag("sandbox/repeated_identifiers")
        return {"id": row, **_block(_BLOCKS[place], _VIEWS[view], repeated=repeated)}

    def _generate(self, call: Call) -> Json:
        payload = required_object(call.body, "couponSpec")
        rule = payload.get("rule_id")
        if not isinstance(rule, int) or self._rules.rows.get(rule) is None:
            raise Refusal(400, "Error occurred when generating coupons: %1", ["No such entity"])
        codes: list[Json] = []
        length = payload.get("length")
        for _ in range(int(str(payload.get("quantity", 1)))):
            number = self._coupons.rows.next_number
            code = token(self._seed, f"coupon {number}").upper()[: length if isinstance(length, int) else 12]
            made: Item = {"rule_id": rule, "code": code, "usage_limit": 0, "usage_per_customer": 0, "times_used": 0}
            self._coupons.rows.add(made | {"is_primary": None, "created_at": stamp(self._now()), "type": 1})
            codes.append(code)
        return codes

    def _delete_coupons(self, call: Call, envelope: str, field: str) -> Json:
        wanted = required_list(call.body, envelope)
        rows = {str(each): self._coupons.rows.find(**{field: each}) for each in wanted}
        missing: list[Json] = [each for each, row in rows.items() if row is None]
        if missing and call.body.get("ignoreInvalidCoupons", True) is False:
            raise Refusal(400, "Some coupons are invalid.")
        for row in rows.values():
            if row is not None:
                self._coupons.rows.delete(row)
        return {"failed_items": [], "missing_items": missing}


def _page(identifier: str) -> Item:
    title = identifier.replace("-", " ").capitalize()
    at: Json = stamp(EPOCH)
    dates: Item = {"creation_time": at, "update_time": at}
    shown: Item = {"identifier": identifier, "title": title, "page_layout": "1column", "content_heading": title}
    shown |= {"meta_keywords": "Page keywords", "meta_description": "Page description"}
    return shown | {"content": f"<p>{title}</p>\r\n", **dates, "sort_order": "0", "active": True}


def _block(name: str, view: str, *, repeated: bool) -> Item:
    at = stamp(EPOCH)
    shown: Item = {"identifier": name if repeated else f"{name}-{view}", "title": f"{name.capitalize()} {view}"}
    shown |= {"content": f"<p>{name.capitalize()}</p>"}
    return shown | {"creation_time": at, "update_time": at, "active": True}


def _rule(number: int, name: str, coupon_type: str = "NO_COUPON") -> Item:
    condition = "Magento\\SalesRule\\Model\\Rule\\Condition\\"
    whole: Item = {"aggregator_type": "all", "operator": None, "value": True}
    rule: Item = {
        "name": name,
        "store_labels": [],
        "website_ids": [1],
        "customer_group_ids": [0, 1, 2, 3],
        "uses_per_customer": 0,
        "is_active": bool(number),
        "condition": {"condition_type": f"{condition}Combine", **whole},
        "action_condition": {"condition_type": f"{condition}Product\\Combine", **whole},
        "stop_rules_processing": False,
        "is_advanced": True,
        "sort_order": 0,
        "simple_action": "by_percent",
        "discount_amount": 10,
        "discount_step": 0,
        "apply_to_shipping": False,
        "times_used": 0,
        "is_rss": False,
        "coupon_type": coupon_type,
        "use_auto_generation": coupon_type != "NO_COUPON",
        "uses_per_coupon": 0,
    }
    return {"rule_id": number, **rule} if number else rule


def _coupon(code: str) -> Item:
    own: Item = {"rule_id": 1, "code": code, "created_at": stamp(EPOCH), "type": 1}
    own |= {"usage_limit": 0, "usage_per_customer": 0, "times_used": 0, "is_primary": None}
    return own


def _cart(orders: Orders, row: int) -> Item:
    order = orders.get(row) or {}
    moment = EPOCH + timedelta(seconds=97 * row - 5)
    address = order_address() | {"id": 3 * row, "email": order.get("customer_email")}
    codes: Item = {f"{name}_currency_code": "USD" for name in ("global", "base", "store", "quote")}
    codes |= {"store_to_base_rate": 0, "store_to_quote_rate": 0, "base_to_global_rate": 1, "base_to_quote_rate": 1}
    return {
        "id": row,
        "created_at": stamp(moment),
        "updated_at": order.get("created_at"),
        "is_active": False,
        "is_virtual": False,
        "items_count": 2,
        "items_qty": 2,
        "customer": {"email": None, "firstname": None, "lastname": None},
        "billing_address": address | {"same_as_billing": 0, "save_in_address_book": 0},
        "reserved_order_id": f"{row:09d}",
        "orig_order_id": 0,
        "currency": codes,
        "customer_is_guest": True,
        "customer_note_notify": True,
        "customer_tax_class_id": 3,
        "store_id": 1,
    }


def _tax_rate(number: int, region: int, name: str, rate: float) -> Item:
    place: Item = {"tax_country_id": "US", "tax_region_id": region, "region_name": name, "tax_postcode": "*"}
    return {"id": number} | place | {"rate": rate, "code": f"US-{name}-*-Rate 1", "titles": []}


_RULES = (_rule(1, "Ten per cent", "SPECIFIC_COUPON"), _rule(2, "Free gift"))
_TAX_RATES = [
    _tax_rate(1, 12, "CA", 8.25),
    _tax_rate(2, 43, "NY", 8.375),
]
_TAX_RULE: Item = {
    "id": 1,
    "code": "Retail California",
    "priority": 0,
    "position": 0,
    "customer_tax_class_ids": [3],
    "product_tax_class_ids": [2],
    "tax_rate_ids": [1],
    "calculate_subtotal": False,
}
_TAX_CLASSES: list[Item] = [
    {"class_id": 2, "class_name": "Taxable Goods", "class_type": "PRODUCT"},
    {"class_id": 3, "class_name": "Retail Customer", "class_type": "CUSTOMER"},
]
_GROUPS: list[Item] = [
    {"id": number, "code": code, "tax_class_id": 3, "tax_class_name": "Retail Customer"}
    for number, code in enumerate(("NOT LOGGED IN", "General", "Wholesale", "Retailer"))
]
