"""Outgoing configurations, which send entities to the store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, ValidationInfo, field_validator

from ..client.message import Request
from ..client.model import ClientName, RequestTemplate
from ..client.spans import Span
from ..kinds import Named, NotCompared
from ..runs.inconsistency import Inconsistency
from ..runs.request_templates import ENTITY, RUN, paths_in
from ..templates import Json, Scope
from . import bulk_routes
from .chain import ChainStep, inconsistencies
from .comparison import Comparison
from .source import OtherProfile, Source


class Outgoing(Named):
    """An outgoing configuration: sends entities to the store, each by one request or by a chain of them."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["request"]}, {"required": ["steps"]}]})

    client: ClientName = Field(title="HTTP client", description="The client that sends the requests.")
    source: Source | None = Field(None, title="Source", description="Source of the entities.")
    identifier: str | None = Field(None, title="Identifier", description="The field that identifies an entity.")
    batch: int = Field(
        1,
        ge=1,
        le=1_000,
        title="Batch",
        description="Entities per request. Above 1, placeholders read the list of them: &{[*].sku}.",
    )
    steps: list[ChainStep] = Field(
        default_factory=list,
        min_length=1,
        max_length=20,
        title="Steps",
        description="Instead of request: the requests sent one after the other for each entity or batch.",
    )
    request: RequestTemplate | None = Field(
        None,
        validate_default=True,
        title="Request",
        description="The request sent for each entity or batch.",
    )
    send: Annotated[Literal["changed", "all"], NotCompared] = Field(
        "changed",
        title="Entities to send",
        description='"changed": only those that differ from what the store has, which needs Compare. "all": every one.',
    )
    repeatable: Annotated[bool | None, NotCompared] = Field(
        None,
        title="Safe to send twice",
        description="Whether sending an entity twice does no harm. It is then sent again after a timeout, when nobody "
        "knows whether the store received it. Default: as known for the preset in Compare, otherwise no.",
    )
    keep: Annotated[Literal["failed", "all", "none"], NotCompared] = Field(
        "failed",
        title="Keep after the run",
        description="Which entities stay on this computer after the run, to be looked at and sent again: those that "
        "failed, all, or none.",
    )
    max_changes: Annotated[int | None, NotCompared] = Field(
        None, ge=0, title="Maximum changes", description="A run that would change more entities than this is refused."
    )
    patience: Annotated[Span, NotCompared] = Field(
        "5m",
        title="Wait for the store",
        description="How long a run waits for a store that is in maintenance or does not respond, before it stops.",
    )

    delivery: Literal["single", "async", "bulk"] = Field(
        "single",
        title="Processing by the store",
        description='"single": the store processes each request before it responds. "async": it queues each request '
        'and processes it later. "bulk": the same, with many entities in a request. The run waits for the results.',
    )
    compare: Annotated[Comparison | None, NotCompared] = Field(
        None,
        title="Compare",
        description="How current values are read from the store: for plans, for undo, and to send only what changes.",
        examples=[{"preset": "stock"}],
    )

    @field_validator("request")
    @classmethod
    def _or_steps(cls, request: RequestTemplate | None, info: ValidationInfo) -> RequestTemplate | None:
        steps = info.data.get("steps")  # None if they are invalid
        if request is None and steps == []:
            raise ValueError("is missing; use steps instead to send several")
        if request is not None and steps:
            raise ValueError("cannot be combined with steps: remove one of them")
        return request

    @property
    def requests(self) -> dict[str, RequestTemplate]:
        """The requests in order, by the names of their steps; the name of a single request is ""."""
        return {step.name: step.request for step in self.steps} if self.request is None else {"": self.request}

    def other_profile(self, environment: str) -> OtherProfile | None:
        """The other profile that its source reads in a run with this environment, if there is one."""
        return None if self.source is None else self.source.other_profile(environment)

    def request_for(self, entity: Json, run: dict[str, Json], step: str = "") -> Request:
        """The request of this step for an entity, before the client's plugins. Raises `PlaceholderError`.

        With a batch larger than one, the template gets a list of entities. `run` also contains the responses of earlier
        steps.
        """
        return self.requests[step].request(self.scope([entity], run))

    def scope(self, entities: Sequence[Json], run: dict[str, Json]) -> Scope:
        """The values of placeholders for entities that are sent together: a list, unless the batch is 1."""
        data: Json = list(entities) if self.batch > 1 else entities[0]
        return Scope(data, {**run, ENTITY: data})

    def inconsistencies(self) -> Iterator[Inconsistency]:
        """See `chain.inconsistencies`; a comparison can only read the run."""
        yield from inconsistencies(self.request, self.steps)
        yield from bulk_routes.inconsistencies(self.delivery, self.request)
        written = self.compare.request if self.compare is not None else None
        for place, names in paths_in(written) if written is not None else ():
            if names and names[0] != RUN:
                message = f"a comparison has no {names[0]!r}"
                yield Inconsistency(("compare", "request", *place), message, names[0], (RUN,))
