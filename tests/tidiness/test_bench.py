"""`make bench` names programs that exist."""

import subprocess
import sys

import pytest

from tests.bench.__main__ import PROGRAMS


@pytest.mark.parametrize(
    "program", [program for program in PROGRAMS if len(program) > 1], ids=lambda program: program[0]
)
def test_a_program_of_make_bench_knows_its_options(program):
    shown = subprocess.run([sys.executable, "-m", program[0], "--help"], capture_output=True, text=True, check=True)
    assert all(option in shown.stdout for option in program[1:] if option.startswith("--"))


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program[0])
def test_a_program_of_make_bench_is_there(program):
    from importlib.util import find_spec

    assert find_spec(program[0]) is not None
