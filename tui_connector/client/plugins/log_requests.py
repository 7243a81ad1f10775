"""Log requests."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Literal

from pydantic import Field

from ..layer import Plugin
from ..message import Request


class LogRequests(Plugin):
    """Log requests."""

    if_repeated: ClassVar[str] = "the formatter of the last one is used"

    kind: Literal["log-requests"] = "log-requests"
    formatter: Literal["simple", "long", "full", "curl"] = Field(
        "long",
        title="Formatter",
        description="Initial view of requests in the log, and the format in which the command request prints them. "
        "simple: one line; "
        "long: request line, headers and the first 1,000 characters of the body, then the same for the response; "
        "full: with whole bodies; curl: a command that repeats the request.",
    )

    def prepare(self, request: Request) -> Request:
        """The request with the format to print it in; every request is recorded anyway."""
        return replace(request, about=replace(request.about, formatter=self.formatter))
