"""The public API for kinds: plugins, authentications, paginations, sinks, sources and lookups of other packages.

This module is stable: a name in `__all__` keeps its meaning until the next major version (before 1.0, the next minor
version), and the changelog says so before one is removed. Every other module of the package may change at any time.

To add a kind, subclass one of the six families and name its module, or its package, under the entry point group
`tui_connector.kinds`. Its TOML, validation, form, help and JSON Schema are then derived from its fields, exactly as
those of a built-in kind:

- `Plugin`: `prepare(request)` returns the request to send; if it adds headers, `written_headers()` names them as well.
  One that repeats, waits or looks at responses implements `start(context)` instead and chooses the `Stage` REPEAT or
  LIMIT.
- `Authentication`: `start(context)` returns the layer that signs; it reads secrets with `context.secret`.
- `Pagination`: `begin(request, position)` returns a `ListPart`; `SequentialPages` suffices where each response says how
  to continue.
- `Sink`: `open(context, position)` returns an `OpenSink`. A sink that writes to a server names it with `server`, which
  needs trust; the values of its secrets are in `context.secrets`, by their `key`.
- `Source`: `open(context)` yields a `SourceEntity` for each entity and a `BadEntity` for what cannot be read as one.
- `Lookup`: `requests(template, wanted, limits, run)` yields requests for the current values of many entities.

What else they need:

- A run resumes only if no field has changed, or only those that are marked as `NotCompared`.
- Items are JSON texts, one a line, whose numbers stay as the store wrote them. `members` and `elements` split one
  without decoding it, `json_type` names its type, `plain_text` is the text of a cell; `decode_json` and `encode_json`
  convert.
- The clock, waiting and randomness are those of `context.machine`, a `Machine`: `now`, `monotonic`, `sleep`, `nonce`.
  Tests replace them.
- A field that names a file has the type `FilePath`: the profile then needs trust for a file outside its folder. A sink
  writes the file of its field `path`, or those that its `writes` returns; all others are read.
- A sink writes a file through `OutputFile`, which cuts it to a position and refuses a file of another program; a sink
  that cannot use it calls `check_not_moved` before each `sync`. A file whose name ends with one of its `endings` needs
  no trust in the profile's folder.
- A source reads a file with `context.open_file`; `whole_lines`, `json_lines` and `strict_json` read lines and JSON from
  it. A sink reads `context.directory / path`.

Models are immutable, and state belongs to the layer, list part or open sink that they start. Failures are raised as
`InvalidRequest`, `PaginationError`, `SinkError` or `SourceError`, each with a message and a hint for the user.
"""

from .client.file_path import FilePath
from .client.layer import Authentication, Layer, LayerContext, Plugin, Send, Stage
from .client.message import Failure, Headers, InvalidRequest, NoResponse, Request, RequestFailed, Response
from .client.model import (
    ClientName,
    HeaderName,
    RequestTemplate,
)
from .client.pages import Page
from .client.raw_json import InvalidJson, JsonType, decode_json, elements, encode_json, json_type, members, plain_text
from .client.spans import Span, seconds
from .client.uri import origin_of
from .errors import InvalidValue, UserError
from .incoming.output_file import OutputFile
from .incoming.pagination import (
    ListPart,
    PageRequest,
    PageResult,
    PageSize,
    Pagination,
    PaginationError,
    SequentialPages,
)
from .incoming.pagination.counted import CountedList
from .incoming.pagination.envelope import total_at, value_at
from .incoming.pagination.placement import SendIn, with_parameter
from .incoming.sink import (
    ByteOutput,
    OpenSink,
    RejectedItem,
    Sink,
    SinkChanged,
    SinkClosed,
    SinkContext,
    SinkError,
    SinkMissing,
    check_not_moved,
    identifier_problem,
    repeated_remark,
)
from .kinds import Model, NotCompared
from .machine import Machine
from .outgoing.lookup import Lookup, LookupLimits, LookupRequest, Wanted
from .outgoing.source import BadEntity, Source, SourceContext, SourceEntity, SourceError
from .outgoing.sources.jsonl import json_lines, strict_json, whole_lines
from .secrets.source import SecretSource, secret_field
from .templates import (
    Json,
    PlaceholderError,
    RunTemplateText,
    Scope,
    Template,
    TemplateJson,
    TemplateText,
    UriTemplateText,
    as_data,
    render,
)
from .templates.expression import ExpressionText

__all__ = [
    "Authentication",
    "BadEntity",
    "ByteOutput",
    "ClientName",
    "CountedList",
    "ExpressionText",
    "Failure",
    "FilePath",
    "HeaderName",
    "Headers",
    "InvalidJson",
    "InvalidRequest",
    "InvalidValue",
    "Json",
    "JsonType",
    "Layer",
    "LayerContext",
    "ListPart",
    "Lookup",
    "LookupLimits",
    "LookupRequest",
    "Machine",
    "Model",
    "NoResponse",
    "NotCompared",
    "OpenSink",
    "OutputFile",
    "Page",
    "PageRequest",
    "PageResult",
    "PageSize",
    "Pagination",
    "PaginationError",
    "PlaceholderError",
    "Plugin",
    "RejectedItem",
    "Request",
    "RequestFailed",
    "RequestTemplate",
    "Response",
    "RunTemplateText",
    "Scope",
    "SecretSource",
    "Send",
    "SendIn",
    "SequentialPages",
    "Sink",
    "SinkChanged",
    "SinkClosed",
    "SinkContext",
    "SinkError",
    "SinkMissing",
    "Source",
    "SourceContext",
    "SourceEntity",
    "SourceError",
    "Span",
    "Stage",
    "Template",
    "TemplateJson",
    "TemplateText",
    "UriTemplateText",
    "UserError",
    "Wanted",
    "as_data",
    "check_not_moved",
    "decode_json",
    "elements",
    "encode_json",
    "identifier_problem",
    "json_lines",
    "json_type",
    "members",
    "origin_of",
    "plain_text",
    "render",
    "repeated_remark",
    "seconds",
    "secret_field",
    "strict_json",
    "total_at",
    "value_at",
    "whole_lines",
    "with_parameter",
]
