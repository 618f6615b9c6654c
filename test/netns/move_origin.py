"""An application server for planned_move_test.py: says which node asks, and sends /slow piece by
piece until somebody has asked for /go."""

import http.server
import threading

GO = threading.Event()
PIECES, PIECE = 200, b"x" * 1000


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/slow":
            return self.send_slowly()
        if self.path == "/go":
            GO.set()
        body = self.client_address[0].encode("ascii")
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def send_slowly(self):
        self.send_response(200)
        self.send_header("Content-Length", str(PIECES * len(PIECE)))
        self.end_headers()
        for piece in range(PIECES):
            self.wfile.write(PIECE)
            # The last half only when it is asked for; before that, a piece now and then.
            if piece >= PIECES // 2:
                GO.wait()
            else:
                GO.wait(0.02)

    def log_message(self, *_):
        pass


with http.server.ThreadingHTTPServer(("0.0.0.0", 8000), Handler) as server:
    server.daemon_threads = True
    print("listening", flush=True)
    server.serve_forever()
