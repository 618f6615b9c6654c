"""gRPC from end to end: Debian's grpcio as client and as server, tandem-lb between them, HTTP/2 on
both sides of it."""

import concurrent.futures
import queue
import threading
import time

import grpc
import h2_stage
import tandem_testing
import tls_stage

TIMEOUT = tandem_testing.TIMEOUT


class Echo(grpc.GenericRpcHandler):
    """Bytes as messages: what is sent says what is asked for."""

    def __init__(self, name):
        self.name = name
        self.may_go_on = threading.Event()
        self.hangs = threading.Event()
        self.left = threading.Event()

    def service(self, call):
        return {
            "/t.Echo/Say": grpc.unary_unary_rpc_method_handler(self.say),
            "/t.Echo/Count": grpc.unary_stream_rpc_method_handler(self.count),
            "/t.Echo/Sum": grpc.stream_unary_rpc_method_handler(self.sum),
            "/t.Echo/Talk": grpc.stream_stream_rpc_method_handler(self.talk),
            "/t.Echo/Fail": grpc.unary_unary_rpc_method_handler(self.fail),
            "/t.Echo/Hang": grpc.unary_unary_rpc_method_handler(self.hang),
            "/t.Echo/Hold": grpc.unary_stream_rpc_method_handler(self.hold),
        }.get(call.method)

    def say(self, request, context):
        context.set_trailing_metadata((("x-served-by", self.name),))
        return request

    def count(self, request, context):
        for i in range(int(request)):
            yield b"%d" % i

    def sum(self, requests, context):
        return b"%d" % sum(len(request) for request in requests)

    def talk(self, requests, context):
        for request in requests:
            yield request[::-1]

    def fail(self, request, context):
        context.set_trailing_metadata((("x-why-bin", b"\x00\xff\n"),))
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, "not now: \N{SNOWMAN}")

    def hang(self, request, context):
        context.add_callback(self.left.set)
        self.hangs.set()
        self.left.wait(TIMEOUT)
        return b""

    def hold(self, request, context):
        yield b"first"
        self.may_go_on.wait(TIMEOUT)
        yield b"last"


