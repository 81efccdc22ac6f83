#!/usr/bin/env python3
"""Reads the golden vectors of the wire specification with foreign software.

    check_vectors.py docs/spec
"""

import hashlib
import json
import pathlib
import sys
import unicodedata

import wire_schema


def check_topics(vectors, _schema):
    """Ids are the hashes that the specification says; room names are what Python's own Unicode tables make of them."""
    for row in vectors["topics"]:
        canonical = row["canonical"]
        same(row["id"], hashlib.sha256(b"tidings/topic/1\0" + canonical.encode()).hexdigest(), canonical)
        if canonical.startswith("room:"):
            written = row["input"].strip()
            name = written[5:] if written[:5].lower() == "room:" else written
            same("room:" + " ".join(unicodedata.normalize("NFC", name).split()), canonical, row["input"])
    for row in vectors["catalogs"]:
        same(row["id"], hashlib.sha256(b"tidings/catalog/1\0" + bytes.fromhex(row["network"])).hexdigest(), "a catalog")
    return len(vectors["topics"]) + len(vectors["catalogs"])


CHECKS = {
    "topics.json": check_topics,
}


def same(left, right, what):
    if left != right:
        raise AssertionError(f"{what}: {left} is not {right}")


def main(folder):
    schema = wire_schema.WireSchema(folder)
    files = sorted((pathlib.Path(folder) / "vectors").iterdir())
    unknown = [file.name for file in files if file.name not in CHECKS]
    missing = [name for name in CHECKS if name not in [file.name for file in files]]
    failed = 0
    for file in files:
        if file.name not in CHECKS:
            continue
        try:
            count = CHECKS[file.name](json.loads(file.read_text(encoding="utf-8")), schema)
            print(f"{file.name}: {count} vectors agree")
        except Exception as reason:  # a library may fail in ways of its own; the vector is wrong all the same
            failed += 1
            print(f"{file.name}: {type(reason).__name__}: {reason}", file=sys.stderr)
    if unknown:
        print(f"no check for {', '.join(unknown)}: add one to {pathlib.Path(__file__).name}", file=sys.stderr)
    if missing:
        print(f"missing: {', '.join(missing)}", file=sys.stderr)
    sys.exit(1 if failed or unknown or missing else 0)


if __name__ == "__main__":
    main(sys.argv[1])
