"""Connections to one address, in the hands of planned_move_test.py: a command a line on stdin, its
result as a line of JSON on stdout."""

import json
import socket
import sys

ADDRESS = sys.argv[1]
PATIENCE = 20  # seconds; what takes longer has failed


def connect():
    return socket.create_connection((ADDRESS, 80), timeout=PATIENCE)


def read_head(connection):
    head = b""
    while b"\r\n\r\n" not in head:
        piece = connection.recv(1)
        if not piece:
            raise ConnectionError("ended within the head")
        head += piece
    return head.decode("ascii").lower()


def read_exactly(connection, length):
    body = b""
    while len(body) < length:
        piece = connection.recv(length - len(body))
        if not piece:
            return body
        body += piece
    return body


def length_in(head):
    return int(head.split("content-length:")[1].split("\r\n")[0])


def request(connection):
    connection.sendall(b"GET / HTTP/1.1\r\nHost: move\r\n\r\n")
    head = read_head(connection)
    assert " 200 " in head, head
    return head, read_exactly(connection, length_in(head)).decode("ascii")


kept, download, missing = [], None, 0
for line in sys.stdin:
    word, *arguments = line.split()
    if word == "open":
        kept = [connect() for _ in range(int(arguments[0]))]
        answers = [request(connection) for connection in kept]
        result = {"served": len(answers), "by": sorted({body for _, body in answers})}
    elif word == "again":
        answers = [request(connection) for connection in kept]
        closing = sum("connection: close" in head for head, _ in answers)
        result = {"served": len(answers), "closing": closing,
                  "by": sorted({body for _, body in answers})}  # fmt: skip
        for connection in kept:
            assert closing == 0 or connection.recv(1) == b"", "more than was asked for"
            connection.close()
    elif word == "new":
        with connect() as fresh:
            result = {"by": request(fresh)[1]}
    elif word == "crowd":
        served = failed = 0
        for _ in range(int(arguments[0])):
            try:
                with connect() as fresh:
                    request(fresh)
                served += 1
            except OSError:
                failed += 1
        result = {"served": served, "failed": failed}
    elif word == "download":
        download = connect()
        download.sendall(b"GET /slow HTTP/1.1\r\nHost: move\r\nConnection: close\r\n\r\n")
        missing = length_in(read_head(download))
        result = {"missing": missing}
    elif word == "finish":
        connection = connect()
        connection.sendall(b"GET /go HTTP/1.1\r\nHost: move\r\nConnection: close\r\n\r\n")
        head = read_head(connection)
        assert " 200 " in head, head
        connection.close()
        missing -= len(read_exactly(download, missing))
        download.close()
        result = {"missing": missing}
    else:
        assert word == "reset", word
        count = 0
        for connection in kept:
            try:
                connection.sendall(b"GET / HTTP/1.1\r\nHost: move\r\n\r\n")
                count += connection.recv(1) == b""
            except ConnectionError:
                count += 1
            connection.close()
        result = {"reset": count}
    print(json.dumps(result), flush=True)
