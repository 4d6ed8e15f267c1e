"""What a node is made of, for whoever looks for a weak part: `python -m deploy.sbom` (CycloneDX 1.6, from the lock)."""

import json
import re
import sys
import tomllib
import uuid
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
LOCK = ROOT / "requirements.txt"
_PIN = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(?P<version>[^\s;\\]+)(?:\s*;\s*(?P<marker>[^\\]+))?")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def parts_of(lock: str) -> list[dict[str, Any]]:
    """One component a pinned package, in the order of the lock, with the hash of every file that may be installed.

    Raises ValueError for a line that pins nothing, and for a package without a hash.
    """
    found: list[dict[str, Any]] = []
    for line in lock.replace("\\\n", " ").splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        pin, hashes = _PIN.match(line), _HASH.findall(line)
        if pin is None or not hashes:
            raise ValueError(f"this line pins no package with its hashes: {line[:80]}")
        found.append(
            _part(pin["name"].lower(), pin["version"], (pin["marker"] or "").split("--hash")[0].strip(), hashes)
        )
    return found


def _part(name: str, version: str, marker: str, hashes: list[str]) -> dict[str, Any]:
    url = f"pkg:pypi/{name}@{version}"
    part: dict[str, Any] = {"type": "library", "bom-ref": url, "name": name, "version": version, "purl": url}
    part["externalReferences"] = [
        {
            "type": "distribution",
            "url": f"https://pypi.org/project/{name}/{version}/#files",
            "hashes": [{"alg": "SHA-256", "content": each} for each in hashes],
        }
    ]
    if marker:
        part["properties"] = [{"name": "mccs:only-where", "value": marker}]
    return part


def bill(lock: str, project: dict[str, Any]) -> dict[str, Any]:
    """The whole document; the same lock makes the same one."""
    name, version = project["name"], project["version"]
    parts = parts_of(lock)
    seed = json.dumps([name, version, parts], sort_keys=True)
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, seed)}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": f"{name}@{version}",
                "name": name,
                "version": version,
                "licenses": [{"license": {"id": project["license"]}}],
            }
        },
        "components": parts,
        "dependencies": [{"ref": f"{name}@{version}", "dependsOn": [part["bom-ref"] for part in parts]}],
    }


def main() -> int:
    """Prints it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    print(json.dumps(bill(LOCK.read_text(), project), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
