// The stream as the layer of a socket, against OpenSSL's own client on the other end.
#include "lb/tls/stream.h"

#include "common/event/loop.h"
#include "common/file_descriptor.h"
#include "test/support/authority.h"

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <openssl/pem.h>
#include <sys/socket.h>

#include <array>
#include <csignal>
#include <memory>
#include <string>
#include <vector>

namespace tandem::lb::tls {
namespace {

using event::Transfer;
using Status = Transfer::Status;

class Counting final : public HandshakeObserver {
 public:
  void handshake_done(const Stream& stream) override {
    ++done;
    resumed += stream.is_resumed() ? 1 : 0;
    version = stream.version();
  }
  void handshake_failed(std::string_view reason) override {
    ++failed;
    words = reason;
  }
  void encrypted_connection_closed() override { ++closed; }

  int done = 0;
  int resumed = 0;
  int failed = 0;
  int closed = 0;
  std::string version;
  std::string words;
};

class Server final : public event::Socket {
 public:
  using Socket::Socket;
  void on_ready() override { ++events; }
  int events = 0;
};

SslContextPointer server_context() {
  const testing::Authority authority("the CA");
  const std::string pem = authority.node("www.example.org");
  const BioPointer certificate(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const BioPointer key(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  SslContextPointer context(SSL_CTX_new(TLS_server_method()));
  const CertificatePointer leaf(PEM_read_bio_X509(certificate.get(), nullptr, nullptr, nullptr));
  const KeyPointer secret(PEM_read_bio_PrivateKey(key.get(), nullptr, nullptr, nullptr));
  REQUIRE(SSL_CTX_use_certificate(context.get(), leaf.get()) == 1);
  REQUIRE(SSL_CTX_use_PrivateKey(context.get(), secret.get()) == 1);
  SSL_CTX_set_read_ahead(context.get(), 1);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                      SSL_MODE_RELEASE_BUFFERS);
  return context;
}

/// A server's socket with its layer, and a client at the other end of a socket pair.
struct Bench {
  explicit Bench(int buffer_bytes = 0) {
    std::signal(SIGPIPE, SIG_IGN);
    std::array<int, 2> ends;
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0);
    if (buffer_bytes > 0)
      ::setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &buffer_bytes, sizeof buffer_bytes);
    far_end.reset(ends[1]);
    server->attach(ends[0]);
    REQUIRE(server->watch());
    SslPointer ssl(SSL_new(context.get()));
    SSL_set_accept_state(ssl.get());
    auto layer = std::make_unique<Stream>(std::move(ssl), *server, &counting);
    stream = layer.get();
    server->set_layer(std::move(layer));
    client.reset(SSL_new(client_context.get()));
    SSL_set_fd(client.get(), far_end.get());
    SSL_set_connect_state(client.get());
    std::string name = "www.example.org";
    SSL_ctrl(client.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data());
  }
  ~Bench() {
    server->close();
    poller.retire(std::move(server));
    turn();
  }

  void turn() { uv_run(loop.native(), UV_RUN_NOWAIT); }

  /// One read of the server, after the events that there are.
  Transfer read() {
    turn();
    return server->read(scratch);
  }

  void shake_hands() {
    for (int i = 0; i < 100 && !(stream->is_established() && SSL_is_init_finished(client.get()));
         ++i) {
      SSL_do_handshake(client.get());
      REQUIRE(read().status == Status::kBlocked);
    }
    REQUIRE(stream->is_established());
  }

  std::string client_reads() {
    std::vector<char> bytes(64 * 1024);
    const int got = SSL_read(client.get(), bytes.data(), static_cast<int>(bytes.size()));
    return got > 0 ? std::string(bytes.data(), static_cast<std::size_t>(got)) : std::string();
  }

