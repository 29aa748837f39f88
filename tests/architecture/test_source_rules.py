"""The rules on the text of the source, on the source and on bad samples."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.architecture import source_rules as rules
from tests.architecture.sources import PRODUCT, Source, source, sources

Rule = Callable[[Source], list[str]]
EVERYTHING = sources(*PRODUCT, "tests")
EXACT = [
    file
    for file in EVERYTHING
    if file.path.match("services/*/domain/*.py")
    or file.path.match("services/*/domain/*/*.py")
    or file.path.parts[:2] == ("shared", "contracts")
    or file.module == "shared.kernel.money"
]
TESTS = [file for file in EVERYTHING if file.path.name.startswith("test_")]
CLOCKED = [file for file in EVERYTHING if file.path.parts[0] == "services"]


def assert_kept(rule: Rule, files: list[Source]) -> None:
    """Fail with one line per fault that a rule finds; there must be files to look at."""
    assert files
    faults = [fault for file in files for fault in rule(file)]
    assert not faults, "\n".join(faults)


def test_files_and_functions_stay_short() -> None:
    assert_kept(rules.too_long, EVERYTHING)


def test_every_module_says_what_it_is_for() -> None:
    assert_kept(rules.without_docstring, EVERYTHING)


def test_no_floating_point_in_domains_contracts_and_money() -> None:
    assert_kept(rules.floats, EXACT)


def test_no_time_without_a_zone_anywhere() -> None:
    assert_kept(rules.naive_times, EVERYTHING)


def test_services_take_the_time_from_their_clock() -> None:
    assert_kept(rules.time_without_a_clock, CLOCKED)


def test_test_names_are_sentences() -> None:
    assert_kept(rules.names_that_say_nothing, TESTS)


def test_tests_wait_for_something_and_never_for_a_time() -> None:
    """Programmes that tests start may sleep; the waiting itself is in tests/support/waiting.py."""
    assert_kept(rules.fixed_waits, TESTS)


def test_every_test_asserts_something() -> None:
    assert_kept(rules.assertion_free_tests, TESTS)


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (rules.too_long, "x = 1\n" * 400),
        (rules.too_long, "def f():\n" + "    x = 1\n" * 70),
        (rules.too_long, "class A:\n    async def f(self):\n" + "        x = 1\n" * 70),
        (rules.too_long, "def f():\n" + "    x = 1\n" * 70 + "    return x"),
        (rules.without_docstring, "import re\n"),
        (rules.floats, "def pay(amount: float) -> None: ..."),
        (rules.floats, "amount = float('1.10')"),
        (rules.floats, "rate = 0.077"),
        (rules.naive_times, "from datetime import datetime\nnow = datetime.now()"),
        (rules.naive_times, "import datetime\nnow = datetime.datetime.now()"),
        (rules.naive_times, "now = datetime.utcnow()"),
        (rules.naive_times, "at = datetime.fromtimestamp(0)"),
        (rules.time_without_a_clock, "now = datetime.now(UTC)"),
        (rules.time_without_a_clock, "day = date.today()"),
        (rules.time_without_a_clock, "now = time.time()"),
        (rules.names_that_say_nothing, "def test_order():\n    assert True"),
        (rules.names_that_say_nothing, "async def test_order_1():\n    assert True"),
        (rules.fixed_waits, "time.sleep(1)"),
        (rules.fixed_waits, "async def test_a_b_c():\n    await asyncio.sleep(0.1)"),
        (rules.assertion_free_tests, "def test_a_b_c():\n    work()"),
        (rules.assertion_free_tests, "def help():\n    work()\ndef test_a_b_c():\n    help()"),
    ],
)
def test_a_fault_is_noticed(rule: Rule, text: str) -> None:
    assert len(rule(source("services/orders/domain/order.py", text))) == 1


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (rules.too_long, "x = 1\n" * 399),
        (rules.too_long, "def f():\n" + "    x = 1\n" * 69),
        (rules.too_long, "def f():\n    x = 1\n    return [\n" + "        x,\n" * 70 + "    ]"),
        (rules.without_docstring, '"""Orders, and why."""'),
        (rules.floats, "amount = Money(110)\nfloating = 'float 1.5'"),
        (rules.naive_times, "now = datetime.now(UTC)\nat = datetime.fromtimestamp(0, tz=UTC)"),
        (rules.time_without_a_clock, "now = clock.now()\nday = clock.today()"),
        (rules.names_that_say_nothing, "def test_an_order_is_sent_once(): ..."),
        (rules.fixed_waits, "await asyncio.sleep(0)"),
        (
            rules.assertion_free_tests,
            "def test_a_b_c():\n    with pytest.raises(KeyError):\n        f()",
        ),
        (rules.assertion_free_tests, "def sees():\n    assert x\ndef test_a_b_c():\n    sees()"),
    ],
)
def test_what_is_right_is_let_through(rule: Rule, text: str) -> None:
    assert rule(source("services/orders/domain/order.py", text)) == []
