"""A client of WebSockets over HTTP/2 (RFC 8441) on Debian's python3-h2; what is said inside is
coded by python3-websockets. One thread."""

import socket
import ssl
import time

import h2.config
import h2.connection
import h2.events
import tandem_testing
import websockets.connection
from websockets.frames import Opcode


class Client:
    """One HTTP/2 connection; tunnels are its streams."""

    def __init__(self, address, *, tls=None, server_name=None):
        self.socket = tandem_testing.connect(address, tandem_testing.TIMEOUT)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            tls.set_alpn_protocols(["h2"])
            self.socket = tls.wrap_socket(self.socket, server_hostname=server_name)
        self.h2 = h2.connection.H2Connection(
            h2.config.H2Configuration(client_side=True, header_encoding="utf-8")
        )
        self.h2.initiate_connection()
        self.streams = {}
        self.has_settings = False
        self.flush()
        self.wait_for(lambda: self.has_settings, "SETTINGS come")

    def close(self):
        self.socket.close()

    def flush(self):
        self.socket.sendall(self.h2.data_to_send())

    def read(self):
        """What comes next, taken apart."""
        received = self.socket.recv(65536)
        if not received:
            raise AssertionError("the connection was closed")
        for event in self.h2.receive_data(received):
            if isinstance(event, h2.events.RemoteSettingsChanged):
                self.has_settings = True
            elif stream := self.streams.get(getattr(event, "stream_id", None)):
                stream.note(event)
        self.flush()

    def wait_for(self, condition, what):
        deadline = time.monotonic() + tandem_testing.TIMEOUT
        while not (value := condition()):
            self.socket.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                self.read()
            except (TimeoutError, ssl.SSLWantReadError):
                raise AssertionError(f"waited in vain until {what}") from None
        return value

    def ask(self, path, *, method="GET", fields=(), ends=True, protocol=None):
        stream = Tunnel(self, self.h2.get_next_available_stream_id())
        self.streams[stream.number] = stream
        pseudo = [(":method", method), (":scheme", "https"), (":authority", "www.example.org")]
        pseudo += [(":path", path)] + ([(":protocol", protocol)] if protocol else [])
        self.h2.send_headers(stream.number, [*pseudo, *fields], end_stream=ends)
        self.flush()
        return stream

    def open(self, path, fields=()):
        """A tunnel, or what the answer is instead."""
        fields = [("sec-websocket-version", "13"), ("origin", "https://www.example.org"), *fields]
        stream = self.ask(path, method="CONNECT", fields=fields, ends=False, protocol="websocket")
        self.wait_for(lambda: stream.status or stream.reset is not None, "an answer comes")
        return stream


class Tunnel:
    """A stream, and the WebSocket in it."""

    def __init__(self, client, number):
        self.client = client
        self.number = number
        self.status = None
        self.fields = {}
        self.body = bytearray()
        self.ended = False
        self.reset = None
        self.messages = []
        self.pongs = []
        self.close_code = None
        self.inner = websockets.connection.Connection(
            websockets.connection.Side.CLIENT, max_size=None
        )
        self.parts = bytearray()

    def note(self, event):
        if isinstance(event, h2.events.ResponseReceived):
            self.fields = dict(event.headers)
            self.status = int(self.fields[":status"])
        elif isinstance(event, h2.events.DataReceived):
            self.client.h2.acknowledge_received_data(event.flow_controlled_length, self.number)
            self.body += event.data
            if self.status == 200:
                self.inner.receive_data(event.data)
                self.take_frames()
        elif isinstance(event, h2.events.StreamEnded):
            self.ended = True
        elif isinstance(event, h2.events.StreamReset):
            self.reset = event.error_code

    def take_frames(self):
        for frame in self.inner.events_received():
            if frame.opcode is Opcode.PONG:
                self.pongs.append(bytes(frame.data))
            elif frame.opcode is Opcode.CLOSE:
                self.close_code = int.from_bytes(frame.data[:2], "big")
            else:
                self.parts += frame.data
                if frame.fin:
                    self.messages.append(bytes(self.parts))
                    self.parts.clear()

    @property
    def is_over(self):
        return self.ended or self.reset is not None

    def wait_for(self, condition, what):
        return self.client.wait_for(condition, what)

    def send(self, ends=False):
        """What the WebSocket has to say, as the windows let it; with `ends` END_STREAM."""
        wire = b"".join(self.inner.data_to_send())
        at = 0
        codec = self.client.h2
        while at < len(wire):
            window = self.wait_for(lambda: codec.local_flow_control_window(self.number), "it opens")
            size = min(window, codec.max_outbound_frame_size)
            codec.send_data(self.number, wire[at : at + size])
            self.client.flush()
            at += size
        if ends:
            codec.end_stream(self.number)
            self.client.flush()

    def say(self, message):
        if isinstance(message, str):
            self.inner.send_text(message.encode())
        else:
            self.inner.send_binary(message)
        self.send()

    def hear(self):
        self.wait_for(lambda: self.messages, "a message comes")
        return self.messages.pop(0)
