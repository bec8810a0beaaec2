#!/usr/bin/env bash
# Installs the npm packages of the lock file, unless exactly these are installed.
set -euo pipefail
cd "$(dirname "$0")/.."
mark=node_modules/.installed-lock
if ! cmp --silent package-lock.json "$mark"; then
  npm ci --no-audit --no-fund
  cp package-lock.json "$mark"
fi
