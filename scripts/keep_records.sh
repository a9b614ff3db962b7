#!/usr/bin/env bash
# Packs the records of a study: what pages are made of, and what a study needs to go on from there.
# Left out for their size: weights, replay, probe sets (made again from their seed), arrays of maps.
# Usage: scripts/keep_records.sh STUDY ARCHIVE.tar.xz      unpack: tar xJf ARCHIVE.tar.xz -C STUDY
set -euo pipefail
study=$1
archive=$(realpath -m "$2")
mkdir -p "$(dirname "$archive")"
cd "$study"
# Of finished runs alone: what another left behind could not be gone on with.
finished=$(python3 -c '
import json
print(*(run["name"] for run in json.load(open("study.json"))["runs"] if run["state"] == "finished"))')
# shellcheck disable=SC2086  # names of folders
find study.json plan.toml $finished \( -name run.json -o -name measurements.jsonl -o -name routing.json \
  -o -name probes.jsonl -o -name checkpoint.json -o -name study.json -o -name plan.toml \) |
  LC_ALL=C sort |
  tar --create --xz --file "$archive" --mtime='2026-01-01 00:00Z' --owner=0 --group=0 \
    --numeric-owner --files-from=-
