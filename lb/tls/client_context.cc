#include "lb/tls/client_context.h"

#include "common/check.h"
#include "lb/tls/certificate.h"
#include "lb/tls/client_authorities.h"
#include "lb/tls/vocabulary.h"

#include <fmt/format.h>
#include <openssl/x509v3.h>

#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace tandem::lb::tls {
namespace {

using tandem::fail;

/// Lives as long as the SSL_CTX, and that is as long as the last connection.
struct Kept {
  std::string sni;
  std::mutex mutex;
  std::unique_ptr<SSL_SESSION, FreeBy<SSL_SESSION_free>> session;  // guarded; the latest
};

void free_kept(void*, void* kept, CRYPTO_EX_DATA*, int, long, void*) {
  delete static_cast<Kept*>(kept);
}

int kept_index() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, free_kept);
  return index;
}

Kept& kept_of(SSL_CTX* context) {
  return *static_cast<Kept*>(SSL_CTX_get_ex_data(context, kept_index()));
}

/// Takes the session over.
int keep_session(SSL* ssl, SSL_SESSION* session) {
  Kept& kept = kept_of(SSL_get_SSL_CTX(ssl));
  const std::lock_guard lock(kept.mutex);
  kept.session.reset(session);
  return 1;
}

void set_habits(SSL_CTX* context) {
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_NO_AUTO_CHAIN);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, keep_session);
}

Result<void> set_authorities(SSL_CTX* context, const ClientOptions& options) {
  if (options.authorities.empty()) {
    if (!options.revocations.empty()) return fail("revocations need a CA of their own");
    if (SSL_CTX_set_default_verify_paths(context) != 1)
      return fail("the CAs of the system cannot be read");
    return {};
  }
  auto authorities = ClientAuthorities::read(options.authorities);
  if (!authorities) return fail("CA of the server: " + authorities.error().message);
  if (!options.revocations.empty())
    if (auto revoked = authorities->revoke(options.revocations); !revoked)
      return fail("revocations: " + revoked.error().message);
  authorities->use_in(context);
  return {};
}

/// A session goes on only with the server it was made with: its certificate was verified then.
Result<void> set_verify(SSL_CTX* context, const ClientOptions& options) {
  if (!options.verify) {
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nullptr);
    return {};
  }
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  if (auto good = set_authorities(context, options); !good) return good;
  if (options.verify_name.empty()) return {};
  X509_VERIFY_PARAM* param = SSL_CTX_get0_param(context);
  X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  const std::string& name = options.verify_name;
  // What is no IP address is a name.
  if (X509_VERIFY_PARAM_set1_ip_asc(param, name.c_str()) == 1) return {};
  ERR_clear_error();
  if (X509_VERIFY_PARAM_set1_host(param, name.data(), name.size()) != 1)
    return fail(fmt::format("\"{}\" is no name that a certificate could be for", name));
  return {};
}

Result<void> set_certificate(SSL_CTX* context, const ClientOptions& options) {
  if (!options.certificate) return {};
  auto certificate = Certificate::read(*options.certificate);
  if (!certificate)
    return fail(fmt::format("{}: {}", options.certificate->path, certificate.error().message));
  return certificate->use_in(context);
}

void offer(SSL* ssl, std::string_view protocol) {
  const std::string list = static_cast<char>(protocol.size()) + std::string(protocol);
  // Unlike most of its kind, it returns 0 when all is well.
  TANDEM_CHECK(SSL_set_alpn_protos(ssl, reinterpret_cast<const unsigned char*>(list.data()),
                                   static_cast<unsigned>(list.size())) == 0);
}

}  // namespace

Result<std::shared_ptr<const ClientContext>> ClientContext::make(const ClientOptions& options) {
  if (auto good = check(options); !good) return std::unexpected(good.error());
  SslContextPointer made(SSL_CTX_new(TLS_client_method()));
  TANDEM_CHECK(made != nullptr);
  SSL_CTX* context = made.get();
  set_habits(context);
  use_in(context, options);
  if (auto good = set_verify(context, options); !good) return std::unexpected(good.error());
  if (auto good = set_certificate(context, options); !good) return std::unexpected(good.error());
  auto kept = std::make_unique<Kept>();
  kept->sni = options.sni;
  TANDEM_CHECK(SSL_CTX_set_ex_data(context, kept_index(), kept.get()) == 1);
  static_cast<void>(kept.release());
  return std::shared_ptr<const ClientContext>(new ClientContext(std::move(made)));
}

SslPointer ClientContext::begin(std::string_view protocol) const {
  SslPointer ssl(SSL_new(context_.get()));
  if (ssl == nullptr) return ssl;
  SSL_set_connect_state(ssl.get());
  Kept& kept = kept_of(context_.get());
  // What the macro SSL_set_tlsext_host_name does, without its old-style cast.
  if (!kept.sni.empty())
    SSL_ctrl(ssl.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
             const_cast<char*>(kept.sni.c_str()));
  if (!protocol.empty()) offer(ssl.get(), protocol);
  const std::lock_guard lock(kept.mutex);
  if (kept.session) SSL_set_session(ssl.get(), kept.session.get());
  return ssl;
}

}  // namespace tandem::lb::tls
