"""What an outgoing would send for a sample entity, request by request. Nothing is sent."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from ..client.message import Request
from ..client.printer import path_and_query
from ..client.session import Session
from ..errors import InvalidValue
from ..outgoing.chain import ChainStep
from ..outgoing.model import Outgoing
from ..templates import Json


@dataclass(frozen=True, slots=True)
class SampleRequest:
    """A request as it would be sent for the sample; without one, why there is none."""

    step: str
    """The step's name; a single request has none."""
    when: str
    written: str
    """Method and URI as the profile has them."""
    request: Request | None = None
    why: str = ""
    wrong: bool = False
    """Whether it is the sample or the template that is in the way."""

    @property
    def line(self) -> str:
        """The request, or why there is none, in one line."""
        name = f"{self.step}: " if self.step else ""
        if self.request is None:
            return f"{name}{self.written if not self.wrong else ''} {self.why}"
        return f"{name}{self.request.method} {path_and_query(self.request.uri)}"


def sample_requests(
    outgoing: Outgoing, session: Session, sample: Json, run: dict[str, Json]
) -> Iterator[SampleRequest]:
    """What is sent for the sample. Raises `RequestFailed` where the client cannot send anything."""
    earlier: list[str] = []
    steps = {step.name: step for step in outgoing.steps}
    for name, template in outgoing.requests.items():
        step = steps.get(name)
        when = (step.when if step else None) or ""
        shown = SampleRequest(name, when, f"{template.method.upper()} {template.uri}")
        try:
            why = _not_yet(step, earlier, outgoing, sample, run) if step else ""
            if not why:
                request = session.prepared(outgoing.client, outgoing.request_for(sample, run, name))
                shown = replace(shown, request=request)
        except InvalidValue as error:
            why, shown = str(error), replace(shown, wrong=True)
        yield replace(shown, why=why)
        earlier.append(name)


def _not_yet(step: ChainStep, earlier: list[str], outgoing: Outgoing, sample: Json, run: dict[str, Json]) -> str:
    """Why the step's request cannot be shown for this sample; empty where it can."""
    if step.is_skipped(outgoing.scope(sample, run)):
        return "is skipped for this sample"
    needed = step.required_steps(earlier)
    if not needed:
        return ""
    plural = "s" if len(needed) > 1 else ""
    return f"needs the response{plural} of step{plural} {', '.join(needed)}"


def as_text(shown: Iterable[SampleRequest]) -> str:
    """The requests as they would go out, their bodies indented; steps with their names above."""
    lines: list[str] = []
    for number, each in enumerate(shown, 1):
        if each.step:
            lines.append(f"  {number} {each.step}" + (f" · when {each.when}" if each.when else ""))
        indent = "    " if each.step else "  "
        if each.request is not None:
            lines += [indent + line for line in _written(each.request)]
        else:
            lines += [f"{indent}{each.written}", f"{indent}{'✘' if each.wrong else '…'} {each.why}"]
    return "\n".join(lines)


def _written(request: Request) -> list[str]:
    try:
        body = json.dumps(json.loads(request.body), indent=2, ensure_ascii=False)
    except ValueError:
        body = request.body.decode("utf-8", "replace")
    headers = [f"{header}: {value}" for header, value in request.headers]
    return [f"{request.method} {path_and_query(request.uri)}", *headers, *body.splitlines()]
