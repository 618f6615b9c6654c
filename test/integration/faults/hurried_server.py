"""A server that closes each connection 0 to 12 ms after an answer, drawn anew each time, whether or
not the next request is on its way: the race that every pool of connections has to win.

Usage: hurried_server.py NAME PORT RECORD. Appends the number of each POST it reads to the file
RECORD, and says "listening" when it does. Never closes before the first request of a connection.
"""

import asyncio
import random
import re
import sys

IDLE_MS_MAX = 12
POST = re.compile(rb"POST /post/(\d+) ")
LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


class Server:
    def __init__(self, name, record):
        body = f"{name}\n".encode()
        self.answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
        self.record = record

    async def serve(self, reader, writer):
        try:
            await self.serve_requests(reader, writer)
        except (asyncio.TimeoutError, asyncio.IncompleteReadError, ConnectionError):
            pass
        writer.close()

    async def serve_requests(self, reader, writer):
        patience = None
        while True:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), patience)
            if length := LENGTH.search(head):
                await reader.readexactly(int(length.group(1)))
            if post := POST.match(head):
                self.record.write(post.group(1).decode() + "\n")
                self.record.flush()
            writer.write(self.answer)
            patience = random.uniform(0, IDLE_MS_MAX) / 1000


async def main():
    name, port, path = sys.argv[1:]
    with open(path, "a", encoding="ascii") as record:
        server = await asyncio.start_server(Server(name, record).serve, "127.0.0.1", int(port))
        print("listening", flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
