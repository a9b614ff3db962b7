#!/usr/bin/env bash
# Packs the records of a study: what pages are made of, and what a study needs to go on from there.
# Left out for their size: weights, replay, probe sets (made again from their seed), arrays of maps.
# Usage: scripts/keep_records.sh STUDY ARCHIVE.tar.xz [--unfinished]      unpack: tar xJf ARCHIVE.tar.xz -C STUDY
set -euo pipefail
study=$1
archive=$(realpath -m "$2")
mkdir -p "$(dirname "$archive")"
cd "$study"
# Of finished runs alone, unless told otherwise: from an unfinished one pages can be made, but without its weights
# and replay it cannot be gone on with.
runs=$(python3 -c '
import json, sys
runs = json.load(open("study.json"))["runs"]
print(*(run["name"] for run in runs if run["state"] == "finished" or sys.argv[1]))' "${3:-}")
# shellcheck disable=SC2046,SC2086  # names of folders; a study of no plan file has none
find study.json $(find plan.toml 2>/dev/null || true) $runs \( -name run.json -o -name measurements.jsonl -o -name routing.json \
  -o -name probes.jsonl -o -name checkpoint.json -o -name study.json -o -name plan.toml \) |
  LC_ALL=C sort |
  tar --create --xz --file "$archive" --mtime='2026-01-01 00:00Z' --owner=0 --group=0 \
    --numeric-owner --files-from=-
