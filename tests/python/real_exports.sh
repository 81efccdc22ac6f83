#!/usr/bin/env bash
# What the program exports, read by foreign software: a folder as CAR, a folder as files, each entry's signature.
#
#   real_exports.sh PYTHON TIDINGS
set -euo pipefail
python=$1
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tidings() { timeout 60 "$program" --data "$work/data" "$@" >/dev/null; }
program=$2

# Enough entries for a tree of more than one directory, written without a node running.
for n in $(seq 90); do
    printf '{"url": "https://example.org/page", "author": "a%d", "time": %d, "text": "Entry %d, für dich."}\n' $((n % 7)) $((1795218125000 + n * 1000)) "$n"
done >"$work/rows.jsonl"
tidings import "$work/rows.jsonl" --test-keys
printf 'an attached file' >"$work/note.txt"
tidings post https://example.org/page 'With a file.' --attach "$work/note.txt"
tidings export https://example.org/page "$work/page.car"
tidings export https://example.org/page "$work/page"

"$python" "$here/read_folder.py" "$work/page.car" >"$work/listing"
names=$(cut -f1 "$work/listing" | LC_ALL=C sort)
found=$(find "$work/page" -type f -printf '%f\n' | LC_ALL=C sort)
[ "$(wc -l <"$work/listing")" -eq 92 ] || { echo "91 entries and a file were written, $(wc -l <"$work/listing") are in the CAR" >&2; exit 1; }
[ "$names" = "$found" ] || { echo "the CAR and the exported files differ" >&2; exit 1; }
find "$work/page" -type f ! -name '*.note.txt' -print0 | xargs -0 "$python" "$here/verify_entry.py" >/dev/null
echo "92 files of an exported folder agree"
