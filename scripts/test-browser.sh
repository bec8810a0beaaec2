#!/usr/bin/env bash
# Two people in real browsers against the real server. Pictures of the pages are kept in artifacts/.
# What measures delays, or loads a machine by itself, has it to itself; the others run two at a time.
set -uo pipefail
cd "$(dirname "$0")/.."
mkdir -p artifacts
export COMMUNICONNECT_BIN="${COMMUNICONNECT_BIN:-${CARGO_TARGET_DIR:-$PWD/target}/debug/communiconnect}"
alone=(behind busy hls in-step many-tabs players two-people ways)

alone_files=()
for name in "${alone[@]}"; do alone_files+=("tests/e2e/$name.test.mjs"); done
others=()
for file in tests/e2e/*.test.mjs; do
  [[ " ${alone_files[*]} " == *" $file "* ]] || others+=("$file")
done

failed=0
node --test --test-concurrency=1 --test-timeout=300000 "${alone_files[@]}" || failed=1
node --test --test-concurrency=2 --test-timeout=300000 "${others[@]}" || failed=1
exit $failed
