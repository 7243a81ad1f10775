"""The parts of a request's search criteria that Magento would ignore or misread, without an error of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..client.criteria_rows import parameters_of
from ..client.model import RequestTemplate
from ..templates import Json, Template
from .criteria import (
    UNKNOWN,
    CriteriaParser,
    IgnoredCriterion,
    Parameter,
    Place,
    is_criteria,
    unprefixed_message,
    uri_parameters,
)
from .projection import PARAMETER, bracket_fault


def misread_criteria(
    request: RequestTemplate, *, paged: bool, added: Sequence[str] = ()
) -> Iterator[tuple[Place, str]]:
    """The place and a message for each part of a saved request's criteria that Magento would ignore or misread.

    `paged`: a Magento pagination normalizes the criteria; otherwise they are sent as written, together with the
    parameters `added`.
    """
    if request.method not in ("get", "head"):
        return
    for each in _ignored_among(placed_parameters(request), paged, added):
        yield each.place or ("uri",), each.message


def placed_parameters(request: RequestTemplate) -> list[Parameter]:
    """The parameters of a saved request's query, each with its place; placeholders are replaced by `UNKNOWN`."""
    params = [
        *uri_parameters(_marked(request.uri)),
        *_template_parameters(request.parameters, ("parameters",)),
    ]
    rows = parameters_of(request.conditions, [each.name for each in params])
    return [*params, *(Parameter(name, _marked(value), ("where", row)) for row, name, value in rows)]


def ignored_criteria(uri: str) -> list[str]:
    """A message for each part that Magento would ignore or misread in the criteria of a URI that is sent as typed.

    Raises `InvalidValue` if the URI is ambiguous.
    """
    return [each.message for each in _ignored_among(list(uri_parameters(uri)), paged=False)]


def _ignored_among(params: Sequence[Parameter], paged: bool, added: Sequence[str] = ()) -> Iterator[IgnoredCriterion]:
    parser = CriteriaParser()
    criteria = [each for each in params if is_criteria(each.name)]
    parser.parse([*criteria, *(Parameter(name, UNKNOWN) for name in added if criteria and is_criteria(name))])
    if paged or criteria:
        for each in params:
            if not is_criteria(each.name) and (wrong := unprefixed_message(each.name)):
                yield IgnoredCriterion(each.place, wrong)
    for each in params:
        if each.name == PARAMETER and UNKNOWN not in each.value and (fault := bracket_fault(each.value)):
            yield IgnoredCriterion(each.place, f"{fault}, so that Magento would send no items")
    yield from parser.wrong
    if not paged:
        yield from parser.adjusted


def _template_parameters(value: Json, place: Place, name: str = "") -> Iterator[Parameter]:
    """The parameters in templates of tables and lists, nested as they will be sent."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _template_parameters(item, (*place, key), f"{name}[{key}]" if name else key)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _template_parameters(item, (*place, index), f"{name}[{index}]")
    elif name:
        text = "" if value is None else str(int(value)) if isinstance(value, bool) else str(value)
        yield Parameter(name, _marked(text) if isinstance(value, str) else text, place)


def _marked(text: str) -> str:
    """A template with `UNKNOWN` instead of each placeholder."""
    return "".join(piece if isinstance(piece, str) else UNKNOWN for piece in Template.parse(text).pieces)
