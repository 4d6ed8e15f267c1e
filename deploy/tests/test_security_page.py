"""docs/security.md speaks of every requirement, and names only what is there."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "security.md").read_text()
NUMBERS = """
1.1: 1-2; 1.2: 1-9; 1.3: 1-11; 1.4: 1-3; 1.5: 1-2; 2.1: 1-3; 2.2: 1-3; 2.3: 1-4; 2.4: 1; 3.2: 1-2; 3.3: 1-4
3.4: 1-6; 3.5: 1-5; 3.7: 1-2; 4.1: 1-3; 4.2: 1; 4.3: 1-2; 4.4: 1-4; 5.1: 1; 5.2: 1-3; 5.3: 1-2; 5.4: 1-3; 6.1: 1-3
6.2: 1-12; 6.3: 1-4; 6.4: 1-4; 6.5: 1-5; 6.6: 1-3; 6.8: 1-4; 7.1: 1-3; 7.2: 1-4; 7.3: 1-2; 7.4: 1-5; 7.5: 1-2
7.6: 1-2; 8.1: 1-2; 8.2: 1-3; 8.3: 1; 8.4: 1; 9.1: 1-3; 9.2: 1-4; 10.1: 1-2; 10.2: 1-2; 10.3: 1-4; 10.4: 1-11
10.5: 1-5; 10.6: 1-2; 10.7: 1-3; 11.1: 1-2; 11.2: 1-3; 11.3: 1-3; 11.4: 1-4; 11.5: 1; 11.6: 1; 12.1: 1-3; 12.2: 1-2
12.3: 1-4; 13.1: 1; 13.2: 1-5; 13.3: 1-2; 13.4: 1-5; 14.1: 1-2; 14.2: 1-4; 14.3: 1-3; 15.1: 1-3; 15.2: 1-3
15.3: 1-7; 16.1: 1; 16.2: 1-5; 16.3: 1-4; 16.4: 1-3; 16.5: 1-3
"""
"""Requirements of levels 1 and 2 of OWASP ASVS 5.0, chapter 17 aside, by section."""
ROW = re.compile(r"^\| (\d+\.\d+\.\d+) \| (\S+) \| (.+) \|$", re.MULTILINE)


def numbers() -> list[str]:
    found: list[str] = []
    for part in NUMBERS.replace("\n", ";").split(";"):
        section, _, listed = part.strip().partition(": ")
        for each in listed.split():
            first, _, last = each.partition("-")
            found += [f"{section}.{number}" for number in range(int(first), int(last or first) + 1)]
    return found


def test_every_requirement_has_one_line_with_a_state_and_a_reason():
    rows = ROW.findall(PAGE)
    assert [number for number, _, _ in rows] == numbers()
    assert {state for _, state, _ in rows} == {"met", "partly", "no", "-"}
    assert len(rows) > 240


def test_every_file_that_is_named_is_there():
    named = set(re.findall(r"`([\w./-]+/[\w./-]+)`", PAGE)) | set(re.findall(r"\bdocs/[\w.]+\.(?:md|json)", PAGE))
    named = {name for name in named if not name.startswith("/")}
    assert len(named) > 30
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []
