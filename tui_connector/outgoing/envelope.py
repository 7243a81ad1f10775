"""Where an entity is in the parameters of its request; and the reverse: the entity that gives certain parameters."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import TypeAlias

from ..client.model import RequestTemplate
from ..errors import InvalidValue
from ..runs.request_templates import ENTITY, template_texts
from ..templates import Budget, Json, Template, paths_read, render
from ..templates.template import Placeholder
from .comparison import Comparison
from .model import Outgoing

_Path: TypeAlias = tuple[str | int, ...]

_STEP = re.compile(r"([A-Za-z_][A-Za-z0-9_-]*)|\[0\]")


class Envelope:
    """The parameters of an outgoing's request. The entities of a chain are compared as they are."""

    def __init__(self, outgoing: Outgoing, comparison: Comparison, run: Mapping[str, Json]) -> None:
        self._outgoing, self._run = outgoing, dict(run)
        template = outgoing.request
        self._template: RequestTemplate | None = template
        if template is None or template.parameters is None or comparison.sent == "@":
            self._path: _Path | None = ()
        else:
            self._path = _steps(comparison.sent) if comparison.sent else None
        parameters = template.parameters if template is not None else None
        whole = list(parameters.values()) if isinstance(parameters, dict) else [parameters]
        self._as_it_is = whole == ["&{@}"] and comparison.sent != "@"
        """The only parameter is the whole entity, or the list of them."""
        self._sends = _each_once(found for each in outgoing.requests.values() for found in _in_address(each))
        self._looks_up = _each_once(_of_lookup(comparison))
        deletes = _in_address(comparison.delete.request) if comparison.delete is not None else ()
        self.needed = {name for each in (*self._sends, *self._looks_up, *deletes) for name in _fields_read(each)}
        self.needed |= {*(comparison.lookup.reads() if comparison.lookup is not None else ())}
        """Fields that requests read outside the parameters that are sent, such as in the URI."""

    def sent(self, entity: Json) -> dict[str, Json]:
        """The entity as it is sent. Raises `PlaceholderError`, and `InvalidValue` if no object is sent."""
        if self._as_it_is or self._template is None or self._template.parameters is None:
            found = entity
        else:
            found = render(self._template.parameters, self._outgoing.scope([entity], self._run))
            found = _at(found, self._path if self._path is not None else _only_object(found))
        if not isinstance(found, dict):
            raise InvalidValue("sent", "the request contains no object to compare", "Set `sent` in `compare`.")
        return found

    def address(self, entity: Json, data: Mapping[str, Json]) -> Iterator[Json]:
        """What the requests that send and look up an entity read of it in order to name it, such as in their URIs.

        `data`: the entity as it is looked up. A value that it lacks is None.
        """
        if self._sends:
            written = self._outgoing.scope([entity], self._run)
            yield from (_value(each, written.run if each.sigil == "@" else written.data) for each in self._sends)
        yield from (_value(each, self._run if each.sigil == "@" else data) for each in self._looks_up)

    def kept(self, entity: Json) -> dict[str, Json]:
        """The fields of the entity that requests need outside their parameters, such as in the URI."""
        data = entity if isinstance(entity, dict) else {}
        return {name: data[name] for name in sorted(self.needed) if name in data}

    def entity(self, wanted: Mapping[str, Json], kept: Mapping[str, Json]) -> dict[str, Json]:
        """The entity whose request sends `wanted`. Raises `InvalidValue` if the template cannot send it."""
        if self._template is None or self._template.parameters is None:
            return {**kept, **wanted}
        path = self._path
        if path is None:
            parameters = self._template.parameters
            names = list(parameters) if isinstance(parameters, dict) and len(parameters) == 1 else []
            path = (*names, 0) if names and self._outgoing.batch > 1 else tuple(names)
        found: dict[str, Json] = dict(kept)
        _invert(self._template.parameters, path, dict(wanted), found)
        again: Json = None
        with suppress(InvalidValue):
            again = self.sent(found)
        if again != wanted:
            raise InvalidValue(
                "undo-template",
                "the request of this configuration cannot send the former values",
                "Its parameters contain fixed or computed values, or need further fields.",
            )
        return found


