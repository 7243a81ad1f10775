"""The filter language of the log: `~m post & (~s 5xx | ~t 2s) !login`.

A word without an operator matches what a row and its exchange show. Adjacent terms are joined by "and", which binds
tighter than `|`; `and` and `or` after a term are the same as `&` and `|`. `!` applies to the next term, and so does
`not`, except between words (`was not saved`), where it is one of them, and in a reason phrase of HTTP: `not found` is a
text, and behind its status (`404 not found`) it says nothing more. Words end at a space, `&`, `|` or a parenthesis;
quote text that contains one of these, or is one of these words. A condition such as `entity_id > 500` compares the
value of a field, with the signs and words of other languages, too. Case never matters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ..errors import InvalidValue
from ..misspelling import most_similar
from .expressions import IN_ADDRESS, IN_TEXT, LEADING_SIGNS, And, Expression, Filter, Not, Or, Term
from .field_condition import PATTERN as FIELD_CONDITION
from .field_condition import SIGN, SIGN_WORD, SIGNS, FieldCondition
from .operators import ANYTHING, CONDITION, OPERATORS, attribute, is_method_or_status
from .reason_phrases import WITH_NOT, end_of_phrase

MAX_LENGTH = 2_000
"""Characters of a filter."""
MAX_DEPTH = 50
"""Levels of nested parentheses."""

_TOKEN = re.compile(
    rf"""\s*(?:
        (?P<sign>&{{1,2}}|\|{{1,2}}|[!()])
      | (?P<operator>~[^\s&|!()"'~]*)
      | (?P<quoted>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
      | (?P<open>["'])
      | (?P<condition>{FIELD_CONDITION})
      | (?P<word>[^\s&|()]+)
      | (?P<end>\Z)
    )""",
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
_ATTRIBUTE = re.compile(
    rf"""\s*([a-z]+)(?:\s*(:\s*(?:>=|<=|[<>])|:|{SIGN})\s*|\s+({SIGN_WORD}|is\s+not|is|equals|contains)\s+)
        (?!(?:not\s+)?null\b)
        (\d[\d.]*\s*(?:ms|s|m|b|kb|mb)\b|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[^\s&|()"'!~<>=≥≤≠:][^\s&|()]*)""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
"""A word that may stand for an operator, a sign or a word for one, and the operator's argument."""
_WORDS_FOR_SIGNS = {"is": "=", "equals": "=", "is not": "!=", "contains": ":"}
_ONE_STATUS = re.compile(r"[1-5]\d\d")
_JOINS = {"and": "&", "or": "|"}
_BEFORE_TERM = re.compile(r"\s*[^\s&|)]")
_BEFORE_JOIN = re.compile(rf"\s*(?:{'|'.join(_JOINS)})(?![^\s&|()])", re.IGNORECASE)


class BadFilter(InvalidValue):
    """An invalid filter; `column`, from 1, is the position of the error."""

    def __init__(self, message: str, column: int) -> None:
        super().__init__("filter", message, place=f"column {column}")
        self.column = column


def parse(text: str) -> Filter:
    """Parses a filter. Raises `BadFilter`."""
    if len(text) > MAX_LENGTH:
        raise _too_long()
    return _Parser(text).parse()


@dataclass(frozen=True, slots=True)
class PlacedTerm:
    """A term, and where in the text of its filter it is."""

    start: int
    end: int
    term: Expression
    is_word: bool
    """Whether it is a text without an operator or quotes."""


def placed_terms(text: str) -> list[PlacedTerm]:
    """The terms of a filter in their order. Raises `BadFilter`."""
    if len(text) > MAX_LENGTH:
        raise _too_long()
    parser = _Parser(text)
    parser.parse()
    return parser.terms


def reading(text: str) -> str:
    """How a filter is read that could be read otherwise, such as `products & !404`; "" for another.

    Raises `BadFilter`.
    """
    if len(text) > MAX_LENGTH:
        raise _too_long()
    parser = _Parser(text)
    parser.parse()
    return parser.reading if parser.has_two_readings else ""


def _too_long() -> BadFilter:
    return BadFilter(f"a filter has at most {MAX_LENGTH} characters", MAX_LENGTH + 1)


def help_rows() -> Iterator[tuple[str, str]]:
    """The language as a table of examples and their meanings."""
    for each in OPERATORS.values():
        yield each.example, each.description
    yield "status >= 400  path:cart", "the same by name; also method, time, size, …"
    yield "a b   a & b   a and b", "both"
    yield "a | b   a or b", "either, or both"
    yield "!a   not a", "not this; in a row of words, not is a word"
    yield "(a | b) c", "parentheses group"
    yield '"a b"  "a = 1"', "quotes keep spaces and signs: a text"


def named_in(term: Term) -> tuple[str, str, str] | None:
    """The name, the colon and the value of a text such as `stauts:4xx`, whose name is that of nothing."""
    named = _ATTRIBUTE.fullmatch(term.argument) if term.operator == ANYTHING else None
    return (named[1], ":", _unquoted(named[4])) if named and named[2] == ":" else None


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL) if text[:1] in ("'", '"') else text


@dataclass(frozen=True, slots=True)
class _Lexeme:
    kind: str
    text: str
    column: int
    is_argument: bool = False
    """Whether it is the argument of an operator."""

    @property
    def is_plain(self) -> bool:
        """Whether it is a word of a text: neither a method or a status nor the argument of an operator."""
        return self.kind in ("word", "phrase") and not self.is_argument and not is_method_or_status(self.text)


class _Parser:
    """A recursive descent parser, with one method for each level of precedence."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._depth = 0
        self._position = 0
        self._before: _Lexeme | None = None
        """The token before the one that is read next."""
        self.has_two_readings = False
        """Whether it has the word "not", or a phrase of HTTP."""
        self._pieces: list[str] = []
        """The signs and terms that were read, as they are understood."""
        self.terms: list[PlacedTerm] = []
        """Those that were read."""
        self._token = self._read()

    def parse(self) -> Filter:
        if self._token.kind == "end":
            return Filter()
        expression = self._parse_or()
        if self._token.kind != "end":  # only a closing parenthesis ends an expression early
            raise BadFilter("unmatched parenthesis", self._token.column)
        return Filter(expression)

    @property
    def reading(self) -> str:
        """The filter with a sign between all terms."""
        found, before = "", ""
        for piece in self._pieces:
            is_joined = before not in ("", "&", "|", "!", "(") and piece not in ("&", "|", ")")
            found += f" {piece} " if piece in ("&", "|") else f" & {piece}" if is_joined else piece
            before = piece
        return found

    def _read(self) -> _Lexeme:
        is_argument = self._is_argument()
        match = None if is_argument else WITH_NOT.match(self._text, self._position)
        if match is not None:
            self._position, self.has_two_readings = match.end(), True
            return _Lexeme("phrase", " ".join(match[1].split()), match.start(1) + 1)
        match = _TOKEN.match(self._text, self._position)
        assert match is not None  # `word` and `end` take whatever is left
        assert match.lastgroup is not None
        self._position = match.end()
        kind, text, column = match.lastgroup, match[match.lastgroup], match.start(match.lastgroup) + 1
        if kind == "sign":
            text = text[0]  # && and || are the same
        elif kind == "word" and text.lower() in _JOINS and self._follows_term(is_argument=is_argument):
            if _BEFORE_TERM.match(self._text, self._position) is None:
                raise BadFilter(f"after {text}, a term is missing; in quotes, it is a text", column)
            kind, text = "sign", _JOINS[text.lower()]
        elif kind == "word" and text.lower() == "not" and not is_argument:
            self.has_two_readings = True
            kind, text = ("sign", "!") if self._is_negation() else (kind, text)
        return _Lexeme(kind, text, column, is_argument)

    def _follows_term(self, *, is_argument: bool) -> bool:
        """Whether the token that was just read is behind a term."""
        before = self._before
        return before is not None and not (is_argument or (before.kind == "sign" and before.text != ")"))

    def _is_negation(self) -> bool:
        """Whether the word `not`, which was just read, negates what follows: "is not" and "a not b" are texts."""
        before = self._before
        is_joined = _BEFORE_JOIN.match(self._text, self._position) is not None
        if is_joined or _BEFORE_TERM.match(self._text, self._position) is None:
            return False
        if before is None or not before.is_plain:
            return True
        return before.text.lower() != "is" and not self._is_word_next()

    def _is_word_next(self) -> bool:
        """Whether a word of a text follows, and nothing that is compared."""
        match = _TOKEN.match(self._text, self._position)
        if match is None or match.lastgroup != "word" or _ATTRIBUTE.match(self._text, match.start("word")):
            return False
        return not is_method_or_status(match["word"])

    def _is_argument(self) -> bool:
        """Whether the token that is read next is the argument of an operator."""
        before = self._before
        if before is None or before.kind != "operator":
            return False
        return before.text not in OPERATORS or OPERATORS[before.text].takes_argument

    def _next(self) -> _Lexeme:
        self._before = token = self._token
        if token.kind == "sign":
            self._pieces.append(token.text)
        self._token = self._read()
        return token

    def _is(self, sign: str) -> bool:
        return self._token.kind == "sign" and self._token.text == sign

    def _parse_or(self) -> Expression:
        parts = [self._parse_and()]
        while self._is("|"):
            self._next()
            parts.append(self._parse_and())
        return Or(tuple(parts)) if len(parts) > 1 else parts[0]

    def _parse_and(self) -> Expression:
        parts = [self._parse_not()]
        while not (self._token.kind == "end" or self._is("|") or self._is(")")):
            if self._is("&"):
                self._next()
            parts.append(self._parse_not())
        return And(tuple(parts)) if len(parts) > 1 else parts[0]

    def _parse_not(self) -> Expression:
        signs = 0
        while self._is("!"):
            self._next()
            signs += 1
        inner = self._parse_group() if self._is("(") else self._parse_placed_term()
        if not signs % 2:
            return inner
        return inner.inner if isinstance(inner, Not) else Not(inner)

    def _parse_group(self) -> Expression:
        opened = self._next()
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise BadFilter(f"more than {MAX_DEPTH} nested parentheses", opened.column)
        expression = self._parse_or()
        if not self._is(")"):
            raise BadFilter("this parenthesis is not closed", opened.column)
        self._next()
        self._depth -= 1
        return expression

    def _parse_placed_term(self) -> Expression:
        token = self._token
        term = self._parse_term()
        end = self._token.column - 1
        end -= len(self._text[:end]) - len(self._text[:end].rstrip())
        is_word = token.kind == "word" and isinstance(term, Term) and term.operator == ANYTHING
        self.terms.append(PlacedTerm(token.column - 1, end, term, is_word))
        is_quoted = token.kind == "phrase" or (is_word and token.text.lower() in ("not", *_JOINS))
        source = self._text[token.column - 1 : end]
        self._pieces.append(f'"{source}"' if is_quoted else source)
        if (status := _status_of(term)) and (behind := end_of_phrase(status, self._text, end)) > end:
            self._position, self.has_two_readings = behind, True
            self._token = self._read()
        return term

    def _parse_term(self) -> Expression:
        token = self._token
        if token.kind == "operator":
            return self._parse_operator()
        if token.kind in ("word", "condition") and (meant := self._parse_attribute(token)) is not None:
            return meant
        if token.kind == "condition":
            return Term(CONDITION, str(FieldCondition.parse(self._next().text)))
        if token.kind == "word":
            self._check_sign(token)
        argument = self._parse_argument("a term is missing here")
        return self._checked(Term(ANYTHING, argument), token.column)

    def _parse_operator(self) -> Expression:
        token = self._next()
        known = OPERATORS.get(token.text)
        if known is None:
            raise BadFilter(_unknown(token.text), token.column)
        if not known.takes_argument:
            return Term(token.text)
        column = self._token.column
        argument = self._parse_argument(f"{token.text} needs a value, such as {known.example.partition('  ')[0]}")
        return self._checked(Term(token.text, argument), column)

    def _parse_attribute(self, token: _Lexeme) -> Expression | None:
        """What a term such as "status >= 400" or "path:orders" means; a search criterion may be called so, too."""
        match = _ATTRIBUTE.match(self._text, token.column - 1)
        if match is None:
            return None
        word = re.sub(r"\s+", " ", match[3] or "").lower()
        sign = _WORDS_FOR_SIGNS.get(word, word) or re.sub(r":\s*(?=.)", "", match[2])
        name, value = match[1], _unquoted(match[4])
        found = attribute(name, sign, value)
        if found is None:
            return None
        operator, argument, negated = found
        if word in _WORDS_FOR_SIGNS and (operator in IN_TEXT) != (word == "contains"):
            return None  # such as the text "body is empty"
        self._position = match.end()
        self._before = replace(token, kind="condition")
        self._token = self._read()
        term: Expression = Term(operator, argument)
        term = Not(term) if negated else term
        is_criterion = sign != ":" and operator not in IN_ADDRESS
        if negated or not is_criterion:
            return term
        return Or((term, Term(CONDITION, str(FieldCondition.of(name, sign, value)))))

    @staticmethod
    def _check_sign(token: _Lexeme) -> None:
        """Raises `BadFilter` for a sign that compares nothing."""
        sign = LEADING_SIGNS.match(token.text)
        if sign is not None and sign[0] not in SIGNS:
            raise BadFilter(f"{sign[0]} is not an operator; use one of = != > < >= <= :", token.column)
        if sign is not None and sign[0] == token.text:
            raise BadFilter(f"{sign[0]} needs a name before it and a value after it", token.column)

    def _parse_argument(self, missing: str) -> str:
        token = self._token
        if token.kind == "open":
            raise BadFilter("this quote is not closed", token.column)
        if token.kind not in ("word", "phrase", "condition", "quoted"):
            raise BadFilter(missing, token.column)
        self._next()
        return _unquoted(token.text) if token.kind == "quoted" else token.text

    def _checked(self, term: Term, column: int) -> Term:
        try:
            term.compile()
        except ValueError as error:
            raise BadFilter(str(error), column) from error
        return term


def _status_of(term: Expression) -> int:
    """The one status that a term is about; 0 for any other term."""
    if isinstance(term, Or):  # such as a criterion of the same name
        term = term.parts[0]
    is_status = isinstance(term, Term) and term.operator in (ANYTHING, "~s") and _ONE_STATUS.fullmatch(term.argument)
    return int(term.argument) if isinstance(term, Term) and is_status else 0


def _unknown(text: str) -> str:
    if text == "~":  # lists the operators
        listed = ((operator, each) for operator, each in OPERATORS.items() if operator and each.is_listed)
        with_value = ((operator, each) for operator, each in listed if each.takes_argument)
        return " ".join(f"{operator} {each.name}" for operator, each in with_value)  # fits into 80 columns
    if text[:2] in OPERATORS and OPERATORS[text[:2]].takes_argument:
        return f"{text} is unknown; write a space between {text[:2]} and {text[2:]}"
    names = {each.name.lower(): operator for operator, each in OPERATORS.items() if operator}
    if close := most_similar(text.lstrip("~"), names):
        return f"{text} is unknown; did you mean {names[close]}?"
    known = (operator for operator, each in OPERATORS.items() if operator and each.is_listed)
    return f"{text} is unknown; use one of {', '.join(known)}"
