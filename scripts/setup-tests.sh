#!/usr/bin/env bash
# Installs what the tests need and the machine lacks. Quick when everything is there.
set -euo pipefail
cd "$(dirname "$0")/.."

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

missing=()
need() { command -v "$1" >/dev/null || missing+=("$2"); }
need chromium chromium
need firefox-esr firefox-esr
need ffmpeg ffmpeg
need ffprobe ffmpeg
need mkvmerge mkvtoolnix
need nginx nginx-light
need caddy caddy
need curl curl
need jq jq
need python3 python3-venv
need g++ g++
# An authority that speaks ACME, and the DNS that it asks.
need pebble pebble
# Reads the audit log.
need fail2ban-regex fail2ban
# Lies about the time to the server in the clocks campaign.
need faketime faketime
# llvm-19 reads the coverage counts that the compiler's own LLVM writes.
need llvm-cov-19 llvm-19
if [ "${#missing[@]}" -gt 0 ]; then
  if command -v apt-get >/dev/null; then
    as_root apt-get update -q
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
  else
    echo "please install: ${missing[*]}" >&2
    exit 1
  fi
fi

# What checks metrics and alerts: one program of a package whose server is not wanted.
if ! command -v promtool >/dev/null && [ ! -x .tools/promtool ]; then
  mkdir -p .tools
  folder=$(mktemp -d)
  as_root apt-get update -q
  (cd "$folder" && apt-get download -q prometheus && dpkg-deb --extract prometheus_*.deb unpacked)
  install -m 755 "$folder/unpacked/usr/bin/promtool" .tools/promtool
  rm -rf "$folder"
fi

# A tus client and a server of mail in Python, an ffmpeg newer than the system's, what tries the schema and what makes clients
# of it, and what the example in Django needs.
pins="tuspy==1.1.0 aiosmtpd==1.4.6 imageio-ffmpeg==0.8.1 schemathesis==4.32.5 openapi-python-client==0.29.1"
pins+=" $(tr '\n' ' ' <examples/django/requirements.txt)"
mkdir -p .tools
if [ "$(cat .tools/venv/pins 2>/dev/null)" != "$pins" ]; then
  rm -rf .tools/venv
  python3 -m venv .tools/venv
  # shellcheck disable=SC2086
  .tools/venv/bin/pip install --quiet --disable-pip-version-check $pins
  echo "$pins" >.tools/venv/pins
fi

# A tus client in JavaScript, and what drives Firefox: tools of the tests, no part of the product.
tools="tus-js-client@4.3.1 puppeteer-core@24.43.1"
if [ "$(cat .tools/node_modules/pins 2>/dev/null)" != "$tools" ]; then
  # shellcheck disable=SC2086
  npm install --prefix .tools --no-save --no-audit --no-fund $tools
  echo "$tools" >.tools/node_modules/pins
fi

scripts/npm-packages.sh
