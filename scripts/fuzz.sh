#!/usr/bin/env bash
# Builds the fuzz targets and runs each of them.
#   scripts/fuzz.sh [SECONDS=10] [TARGET...]      3600: an hour each
# The corpus is kept in target/fuzz; what breaks a target is left in artifacts/.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-10}
shift || true
target="$PWD/target/fuzz"
seeds="$target/seeds"
mkdir -p "$seeds" artifacts

# The starts of real recordings: where the headers are.
for file in testdata/*.webm testdata/*.mkv testdata/*.mp4; do
  head -c 20000 "$file" >"$seeds/$(basename "$file")"
done

# Coverage counters as libFuzzer reads them; no sanitizer, since no crate of ours may use unsafe code.
flags="--cfg fuzzing -C passes=sancov-module -C llvm-args=-sanitizer-coverage-level=4"
flags+=" -C llvm-args=-sanitizer-coverage-inline-8bit-counters -C llvm-args=-sanitizer-coverage-pc-table"
flags+=" -C llvm-args=-sanitizer-coverage-trace-compares -C codegen-units=1"
host=$(rustc -vV | sed -n 's/^host: //p')
env -u RUSTC_WORKSPACE_WRAPPER RUSTFLAGS="$flags" CARGO_TARGET_DIR="$target" \
  cargo build --manifest-path fuzz/Cargo.toml --release --target "$host"

fuzz() {
  name=$1
  mkdir -p "$target/corpus/$name"
  # Fails by itself on a panic, a hang of over a second or more than 512 MB.
  if "$target/$host/release/$name" -max_total_time="$seconds" -timeout=1 -rss_limit_mb=512 -max_len=65536 \
    -artifact_prefix="artifacts/fuzz-$name-" -print_final_stats=1 "$target/corpus/$name" "$seeds" >"$target/$name.log" 2>&1; then
    echo "$name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$target/$name.log") inputs, nothing found"
  else
    echo "$name: FAILED, see $target/$name.log"
    tail -25 "$target/$name.log"
    return 1
  fi
}
export -f fuzz
export seconds target seeds host
names=("$@")
if [ "${#names[@]}" -eq 0 ]; then mapfile -t names < <(basename -s .rs -a fuzz/targets/*.rs); fi
printf '%s\n' "${names[@]}" | xargs -P "$(nproc)" -I{} bash -c 'fuzz {}'
