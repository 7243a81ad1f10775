"""Customers: generated from the seed, then added, changed and deleted, with Magento's validation and messages."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from .catalogue import stamp
from .handlers import Call, Checks, Endpoints, Handlers, ListHandler, no_such_entity, required_object
from .noise import noise
from .orders import EPOCH
from .records import Item, Records
from .response import Json, Refusal, as_list, objects_in, required
from .settings import Settings
from .store_config import COUNTRY_CODES
from .table import Column

_COLUMNS = """
default_billing default_shipping middlename prefix suffix gender taxvat confirmation is_active increment_id
failures_num first_failure lock_expires rp_token rp_token_created_at billing_city billing_company billing_country_id
billing_fax billing_firstname billing_full billing_lastname billing_postcode billing_region billing_street
billing_telephone billing_vat_id shipping_full billing_region_id dob disable_auto_group_change created_in
"""
"""Attributes of the entity and columns of its grid."""
_FIELDS = """
id group_id default_billing default_shipping confirmation created_at updated_at created_in dob email firstname lastname
middlename prefix suffix gender store_id taxvat website_id addresses disable_auto_group_change extension_attributes
custom_attributes
"""
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_MIN_PASSWORD_LENGTH = 8
_REPEAT_EVERY = 10
"""With repeated e-mail addresses, every tenth customer has the address of the previous one, on another website."""


class Customers(Records):
    """Customers by `entity_id`, which is `id` in responses."""

    def __init__(self, size: int, seed: int, settings: Settings) -> None:
        self._seed = seed
        self.made = size
        self._settings = settings
        columns: dict[str, Column] = {
            "entity_id": Column(lambda row: row, "number"),
            "email": Column(self._email, "text", self._located),
            "firstname": Column(lambda row: f"F{row}"),
            "lastname": Column(lambda row: f"Lé{row}"),
            "group_id": Column(self._group, "number"),
            "website_id": Column(self._website, "number"),
            "store_id": Column(self._website, "number"),
            "created_at": Column(lambda row: stamp(self._created(row)), "date"),
            "updated_at": Column(lambda row: stamp(self._updated(row)), "date"),
        }
        super().__init__(
            "entity_id", _COLUMNS, size=size, make=self._customer, field="id", made_columns=columns, strict_fields=True
        )

    def taken(self, email: str, website: Json, row: int | None) -> bool:
        """Whether another customer of the website has this e-mail address."""
        rows = self.columns["email"].locate
        found = rows(email) if rows else ()
        return any(each != row and (self.get(each) or {}).get("website_id") == website for each in found)

    def _customer(self, row: int) -> Item:
        region: Item = {"region_code": "TX", "region": "Texas", "region_id": 57}
        address: Item = {"id": row, "customer_id": row, "region": region, "region_id": 57, "country_id": "US"}
        address |= {"street": ["1 Main"], "telephone": "5550100", "postcode": "78701", "city": "Austin"}
        if row % 4 == 0:
            address |= {"company": f"Company {row}", "fax": "5550101"}
        address |= {"firstname": f"F{row}", "lastname": f"Lé{row}", "default_shipping": True, "default_billing": True}
        return {
            "id": row,
            "group_id": self._group(row),
            "default_billing": str(row),
            "default_shipping": str(row),
            "created_at": stamp(self._created(row)),
            "updated_at": stamp(self._updated(row)),
            "created_in": "Default Store View",
            "email": self._email(row),
            "firstname": f"F{row}",
            "lastname": f"Lé{row}",
            "store_id": self._website(row),
            "website_id": self._website(row),
            "addresses": [address],
            "disable_auto_group_change": 0,
            "extension_attributes": {"is_subscribed": False},
        }

    def _repeats(self, row: int) -> bool:
        return row % _REPEAT_EVERY == 0 and self._settings.flag("sandbox/repeated_emails")

    def _email(self, row: int) -> str:
        return f"c{row - self._repeats(row):03d}@example.com"

    def _website(self, row: int) -> int:
        return 1 + self._repeats(row)

    def _located(self, email: str) -> Sequence[int]:
        number = email.lower().removeprefix("c").removesuffix("@example.com")
        row = int(number) if number.isdecimal() and len(number) < 12 else 0
        return [each for each in (row, row + 1) if 0 < each <= self.made and self._email(each) == email.lower()]

    def _group(self, row: int) -> int:
        return 1 + noise(self._seed, row, 11) % 3

    def _created(self, row: int) -> datetime:
        return EPOCH + timedelta(seconds=61 * row)

    def _updated(self, row: int) -> datetime:
        return self._created(row) + timedelta(seconds=noise(self._seed, row, 12) % 86_400)


class Accounts(Endpoints):
    """The routes of customers and their addresses."""

    def __init__(self, customers: Customers, list_handler: ListHandler, now: Callable[[], datetime]) -> None:
        self._customers = customers
        self._list_handler = list_handler
        self._now = now
        self._last_address = customers.made

    def handlers(self) -> Handlers:
        return {
            "GET /V1/customers/search": self._list_handler(self._customers),
            "GET /V1/customers/:customerId": self._found,
            "POST /V1/customers": self._create,
            "PUT /V1/customers/:customerId": self._update,
            "DELETE /V1/customers/:customerId": self._delete,
            "GET /V1/customers/me": self._me,
            "GET /V1/customers/:customerId/billingAddress": lambda call: self._default(call, "default_billing"),
            "GET /V1/customers/:customerId/shippingAddress": lambda call: self._default(call, "default_shipping"),
            "GET /V1/customers/addresses/:addressId": self._address,
            "DELETE /V1/addresses/:addressId": self._delete_address,
            "POST /V1/customers/isEmailAvailable": self._available,
        }

    def checks(self) -> Checks:
        return {"POST /V1/customers": _read, "PUT /V1/customers/:customerId": _read}

    def save_queued(self, call: Call) -> Json:
        """Save a customer from the queue: not merged with the stored one, and created if it has no ID."""
        payload = _read(call.body)
        self._check(payload)
        if payload.get("id") is None:
            return self._create(call)
        return self._update(Call(call.caller, call.store, {"customerId": str(payload["id"])}, {}, call.body))

    def refresh(self) -> None:
        """Generate records again that depend on a setting."""
        self._customers.refresh()

    def _found(self, call: Call) -> Item:
        row = call.number("customerId")
        item = self._customers.get(row)
        if item is None:
            raise no_such_entity("customerId", row)
        return item

    def _me(self, call: Call) -> Json:
        """ "me" needs a customer's token; Magento finds no customer for an integration."""
        raise required(["customerId"])

    def _create(self, call: Call) -> Json:
        payload = _read(call.body)
        self._check(payload)
        password = call.body.get("password")
        if isinstance(password, str) and len(password) < _MIN_PASSWORD_LENGTH:
            text = "The password needs at least %1 characters. Create a new password and try again."
            raise Refusal(400, text, [str(_MIN_PASSWORD_LENGTH)])
        website = payload.get("website_id", 1)
        if self._customers.taken(str(payload["email"]), website, None):
            raise _taken()
        now, row = stamp(self._now()), self._customers.next_number
        made: Item = {"id": row, "group_id": 1, "created_at": now, "updated_at": now}
        made |= {"created_in": "Default Store View", "store_id": 1, "website_id": website, "addresses": []}
        made |= {"disable_auto_group_change": 0, "extension_attributes": {"is_subscribed": False}}
        kept = {name: value for name, value in payload.items() if name not in ("id", "created_at", "updated_at")}
        if "addresses" in kept:
            kept |= self._addressed(row, {}, kept["addresses"])
        whole = made | kept
        return self._customers.add({name: value for name, value in whole.items() if value is not None})

    def _update(self, call: Call) -> Json:
        """Change the fields sent. If addresses are sent, those left out are removed."""
        known = self._found(call)
        payload = _read(call.body)
        row = call.number("customerId")
        if payload.get("id", row) != row and "default_billing" in known:
            text = "The %fieldName value is invalid. Set the correct value and try again."
            raise Refusal(400, text, {"fieldName": "default_billing"})
        whole = known | payload
        self._check(whole)
        if self._customers.taken(str(whole["email"]), whole.get("website_id"), row):
            raise _taken()
        changed = {
            name: _stored(name, value)
            for name, value in payload.items()
            if name not in ("id", "created_at", "updated_at") and not (value is None and name in _KEPT_IF_NULL)
        }
        if "addresses" in changed:
            changed |= self._addressed(row, known, changed["addresses"])
        return self._customers.change(row, changed | {"updated_at": stamp(self._now())})

    def _delete(self, call: Call) -> Json:
        self._found(call)
        self._customers.delete(call.number("customerId"))
        return True

    def _check(self, customer: Item) -> None:
        names = (("firstname", "First Name"), ("lastname", "Last Name"))
        missing_fields = [f'"{label}" is a required value.' for name, label in names if not customer.get(name)]
        if missing_fields:
            raise Refusal(400, "\n".join(missing_fields))
        email = customer.get("email")
        if not email:
            raise Refusal(400, "The customer email is missing. Enter and try again.")
        if not _EMAIL.fullmatch(str(email)):
            raise Refusal(400, '"Email" is not a valid email address.')

    def _addressed(self, row: int, known: Item, payload: Json) -> Item:
        """The addresses to store, and the IDs of the default ones."""
        kept: list[Json] = []
        defaults: Item = {}
        had = {each.get("id"): each for each in objects_in(known.get("addresses"))}
        for each in as_list(payload):
            if not isinstance(each, dict) or str(each.get("country_id", "US")) not in COUNTRY_CODES:
                continue  # Magento drops it silently
            number = each.get("id")
            if number is not None and number not in had:
                raise no_such_entity("addressId", number)
            if number is None:
                self._last_address += 1
                number = self._last_address
            address: Item = {**had.get(number, {}), **each, "id": number, "customer_id": row}
            kept.append(address)
            for name in ("default_billing", "default_shipping"):
                if address.get(name):
                    defaults[name] = str(number)
        return {"default_billing": None, "default_shipping": None, "addresses": kept} | defaults

    def _default(self, call: Call, name: str) -> Json:
        customer = self._found(call)
        found = (
            each for each in objects_in(customer.get("addresses")) if str(each.get("id")) == str(customer.get(name))
        )
        return next(found, None)

    def _address(self, call: Call) -> Item:
        number = call.number("addressId")
        holders = [self._customers.get(number), *self._customers.changed_records().values()]
        for customer in holders:
            for each in objects_in((customer or {}).get("addresses")):
                if each.get("id") == number:
                    return each
        raise no_such_entity("addressId", number)

    def _delete_address(self, call: Call) -> Json:
        address = self._address(call)
        row = int(str(address["customer_id"]))
        customer = self._customers.get(row) or {}
        kept: list[Json] = [each for each in objects_in(customer.get("addresses")) if each.get("id") != address["id"]]
        defaults = ("default_billing", "default_shipping")
        gone: Item = {name: None for name in defaults if customer.get(name) == str(address["id"])}
        self._customers.change(row, {**gone, "addresses": kept})
        return True

    def _available(self, call: Call) -> Json:
        email = call.body.get("customerEmail")
        if not email:
            raise required(["customerEmail"])
        return not self._customers.taken(str(email), call.body.get("websiteId", 1), None)


_KEPT_IF_NULL = ("gender", "prefix", "middlename", "suffix", "taxvat")
_REMOVED_IF_EMPTY = ("prefix", "middlename", "suffix", "taxvat", "dob")


def _stored(name: str, value: Json) -> Json:
    """A field of a change as it is stored: an empty text removes some fields, and is 0 for gender."""
    if value == "" and name in _REMOVED_IF_EMPTY:
        return None
    return 0 if value == "" and name == "gender" else value


def _read(body: Item) -> Item:
    return required_object(body, "customer", _FIELDS)


def _taken() -> Refusal:
    return Refusal(400, "A customer with the same email address already exists in an associated website.")
