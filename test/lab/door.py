"""A way into a namespace: this runs inside, with a listening socket that was made outside, and passes
each connection on to an address inside. Usage: door.py DESCRIPTOR ADDRESS PORT"""

import asyncio
import contextlib
import socket
import sys


async def pass_on(reader, writer):
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()


async def let_in(reader, writer, address, port):
    with contextlib.suppress(OSError):
        inner_reader, inner_writer = await asyncio.open_connection(address, port)
        await asyncio.gather(pass_on(reader, inner_writer), pass_on(inner_reader, writer))
        inner_writer.close()
    writer.close()


async def main(descriptor, address, port):
    listener = socket.socket(fileno=int(descriptor))
    server = await asyncio.start_server(
        lambda reader, writer: let_in(reader, writer, address, int(port)), sock=listener
    )
    print("open", flush=True)
    await server.serve_forever()


asyncio.run(main(*sys.argv[1:]))
