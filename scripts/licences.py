#!/usr/bin/env python3
"""Fails if a package of the Rust or npm lock file has a licence that deny.toml does not allow."""

import json
import pathlib
import re
import subprocess
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
RULES = tomllib.loads((ROOT / "deny.toml").read_text())
ALLOWED = set(RULES["licenses"]["allow"])


def allowed(expression):
    """Whether an SPDX expression can be met with allowed licences only."""
    tokens = re.findall(r"\(|\)|[^\s()/]+|/", expression)
    return either(tokens) and not tokens


def either(tokens):
    good = both(tokens)
    while tokens and tokens[0] in ("OR", "/"):
        tokens.pop(0)
        good = both(tokens) or good
    return good


def both(tokens):
    good = one(tokens)
    while tokens and tokens[0] == "AND":
        tokens.pop(0)
        good = one(tokens) and good
    return good


def one(tokens):
    if not tokens:
        return False
    token = tokens.pop(0)
    if token == "(":
        good = either(tokens)
        if tokens:
            tokens.pop(0)
        return good
    if tokens and tokens[0] == "WITH":
        tokens.pop(0)
        token = f"{token} WITH {tokens.pop(0)}"
    return token in ALLOWED


def rust_packages():
    host = re.search(r"host: (\S+)", subprocess.check_output(["rustc", "-vV"], text=True)).group(1)
    command = ["cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", host]
    for package in json.loads(subprocess.check_output(command, cwd=ROOT))["packages"]:
        yield f'{package["name"]} {package["version"]}', package["license"] or "none"


def npm_packages():
    lock = ROOT / "package-lock.json"
    if not lock.exists():
        return
    for path, package in json.loads(lock.read_text())["packages"].items():
        if path.startswith("node_modules/") and not package.get("link"):
            yield f'{path.removeprefix("node_modules/")} {package["version"]}', package.get("license", "none")


def main():
    names = [(name, licence) for names in (rust_packages(), npm_packages()) for name, licence in names]
    refused = [f"{name}: {licence}" for name, licence in names if not allowed(licence)]
    print(f"{len(names)} packages, {len(refused)} with a licence that deny.toml does not allow")
    print("\n".join(refused), end="\n" if refused else "")
    sys.exit(bool(refused))


if __name__ == "__main__":
    main()
