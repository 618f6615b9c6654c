#include "failover/peer/tls.h"

#include "common/check.h"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace tandem::failover::peer {
namespace {

constexpr std::string_view kIdentity = "tandem peer v1";
constexpr std::size_t kKeyBytes = 32;
constexpr std::array<unsigned char, 2> kCipher{0x13, 0x01};  // TLS_AES_128_GCM_SHA256

using Key = std::array<unsigned char, kKeyBytes>;

Key derive(std::string_view secret) {
  using Kdf = std::unique_ptr<EVP_KDF, decltype(&EVP_KDF_free)>;
  using Context = std::unique_ptr<EVP_KDF_CTX, decltype(&EVP_KDF_CTX_free)>;
  const Kdf kdf(EVP_KDF_fetch(nullptr, "HKDF", nullptr), &EVP_KDF_free);
  TANDEM_CHECK(kdf != nullptr);
  const Context context(EVP_KDF_CTX_new(kdf.get()), &EVP_KDF_CTX_free);
  TANDEM_CHECK(context != nullptr);
  std::string digest = "SHA256";
  std::string input(secret);
  std::string salt(kIdentity);
  std::string info = "pre-shared key";
  const std::array<OSSL_PARAM, 5> parameters{
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest.data(), 0),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, input.data(), input.size()),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, salt.data(), salt.size()),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info.data(), info.size()),
      OSSL_PARAM_construct_end()};
  Key key;
  TANDEM_CHECK(EVP_KDF_derive(context.get(), key.data(), key.size(), parameters.data()) == 1);
  OPENSSL_cleanse(input.data(), input.size());
  return key;
}

void free_key(void*, void* key, CRYPTO_EX_DATA*, int, long, void*) {
  if (key == nullptr) return;
  OPENSSL_cleanse(key, sizeof(Key));
  delete static_cast<Key*>(key);
}

/// Where a context keeps its key; OpenSSL frees both together.
int key_index() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, free_key);
  return index;
}

/// OpenSSL wants to know what sessions are for from whoever asks for certificates, external keys
/// included.
const unsigned char* purpose() { return reinterpret_cast<const unsigned char*>(kIdentity.data()); }
constexpr auto kPurposeBytes = static_cast<unsigned int>(kIdentity.size());
static_assert(kPurposeBytes <= SSL_MAX_SID_CTX_LENGTH);

/// Null: no memory.
SSL_SESSION* session_of(SSL* ssl) {
  const auto* key = static_cast<const Key*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), key_index()));
  SSL_SESSION* session = SSL_SESSION_new();
  if (session != nullptr && SSL_SESSION_set1_master_key(session, key->data(), key->size()) == 1 &&
      SSL_SESSION_set_cipher(session, SSL_CIPHER_find(ssl, kCipher.data())) == 1 &&
      SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION) == 1 &&
      SSL_SESSION_set1_id_context(session, purpose(), kPurposeBytes) == 1)
    return session;
  SSL_SESSION_free(session);
  return nullptr;
}

int use_session(SSL* ssl, const EVP_MD* digest, const unsigned char** identity,
                std::size_t* identity_bytes, SSL_SESSION** session) {
  *session = nullptr;
  // After a HelloRetryRequest the digest is settled; there is only one that we offer.
  if (digest != nullptr && EVP_MD_get_type(digest) != NID_sha256) return 1;
  *identity = reinterpret_cast<const unsigned char*>(kIdentity.data());
  *identity_bytes = kIdentity.size();
  *session = session_of(ssl);
  return *session != nullptr ? 1 : 0;
}

int find_session(SSL* ssl, const unsigned char* identity, std::size_t identity_bytes,
                 SSL_SESSION** session) {
  const std::string_view name(reinterpret_cast<const char*>(identity), identity_bytes);
  *session = name == kIdentity ? session_of(ssl) : nullptr;
  return name != kIdentity || *session != nullptr ? 1 : 0;
}

/// The strictest TLS there is: one version, one cipher, always a fresh key exchange, nothing that
/// outlives the connection. The peer must know the key: no certificate is accepted in its place.
void harden(SSL_CTX* context) {
  TANDEM_CHECK(SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1);
  TANDEM_CHECK(SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) == 1);
  TANDEM_CHECK(SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256") == 1);
  TANDEM_CHECK(SSL_CTX_set1_groups_list(context, "X25519:P-256") == 1);
  TANDEM_CHECK(SSL_CTX_set_num_tickets(context, 0) == 1);
  TANDEM_CHECK(SSL_CTX_set_max_early_data(context, 0) == 1);
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  TANDEM_CHECK(SSL_CTX_set_session_id_context(context, purpose(), kPurposeBytes) == 1);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
}

std::string words_of(unsigned long error) {
  switch (ERR_GET_REASON(error)) {
    case SSL_R_BINDER_DOES_NOT_VERIFY:
    case SSL_R_TLSV1_ALERT_DECRYPT_ERROR:
    case SSL_AD_REASON_OFFSET + SSL3_AD_ILLEGAL_PARAMETER:  // what a binder is refused with
      return "its secret is not ours";
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
    case SSL_AD_REASON_OFFSET + SSL3_AD_HANDSHAKE_FAILURE:
      return "it knows another kind of secret";
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
  const char* reason = ERR_reason_error_string(error);
  return fmt::format("TLS with it failed: {}", reason != nullptr ? reason : "for no known reason");
}

}  // namespace

void Credentials::Free::operator()(ssl_ctx_st* context) const noexcept { SSL_CTX_free(context); }
void TlsStream::Free::operator()(ssl_st* ssl) const noexcept { SSL_free(ssl); }

Result<std::shared_ptr<const Credentials>> Credentials::of_secret(std::string_view secret) {
  if (secret.size() < kSecretCharactersMin)
    return fail(fmt::format("a secret of {} characters is too short, {} are the least",
                            secret.size(), kSecretCharactersMin));
  std::shared_ptr<Credentials> credentials(new Credentials);
  credentials->context_.reset(SSL_CTX_new(TLS_method()));
  SSL_CTX* context = credentials->context_.get();
  TANDEM_CHECK(context != nullptr);
  harden(context);
  auto key = std::make_unique<Key>(derive(secret));
  TANDEM_CHECK(SSL_CTX_set_ex_data(context, key_index(), key.get()) == 1);
  static_cast<void>(key.release());  // the context's now, see free_key()
  SSL_CTX_set_psk_use_session_callback(context, use_session);
  SSL_CTX_set_psk_find_session_callback(context, find_session);
  return credentials;
}

TlsStream::TlsStream(std::shared_ptr<const Credentials> credentials, Side side,
                     std::uint32_t sends_per_key)
    : credentials_(std::move(credentials)),
      ssl_(SSL_new(credentials_->context())),
      sends_per_key_(sends_per_key) {
  TANDEM_CHECK(ssl_ != nullptr);
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
  // An external key counts as resumption: without it somebody else was authenticated, or nobody.
  if (SSL_session_reused(ssl_.get()) == 1) {
    state_ = State::kSecure;
    return;
  }
  state_ = State::kFailed;
  trouble_ = "it did not use the secret";
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
