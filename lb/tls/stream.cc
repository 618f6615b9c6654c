#include "lb/tls/stream.h"

#include "common/check.h"
#include "lb/tls/certificate_fields.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace tandem::lb::tls {
namespace {

using event::Transfer;

/// Most bytes in one record (RFC 8446 section 5.1).
constexpr std::size_t kRecordBytesMax = 16 * 1024;

/// Small pieces (a head and its body) become one record here. One for each thread: a record is
/// made and encrypted in one go.
thread_local std::array<char, kRecordBytesMax> gathered;

event::Socket& socket_of(BIO* bio) { return *static_cast<event::Socket*>(BIO_get_data(bio)); }

int bio_read(BIO* bio, char* into, int size) {
  event::Socket& socket = socket_of(bio);
  BIO_clear_retry_flags(bio);
  Transfer transfer;
  if (socket.readable()) transfer = socket.receive({into, static_cast<std::size_t>(size)});
  switch (transfer.status) {
    case Transfer::Status::kDone:
      return static_cast<int>(transfer.bytes);
    case Transfer::Status::kBlocked:
      BIO_set_retry_read(bio);
      return -1;
    case Transfer::Status::kEnd:
      BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
      return 0;
    case Transfer::Status::kFailed:
      break;
  }
  errno = transfer.error;
  return -1;
}

int bio_write(BIO* bio, const char* from, int size) {
  event::Socket& socket = socket_of(bio);
  BIO_clear_retry_flags(bio);
  Transfer transfer;
  const iovec piece{.iov_base = const_cast<char*>(from), .iov_len = static_cast<std::size_t>(size)};
  if (socket.writable()) transfer = socket.transmit({&piece, 1});
  if (transfer.status == Transfer::Status::kDone) return static_cast<int>(transfer.bytes);
  if (transfer.status == Transfer::Status::kBlocked) {
    BIO_set_retry_write(bio);
  } else {
    errno = transfer.error;
  }
  return -1;
}

long bio_control(BIO* bio, int command, long, void*) {
  switch (command) {
    case BIO_CTRL_FLUSH:
      return 1;
    case BIO_CTRL_EOF:
      return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
    default:
      return 0;
  }
}

int bio_create(BIO* bio) {
  BIO_set_init(bio, 1);
  return 1;
}

/// Bytes between OpenSSL and an event::Socket. Made once, never freed.
const BIO_METHOD* socket_bio() {
  static const BIO_METHOD* const kMethod = [] {
    BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "event socket");
    TANDEM_CHECK(method != nullptr);
    BIO_meth_set_create(method, bio_create);
    BIO_meth_set_read(method, bio_read);
    BIO_meth_set_write(method, bio_write);
    BIO_meth_set_ctrl(method, bio_control);
    return method;
  }();
  return kMethod;
}

}  // namespace

Stream::Stream(SslPointer ssl, event::Socket& socket, HandshakeObserver* observer)
    : ssl_(std::move(ssl)), observer_(observer) {
  BIO* bio = BIO_new(socket_bio());
  TANDEM_CHECK(bio != nullptr);
  BIO_set_data(bio, &socket);
  SSL_set_bio(ssl_.get(), bio, bio);
}

Stream::~Stream() {
  if (observer_ == nullptr) return;
  if (state_ == State::kHandshake) observer_->handshake_failed({});
  if (is_counted_) observer_->encrypted_connection_closed();
}

void Stream::note_progress() noexcept {
  if (state_ != State::kHandshake || SSL_is_init_finished(ssl_.get()) == 0) return;
  state_ = State::kEstablished;
  if (observer_ == nullptr) return;
  is_counted_ = true;
  observer_->handshake_done(*this);
}

void Stream::fail(int error) noexcept {
  // What OpenSSL says of a protocol error counts; without one it was the connection.
  const bool just_left = ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
  trouble_ = error_text();
  if (just_left) trouble_.clear();
  const long verdict = SSL_get_verify_result(ssl_.get());
  const bool was_handshake = state_ == State::kHandshake;
  if (was_handshake && verdict != X509_V_OK && !trouble_.empty())
    trouble_ += std::string(": ") + X509_verify_cert_error_string(verdict);
  state_ = State::kFailed;
  error_ = error != 0 && trouble_.empty() ? error : EPROTO;
  if (was_handshake && observer_ != nullptr) observer_->handshake_failed(trouble_);
}

/// What a call that did not succeed came to.
Transfer Stream::stopped(event::Socket& socket, int result) noexcept {
  const int error = errno;
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return {};
    case SSL_ERROR_WANT_WRITE:
      // Only an edge for writing will come; the user who then looks must find a reason to read.
      socket.set_readable(true);
      return {};
    case SSL_ERROR_ZERO_RETURN:
      state_ = State::kEnded;
      return {.status = Transfer::Status::kEnd};
    default:
      fail(error);
      return {.status = Transfer::Status::kFailed, .error = error_};
  }
}

Transfer Stream::handshake(event::Socket& socket) noexcept {
  if (state_ == State::kFailed) return {.status = Transfer::Status::kFailed, .error = error_};
  if (state_ != State::kHandshake) return {.status = Transfer::Status::kDone};
  ERR_clear_error();
  errno = 0;
  const int result = SSL_do_handshake(ssl_.get());
  note_progress();
  if (result != 1) {
    const Transfer end = stopped(socket, result);
    if (end.status != Transfer::Status::kBlocked) socket.set_readable(false);
    return end;
  }
  if (std::exchange(write_waits_for_read_, false)) {
    socket.set_writable(true);
    socket.poller().again(socket);  // no edge tells of it
  }
  // What came with the last flight is in here, and no edge tells of it.
  if (SSL_has_pending(ssl_.get()) != 0) socket.set_readable(true);
  return {.status = Transfer::Status::kDone};
}

