"""A route of Magento's REST API, and which one a request has."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import unquote_plus


@dataclass(frozen=True)
class Route:
    """A route of a webapi.xml: `resource` is the permission required, `service` the name in the schema."""

    method: str
    path: str
    resource: str
    service: str

    @cached_property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    @cached_property
    def parts(self) -> tuple[str, ...]:
        return tuple(self.path.split("/"))

    def match(self, parts: Sequence[str]) -> dict[str, str] | None:
        """The path's variables, decoded (`+` is a space), or None if the path, of as many parts, does not match."""
        variables = {}
        for own, part in zip(self.parts, parts, strict=True):
            if own.startswith(":"):
                variables[own[1:]] = unquote_plus(part)
            elif own != part:
                return None
        return variables


def by_shape(routes: Iterable[Route]) -> Mapping[tuple[str, int], Sequence[Route]]:
    """By method and number of path segments; a literal segment comes before a variable."""
    shapes = defaultdict(list)
    for route in sorted(routes, key=lambda route: [part.startswith(":") for part in route.parts]):
        shapes[route.method, len(route.parts)].append(route)
    return dict(shapes)
