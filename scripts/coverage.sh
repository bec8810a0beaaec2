#!/usr/bin/env bash
# Prints the line coverage of the Rust code after an instrumented test run.
#   scripts/coverage.sh DIRECTORY_OF_COUNTS FLOOR_IN_PERCENT
set -euo pipefail
cd "$(dirname "$0")/.."
profiles=$1
floor=$2
target="${CARGO_TARGET_DIR:-$PWD/target}"
profdata=$(command -v llvm-profdata || command -v llvm-profdata-19 || true)
cov=$(command -v llvm-cov || command -v llvm-cov-19 || true)
# Debian's unnumbered tools may be too old to read what rustc writes.
if command -v llvm-profdata-19 >/dev/null; then profdata=llvm-profdata-19 cov=llvm-cov-19; fi
if [ -z "$profdata" ] || [ -z "$cov" ]; then
  echo "coverage: no llvm-cov on this machine, nothing measured"
  exit 0
fi
"$profdata" merge --sparse "$profiles"/*.profraw -o "$profiles/all.profdata"
# The test programs that this run built: as cargo names them.
mapfile -t tests < <(
  RUSTC_WORKSPACE_WRAPPER="$PWD/scripts/instrumented-rustc.sh" \
    cargo test --workspace --no-run --locked --message-format=json 2>/dev/null |
    python3 -c 'import json, sys
for line in sys.stdin:
    message = json.loads(line) if line.startswith("{") else {}
    if message.get("executable"): print(message["executable"])'
)
objects=("$target/debug/communiconnect")
for test in "${tests[@]}"; do objects+=(--object "$test"); done
options=(--instr-profile "$profiles/all.profdata" --ignore-filename-regex '(/\.cargo/|/rustc/|/rustlib/|/tests/|/bench/|/target/)')
"$cov" report "${objects[@]}" "${options[@]}" --show-region-summary=false --show-branch-summary=false
"$cov" export "${objects[@]}" "${options[@]}" --summary-only 2>/dev/null | python3 -c '
import json, sys
floor = float(sys.argv[1])
lines = json.load(sys.stdin)["data"][0]["totals"]["lines"]
print("line coverage: %.1f %% (%d of %d lines, floor %g %%)" % (lines["percent"], lines["covered"], lines["count"], floor))
sys.exit(lines["percent"] < floor)' "$floor"
