#include "failover/peer/tls.h"

#include "common/check.h"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <limits>
#include <utility>

namespace tandem::failover::peer {
namespace {
/// What our own certificate was refused with by the other node; empty: not that.
std::string words_of_alert(int reason) {
  switch (reason) {
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
      return "it says that our certificate does not come from its CA";
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
      return "it says that our certificate has expired";
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
      return "it refuses our certificate";
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
      return "it demands a certificate of us";
    default:
      return {};
  }
}

}  // namespace

void TlsStream::Free::operator()(ssl_st* ssl) const noexcept { SSL_free(ssl); }

TlsStream::TlsStream(std::shared_ptr<const Credentials> credentials, Side side,
                     std::string peer_node, std::uint32_t sends_per_key)
    : credentials_(std::move(credentials)),
      ssl_(SSL_new(credentials_->context())),
      peer_node_(std::move(peer_node)),
      sends_per_key_(sends_per_key) {
  TANDEM_CHECK(ssl_ != nullptr);
  if (credentials_->are_certificates()) {
    SSL_set_hostflags(ssl_.get(), X509_CHECK_FLAG_NO_WILDCARDS);
    TANDEM_CHECK(SSL_set1_host(ssl_.get(), peer_node_.c_str()) == 1);
  }
  BIO* from_network = BIO_new(BIO_s_mem());
  BIO* to_network = BIO_new(BIO_s_mem());
  TANDEM_CHECK(from_network != nullptr && to_network != nullptr);
  SSL_set_bio(ssl_.get(), from_network, to_network);
  if (side == Side::kDials)
    SSL_set_connect_state(ssl_.get());
  else
    SSL_set_accept_state(ssl_.get());
}

void TlsStream::receive(std::string_view bytes, std::string& plain) {
  constexpr std::size_t kMost = std::numeric_limits<int>::max();
  TANDEM_CHECK(bytes.size() <= kMost);
  if (!bytes.empty())
    TANDEM_CHECK(BIO_write(SSL_get_rbio(ssl_.get()), bytes.data(),
                           static_cast<int>(bytes.size())) == static_cast<int>(bytes.size()));
  if (state_ == State::kHandshake) shake_hands();
  if (state_ == State::kSecure) read(plain);
}

void TlsStream::shake_hands() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  if (result != 1) return fail_with(result);
  state_ = is_proven() ? State::kSecure : State::kFailed;
  if (state_ == State::kFailed) trouble_ = "it has proven nothing";
}

/// OpenSSL has looked at it; that it was asked to is not left to belief.
bool TlsStream::is_proven() const {
  // An external key counts as resumption: without it somebody else was authenticated, or nobody.
  if (!credentials_->are_certificates()) return SSL_session_reused(ssl_.get()) == 1;
  return SSL_get0_peer_certificate(ssl_.get()) != nullptr &&
         SSL_get_verify_result(ssl_.get()) == X509_V_OK;
}

std::string TlsStream::words_of_certificate() const {
  if (!credentials_->are_certificates())
    return "it proves itself by a certificate, not by our secret";
  const long result = SSL_get_verify_result(ssl_.get());
  switch (result) {
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
      return "its certificate does not come from our CA";
    case X509_V_ERR_HOSTNAME_MISMATCH:
      return fmt::format("its certificate is not for \"{}\"", peer_node_);
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return "its certificate, or its CA's, has expired";
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return "its certificate is not valid yet: are both clocks right?";
    default:
      return fmt::format("its certificate is refused: {}", X509_verify_cert_error_string(result));
  }
}

std::string TlsStream::words_of(unsigned long error) const {
  const int reason = ERR_GET_REASON(error);
  if (std::string words = words_of_alert(reason); !words.empty()) return words;
  switch (reason) {
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
      return words_of_certificate();
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
      return "it has no certificate";
    case SSL_R_BINDER_DOES_NOT_VERIFY:
    case SSL_R_TLSV1_ALERT_DECRYPT_ERROR:
    case SSL_AD_REASON_OFFSET + SSL3_AD_ILLEGAL_PARAMETER:  // what a binder is refused with
      return "its secret is not ours";
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
    case SSL_AD_REASON_OFFSET + SSL3_AD_HANDSHAKE_FAILURE:
      return "it wants another kind of proof";
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST:
    case SSL_R_UNKNOWN_PROTOCOL:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
      return "it does not speak TLS";
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_AD_REASON_OFFSET + TLS1_AD_PROTOCOL_VERSION:
      return "it does not speak TLS 1.3";
    default:
      break;
  }
  const char* text = ERR_reason_error_string(error);
  return fmt::format("TLS with it failed: {}", text != nullptr ? text : "for no known reason");
}

void TlsStream::read(std::string& plain) {
  constexpr std::size_t kRecordBytesMax = 16'384;
  for (;;) {
    const std::size_t before = plain.size();
    plain.resize(before + kRecordBytesMax);
    ERR_clear_error();
    std::size_t count = 0;
    const int result = SSL_read_ex(ssl_.get(), plain.data() + before, kRecordBytesMax, &count);
    plain.resize(before + count);
    if (result != 1) return fail_with(result);
  }
}

void TlsStream::fail_with(int result) {
  const int error = SSL_get_error(ssl_.get(), result);
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return;
  if (error == SSL_ERROR_ZERO_RETURN) {
    state_ = State::kEnded;
    return;
  }
  trouble_ = words_of(ERR_peek_error());
  state_ = State::kFailed;
  ERR_clear_error();
}

void TlsStream::send(std::string_view plain) {
  TANDEM_DCHECK(state_ == State::kSecure);
  if (plain.empty()) return;
  ERR_clear_error();
  if (++sends_ >= sends_per_key_) {
    sends_ = 0;
    TANDEM_CHECK(SSL_key_update(ssl_.get(), SSL_KEY_UPDATE_REQUESTED) == 1);
  }
  std::size_t count = 0;
  const int result = SSL_write_ex(ssl_.get(), plain.data(), plain.size(), &count);
  // Memory takes everything: what is left is an internal fault of the library.
  if (result != 1) fail_with(result);
}

void TlsStream::take_output(std::string& out) {
  BIO* to_network = SSL_get_wbio(ssl_.get());
  const std::size_t pending = BIO_ctrl_pending(to_network);
  if (pending == 0) return;
  const std::size_t before = out.size();
  out.resize(before + pending);
  std::size_t count = 0;
  TANDEM_CHECK(BIO_read_ex(to_network, out.data() + before, pending, &count) == 1);
  out.resize(before + count);
}

}  // namespace tandem::failover::peer
