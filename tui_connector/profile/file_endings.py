"""How the names of files end that the sinks and sources of a profile have."""

from __future__ import annotations

from typing import Literal, NamedTuple

from ..incoming.sink import Sink
from ..outgoing.source import Source

End = Literal["sink", "source"]

_OF_ANY_DATABASE = ".db"
_FAMILIES: dict[End, type[Sink] | type[Source]] = {"sink": Sink, "source": Source}


class OtherKind(NamedTuple):
    """The kind whose files are named like this one, and the name that it would have as a file of its own kind."""

    kind: str
    name: str


def file_endings(end: End, kind: str) -> tuple[str, ...]:
    """How the names of files of this kind end, the usual ending first; () where there is no file, or any name fits."""
    found = _FAMILIES[end].find(kind)
    return found.endings if found is not None and issubclass(found, Sink | Source) else ()


def named_like_other_kind(end: End, kind: str, path: str) -> OtherKind | None:
    """The other kind that the name of a file of this kind ends like; None where it may have this name."""
    own, name = file_endings(end, kind), path.lower().removesuffix(".gz")
    if not own or name.endswith((*own, _OF_ANY_DATABASE)) or path.lower().endswith(own):
        return None
    for other in _FAMILIES[end].all_kinds():
        for ending in file_endings(end, other):
            if name.endswith(ending):
                return OtherKind(other, path[: len(name) - len(ending)] + own[0])
    return None
