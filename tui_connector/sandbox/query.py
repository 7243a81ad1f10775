"""Reads a query string as PHP's parse_str does: nested by brackets, `+` is a space, a repeated name overwrites."""

from __future__ import annotations

from urllib.parse import unquote_plus

Tree = dict[str, "str | Tree"]
_MOST = 1000
"""PHP's max_input_vars: what comes after is dropped."""
_DEEPEST = 64
"""PHP's max_input_nesting_level."""


def parse_query(query: str) -> Tree:
    """The query's values by name; `a[b][]=1` nests, `[]` counts from 0."""
    tree: Tree = {}
    for pair in query.split("&")[:_MOST]:
        if pair:
            name, _, value = pair.partition("=")
            _put(tree, _keys(unquote_plus(name)), unquote_plus(value))
    return tree


def _keys(name: str) -> list[str]:
    head, bracket, rest = name.partition("[")
    keys = [head.replace(".", "_").replace(" ", "_")]
    if not head or (bracket and "]" not in rest):
        return [name.replace(".", "_").replace(" ", "_").replace("[", "_")]
    while bracket and "]" in rest:
        inside, _, rest = rest.partition("]")
        keys.append(inside)
        between, bracket, rest = rest.partition("[")
        if between:
            break
    return keys


def _put(tree: Tree, keys: list[str], value: str) -> None:
    if len(keys) > _DEEPEST or not keys[0]:
        return
    place = tree
    for key in keys[:-1]:
        inner = place.get(key or _next(place))
        if not isinstance(inner, dict):
            inner = {}
            place[key or _next(place)] = inner
        place = inner
    place[keys[-1] or _next(place)] = value


def _next(place: Tree) -> str:
    return str(1 + max((int(key) for key in place if key.isdecimal()), default=-1))