  event::Loop loop;
  event::Poller poller{loop};
  Counting counting;
  SslContextPointer context = server_context();
  SslContextPointer client_context{SSL_CTX_new(TLS_client_method())};
  FileDescriptor far_end;
  std::unique_ptr<Server> server = std::make_unique<Server>(poller);
  Stream* stream = nullptr;
  SslPointer client;
  std::array<char, 4096> scratch;
};

iovec piece(std::string_view text) {
  return {.iov_base = const_cast<char*>(text.data()), .iov_len = text.size()};
}

TEST_CASE("A handshake happens inside the first reads") {
  Bench bench;
  CHECK_FALSE(bench.server->is_plain());
  bench.shake_hands();
  CHECK(bench.counting.done == 1);
  CHECK(bench.counting.version == "TLSv1.3");
  CHECK(bench.stream->server_name() == "www.example.org");
  REQUIRE(SSL_write(bench.client.get(), "GET /", 5) == 5);
  const Transfer got = bench.read();
  REQUIRE(got.status == Status::kDone);
  CHECK(std::string_view(bench.scratch.data(), got.bytes) == "GET /");
  // A short read means drained: without an edge it is not tried again.
  CHECK_FALSE(bench.server->readable());
  bench.server->close();
  CHECK(bench.counting.closed == 1);
  CHECK(bench.counting.failed == 0);
}

TEST_CASE("What is read in pieces stays readable until it is drained") {
  Bench bench;
  bench.shake_hands();
  const std::string sent(10'000, 'x');
  REQUIRE(SSL_write(bench.client.get(), sent.data(), static_cast<int>(sent.size())) == 10'000);
  std::size_t total = 0;
  bench.turn();
  while (bench.server->readable()) {
    const Transfer got = bench.server->read(bench.scratch);
    if (got.status != Status::kDone) break;
    total += got.bytes;
  }
  CHECK(total == sent.size());
  CHECK_FALSE(bench.server->readable());
}

TEST_CASE("A head and its body become one record") {
  Bench bench;
  bench.shake_hands();
  const std::string body(1'000, 'b');
  const std::array<iovec, 3> pieces = {piece("head "), piece(""), piece(body)};
  const Transfer sent = bench.server->write(pieces);
  REQUIRE(sent.status == Status::kDone);
  CHECK(sent.bytes == 1'005);
  CHECK(bench.client_reads() == "head " + body);
}

TEST_CASE("What the connection does not take is written later from elsewhere") {
  Bench bench(8 * 1024);
  bench.shake_hands();
  std::string whole;
  for (int i = 0; whole.size() < 1'000'000; ++i) whole += std::to_string(i) + ' ';
  std::string received;
  std::size_t sent = 0;
  int blocked = 0;
  for (int i = 0; i < 100'000 && received.size() < whole.size(); ++i) {
    bench.turn();
    // Another address each time, as a buffer that was copied has it.
    const std::string rest = whole.substr(sent);
    const std::string_view head = std::string_view(rest).substr(0, 100);
    const std::array<iovec, 2> pieces = {piece(head),
                                         piece(std::string_view(rest).substr(head.size()))};
    if (!rest.empty() && bench.server->writable()) {
      const Transfer transfer = bench.server->write(pieces);
      REQUIRE(transfer.status != Status::kFailed);
      sent += transfer.bytes;
      blocked += transfer.bytes < rest.size() ? 1 : 0;
    }
    received += bench.client_reads();
  }
  CHECK(blocked > 10);
  CHECK(received == whole);
}

TEST_CASE("An end that was announced differs from one that was not") {
  Bench bench;
  bench.shake_hands();
  SECTION("close_notify") {
    SSL_shutdown(bench.client.get());
    bench.far_end.reset();
    CHECK(bench.read().status == Status::kEnd);
    CHECK(bench.read().status == Status::kEnd);
  }
  SECTION("cut off") {
    bench.far_end.reset();
    CHECK(bench.read().status == Status::kFailed);
    CHECK(bench.read().status == Status::kFailed);
  }
  SECTION("bytes before the end are not lost") {
    REQUIRE(SSL_write(bench.client.get(), "last", 4) == 4);
    SSL_shutdown(bench.client.get());
    bench.far_end.reset();
    const Transfer got = bench.read();
    REQUIRE(got.status == Status::kDone);
    CHECK(got.bytes == 4);
    CHECK(bench.server->readable());
    CHECK(bench.read().status == Status::kEnd);
  }
}

TEST_CASE("The client learns that we have finished, unless it broke") {
  Bench bench;
  bench.shake_hands();
  SECTION("finished") {
    bench.server->finish_sending();
    char byte = 0;
    CHECK(SSL_read(bench.client.get(), &byte, 1) == 0);
    CHECK(SSL_get_shutdown(bench.client.get()) == SSL_RECEIVED_SHUTDOWN);
  }
  SECTION("broken off") {
    bench.server->close_with_reset();
    char byte = 0;
    CHECK(SSL_read(bench.client.get(), &byte, 1) <= 0);
    CHECK(SSL_get_shutdown(bench.client.get()) == 0);
  }
}

TEST_CASE("What is no handshake fails, and is counted with its reason") {
  Bench bench;
  SECTION("plain HTTP") {
    REQUIRE(::write(bench.far_end.get(), "GET / HTTP/1.1\r\n\r\n", 18) == 18);
    CHECK(bench.read().status == Status::kFailed);
    CHECK(bench.counting.failed == 1);
    CHECK(bench.counting.words == "http request");
  }
  SECTION("nothing, and away") {
    bench.server->close();
    CHECK(bench.counting.failed == 1);
    CHECK(bench.counting.words.empty());
  }
  CHECK(bench.counting.done == 0);
  CHECK(bench.counting.closed == 0);
}

TEST_CASE("A server that speaks first waits for the handshake") {
  Bench bench;
  const std::array<iovec, 1> pieces = {piece("220 ready\r\n")};
  CHECK(bench.server->write(pieces).status == Status::kBlocked);
  CHECK_FALSE(bench.server->writable());
  bench.shake_hands();
  CHECK(bench.server->writable());
  REQUIRE(bench.server->write(pieces).status == Status::kDone);
  CHECK(bench.client_reads() == "220 ready\r\n");
}

TEST_CASE("Many reads of one byte at a time are a handshake too") {
  Bench bench;
  // The client's flight, by hand, byte for byte.
  BIO* out = BIO_new(BIO_s_mem());
  BIO* in = BIO_new(BIO_s_mem());
  SSL_set_bio(bench.client.get(), in, out);
  for (int flight = 0; flight < 4 && !bench.stream->is_established(); ++flight) {
    SSL_do_handshake(bench.client.get());
    char byte = 0;
    while (BIO_read(out, &byte, 1) == 1) {
      REQUIRE(::write(bench.far_end.get(), &byte, 1) == 1);
      REQUIRE(bench.read().status == Status::kBlocked);
    }
    std::array<char, 4096> answer;
    ssize_t got = 0;
    while ((got = ::read(bench.far_end.get(), answer.data(), answer.size())) > 0)
      BIO_write(in, answer.data(), static_cast<int>(got));
  }
  CHECK(bench.stream->is_established());
}

}  // namespace
}  // namespace tandem::lb::tls
