"""Edits the steps of an outgoing's chain in a draft."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...magento.entities import WRITABLE, Writable
from ...profile.positions import value_at
from ...templates import Json

if TYPE_CHECKING:  # runs need the samples only
    from .profile_draft import ProfileDraft

_NAMES = {"get": "find", "post": "create", "put": "change", "patch": "change", "delete": "remove"}
"""Default names of steps by method."""

_SINGLE_ENTITY = re.compile(r"\w+/&\{\w+\}")
LOOKUPS: Mapping[str, str] = {
    each.uri: each.title for each in WRITABLE.values() if each.method == "put" and _SINGLE_ENTITY.fullmatch(each.uri)
}
"""The URIs and titles of entities that can be read from the URI to which they are sent."""


@dataclass(frozen=True, slots=True)
class ChainSteps:
    """The steps of an outgoing. A single request is shown as its only step until that is edited."""

    profile: ProfileDraft
    name: str

    @property
    def is_single(self) -> bool:
        """Whether it is a single request and not a chain."""
        return not self._saved_steps

    @property
    def steps(self) -> list[Json]:
        if saved := self._saved_steps:
            return saved
        request = self.profile.at("outgoing", self.name, "request") or {}
        return [{"name": _NAMES.get(str(value_at(request, ("method",)) or "get"), "send"), "request": request}]

    @property
    def names(self) -> list[str]:
        return [str(value_at(step, ("name",)) or "no name") for step in self.steps]

    def convert_request(self) -> None:
        """Makes the single request the first step of a chain."""
        if self.is_single:
            self._save(self.steps)

    def add(self, choice: str) -> int:
        """Appends a step for a key of `WRITABLE`, a URI of `LOOKUPS` or any other URI; returns its index."""
        name, request = self._request_for(choice)
        steps = self.steps
        names = {name, *(f"{name}{number}" for number in range(2, len(steps) + 3))}
        free = min(names - set(self.names), key=lambda each: (len(each), each))
        self._save([*steps, {"name": free, "request": request}])
        return len(steps)

    def remove(self, index: int) -> None:
        """Removes a step. If it is the only one, its request becomes a single request again."""
        steps = self.steps
        if len(steps) > 1:
            del steps[index]
            self._save(steps)
        elif not self.is_single:
            self.profile.edit(("outgoing", self.name, "request"), value_at(steps[0], ("request",)) or {})
            self.profile.edit(("outgoing", self.name, "steps"), None)

    def move(self, index: int, by: int) -> None:
        """Moves a step by `by` places, negative to the front."""
        steps = self.steps
        steps.insert(index + by, steps.pop(index))
        self._save(steps)

    def problems(self) -> list[str]:
        """The problems of the steps, each with the number and name of its step."""
        names, found = self.names, []
        for path, message in self.profile.problems().items():
            if path[:3] == ("outgoing", self.name, "steps"):
                step = path[3] if len(path) > 3 else None
                which = f"{step + 1} {names[step]}: " if isinstance(step, int) and step < len(names) else ""
                found.append(f"{which}{'.'.join(map(str, path[4:]))} {message}")
        return found

    @property
    def _saved_steps(self) -> list[Json]:
        saved = self.profile.at("outgoing", self.name, "steps")
        return list(saved) if isinstance(saved, list) else []

    def _save(self, steps: list[Json]) -> None:
        self.profile.edit(("outgoing", self.name, "steps"), steps)
        self.profile.edit(("outgoing", self.name, "request"), None)

    def _request_for(self, choice: str) -> tuple[str, Json]:
        """The default name and the request of a new step."""
        if choice in LOOKUPS:
            return "find", {"uri": choice, "expected": [404]}
        if choice not in WRITABLE:
            return "step", {"method": "post", "uri": choice, "parameters": "&{@}"}
        entity = WRITABLE[choice]
        batch = self.profile.at("outgoing", self.name, "batch")
        parameters = entity.parameters if isinstance(batch, int) and batch > 1 else _single_parameters(entity)
        return choice.replace("-", "_"), {"method": entity.method, "uri": entity.uri, "parameters": parameters}


def _single_parameters(entity: Writable) -> Json:
    """The parameters for a single entity, in a list if the route accepts several."""
    if entity.batch == 1:
        return entity.parameters
    found: Json = json.loads(json.dumps(entity.parameters).replace('"&{@}"', '"&{[@]}"'))
    return found


def requests_in(configuration: Json) -> list[tuple[str, str]]:
    """The method and URI of each request of an incoming or an outgoing in a draft, in order."""
    steps = value_at(configuration, ("steps",))
    parts = [configuration, *(steps if isinstance(steps, list) else ())]
    found = [value_at(each, ("request",)) for each in parts]
    return [(str(each.get("method", "get")), str(each.get("uri", ""))) for each in found if isinstance(each, dict)]


def sample_entity(requests: Sequence[tuple[str, str]]) -> Json:
    """A sample entity for all of these requests, merged from `WRITABLE`; None if there is none."""
    known = [(each, method) for method, uri in requests for each in WRITABLE.values() if each.is_sent_by(uri)]
    samples = [each.sample for each, method in known if each.method == method] or [each.sample for each, _ in known][:1]
    found: dict[str, Json] = {}
    for sample in samples:
        found = {**sample, **found} if isinstance(sample, dict) else found
    return found or None
