"""Splits pasted commands into words, as bash, the Windows command prompt and PowerShell do. Nothing is executed.

What a shell would replace at that moment, such as $TOKEN or $(date), is kept between two NUL characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from .insertions import Insertions
from .model import UNKNOWN, InvalidImport, unknown


@dataclass(slots=True)
class ShellCommand:
    """One command: its words, its standard input if the text contains it, and what belongs to it but is not used."""

    words: list[str] = field(default_factory=list)
    stdin: str | None = None
    unused: list[str] = field(default_factory=list)
    """Pipes and redirections, as written."""


_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SIMPLE_ESCAPES = {"a": 7, "b": 8, "e": 27, "E": 27, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11}
_ANSI_NUMBER = re.compile(
    r"x(?P<hex>[0-9A-Fa-f]{1,2})|(?P<octal>[0-7]{1,3})|u(?P<u>[0-9A-Fa-f]{1,4})|U(?P<U>[0-9A-Fa-f]{1,8})"
)
_OPERATOR = re.compile(r"&&|\|\||;;|\|&|[\n;&|()]|")
_BACKSLASHES = re.compile(r"\\*")
_REDIRECTION = re.compile(r"(?:\d*|&)(?:>>|>&|>\||>|<&|<>|<)(?:&?\d+|-)?")


class _Bash:
    """Reads a text by the rules of bash: quoting (POSIX 2.2), $'…', here-documents, pipes and redirections."""

    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0
        self._variables: dict[str, str] = {}
        self._insertions = Insertions()
        self._here: list[tuple[ShellCommand, str, bool, bool]] = []
        """Here-documents whose text follows the line: command, delimiter, whether it is literal, whether it is
        indented."""

    def commands(self) -> list[ShellCommand]:
        found: list[ShellCommand] = []
        command, piped, start = ShellCommand(), False, 0
        while True:
            self._skip_blanks()
            at_end = self._at >= len(self._text)
            if at_end or self._text[self._at] in "\n;&|()":
                operator = _OPERATOR.match(self._text, self._at)
                assert operator is not None
                self._at = operator.end()
                if piped:
                    found[-1].unused.append(f"| {self._text[start : self._at - len(operator[0])].strip()}")
                elif self._is_complete(command):
                    found.append(command)
                if operator[0] == "\n":
                    self._read_here_documents()
                piped = operator[0] in ("|", "|&") and bool(found) and bool(command.words or piped)
                start, command = self._at, ShellCommand()
                if at_end:
                    return found
            elif redirection := _REDIRECTION.match(self._text, self._at):
                self._redirect(command, redirection[0])
            else:
                command.words.append(self._word())

    def _is_complete(self, command: ShellCommand) -> bool:
        """Whether the command has a name; its leading assignments apply to the commands that follow, too."""
        words = command.words
        if words and words[0] == "export":
            words.pop(0)
        while words and (assigned := _ASSIGNMENT.fullmatch(words[0])):
            self._variables[assigned[1]] = assigned[2]
            words.pop(0)
        return bool(words)

    def _skip_blanks(self) -> None:
        found = re.compile(r"(?:[ \t]|\\[ \t]*\n)*(?:#[^\n]*)?").match(self._text, self._at)
        assert found is not None
        self._at = found.end()

    def _redirect(self, command: ShellCommand, operator: str) -> None:
        start = self._at
        here = re.compile(r"\d*<<(<|-)?").match(self._text, start)
        if here is not None:
            self._at = here.end()
            self._skip_blanks()
            quoted = self._text[self._at : self._at + 1] in ("'", '"', "\\")
            word = self._word()
            if here[1] == "<":
                command.stdin = f"{word}\n"
            else:
                self._here.append((command, word, quoted, here[1] == "-"))
            return
        self._at += len(operator)
        if not operator[-1].isdigit() and operator[-1] != "-":
            self._skip_blanks()
            self._word()
        command.unused.append(self._text[start : self._at])

    def _read_here_documents(self) -> None:
        for command, delimiter, literal, indented in self._here:
            lines: list[str] = []
            while self._at < len(self._text):
                end = self._text.find("\n", self._at)
                end = len(self._text) if end < 0 else end
                line = self._text[self._at : end]
                self._at = end + 1
                line = line.lstrip("\t") if indented else line
                if line == delimiter:
                    break
                lines.append(f"{line}\n")
            text = "".join(lines)
            command.stdin = text if literal else _Bash(text)._expanded()
        self._here = []
        self._at = min(self._at, len(self._text))

    def _expanded(self) -> str:
        """The whole text as the inside of double quotes, in which quotes mean nothing."""
        return self._inside_quotes("", "$`\\\n")

    def _word(self) -> str:
        pieces: list[str] = []
        while self._at < len(self._text):
            character = self._text[self._at]
            if character in " \t\n;&|()<>":
                break
            if character == "\\":
                escaped = self._text[self._at + 1 : self._at + 2]
                if blank_line := re.compile(r"\\[ \t]*\n").match(self._text, self._at):
                    self._at = blank_line.end()
                    continue
                pieces.append(escaped or "\\")
                self._at += 2
            elif character == "'":
                pieces.append(self._until("'", self._at + 1))
            elif character == '"':
                self._at += 1
                pieces.append(self._inside_quotes('"', '$`"\\\n'))
            elif self._text.startswith("$'", self._at):
                self._at += 2
                pieces.append(self._ansi_c())
            elif self._text.startswith('$"', self._at):
                self._at += 1
            elif character in "$`":
                pieces.append(self._variable())
            else:
                pieces.append(character)
                self._at += 1
        return "".join(pieces)

    def _until(self, end: str, start: int) -> str:
        found = self._text.find(end, start)
        if found < 0:
            raise unclosed(end)
        self._at = found + len(end)
        return self._text[start:found]

    def _inside_quotes(self, end: str, escapes: str) -> str:
        pieces: list[str] = []
        while self._at < len(self._text):
            character = self._text[self._at]
            if character == end:
                self._at += 1
                return "".join(pieces)
            following = self._text[self._at + 1 : self._at + 2]
            if character == "\\" and following and following in escapes:
                pieces.append("" if following == "\n" else following)
                self._at += 2
            elif character in "$`":
                pieces.append(self._variable())
            else:
                pieces.append(character)
                self._at += 1
        if end:
            raise unclosed(end)
        return "".join(pieces)

    def _variable(self) -> str:
        """What the shell would insert: the value of a variable that the text assigns, otherwise unknown."""
        start = self._at
        if self._text[start] == "`":
            return unknown(f"`{self._until('`', start + 1)}`")
        following = self._text[start + 1 : start + 2]
        if following == "(":
            depth, at = 0, start + 1
            while at < len(self._text):
                depth += {"(": 1, ")": -1}.get(self._text[at], 0)
                at += 1
                if depth == 0:
                    break
            if depth:
                raise unclosed("$(")
            self._at = at
            return unknown(self._text[start:at])
        if following == "{":
            inside = self._until("}", start + 2)
            return self._value_of(inside, f"${{{inside}}}")
        if name := _NAME.match(self._text, start + 1):
            self._at = name.end()
            return self._value_of(name[0], f"${name[0]}")
        if following and following in "0123456789@*#?!$-":
            self._at = start + 2
            return unknown(self._text[start : self._at])
        self._at = start + 1
        return "$"

    def _value_of(self, name: str, written: str) -> str:
        return self._insertions.insert(name, self._variables[name]) if name in self._variables else unknown(written)

    def _ansi_c(self) -> str:
        """The inside of $'…' (bash's manual, "ANSI-C Quoting"): escapes may be bytes of UTF-8."""
        data = bytearray()
        while self._at < len(self._text):
            character = self._text[self._at]
            self._at += 1
            if character == "'":
                return bytes(data).decode("utf-8", "replace")
            if character != "\\":
                data += character.encode("utf-8", "surrogatepass")
                continue
            following = self._text[self._at : self._at + 1]
            if following in _SIMPLE_ESCAPES:
                data.append(_SIMPLE_ESCAPES[following])
            elif following and following in "\\'\"?":
                data += following.encode()
            elif following == "c" and self._at + 1 < len(self._text):
                data.append(ord(self._text[self._at + 1]) & 0x1F)
                self._at += 1
            elif number := _ANSI_NUMBER.match(self._text, self._at):
                data += _encoded_number(number)
                self._at = number.end() - 1
            else:
                data += f"\\{following}".encode("utf-8", "surrogatepass")
            self._at += 1
        raise unclosed("$'")


def _encoded_number(number: re.Match[str]) -> bytes:
    if number["hex"] is not None:
        return bytes([int(number["hex"], 16)])
    if number["octal"] is not None:
        return bytes([int(number["octal"], 8) & 0xFF])
    code = int(number["u"] or number["U"], 16)
    return chr(code).encode("utf-8", "replace") if code < 0x110000 else b"?"


def unclosed(quote: str) -> InvalidImport:
    """The error for a quote without its end."""
    return InvalidImport("import-command", f"The quote {quote} is not closed", "Copy the whole command.")


def bash_commands(text: str) -> list[ShellCommand]:
    """The commands of a text for bash, sh or zsh. Raises `InvalidImport` for a quote that is not closed."""
    return _Bash(text.replace(UNKNOWN, "")).commands()


_CMD_VARIABLE = re.compile(r"%(?![0-9A-Fa-f]{2})([A-Za-z_][A-Za-z0-9_]{2,})%")
"""%20 and the like are escapes of an address."""


def cmd_commands(text: str) -> list[ShellCommand]:
    """The commands of a text for the Windows command prompt: first its carets, then C's rules for arguments."""
    return [
        ShellCommand(_arguments(line), unused=[rest] if rest else [])
        for line, rest in _cmd_lines(text.replace(UNKNOWN, ""))
        if line.strip()
    ]


def _cmd_lines(text: str) -> Iterator[tuple[str, str]]:
    """Each command without its carets, and what it is piped or redirected to."""
    out: list[str] = []
    in_quotes, at, rest = False, 0, -1
    while at < len(text):
        character = text[at]
        if character == "^" and not in_quotes:
            following = text[at + 1 : at + 2]
            if following == "\n":  # a line that goes on; an empty line after it is a line break
                if text[at + 2 : at + 3] == "\n":
                    out.append("\n")
                    at += 1
            elif rest < 0:
                out.append(following)
            at += 2
            continue
        if character == "\n" or (character == "&" and not in_quotes):
            yield "".join(out), "" if rest < 0 else text[rest:at].strip()
            out, in_quotes, rest = [], False, -1
        elif character in "|<>" and not in_quotes and rest < 0:
            rest = at
        elif rest < 0:
            in_quotes ^= character == '"'
            out.append(character)
        at += 1
    yield "".join(out), "" if rest < 0 else text[rest:].strip()


def _arguments(line: str) -> list[str]:
    """The arguments of a Windows command line (CommandLineToArgvW): \\" is a quote, and so is "" inside quotes."""
    words: list[str] = []
    word: list[str] | None = None  # its pieces
    in_quotes, at = False, 0
    while at < len(line):
        found = _BACKSLASHES.match(line, at)
        assert found is not None
        slashes, at = len(found[0]), found.end()
        character = line[at : at + 1]
        at += 1
        if slashes:
            before_quote = character == '"'
            word = word or []
            word.append("\\" * (slashes // 2 if before_quote else slashes))
            if before_quote and slashes % 2:
                word.append('"')
            else:
                at -= 1
        elif character == '"':
            word = word or []
            if in_quotes and line[at : at + 1] == '"':
                word.append('"')
                at += 1
            else:
                in_quotes = not in_quotes
        elif character in " \t" and not in_quotes:
            words += [] if word is None else ["".join(word)]
            word = None
        else:
            word = word or []
            word.append(character)
    if in_quotes:
        raise unclosed('"')
    words += [] if word is None else ["".join(word)]
    return [_CMD_VARIABLE.sub(lambda found: unknown(found[0]), each) for each in words]


@dataclass(frozen=True, slots=True)
class PowerShellString:
    """A string of PowerShell, in contrast to a bare word, which may be a parameter's name."""

    text: str


PowerShellValue = str | dict[str, str]
"""A string or a hash table."""
_BACKTICK = {"0": "\0", "a": "\a", "b": "\b", "e": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_PS_TOKEN = re.compile(
    r"(?P<blank>(?:[^\S\n]|`[ \t]*\n)+|\#[^\n]*)|(?P<here>@(?P<q>[\"'])[ \t]*\n)|(?P<open>@\{|@\(|\$\(|[({\[])"
    r"|(?P<close>[)}\]])|(?P<end>[\n;]|\|\|?|&&)|(?P<quote>[\"'])|(?P<variable>\$\{[^{}]*\}|\$[A-Za-z_][\w:]*)"
    r"|(?P<operator>[=,])|(?P<bare>[^\s;|(){}\"'=,\[\]`$]+|`.|\$|`)"
)


@dataclass(slots=True)
class _Token:
    kind: str
    text: str
    glued: bool
    """Whether nothing separates it from the token before it."""


class PowerShell:
    """The commands of a text for PowerShell, with what it assigns to variables."""

    def __init__(self, text: str) -> None:
        """Raises `InvalidImport` for a quote or a bracket that is not closed."""
        self.variables: dict[str, PowerShellValue] = {}
        self._insertions = Insertions()
        self.methods: list[tuple[str, list[str]]] = []
        """Calls such as $session.Cookies.Add(…): the name in lower case, and the strings in its arguments."""
        self._text, self._at = text.replace(UNKNOWN, ""), 0
        self._tokens = [*self._tokenized()]

    def _tokenized(self) -> Iterator[_Token]:
        glued = False
        while self._at < len(self._text):
            found = _PS_TOKEN.match(self._text, self._at)
            assert found is not None, self._text[self._at]
            self._at = found.end()
            if found["blank"]:
                glued = False
                continue
            if found["here"]:
                end = re.compile(rf"\n[ \t]*{found['q']}@").search(self._text, self._at - 1)
                if end is None:
                    raise unclosed(f"@{found['q']}")
                text = self._text[self._at : max(self._at, end.start())]
                self._at = end.end()
                yield _Token("string", text if found["q"] == "'" else self._expand(text), glued)
            elif found["quote"]:
                text = self._quoted(found["quote"])
                yield _Token("string", text, glued)
            elif found["variable"]:
                yield _Token("variable", found["variable"], glued)
            else:
                kind = str(found.lastgroup)
                text = found[0].removeprefix("`") if kind == "bare" and len(found[0]) > 1 else found[0]
                yield _Token(kind, text, glued)
            glued = True

    def _quoted(self, quote: str) -> str:
        start = self._at
        while self._at < len(self._text):
            character = self._text[self._at]
            if character == "`" and quote == '"':
                self._at += 2
            elif character == quote:
                if self._text[self._at + 1 : self._at + 2] != quote:
                    inside = self._text[start : self._at]
                    self._at += 1
                    inside = inside.replace(quote * 2, quote if quote == "'" else '`"')
                    return inside if quote == "'" else self._expand(inside)
                self._at += 2
            else:
                self._at += 1
        raise unclosed(quote)

    def _expand(self, text: str) -> str:
        """The inside of double quotes; variables are looked up when the statement is read."""

        def replaced(found: re.Match[str]) -> str:
            if found["code"]:
                return chr(int(found["code"], 16)) if int(found["code"], 16) < 0x110000 else "?"
            if found["escaped"] is not None:
                return _BACKTICK.get(found["escaped"], found["escaped"]).replace("\0", "")
            if found["char"]:
                return chr(int(found["char"])) if int(found["char"]) < 0x110000 else "?"
            return unknown(found[0])

        return re.sub(
            r"`u\{(?P<code>[0-9A-Fa-f]{1,6})\}|`(?P<escaped>.)|\$\(\[char\]\s*(?P<char>\d{1,7})\)"
            r"|\$\([^()]*(?:\([^()]*\)[^()]*)*\)|\$\{[^}]*\}|\$[A-Za-z_][\w:]*",
            replaced,
            text,
            flags=re.DOTALL | re.IGNORECASE,
        )

    def commands(self) -> Iterator[tuple[list[str | PowerShellString | dict[str, str]], list[str]]]:
        """The values of each command, and what it is piped to. Assignments are kept in `variables`."""
        statement: list[_Token] = []
        depth = 0
        for token in [*self._tokens, _Token("end", "\n", False)]:
            depth += {"open": 1, "close": -1}.get(token.kind, 0)
            if token.kind == "end" and depth <= 0:
                if token.text in ("|", "||", "&&") and statement:
                    statement.append(_Token("pipe", token.text, False))
                    continue
                yield from self._statement(statement)
                statement = []
                depth = 0
            else:
                statement.append(token)
        if depth > 0:
            raise unclosed("{")

    def _statement(
        self, tokens: list[_Token]
    ) -> Iterator[tuple[list[str | PowerShellString | dict[str, str]], list[str]]]:
        if len(tokens) > 1 and tokens[0].kind == "variable":
            if tokens[1].kind == "operator":
                values, _ = self._values(tokens[2:])
                name = tokens[0].text.strip("${}").lower()
                if len(values) == 1 and isinstance(values[0], dict):
                    self.variables[name] = values[0]
                elif len(values) == 1 and isinstance(values[0], PowerShellString):
                    self.variables[name] = values[0].text
                elif tokens[2:] and tokens[2].kind == "bare" and tokens[2].text.lower() != "new-object":
                    yield self._values(tokens[2:])
                return
            if tokens[1].kind == "bare" and tokens[1].glued:
                method = f"{tokens[0].text}{tokens[1].text}".strip("$").lower()
                texts = [self._resolved(each.text) for each in tokens[2:] if each.kind == "string"]
                self.methods.append((method, texts))
                owner, _, called = method.partition(".")
                if called == "add" and len(texts) == 2:
                    table = self.variables.setdefault(owner, {})
                    if isinstance(table, dict):
                        table[texts[0]] = texts[1]
                return
        if tokens:
            yield self._values(tokens)

    def _values(self, tokens: list[_Token]) -> tuple[list[str | PowerShellString | dict[str, str]], list[str]]:
        values: list[str | PowerShellString | dict[str, str]] = []
        at = 0
        while at < len(tokens):
            token = tokens[at]
            at += 1
            if token.kind == "pipe":
                return values, [f"| {' '.join(each.text for each in tokens[at:])}"]
            if token.kind == "open":
                inside, at = _bracketed(tokens, at)
                if token.text == "@{":
                    values.append(self._table(inside))
                else:
                    texts = [each for each in inside if each.kind == "string"]
                    text = self._resolved(texts[0].text) if len(texts) == 1 else unknown(token.text + "…)")
                    values.append(PowerShellString(text))
            elif token.kind == "variable":
                known = self.variables.get(token.text.strip("${}").lower())
                if isinstance(known, dict):
                    values.append(known)
                else:
                    values.append(PowerShellString(unknown(token.text) if known is None else known))
            elif token.kind == "string":
                values.append(PowerShellString(self._resolved(token.text)))
            elif token.glued and values and isinstance(values[-1], str) and token.kind in ("bare", "operator"):
                values[-1] += token.text
            elif token.kind in ("bare", "operator"):
                values.append(token.text)
        return values, []

    def _table(self, tokens: list[_Token]) -> dict[str, str]:
        table: dict[str, str] = {}
        line: list[_Token] = []
        for token in [*tokens, _Token("end", "\n", False)]:
            if token.kind != "end":
                line.append(token)
                continue
            if len(line) > 2 and line[1].kind == "operator":
                values, _ = self._values(line[2:])
                texts = [each.text if isinstance(each, PowerShellString) else each for each in values]
                table[line[0].text] = "".join(each for each in texts if isinstance(each, str))
            line = []
        return table

    def _resolved(self, text: str) -> str:
        """`text` with the values of the variables that the statements before it assign."""

        def value(found: re.Match[str]) -> str:
            known = self.variables.get(found[1].strip("${}").lower())
            return self._insertions.insert(found[1], known) if isinstance(known, str) else found[0]

        return re.sub(f"{UNKNOWN}([^{UNKNOWN}]*){UNKNOWN}", value, text)


def _bracketed(tokens: list[_Token], at: int) -> tuple[list[_Token], int]:
    """The tokens up to the bracket that closes, and the index after it."""
    depth, start = 1, at
    while at < len(tokens):
        depth += {"open": 1, "close": -1}.get(tokens[at].kind, 0)
        at += 1
        if depth == 0:
            return tokens[start : at - 1], at
    return tokens[start:], at
