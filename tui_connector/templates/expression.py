"""JMESPath with limits: any expression costs at most milliseconds and fails with a clear message.

Specification: https://jmespath.org/specification.html
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, get_args

import jmespath
from jmespath.exceptions import IncompleteExpressionError, JMESPathError, JMESPathTypeError, LexerError, ParseError
from jmespath.functions import Functions
from jmespath.visitor import Options, TreeInterpreter
from pydantic import AfterValidator, Field
from pydantic import JsonValue as Json
from pydantic.fields import FieldInfo

from ..errors import InvalidValue
from ..misspelling import similar_names
from . import expression_mistakes

MAX_LENGTH: Final = 1_000
"""Characters of an expression."""
MAX_DEPTH: Final = 50
"""Levels of nesting in an expression."""
MAX_STEPS: Final = 200_000
"""Steps of one evaluation, about half a microsecond each; a value that is traversed counts by its size."""
MAX_TEXT: Final = 1_000_000
"""Characters of a text that an expression or a template produces."""
MAX_ITEMS: Final = 100_000
"""Items of a list that an expression produces."""

_BUILDING = {"multi_select_list", "multi_select_dict", "function_expression", "flatten", "expref"}


class Budget:
    """Counts the steps of one or more evaluations that share a limit."""

    def __init__(self) -> None:
        self.spent = 0

    def spend(self, steps: int) -> None:
        """Raises `InvalidValue` when `MAX_STEPS` are exceeded."""
        self.spent += steps
        if self.spent > MAX_STEPS:
            raise InvalidValue("expression", f"the expression needs more than {MAX_STEPS:,} steps")

    def weigh(self, value: object) -> int:
        """Roughly the characters of `value` as JSON. A shared part counts, and costs, each time it occurs."""
        size, stack = 0, [value]
        while stack:
            part = stack.pop()
            if isinstance(part, str):
                size += len(part) + 2
                self.spend(1 + len(part) // 64)
            elif isinstance(part, list):
                size += len(part) + 2
                self.spend(1 + len(part))
                stack.extend(part)
            elif isinstance(part, dict):
                names = sum(map(len, part))
                size += names + 4 * len(part) + 2
                self.spend(1 + len(part) + names // 64)
                stack.extend(part.values())
            elif part is None or isinstance(part, bool | int) or (isinstance(part, float) and abs(part) < float("inf")):
                size += 4
                self.spend(1)
            else:
                raise InvalidValue("expression", "the result is not a JSON value")
        return size


def function_names() -> list[str]:
    """The functions that an expression may call."""
    return sorted(Functions.FUNCTION_TABLE)


class _Functions(Functions):
    """The functions of JMESPath; their cost is checked before they run."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget

    def call_function(self, function_name: str, resolved_args: Any) -> Any:
        produced = 0
        for argument in resolved_args:
            if function_name in ("to_string", "contains"):
                produced += self._budget.weigh(argument)
            elif isinstance(argument, list):
                length = sum(len(item) for item in argument if isinstance(item, str))
                self._budget.spend(len(argument) // 8 + length // 64)
                produced += length
            elif isinstance(argument, str | dict):
                self._budget.spend(len(argument) // (64 if isinstance(argument, str) else 8))
        if function_name == "join" and len(resolved_args) == 2 and type(resolved_args[1]) is list:
            produced += len(str(resolved_args[0])) * len(resolved_args[1])
        if function_name in ("to_string", "join") and produced > MAX_TEXT:
            raise InvalidValue(
                "expression", f"{function_name}() would create a text of more than {MAX_TEXT:,} characters"
            )
        return super().call_function(function_name, resolved_args)


class _Interpreter(TreeInterpreter):
    """Evaluates an expression within a budget, and remembers the last lookup that found nothing."""

    def __init__(self, budget: Budget) -> None:
        super().__init__(Options(custom_functions=_Functions(budget)))
        self._budget = budget
        self.missed: tuple[str | int, object] | None = None

    def visit(self, node: Any, *args: Any, **kwargs: Any) -> Any:
        self._budget.spend(1)
        return super().visit(node, *args, **kwargs)

    def visit_field(self, node: Any, value: Any) -> Any:
        found = value.get(node["value"]) if isinstance(value, dict) else None
        if found is None and value is not None:
            self.missed = node["value"], value
        return found

    def visit_index(self, node: Any, value: Any) -> Any:
        found = super().visit_index(node, value)
        if found is None and value is not None:
            self.missed = node["value"], value
        return found

    def visit_comparator(self, node: Any, value: Any) -> Any:
        left, right = (self.visit(child, value) for child in node["children"])
        self._budget.weigh(left)
        self._budget.weigh(right)
        ordered = (_is_number(left) and _is_number(right)) or (isinstance(left, str) and isinstance(right, str))
        if node["value"] not in ("eq", "ne") and not ordered:
            return None
        return self.COMPARATOR_FUNC[node["value"]](left, right)

    def visit_flatten(self, node: Any, value: Any) -> Any:
        base = self.visit(node["children"][0], value)
        if not isinstance(base, list):
            return None
        length = sum(len(item) if isinstance(item, list) else 1 for item in base)
        if length > MAX_ITEMS:
            raise InvalidValue("expression", f"the expression creates a list of more than {MAX_ITEMS:,} items")
        self._budget.spend(len(base) + length // 4)
        return [part for item in base for part in (item if isinstance(item, list) else (item,))]


class _TracingInterpreter(_Interpreter):
    """Also records which parts of the expression have had a value, and which fields were looked up in vain."""

    def __init__(self, budget: Budget, lookups: Lookups) -> None:
        super().__init__(budget)
        self._lookups, self._watched = lookups, lookups.watched

    def visit(self, node: Any, *args: Any, **kwargs: Any) -> Any:
        self._budget.spend(1)
        found = TreeInterpreter.visit(self, node, *args, **kwargs)  # each call in between costs 2 % of an item
        if id(node) in self._watched:
            self._lookups.note(node, args[0], found)
        return found


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled JMESPath expression."""

    text: str
    tree: Any
    builds: bool
    """Whether the result may be larger than the data."""

    @classmethod
    def compile(cls, text: str) -> Expression:
        """Raises `InvalidValue` if `text` is not valid JMESPath, too long, or nested too deeply."""
        if len(text) > MAX_LENGTH:
            raise InvalidValue("expression", f"the expression has more than {MAX_LENGTH:,} characters")
        try:
            tree: Any = _compiled(text)
            kinds = {str(node["type"]) for node in _checked_nodes(tree)}
        except RecursionError:
            raise InvalidValue("expression", f"the expression is nested deeper than {MAX_DEPTH}") from None
        except ParseError as error:
            where, why = f"at character {error.lex_position + 1}", _why_invalid(text, error)
            repaired = expression_mistakes.repaired(text, _is_valid)
            hint = f"Write {repaired}." if repaired else ""
            wrong = InvalidValue("expression", f"invalid JMESPath {where}: {why}", hint)
            wrong.at = error.lex_position
            wrong.correction = (text, repaired) if repaired else None
            raise wrong from None
        except JMESPathError:
            raise InvalidValue("expression", "the placeholder is empty", "Write &{@} for all of the data.") from None
        return cls(text, tree, bool(kinds & _BUILDING))

    def find(self, data: object, budget: Budget, lookups: Lookups | None = None) -> tuple[Json, InvalidValue | None]:
        """The expression's value for `data`; if that is null, also why, with the nearest keys.

        `lookups`: those of this expression, which are noted there. Raises `InvalidValue` if it cannot be evaluated, or
        not within the budget.
        """
        if lookups is None or lookups.is_settled:
            interpreter = _Interpreter(budget)
        else:
            interpreter = _TracingInterpreter(budget, lookups)
        try:
            found: Json = interpreter.visit(self.tree, data)
            if self.builds:
                budget.weigh(found)
        except JMESPathTypeError as error:  # its message contains the value
            wanted = " or ".join(error.expected_types)
            raise InvalidValue(
                "expression", f"{error.function_name}() requires {wanted}, not {error.actual_type}"
            ) from None
        except JMESPathError as error:
            raise InvalidValue("expression", str(error).rstrip(".")) from None
        except InvalidValue:
            raise
        except RecursionError:
            raise InvalidValue("expression", "the data is nested too deep") from None
        except (TypeError, ValueError, OverflowError):
            raise InvalidValue("expression", "the expression cannot be evaluated on this data") from None
        return found, (_not_found(interpreter.missed) if found is None else None)


@dataclass(frozen=True, slots=True)
class _ResultPart:
    """A part of an expression whose value is one of the result: its name there, and the fields that it looks up."""

    node: int
    name: str
    fields: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class EmptyOutput:
    """A part of the result that was null or empty each time, while fields that it looks up were never there."""

    name: str
    """Such as "price", "stock.qty" or "[1]"; "" for the whole result."""
    is_null: bool
    """Whether it was null each time, and never an empty list."""
    fields: Sequence[str]
    """The fields that were never there."""
    names: Sequence[str]
    """The fields that were there, in the first value that lacked the first of them."""


class Lookups:
    """Which fields an expression has looked up in vain in all evaluations so far.

    A field that is there with the value null was not looked up in vain. Evaluations are traced only until each part
    of the result has had a value, or has found its fields.
    """

    def __init__(self, expression: Expression, *, is_condition: bool = False) -> None:
        """`is_condition`: the result only counts as true or not; then the empty result is one that is not true."""
        self._is_condition = is_condition
        self._tree = expression.tree
        outputs = [_output(self._tree, "")] if is_condition else list(_outputs(self._tree, ""))
        self._unsettled: list[_ResultPart] = []
        self.watched: set[int] = set()
        """The nodes whose values still matter."""
        self._watch(outputs)
        self._found: set[int] = set()
        """The fields that were there."""
        self._missed: dict[int, Sequence[str]] = {}
        """By field that was not there at least once: the names that were."""
        self._filled: set[int] = set()
        """The parts that have had a value."""
        self._lists: set[int] = set()

    @property
    def is_settled(self) -> bool:
        """Whether further evaluations can change nothing."""
        return not self._unsettled

    def note(self, node: Any, data: object, found: object) -> None:
        """Records the value of one part of the expression for `data`."""
        place = id(node)
        if node["type"] == "field" and data is not None:
            if isinstance(data, dict) and node["value"] in data:
                self._found.add(place)
            elif place not in self._missed:
                self._missed[place] = list(data)[:_MOST_NAMES] if isinstance(data, dict) else []
        if self._is_condition:
            has_value = is_truthy(found)
        elif isinstance(found, list):
            has_value = any(each is not None for each in found)
            self._lists.add(place)
        else:
            has_value = found is not None
        if has_value:
            self._filled.add(place)
        if node is self._tree:
            unsettled = [each for each in self._unsettled if not self._settles(each)]
            if len(unsettled) < len(self._unsettled):
                self._watch(unsettled)

    def _watch(self, outputs: list[_ResultPart]) -> None:
        self._unsettled = outputs
        self.watched = {id(self._tree)} if outputs else set()
        for each in outputs:
            self.watched |= {each.node, *each.fields}

    def _settles(self, output: _ResultPart) -> bool:
        return output.node in self._filled or output.fields.keys() <= self._found

    def empty_outputs(self) -> Iterator[EmptyOutput]:
        """The parts that were empty each time, the outermost only."""
        above: list[str] = []
        for each in self._unsettled:
            missing = [place for place in each.fields if place in self._missed and place not in self._found]
            if not missing or any(_is_within(each.name, name) for name in above):
                continue
            above.append(each.name)
            fields = list(dict.fromkeys(each.fields[place] for place in missing))
            yield EmptyOutput(each.name, each.node not in self._lists, fields, self._missed[missing[0]])


_MOST_NAMES = 1_000


def _is_within(name: str, outer: str) -> bool:
    return not outer or name.startswith((f"{outer}.", f"{outer}["))


def _outputs(node: Any, name: str) -> Iterator[_ResultPart]:
    """The result as a whole, then each value of the objects and lists that the expression builds."""
    yield _output(node, name)
    yield from _built(node, name)


def _built(node: Any, name: str) -> Iterator[_ResultPart]:
    for index, child in enumerate(node["children"]):
        if node["type"] == "multi_select_dict":
            yield from _outputs(child, f"{name}.{child['value']}" if name else child["value"])
        elif node["type"] == "multi_select_list":
            yield from _outputs(child, f"{name}[{index}]")
        elif isinstance(child, dict):
            yield from _built(child, name)


def _output(node: Any, name: str) -> _ResultPart:
    fields = [each for each, _ in nodes(node) if each["type"] == "field"]
    return _ResultPart(id(node), name, {id(each): each["value"] for each in reversed(fields)})


def shape(value: object) -> str:
    """The type of a value for a message, never the value itself."""
    if isinstance(value, dict):
        return f"an object ({_joined(list(value)[:5])})" if value else "an empty object"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, str):
        return "a text" if value else "an empty text"
    return "null" if value is None else "true or false" if isinstance(value, bool) else "a number"


def _compiled(text: str) -> Any:
    with warnings.catch_warnings():  # `word` without quotes is old JMESPath, still common and not ambiguous (JEP-12)
        warnings.simplefilter("ignore")
        return jmespath.compile(text).parsed


def _is_valid(text: str) -> bool:
    try:
        return _compiled(text) is not None
    except (JMESPathError, RecursionError):
        return False


def nodes(tree: Any) -> Iterator[tuple[Any, int]]:
    """Each node of a compiled expression, and its depth."""
    stack = [(tree, 1)]
    while stack:
        node, depth = stack.pop()
        yield node, depth
        stack.extend((child, depth + 1) for child in node["children"] if isinstance(child, dict))


def _checked_nodes(tree: Any) -> Iterator[Any]:
    for node, depth in nodes(tree):
        if depth > MAX_DEPTH:
            raise InvalidValue("expression", f"the expression is nested deeper than {MAX_DEPTH}")
        name = node.get("value")
        if node["type"] == "function_expression" and name not in Functions.FUNCTION_TABLE:
            near = similar_names(name, Functions.FUNCTION_TABLE, 3, 0.5)
            hint = f"Nearest: {_joined(near)}." if near else ""
            wrong = InvalidValue("expression", f"unknown function {name}()", hint)
            wrong.correction = (f"{name}(", f"{near[0]}(") if near else None
            raise wrong
        yield node


def _why_invalid(text: str, error: ParseError) -> str:
    """What is wrong at the place where the parser has stopped."""
    found = text[error.lex_position : error.lex_position + 1]
    if isinstance(error, IncompleteExpressionError) or not found:
        return "the expression ends too early"
    if isinstance(error, LexerError) and found in _QUOTES:
        return f"the quote {found} is not closed"
    if isinstance(error, LexerError) and found == "=":
        return "a comparison is written =="
    token = found if isinstance(error, LexerError) else str(error.token_value)
    is_number = re.fullmatch(r"-?\d+(?:\.\d+)?", token) is not None
    return f"a number is written `{token}`" if is_number else f"unexpected {token}"


_QUOTES = ("'", '"', "`")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _joined(names: list[str]) -> str:
    return ", ".join(name if len(name) <= 40 else name[:39] + "…" for name in names)


def _not_found(missed: tuple[str | int, object] | None) -> InvalidValue:
    if missed is None:
        return InvalidValue("expression", "no value found", "Write ?{…} if the value is optional.")
    wanted, place = missed
    step = f"[{wanted}]" if isinstance(wanted, int) else _joined([wanted])
    there = isinstance(place, list) and isinstance(wanted, int) and -len(place) <= wanted < len(place)
    if there or (isinstance(place, dict) and wanted in place):
        return InvalidValue("expression", f"{step} is null", "Write ?{…} if it may be null.")
    if isinstance(wanted, int) or not isinstance(place, dict):
        hint = f"Write [0].{step} or [*].{step}." if isinstance(wanted, str) and isinstance(place, list) else ""
        return InvalidValue("expression", f"no value found: {step} was looked up on {shape(place)}", hint)
    near = similar_names(wanted, list(place)[:1_000], 3, 0.5)
    names = _joined(near or list(place)[:5])
    hint = f"Nearest: {names}." if near else f"There are: {names}." if names else "The object is empty."
    return InvalidValue("expression", f"no value found: no {step}", hint)


def _checked(text: str) -> str:
    try:
        Expression.compile(text)
    except InvalidValue as error:
        wrong = InvalidValue(error.code, str(error))
        wrong.at = error.at
        wrong.correction = error.correction
        raise wrong from error
    return text


_CHECK = AfterValidator(_checked)
ExpressionText = Annotated[str, Field(min_length=1), _CHECK]
"""A field of a profile that is a JMESPath expression."""


def is_expression(field: FieldInfo) -> bool:
    """Whether the field, or each value in it, is an `ExpressionText`."""
    return _CHECK in field.metadata or _has_check(field.annotation)


def _has_check(annotation: object) -> bool:
    return _CHECK in getattr(annotation, "__metadata__", ()) or any(map(_has_check, get_args(annotation)))


def is_truthy(value: object) -> bool:
    """Whether JMESPath regards it as true: everything but null, false and empty values; 0 is true."""
    return value not in (None, False, "", [], {}) or (value == 0 and value is not False)


def may_drop_items(text: str) -> bool:
    """Whether an expression contains a filter or a slice, so that its list may be shorter than its input."""
    tree = Expression.compile(text).tree
    return any(node["type"] in ("filter_projection", "slice") for node, _ in nodes(tree))
