"""Requests, responses, and the failures of requests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Literal
from urllib.parse import quote

from ..errors import UserError
from ..secrets.named_values import mask_message
from ..secrets.token_shape import TokenShape
from ..text import without_secrets

if TYPE_CHECKING:
    from ..templates import Json

Headers = tuple[tuple[str, str], ...]
"""Header fields in the order they are sent, names as written."""

Purpose = Literal["test", "login", "run", "probe", "user"]
"""What a request is sent for; "user": its user wrote or resent it in the log."""


@dataclass(frozen=True, slots=True)
class ClientVariant:
    """How the requests of a probe differ from those of the saved client."""

    anonymous: bool = False
    """Without the store's authentications, but with those of a web server in front of it."""
    signed_origin: str | None = None
    """The origin that is signed, instead of the one the request goes to."""
    dialect: str | None = None
    """The only dialect to sign in."""

    @property
    def description(self) -> str:
        """For the log; empty for the client as it is saved."""
        if self.anonymous:
            return "without authentication"
        if self.signed_origin is not None:
            return f"signed as {self.signed_origin}"
        return f"signed in dialect {self.dialect}" if self.dialect is not None else ""


AS_SAVED = ClientVariant()
ANONYMOUS = ClientVariant(anonymous=True)
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
"""The methods that a REST API has (RFC 9110, RFC 5789)."""


@dataclass(frozen=True, slots=True)
class RequestInfo:
    """Data of a request that is used inside the program and never sent."""

    call: int = 0
    """The number of the call this request belongs to; all its attempts and renewals share it."""
    attempt: int = 1
    """Which attempt of the plugin retry it is; what is sent again within one, such as with a new token, shares it."""
    purpose: Purpose = "run"
    formatter: str | None = None
    """Set by the plugin "Log requests": how a headless run prints the exchange."""
    secret_response: bool = False
    """The response's body is a token and must never be recorded."""
    original: Request | None = None
    """The request before plugins and authentication, to resend it; None for logins."""
    variant: ClientVariant = AS_SAVED
    note: str = ""
    """A remark for the log, such as "login renewed: the token was refused"."""
    login: int = 0
    """The number of the login whose token the request carries; 0 for none."""
    may_log_in: bool = True
    """Whether a login is sent for it where no token is valid; otherwise it is not sent."""
    by_hand: bool = False
    """Whether its user wrote the request, in the form of the log, or resends one that was."""
    typed_uri: str = ""
    """Of a request that looks for a store: its URI at the address that was typed. At another URI it is a guess."""
    repeats: tuple[int, datetime] | None = None
    """The identity of the exchange that is resent with this request."""
    run: Mapping[str, Json] = field(default_factory=dict, repr=False, compare=False)
    """The values of `@{…}` in plugins; the session sets it if the caller has not."""


@dataclass(frozen=True, slots=True)
class Request:
    """An immutable request; layers create changed copies. `uri` is relative until a base URI is added."""

    method: str
    uri: str
    headers: Headers = ()
    body: bytes = field(default=b"", repr=False)
    about: RequestInfo = RequestInfo()

    def header(self, name: str) -> str | None:
        return header_of(self.headers, name)

    def with_header(self, name: str, value: str) -> Request:
        """A copy in which `name` has this one value."""
        rest = tuple(pair for pair in self.headers if pair[0].lower() != name.lower())
        return replace(self, headers=(*rest, (name, value)))

    def without_header(self, name: str) -> Request:
        return replace(self, headers=tuple(pair for pair in self.headers if pair[0].lower() != name.lower()))

    def with_query(self, name: str, value: str) -> Request:
        """A copy whose query ends with this percent-encoded parameter, in place of any others of that name."""
        path, _, query = self.uri.partition("?")
        encoded = quote(name, safe="")
        kept = [part for part in query.split("&") if part and part.partition("=")[0] not in (name, encoded)]
        return replace(self, uri=path + "?" + "&".join([*kept, f"{encoded}={quote(value, safe='')}"]))


def probe_request(method: str, uri: str, question: str, body: bytes = b"", *, typed_uri: str = "") -> Request:
    """A request of the program itself, to learn something about the store. The log shows the question.

    It says which status means what, where that is not obvious: "2FA on? 404: no". `typed_uri` as in `RequestInfo`.
    """
    return Request(method, uri, body=body, about=RequestInfo(purpose="probe", note=question, typed_uri=typed_uri))


