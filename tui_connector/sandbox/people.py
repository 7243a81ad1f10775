"""Customers and orders, made from a seed when they are asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from .answer import php_json
from .noise import noise
from .records import Item
from .store import stamp
from .table import Column

_EPOCH = datetime(2026, 1, 1)


class Customers:
    """Customers by `entity_id`, which answers call `id`."""

    key = "entity_id"
    named = True
    version = 0

    def __init__(self, size: int, seed: int) -> None:
        self._size = size
        self._seed = seed
        self.columns: Mapping[str, Column] = {
            "entity_id": Column(lambda row: row, "number"),
            "email": Column(self._email, "text", self._located),
            "firstname": Column(lambda row: f"F{row}"),
            "lastname": Column(lambda row: f"Lé{row}"),
            "group_id": Column(self._group, "number"),
            "website_id": Column(lambda row: 1, "number"),
            "store_id": Column(lambda row: 1, "number"),
            "created_at": Column(lambda row: stamp(self._created(row)), "date"),
            "updated_at": Column(lambda row: stamp(self._updated(row)), "date"),
            "dob": Column(lambda row: None, "date"),
        }

    def numbers(self) -> Sequence[int]:
        return range(1, self._size + 1)

    def written(self, row: int) -> str:
        address = _address(f"F{row}", f"Lé{row}") | {"id": row, "customer_id": row, "region": _region()}
        return php_json(
            {
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
                "store_id": 1,
                "website_id": 1,
                "addresses": [address | {"default_shipping": True, "default_billing": True}],
                "disable_auto_group_change": 0,
                "extension_attributes": {"is_subscribed": False},
            }
        )

    def _email(self, row: int) -> str:
        return f"c{row:03d}@example.com"

    def _located(self, email: str) -> Sequence[int]:
        number = email.lower().removeprefix("c").removesuffix("@example.com")
        row = int(number) if number.isdecimal() and len(number) < 12 else 0
        return (row,) if 0 < row <= self._size and self._email(row) == email.lower() else ()

    def _group(self, row: int) -> int:
        return 1 + noise(self._seed, row, 11) % 3

    def _created(self, row: int) -> datetime:
        return _EPOCH + timedelta(seconds=61 * row)

    def _updated(self, row: int) -> datetime:
        return self._created(row) + timedelta(seconds=noise(self._seed, row, 12) % 86_400)


def _region() -> Item:
    return {"region_code": "TX", "region": "Texas", "region_id": 57}


def _address(first: str, last: str) -> Item:
    return {
        "city": "Austin",
        "country_id": "US",
        "firstname": first,
        "lastname": last,
        "postcode": "78701",
        "region_id": 57,
        "street": ["1 Main"],
        "telephone": "5550100",
    }
