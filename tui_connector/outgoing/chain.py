"""A chain: several requests for each entity, one after the other, of which later ones use earlier responses."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Annotated

from pydantic import AfterValidator, Field

from ..client.model import RequestTemplate
from ..kinds import Model
from ..runs.request_templates import ENTITY, RUN, STEPS, Misread, Place, read_by
from ..templates import Budget, DataPath, Scope, expression, paths_read
from ..templates.expression import ExpressionText, is_truthy

ANSWER = ("status", "headers", "body")
"""What is kept of a step's answer: a number, texts by their names in lower case, and JSON or else text."""


def _name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,63}", name):
        raise ValueError(f"{name[:80]!r} cannot be read as @{{{STEPS}.NAME}}: use letters, digits and _, 64 at most")
    return name


class ChainStep(Model):
    """A step of a chain: a request, and when it is sent.

    Its answer is kept for later steps. One that the request does not expect fails the entity, and ends its chain.
    """

    name: Annotated[str, AfterValidator(_name)] = Field(
        title="Name", description="Name used by later steps: @{steps.NAME.body.id}.", examples=["find"]
    )
    when: ExpressionText | None = Field(
        None,
        title="When",
        description="Run the step only if this JMESPath expression is true; otherwise skip it. It can read "
        "steps, entity and run: steps.find.status == `404`.",
        examples=["steps.find.status == `404`"],
    )
    request: RequestTemplate = Field(
        title="Request", description="The request. List a status that decides what comes next as expected, such as 404."
    )

    def waits_for(self, earlier: Sequence[str]) -> list[str]:
        """Which of the earlier steps the request needs the responses of; `when` may need others."""
        found = [names for _, names in read_by(self.request)]
        return [name for name in earlier if any(_is_read(name, names) for names in found)]

    def left_out(self, scope: Scope) -> bool:
        """Whether `when` does not hold for this entity, as far as that can be said without a response.

        Raises `InvalidValue`.
        """
        if self.when is None:
            return False
        compiled = expression.Expression.compile(self.when)
        if any(names[:1] in ((), (STEPS,)) for names in paths_read(compiled)):
            return False
        return not is_truthy(compiled.find(dict(scope.run), Budget())[0])


def _is_read(step: str, names: DataPath) -> bool:
    return names in ((), (STEPS,)) or names[:2] == (STEPS, step)


def misread(request: RequestTemplate | None, steps: Sequence[ChainStep]) -> Iterator[Misread]:
    """What reads something that is not there by then."""
    for place, names in read_by(request) if request is not None else ():
        if wrong := _not_there(names, [], []):
            yield Misread(("request", *place), *wrong)
    every = [step.name for step in steps]
    for index, step in enumerate(steps):
        earlier = every[:index]
        if step.name in earlier:
            yield Misread((STEPS, index, "name"), f"an earlier step is also named {step.name!r}")
        for place, names in _read_by_step(step):
            if wrong := _not_there(names, earlier, every):
                yield Misread((STEPS, index, *place), *wrong)


def _not_there(names: DataPath, earlier: Sequence[str], every: Sequence[str]) -> tuple[str, str, Sequence[str]] | None:
    """What is wrong, the name that is not there, and those that are."""
    match names:
        case [first, *_] if first not in (RUN, STEPS, ENTITY):
            return f"the run has no {first!r}", first, (RUN, STEPS, ENTITY)
        case ["steps", *_] if not earlier:
            return "no step comes before this request, so there is no response to read", "", ()
        case ["steps", name, *_] if name not in earlier and name in every:
            return f"the step {name!r} does not come before this one", "", ()
        case ["steps", name, *_] if name not in earlier:
            return f"unknown step {name!r}", name, earlier
        case ["steps", _, part, *_] if part not in ANSWER:
            return f"a response has no {part!r}", part, ANSWER
    return None


def _read_by_step(step: ChainStep) -> Iterator[tuple[Place, DataPath]]:
    if step.when is not None:
        for names in sorted(paths_read(expression.Expression.compile(step.when))):
            yield ("when",), names
    for place, names in read_by(step.request):
        yield ("request", *place), names
