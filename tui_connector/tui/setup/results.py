"""What the tests of the guide have shown of the parts of a profile. A result is about the values that were tested."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from ...magento.diagnosis import Finding
from ...secrets.vault import HeldSecrets
from ...templates import Json

PartPath: TypeAlias = tuple[str, ...]
"""A part of the profile: its family and its name."""
_KEPT = 50
"""Results for each part; whoever tries more values than these tests the first ones again."""


@dataclass(frozen=True, slots=True)
class PartValues:
    """A part of the profile as it was tested, and how its requests were sent."""

    part: Json
    senders: Json
    """The clients and authentications that send its requests."""
    secrets: HeldSecrets
    """What was typed in this session for them."""


@dataclass(frozen=True, slots=True)
class PartTest:
    """The last test of a part in the guide, as its profile was when the guide was closed."""

    path: PartPath
    finding: Finding | None
    """Why the part was refused; None if it was accepted."""
    at: float
    """Seconds since the epoch."""
    data: Mapping[str, Json]
    """The profile."""


class PartResults:
    """The results by part. A result counts again once the part has the same values again."""

    def __init__(self) -> None:
        self._results: dict[PartPath, list[tuple[PartValues, Finding | None]]] = {}

    def record(self, path: PartPath, values: PartValues, finding: Finding | None) -> None:
        """Records why a test has refused the part, or None if it was accepted, in place of an earlier result."""
        others = [each for each in self._results.get(path, ()) if each[0] != values]
        self._results[path] = [*others[1 - _KEPT :], (values, finding)]

    def is_accepted(self, path: PartPath, values: PartValues) -> bool:
        """Whether a test has accepted the part with these values."""
        return (values, None) in self._results.get(path, ())

    def refusal(self, path: PartPath, values: PartValues) -> Finding | None:
        """Why the last test of the part with these values has refused it; None if none has."""
        return next((finding for tested, finding in self._results.get(path, ()) if tested == values), None)

    def __contains__(self, path: PartPath) -> bool:
        return path in self._results

    def paths(self) -> list[PartPath]:
        """The parts that were tested."""
        return [*self._results]

    def copy(self) -> PartResults:
        copied = PartResults()
        copied._results = {path: [*results] for path, results in self._results.items()}
        return copied
