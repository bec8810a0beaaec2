#!/usr/bin/env bash
# The test command: installs what is missing, checks, builds, tests everything, prints the coverage.
# Every step runs even when an earlier one failed, where it can; the exit code is 0 only if all passed.
#   scripts/test.sh            everything
#   scripts/test.sh rust       only one of: setup pages format lint licences rust campaigns browser coverage fuzz
set -uo pipefail
cd "$(dirname "$0")/.."
export CARGO_TERM_COLOR="${CARGO_TERM_COLOR:-never}" CARGO_INCREMENTAL=0
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}"
profiles="$CARGO_TARGET_DIR/coverage"
floor="${COVERAGE_FLOOR:-80}"

# Everything but the lints is built with counters in it, the server that the promises start included.
export RUSTC_WORKSPACE_WRAPPER="$PWD/scripts/instrumented-rustc.sh"
export LLVM_PROFILE_FILE="$profiles/%4m.profraw"
export COMMUNICONNECT_BIN="$CARGO_TARGET_DIR/debug/communiconnect"

setup() { scripts/setup-tests.sh; }
pages() { npm run check && npm run build && npm test; }
format() { cargo fmt --all --check; }
lint() { cargo clippy --workspace --all-targets --locked -- -D warnings; }
licences() { python3 scripts/licences.py; }

rust() {
  rm -rf "$profiles" && mkdir -p "$profiles"
  cargo build --workspace --bins --locked || return 1
  if cargo nextest --version >/dev/null 2>&1; then
    cargo nextest run --workspace --locked --no-fail-fast
  else
    cargo test --workspace --locked --no-fail-fast
  fi
}

campaigns() { scripts/campaign.sh; }
browser() { scripts/test-browser.sh; }
coverage() { scripts/coverage.sh "$profiles" "$floor"; }
fuzz() { scripts/fuzz.sh 5; }

failed=()
for step in ${*:-setup pages format lint licences rust campaigns browser coverage fuzz}; do
  echo "=== $step"
  begin=$SECONDS
  if (eval "$step"); then echo "=== $step: passed in $((SECONDS - begin)) s"
  else echo "=== $step: FAILED after $((SECONDS - begin)) s"; failed+=("$step"); fi
done
if [ "${#failed[@]}" -gt 0 ]; then
  echo "FAILED: ${failed[*]}"
  exit 1
fi
echo "everything passed"
