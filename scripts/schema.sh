#!/usr/bin/env bash
# Writes what is made of the types of crates/wire and the handlers: docs/openapi.json, and of that sdk/src/types.ts.
set -euo pipefail
cd "$(dirname "$0")/.."
WRITE_SCHEMA=1 cargo test --quiet --package server --test contract the_snapshot
npm run types --workspace sdk
