#include "failover/peer/credentials.h"

#include "common/check.h"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

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
/// outlives the connection. Where a secret is the proof no certificate is believed: the store of
/// authorities stays empty.
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

// ---- certificates ------------------------------------------------------------------------------

struct FreeBio {
  void operator()(BIO* bio) const noexcept { BIO_free(bio); }
};
struct FreeCertificate {
  void operator()(X509* certificate) const noexcept { X509_free(certificate); }
};
struct FreeKey {
  void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
};
struct FreeNames {
  void operator()(GENERAL_NAMES* names) const noexcept { GENERAL_NAMES_free(names); }
};
using Bio = std::unique_ptr<BIO, FreeBio>;
using Certificate = std::unique_ptr<X509, FreeCertificate>;
using PrivateKey = std::unique_ptr<EVP_PKEY, FreeKey>;
using Names = std::unique_ptr<GENERAL_NAMES, FreeNames>;

/// `pem` outlives it.
Bio reader(std::string_view pem) {
  TANDEM_CHECK(pem.size() <= std::numeric_limits<int>::max());
  Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  TANDEM_CHECK(bio != nullptr);
  return bio;
}

/// Instead of a question on the terminal.
int no_password(char*, int, int, void*) { return -1; }

std::vector<Certificate> certificates_in(std::string_view pem) {
  std::vector<Certificate> all;
  const Bio bio = reader(pem);
  while (X509* one = PEM_read_bio_X509(bio.get(), nullptr, no_password, nullptr))
    all.emplace_back(one);
  return all;
}

PrivateKey key_in(std::string_view pem) {
  const Bio bio = reader(pem);
  return PrivateKey(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr));
}

std::string last_error() {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  return reason != nullptr ? reason : "for no known reason";
}

std::string text_of(const ASN1_STRING* text) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
          static_cast<std::size_t>(ASN1_STRING_length(text))};
}

/// The names that count: alternative ones, or where there are none the common one.
std::string names_of(const X509* certificate) {
  std::string words;
  const auto add = [&words](const ASN1_STRING* name) {
    words += fmt::format("{}\"{}\"", words.empty() ? "" : ", ", text_of(name));
  };
  const Names names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type == GEN_DNS) add(name->d.dNSName);
  }
  const X509_NAME* subject = X509_get_subject_name(certificate);
  const int common = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (words.empty() && common >= 0)
    add(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, common)));
  return words.empty() ? "nobody" : words;
}

using Flaw = std::optional<CertificateFlaw>;

Flaw flaw(std::string words) {
  return CertificateFlaw{.is_of_authorities = false, .words = std::move(words)};
}

Flaw use_own(SSL_CTX* context, std::string_view pem, const std::string& node) {
  const std::vector<Certificate> chain = certificates_in(pem);
  if (chain.empty()) return flaw("holds no certificate (PEM)");
  const PrivateKey key = key_in(pem);
  if (key == nullptr) return flaw("holds no private key (PEM) that can be read without a password");
  ERR_clear_error();
  if (SSL_CTX_use_certificate(context, chain.front().get()) != 1)
    return flaw(fmt::format("the certificate cannot be used: {}", last_error()));
  for (std::size_t i = 1; i < chain.size(); ++i)
    if (SSL_CTX_add1_chain_cert(context, chain[i].get()) != 1)
      return flaw(fmt::format("certificate {} of the chain cannot be used: {}", i, last_error()));
  if (X509_check_private_key(chain.front().get(), key.get()) != 1 ||
      SSL_CTX_use_PrivateKey(context, key.get()) != 1)
    return flaw("the private key is not that of the first certificate");
  if (X509_check_host(chain.front().get(), node.data(), node.size(), X509_CHECK_FLAG_NO_WILDCARDS,
                      nullptr) != 1)
    return flaw(fmt::format("the certificate is for {}, not for this node, \"{}\"",
                            names_of(chain.front().get()), node));
  return std::nullopt;
}

Flaw believe(SSL_CTX* context, std::string_view pem) {
  const std::vector<Certificate> authorities = certificates_in(pem);
  if (authorities.empty())
    return CertificateFlaw{.is_of_authorities = true, .words = "holds no certificate (PEM)"};
  for (const Certificate& one : authorities)
    TANDEM_CHECK(X509_STORE_add_cert(SSL_CTX_get_cert_store(context), one.get()) == 1);
  return std::nullopt;
}

}  // namespace

void Credentials::Free::operator()(ssl_ctx_st* context) const noexcept { SSL_CTX_free(context); }

Credentials::Credentials(bool are_certificates)
    : context_(SSL_CTX_new(TLS_method())), are_certificates_(are_certificates) {
  TANDEM_CHECK(context_ != nullptr);
  harden(context_.get());
}

Result<std::shared_ptr<const Credentials>> Credentials::of_secret(std::string_view secret) {
  if (secret.size() < kSecretCharactersMin)
    return fail(fmt::format("a secret of {} characters is too short, {} are the least",
                            secret.size(), kSecretCharactersMin));
  std::shared_ptr<Credentials> credentials(new Credentials(false));
  SSL_CTX* context = credentials->context();
  auto key = std::make_unique<Key>(derive(secret));
  TANDEM_CHECK(SSL_CTX_set_ex_data(context, key_index(), key.get()) == 1);
  static_cast<void>(key.release());  // the context's now, see free_key()
  SSL_CTX_set_psk_use_session_callback(context, use_session);
  SSL_CTX_set_psk_find_session_callback(context, find_session);
  return credentials;
}

Result<std::shared_ptr<const Credentials>, CertificateFlaw> Credentials::of_certificates(
    const Certificates& files, const std::string& node) {
  std::shared_ptr<Credentials> credentials(new Credentials(true));
  Flaw found = use_own(credentials->context(), files.own, node);
  if (!found) found = believe(credentials->context(), files.authorities);
  ERR_clear_error();  // the end of a PEM file is one to OpenSSL
  if (found) return std::unexpected(std::move(*found));
  return credentials;
}

}  // namespace tandem::failover::peer
