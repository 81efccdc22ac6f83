#!/usr/bin/env python3
"""Proves that these checkers can say no: entries and folders made here by foreign libraries are accepted, and each of
them refused after one thing in it was spoilt."""

import hashlib
import sys
import unittest

import cbor2
import cwt
import ipld_dag_pb
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from multiformats import CID

import entry_file
import folder_tree

SECRET = bytes(range(32))
PUBLIC = Ed25519PrivateKey.from_private_bytes(SECRET).public_key().public_bytes_raw()
BODY = "Good morning.".encode()
PAYLOAD = {
    1: 1,
    2: bytes(32),
    3: 0,
    5: 1_795_218_125_123,
    6: "post",
    10: hashlib.sha256(BODY).digest(),
    11: len(BODY),
}


def sealed(payload, protected=None, unprotected=None):
    """A header: the payload (a map or bytes) signed by the COSE library."""
    key = cwt.COSEKey.new({1: 1, 2: PUBLIC, 3: -8, 4: [1], -1: 6, -2: PUBLIC, -4: SECRET})
    if not isinstance(payload, bytes):
        payload = cbor2.dumps(payload, canonical=True)
    protected = protected or {1: -8, 3: "application/tidings", 4: PUBLIC}
    return cbor2.loads(cwt.COSE.new().encode_and_sign(payload, key, protected, unprotected or {}))


def entry(header=None, body=BODY):
    return cbor2.dumps([header or sealed(PAYLOAD), body], canonical=True)


class Entries(unittest.TestCase):
    def refused(self, file, why):
        with self.assertRaisesRegex(entry_file.Refused, why):
            entry_file.read(file)

    def test_a_good_entry_is_read(self):
        read = entry_file.read(entry())
        self.assertEqual((read.author, read.body, read.header["kind"]), (PUBLIC, BODY, "post"))

    def test_a_redacted_entry_keeps_its_id(self):
        self.assertEqual(entry_file.read(entry(body=None)).id, entry_file.read(entry()).id)

    def test_any_flipped_bit_is_noticed(self):
        file = entry()
        for at in range(len(file)):
            spoilt = bytearray(file)
            spoilt[at] ^= 0x10
            with self.assertRaises(entry_file.Refused, msg=f"byte {at}"):
                entry_file.read(bytes(spoilt))

    def test_another_body_is_refused(self):
        self.refused(entry(body=b"Good evening."), "another hash")
        self.refused(entry(body=BODY + b"."), "another length")

    def test_a_longer_encoding_is_refused(self):
        file = entry()
        self.assertEqual(file[:1], b"\x82")
        self.refused(b"\x98\x02" + file[1:], "deterministic")
        unsorted = cbor2.dumps(dict(sorted(PAYLOAD.items(), reverse=True)))
        self.refused(entry(sealed(unsorted)), "deterministic")

    def test_unprotected_headers_are_refused(self):
        header = sealed(PAYLOAD, unprotected={5: b"x"})
        self.refused(entry(header), "unprotected")

    def test_another_key_is_refused(self):
        header = sealed(PAYLOAD, protected={1: -8, 3: "application/tidings", 4: bytes(32)})
        self.refused(entry(header), "signature|key")

    def test_another_content_type_is_refused(self):
        self.refused(entry(sealed(PAYLOAD, protected={1: -8, 3: "text/plain", 4: PUBLIC})), "content type")

    def test_broken_rules_are_refused(self):
        cid = bytes(CID("base32", 1, "raw", ("sha2-256", bytes(32))))
        for why, change in [
            ("unknown key", {14: 1}),
            ("version", {1: 2}),
            ("seq is 0", {3: 1}),
            ("seq is 0", {4: bytes(32)}),
            ("32 bytes", {2: bytes(31)}),
            ("year 9999", {5: entry_file.LAST_TIME + 1}),
            ("type int", {5: True}),
            ("kind", {6: ""}),
            ("kind", {6: "k" * 33}),
            ("refs", {7: []}),
            ("refs", {7: [bytes(32)] * 65}),
            ("sorted", {8: [b"b" * 32, b"a" * 32]}),
            ("plain file name", {9: [["a/b", cid, 1, "image/png"]]}),
            ("sorted", {9: [["b", cid, 1, "image/png"], ["a", cid, 1, "image/png"]]}),
            ("default media type", {12: "text/plain"}),
            ("malformed", {12: "text"}),
        ]:
            with self.subTest(why=why, change=change):
                self.refused(entry(sealed(PAYLOAD | change)), why)


def block(node):
    data = bytes(ipld_dag_pb.encode(node))
    return CID("base32", 1, "dag-pb", ("sha2-256", hashlib.sha256(data).digest())), data


def directory(links):
    return block(ipld_dag_pb.PBNode(b"\x08\x01", [ipld_dag_pb.PBLink(cid, name, size) for name, cid, size in links]))


class Folders(unittest.TestCase):
    def setUp(self):
        self.file = CID("base32", 1, "raw", ("sha2-256", bytes(32)))
        leaves = [directory([(f"{letter}{n}", self.file, 5) for n in range(3)]) for letter in "ab"]
        self.links = [(f"from-{letter}0", cid, len(data) + 15) for letter, (cid, data) in zip("ab", leaves)]
        self.blocks = {bytes(cid): data for cid, data in leaves}

    def tree(self, links):
        root, data = directory(links)
        return folder_tree.list_tree(root, self.blocks | {bytes(root): data})

    def test_a_good_tree_is_listed(self):
        files, size = self.tree(self.links)
        self.assertEqual([file.name for file in files], ["a0", "a1", "a2", "b0", "b1", "b2"])
        self.assertGreater(size, 30)

    def test_a_bad_tree_is_refused(self):
        (first, second) = self.links
        for why, links in [
            ("not named after", [("from-a1", *first[1:])]),
            ("states", [(first[0], first[1], first[2] + 1)]),
            ("holds nodes and items", [first, ("z", self.file, 1)]),
            ("missing", [("from-a0", directory([])[0], 4)]),
            ("not sorted", [("from-a0", *first[1:]), ("from-a0", *first[1:])]),
        ]:
            with self.subTest(why=why):
                with self.assertRaisesRegex((folder_tree.Damaged, ValueError, TypeError), why):
                    self.tree(links)

    def test_overlapping_nodes_are_refused(self):
        overlapping, data = directory([("a1", self.file, 5), ("c", self.file, 5)])
        self.blocks[bytes(overlapping)] = data
        with self.assertRaisesRegex(folder_tree.Damaged, "over the whole tree"):
            self.tree([self.links[0], ("from-a1", overlapping, len(data) + 10)])

    def test_a_file_where_a_directory_belongs_is_refused(self):
        node, data = block(ipld_dag_pb.PBNode(b"\x08\x02"))
        with self.assertRaisesRegex(folder_tree.Damaged, "not a UnixFS directory"):
            folder_tree.list_tree(node, {bytes(node): data})

    def test_bytes_that_do_not_match_their_cid_are_refused(self):
        cid, data = directory([])
        with self.assertRaisesRegex(folder_tree.Damaged, "names other bytes"):
            folder_tree.check_block(cid, data + b"\0")


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=0))
