"""What the templates of a request read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeAlias

from ..client.model import RequestTemplate
from ..templates import DataPath, Json, run_paths_read

RUN, STEPS, ENTITY = "run", "steps", "entity"
"""What `@{…}` and `when` read in an outgoing: the run, the responses of earlier steps, and the entity or the batch."""


Place: TypeAlias = tuple[str | int, ...]
"""Where something is, from the outgoing or from one of its requests on."""


class Misread(NamedTuple):
    """What is wrong at a place of a configuration; where it names something unknown, that name and those there are."""

    place: Place
    message: str
    wanted: str = ""
    known: Sequence[str] = ()


def read_by(request: RequestTemplate) -> Iterator[tuple[Place, DataPath]]:
    """What the request reads of the run, each with its place in it."""
    for place, text in templates(request):
        for names in sorted(run_paths_read(text)):
            yield place, names


def templates(request: RequestTemplate) -> Iterator[tuple[Place, str]]:
    """The texts of a request that may hold placeholders, each with its place in it."""
    written: Json = {"uri": request.uri, "parameters": request.parameters, "headers": dict(request.headers)}
    return _texts(written, ())


def _texts(value: Json, place: Place) -> Iterator[tuple[Place, str]]:
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, dict | list):
        for step, inside in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _texts(inside, (*place, step))
