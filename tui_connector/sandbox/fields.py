"""What is made of a response before it is sent: the parts that `fields` asks for, and lists in another order.

`fields` is framework/Webapi/Rest/Response/FieldsFilter.php.
"""

from __future__ import annotations

import re

from .response import Json

_VARYING = {
    *("configurable_product_options", "configurable_product_links", "values", "category_links", "product_links"),
    *("tier_prices", "options", "media_gallery_entries", "addresses"),
}
"""Lists whose order says nothing, and which a real store sends now in one order and now in another."""
Wanted = dict[str, "Wanted"]
_TOKEN = re.compile(r"\w+|[\[\],]", re.ASCII)


def project(data: Json, fields: str) -> Json:
    """The answer cut down to `fields`; `[]` where nothing matches or it cannot be read, null for an empty list."""
    if not fields or not isinstance(data, dict | list):
        return data
    wanted = parse_fields(fields)
    if wanted is None:
        return []
    return _cut(data, wanted)


def parse_fields(text: str) -> Wanted | None:
    """`a,b[c,d]` as a tree of names, or None when it is not well formed."""
    tokens = _TOKEN.findall(text)
    if "".join(tokens) != text:
        return None
    top: Wanted = {}
    open_: list[Wanted] = [top]
    name = ""
    for token in tokens:
        if token == "[":
            if not name:
                return None
            open_.append(open_[-1][name])
            name = ""
        elif token == "]":
            if len(open_) == 1:
                return None
            open_.pop()
            name = ""
        elif token == ",":
            name = ""
        else:
            name = token
            open_[-1][name] = {}
    return top if len(open_) == 1 else None


def _cut(data: Json, wanted: Wanted) -> Json:
    if isinstance(data, list):
        return [_cut(each, wanted) for each in data] or None
    if not isinstance(data, dict):
        return data
    kept: dict[str, Json] = {}
    for name, value in data.items():
        if name not in wanted:
            continue
        inner = wanted[name]
        if not inner or not isinstance(value, dict | list):
            kept[name] = value
        elif name == "custom_attributes" and isinstance(value, list) and not inner.keys() & {"attribute_code", "value"}:
            kept[name] = _by_code(value, inner)
        else:
            kept[name] = _cut(value, inner)
    return kept or []  # PHP's empty array


def _by_code(attributes: list[Json], codes: Wanted) -> Json:
    """Chosen attributes; PHP keeps their positions, so gaps make an object (magento2 issue 25175)."""
    chosen: dict[str, Json] = {
        str(place): each
        for place, each in enumerate(attributes)
        if isinstance(each, dict) and each.get("attribute_code") in codes
    }
    return list(chosen.values()) if list(chosen) == [str(place) for place in range(len(chosen))] else chosen


def varied(data: Json, turn: int) -> Json:
    """The same data, its nested lists without an order begun elsewhere at each turn."""
    if isinstance(data, list):
        return [varied(each, turn) for each in data]
    if not isinstance(data, dict):
        return data
    turned: dict[str, Json] = {}
    for name, value in data.items():
        inner = varied(value, turn)
        if name in _VARYING and isinstance(inner, list) and inner:
            first = turn % len(inner)
            inner = [*inner[first:], *inner[:first]]
        turned[name] = inner
    return turned
