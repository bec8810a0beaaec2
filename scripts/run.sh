#!/usr/bin/env bash
# Builds the pages and the server and runs it. Options are those of `communiconnect serve`.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/npm-packages.sh >&2
npm run --silent build >&2
cargo build --release --package server --bin communiconnect
exec "${CARGO_TARGET_DIR:-target}/release/communiconnect" serve "$@"
