"""Value list: the request contains a list of identifiers, as Magento's price routes do: {"skus": [...]}."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from pydantic import Field

from ...client.model import RequestTemplate, with_parameters
from ...templates import Json, Scope, render
from ..lookup import Lookup, LookupLimits, LookupRequest, Wanted, by_value


class ValueList(Lookup):
    """Value list: sends the values of a field as a list, in a parameter of the request."""

    kind: Literal["value-list"] = "value-list"
    field: str = Field(min_length=1, title="Field", description="The field of an entity.", examples=["sku"])
    parameter: str = Field(
        min_length=1, title="Parameter", description="The parameter that contains the list.", examples=["skus"]
    )
    size: int = Field(1_000, ge=1, le=10_000, title="Size", description="Values in one request.")

    def requests(
        self, template: RequestTemplate, wanted: Sequence[Wanted], limits: LookupLimits, run: Mapping[str, Json]
    ) -> Iterator[LookupRequest]:
        groups = list(by_value(wanted, self.field).items())
        size = min(self.size, limits.values)
        for start in range(0, len(groups), size):
            chunk = groups[start : start + size]
            scope = Scope(run=run)
            given = render(template.parameters, scope)
            others = given if isinstance(given, dict) else {}
            parameters: dict[str, Json] = {**others, self.parameter: [value for value, _ in chunk]}
            request = with_parameters(template.request(scope), parameters)
            yield LookupRequest(request, tuple(each for _, entities in chunk for each in entities), len(chunk))

    def reads(self) -> Sequence[str]:
        return [self.field]
