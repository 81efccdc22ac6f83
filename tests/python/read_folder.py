#!/usr/bin/env python3
"""Lists the folder in a CAR file, and checks it on the way: CIDs, order, sizes, and every entry file's signature.

    read_folder.py FILE.car                        prints name, CID and size of each file
    read_folder.py FILE.car --listing FILE.json    compares with a list of {"name", "cid"} instead
"""

import argparse
import base64
import json
import pathlib
import re
import sys

import entry_file
import folder_tree

ENTRY_NAME = re.compile(r"(\d{8}T\d{6}\.\d{3}Z)-([a-z2-7]{16}|[a-z2-7]{52})")


def check_entries(files, blocks):
    """Every entry file that is in the CAR: valid, and filed under its own time and id."""
    checked = 0
    for file in files:
        match = ENTRY_NAME.fullmatch(file.name)
        if not match:
            continue
        block = blocks.get(bytes(file.cid))
        if block is None:
            raise folder_tree.Damaged(f"the entry {file.name} is not in the CAR")
        entry = entry_file.read(block)
        digits = base64.b32encode(entry.id).decode().lower().rstrip("=")
        if not digits.startswith(match.group(2)):
            raise folder_tree.Damaged(f"{file.name} holds the entry {entry.id_cid}")
        if len(block) != file.size:
            raise folder_tree.Damaged(f"{file.name} states {file.size} bytes, it has {len(block)}")
        checked += 1
    return checked


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("car", type=pathlib.Path)
    parser.add_argument("--listing", type=pathlib.Path)
    options = parser.parse_args()
    try:
        roots, blocks = folder_tree.read_car(options.car.read_bytes())
        files, size = folder_tree.list_tree(roots[0], blocks)
        checked = check_entries(files, blocks)
    except (folder_tree.Damaged, entry_file.Refused) as reason:
        sys.exit(f"{options.car}: refused: {reason}")
    if options.listing:
        expected = [(row["name"], row["cid"]) for row in json.loads(options.listing.read_text())]
        found = [(file.name, file.cid.encode("base32")) for file in files]
        if found != expected:
            sys.exit(f"{options.car}: {len(found)} files differ from the {len(expected)} of {options.listing}")
    else:
        for file in files:
            print(f"{file.name}\t{file.cid.encode('base32')}\t{file.size}")
    print(f"{roots[0].encode('base32')}: {len(files)} files, {checked} entries checked, {size} bytes", file=sys.stderr)


if __name__ == "__main__":
    main()
