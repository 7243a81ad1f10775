"""Finds a text in addresses, as they are and percent-decoded."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import unquote


def uri_search(text: str) -> Callable[[str], bool]:
    """A search for a casefolded text in one or several URIs, as they are and percent-decoded."""
    own_bytes = {byte for form in (text, text.upper()) for byte in form.encode("utf-8", "replace") if byte < 0x80}
    # decoding takes ten times as long, and is only useful if an escape stands for a character of the text
    relevant_escapes = re.compile("|".join(["%[89a-f]", *(f"%{byte:02x}" for byte in sorted(own_bytes))]))

    def found(uris: str) -> bool:
        folded = uris.casefold()
        return text in folded or (
            "%" in folded and relevant_escapes.search(folded) is not None and text in unquote(uris).casefold()
        )

    return found
