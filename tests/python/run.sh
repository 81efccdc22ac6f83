#!/usr/bin/env bash
# The independent checks: software from PyPI reads what Tidings writes. `make test` runs this after scripts/bootstrap.
set -euo pipefail
cd "$(dirname "$0")/../.."

python=$(scripts/python-env)/bin/python
[ -x "$python" ] || { echo "run scripts/bootstrap tests first: there is no $python" >&2; exit 1; }
export PYTHONDONTWRITEBYTECODE=1

echo "-- the checkers themselves: can they say no?"
"$python" tests/python/self_check.py

echo "-- golden vectors and their CDDL"
"$python" tests/python/check_vectors.py docs/spec

echo "-- real exports"
tidings=${CARGO_TARGET_DIR:-target}/debug/tidings
if [ -x "$tidings" ]; then
    tests/python/real_exports.sh "$python" "$tidings"
else
    echo "run cargo build -p tidings-node first: there is no $tidings" >&2
    exit 1
fi
