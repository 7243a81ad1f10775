"""Which setting of an incoming a refusal of its store is about, and which field of the store was probably meant."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from ...incoming.model import Incoming
from ...magento.criteria import is_searched_field
from ...magento.diagnosis import Finding
from ...magento.keyset import Keyset
from ...magento.misread_criteria import placed_parameters
from ...magento.projection import PARAMETER
from ...magento.search_criteria import SearchCriteria
from ...misspelling import did_you_mean

_SETTINGS = {
    "filter": "",
    "method": "request.method",
    "page-size": "pagination.page-size",
    "parameters": "request.parameters",
    "uri": "request.uri",
}
"""By the setting that the diagnosis names: that of an incoming; "" where it has none."""
_SEARCH_TOO_LONG = ("limit-items", "uri-too-long")


async def at_setting(finding: Finding, incoming: Incoming, known: Callable[[], Awaitable[Sequence[str]]]) -> Finding:
    """The finding of a refused list, at the setting of the incoming that has caused it.

    `known` returns the fields that the list can be searched by, as far as the store says; it may send a request.
    """
    searched = settings_by_field(incoming)
    if setting := searched.get(finding.named):
        suggestion = did_you_mean(finding.named, await known())
        remedy = f"Correct {setting}{suggestion}" if suggestion else f"Correct {setting}. {finding.remedy}"
        return replace(finding, field=setting, remedy=remedy)
    if finding.id == "store-error" and searched:
        names = await known()
        unknown = next((each for each in searched if names and each not in names), "")
        if unknown:
            setting, suggestion = searched[unknown], did_you_mean(unknown, names)
            likely = f"Probably it has no field {unknown!r} to search by: correct {setting}{suggestion or '.'}"
            return replace(finding, field=setting, remedy=f"{likely} Otherwise: {finding.remedy}")
    if finding.id == "fields":
        places = [each.place for each in placed_parameters(incoming.request) if each.name == PARAMETER]
        return replace(finding, field=next((f"request.{place[0]}" for place in places if place), ""))
    if finding.id in _SEARCH_TOO_LONG and incoming.request.where:
        return replace(finding, field="request.where")
    return replace(finding, field=_SETTINGS.get(finding.field, finding.field))


def settings_by_field(incoming: Incoming) -> dict[str, str]:
    """The fields by which an incoming searches and sorts, each with the first setting that names it."""
    found: dict[str, str] = {}
    placed = [each for each in placed_parameters(incoming.request) if each.place and is_searched_field(each.name)]
    for each in sorted(placed, key=lambda each: each.place[0] != "where"):
        found.setdefault(each.value, f"request.{each.place[0]}")
    pagination, incremental = incoming.pagination, incoming.incremental
    if isinstance(pagination, Keyset):
        found.setdefault(pagination.filter, "pagination.filter")
    if isinstance(pagination, SearchCriteria) and pagination.order:
        found.setdefault(pagination.order, "pagination.order")
    if incremental is not None and incremental.field:
        found.setdefault(incremental.field, "incremental.field")
    return found
