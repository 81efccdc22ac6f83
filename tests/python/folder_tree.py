"""A folder tree, read with dag-pb, UnixFS, CID and CAR software that nobody here wrote."""

import dataclasses
import hashlib

import ipld_dag_pb
import libipld
from multiformats import CID, varint

import unixfs

RAW, DAG_PB = 0x55, 0x70
# As in the wire specification: links of one node at most (a forced cut after 256, and one item may overshoot it by its files).
MOST_LINKS = 256 + 16
MOST_LEVELS = 20


class Damaged(Exception):
    """The blocks are not a folder; the text says why."""


@dataclasses.dataclass(frozen=True)
class File:
    """A file in a folder, by its name there."""

    name: str
    cid: CID
    size: int


def read_car(data):
    """The roots and blocks of a CAR file, version 1; every block is checked against its CID."""
    length, offset = take_varint(data, 0)
    header = libipld.decode_dag_cbor(bytes(data[offset : offset + length]))
    require(header["version"] == 1, "a CAR of another version than 1")
    roots = [CID.decode(bytes(root)) for root in header["roots"]]
    blocks = {}
    offset += length
    while offset < len(data):
        length, offset = take_varint(data, offset)
        section = data[offset : offset + length]
        require(len(section) == length, "the CAR is cut off")
        offset += length
        # A CIDv1 with sha2-256 has 36 bytes: version, codec, hash function, 32, digest.
        cid, block = CID.decode(bytes(section[:36])), bytes(section[36:])
        check_block(cid, block)
        blocks[bytes(cid)] = block
    return roots, blocks


def check_block(cid, block):
    require(cid.version == 1 and cid.hashfun.name == "sha2-256", f"{cid} is not of version 1 with sha2-256")
    require(hashlib.sha256(block).digest() == bytes(cid.raw_digest), f"{cid} names other bytes")


def list_tree(root, blocks):
    """Every file below the root in the order of names; checks the shape on the way."""
    files, size = list_node(bytes(root), blocks, 0)
    names = [file.name.encode() for file in files]
    require(names == sorted(set(names)), "names are not sorted over the whole tree, or one is there twice")
    return files, size


def list_node(cid, blocks, depth):
    """The files below a node, and the bytes of it and of everything below."""
    require(depth < MOST_LEVELS, "the tree is too deep")
    links = read_directory(cid, blocks)
    inner = [link.name.startswith("from-") for link in links]
    require(all(inner) or not any(inner), "a node holds nodes and items")
    size = len(blocks[cid])
    files = []
    for link in links:
        if not link.name.startswith("from-"):
            files.append(File(link.name, link.hash, link.t_size))
        else:
            require(link.hash.codec.code == DAG_PB, f"{link.name} is not a directory")
            below, below_size = list_node(bytes(link.hash), blocks, depth + 1)
            require(below and link.name == "from-" + below[0].name, f"{link.name} is not named after its first file")
            require(below_size == link.t_size, f"{link.name} states {link.t_size} bytes, there are {below_size}")
            files.extend(below)
        size += link.t_size
    return files, size


def read_directory(cid, blocks):
    """The links of a directory, after the library found its bytes to be the one encoding."""
    require(cid in blocks, CID.decode(cid).encode("base32") + " is missing")
    node = ipld_dag_pb.decode(blocks[cid])
    require(bytes(ipld_dag_pb.encode(node)) == blocks[cid], "a node is not in its one encoding")
    data = unixfs.parse(node.data)
    require(data.Type == unixfs.DIRECTORY, "a node is not a UnixFS directory")
    require(len(node.links) <= MOST_LINKS, "a node has too many links")
    names = [link.name.encode() for link in node.links]
    require(names == sorted(set(names)), "links are not sorted, or a name is there twice")
    return node.links


def take_varint(data, offset):
    value, taken, _ = varint.decode_raw(data[offset : offset + 9])
    return value, offset + taken


def require(holds, otherwise):
    if not holds:
        raise Damaged(otherwise)
