#!/usr/bin/env python3
"""Checks entry files and shows what is in them.

    verify_entry.py FILE...        files as `ipfs get` or `tidings export` leave them
"""

import pathlib
import sys

import entry_file


def describe(entry):
    header = entry.header
    body = "redacted" if entry.body is None else f"{len(entry.body)} bytes"
    return (
        f"{entry.id_cid}\n  by {entry.did}\n  topic {header['topic'].hex()} seq {header['seq']} time {header['time']}"
        f" kind {header['kind']} body {body}\n  file {entry.file_cid}"
    )


def main(paths):
    if not paths:
        sys.exit(__doc__)
    refused = 0
    for path in paths:
        try:
            print(describe(entry_file.read(pathlib.Path(path).read_bytes())))
        except entry_file.Refused as reason:
            refused += 1
            print(f"{path}: refused: {reason}", file=sys.stderr)
    sys.exit(1 if refused else 0)


if __name__ == "__main__":
    main(sys.argv[1:])
