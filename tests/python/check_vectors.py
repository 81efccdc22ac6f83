#!/usr/bin/env python3
"""Reads the golden vectors of the wire specification with foreign software.

    check_vectors.py docs/spec
"""

import hashlib
import json
import pathlib
import sys
import unicodedata

import cbor2
from multiformats import CID

import build_folder
import entry_file
import folder_tree
import read_folder
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


def check_entries(vectors, schema):
    """Good files are read as the vector says, bad ones refused."""
    for row in vectors["entries"]:
        file = bytes.fromhex(row["file"])
        schema.check_entry(file)
        entry = entry_file.read(file)
        header = entry.header
        found = {
            "file_cid": entry.file_cid,
            "id": entry.id_cid,
            "author": entry.did,
            "topic": header["topic"].hex(),
            "topic_name": header.get("topic_name"),
            "seq": header["seq"],
            "prev": id_text(header["prev"]) if "prev" in header else None,
            "time": header["time"],
            "kind": header["kind"],
            "refs": [id_text(one) for one in header.get("refs", [])],
            "redacts": [id_text(one) for one in header.get("redacts", [])],
            "links": [[name, CID.decode(cid).encode("base32"), size, kind] for name, cid, size, kind in header.get("links", [])],
            "media_type": header.get("body_type", "text/plain"),
            "text": entry.body.decode(),
        }
        for name, value in found.items():
            same(value, row[name], f"{row['what']}: {name}")
        without_body = cbor2.dumps([cbor2.loads(file)[0], None], canonical=True)
        schema.check_entry(without_body)
        redacted = entry_file.read(without_body)
        same((redacted.id, redacted.file_cid), (entry.id, row["redacted_file_cid"]), row["what"])
        if row["topic_name"]:
            same(row["topic"], hashlib.sha256(b"tidings/topic/1\0" + row["topic_name"].encode()).hexdigest(), row["what"])
    for row in vectors["refused"]:
        try:
            entry_file.read(bytes.fromhex(row["file"]))
        except entry_file.Refused:
            continue
        raise AssertionError(f"{row['what']}: was accepted")
    return len(vectors["entries"]) + len(vectors["refused"])


def check_folders(vectors, _schema):
    """The root that the specification's rules give, computed here once more, is the golden one."""
    for row in vectors:
        items = [build_folder.Item(*item) for item in row["items"]]
        root, blocks = build_folder.build(items)
        same(str(root), row["root"], row["what"])
        files, _ = folder_tree.list_tree(root, blocks)
        same(len(files), sum(1 + len(item.links) for item in items), row["what"])
    return len(vectors)


def check_announcements(vectors, schema):
    for row in vectors["announcements"]:
        data = bytes.fromhex(row["bytes"])
        schema.check("announcement", data)
        pairs = entry_file.one_encoding(data, "the announcement")
        found = (pairs[2].hex(), CID.decode(pairs[3]).encode("base32"), pairs[4], pairs[5], [file.hex() for file in pairs.get(6, [])])
        same(found, (row["topic"], row["folder"], row["count"], row["newest"], row["inline"]), row["what"])
        for file in pairs.get(6, []):
            entry_file.read(file)
    return len(vectors["announcements"])


def check_car(data, _schema):
    """A folder in a CAR, down to the signature of every entry."""
    roots, blocks = folder_tree.read_car(data)
    files, _ = folder_tree.list_tree(roots[0], blocks)
    same(read_folder.check_entries(files, blocks), len(files), "entries in the CAR")
    return len(blocks)


def id_text(digest):
    return str(CID("base32", 1, "raw", ("sha2-256", digest)))


CHECKS = {
    "announcement.json": check_announcements,
    "entries.json": check_entries,
    "folder.car": check_car,
    "folder.json": check_folders,
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
            data = file.read_bytes()
            count = CHECKS[file.name](json.loads(data) if file.suffix == ".json" else data, schema)
            print(f"{file.name}: {count} agree")
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
