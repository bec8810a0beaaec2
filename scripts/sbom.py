#!/usr/bin/env python3
"""What is in a release, as CycloneDX 1.5: the crates and the packages of npm that the lock files pin. `sbom.py VERSION`."""

import json
import sys
import tomllib
from pathlib import Path

root = Path(__file__).parent.parent
version = sys.argv[1]


def component(kind: str, name: str, number: str, hashes: list[dict[str, str]]) -> dict[str, object]:
    purl = f"pkg:{kind}/{name.replace('@', '%40')}@{number}"
    return {"type": "library", "name": name, "version": number, "purl": purl, "bom-ref": purl, "hashes": hashes}


def crates() -> list[dict[str, object]]:
    """Those of registries: the workspace's own are the product."""
    lock = tomllib.loads((root / "Cargo.lock").read_text())
    packages = (package for package in lock["package"] if "source" in package)
    hashes = lambda package: [{"alg": "SHA-256", "content": package["checksum"]}] if "checksum" in package else []
    return [component("cargo", package["name"], package["version"], hashes(package)) for package in packages]


def of_npm() -> list[dict[str, object]]:
    """What the pages are made with."""
    lock = json.loads((root / "package-lock.json").read_text())
    found = {}
    for place, package in lock["packages"].items():
        if "node_modules/" in place and not package.get("link"):
            name = place.rsplit("node_modules/", 1)[1]
            found[name, package["version"]] = component("npm", name, package["version"], [])
    return list(found.values())


json.dump(
    {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": "communiconnect", "version": version}},
        "components": crates() + of_npm(),
    },
    sys.stdout,
    indent=1,
)
print()
