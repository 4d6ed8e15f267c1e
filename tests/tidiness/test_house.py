"""House rules that a machine can check: sizes, names, imports of the domain, nothing of one machine in the tree."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINES_MAX = 450
FUNCTION_LINES_MAX = 60
FORBIDDEN_MODULES = {"utils", "util", "helpers", "helper", "manager", "managers", "misc", "data", "info"}
DOMAIN_MAY_IMPORT = ("libs.common.money", "libs.common.ids", "libs.common.texts")
SERVICES = ("identity", "directory", "ledger", "matcher", "notifier")


def _tracked(*patterns: str) -> list[Path]:
    """Files of the project: what git tracks or would, or all beside caches where there is no git."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    return [ROOT / name for name in sorted(set(listed.stdout.split("\0"))) if name and (ROOT / name).is_file()]


def _sources() -> list[Path]:
    return [path for path in _tracked("*.py") if "migrations" not in path.parts]


def _is_test(path: Path) -> bool:
    return "tests" in path.relative_to(ROOT).parts


def test_there_is_something_to_check():
    assert len(_sources()) > 50


def test_no_file_outgrows_a_reader():
    long = [f"{path.relative_to(ROOT)}: {lines}" for path in _sources() if (lines := _lines(path)) > LINES_MAX]
    assert not [entry for entry in long if "tests/" not in entry], "split these by noun into a folder of the same name"


def _lines(path: Path) -> int:
    return path.read_text(encoding="utf-8").count("\n")


def test_no_function_outgrows_a_reader():
    long = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in _sources()
        if not _is_test(path)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 > FUNCTION_LINES_MAX
    ]
    assert not long


def test_every_module_says_what_lives_there():
    silent = [
        str(path.relative_to(ROOT))
        for path in _sources()
        if path.stat().st_size and ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) is None
    ]
    assert not silent


def test_no_module_has_a_name_that_says_nothing():
    assert not [str(path) for path in _sources() if path.stem in FORBIDDEN_MODULES]


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def _domain_files(service: str) -> list[Path]:
    folder = ROOT / "services" / service
    files = [folder / "domain.py", *(folder / "domain").glob("*.py")]
    return [path for path in files if path.is_file()]


@pytest.mark.parametrize("service", SERVICES)
def test_a_domain_imports_no_framework_no_clock_and_no_store(service: str):
    files = _domain_files(service)
    assert files, f"{service} has no domain"
    own = f"services.{service}.domain"
    foreign = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in files
        for name in _imports(path)
        if not name.startswith((*DOMAIN_MAY_IMPORT, own)) and name.split(".")[0] not in sys.stdlib_module_names
    ]
    assert not foreign


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_its_rooms_and_a_page_about_itself(service: str):
    folder = ROOT / "services" / service
    # what the matcher keeps is an index, and its room is called so
    store = "index" if service == "matcher" else "store"
    for room in ("domain", "service", store, "api", "consumers"):
        assert (folder / f"{room}.py").is_file() or (folder / room).is_dir(), f"{service} lacks {room}"
    for file in ("app.py", "settings.py", "__main__.py", "README.md"):
        assert (folder / file).is_file(), f"{service} lacks {file}"


def test_nothing_in_the_tree_belongs_to_one_machine_or_index():
    patterns = re.compile(
        rb"(--index-url|--extra-index-url|--find-links|--trusted-host|pypi\.org/simple|files\.pythonhosted|registry\.npmjs)"
        rb"|" + re.escape(str(ROOT.parent).encode()) + rb"/main"
    )
    marked = [
        str(path.relative_to(ROOT))
        for path in _tracked()
        if path != Path(__file__) and path.stat().st_size < 2_000_000 and patterns.search(path.read_bytes())
    ]
    assert not marked


def test_every_locked_package_carries_its_hashes():
    for name in ("requirements.txt", "requirements-dev.txt"):
        blocks = re.split(r"\n(?=\S)", (ROOT / name).read_text())
        bare = [block.split()[0] for block in blocks if "==" in block and "--hash=sha256:" not in block]
        assert not bare, f"{name}: {bare}"


def test_secrets_are_not_compared_with_equals_where_time_tells():
    suspicious = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in _sources()
        if not _is_test(path)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(r"\b(csrf|password_hash|token_hash|signature)\b\s*==", line)
    ]
    assert not suspicious
