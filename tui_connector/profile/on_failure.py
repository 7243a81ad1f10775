"""What a profile does when a headless run fails: it starts a command, or sends a request by one of its clients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from ..client.model import ClientName, RequestTemplate
from ..client.spans import Span
from ..client.uri import is_absolute
from ..kinds import Model
from ..runs.inconsistency import Inconsistency
from ..secrets.source import command_variable

NAME = "on-failure"
"""The name of its table."""
_WITH_BODY = ("post", "put", "patch")


class OnFailure(Model):
    """What to do when a headless run fails: start a command or send a request, with the run's summary as JSON."""

    command: Annotated[list[str], Field(min_length=1)] | None = Field(
        None,
        title="Command",
        description="Started without a shell, in the home directory; the summary is its standard input.",
        examples=[["./notify.sh"]],
    )
    environment: Annotated[list[Annotated[str, AfterValidator(command_variable)]], Field(min_length=1)] | None = Field(
        None, title="Variables passed to the command", description="In addition to those that every command gets."
    )
    client: ClientName = Field("default", title="HTTP client", description="Sends the request.")
    request: RequestTemplate | None = Field(
        None,
        title="Webhook",
        description="Without parameters, its body is the summary; placeholders in its parameters read the summary.",
        examples=[
            {"method": "post", "uri": "https://alerts.example/hook", "parameters": {"text": "&{name}: &{reason}"}}
        ],
    )
    timeout: Span = Field("30s", title="Timeout", description="For the command or the whole request.")

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.command is None) == (self.request is None):
            raise ValueError("name either a command or a request")
        if self.request is not None and self.environment is not None:
            raise ValueError("environment lists variables for a command, and there is none")
        if self.request is not None and self.request.method not in _WITH_BODY:
            raise ValueError('the summary is sent in the body of the request: use method = "post"')
        return self

    def inconsistencies(self, clients: list[str], base_uri: str | None) -> Iterator[Inconsistency]:
        """What does not fit the rest of the profile; `base_uri` is that of its client."""
        if self.request is None:
            return
        if self.client not in clients:
            yield Inconsistency((NAME, "client"), f"unknown client {self.client!r}", self.client, clients)
        elif base_uri is None and not is_absolute(self.request.uri):
            message = f"the client {self.client!r} has no base URI, so the URI must be absolute"
            yield Inconsistency((NAME, "request", "uri"), message)

    @property
    def sent_request(self) -> RequestTemplate:
        """The request's template, with the whole summary as its body if the profile gives no parameters."""
        assert self.request is not None
        whole = {} if self.request.parameters is not None else {"parameters": "&{@}"}
        return self.request.model_copy(update=whole)
