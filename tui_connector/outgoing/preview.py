"""What a run would send first, for `--dry-run`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..client.message import RequestFailed
from ..client.session import Session
from ..errors import InvalidValue
from ..templates import Json
from .model import Outgoing
from .new_tasks import new_task
from .source import BadEntity, EntitySource, Source, SourceContext

if TYPE_CHECKING:
    from .bulk import Delivery

_SAMPLES = 3
"""Requests that are shown."""


@dataclass(frozen=True, slots=True)
class OutgoingPreview:
    """What a run would send first."""

    source: str
    requests: tuple[str, ...]
    """Each as method, URI and body."""
    problems: tuple[str, ...] = ()
    """Entities among the first whose request cannot be made, and why."""


def first_requests(
    source: EntitySource,
    context: SourceContext,
    outgoing: Outgoing,
    delivery: Delivery | None,
    session: Session,
    values: dict[str, Json],
) -> OutgoingPreview:
    """The requests for the first entities; `values` is what `@{…}` reads. Sends nothing. Blocks. Raises `UserError`."""
    entities: list[Json] = []
    problems: list[str] = []
    for read in source.open(context):
        task = new_task(read, outgoing.identifier, session.mask)
        if task.state == "failed" or isinstance(read, BadEntity):
            problems.append(f"line {read.line}: {task.reason}")
        else:
            entities.append(read.data)
        if len(entities) + len(problems) >= _SAMPLES * outgoing.batch:
            break
    requests = []
    step, template = next(iter(outgoing.requests.items()))
    size = outgoing.batch if delivery is None else delivery.size
    for start in range(0, len(entities), size):
        some = entities[start : start + size]
        try:
            if delivery is not None:
                request = delivery.request(some, values)
            else:
                request = template.request(outgoing.scope(some, {**values, **({"steps": {}} if step else {})}))
            prepared = session.prepared(outgoing.client, request)
        except (InvalidValue, RequestFailed) as error:
            problems.append(str(error))
            continue
        body = session.mask.body(prepared.body, "application/json").decode("utf-8", "replace")
        line = f"{prepared.method} {session.mask.uri(prepared.uri)}"
        requests.append(f"{line}\n{body}" if body else line)
    return OutgoingPreview(_described(source), tuple(requests), tuple(problems))


def _described(source: EntitySource) -> str:
    """The source for the user, such as "csv stock.csv"."""
    if not isinstance(source, Source):
        return "plan"
    described = source.model_dump(exclude_none=True, exclude_defaults=True, exclude={"kind"})
    words = [*source.reads(), *(value for value in described.values() if isinstance(value, str))]
    return " ".join([source.kind, *dict.fromkeys(words)])
