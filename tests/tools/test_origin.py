"""What tells two functions apart that have the same name, description and schema."""

from __future__ import annotations

import functools
import subprocess
import sys
import textwrap
from collections.abc import Callable
from typing import Any

from codemode.tools.origin import is_same, origin_of


def made(value: str) -> Callable[[], str]:
    def act() -> str:
        return value

    return act


class Account:
    def pay(self) -> str:
        return "paid"

    def __call__(self) -> str:
        return "called"


def variant(body: str) -> Any:
    space: dict[str, Any] = {"__name__": "m"}
    exec(f"def act():\n    {body}", space)
    return space["act"]


def test_functions_of_different_code_have_different_origins() -> None:
    bodies = ["return 1", "return 2", "return a", "return b", "return (lambda: 1)()", "return 1.0"]
    assert len({origin_of(variant(body)) for body in bodies}) == len(bodies)


def test_one_text_has_one_origin() -> None:
    assert origin_of(variant("return 1")) == origin_of(variant("return 1"))


def test_partials_methods_and_callable_objects_have_the_origin_of_their_function() -> None:
    account = Account()
    assert origin_of(functools.partial(made, "x")) == origin_of(made)
    assert origin_of(account.pay) == origin_of(Account.pay)
    assert origin_of(account) == origin_of(Account.__call__)


def test_an_origin_is_the_same_in_every_process() -> None:
    program = textwrap.dedent("""
        from codemode.tools.origin import origin_of
        def act(word): return word in {"a", "b", "c", "d", "e"}
        print(origin_of(act))
    """)
    said = {
        subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
            env={"PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(said) == 1


def test_a_method_of_the_same_object_is_the_same_function() -> None:
    account = Account()
    assert is_same(account.pay, account.pay)
    assert not is_same(account.pay, Account().pay)
    assert not is_same(made("x"), made("x"))
