"""Rules on the text of a file: size, docstrings, exact money, time from a clock.

Each rule takes one file and returns one sentence per fault.
"""

from __future__ import annotations

import ast
import re

from tests.architecture.sources import Source, functions

LINES_PER_FILE_MAX = 400
LINES_PER_FUNCTION_MAX = 70
_CLOCK_CALLS = re.compile(
    r"(datetime\.(now|utcnow|today|fromtimestamp|utcfromtimestamp)|date\.(today|fromtimestamp)"
    r"|time\.time|time\.time_ns)"
)
_WAITING = re.compile(r"(time|asyncio)\.sleep")
_ASSERTING = re.compile(r"assert|expect|check|validate|raises|fail|warns|eventually|must_")
_WORDS_IN_A_SENTENCE = 3


def too_long(source: Source) -> list[str]:
    """Find files and functions beyond the limits.

    A function that only returns a table (the endpoints of an API) is read, not followed, and may be
    as long as the table.
    """
    faults = []
    lines = len(source.text.splitlines())
    if lines >= LINES_PER_FILE_MAX:
        faults.append(f"{source.path}: {lines} lines, fewer than {LINES_PER_FILE_MAX} allowed")
    for function in functions(source.tree):
        length = (function.end_lineno or function.lineno) - function.lineno + 1
        if length > LINES_PER_FUNCTION_MAX and not _only_returns_a_table(function):
            faults.append(f"{source.path}:{function.lineno}: {function.name} has {length} lines")
    return faults


def _only_returns_a_table(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    *before, last = function.body
    return (
        isinstance(last, ast.Return)
        and isinstance(last.value, ast.List | ast.Tuple)
        and all(isinstance(statement, ast.Expr | ast.Assign) for statement in before)
    )


def without_docstring(source: Source) -> list[str]:
    """Find modules that do not say what they are for."""
    return [] if ast.get_docstring(source.tree) else [f"{source.path}: no module docstring"]


def floats(source: Source) -> list[str]:
    """Find floating point numbers, by name or by a literal."""
    return [
        f"{source.path}:{node.lineno}: float"
        for node in ast.walk(source.tree)
        if (isinstance(node, ast.Name) and node.id == "float")
        or (isinstance(node, ast.Constant) and isinstance(node.value, float))
    ]


def time_without_a_clock(source: Source) -> list[str]:
    """Find calls that ask the machine for the time instead of a Clock."""
    return [
        f"{source.path}:{node.lineno}: {ast.unparse(node.func)}()"
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call) and _CLOCK_CALLS.search(ast.unparse(node.func))
    ]


def naive_times(source: Source) -> list[str]:
    """Find the calls that return a time without a zone."""
    return [
        f"{source.path}:{node.lineno}: {ast.unparse(node.func)}() without a time zone"
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call) and _is_naive(node)
    ]


def _is_naive(call: ast.Call) -> bool:
    name = ast.unparse(call.func)
    if name.endswith(("datetime.utcnow", "datetime.utcfromtimestamp", "datetime.today")):
        return True
    if name.endswith("datetime.now"):
        return not call.args and not call.keywords
    if name.endswith("datetime.fromtimestamp"):
        return len(call.args) < 2 and not call.keywords
    return False


def test_functions(source: Source) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Return the test functions of a file."""
    return [function for function in functions(source.tree) if function.name.startswith("test_")]


def names_that_say_nothing(source: Source) -> list[str]:
    """Find tests whose name is not a sentence."""
    return [
        f"{source.path}:{test.lineno}: {test.name}"
        for test in test_functions(source)
        if len(test.name.removeprefix("test_").split("_")) < _WORDS_IN_A_SENTENCE
    ]


def fixed_waits(source: Source) -> list[str]:
    """Find fixed waits; `sleep(0)` only gives others a turn and is allowed."""
    return [
        f"{source.path}:{node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call)
        and _WAITING.fullmatch(ast.unparse(node.func))
        and ast.unparse(node).partition("(")[2] != "0)"
    ]


def assertion_free_tests(source: Source) -> list[str]:
    """Find tests that cannot fail by themselves; a helper of the same file may do the asserting."""
    asserting = {f.name for f in functions(source.tree) if _asserts(f, frozenset())}
    return [
        f"{source.path}:{test.lineno}: {test.name}"
        for test in test_functions(source)
        if not _asserts(test, frozenset(asserting))
    ]


def _asserts(function: ast.FunctionDef | ast.AsyncFunctionDef, helpers: frozenset[str]) -> bool:
    for node in ast.walk(function):
        if isinstance(node, ast.Assert):
            return True
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func).rsplit(".", maxsplit=1)[-1]
            if name in helpers or _ASSERTING.search(name):
                return True
    return False
