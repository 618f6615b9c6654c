"""A server of the mixed soak, in a process of its own that can be killed:
mixed_servers.py websocket|grpc PORT NAME

websocket: Debian's python3-websockets, which says back what it hears; /healthz answers 200.
grpc: Debian's grpcio with a health service; /say/N, /count/N, /sum/N and /talk/N are the four kinds
of calls, and N is whatever a client tells its calls apart by."""

import asyncio
import concurrent.futures
import http
import sys

SERVING = b"\x08\x01"


async def _answer_check(path, _):
    return (http.HTTPStatus.OK, [], b"well\n") if path == "/healthz" else None


async def _echo(connection):
    import websockets

    try:
        async for message in connection:
            await connection.send(message)
    except websockets.ConnectionClosed:
        pass


async def _serve_websockets(port):
    import websockets

    async with websockets.serve(
        _echo, "127.0.0.1", port, max_size=None, process_request=_answer_check, compression=None,
        ping_interval=None, close_timeout=5, backlog=512,
    ):  # fmt: skip
        await asyncio.get_running_loop().create_future()


def serve_websockets(port, _):
    asyncio.run(_serve_websockets(port))


def _say(request, _):
    return request


def _count(request, _):
    for i in range(int(request)):
        yield b"%d" % i


def _sum(requests, _):
    return b"%d" % sum(len(request) for request in requests)


def _talk(requests, _):
    for request in requests:
        yield request[::-1]


def serve_grpc(port, name):
    import grpc

    handlers = {
        "say": grpc.unary_unary_rpc_method_handler(_say),
        "count": grpc.unary_stream_rpc_method_handler(_count),
        "sum": grpc.stream_unary_rpc_method_handler(_sum),
        "talk": grpc.stream_stream_rpc_method_handler(_talk),
        "grpc.health.v1.Health": grpc.unary_unary_rpc_method_handler(lambda *_: SERVING),
    }

    class Calls(grpc.GenericRpcHandler):
        def service(self, call):
            return handlers.get(call.method.split("/")[1])

    server = grpc.server(
        concurrent.futures.ThreadPoolExecutor(32), options=[("grpc.so_reuseport", 0)]
    )
    server.add_generic_rpc_handlers((Calls(),))
    if server.add_insecure_port(f"127.0.0.1:{port}") != port:
        sys.exit(f"{name}: port {port} is taken")
    server.start()
    server.wait_for_termination()


if __name__ == "__main__":
    kind, its_port, its_name = sys.argv[1:]
    {"websocket": serve_websockets, "grpc": serve_grpc}[kind](int(its_port), its_name)
