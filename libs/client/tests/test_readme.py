"""The examples of the README run, against a node that knows a baker."""

import re
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path

import httpx2
import pytest

from libs.client import mccs_client
from libs.client.tests.fakenode import FakeNode

README = Path(__file__).parents[1] / "README.md"
EXAMPLES = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)


def test_there_are_examples():
    assert len(EXAMPLES) >= 5


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_an_example_runs(number, tmp_path, monkeypatch, capsys):
    node = FakeNode()
    match = {"entity": {"name": "Max"}, "tags": [{"theirs": "rye-bread"}]}
    node.answers |= {
        ("GET", "/matches"): {"data": [match], "meta": {"numberOfResults": 1, "totalPages": 1}},
        ("GET", "/balance"): {"data": {"availableToSpend": 87.5}},
        ("GET", "/tags"): {"data": [{"id": "1", "name": "rye-bread"}]},
        ("GET", "/statement"): {"data": [{"at": "2026-03-02", "amount": -5, "balanceAfter": 95}]},
    }
    if "except Refused" in EXAMPLES[number]:
        refusal = {"errors": [{"code": "not_positive", "message": "More than 0.", "field": "amount"}]}
        node.answers["POST", "/transfers"] = httpx2.Response(400, json=refusal)

    class Sync(mccs_client.Client):
        def __init__(self, *given, **more):
            super().__init__(*given, transport=node.transport, **more)

    class Awaited(mccs_client.AsyncClient):
        def __init__(self, *given, **more):
            super().__init__(*given, transport=node.transport, **more)

    monkeypatch.setitem(sys.modules, "mccs_client", mccs_client)
    monkeypatch.setattr(mccs_client, "Client", Sync)
    monkeypatch.setattr(mccs_client, "AsyncClient", Awaited)
    path = tmp_path / "example.py"
    path.write_text(EXAMPLES[number])
    runpy.run_path(str(path), run_name="__main__")
    assert node.seen
    assert capsys.readouterr().out or "order-4711" in EXAMPLES[number]


def test_the_package_stands_alone(tmp_path):
    """As it is when installed by itself: only httpx2 beside it, nothing of the rest of the project."""
    code = (
        "import sys, mccs_client; client = mccs_client.Client('http://node'); client.close();"
        "assert not [name for name in sys.modules if name.split('.')[0] in ('libs', 'gateway', 'services')]"
    )
    folder = Path(__file__).parents[1]
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env={"PYTHONPATH": str(folder)}, check=True)
    described = tomllib.loads((folder / "pyproject.toml").read_text())
    assert described["project"]["dependencies"] == ["httpx2>=2.0"]
    assert described["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == ["mccs_client"]
