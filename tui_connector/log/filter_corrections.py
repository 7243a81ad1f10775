"""What was probably meant by a filter that is valid, and finds something else: `status 200`, `stauts >= 400`."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from ..client.message import METHODS
from ..misspelling import MISSPELT, SIMILAR, most_similar, similar_names
from .expressions import IN_TEXT, Filter, Term, is_attribute
from .field_condition import SIGN, FieldCondition
from .filter import BadFilter, PlacedTerm, named_in, placed_terms
from .operators import CONDITION, OPERATORS, attribute, is_method_or_status, meant_attribute
from .search import comparison_in

_BETWEEN = re.compile(r"[\s&]*")
"""What is between two terms that must both match."""
_SIGN_AND_VALUE = re.compile(rf"({SIGN})\s*(.+)", re.DOTALL)
_FIELD = re.compile(r"[a-z]\w*_\w+", re.IGNORECASE)
"""A word that is the name of a field, such as `entity_id`: no text is written like this."""
_IN_WORDS = re.compile(
    r"(?P<where>where\s+)?(?P<field>[a-z_][\w.]*)\s+(?P<word>is\s+not|is|equals|equal\s+to)\s+(?!null\b|not\b)"
    r"(?P<value>[^\s&|()'\"~!=<>]+|'[^']*'|\"[^\"]*\")(?=\s*(?:$|[&|)]|(?:and|or)\s))",
    re.IGNORECASE,
)
"""A comparison in words, up to the end of what it may be part of."""
_NUMBER = re.compile(r"\d[\d.:-]*")
_WORDS_FOR_FAILURES = ("failed", "failure", "failures", "errors")
_COMPARED = ("status", "time", "size")
"""What is compared where a comparison does not say what: the first one that has such values."""
_VALUES = [word for operator, known in OPERATORS.items() if operator not in IN_TEXT for word in known.names]
"""The words for operators whose values are no texts."""


@dataclass(frozen=True, slots=True)
class Correction:
    """A part of a filter that was probably meant otherwise."""

    is_criterion: bool
    """Whether it finds a search criterion as it is, rather than a text."""
    meant: str
    text: str
    """The whole filter with what was meant."""
    is_certain: bool = False
    """Whether nobody means the words as they are: a name and a value that it has, with no sign between them."""


def corrected(text: str, above: float = SIMILAR, fields: Collection[str] = ()) -> Correction | None:
    """What was probably meant; None for nothing, and for an invalid filter.

    A misspelt name has to be more similar than `above`. `fields`: those that the requests of the log have, as far as
    they are known; a condition on another one was probably meant for one of them.
    """
    try:
        terms = placed_terms(text)
    except BadFilter:
        return None
    for index, each in enumerate(terms):
        following = terms[index + 1] if index + 1 < len(terms) else None
        is_joined = following is not None and _BETWEEN.fullmatch(text[each.end : following.start]) is not None
        meant, end, is_certain = _meant(each, text[each.start : each.end], above, fields), each.end, False
        if not meant and (found := _IN_WORDS.match(text, each.start)) is not None and each.is_word:
            meant, end, is_certain = _in_words(found, above, fields)
        if not meant and is_joined and following is not None and each.is_word and _is_where_before(each, following):
            meant, end, is_certain = text[following.start : following.end], following.end, True
        if not meant and is_joined and following is not None and each.is_word and following.is_word:
            word, value = text[each.start : each.end], text[following.start : following.end]
            meant, end = _pair(word, value, above, fields), following.end
            is_certain = meant.startswith(f"{word} ") and word.lower() in _VALUES
        if meant:
            is_criterion = isinstance(each.term, Term) and each.term.operator == CONDITION
            return Correction(is_criterion, meant, text[: each.start] + meant + text[end:], is_certain)
    return None


def applied(text: str) -> str:
    """The filter to apply for a text that was entered: with what was meant, as far as that is certain."""
    while (found := corrected(text, MISSPELT)) is not None and found.is_certain:
        text = found.text
    return text


def corrected_search(text: str, above: float = SIMILAR, fields: Collection[str] = ()) -> Correction | None:
    """What was probably meant by a search for this text, where it compares something."""
    found = corrected(text, above, fields) if comparison_in(text) is not None else None
    return found if found is not None and comparison_in(found.text) is not None else None


def unknown_field(wanted: Filter, fields: Collection[str]) -> str:
    """The first field that a condition of this filter compares and none of the requests has; "" where there is none."""
    names = (FieldCondition.parse(each.argument).field for each in wanted.conditions)
    return next((name for name in names if not _is_known(name, fields)), "")


def _is_known(name: str, fields: Collection[str]) -> bool:
    folded = name.casefold()
    return any(folded == each.casefold() for each in fields) or "[" in name


def _near_field(name: str, above: float, fields: Collection[str]) -> str:
    """The field that was probably meant by one that none of the requests has; "" where that is not known."""
    return "" if _is_known(name, fields) else most_similar(name, sorted(fields), above)


def _meant(placed: PlacedTerm, typed: str, above: float, fields: Collection[str]) -> str:
    """What was meant by one term: a misspelt name, or a comparison of what it does not say."""
    term = placed.term
    if not isinstance(term, Term) or not (placed.is_word or term.operator == CONDITION):
        return ""
    if term.operator == CONDITION:
        condition = FieldCondition.parse(term.argument)
        written = term.argument if typed.startswith("~") else typed  # as a filter that was parsed is printed
        rest = written[len(condition.field) :]
        if is_attribute(term):
            return ""
        if is_method_or_status(condition.field):
            name = _compared(condition.sign, condition.value)
            return f"{condition.field} {name} {rest.strip()}" if name else ""
        if fields and _is_known(condition.field, fields):
            return ""
        name = meant_attribute(condition.field, condition.sign, condition.value, MISSPELT)
        name = name or _near_field(condition.field, above, fields)
        name = name or meant_attribute(condition.field, condition.sign, condition.value, above)
        return f"{name}{rest}" if name else ""
    if typed.casefold() in _WORDS_FOR_FAILURES:
        return "~e"
    if compared := _SIGN_AND_VALUE.fullmatch(typed):
        name = _compared(compared[1], compared[2])
        return f"{name} {typed}" if name else ""
    named = named_in(term)
    name = meant_attribute(*named, above) if named is not None else ""
    return f"{name}{typed[len(named[0]) :]}" if name and named is not None else ""


def _is_where_before(word: PlacedTerm, following: PlacedTerm) -> bool:
    """Whether this is the word "where" before a comparison, as in other languages and in the detail of a request."""
    is_where = isinstance(word.term, Term) and word.term.argument.lower() == "where"
    return is_where and not following.is_word


def _in_words(found: re.Match[str], above: float, fields: Collection[str]) -> tuple[str, int, bool]:
    """What was meant by a comparison in words, such as `where lastname is Doe`; where it ends; whether that is certain.

    Certain is what nobody means as texts: with "where" before it, or with the name of a field.
    """
    field, sign = found["field"], "!=" if found["word"].lower().endswith("not") else "="
    near = _near_field(field, above, fields) or field
    is_field = _is_known(near, fields) or _FIELD.fullmatch(near) is not None
    is_certain = found["where"] is not None or is_field
    if not is_certain and field.lower() not in _COMPARED and not found["word"].lower().startswith("equal"):
        return "", 0, False
    return f"{near} {sign} {found['value']}", found.end(), is_certain


def _compared(sign: str, value: str) -> str:
    return next((name for name in _COMPARED if attribute(name, sign, value) is not None), "")


def _pair(word: str, value: str, above: float, fields: Collection[str]) -> str:
    """What was meant by a name and a value without a sign between them; "" for two texts."""
    for name in _names_like(word):
        for sign in ("=", ">"):
            found = attribute(name, sign, value)
            if found is not None and found[0] not in IN_TEXT and (found[0] != "~m" or value.upper() in METHODS):
                return f"{name} {sign} {value}"
    is_field = _FIELD.fullmatch(word) and _NUMBER.fullmatch(value)
    return f"{_near_field(word, above, fields) or word} = {value}" if is_field else ""


def _names_like(word: str) -> Iterator[str]:
    """The word itself, and names that it is misspelt for."""
    yield word
    if not is_method_or_status(word):
        yield from similar_names(word, _VALUES, len(_VALUES), MISSPELT)
