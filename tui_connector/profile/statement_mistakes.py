"""Finds the first mistake in a statement `key = value` that is not valid TOML: its cause, its place and its correction.

The statement is read as it was probably meant, value by value: also text without quotes, in lists and inline tables.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, NamedTuple

from .correction import TextEdit
from .value_mistakes import in_quotes, is_value, value_mistake

_MAX_DEPTH: Final = 40
_BARE_KEY: Final = r"[A-Za-z0-9_-]+"
_QUOTED: Final = r'"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\''
_KEY = re.compile(rf"(?:{_BARE_KEY}|{_QUOTED})(?:[ \t]*\.[ \t]*(?:{_BARE_KEY}|{_QUOTED}))*")
_NEXT_KEY = re.compile(
    rf"(?:[ \t]+|[,;][ \t]*)(?=(?:{_BARE_KEY}|{_QUOTED})(?:\.(?:{_BARE_KEY}|{_QUOTED}))*[ \t]*=(?![=>]))"
)
_SEPARATOR = re.compile(r"[ \t]*(==+|=>|:=|->|:|=)[ \t]*")
_STRING = re.compile(_QUOTED)
_LONG_STRING = re.compile(r'"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?\'{3,5}', re.DOTALL)
_ESCAPE = re.compile(r"\\(?:[btnfr\"\\]|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|(.)?)", re.DOTALL)
_DOUBLED = re.compile(r"([\"'])\1(?!\1)(?P<text>[^\"'\n]+)\1{1,2}(?=[ \t]*(?:$|[,\]}#]))", re.MULTILINE)
_ONE_TOO_MANY = re.compile(r"([\"'])(?P<text>[^\"'\n]+)\1\1{1,2}(?=[ \t]*(?:$|[,\]}#]))", re.MULTILINE)
_THREE_DIGITS = re.compile(r"\d{3}(?=[ \t]*[,}])")
_PLACEHOLDER = re.compile(r"\{\{[^{}\n]*\}\}")
_LIST_IN_BRACES = re.compile(r"\{([^{}=:\n]*,[^{}=:\n]*)\}")
_CLOSED_BY = {"[": "]", "{": "}"}
_NAMES = {"[": "list", "{": "inline table"}


class StatementMistake(NamedTuple):
    """The cause of a mistake; `edits` correct it where it is certain what was meant."""

    at: int
    """The offset in the text."""
    code: str
    message: str
    """The cause, in a few words."""
    hint: str = ""
    """What to do about it; empty where the message says it."""
    edits: tuple[TextEdit, ...] = ()


class _Stop(Exception):
    def __init__(self, found: StatementMistake | None) -> None:
        self.found = found


def first_mistake(text: str, start: int) -> StatementMistake | None:
    """The first mistake in the statement that starts at this offset; None if there is none, or its cause is unclear."""
    try:
        _Reader(text, start).statement()
    except _Stop as stop:
        return stop.found
    return None


class _Reader:
    """Reads one statement. `inside` is the bracket that a value is in, "" outside of any."""

    def __init__(self, text: str, start: int) -> None:
        self.text, self.at, self.start = text, start, start
        self.depth = 0

    # Where it is

    def stop(self, at: int, code: str, message: str, hint: str = "", *edits: TextEdit) -> _Stop:
        return _Stop(StatementMistake(at, code, message, hint, edits))

    def next(self) -> str:
        """The next character; empty at the end."""
        return self.text[self.at : self.at + 1]

    def skip(self, characters: str = " \t") -> None:
        while self.next() and self.next() in characters:
            self.at += 1

    def skip_lines(self) -> None:
        """Skips blanks, ends of lines and comments."""
        self.skip(" \t\r\n")
        while self.next() == "#":
            self.at = self.line_end()
            self.skip(" \t\r\n")

    def line_end(self, at: int | None = None) -> int:
        end = self.text.find("\n", self.at if at is None else at)
        return len(self.text) if end < 0 else end

    def rest(self) -> str:
        """The rest of the line."""
        return self.text[self.at : self.line_end()]

    # A statement

    def statement(self) -> None:
        self.skip()
        self.start = self.at
        self.key("")
        self.value("")
        self.after_statement()

    def key(self, inside: str) -> None:
        """Reads a key and its equals sign."""
        start = self.at
        match = _KEY.match(self.text, start)
        if match is None or not self.ends_key(match.end(), inside):
            raise self.wrong_key(start, inside)
        separator = _SEPARATOR.match(self.text, match.end())
        if separator is None:
            raise self.no_separator(match, inside)
        sign, (first, last) = separator[1], separator.span(1)
        if sign != "=":
            if sign == ":" and self.text[separator.end() : separator.end() + 1] == "=":
                sign, last = ": =", separator.end() + 1
            if not self.text[last : self.line_end()].strip(" \t,}"):
                raise self.stop(first, "colon", f"{sign} instead of =, and no value", "Write key = value.")
            code, before = "colon" if sign.startswith(":") else "equals-sign", "" if match.end() < first else " "
            after = "" if self.text[last : last + 1] in " \t" else " "
            raise self.stop(first, code, f"{sign} instead of =", "", TextEdit(first, last, f"{before}={after}"))
        self.at = last

    def ends_key(self, at: int, inside: str) -> bool:
        """Whether what may be a key is all of it."""
        following = self.text[at : self.line_end(at)]
        if re.match(r"[\"'][ \t]*[=:]|:[\w.-]+[ \t]*=(?!=)|[ \t]*[^\w\s\"'=:-]+=(?![=>])", following):
            return False
        if following[:1] in ("'", '"') and re.match(rf"(?:{_QUOTED})[ \t]*(?:$|[,}}#])", following) is None:
            return False
        ends = "=:\"' \t,}" if inside else "=:\"' \t"
        return not following or following[0] in ends or following.startswith("->")

    def no_separator(self, key: re.Match[str], inside: str) -> _Stop:
        """A key that no equals sign follows."""
        start, end = key.span()
        rest = self.text[end : self.line_end(end)]
        words = re.match(rf"(?:[ \t]+{_BARE_KEY})+(?=[ \t]*=(?![=>]))", rest)
        if words is not None:
            name = key.group() + words.group()
            if (prefix := re.match(r"(?:export|set|let|const|var|local)[ \t]+", name)) is not None:
                edit = TextEdit(start, start + prefix.end(), "")
                return self.stop(start, "word-before-key", f"{prefix.group().strip()} before the key", "", edit)
            hint = "Join its words with -, or put it in quotes."
            edit = TextEdit(start, start + len(name), f'"{name}"')
            return self.stop(start, "key-not-quoted", "A key with a space in it", hint, edit)
        value = rest.strip()
        if not value or value[0] in ",}#":
            return self.stop(end, "value-missing", "A key without a value", "Write key = value.")
        at = end + len(rest) - len(rest.lstrip())
        hint = "Write = between the key and its value."
        edits = (TextEdit(end, at, " = "),) if inside or _may_be_value(value) else ()
        return self.stop(at, "equals-sign", "The equals sign is missing", hint, *edits)

    def wrong_key(self, start: int, inside: str) -> _Stop:
        """What stands in place of a key."""
        character, line = self.next(), self.text[start : self.line_end(start)]
        if character == "=":
            return self.stop(start, "key-missing", "The key is missing before the equals sign")
        if character in ("", "\n", "#") or (inside and character in ",;"):
            return _Stop(None)
        if character in "\"'":
            closed = re.match(rf"[\"'][ \t]*({_BARE_KEY}(?:\.{_BARE_KEY})*)(?=[ \t]*[=:])", line)
            if closed is not None or _STRING.match(self.text, start) is None:
                edits = (TextEdit(start, start + 1, ""),) if closed else ()
                return self.stop(start, "quote-missing", "The key has one quote", "Write it without quotes.", *edits)
        written = re.match(r"[^=\n]*?(?=[ \t]*=(?![=>]))", line)
        if written is None or not written.group():
            hint = "Write key = value."
            return self.stop(start, "key-missing", f"{character} in place of a key", hint) if inside else _Stop(None)
        key = written.group()
        whole = TextEdit(start, start + len(key), key)
        if "." in key and re.fullmatch(r"[\w.\- \t]+", key, re.ASCII):
            fixed = ".".join(part.strip() for part in key.split(".") if part.strip())
            edits = (whole._replace(text=fixed),) if _KEY.fullmatch(fixed) else ()
            return self.stop(start, "key-dots", "A part of the key is missing next to a dot", "", *edits)
        if (quoted := re.fullmatch(rf"({_BARE_KEY})[\"']", key)) is not None:
            edit = whole._replace(text=quoted[1])
            return self.stop(start, "quote-missing", "The key has one quote", "Write it without quotes.", edit)
        invalid = re.search(r"[^A-Za-z0-9_\-. \t]", key)
        if invalid is None:
            return _Stop(None)
        at, called = start + invalid.start(), f"{invalid.group()} in a key"
        is_within = 0 < invalid.start() < len(key) - 1
        if invalid.group() in "[]{}\"'" or (invalid.group() in ",;:" and not is_within):
            without = re.sub(r"[\[\]{}\"',;:]", "", key).strip()
            edits = (whole._replace(text=without),) if _KEY.fullmatch(without) else ()
            return self.stop(at, "stray-character", called, "Remove it.", *edits)
        hint = "Keys have letters, digits, _ and -; put others in quotes."
        return self.stop(at, "key-not-quoted", called, hint, whole._replace(text=in_quotes(key)))

    # Values

    def value(self, inside: str) -> None:
        self.skip()
        if not inside:
            self.check_braces()
        character = self.next()
        if character == "=":
            edit = TextEdit(self.at, self.at + 1 + (self.text[self.at + 1 : self.at + 2] == " "), "")
            raise self.stop(self.at, "equals-sign-repeated", "One = too many", "Remove it.", edit)
        if character and character in "\"'":
            self.string(inside)
        elif character == "[":
            self.list()
        elif character == "{":
            self.check_text_in_braces()
            self.table()
        else:
            self.bare(inside)

    def nested(self, read: Callable[[], None]) -> None:
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise _Stop(None)
        read()
        self.depth -= 1

    def list(self) -> None:
        opened = self.at
        self.at += 1
        self.skip_lines()
        while self.next() != "]":
            self.check_statement(opened)
            if self.next() == ",":
                hint = "Remove the comma."
                raise self.stop(self.at, "comma", "A comma without an element before it", hint, self.without_comma())
            self.nested(lambda: self.value("["))
            self.between("[", opened)
        self.at += 1

    def table(self) -> None:
        opened = self.at
        self.at += 1
        self.skip()
        keys: set[str] = set()
        while self.next() != "}":
            self.check_line(opened)
            if self.next() and self.next() in ",;":
                hint = "Remove the comma." if self.next() == "," else "Remove it."
                name = "A comma" if self.next() == "," else "A semicolon"
                raise self.stop(self.at, "comma", f"{name} without an entry before it", hint, self.without_comma())
            start = self.at
            if number := _THREE_DIGITS.match(self.text, start):
                self.check_thousands(start, number)
            self.key("{")
            key = re.sub(r"[\"' \t=]", "", self.text[start : self.at])
            if key in keys:
                raise self.stop(start, "duplicate-key", f"The key {key} is already defined in this inline table")
            keys.add(key)
            self.nested(lambda: self.value("{"))
            self.between("{", opened)
        self.at += 1

    def check_statement(self, opened: int) -> None:
        """The next statement begins in a list that is not closed below."""
        before, here = self.text[: self.at].rstrip(), self.text[self.at :]
        if "\n" not in self.text[len(before) : self.at] or _STATEMENT.match(here) is None:
            return
        below = re.split(r"\n\s*\[\[?[A-Za-z]", here, maxsplit=1)[0]
        if not _closes_outside(below, "[]"):
            is_comment = "#" in _STRING.sub("", before[before.rfind("\n") + 1 :])
            edits = () if is_comment else (TextEdit(len(before), len(before), "]"),)
            raise self.stop(opened, "not-closed", "The [ is not closed", "", *edits)

    def check_braces(self) -> None:
        """An inline table without its braces, or without the first of them."""
        rest = re.sub(r"[ \t]#.*", "", self.rest()).rstrip()
        if re.match(rf"{_KEY.pattern}[ \t]*=(?!=)", rest) is None:
            return
        end = self.at + len(rest)
        before, after = TextEdit(self.at, self.at, "{ "), TextEdit(end, end, " }")
        if rest.endswith("}") and is_value(f"{{ {rest}"):
            raise self.stop(self.at, "inline-table", "The { of the inline table is missing", "", before)
        if is_value(f"{{ {rest} }}"):
            raise self.stop(
                self.at, "inline-table", "An inline table without { }", "Write it in braces.", before, after
            )

    def check_text_in_braces(self) -> None:
        """A list in braces, or a placeholder of another program."""
        start = self.at
        if (placeholder := _PLACEHOLDER.match(self.text, start)) is not None:
            edit = TextEdit(start, placeholder.end(), in_quotes(placeholder.group()))
            raise self.stop(start, "not-quoted", "Text without quotes", "", edit)
        several = _LIST_IN_BRACES.match(self.text, start)
        if several is not None and is_value(f"[{several[1]}]"):
            edit = TextEdit(start, several.end(), f"[{several[1]}]")
            raise self.stop(start, "list-brackets", "A list is in [ ], not in { }", "", edit)

    def check_thousands(self, start: int, digits: re.Match[str]) -> None:
        before = re.search(r"\d{1,3},[ \t]*$", self.text[:start])
        if before is not None:
            comma = self.text.rindex(",", 0, start)
            edit = TextEdit(comma, start, "")
            raise self.stop(comma, "number-comma", "A comma in a number", "Write it without one: 1000.", edit)

    def check_line(self, opened: int) -> None:
        """A line ends in an inline table."""
        if self.next() not in ("", "\n", "\r", "#"):
            return
        below = re.split(r"\n\s*(?:\[|\n|$)", self.text[self.at :], maxsplit=1)[0]
        if _closes_outside(below):
            message = "An inline table { … } must be on one line"
            raise self.stop(opened, "inline-table-lines", message, "It has no comma after its last entry.")
        end = len(self.text[: self.at].rstrip().rstrip(",").rstrip())
        edit = TextEdit(end, len(self.text[: self.at].rstrip()), " }")
        raise self.stop(opened, "not-closed", "The { is not closed", "An inline table ends with } on its line.", edit)

    def without_comma(self) -> TextEdit:
        """Removes the comma here, with the blanks after it where there are some before it."""
        blanks = re.compile(r"[ \t]*").match(self.text, self.at + 1)
        after_blank = self.text[self.at - 1] in " \t[{"
        return TextEdit(self.at, blanks.end() if blanks and after_blank else self.at + 1, "")

    def between(self, bracket: str, opened: int) -> None:
        """What follows an element of a list or an entry of an inline table: a comma, or the end."""
        closing, name = _CLOSED_BY[bracket], _NAMES[bracket]
        end = self.at
        if bracket == "[":
            self.skip_lines()
            self.check_statement(opened)
        else:
            self.skip()
            self.check_line(opened)
        character = self.next()
        if character == ",":
            comma = self.at
            self.at += 1
            if bracket == "[":
                self.skip_lines()
            else:
                self.skip()
                if self.next() == "}":
                    edit = TextEdit(comma, self.at, " ")
                    message = "An inline table { … } has no comma after its last entry"
                    raise self.stop(comma, "inline-table-comma", message, "", edit)
        elif character == ";":
            edit = TextEdit(self.at, self.at + 1, ",")
            raise self.stop(self.at, "comma-missing", f"; instead of a comma in {_a(name)}", "", edit)
        elif character and character in "]})":
            if character != closing:
                edit = TextEdit(self.at, self.at + 1, closing)
                raise self.stop(self.at, "not-closed", f"{_a(name).capitalize()} ends with {closing}", "", edit)
        elif not character:
            raise _Stop(None)  # not closed: where that is, is found elsewhere
        elif re.match(r"[\w\"'\[{+-]", character):
            hint = f"Commas separate the {'elements' if bracket == '[' else 'entries'} of {_a(name)}."
            raise self.stop(end, "comma-missing", "A comma is missing", hint, TextEdit(end, end, ","))
        else:
            name = "an element" if bracket == "[" else "an entry"
            edit = TextEdit(self.at, self.at + 1, "")
            raise self.stop(self.at, "stray-character", f"{character} after {name}", "Remove it.", edit)

    def after_statement(self) -> None:
        """What follows a value in its line."""
        end = self.at
        self.skip()
        rest = self.rest()
        if not rest.strip() or rest.startswith("#"):
            return
        before = self.text[end - 1 : end]
        if rest[0] in ",;" and (not rest[1:].strip() or rest[1:].lstrip().startswith("#")):
            edit = TextEdit(end, self.at + 1, "")
            name = "comma" if rest[0] == "," else "semicolon"
            raise self.stop(self.at, "end-of-line", f"A {name} at the end of the line", "Remove it.", edit)
        if (mark := re.match(r"//|--|;|/\*", rest)) is not None:
            edit = TextEdit(self.at, self.at + mark.end(), "#")
            raise self.stop(self.at, "comment-mark", "Comments start with #", "", edit)
        if rest[0] in "]}" and not rest[1:].strip():
            raise self.stop(self.at, "bracket", f"One {rest[0]} too many", "Remove it.", TextEdit(end, self.at + 1, ""))
        if (following := re.match(rf"[,;]?[ \t]*(?={_KEY.pattern}[ \t]*=(?![=>]))", rest)) is not None:
            edit = TextEdit(end, self.at + following.end(), "\n")
            message = "Two keys on one line"
            raise self.stop(self.at + following.end(), "one-line-each", message, "Write each on its own line.", edit)
        if before in "\"'":
            hint = "Put all of the text in quotes, or write # before a comment."
            raise self.stop(self.at, "after-value", "Text after the closing quote", hint)
        raise self.stop(self.at, "after-value", "Text after the value", "Remove it, or write # before a comment.")

    # Text

    def string(self, inside: str) -> None:
        start, text = self.at, self.text
        quote = text[start]
        if text.startswith(quote * 3, start):
            self.long_string(quote)
            return
        if (doubled := _DOUBLED.match(text, start) or _ONE_TOO_MANY.match(text, start)) is not None:
            edit = TextEdit(start, doubled.end(), f"{quote}{doubled['text']}{quote}")
            raise self.stop(
                start, "quotes-doubled", "Quotes are doubled", "Write one on either side of the text.", edit
            )
        match = _STRING.match(text, start)
        if match is None:
            raise self.open_string(start, quote, inside)
        if quote == '"':
            self.check_escapes(match)
        if (control := re.search(r"[\x00-\x08\x0b-\x1f\x7f]", match.group())) is not None:
            at = start + control.start()
            edit = TextEdit(at, at + 1, "")
            name = f"U+{ord(control.group()):04X} (control character)"
            raise self.stop(at, "control-character", f"Invalid character {name}", "Delete it.", edit)
        self.at = match.end()
        self.check_quotes_inside(match, quote, inside)

    def long_string(self, quote: str) -> None:
        start = self.at
        match = _LONG_STRING.match(self.text, start)
        if match is not None:
            self.at = match.end()
            return
        line = self.rest()
        if (single := re.match(rf"{quote}{{3}}([^{quote}]+){quote}{{1,2}}[ \t]*$", line)) is not None:
            edit = TextEdit(start, start + len(line.rstrip()), f"{quote}{single[1]}{quote}")
            message = "Three quotes open the text, and fewer close it"
            raise self.stop(start, "quotes-doubled", message, "Write one on either side.", edit)
        raise _Stop(None)

    def open_string(self, start: int, quote: str, inside: str) -> _Stop:
        """A quote that is not closed in its line."""
        line = self.text[start : self.line_end(start)].rstrip()
        if line.endswith(f"\\{quote}") and quote == '"':
            edit = TextEdit(start, start + len(line), f"'{line[1:-1]}'")
            edits = (edit,) if "'" not in line else ()
            message = "The backslash before the closing quote makes it part of the text"
            return self.stop(start + len(line) - 2, "backslash", message, "Use single quotes.", *edits)
        ends = re.search(r"[ \t]*[\]}][\]} \t]*$", line) if inside else None
        end = ends.start() if ends else len(line)
        while end and line[end - 1] in ",;":
            end -= 1
        other = "'" if quote == '"' else '"'
        at = start + end
        if end > 2 and line[end - 1] == other and other not in line[: end - 1]:
            edit = TextEdit(start, at, f"{other}{line[1 : end - 1]}{other}")
            message = f"The text opens with {quote} and ends with {other}"
            return self.stop(start, "quote-missing", message, "Write the same quote on both sides.", edit)
        return self.stop(at, "quote-missing", "The closing quote is missing", "", TextEdit(at, at, quote))

    def check_escapes(self, string: re.Match[str]) -> None:
        """Backslashes in double quotes that no escape follows."""
        written = string.group()
        for escape in _ESCAPE.finditer(written, 1, len(written) - 1):
            if escape[1] is None:
                continue
            inner = written[1:-1]
            if "'" not in inner and '\\"' not in inner:
                new = f"'{inner}'"
            else:
                new = '"' + re.sub(r"\\(?!\")", r"\\\\", inner) + '"'
            hint = "In double quotes a backslash starts an escape: use 'single quotes', or write it twice (\\\\)."
            message = f"Invalid escape \\{escape[1]}" if escape[1].isprintable() else "Invalid escape"
            at = string.start() + escape.start()
            raise self.stop(at, "backslash", message, hint, TextEdit(string.start(), string.end(), new))

    def check_quotes_inside(self, string: re.Match[str], quote: str, inside: str) -> None:
        """A text that goes on after what was read as its closing quote."""
        end = self.at
        following = self.text[end : self.line_end(end)]
        comes_next = following[:1]
        if not comes_next or (comes_next in " \t,;]})#\r" and string.group()[-2] not in " \t"):
            self.check_several(string, inside)
            return
        if not following.strip() or following.lstrip()[0] in ",;]})#":
            return
        stripped = following.rstrip()
        is_whole = not inside and stripped.endswith(quote) and stripped.count(quote) > 0
        if following.startswith("//"):
            return
        if string.end() - string.start() == 2:
            message = "The text ends where it begins: two quotes open it"
            raise self.stop(end, "quotes-doubled", message, "Remove one of them.")
        if is_whole:
            text = f"{string.group()[1:-1]}{quote}{stripped[:-1]}"
            other = "'" if quote == '"' else '"'
            message = "A quote inside the text ends it"
            hint = f"Put a text with {quote} in it in {other} quotes."
            edits = () if "\\" in text else (TextEdit(string.start(), end + len(stripped), in_quotes(text)),)
            raise self.stop(end - 1, "quote-inside", message, hint, *edits)
        if self.text[string.start() : self.line_end(end)].count(quote) % 2:
            message = "A quote is missing on this line: their number is odd"
            raise self.stop(end, "quote-missing", message, "Look where each text ends.")
        if comes_next not in "\"' \t[{" and not inside:
            message = "Text after the closing quote"
            raise self.stop(end, "after-value", message, "Put all of it in quotes, or write # before a comment.")

    def check_several(self, string: re.Match[str], inside: str) -> None:
        """Several texts with commas, and no brackets."""
        if inside:
            return
        several = re.match(rf"(?:[ \t]*,[ \t]*(?:{_QUOTED}))+,?(\])?(?=[ \t]*(?:$|#))", self.rest())
        if several is None:
            return
        end = self.at + several.end()
        closing = () if several[1] else (TextEdit(end, end, "]"),)
        edits = (TextEdit(string.start(), string.start(), "["), *closing)
        at = string.start()
        raise self.stop(at, "list-brackets", "A list without brackets", "Write them around it: [ … ].", *edits)

    # Other values

    def bare(self, inside: str) -> None:
        """A value without quotes: a number, a boolean, a date, or what was meant as text."""
        start = self.at
        written = self.text[start : self.bare_end(inside)].rstrip()
        end = start + len(written)
        if not written:
            if inside == "[" and self.next() not in ("]", "}", ","):
                raise _Stop(None)  # not closed: where that is, is found elsewhere
            if self.next() in ("]", "}", ",", "", "\n", "#", "\r"):
                message = "The value is missing after the equals sign"
                hash_text = re.match(r"#\S", self.rest())
                hint = "# starts a comment: put text with it in quotes." if hash_text else ""
                raise self.stop(self.at, "value-missing", message, hint)
            raise _Stop(None)
        if not is_value(written):
            raise self.wrong_value(start, end, written, inside)
        self.at = end

    def bare_end(self, inside: str) -> int:
        """Where a value without quotes ends: at a comma or bracket of what it is in, a comment, or the next key."""
        ends = {"": "\n", "[": ",]}\n", "{": ",]}\n"}[inside]
        depth, at = 0, self.at
        while at < len(self.text):
            character = self.text[at]
            if character == "\n" or (depth == 0 and character in ends):
                break
            if character == "#" and (at == self.at or self.text[at - 1] in " \t"):
                break
            if character in " \t,;" and depth == 0 and _NEXT_KEY.match(self.text, at):
                break
            depth += (character in "([{") - (character in ")]}")
            depth = max(0, depth)
            at += 1
        return at if depth == 0 or not inside else min(self.end_of_first(ends), at)

    def end_of_first(self, ends: str) -> int:
        found = [at for end in ends if (at := self.text.find(end, self.at)) >= 0]
        return min(found, default=len(self.text))

    def wrong_value(self, start: int, end: int, written: str, inside: str) -> _Stop:
        """The cause of a value that is not in quotes, and is none that TOML has."""
        found = value_mistake(written)
        edits = () if found.corrected is None else (TextEdit(start, end, found.corrected),)
        if found.code == "null" and not inside:
            edits = (TextEdit(self.start, self.start, "# "),)
        return self.stop(start, found.code, found.message, found.hint, *edits)


_STATEMENT = re.compile(rf"{_KEY.pattern}[ \t]*=(?![=>])")
_WORD = re.compile(r"\w[\w.:/-]*")


def _may_be_value(text: str) -> bool:
    """Whether a text behind a key is its value, rather than the rest of a sentence, or of something else."""
    bare = re.sub(r"[ \t]+#.*", "", text)
    return is_value(bare) or is_value(text) or _WORD.fullmatch(bare) is not None


def _closes_outside(text: str, brackets: str = "{}") -> bool:
    """Whether a closing bracket closes what was opened before this text."""
    depth = 0
    for bracket in re.findall(f"[{re.escape(brackets)}]", re.sub(r"#.*", "", _STRING.sub("", text))):
        depth += 1 if bracket == brackets[0] else -1
        if depth < 0:
            return True
    return False


def _a(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"
