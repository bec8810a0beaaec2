#!/usr/bin/env bash
# Campaigns against the real server: a fault strikes again and again at random moments, and nothing acknowledged may be lost.
#   scripts/campaign.sh                       every campaign in its short form, one after another (as in CI)
#   scripts/campaign.sh kill                  one campaign, short
#   scripts/campaign.sh kill 1000 [SEED]      one campaign, long; a seed makes it choose the same again
# What each one promises: docs/DURABILITY.md. `power` and `full` need root and say so when they are skipped.
set -euo pipefail
cd "$(dirname "$0")/.."
target="${CARGO_TARGET_DIR:-$PWD/target}"
cargo build --quiet --locked -p server -p promises --bin communiconnect --bin campaigns
export COMMUNICONNECT_BIN="${COMMUNICONNECT_BIN:-$target/debug/communiconnect}"
if [ $# -gt 0 ]; then
  exec "$target/debug/campaigns" "$@"
fi
failed=()
for campaign in $("$target/debug/campaigns" list); do
  "$target/debug/campaigns" "$campaign" || failed+=("$campaign")
done
if [ "${#failed[@]}" -gt 0 ]; then
  echo "FAILED: ${failed[*]}" >&2
  exit 1
fi
