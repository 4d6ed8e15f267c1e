"""The bill of materials says what the lock pins."""

import json
import tomllib

import pytest

from deploy.sbom import LOCK, ROOT, bill, main, parts_of

SHA = "a" * 64


def test_every_pinned_package_is_in_it_with_its_hashes(capsys):
    assert main() == 0
    made = json.loads(capsys.readouterr().out)
    pinned = [line.split("==")[0].split("[")[0].lower() for line in LOCK.read_text().splitlines() if "==" in line[:60]]
    pinned = [name for name in pinned if not name.startswith((" ", "#"))]
    assert [part["name"] for part in made["components"]] == pinned
    assert len(pinned) > 50
    for part in made["components"]:
        assert part["purl"] == f"pkg:pypi/{part['name']}@{part['version']}"
        (files,) = part["externalReferences"]
        assert all(len(one["content"]) == 64 for one in files["hashes"])
    assert (made["bomFormat"], made["specVersion"]) == ("CycloneDX", "1.6")
    assert set(made["dependencies"][0]["dependsOn"]) == {part["bom-ref"] for part in made["components"]}


def test_the_same_lock_makes_the_same_bill():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lock = f"one==1.0 \\\n    --hash=sha256:{SHA}\n"
    assert bill(lock, project) == bill(lock, project)
    assert bill(lock, project)["serialNumber"] != bill(lock.replace("1.0", "1.1"), project)["serialNumber"]


def test_extras_and_markers_are_understood():
    (part,) = parts_of(
        f"# a note\nOne-Two[x]==1.0 ; python_version < '3.12' \\\n    --hash=sha256:{SHA}\n    # via y\n"
    )
    assert (part["name"], part["version"]) == ("one-two", "1.0")
    assert part["properties"] == [{"name": "mccs:only-where", "value": "python_version < '3.12'"}]


@pytest.mark.parametrize("line", ["one>=1.0", "one==1.0", "-e ."])
def test_what_is_not_pinned_by_hash_is_a_fault(line):
    with pytest.raises(ValueError, match="pins no package"):
        parts_of(line)
