"""Builds a folder by the rules of docs/spec/folder.md and nothing else, with dag-pb and CID libraries of PyPI."""

import base64
import dataclasses
import datetime
import hashlib

import ipld_dag_pb
from multiformats import CID

DIRECTORY = b"\x08\x01"
FLAT = 64
FORCED_CUT = 256
BITS_PER_LEVEL = 5
MOST_LEVELS_CLOSED = 12


@dataclasses.dataclass(frozen=True)
class Item:
    """An entry as the folder sees it; `links` are [name, CID, size]."""

    time: int
    id: str
    file: str
    size: int
    links: list

    @property
    def digest(self):
        return bytes(CID.decode(self.id).raw_digest)


@dataclasses.dataclass(frozen=True)
class Member:
    """What a node links to, on any level: its links, the name of its first entry, and the rank of its last."""

    links: list
    first: str
    rank: int


def build(items):
    """The root's CID and all blocks by CID. There must be an item."""
    blocks = {}
    members = sorted((leaf_member(item, name) for item, name in named(items)), key=lambda member: member.first.encode())
    flat = sum(len(member.links) for member in members) <= FLAT
    level = 0
    while True:
        nodes = [members] if flat else list(cut(members, level))
        members = [node_member(node, blocks) for node in nodes]
        if len(members) == 1:
            return members[0].links[0].hash, blocks
        level += 1


def named(items):
    """Each item with its name: the short one, but for all but the smallest id among namesakes."""
    taken = set()
    for item in sorted(items, key=lambda item: item.digest):
        digits = base64.b32encode(item.digest).decode().lower().rstrip("=")
        short = f"{timestamp(item.time)}-{digits[:16]}"
        name = f"{timestamp(item.time)}-{digits}" if short in taken else short
        taken.add(short)
        yield item, name


def timestamp(millis):
    moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(milliseconds=millis)
    return f"{moment:%Y%m%dT%H%M%S}.{millis % 1000:03}Z"


def leaf_member(item, name):
    links = [ipld_dag_pb.PBLink(CID.decode(item.file), name, item.size)]
    links += [ipld_dag_pb.PBLink(CID.decode(cid), f"{name}.{own}", size) for own, cid, size in item.links]
    return Member(links, name, rank(item.digest))


def rank(digest):
    number = int.from_bytes(digest, "big")
    zeros = (number & -number).bit_length() - 1 if number else 256
    return min(zeros // BITS_PER_LEVEL, MOST_LEVELS_CLOSED)


def cut(members, level):
    node, links = [], 0
    for member in members:
        node.append(member)
        links += len(member.links)
        if member.rank > level or links >= FORCED_CUT:
            yield node
            node, links = [], 0
    if node:
        yield node


def node_member(node, blocks):
    links = [link for member in node for link in member.links]
    block = bytes(ipld_dag_pb.encode(ipld_dag_pb.PBNode(DIRECTORY, links)))
    cid = CID("base32", 1, "dag-pb", ("sha2-256", hashlib.sha256(block).digest()))
    blocks[bytes(cid)] = block
    size = len(block) + sum(link.t_size for link in links)
    return Member([ipld_dag_pb.PBLink(cid, "from-" + node[0].first, size)], node[0].first, node[-1].rank)
