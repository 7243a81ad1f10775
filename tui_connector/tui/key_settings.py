"""The user's own keys: the bindings that they can change, and which of their keys are valid."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module

from textual.binding import Binding
from textual.dom import DOMNode
from textual.keys import Keys, key_to_character

from ..misspelling import most_similar
from ._textual import declared_bindings
from .keys import IN_FIELD, MODIFIERS


@dataclass(frozen=True, slots=True)
class ClassBindings:
    """A class of the program, and its bindings that have an id."""

    owner: str
    bindings: tuple[Binding, ...]


def all_bindings() -> list[ClassBindings]:
    """The bindings of every screen and widget. Imports all modules of the package: call it in a thread."""
    from . import __path__ as where

    for module in pkgutil.walk_packages(where, f"{__package__}."):
        import_module(module.name)
    return [
        ClassBindings(kind.__name__, tuple(binding for binding in declared_bindings(kind) if binding.id))
        for kind in _subclasses(DOMNode)
        if kind.__module__.startswith(f"{__package__}.")
    ]


def _subclasses(kind: type[DOMNode]) -> Iterator[type[DOMNode]]:
    for each in kind.__subclasses__():
        yield each
        yield from _subclasses(each)


def check_keys(keys: Mapping[str, str], bound: Iterable[ClassBindings]) -> tuple[dict[str, str], list[str]]:
    """The valid keys, and a warning for each of the others."""
    bound = list(bound)
    by_id = {binding.id or "": binding for each in bound for binding in each.bindings}
    valid: dict[str, str] = {}
    warnings = []
    for name, text in keys.items():
        problem = ""
        wanted = [key.strip() for key in text.split(",") if key.strip()]
        if name not in by_id or name.endswith(IN_FIELD):
            close = most_similar(name, [each for each in by_id if not each.endswith(IN_FIELD)])
            problem = "unknown action" + (f"; did you mean {close}?" if close else "")
        elif invalid := [key for key in wanted if not _is_key(key)]:
            problem = f"{invalid[0]!r} is not a key"
        elif by_id[name].priority and len(by_id[name].key) > 1 and any(len(key) == 1 for key in wanted):
            problem = "a single letter cannot be typed into fields any more; use a key with ctrl, or a function key"
        elif any(key.lower() in ("b", "f") for key in wanted) and f"{name}{IN_FIELD}" in by_id:
            problem = "Esc, then b or f, moves by words in a field; use another letter"
        if problem:
            warnings.append(f"{name} = {text!r}: {problem}")
        else:
            valid[name] = text
    return _without_conflicts(valid, bound, warnings), warnings


def _is_key(key: str) -> bool:
    if len(key) == 1:
        return key.isprintable()
    bare = key
    for modifier in MODIFIERS:
        bare = bare.removeprefix(modifier)
    return key_to_character(bare) is not None or bare in {each.value for each in Keys}


def _without_conflicts(keys: dict[str, str], bound: list[ClassBindings], warnings: list[str]) -> dict[str, str]:
    valid = dict(keys)
    for each in bound:
        taken: dict[str, str] = {}
        for binding in sorted(each.bindings, key=lambda binding: (binding.id or "") in valid):
            name = binding.id or ""
            bound_keys = [key.strip() for key in valid[name].split(",")] if name in valid else [binding.key]
            for key in bound_keys:
                other = taken.setdefault(key, name)
                if other != name and name in valid and other.removesuffix(IN_FIELD) != name:
                    warnings.append(f"{name} = {valid.pop(name)!r}: already the key of {other.removesuffix(IN_FIELD)}")
                    break
    return valid
