#!/usr/bin/env bash
# Benchmarks beside ffmpeg and nginx; docs/BENCHMARKS.md says what they mean. `scripts/bench.sh parse` runs one part.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --release --locked --package bench --package server --bin bench --bin communiconnect >&2
exec python3 bench/run.py "$@"
