"""The requests that an outgoing would send for a sample entity. Nothing is sent."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from ...client.message import Request
from ...client.printer import path_and_query, request_target
from ...client.session import Session
from ...errors import InvalidValue
from ...outgoing.chain import ChainStep
from ...outgoing.model import Outgoing
from ...templates import Json


@dataclass(frozen=True, slots=True)
class SampleRequest:
    """A request as it would be sent for the sample, or the reason why it cannot be shown."""

    step: str
    """The step's name, "" for a single request."""
    when: str
    template: str
    """Method and URI as in the profile."""
    request: Request | None = None
    reason: str = ""
    is_invalid: bool = False
    """Whether the sample or the template is the reason."""

    @property
    def line(self) -> str:
        """The request or the reason in one line."""
        name = f"{self.step}: " if self.step else ""
        if self.request is None:
            return f"{name}{self.template if not self.is_invalid else ''} {self.reason}"
        return f"{name}{self.request.method} {path_and_query(self.request.uri)}"


def sample_requests(
    outgoing: Outgoing, session: Session, sample: Json, run: dict[str, Json]
) -> Iterator[SampleRequest]:
    """The requests for the sample. Raises `RequestFailed` if the client cannot send any."""
    earlier: list[str] = []
    steps = {step.name: step for step in outgoing.steps}
    for name, template in outgoing.requests.items():
        step = steps.get(name)
        when = (step.when if step else None) or ""
        shown = SampleRequest(name, when, f"{template.method.upper()} {template.uri}")
        try:
            reason = _reason_not_shown(step, earlier, outgoing, sample, run) if step else ""
            if not reason:
                request = session.prepared(outgoing.client, outgoing.request_for(sample, run, name))
                shown = replace(shown, request=request)
        except InvalidValue as error:
            reason, shown = str(error), replace(shown, is_invalid=True)
        yield replace(shown, reason=reason)
        earlier.append(name)


def _reason_not_shown(
    step: ChainStep, earlier: list[str], outgoing: Outgoing, sample: Json, run: dict[str, Json]
) -> str:
    """Why the step's request cannot be shown for this sample; "" if it can."""
    if step.is_skipped(outgoing.scope([sample], run)):
        return "is skipped for this sample"
    needed = step.required_steps(earlier)
    if not needed:
        return ""
    plural = "s" if len(needed) > 1 else ""
    return f"needs the response{plural} of step{plural} {', '.join(needed)}"


def as_text(shown: Iterable[SampleRequest]) -> str:
    """The requests as text, with indented bodies; steps under their names."""
    lines: list[str] = []
    for number, each in enumerate(shown, 1):
        if each.step:
            lines.append(f"  {number} {each.step}" + (f" · when {each.when}" if each.when else ""))
        indent = "    " if each.step else "  "
        if each.request is not None:
            lines += [indent + line for line in _lines(each.request)]
        else:
            lines += [f"{indent}{each.template}", f"{indent}{'✘' if each.is_invalid else '…'} {each.reason}"]
    return "\n".join(lines)


def _lines(request: Request) -> list[str]:
    try:
        body = json.dumps(json.loads(request.body), indent=2, ensure_ascii=False)
    except ValueError:
        body = request.body.decode("utf-8", "replace")
    headers = [f"{header}: {value}" for header, value in request.headers]
    return [f"{request.method} {request_target(request.uri)}", *headers, *body.splitlines()]