@dataclass(frozen=True, slots=True)
class Response:
    """A complete response: `body` is decompressed and within its limit, `exchange` its number in the log."""

    status: int
    headers: Headers
    body: bytes = field(repr=False)
    exchange: int
    token: TokenShape | None = None
    """The form of the bearer token that it refuses, if it refuses a request that had one."""

    def header(self, name: str) -> str | None:
        return header_of(self.headers, name)

    @property
    def media_type(self) -> str:
        return without_secrets(self.header("Content-Type") or "").partition(";")[0].strip().lower()


def header_of(headers: Headers, name: str) -> str | None:
    """The first value of a header, or None; names are not case-sensitive."""
    wanted = name.lower()
    return next((value for key, value in headers if key.lower() == wanted), None)


class Failure(StrEnum):
    """Why no complete response arrived."""

    DNS = "dns"
    REFUSED = "refused"
    TLS = "tls"
    TLS_UNTRUSTED = "tls-untrusted"
    TLS_SELF_SIGNED = "tls-self-signed"
    TLS_NAME = "tls-name"
    TLS_EXPIRED = "tls-expired"
    TLS_NOT_YET_VALID = "tls-not-yet-valid"
    TLS_CLIENT_CERTIFICATE = "tls-client-certificate"
    TLS_TO_PLAIN = "tls-to-plain"
    PLAIN_TO_TLS = "plain-to-tls"
    TIMEOUT_CONNECT = "timeout-connect"
    TIMEOUT_TLS = "timeout-tls"
    TIMEOUT = "timeout"
    CUT_OFF = "cut-off"
    TOO_LARGE = "too-large"
    PROTOCOL = "protocol"
    NOT_SENT = "not-sent"
    PROXY = "proxy"
    PROXY_UNREACHABLE = "proxy-connection"
    CANCELLED = "cancelled"


PERMANENT_FAILURES = frozenset(
    {
        *(Failure.TLS_UNTRUSTED, Failure.TLS_SELF_SIGNED, Failure.TLS_NAME, Failure.TLS_EXPIRED),
        *(Failure.TLS_NOT_YET_VALID, Failure.TLS_CLIENT_CERTIFICATE, Failure.TLS_TO_PLAIN, Failure.PLAIN_TO_TLS),
    }
)
"""Failures that a retry does not resolve."""


class RequestFailed(UserError):
    """A request without a usable response; `exchange` is its number in the log.

    Secrets in its message and hint are masked.
    """

    CODE: ClassVar = "request-failed"

    def __init__(self, message: str, *, hint: str = "", exchange: int | None = None, code: str = "") -> None:
        super().__init__(code or self.CODE, mask_message(message), mask_message(hint))
        self.exchange = exchange


class NoResponse(RequestFailed):
    """No complete response arrived; `may_have_arrived` says whether the store may have acted on the request.

    `on_reused_connection`: no byte arrived on a pooled connection, which the server had probably closed.

    Its code is "no-secure-connection" if a retry does not help.
    """

    CODE = "no-response"

    def __init__(
        self,
        failure: Failure,
        message: str,
        *,
        may_have_arrived: bool,
        on_reused_connection: bool = False,
        hint: str = "",
        exchange: int | None = None,
    ) -> None:
        code = "no-secure-connection" if failure in PERMANENT_FAILURES else ""
        super().__init__(message, hint=hint, exchange=exchange, code=code)
        self.failure = failure
        self.may_have_arrived = may_have_arrived
        self.on_reused_connection = on_reused_connection


OTHER_HOST = "other-host"
"""Code of the refusal of a request to another host than the client's."""


class InvalidRequest(RequestFailed):
    """The request was refused before anything was sent: a bad URI, a bad header, a secret for another origin.

    `field` is the setting to correct, by its name in the profile; "" if it is none, or unknown.
    """

    CODE = "invalid-request"

    def __init__(
        self, message: str, *, hint: str = "", exchange: int | None = None, code: str = "", field: str = ""
    ) -> None:
        super().__init__(message, hint=hint, exchange=exchange, code=code)
        self.field = field


class SecretNotEntered(InvalidRequest):
    """A secret has no value, and the user was prompted for it and entered none: nothing was started."""

    CODE = "secret-not-entered"


class LoginRefused(RequestFailed):
    """A login was refused, and no further one is sent.

    `server_message` is the server's own text, `uri` the login's address, `field` the setting to correct.
    """

    CODE = "login-refused"

    def __init__(
        self,
        message: str,
        *,
        status: int | None,
        hint: str = "",
        exchange: int | None = None,
        uri: str = "",
        field: str = "",
        server_message: str = "",
    ) -> None:
        super().__init__(message, hint=hint, exchange=exchange)
        self.status, self.uri, self.field = status, uri, field
        self.server_message = mask_message(server_message)
