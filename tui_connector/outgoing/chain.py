"""A chain: consecutive requests for each entity, of which later ones use the responses of earlier ones."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Annotated

from pydantic import AfterValidator, Field

from ..client.model import RequestTemplate
from ..kinds import Model
from ..runs.inconsistency import Inconsistency, Place
from ..runs.request_templates import ENTITY, RUN, STEPS, paths_in
from ..templates import Budget, DataPath, Scope, expression, paths_read
from ..templates.expression import ExpressionText, is_truthy

RESPONSE = ("status", "headers", "body")
"""The parts of a step's response: a number, values by lower-case names, and JSON or text."""


def _name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,63}", name):
        raise ValueError(f"{name[:80]!r} cannot be read as @{{{STEPS}.NAME}}: use letters, digits and _, 64 at most")
    return name


class ChainStep(Model):
    """A step of a chain: a request, and the condition to send it.

    Later steps can use its response. An unexpected response fails the entity and ends its chain.
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

    def required_steps(self, earlier: Sequence[str]) -> list[str]:
        """The names of the earlier steps whose responses the request uses; those in `when` are not included."""
        found = [names for _, names in paths_in(self.request)]
        return [name for name in earlier if any(_reads_step(name, names) for names in found)]

    def is_skipped(self, scope: Scope) -> bool:
        """Whether `when` is false for this entity; False if that depends on a response. Raises `InvalidValue`."""
        if self.when is None:
            return False
        compiled = expression.Expression.compile(self.when)
        if any(names[:1] in ((), (STEPS,)) for names in paths_read(compiled)):
            return False
        return not is_truthy(compiled.find(dict(scope.run), Budget())[0])

    def applies(self, scope: Scope) -> bool:
        """Whether the step is to be sent, given the responses so far. Raises `InvalidValue`."""
        if self.when is None:
            return True
        compiled = expression.Expression.compile(self.when)
        return is_truthy(compiled.find(dict(scope.run), Budget())[0])


def _reads_step(step: str, names: DataPath) -> bool:
    return names in ((), (STEPS,)) or names[:2] == (STEPS, step)


def inconsistencies(request: RequestTemplate | None, steps: Sequence[ChainStep]) -> Iterator[Inconsistency]:
    """Duplicate names of steps, and placeholders that use an unknown name or a later step."""
    for place, names in paths_in(request) if request is not None else ():
        if wrong := _unknown_name(names, [], []):
            yield Inconsistency(("request", *place), *wrong)
    every = [step.name for step in steps]
    for index, step in enumerate(steps):
        earlier = every[:index]
        if step.name in earlier:
            yield Inconsistency((STEPS, index, "name"), f"an earlier step is also named {step.name!r}")
        for place, names in _paths_read_by(step):
            if wrong := _unknown_name(names, earlier, every):
                yield Inconsistency((STEPS, index, *place), *wrong)


def _unknown_name(
    names: DataPath, earlier: Sequence[str], every: Sequence[str]
) -> tuple[str, str, Sequence[str]] | None:
    """What is wrong, the unknown name, and the existing ones; None if nothing is wrong."""
    match names:
        case [first, *_] if first not in (RUN, STEPS, ENTITY):
            return f"the run has no {first!r}", first, (RUN, STEPS, ENTITY)
        case ["steps", *_] if not earlier:
            return "no step comes before this request, so there is no response to read", "", ()
        case ["steps", name, *_] if name not in earlier and name in every:
            return f"the step {name!r} does not come before this one", "", ()
        case ["steps", name, *_] if name not in earlier:
            return f"unknown step {name!r}", name, earlier
        case ["steps", _, part, *_] if part not in RESPONSE:
            return f"a response has no {part!r}", part, RESPONSE
    return None


def _paths_read_by(step: ChainStep) -> Iterator[tuple[Place, DataPath]]:
    if step.when is not None:
        for names in sorted(paths_read(expression.Expression.compile(step.when))):
            yield ("when",), names
    for place, names in paths_in(step.request):
        yield ("request", *place), names
