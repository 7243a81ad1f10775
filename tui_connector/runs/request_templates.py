"""The placeholders of a request template."""

from __future__ import annotations

from collections.abc import Iterator

from ..client.model import RequestTemplate
from ..templates import DataPath, Json, run_paths_read
from .inconsistency import Place

RUN, STEPS, ENTITY = "run", "steps", "entity"
"""The roots of `@{…}` and `when` in an outgoing: the run, the responses of earlier steps, and the entity or batch."""


def paths_in(request: RequestTemplate) -> Iterator[tuple[Place, DataPath]]:
    """The data paths that the request reads of the run, each with its place in the request."""
    for place, text in template_texts(request):
        for names in sorted(run_paths_read(text)):
            yield place, names


def template_texts(request: RequestTemplate) -> Iterator[tuple[Place, str]]:
    """The texts of a request that may contain placeholders, each with its place in the request."""
    written: Json = {
        "uri": request.uri,
        "parameters": request.parameters,
        "where": list(request.where),
        "headers": dict(request.headers),
    }
    return _strings(written, ())


def _strings(value: Json, place: Place) -> Iterator[tuple[Place, str]]:
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, dict | list):
        for step, inside in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _strings(inside, (*place, step))