Transfer Stream::read(event::Socket& socket, std::span<char> into) noexcept {
  if (state_ == State::kFailed) return {.status = Transfer::Status::kFailed, .error = error_};
  if (state_ == State::kEnded || into.empty()) {
    if (!into.empty()) socket.set_readable(false);
    return {.status = into.empty() ? Transfer::Status::kBlocked : Transfer::Status::kEnd};
  }
  // Apart from what follows it: a client may say goodbye right behind its last word.
  if (state_ == State::kHandshake) {
    const Transfer step = handshake(socket);
    if (step.status != Transfer::Status::kDone) return step;
  }
  std::size_t total = 0;
  while (total < into.size()) {
    ERR_clear_error();
    errno = 0;
    std::size_t bytes = 0;
    const int result = SSL_read_ex(ssl_.get(), into.data() + total, into.size() - total, &bytes);
    if (result == 1) {
      total += bytes;
      if (!socket.readable() && SSL_has_pending(ssl_.get()) == 0)
        return {.status = Transfer::Status::kDone, .bytes = total};
      continue;
    }
    const Transfer end = stopped(socket, result);
    if (total == 0) {
      if (end.status != Transfer::Status::kBlocked) socket.set_readable(false);
      return end;
    }
    // The next read tells of the end.
    if (end.status != Transfer::Status::kBlocked) socket.set_readable(true);
    return {.status = Transfer::Status::kDone, .bytes = total};
  }
  // There may be more in here, of which no edge tells.
  if (SSL_has_pending(ssl_.get()) != 0) socket.set_readable(true);
  return {.status = Transfer::Status::kDone, .bytes = total};
}

Transfer Stream::write(event::Socket& socket, std::span<const iovec> pieces) noexcept {
  if (state_ == State::kFailed) return {.status = Transfer::Status::kFailed, .error = error_};
  std::size_t total = 0;
  std::size_t offset = 0;  // into the first of `pieces`
  while (!pieces.empty()) {
    const char* from = static_cast<const char*>(pieces[0].iov_base) + offset;
    std::size_t size = pieces[0].iov_len - offset;
    if (size < kRecordBytesMax && pieces.size() > 1) {
      std::size_t filled = 0;
      std::size_t skip = offset;
      for (const iovec& piece : pieces) {
        const std::size_t part = std::min(piece.iov_len - skip, gathered.size() - filled);
        std::memcpy(gathered.data() + filled, static_cast<const char*>(piece.iov_base) + skip,
                    part);
        filled += part;
        skip = 0;
        if (filled == gathered.size()) break;
      }
      from = gathered.data();
      size = filled;
    }
    if (size == 0) return {.status = Transfer::Status::kDone, .bytes = total};
    ERR_clear_error();
    errno = 0;
    std::size_t bytes = 0;
    const int result = SSL_write_ex(ssl_.get(), from, size, &bytes);
    note_progress();
    if (result != 1) {
      const int why = SSL_get_error(ssl_.get(), result);
      if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) {
        fail(errno);
        return {.status = Transfer::Status::kFailed, .error = error_};
      }
      write_waits_for_read_ = why == SSL_ERROR_WANT_READ;
      socket.set_writable(false);
      break;
    }
    total += bytes;
    offset += bytes;
    while (!pieces.empty() && offset >= pieces[0].iov_len) {
      offset -= pieces[0].iov_len;
      pieces = pieces.subspan(1);
    }
  }
  if (total == 0 && !pieces.empty()) return {};
  return {.status = Transfer::Status::kDone, .bytes = total};
}

void Stream::finish(event::Socket&) noexcept {
  if (state_ != State::kEstablished && state_ != State::kEnded) return;
  ERR_clear_error();
  SSL_shutdown(ssl_.get());
  ERR_clear_error();
}

std::string_view Stream::version() const noexcept { return SSL_get_version(ssl_.get()); }

std::string_view Stream::cipher() const noexcept { return SSL_get_cipher_name(ssl_.get()); }

bool Stream::is_resumed() const noexcept { return SSL_session_reused(ssl_.get()) == 1; }

std::string_view Stream::protocol() const noexcept {
  const unsigned char* chosen = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &chosen, &size);
  return {reinterpret_cast<const char*>(chosen), size};
}

std::optional<Stream::Shown> Stream::shown_certificate() const {
  const X509* certificate = client_certificate();
  if (certificate == nullptr) return std::nullopt;
  return Shown{.common_name = name_entry_of(X509_get_subject_name(certificate), NID_commonName),
               .is_good = verify_result() == X509_V_OK};
}

const X509* Stream::client_certificate() const noexcept {
  return SSL_get0_peer_certificate(ssl_.get());
}

long Stream::verify_result() const noexcept { return SSL_get_verify_result(ssl_.get()); }

std::string_view Stream::server_name() const noexcept {
  const char* name = SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name);
  return name != nullptr ? std::string_view(name) : std::string_view();
}

}  // namespace tandem::lb::tls
