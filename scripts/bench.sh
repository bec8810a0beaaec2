#!/usr/bin/env bash
# Benchmarks beside ffmpeg, nginx and Bun; docs/BENCHMARKS.md says what they mean. `scripts/bench.sh parse` runs one part.
set -euo pipefail
cd "$(dirname "$0")/.."
# What the pages take: no other program beside it. COMMUNICONNECT_BIN says which server, built with its pages.
if [ "${1-}" = pages ]; then
  if [ -z "${COMMUNICONNECT_BIN-}" ]; then
    scripts/npm-packages.sh >&2 && npm run build >&2
    cargo build --release --locked --package server >&2
    export COMMUNICONNECT_BIN=$PWD/target/release/communiconnect
  fi
  exec node bench/pages.mjs
fi
cargo build --release --locked --package bench --package server --bin bench --bin talk --bin communiconnect >&2
# The peer of ranges, and who asks both: tools of the benchmark, no part of the product.
for tool in nginx wrk; do
  if ! PATH=$PATH:/usr/sbin command -v "$tool" >/dev/null; then
    apt-get install -qq --yes --no-install-recommends "$tool" >&2
  fi
done
# The peer of the conversation's fan-out: a tool of the benchmark, no part of the product.
bun=bun@1.4.5
if [ "$(cat .tools/bun/pin 2>/dev/null)" != "$bun" ]; then
  npm install --prefix .tools/bun --no-save --no-audit --no-fund "$bun" >&2 && echo "$bun" >.tools/bun/pin
fi
exec python3 -B bench/run.py "$@"
