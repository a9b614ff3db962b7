#!/usr/bin/env bash
# Packs the records of a study: what pages are made of, and what a study needs to go on from there.
# Left out for their size: weights, replay, probe sets (made again from their seed), arrays of maps; and of numbers in
# single precision, all but the nine digits that tell them apart.
# Usage: scripts/keep_records.sh STUDY ARCHIVE.tar.xz [--unfinished]      unpack: tar xJf ARCHIVE.tar.xz -C STUDY
set -euo pipefail
study=$1
archive=$(realpath -m "$2")
kept=$(mktemp -d)
trap 'rm -rf "$kept"' EXIT
mkdir -p "$(dirname "$archive")"
cd "$study"
# Of finished runs alone, unless told otherwise: from an unfinished one pages can be made, but without its weights
# and replay it cannot be gone on with.
if [ -e study.json ]; then
  runs=$(python3 -c '
import json, sys
runs = json.load(open("study.json"))["runs"]
print(*(run["name"] for run in runs if run["state"] == "finished" or sys.argv[1]))' "${3:-}")
else # runs that no study made
  runs=$(dirname -- */run.json)
fi
# shellcheck disable=SC2046,SC2086  # names of folders; a study of no plan file has none
find $(find study.json plan.toml 2>/dev/null || true) $runs \( -name run.json -o -name measurements.jsonl -o -name routing.json \
  -o -name probes.jsonl -o -name checkpoint.json -o -name study.json -o -name plan.toml \) |
  tar --create --files-from=- | tar --extract --directory "$kept"
cd "$kept"
python3 -c '
import re, struct, sys
def shorter(found):
    value = float(found[0])
    single = struct.unpack("f", struct.pack("f", value))[0] if abs(value) < 3e38 else None
    return repr(float(f"{value:.9g}")) if value == single else found[0]
for path in sys.argv[1:]:
    with open(path) as file:
        text = re.sub(r"-?\d+\.\d{6,}(?:e[+-]?\d+)?(?=[,}])", shorter, file.read())
    with open(path, "w") as file:
        file.write(text)' $(find . -name measurements.jsonl -o -name probes.jsonl)
find . -type f | sed 's,^\./,,' |
  LC_ALL=C sort |
  tar --create --xz --file "$archive" --mtime='2026-01-01 00:00Z' --owner=0 --group=0 \
    --numeric-owner --files-from=-
