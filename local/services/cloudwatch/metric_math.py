"""The arithmetic of CloudWatch metric-math expressions over one window of values.

A missing value makes an expression missing, except inside ``FILL``. Supported: numbers, metric
ids, arithmetic, comparisons, ``AND``/``OR`` (``&&``, ``||``), ``IF``, ``FILL``, ``ABS``, ``MIN``,
``MAX``, ``SUM``, ``AVG``, ``CEIL``, ``FLOOR``. Anything else is refused when the alarm is made.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

Value = float | None

_BINARY: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
_COMPARE: dict[type[ast.cmpop], Callable[[float, float], bool]] = {
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_REDUCE: dict[str, Callable[[list[float]], float]] = {
    "MIN": min,
    "MAX": max,
    "SUM": math.fsum,
    "AVG": lambda values: math.fsum(values) / len(values),
}
_SINGLE: dict[str, Callable[[float], float]] = {"ABS": abs, "CEIL": math.ceil, "FLOOR": math.floor}


class ExpressionError(ValueError):
    """The expression uses what this evaluator does not know."""


def parse(expression: str) -> ast.expr:
    """The syntax tree of an expression; raises ``ExpressionError``."""
    text = re.sub(r"\bAND\b|&&", " and ", expression)
    text = re.sub(r"\bOR\b|\|\|", " or ", text)
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        raise ExpressionError(f"cannot read the expression {expression!r}") from error
    _evaluate(tree, _AnyName())
    return tree


def evaluate(tree: ast.expr, values: Mapping[str, Value]) -> Value:
    """The expression's value over one window, None when a needed value is missing."""
    return _evaluate(tree, values)


class _AnyName(dict[str, Value]):
    """Every name known and missing: walks the whole tree without computing."""

    def __contains__(self, key: object) -> bool:
        return True

    def __missing__(self, key: str) -> Value:
        return None


def _evaluate(node: ast.expr, values: Mapping[str, Value]) -> Value:  # noqa: PLR0911
    match node:
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.Name(id=name):
            if name not in values:
                raise ExpressionError(f"unknown metric id {name!r}")
            return values[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            inner = _evaluate(operand, values)
            return None if inner is None else -inner
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            return _arithmetic(_BINARY[type(op)], _evaluate(left, values), _evaluate(right, values))
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARE:
            pair = _evaluate(left, values), _evaluate(right, values)
            if pair[0] is None or pair[1] is None:
                return None
            return float(_COMPARE[type(op)](pair[0], pair[1]))
        case ast.BoolOp(op=op, values=operands):
            return _logic(op, [_evaluate(operand, values) for operand in operands])
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
            return _call(name, args, values)
    raise ExpressionError(f"metric math {ast.unparse(node)!r} is not supported locally")


def _arithmetic(run: Callable[[float, float], float], left: Value, right: Value) -> Value:
    if left is None or right is None:
        return None
    try:
        return run(left, right)
    except (ZeroDivisionError, OverflowError):
        return None


def _logic(op: ast.boolop, operands: list[Value]) -> Value:
    known = [bool(value) for value in operands if value is not None]
    if len(known) < len(operands):
        return None
    return float(all(known) if isinstance(op, ast.And) else any(known))


def _call(name: str, args: list[ast.expr], values: Mapping[str, Value]) -> Value:
    function = name.upper()
    if function in _REDUCE:
        flat: list[Any] = args[0].elts if args and isinstance(args[0], ast.List) else args
        present = [v for v in (_evaluate(item, values) for item in flat) if v is not None]
        return _REDUCE[function](present) if present else None
    computed = [_evaluate(argument, values) for argument in args]
    if function == "FILL" and len(computed) == 2:
        return computed[1] if computed[0] is None else computed[0]
    if function == "IF" and len(computed) == 3:
        if computed[0] is None:
            return None
        return computed[1] if computed[0] else computed[2]
    if function in _SINGLE and len(computed) == 1:
        return None if computed[0] is None else _SINGLE[function](computed[0])
    raise ExpressionError(f"metric-math function {name} is not supported locally")
