"""Parameters of a query that Magento ignores or refuses, as their names are not those of its search criteria."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import unquote_plus

from ...misspelling import MISSPELT, most_similar
from ..rest_api import ApiPath

CRITERIA_ROOTS = ("searchCriteria", "search_criteria")
"""The name of the PHP parameter, and the other spelling that Magento accepts
(Magento\\Framework\\Webapi\\ServiceInputProcessor::process)."""
_FIELDS = "fields"
"""Chooses the fields of a response; a schema does not name it."""
_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_KEY = re.compile(r"\[([^\[\]]*)\]")
_CRITERIA = ("pageSize", "currentPage", "sortOrders", "filter_groups", "requestName")
_IN_ORDER, _IN_FILTER = ("field", "direction"), ("field", "value", "condition_type")
_OF_OTHERS = {
    **dict.fromkeys(("limit", "size", "perpage", "rows", "count"), "pageSize"),
    **dict.fromkeys(("page", "pagenumber", "pageno"), "currentPage"),
}
"""Names that other REST APIs have for the same, and Magento's."""


def _plain(name: str) -> str:
    """The name without what its spellings differ in."""
    return re.sub(r"[\s_.-]", "", name).lower()


_PLAIN_CRITERIA = {_plain(name): name for name in _CRITERIA}
_PLAIN_ROOT = _plain(CRITERIA_ROOTS[0])


def why_ignored(line: str, known: ApiPath | None = None) -> str:
    """Why Magento ignores or refuses this parameter, with what is probably meant; "" where it may accept it.

    `known`: what the path accepts, if that is known.
    """
    name, _, value = line.partition("=")
    name = unquote_plus(name)
    if known is not None and name.partition("[")[0] in known.parameters:
        return ""
    root, keys, is_whole = _split(name)
    plain = _plain(root)
    if not plain.startswith(_PLAIN_ROOT):
        return _about_bare(line, root, [root, *keys], value, known)
    inside = plain.removeprefix(_PLAIN_ROOT)  # as in searchCriteria.pageSize
    keys = [*filter(None, [inside]), *keys]
    meant = _meant(keys)
    if is_whole and root in CRITERIA_ROOTS and (not keys or (meant is not None and _is_same(keys, meant))):
        return ""
    if not keys:
        hint = f"; did you mean: {CRITERIA_ROOTS[0]}={value}"
    elif meant is not None:
        hint = f"; did you mean: {_line(meant, value)}"
    else:
        hint = f"; Magento has {', '.join(_CRITERIA[:3])} and {_CRITERIA[3]} in {CRITERIA_ROOTS[0]}[…]"
    return f"“{unquote_plus(line)}” is not a search criterion of Magento{hint}"


def second_spelling(line: str, spellings: dict[str, str]) -> str:
    """Why Magento ignores this search criterion beside one of another spelling; "" where it does not.

    `spellings`: those of the lines before, to which that of this line is added.
    """
    root, keys, _ = _split(unquote_plus(line.partition("=")[0]))
    if root not in CRITERIA_ROOTS:
        return ""
    for each in (root, *(key for key in keys[:1] if _plain(key) in _PLAIN_CRITERIA)):
        if (first := spellings.setdefault(_plain(each), each)) != each:
            return (
                f"“{unquote_plus(line)}” has another spelling than the lines before: use only one of {first} and {each}"
            )
    return ""


def _about_bare(line: str, name: str, keys: Sequence[str], value: str, known: ApiPath | None) -> str:
    """Of a parameter outside search criteria that has the name of one of them."""
    is_criterion = _plain(name) in _PLAIN_CRITERIA.keys() - {"requestname"}
    is_of_others = known is not None and known.is_searched and _plain(name) in _OF_OTHERS and len(keys) == 1
    if not is_criterion and not is_of_others:
        return _about_misspelt(line, name, known)
    meant = _meant(keys)
    hint = (
        f"; did you mean: {_line(meant, value)}"
        if meant is not None
        else f": it is read in {CRITERIA_ROOTS[0]}[…] only"
    )
    return f"Magento ignores “{unquote_plus(line)}”{hint}"


def _about_misspelt(line: str, name: str, known: ApiPath | None) -> str:
    """Of a parameter whose name is nearly that of one which the path accepts."""
    accepted = (*(known.parameters if known is not None else ()), _FIELDS)
    meant = most_similar(name, accepted, MISSPELT) if name not in accepted else ""
    if not meant:
        return ""
    return f"Magento has no parameter {name} here; did you mean: {meant}{unquote_plus(line)[len(name) :]}"


def _split(name: str) -> tuple[str, list[str], bool]:
    """The name before the brackets, what is in each of them, and whether that is all."""
    match = _NAME.match(name)
    if match is None:
        return name, [], False
    if match.end() == len(name):
        return match[1], _KEY.findall(match[2]), True
    return match[1], [*filter(None, re.split(r"[\[\]]", name[match.end(1) :]))], False


def _meant(keys: Sequence[str]) -> list[str] | None:
    """The keys as Magento names them, with the numbers that are missing; None where that is not known."""
    first, *rest = keys or [""]
    if _plain(first) in ("filters", "filter"):
        first, rest = "filter_groups", ["0", *keys]
    name = _PLAIN_CRITERIA.get(_plain(first)) or _OF_OTHERS.get(_plain(first))
    name = name or _PLAIN_CRITERIA.get(most_similar(_plain(first), _PLAIN_CRITERIA) or "")
    if name in ("pageSize", "currentPage", "requestName"):
        return None if rest else [name]
    if name == "sortOrders":
        rest = ["0", *rest] if len(rest) == 1 else rest
        field = _one_of(rest[1], _IN_ORDER) if len(rest) == 2 else None
        return None if field is None else [name, rest[0], field]
    if name == "filter_groups":
        if len(rest) == 2:
            rest = [rest[0], "filters", "0", rest[1]]
        elif len(rest) == 3:
            rest = [*rest[:2], "0", rest[2]]
        if len(rest) >= 4 and _plain(rest[1]) in ("filters", "filter"):
            field = _one_of(rest[3], _IN_FILTER)
            if field == "value" or (field is not None and len(rest) == 4):  # a value may be a list
                return [name, rest[0], "filters", rest[2], field, *rest[4:]]
    return None


def _one_of(typed: str, names: Sequence[str]) -> str | None:
    plain: Mapping[str, str] = {_plain(name): name for name in names}
    return plain.get(_plain(typed)) or plain.get(most_similar(_plain(typed), plain) or "")


def _is_same(keys: Sequence[str], meant: Sequence[str]) -> bool:
    """Whether Magento reads these keys like those: camel case is the same as snake case."""
    return [*map(_snake, keys)] == [*map(_snake, meant)]


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda found: f"_{found[1].lower()}", name)


def _line(keys: Sequence[str], value: str) -> str:
    """The line to write: in short, where that is a number of a page."""
    if value.isdecimal() and keys[0] in ("pageSize", "currentPage"):
        return f"{value} per page" if keys[0] == "pageSize" else f"page {value}"
    return f"{CRITERIA_ROOTS[0]}{''.join(f'[{key}]' for key in keys)}={value}"