def _steps(text: str) -> _Path:
    return tuple(name or 0 for name in _STEP.findall(text))


def _only_object(parameters: Json) -> _Path:
    """The place of the only object in the parameters, or of the only element of the only list."""
    path: _Path = ()
    value = parameters
    if isinstance(value, dict) and len(value) == 1:
        [(name, inside)] = value.items()
        if isinstance(inside, dict | list):
            path, value = (name,), inside
    return (*path, 0) if isinstance(value, list) and len(value) == 1 else path


def _at(value: Json, path: _Path) -> Json:
    for step in path:
        if isinstance(step, str) and isinstance(value, dict):
            value = value.get(step)
        elif isinstance(step, int) and isinstance(value, list) and value:
            value = value[step]
        else:
            return None
    return value


def _of_lookup(comparison: Comparison) -> Iterator[Placeholder]:
    """The placeholders of the requests that are sent for a single entity to read its current values."""
    if comparison.request is not None and comparison.lookup is None:
        yield from (found for _, text in template_texts(comparison.request) for found in _placeholders(text))
    if comparison.detail is not None:
        yield from _in_address(comparison.detail.request)


def _in_address(template: RequestTemplate) -> Iterator[Placeholder]:
    """The placeholders of the URI and of the headers."""
    for text in (template.uri, *template.headers.values()):
        yield from _placeholders(text)


def _placeholders(text: str) -> Iterator[Placeholder]:
    yield from (each for each in Template.parse(text).pieces if isinstance(each, Placeholder))


def _each_once(placeholders: Iterable[Placeholder]) -> list[Placeholder]:
    """Those that read the entity, the same expression once."""
    found = {(each.sigil == "@", each.expression.text): each for each in placeholders}
    return [each for each in found.values() if each.sigil != "@" or any(_fields_read(each))]


def _value(placeholder: Placeholder, data: object) -> Json:
    """What a placeholder reads; None if there is nothing, or it cannot be evaluated."""
    name = placeholder.expression.text
    if isinstance(data, dict) and name.isidentifier():  # most are, and JMESPath takes ten times as long
        found: Json = data.get(name)
        return found
    with suppress(InvalidValue):
        found, _ = placeholder.expression.find(data, Budget())
        return found
    return None


def _fields_read(placeholder: Placeholder) -> Iterator[str]:
    """The top-level fields of an entity that a placeholder reads."""
    for names in paths_read(placeholder.expression):
        if placeholder.sigil == "@":
            names = names[1:] if names[:1] == (ENTITY,) else ()
        if names:
            yield names[0]


def _invert(template: Json, path: _Path, value: Json, into: dict[str, Json]) -> None:
    """Sets the fields of an entity for which `template` gives `value` at `path`."""
    while path and not isinstance(template, str):
        template, path = _at(template, path[:1]), path[1:]
    for step in reversed(path):
        value = [value] if isinstance(step, int) else {step: value}
    _set_fields(template, value, into)


def _set_fields(template: Json, value: Json, into: dict[str, Json]) -> None:
    if isinstance(template, dict) and isinstance(value, dict):
        for name, inside in template.items():
            if name in value:
                _set_fields(inside, value[name], into)
    elif isinstance(template, list) and isinstance(value, list):
        for inside, each in zip(template, value, strict=False):
            _set_fields(inside, each, into)
    elif isinstance(template, str):
        _set_placeholder(template, value, into)


def _set_placeholder(template: str, value: Json, into: dict[str, Json]) -> None:
    """Sets the field that a template of exactly one placeholder reads; `&{@}` of a batch is a list of one."""
    pieces = Template.parse(template).pieces
    if len(pieces) != 1 or not isinstance(pieces[0], Placeholder) or pieces[0].sigil == "@":
        return
    text = pieces[0].expression.text.strip()
    if text == "@":
        only = value[0] if isinstance(value, list) and len(value) == 1 else value
        into.update(only if isinstance(only, dict) else {})
        return
    *above, last = text.removeprefix("[0].").split(".")
    if not all(re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) for name in (*above, last)):
        return
    for name in above:
        inside = into.setdefault(name, {})
        if not isinstance(inside, dict):
            return
        into = inside
    into[last] = value
