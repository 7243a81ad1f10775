"""An outgoing in a draft: its requests, and the steps of its chain, which are added, moved and removed here."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..magento.entities import WRITABLE, Writable
from ..profile.positions import value_at
from ..templates import Json
from .setup import ProfileDraft

_NAMES = {"get": "find", "post": "create", "put": "change", "patch": "change", "delete": "remove"}
"""What a step is called at first, by its method."""

_ONE = re.compile(r"\w+/&\{\w+\}")
LOOK_UPS: Mapping[str, str] = {
    each.uri: each.title for each in WRITABLE.values() if each.method == "put" and _ONE.fullmatch(each.uri)
}
"""The entities that can be asked for one by one where they are sent: their paths, and what they are called."""


@dataclass(frozen=True, slots=True)
class ChainSteps:
    """The steps of an outgoing. A single request shows as the only step; it is one of a chain once that is edited."""

    profile: ProfileDraft
    name: str

    @property
    def single(self) -> bool:
        """Whether it is not a chain: one request is sent."""
        return not self._written

    @property
    def steps(self) -> list[Json]:
        if there := self._written:
            return there
        request = self.profile.at("outgoing", self.name, "request") or {}
        return [{"name": _NAMES.get(str(value_at(request, ("method",)) or "get"), "send"), "request": request}]

    @property
    def names(self) -> list[str]:
        return [str(value_at(step, ("name",)) or "no name") for step in self.steps]

    def begin(self) -> None:
        """Makes a chain of it: its request becomes the first step."""
        if self.single:
            self._put(self.steps)

    def add(self, offer: str) -> int:
        """Adds a request of Magento's list, a path of `LOOK_UPS` or any other path at the end; its place."""
        name, request = self._offered(offer)
        steps = self.steps
        names = {name, *(f"{name}{number}" for number in range(2, len(steps) + 3))}
        free = min(names - set(self.names), key=lambda each: (len(each), each))
        self._put([*steps, {"name": free, "request": request}])
        return len(steps)

    def remove(self, index: int) -> None:
        """Takes a step away. The last one's request is sent alone again: there is no chain then."""
        steps = self.steps
        if len(steps) > 1:
            del steps[index]
            self._put(steps)
        elif not self.single:
            self.profile.edit(("outgoing", self.name, "request"), value_at(steps[0], ("request",)) or {})
            self.profile.edit(("outgoing", self.name, "steps"), None)

    def move(self, index: int, by: int) -> None:
        """Lets a step and the one N places on change places."""
        steps = self.steps
        steps.insert(index + by, steps.pop(index))
        self._put(steps)

    def problems(self) -> list[str]:
        """What is wrong with the steps, each with its step."""
        names, found = self.names, []
        for path, words in self.profile.problems().items():
            if path[:3] == ("outgoing", self.name, "steps"):
                step = path[3] if len(path) > 3 else None
                which = f"{step + 1} {names[step]}: " if isinstance(step, int) and step < len(names) else ""
                found.append(f"{which}{'.'.join(map(str, path[4:]))} {words}")
        return found

    @property
    def _written(self) -> list[Json]:
        there = self.profile.at("outgoing", self.name, "steps")
        return list(there) if isinstance(there, list) else []

    def _put(self, steps: list[Json]) -> None:
        self.profile.edit(("outgoing", self.name, "steps"), steps)
        self.profile.edit(("outgoing", self.name, "request"), None)

    def _offered(self, offer: str) -> tuple[str, Json]:
        """A name for the step, and its request."""
        if offer in LOOK_UPS:
            return "find", {"uri": offer, "expected": [404]}
        if offer not in WRITABLE:
            return "step", {"method": "post", "uri": offer, "parameters": "&{@}"}
        entity = WRITABLE[offer]
        batch = self.profile.at("outgoing", self.name, "batch")
        parameters = entity.parameters if isinstance(batch, int) and batch > 1 else _for_one(entity)
        return offer.replace("-", "_"), {"method": entity.method, "uri": entity.uri, "parameters": parameters}


def _for_one(entity: Writable) -> Json:
    """The parameters for a single entity, where Magento's route takes a list of them."""
    if entity.batch == 1:
        return entity.parameters
    found: Json = json.loads(json.dumps(entity.parameters).replace('"&{@}"', '"&{[@]}"'))
    return found


def requests_in(configuration: Json) -> list[tuple[str, str]]:
    """Method and URI of each request of an incoming or an outgoing, in order, as far as a draft has them."""
    steps = value_at(configuration, ("steps",))
    parts = [configuration, *(steps if isinstance(steps, list) else ())]
    found = [value_at(each, ("request",)) for each in parts]
    return [(str(each.get("method", "get")), str(each.get("uri", ""))) for each in found if isinstance(each, dict)]


def sample_for(requests: Sequence[tuple[str, str]]) -> Json:
    """What Magento's list has as a sample for such requests, for all steps of a chain; None where it has none."""
    known = [(each, method) for method, uri in requests for each in WRITABLE.values() if each.is_sent_by(uri)]
    samples = [each.sample for each, method in known if each.method == method] or [each.sample for each, _ in known][:1]
    found: dict[str, Json] = {}
    for sample in samples:
        found = {**sample, **found} if isinstance(sample, dict) else found
    return found or None
