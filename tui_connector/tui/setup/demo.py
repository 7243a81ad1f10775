"""What the guide is told of the sandbox store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Demo:
    """The sandbox store as the guide shows it."""

    url: str
    name: str
    title: str
    description: str
    values: Mapping[str, str]
