"""Rejects literal secrets in a profile, as profiles are shared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..secrets.errors import LiteralSecret
from ..secrets.named_values import MARK
from ..secrets.names import is_secret_parameter, secrets_in_address
from ..templates import Json, Template
from ..templates.validation import ValuePath, leaves, raise_errors

MOVE = "put it into the keyring (tui-connector secrets set PROFILE)"
_USE = f"{MOVE} and use an HTTP authentication"
_PLACEHOLDER = "\0"


def is_literal_secret(name: str, value: object) -> bool:
    """Whether this is a secret by its name, and its value is literal: no placeholder, not a boolean, not empty."""
    if isinstance(value, bool) or not isinstance(value, str | int | float) or value in ("", MARK):
        return False
    return is_secret_parameter(name, str(value)) and (not isinstance(value, str) or _is_literal(value))


def reject_literal_headers(headers: dict[str, str]) -> dict[str, str]:
    """The headers of a request or a plugin. Raises if one of them is a literal secret."""
    _reject(headers, f'{_USE} (bearer, basic, oauth1, request, or kind = "header" for a header of any name)')
    return headers


def _reject(values: Mapping[str, str], advice: str) -> None:
    message = "contains a secret, which does not belong in a profile"
    names = [name for name, value in values.items() if is_literal_secret(name, value)]
    raise_errors([((name,), LiteralSecret(f"{name} {message}: {advice}")) for name in names])


def reject_literal_parameters(parameters: Any) -> Any:
    """The parameters of a request. Raises if one of them is a literal secret."""
    raise_errors([*_in_parameters(parameters)])
    return parameters


def _in_parameters(parameters: Json) -> Iterator[tuple[ValuePath, LiteralSecret]]:
    for place, value in leaves(parameters):
        names = [each for each in place if isinstance(each, str)]
        if names and is_literal_secret(names[-1], value):
            yield (
                place,
                LiteralSecret(
                    f"{names[-1]!r} contains a secret, which does not belong in a profile: {_USE} or a placeholder"
                ),
            )


def reject_literal_query(parameters: Mapping[str, str]) -> Any:
    """The parameters of a query. Raises if one of them is a literal secret."""
    _reject(parameters, f'{_USE} of kind = "query"')
    return parameters


def reject_secret_in_uri(uri: str) -> str:
    """A URI or a URI template. Raises if it contains a literal secret."""
    try:
        pieces = Template.parse(uri).pieces
    except ValueError:  # reported by another validator
        pieces = (uri,)
    text = "".join(each if isinstance(each, str) else _PLACEHOLDER for each in pieces)
    for start, end, name in secrets_in_address(text):
        if _PLACEHOLDER not in text[start:end] and text[start:end] != MARK:
            raise LiteralSecret(f"{name} in the address contains a secret, which does not belong in a profile: {_USE}")
    return uri


def reject_literal_template(template: str) -> str:
    """The template of the header that a login results in. Raises if it has no placeholder."""
    if _is_literal(template):
        raise LiteralSecret(
            "the template uses nothing from the response: write a placeholder such as &{@[0]}. "
            f'If it is a token, {MOVE} and use kind = "bearer" or "header"'
        )
    return template


def _is_literal(text: str) -> bool:
    try:
        return Template.parse(text).is_literal
    except ValueError:
        return True
