"""Set default query parameters."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import unquote

from pydantic import AfterValidator, Field

from ...templates import PlaceholderError, RunTemplateText, Scope, Template
from ..layer import Plugin
from ..literal_secrets import reject_literal_query
from ..message import InvalidRequest, Request


def _parameter_name(name: str) -> str:
    if not name or not name.isprintable():
        raise ValueError("a query parameter needs a name, without line breaks or control characters")
    return name


class QueryDefaults(Plugin):
    """Set default query parameters."""

    kind: Literal["query-defaults"] = "query-defaults"
    parameters: Annotated[
        dict[Annotated[str, AfterValidator(_parameter_name)], RunTemplateText], AfterValidator(reject_literal_query)
    ] = Field(
        min_length=1,
        title="Query parameters",
        description="Added to the query if the request has no parameter of this name. "
        "Values may contain @{…}, such as @{run.started_at}.",
        examples=[{"searchCriteria[pageSize]": "100"}],
    )

    def prepare(self, request: Request) -> Request:
        query = request.uri.partition("#")[0].partition("?")[2]
        present = {unquote(part.partition("=")[0]) for part in query.split("&") if part}
        for name, text in self.parameters.items():
            if name not in present:
                request = request.with_query(name, self._value(name, text, request))
        return request

    def _value(self, name: str, text: str, request: Request) -> str:
        try:
            return Template.parse(text).text(Scope(run=request.about.run))
        except PlaceholderError as error:
            raise InvalidRequest(
                f"The plugin {self.kind} cannot make the parameter {name}: {error.reason}",
                hint=f"Its value is written as {text!r}. {error.hint}".rstrip(),
            ) from error
