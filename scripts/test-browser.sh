#!/usr/bin/env bash
# Two people in real browsers against the real server. Pictures of the pages are kept in artifacts/.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p artifacts
export COMMUNICONNECT_BIN="${COMMUNICONNECT_BIN:-${CARGO_TARGET_DIR:-$PWD/target}/debug/communiconnect}"
exec node --test --test-concurrency=1 --test-timeout=300000 "tests/e2e/"*.test.mjs