class GrpcTest(h2_stage.Http2TestCase):
    def serve(self, name="one", credentials=None):
        echo = Echo(name)
        server = grpc.server(concurrent.futures.ThreadPoolExecutor(32))
        server.add_generic_rpc_handlers((echo,))
        if credentials is None:
            port = server.add_insecure_port("127.0.0.1:0")
        else:
            port = server.add_secure_port("127.0.0.1:0", credentials)
        server.start()
        self.addCleanup(lambda: server.stop(None).wait())
        self.addCleanup(echo.may_go_on.set)
        self.addCleanup(echo.left.set)
        return echo, port

    def start(self, port, **server):
        class Origin:
            address = f"127.0.0.1:{port}"

        self.start_lb(Origin, with_tls=True, server={"proto": "h2", **server})

    def channel(self, with_tls=False):
        if with_tls:
            credentials = grpc.ssl_channel_credentials(self.authority.pem.read_bytes())
            channel = grpc.secure_channel(
                f"127.0.0.1:{self.tls_port}",
                credentials,
                options=[("grpc.ssl_target_name_override", h2_stage.NAME)],
            )
        else:
            channel = grpc.insecure_channel(f"127.0.0.1:{self.port}")
        self.addCleanup(channel.close)
        return channel

    def test_all_four_kinds_of_calls(self):
        echo, port = self.serve()
        self.start(port)
        for with_tls in (False, True):
            with self.subTest(with_tls=with_tls):
                channel = self.channel(with_tls)
                answer, call = channel.unary_unary("/t.Echo/Say").with_call(b"hello", timeout=TIMEOUT)
                self.assertEqual(answer, b"hello")
                self.assertIn(("x-served-by", "one"), call.trailing_metadata())
                counted = list(channel.unary_stream("/t.Echo/Count")(b"500", timeout=TIMEOUT))
                self.assertEqual(counted, [b"%d" % i for i in range(500)])
                messages = [b"x" * 10_000] * 100
                total = channel.stream_unary("/t.Echo/Sum")(iter(messages), timeout=TIMEOUT)
                self.assertEqual(total, b"1000000")

    def test_both_sides_talk_in_turns(self):
        _, port = self.serve()
        self.start(port)
        talk = self.channel(True).stream_stream("/t.Echo/Talk")
        asked = queue.Queue()
        answers = talk(iter(asked.get, None), timeout=TIMEOUT)
        for word in (b"abc", b"", b"z" * 200_000, b"end"):
            asked.put(word)  # the next goes out when this is answered: nothing may be held back
            self.assertEqual(next(answers), word[::-1])
        asked.put(None)
        self.assertEqual(list(answers), [])
        self.assertEqual(answers.code(), grpc.StatusCode.OK)

    def test_a_status_and_its_details_reach_the_client(self):
        _, port = self.serve()
        self.start(port)
        with self.assertRaises(grpc.RpcError) as raised:
            self.channel().unary_unary("/t.Echo/Fail")(b"", timeout=TIMEOUT)
        error = raised.exception
        self.assertEqual(error.code(), grpc.StatusCode.FAILED_PRECONDITION)
        self.assertEqual(error.details(), "not now: \N{SNOWMAN}")
        self.assertIn(("x-why-bin", b"\x00\xff\n"), error.trailing_metadata())
        with self.assertRaises(grpc.RpcError) as raised:
            self.channel().unary_unary("/t.Echo/Nothing")(b"", timeout=TIMEOUT)
        self.assertEqual(raised.exception.code(), grpc.StatusCode.UNIMPLEMENTED)

    def test_a_deadline_ends_the_call_at_the_server_too(self):
        echo, port = self.serve()
        self.start(port)
        began = time.monotonic()
        with self.assertRaises(grpc.RpcError) as raised:
            self.channel().unary_unary("/t.Echo/Hang")(b"", timeout=0.3)
        self.assertEqual(raised.exception.code(), grpc.StatusCode.DEADLINE_EXCEEDED)
        self.assertLess(time.monotonic() - began, TIMEOUT)
        self.assertTrue(echo.left.wait(TIMEOUT), "the server is not told that the client has gone")

    def test_a_call_that_the_client_gives_up_ends_at_the_server(self):
        echo, port = self.serve()
        self.start(port)
        call = self.channel().unary_unary("/t.Echo/Hang").future(b"", timeout=TIMEOUT)
        self.assertTrue(echo.hangs.wait(TIMEOUT), "it is under way")
        call.cancel()
        self.assertTrue(echo.left.wait(TIMEOUT))

    def test_many_calls_share_few_connections(self):
        _, port = self.serve()
        self.start(port)
        say = self.channel(True).unary_unary("/t.Echo/Say")
        calls = [say.future(b"%d" % i, timeout=TIMEOUT) for i in range(500)]
        self.assertEqual([call.result() for call in calls], [b"%d" % i for i in range(500)])
        series = 'tandem_server_connects_total{backend="app",server="web1"}'
        self.assertLessEqual(self.lb.metrics()[series], 6)  # of 100 streams each

    def test_a_drained_server_ends_its_streams_in_their_time(self):
        echo, port = self.serve()
        self.start(port)
        answers = self.channel().unary_stream("/t.Echo/Hold")(b"", timeout=TIMEOUT)
        self.assertEqual(next(answers), b"first")
        self.lb.control.command("set server app/web1 state drain")
        with self.assertRaises(grpc.RpcError) as raised:
            self.channel().unary_unary("/t.Echo/Say")(b"more", timeout=TIMEOUT)
        self.assertEqual(raised.exception.code(), grpc.StatusCode.UNAVAILABLE)
        echo.may_go_on.set()
        self.assertEqual(list(answers), [b"last"])
        self.assertEqual(answers.code(), grpc.StatusCode.OK)

    def test_over_tls_to_the_server(self):
        own = tls_stage.Authority(self.folder, "CA of servers")
        pem = own.issue("grpc.pem", "grpc.internal").read_bytes()
        _, port = self.serve(credentials=grpc.ssl_server_credentials([(pem, pem)]))
        self.start(port, ssl={"ca-file": str(own.pem), "sni": "grpc.internal"})
        for with_tls in (False, True):
            say = self.channel(with_tls).unary_unary("/t.Echo/Say")
            self.assertEqual(say(b"x", timeout=TIMEOUT), b"x")


if __name__ == "__main__":
    tandem_testing.main()
