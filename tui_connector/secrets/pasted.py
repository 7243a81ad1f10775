"""Finds the secrets in a paste and their fields: labels decide, and order where there are none."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from .cleaning import SecretKind, clean, remove_invisible

_MOST = 4
"""An integration has four values."""

TOKEN = re.compile(r"(?<![A-Za-z0-9])[a-z0-9]{32}(?![A-Za-z0-9])")
"""One of the values of an integration (Magento\\Framework\\Oauth\\Helper\\Oauth), in other text."""

_BETWEEN = r"(?:[^\S\r\n]|[_.-]){0,3}"
_LABELS = {
    "consumer-key": r"(?:consumer|client)~key",
    "consumer-secret": r"(?:consumer|client)~secret",
    "access-token-secret": r"(?:access~|oauth~)?token~secret|access~secret|resource~owner~secret",
    "access-token": r"(?:access~|oauth~)?token(?!s)|resource~owner~key",
    "": r"nonce",
}
"""How Magento, Postman, OAuth's headers and OAuth libraries name the values; "" for what is not a secret."""
_PARTS = re.compile(
    "|".join(
        (f"(?P<value>{TOKEN.pattern})", *(f"(?P<_{at}>(?i:{each}))" for at, each in enumerate(_LABELS.values())))
    ).replace("~", _BETWEEN)
)
_FIELDS = (*_LABELS,)
_ALIASES = {"token": "access-token"}
"""The Bearer token is the access token."""


@dataclass(frozen=True, slots=True)
class PastedSecret:
    """A secret, and the field that its label names; "" without a label."""

    value: str = field(repr=False)
    field: str = ""


def parse_paste(text: str, kind: SecretKind) -> list[PastedSecret]:
    """The secrets in a paste: two to four 32-character values with any labels, or one cleaned secret of this kind."""
    lines = [line for line in text.splitlines() if remove_invisible(line).strip()]
    found = _labelled(remove_invisible(text))
    if len(found) > 1 and (len(lines) > 1 or kind is SecretKind.TOKEN):
        return found
    if found and len(lines) > 1 and kind is SecretKind.TOKEN:
        return found
    return [PastedSecret(value, _label_before(line, value, kind)) for line in lines[:1] if (value := clean(line, kind))]


def distribute(
    secrets: Sequence[PastedSecret], fields: Sequence[tuple[str, ...]], first: int
) -> tuple[dict[int, str], int]:
    """The values by the index of their field, and the number of those for which there is no field.

    `fields` are their paths: labels name those in the same table as the `first` one. What no label assigns goes to the
    other fields in order: from the `first` on, or from the beginning of its table where that has as many fields.
    """
    table = [at for at, path in enumerate(fields) if path[:-1] == fields[first][:-1]]
    named = {_ALIASES.get(fields[at][-1], fields[at][-1]): at for at in table}
    assigned = {named[each.field]: each.value for each in secrets if each.field in named}
    others = [each.value for each in secrets if each.field not in named]
    start = table[0] if len(secrets) == len(table) > 1 else first
    free = [at for at in range(start, len(fields)) if at not in assigned]
    return assigned | dict(zip(free, others, strict=False)), max(0, len(others) - len(free))


def _labelled(text: str) -> list[PastedSecret]:
    """All values in this text; at most four, those with a label first."""
    parts = list(_PARTS.finditer(text))
    values = [each for each in parts if each["value"]]
    labels = _labels_of(values, parts)
    found = [
        PastedSecret(each[0], label if label and labels.count(label) == 1 else "")
        for each, label in zip(values, labels, strict=True)
        if label != ""
    ]
    return sorted(found, key=lambda each: not each.field)[:_MOST]


def _labels_of(values: list[re.Match[str]], parts: list[re.Match[str]]) -> list[str | None]:
    """The label of each value, None for one without: in front of it, after it in its line, or in a table's head."""
    kinds = [each["value"] is not None for each in parts]
    labels = [_label(each) for each in parts if not each["value"]]
    if len(values) > 1 and kinds == sorted(kinds):
        return [*labels] if len(labels) == len(values) else [None] * len(values)
    ends = [each.string[each.end() : after.start()] for each, after in zip(parts[::2], parts[1::2], strict=False)]
    if kinds == [True, False] * len(values) and not any("\n" in each for each in ends):
        return [*labels]
    before = [None, *parts]
    return [
        None if last is None or last["value"] else _label(last)
        for last, each in zip(before, parts, strict=False)
        if each["value"]
    ]


def _label(part: re.Match[str]) -> str:
    """The field that this label names; "" for what is not a secret."""
    return _FIELDS[int(str(part.lastgroup).removeprefix("_"))]


def _label_before(line: str, value: str, kind: SecretKind) -> str:
    """The field that the label of the only secret in a line names; "" without one."""
    if kind is not SecretKind.TOKEN:
        return ""
    labels = [_label(each) for each in _PARTS.finditer(line.partition(value)[0]) if not each["value"]]
    return labels[-1] if labels else ""
