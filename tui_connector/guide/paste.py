"""What a paste holds: Magento's window gives one value at a time, other places all four with their labels."""

from __future__ import annotations

import re

TOKEN_LENGTH = 32
"""All four values of an integration (Magento\\Framework\\Oauth\\Helper\\Oauth)."""

_TOKEN = re.compile(r"(?<![A-Za-z0-9])[a-z0-9]{32}(?![A-Za-z0-9])")


def pasted(text: str) -> list[str]:
    """The secrets in a paste: one to four 32-character values, with or without labels, or the trimmed text itself.

    Quotes and outer white space never belong to a token, and Magento refuses a header that has them.
    """
    values = _TOKEN.findall(text)
    if len(values) > 1 or (len(values) == 1 and ":" in text):
        return values[:4]
    lines = [line.strip().strip("\"'").strip() for line in text.splitlines() if line.strip()]
    return lines[:1]
