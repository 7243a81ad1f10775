"""What a paste holds: Magento's window gives one value at a time, other places all four with their labels."""

from __future__ import annotations

import re

from ..secrets.cleaning import SecretKind, clean, visible

TOKEN_LENGTH = 32
"""All four values of an integration (Magento\\Framework\\Oauth\\Helper\\Oauth)."""

_TOKEN = re.compile(r"(?<![A-Za-z0-9])[a-z0-9]{32}(?![A-Za-z0-9])")


def pasted(text: str, kind: SecretKind) -> list[str]:
    """The secrets in a paste: two to four 32-character values, or one secret of this kind without what came along."""
    values = _TOKEN.findall(visible(text))
    lines = [line for line in text.splitlines() if visible(line).strip()]
    if len(lines) > 1 and (len(values) > 1 or (values and kind is SecretKind.TOKEN)):
        return values[:4]
    if len(values) > 1 and kind is SecretKind.TOKEN:
        return values[:4]
    return [found for found in (clean(line, kind) for line in lines[:1]) if found]
