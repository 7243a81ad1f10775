"""Fields of Magento's lists that an incoming searches, sorts or reads by, and that are probably not meant."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from pydantic import ValidationError

from ..client.criteria_rows import CONDITION_TYPES
from ..client.model import RequestTemplate
from ..magento.criteria import is_searched_field
from ..magento.entities.search_fields import listed_by, usual_fields
from ..magento.misread_criteria import placed_parameters
from ..magento.projection import PARAMETER, names_at
from ..misspelling import MISSPELT, most_similar
from .model import ModelPath
from .positions import value_at

_NEARLY = 0.7
"""The similarity above which a field is a misspelt one."""
_CHANGED = ("incremental", "field")
_SEARCHED = (_CHANGED, ("pagination", "filter"), ("pagination", "order"))
_OF_ITEMS = (("identifier",), ("pagination", "field"))
_ITEMS = "items"
_PLACEHOLDER = re.compile(r"[&?@]\{|\0")


class MisspeltField(NamedTuple):
    """A field that a setting of an incoming names."""

    place: ModelPath
    """Of the setting, in the incoming."""
    name: str
    meant: str
    value: str | None
    """The setting as it was meant; None where it is more than the field."""
    is_date: bool = False
    """Whether it has another name than the date of the last change, and is not misspelt."""

    def __str__(self) -> str:
        if self.is_date:
            return f"no field {self.name} of this list is known; its date of the last change is {self.meant}"
        return f"no field {self.name} of this list is known: did you mean {self.meant!r}?"


def misspelt_fields(incoming: Mapping[str, Any], uri: str) -> Iterator[MisspeltField]:
    """The fields that are nearly, and not, those of the list at `uri`, which is relative to the base URI.

    Of the date of the last change, any that is not one of these: other fields may be attributes of this store.
    Of `fields`, which may name any other field of the items, only those that are misspelt for sure.
    """
    searched, entity = usual_fields(uri), listed_by(uri)
    if entity is None or uri.partition("?")[0].strip("/") != entity.path:
        return
    in_items = (*searched, *filter(None, (entity.field, entity.identifier)))
    for places, known in ((_SEARCHED, searched), (_OF_ITEMS, in_items)):
        for place in places:
            name = value_at(incoming, place)
            if isinstance(name, str) and (meant := _meant(name, known)):
                yield MisspeltField(place, name, meant, meant)
            elif place == _CHANGED and isinstance(name, str) and entity.cursor and _is_unknown(name, known):
                yield MisspeltField(place, name, entity.cursor, entity.cursor, is_date=True)
    try:
        request = RequestTemplate.model_validate({"uri": uri, **(value_at(incoming, ("request",)) or {})})
    except (ValidationError, TypeError):  # whose problems are said
        return
    for each in placed_parameters(request):
        at: ModelPath = ("request", *each.place)
        if is_searched_field(each.name) and (meant := _meant(each.value, searched)):
            row = value_at(incoming, at) if each.place[0] == "where" else None
            wanted = _with_field(row, each.value, meant) if isinstance(row, str) else None
            yield MisspeltField(at, each.value, meant, wanted)
        elif each.name == PARAMETER:
            for name in names_at(each.value, [_ITEMS]):
                if meant := _meant(name, in_items, MISSPELT):
                    yield MisspeltField(at, name, meant, None)


def _with_field(row: str, name: str, meant: str) -> str:
    """The row with another field before its conditions."""
    condition = rf"(?=\s+(?:{'|'.join(CONDITION_TYPES)})(?!\S))"
    return re.sub(rf"(?<![\w.'\"]){re.escape(name)}{condition}", meant, row, flags=re.IGNORECASE)


def _meant(name: str, known: Collection[str], above: float = _NEARLY) -> str:
    return most_similar(name, known, above) if _is_unknown(name, known) else ""


def _is_unknown(name: str, known: Collection[str]) -> bool:
    return name not in known and not _PLACEHOLDER.search(name)
