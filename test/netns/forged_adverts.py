"""Adverts as a stranger on the network can make them: whole Ethernet frames, written and read in
the namespace of a host of the lab. Seals are made here from their description alone
(draft-cassen-vrrp-auth-hmac), so that the daemon's own are checked against another's work."""

import ctypes
import dataclasses
import hashlib
import hmac
import ipaddress
import os
import socket
import struct
import threading
import time

GROUP = "224.0.0.18"
GROUP_MAC = bytes.fromhex("01005e000012")
VRRP = 112
CLONE_NEWNET = 0x40000000


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def packed(address):
    return ipaddress.ip_address(address).packed


@dataclasses.dataclass
class Advert:
    """VRRPv3 over IPv4; what is wrong with it is for the test to say."""

    vrid: int = 51
    priority: int = 254
    vips: tuple = ("10.77.0.100",)
    interval: int = 10  # centiseconds
    version: int = 3
    kind: int = 1
    count: int | None = None
    extra: bytes = b""
    checksum_off_by: int = 0
    source: str = "10.77.0.66"
    destination: str = GROUP
    hop_limit: int = 255
    seal: "Seal | None" = None
    payload: bytes | None = None  # in place of all the above

    def message(self):
        if self.payload is not None:
            return self.payload
        addresses = b"".join(packed(vip) for vip in self.vips)
        count = len(self.vips) if self.count is None else self.count
        head = struct.pack("!BBBBH", self.version << 4 | self.kind, self.vrid, self.priority, count,
                           self.interval)  # fmt: skip
        sum_of_all = checksum(head + b"\0\0" + addresses)
        right = head + struct.pack("!H", sum_of_all ^ self.checksum_off_by) + addresses
        return right + (self.seal.trailer(right, self.source) if self.seal else b"") + self.extra

    def packet(self):
        message = self.message()
        head = struct.pack("!BBHHHBBH4s4s", 0x45, 0xC0, 20 + len(message), 1, 0, self.hop_limit,
                           VRRP, 0, packed(self.source), packed(self.destination))  # fmt: skip
        return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + message


@dataclasses.dataclass
class Seal:
    secret: str
    key: int = 1
    clock_ahead: float = 0  # seconds
    scheme: int = 1

    def trailer(self, message, source):
        now = time.time() + self.clock_ahead
        sequence = int(now) << 32 | int(now % 1 * 65536) << 16
        unsigned = message + struct.pack("!BBHQ", self.scheme, self.key, 0, sequence)
        purpose = struct.pack("!BBBB16s", 4, message[0] >> 4, message[1], 0, packed(source))
        covered = purpose + unsigned[:6] + b"\0\0" + unsigned[8:] + b"\0" * 16
        digest = hmac.new(self.secret.encode(), covered, hashlib.sha256).digest()
        return unsigned[len(message) :] + digest[:16]


class Wire:
    """The end of a host's cable: sends any frame, hears every one."""

    def __init__(self, host):
        self.mac = bytes.fromhex(host.mac().replace(":", ""))
        opened = []
        # setns() moves one thread alone; what it opens stays where it was opened.
        opener = threading.Thread(target=lambda: opened.append(self._open(host.namespace)))
        opener.start()
        opener.join()
        self.socket = opened[0]

    @staticmethod
    def _open(namespace):
        fd = os.open(f"/var/run/netns/{namespace}", os.O_RDONLY)
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.setns(fd, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")
        os.close(fd)
        wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003))
        wire.bind(("eth0", 0x0003))
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        wire.settimeout(10)
        return wire

    def close(self):
        self.socket.close()

    def frame(self, packet, to=GROUP_MAC):
        return to + self.mac + b"\x08\x00" + packet

    def send(self, advert, to=GROUP_MAC):
        self.socket.send(self.frame(advert.packet(), to))

    def flood(self, frame, count, per_second):
        """`count` times the same frame, in small bursts."""
        burst = 100
        began = time.monotonic()
        for sent in range(0, count, burst):
            ahead = began + sent / per_second - time.monotonic()
            if ahead > 0:
                time.sleep(ahead)
            for _ in range(burst):
                self.socket.send(frame)

    def record(self, is_enough):
        """IPv4 adverts by multicast, as they pass, until `is_enough` of what there is."""
        heard = []
        while not is_enough(heard):
            frame = self.socket.recv(65536)
            if frame[:6] == GROUP_MAC and frame[12:14] == b"\x08\x00" and frame[23] == VRRP:
                heard.append(frame[14:])
        return heard


def source_of(packet):
    return str(ipaddress.ip_address(packet[12:16]))


def priority_of(packet):
    return packet[20 + 2]
