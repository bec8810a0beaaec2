#!/bin/sh
# Stands before rustc for the crates of this workspace (RUSTC_WORKSPACE_WRAPPER): counts which lines run.
exec "$@" -C instrument-coverage
