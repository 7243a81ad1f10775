"""The fingerprint of a configuration, by which a later run knows whether it can continue the work of an earlier one.

A key that is added to a part of a profile does not change the fingerprints of the profiles that do not use it: fields
at their default are left out, but for those that fingerprints have contained since the first ledgers were written.
Fields that are marked with `NotCompared` are always left out.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from ..kinds import NotCompared
from ..templates import Json

_ALWAYS_INCLUDED = {
    "ChainStep": "when",
    "CsvSink": "columns delimiter formulas",
    "CsvSource": "delimiter decimal columns",
    "Cursor": "parameter more size-parameter send-in",
    "DuckDbSink": "table columns custom-attributes schema-file",
    "Incoming": "items identifier pagination incremental filter transform sink",
    "IncomingSource": "profile environment mapping",
    "Incremental": "field from content",
    "JsonLinesSink": "compress",
    "Keyset": "filter field",
    "LinkHeader": "relation",
    "Offset": "parameter size-parameter send-in total last-page end-statuses",
    "Outgoing": "source identifier batch steps request delivery",
    "PageNumber": "parameter start size-parameter send-in total last-page end-statuses",
    "Parent": "fields",
    "ParquetSink": "columns custom-attributes schema-file",
    "PostgresSink": "host port database service schema table columns custom-attributes schema-file",
    "RequestTemplate": "method parameters headers reads expected",
    "SearchCriteria": "order",
    "SecretSource": "keyring env command environment ask",
    "SingerSink": "path stream schema-file",
    "SqliteSink": "table columns",
    "StdinSource": "delimiter decimal columns format",
}
"""By model, the optional fields that are included at their default, too. Never add one: only old fields are here."""


def compared(part: BaseModel, exclude: frozenset[str] = frozenset()) -> dict[str, Any]:
    """What a fingerprint contains of a part of a profile, by the keys of TOML. `exclude`: names of fields."""
    always = _ALWAYS_INCLUDED.get(type(part).__name__, "").split()
    found = {}
    for name, field in type(part).model_fields.items():
        value, key = getattr(part, name), field.alias or name
        if name in exclude or NotCompared in field.metadata:
            continue
        is_used = value != field.get_default(call_default_factory=True)  # a required field has no default
        if is_used or key in ("kind", *always):
            found[key] = _as_json(value)
    return found


def digest(data: Json | list[Any]) -> str:
    """The digest of JSON data; it does not depend on the order of keys."""
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def _as_json(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return compared(value)
    if isinstance(value, dict):
        return {str(key): _as_json(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_as_json(each) for each in value]
    return to_jsonable_python(value)
