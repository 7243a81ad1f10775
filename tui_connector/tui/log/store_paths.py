"""What is known of the paths of a store, for a path and a method as they are typed: suggestions, and what is said."""

from __future__ import annotations

import re

from ...guide.requests.resend import schema_path
from ...guide.rest_api import (
    KnownPaths,
    completed_path,
    fitting_paths,
    known_path,
    methods_of,
    similar_path,
    why_unknown,
)
from .query_editor import QueryTarget
from .suggestions import Suggestion

_SCHEMA_EXPECTED = "The paths that the store offers are completed here once they are known."
_NO_SCHEMA = "The store did not send its schema, so there are no paths to complete."
_COMMON = "Common paths of Magento; those of this store are not known yet."
PARAMETER = re.compile(r"\{[^}]*\}|:\w+")
"""A parameter of a path in the schema."""


class StorePaths:
    """The paths that requests through one client can have, as far as they are known so far.

    `typed` is always a path as it is typed: relative to the base URI, with its path, or a whole address. `method` is in
    upper case.
    """

    def __init__(self, base: str) -> None:
        self._base = base
        self._known = KnownPaths()
        self._was_asked = False
        """Whether the store was asked for its paths, and has answered or failed."""

    def learn(self, known: KnownPaths, *, is_last: bool) -> None:
        """`is_last`: no others will be found."""
        self._known, self._was_asked = known, is_last

    def is_known(self, typed: str) -> bool:
        """Whether this is one of the paths, with values in place of its variables."""
        return known_path(self._known.paths, schema_path(self._base, typed) or "") is not None

    def target(self, typed: str, method: str) -> QueryTarget:
        """The path that is requested, and what the store accepts for it, as far as that is known."""
        path = schema_path(self._base, typed)
        known = None if self._known.is_common else known_path(self._known.paths, path or "")
        return QueryTarget(path, known, method)

    def suggestions(self, typed: str, method: str) -> list[Suggestion]:
        """The paths that fit, in the form that was typed; those with this method first."""
        target = schema_path(self._base, typed) if self._known.paths else ""
        if target is None:
            return []
        start = typed.removesuffix(target) if typed.endswith(target) else ""
        found = ((path, self._known.paths[path].methods) for path in fitting_paths(self._known.paths, target, method))
        return [
            Suggestion(start + completed_path(target, path), f"{path}  {' '.join(methods)}", method not in methods)
            for path, methods in found
        ]

    def begun(self, typed: str, method: str) -> str | None:
        """The first path that fits, where what was typed begins it."""
        if not typed or not self._known.paths or not schema_path(self._base, typed):
            return None
        first = self.suggestions(typed, method)[:1]
        return next((each.value for each in first if each.value.casefold().startswith(typed.casefold())), None)

    def note(self, typed: str, method: str, *, is_found: bool) -> str:
        """What is said below the path; `is_found`: there are suggestions for it."""
        if not self._known.paths:
            return _NO_SCHEMA if self._was_asked else _SCHEMA_EXPECTED
        if self._known.is_common:
            return _COMMON
        methods = methods_of(self._known.paths, schema_path(self._base, typed.strip()) or "")
        if methods and method not in methods:
            return f"in the schema for {', '.join(methods)} only"
        if (target := schema_path(self._base, typed)) is None:
            return f"Paths are known only below {self._base}"
        if is_found:
            return self._age()
        near = similar_path(self._known.paths, target)
        none = "The store's schema for this token has no such path."
        return f"Not in the store's schema: did you mean {near}?" if near else none

    def _age(self) -> str:
        """When the paths were read, where that was not in this session."""
        if self._known.is_current or self._known.read_at is None:
            return ""
        read = f"as of {self._known.read_at.astimezone():%d %b %Y}"
        return f"{read}, no schema now" if self._was_asked else read

    def why_unknown(self, typed: str, method: str) -> str:
        """Why the store's schema does not describe such a request; "" where it does, or that is not known."""
        if self._known.is_common:
            return ""
        return why_unknown(self._known.paths, schema_path(self._base, typed.strip()) or "", method)

    def why_no_fields(self, typed: str, method: str) -> str:
        """Why it is not known which fields the body of such a request needs."""
        if not self._known.paths or self._known.is_common:
            is_none = self._was_asked and not self._known.is_common
            return _NO_SCHEMA if is_none else "The store's schema is not known yet."
        if (path := schema_path(self._base, typed)) is None:
            return f"Paths are known only below {self._base}"
        if method in methods_of(self._known.paths, path):
            return f"{method} {path} has no body in the store's schema."
        return f"The store's schema has no {method} {path}: its fields are not known."

    def open_parameter(self, typed: str) -> str:
        """The first parameter of a path as the schema has it, which needs a value; "" where there is none."""
        target = schema_path(self._base, typed) or ""
        parameter = PARAMETER.search(target) if target in self._known.paths else None
        return parameter[0] if parameter is not None else ""
