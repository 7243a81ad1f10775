"""A routed request, the types of its handlers, and what handlers share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .callers import Caller
from .criteria import Tree, invalid_type, unsupported
from .records import Item
from .response import Json, Refusal, required
from .table import Rows


@dataclass(frozen=True)
class Call:
    """A routed request: the store code in the path, decoded path variables, and the body (empty without one)."""

    caller: Caller
    store: str
    variables: Mapping[str, str]
    query: Tree
    body: Item

    def number(self, name: str) -> int:
        """A path variable as an integer. Raises `Refusal` 400."""
        return whole_number(self.variables[name])


Handler = Callable[[Call], Json]
Check = Callable[[Item], object]
"""Validates the structure of a body, as the Web API does first. Raises `Refusal`."""
Checks = Mapping[str, Check]
"""By method and path."""


class Endpoints:
    """A group of routes: their handlers, and the checks of bodies before the queue accepts them."""

    def handlers(self) -> Handlers:
        raise NotImplementedError

    def checks(self) -> Checks:
        return {}


class SearchHandler:
    """The handler of a list route, which accepts search criteria."""

    def __call__(self, call: Call) -> Json:
        """The items that match, as Magento lists them. Raises `Refusal`."""
        raise NotImplementedError

    def example(self) -> Item:
        """An item of the list; empty where it has none."""
        raise NotImplementedError


ListHandler = Callable[[Rows], SearchHandler]
"""Creates the handler of a table's list route."""
Handlers = Mapping[str, Handler]
"""By method and path, as in `MagentoRoute.name`."""


def required_object(body: Item, name: str, fields: str = "") -> Item:
    """A parameter of the service that is an object, with only these fields (separated by spaces; any if empty).

    Raises `Refusal` 400.
    """
    value = body.get(name)
    if not isinstance(value, dict):
        raise required([name])
    known = fields.split()
    for field in value if known else ():
        if field not in known:
            raise unsupported(field)
    return value


def required_list(body: Item, name: str) -> list[Json]:
    """A parameter of the service that is a list. Raises `Refusal` 400."""
    value = body.get(name)
    if not isinstance(value, list):
        raise required([name])
    return value


def whole_number(text: str) -> int:
    """An integer as the Web API parses it. Raises `Refusal` 400."""
    if not text.removeprefix("-").isdecimal():
        raise Refusal(400, invalid_type(text, "int"))
    return int(text)


def no_such_entity(name: str, value: Json) -> Refusal:
    """404 as Magento\\Framework\\Exception\\NoSuchEntityException words it for one field."""
    return Refusal(404, "No such entity with %fieldName = %fieldValue", {"fieldName": name, "fieldValue": value})


def no_such_sales_entity() -> Refusal:
    """404 of the sales repositories, which do not name what was requested."""
    return Refusal(404, "The entity that was requested doesn't exist. Verify the entity and try again.")
