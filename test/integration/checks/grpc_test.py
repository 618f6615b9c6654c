"""Checks of a real gRPC server: Debian's grpcio, its health service served by generic handlers."""

import concurrent.futures
import pathlib
import sys

import check_stage
import grpc
import tandem_testing
from check_stage import backend
from tandem_testing import free_port

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tls"))
import tls_stage  # noqa: E402

UNKNOWN, SERVING, NOT_SERVING, SERVICE_UNKNOWN = range(4)


class Health(grpc.GenericRpcHandler):
    """grpc.health.v1.Health/Check of the services in `status`; of others NOT_FOUND."""

    def __init__(self, status):
        self.status = status
        self.seen = []

    def service(self, call):
        if call.method != "/grpc.health.v1.Health/Check":
            return None
        return grpc.unary_unary_rpc_method_handler(self.check)

    def check(self, request, context):
        self.seen.append((dict(context.invocation_metadata()), context.time_remaining()))
        if request:
            assert request[0] == 0x0A and request[1] == len(request) - 2, request
        name = request[2:].decode()
        if name not in self.status:
            context.abort(grpc.StatusCode.NOT_FOUND, f"no {name} here")
        status = self.status[name]
        return bytes([8, status]) if status else b""


class GrpcTest(check_stage.CheckTestCase):
    def start_server(self, *handlers, credentials=None):
        server = grpc.server(concurrent.futures.ThreadPoolExecutor(4))
        server.add_generic_rpc_handlers(handlers)
        if credentials is None:
            port = server.add_insecure_port("127.0.0.1:0")
        else:
            port = server.add_secure_port("127.0.0.1:0", credentials)
        server.start()
        self.addCleanup(server.stop, None)
        return port, server

    def test_the_status_is_followed_as_it_changes(self):
        health = Health({"": SERVING, "shop.Cart": NOT_SERVING})
        port, server = self.start_server(health)
        self.start_checker(
            whole=backend({"type": "grpc", "host": "cart.internal"}, {"s": port}),
            cart=backend({"type": "grpc", "service": "shop.Cart"}, {"s": port}),
            none=backend({"type": "grpc", "service": "shop.None"}, {"s": port}),
        )
        self.wait_for("whole", "s", "UP", "L7OK", "gRPC server is SERVING")
        self.wait_for("cart", "s", "DOWN", "L7STS", "gRPC server is NOT_SERVING")
        self.wait_for("none", "s", "DOWN", "L7STS", "gRPC status 5 NOT_FOUND: no shop.None here")
        self.assertEqual(self.lb.control.row("none", "s")["check_code"], "5")
        for status, state, found, words in (
            (NOT_SERVING, "DOWN", "L7STS", "NOT_SERVING"),
            (SERVING, "UP", "L7OK", "SERVING"),
            (UNKNOWN, "DOWN", "L7STS", "UNKNOWN"),
            (SERVING, "UP", "L7OK", "SERVING"),
            (SERVICE_UNKNOWN, "DOWN", "L7STS", "SERVICE_UNKNOWN"),
        ):
            health.status[""] = status
            self.wait_for("whole", "s", state, found, f"gRPC server is {words}")
        health.status["shop.Cart"] = SERVING
        self.wait_for("cart", "s", "UP", "L7OK")
        metadata, remaining = health.seen[-1]
        self.assertEqual(metadata["user-agent"], "tandem-check")
        self.assertLessEqual(remaining, 1)
        server.stop(None).wait()
        self.wait_for("cart", "s", "DOWN", "L4CON")

    def test_a_server_without_the_service_says_so(self):
        port, _ = self.start_server()
        self.start_checker(app=backend({"type": "grpc"}, {"s": port}))
        self.wait_for("app", "s", "DOWN", "L7STS", "gRPC status 12 UNIMPLEMENTED")

    def test_over_tls_h2_is_agreed_on(self):
        authority = tls_stage.Authority(self.folder)
        pem = authority.issue("server.pem", "cart.internal").read_bytes()
        credentials = grpc.ssl_server_credentials([(pem, pem)])
        port, _ = self.start_server(Health({"": SERVING}), credentials=credentials)
        own = {"ca-file": str(authority.pem), "sni": "cart.internal"}
        servers = {
            "good": {"address": f"127.0.0.1:{port}", "ssl": own},
            "plain": f"127.0.0.1:{port}",
            "other-name": {"address": f"127.0.0.1:{port}", "ssl": own | {"sni": "x.internal"}},
        }
        self.start_checker(app=backend({"type": "grpc"}, {}) | {"servers": servers})
        self.wait_for("app", "good", "UP", "L7OK", "gRPC server is SERVING")
        self.wait_for("app", "plain", "DOWN", "L7RSP")
        self.wait_for("app", "other-name", "DOWN", "L6RSP", "certificate verify failed")

    def test_a_server_of_http_1_is_none(self):
        origin = self.start_origin()
        self.start_checker(app=backend({"type": "grpc"}, {"s": origin.port, "dead": free_port()}))
        self.wait_for("app", "s", "DOWN", "L7RSP", "the answer is not HTTP/2")
        self.wait_for("app", "dead", "DOWN", "L4CON")


if __name__ == "__main__":
    tandem_testing.main()
