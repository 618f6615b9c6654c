// What hangs on an SSL_CTX lives as long as it does, and that is as long as the last connection:
//
//   ServerContext ─ entry SSL_CTX ─ Shared (tickets, ALPN, certificates, answers of OCSP)
//                         └──────── Names ─ further SSL_CTX ─ the same Shared
#include "lb/tls/server_context.h"

#include "common/check.h"
#include "lb/tls/certificate.h"
#include "lb/tls/client_authorities.h"
#include "lb/tls/name_index.h"
#include "lb/tls/ocsp_answer.h"
#include "lb/tls/ticket_keys.h"
#include "lb/tls/vocabulary.h"

#include <fmt/format.h>
#include <openssl/sha.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tandem::lb::tls {
namespace {

using tandem::fail;

struct Served {
  Certificate certificate;
  std::optional<OcspAnswer> answer;  // as far as there is one that can be understood
};

/// What all contexts of a bind share. Immutable, but for the tickets, which look after themselves.
struct Shared {
  std::vector<Served> certificates;
  std::string protocols;  // as ALPN has them on the wire (RFC 7301 section 3.1)
  bool demands_certificate = false;
  std::shared_ptr<TicketKeys> tickets;
};

/// Where the name that a client asks for leads to. Owned by the entry, which is none of `contexts`.
struct Names {
  NameIndex index;
  bool is_strict;
  std::vector<SslContextPointer> contexts;  // by set, without the first: that is the entry's
};

template <class T>
void free_held(void*, void* held, CRYPTO_EX_DATA*, int, long, void*) {
  delete static_cast<T*>(held);
}

template <class T>
int index_of() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, free_held<T>);
  return index;
}

/// `context` owns it from now on.
template <class T>
void hold(SSL_CTX* context, std::unique_ptr<T> held) {
  TANDEM_CHECK(SSL_CTX_set_ex_data(context, index_of<T>(), held.get()) == 1);
  static_cast<void>(held.release());
}

using SharedPointer = std::shared_ptr<const Shared>;

const Shared& shared_of(const SSL_CTX* context) {
  const void* held = SSL_CTX_get_ex_data(context, index_of<SharedPointer>());
  return **static_cast<const SharedPointer*>(held);
}
const Shared& shared_of(const SSL* ssl) { return shared_of(SSL_get_SSL_CTX(ssl)); }

// ---- what OpenSSL asks during a handshake ------------------------------------------------------

int choose_context(SSL* ssl, int* alert, void* held) {
  const auto& names = *static_cast<const Names*>(held);
  const char* asked = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  const auto set = asked == nullptr ? std::nullopt : names.index.find(asked);
  if (!set && names.is_strict) {
    *alert = SSL_AD_UNRECOGNIZED_NAME;
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  // A second hello (after a retry request) may ask for another name: nullptr leads back to the
  // entry.
  SSL_CTX* context = set.value_or(0) == 0 ? nullptr : names.contexts[*set - 1].get();
  if (SSL_set_SSL_CTX(ssl, context) == nullptr) {
    *alert = SSL_AD_INTERNAL_ERROR;
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  return set ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

int choose_protocol(SSL* ssl, const unsigned char** out, unsigned char* out_bytes,
                    const unsigned char* offered, unsigned int offered_bytes, void*) {
  const std::string& own = shared_of(ssl).protocols;
  unsigned char* chosen = nullptr;
  const int result =
      SSL_select_next_proto(&chosen, out_bytes, reinterpret_cast<const unsigned char*>(own.data()),
                            static_cast<unsigned int>(own.size()), offered, offered_bytes);
  *out = chosen;
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

int use_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
               EVP_MAC_CTX* mac, int is_new) {
  return use_ticket_key(*shared_of(ssl).tickets, name, iv, cipher, mac, is_new == 1);
}

/// A client that had to show a certificate comes back without showing it: the one it showed then
/// must still do. That the demands were the same then, the session id context sees to.
SSL_TICKET_RETURN judge_session(SSL* ssl, SSL_SESSION* session, const unsigned char*, std::size_t,
                                SSL_TICKET_STATUS status, void*) {
  if (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW)
    return SSL_TICKET_RETURN_IGNORE_RENEW;
  const X509* shown = SSL_SESSION_get0_peer(session);
  const bool is_good = shown == nullptr ? !shared_of(ssl).demands_certificate
                                        : X509_cmp_current_time(X509_get0_notAfter(shown)) > 0;
  if (!is_good) return SSL_TICKET_RETURN_IGNORE_RENEW;
  return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

int staple(SSL* ssl, void*) {
  const X509* served = SSL_get_certificate(ssl);
  const std::vector<Served>& certificates = shared_of(ssl).certificates;
  const auto found = std::ranges::find_if(
      certificates, [served](const Served& one) { return one.certificate.leaf() == served; });
  if (found == certificates.end() || !found->answer ||
      !found->answer->is_current(std::time(nullptr)))
    return SSL_TLSEXT_ERR_NOACK;
  const std::string& der = found->answer->der();
  void* copy = OPENSSL_memdup(der.data(), der.size());
  if (copy == nullptr) return SSL_TLSEXT_ERR_NOACK;
  SSL_set_tlsext_status_ocsp_resp(ssl, copy, static_cast<long>(der.size()));
  return SSL_TLSEXT_ERR_OK;
}

// ---- how a context is made ---------------------------------------------------------------------

/// The macros that set such a callback cast it the old way.
template <class Function>
void set_callback(SSL_CTX* context, int which, Function* callback) {
  SSL_CTX_callback_ctrl(context, which, reinterpret_cast<void (*)()>(callback));
}

/// What no option changes.
void set_habits(SSL_CTX* context) {
  // Our order counts, but for a client that wants ChaCha20 first: it has no AES in hardware.
  SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
                                   SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  // An idle connection keeps no buffers; writes take what the socket takes, from wherever it lies.
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_NO_AUTO_CHAIN);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_timeout(context, std::chrono::seconds(kTicketKeyPeriod).count());
  TANDEM_CHECK(SSL_CTX_set_num_tickets(context, 1) == 1);
  TANDEM_CHECK(SSL_CTX_set_tlsext_ticket_key_evp_cb(context, use_ticket) == 1);
  set_callback(context, SSL_CTRL_SET_TLSEXT_STATUS_REQ_CB, staple);
}

/// Sessions go on only where the same was demanded of clients: under another CA, another list of
/// revocations or none at all, a ticket is worth nothing.
void set_purpose(SSL_CTX* context, const ServerOptions& options) {
  std::string demands = fmt::format("tandem {} {} {} ", static_cast<int>(options.verify),
                                    options.verify_depth, options.client_authorities.size());
  demands += options.client_authorities + options.client_revocations;
  unsigned char digest[SHA256_DIGEST_LENGTH];
  static_assert(SHA256_DIGEST_LENGTH <= SSL_MAX_SID_CTX_LENGTH);
  TANDEM_CHECK(EVP_Digest(demands.data(), demands.size(), digest, nullptr, EVP_sha256(), nullptr) ==
               1);
  TANDEM_CHECK(SSL_CTX_set_session_id_context(context, digest, sizeof digest) == 1);
}

void set_verify(SSL_CTX* context, const ServerOptions& options,
                const ClientAuthorities& authorities) {
  authorities.use_in(context);
  const int demand = options.verify == Verify::kRequired ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0;
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | demand, nullptr);
  SSL_CTX_set_verify_depth(context, static_cast<int>(options.verify_depth));
  TANDEM_CHECK(SSL_CTX_set_session_ticket_cb(context, nullptr, judge_session, nullptr) == 1);
}

struct Parts {
  const ServerOptions& options;
  const SharedPointer& shared;
  const std::optional<ClientAuthorities>& authorities;
};

Result<SslContextPointer> make_context(const Parts& parts, const NameIndex::Set& certificates) {
  SslContextPointer made(SSL_CTX_new(TLS_server_method()));
  TANDEM_CHECK(made != nullptr);
  SSL_CTX* context = made.get();
  set_habits(context);
  const ServerOptions& options = parts.options;
  use_in(context, options);
  set_purpose(context, options);
  if (parts.authorities) set_verify(context, options, *parts.authorities);
  if (!options.alpn.empty()) SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
  hold(context, std::make_unique<SharedPointer>(parts.shared));
  for (const std::uint32_t number : certificates)
    if (auto used = parts.shared->certificates[number].certificate.use_in(context); !used)
      return fail(fmt::format("{}: {}", options.certificates[number].path, used.error().message));
  return made;
}

// ---- what a context is made of -----------------------------------------------------------------

Result<std::vector<Served>> read_certificates(const ServerOptions& options) {
  std::vector<Served> served;
  for (const CertificateFile& file : options.certificates) {
    auto certificate = Certificate::read(file);
    if (!certificate) return fail(fmt::format("{}: {}", file.path, certificate.error().message));
    served.push_back({std::move(*certificate), std::nullopt});
    if (file.ocsp.empty()) continue;
    if (auto answer = OcspAnswer::read(file.ocsp, served.back().certificate))
      served.back().answer = std::move(*answer);
  }
  if (served.empty()) return fail("a certificate is missing");
  return served;
}

Result<std::shared_ptr<TicketKeys>> make_tickets(const ServerOptions& options) {
  if (options.ticket_keys.empty()) return std::make_shared<TicketKeys>();
  auto keys = TicketKeys::parse(options.ticket_keys);
  if (!keys) return fail("ticket keys: " + keys.error().message);
  return std::make_shared<TicketKeys>(std::move(*keys));
}

Result<std::optional<ClientAuthorities>> read_authorities(const ServerOptions& options) {
  if (options.verify == Verify::kNone) return std::nullopt;
  auto authorities = ClientAuthorities::read(options.client_authorities);
  if (!authorities) return fail("CA of clients: " + authorities.error().message);
  if (!options.client_revocations.empty())
    if (auto revoked = authorities->revoke(options.client_revocations); !revoked)
      return fail("revocations: " + revoked.error().message);
  return std::optional(std::move(*authorities));
}

Result<std::string> protocols_of(const ServerOptions& options) {
  std::string wire;
  for (const std::string& protocol : options.alpn) {
    if (protocol.empty() || protocol.size() > 255)
      return fail("the name of a protocol has 1 to 255 bytes");
    wire += static_cast<char>(protocol.size());
    wire += protocol;
  }
  return wire;
}

NameIndex index_of_names(const std::vector<Served>& certificates) {
  std::vector<NamedKey> keys;
  for (const Served& one : certificates)
    keys.push_back({one.certificate.names(), one.certificate.key_type()});
  return NameIndex(keys);
}

}  // namespace

Result<std::shared_ptr<const ServerContext>> ServerContext::make(const ServerOptions& options,
                                                                 const ServerContext* predecessor) {
  if (auto good = check(options); !good) return std::unexpected(good.error());
  auto certificates = read_certificates(options);
  if (!certificates) return std::unexpected(certificates.error());
  auto tickets =
      predecessor == nullptr ? make_tickets(options) : shared_of(predecessor->entry_.get()).tickets;
  if (!tickets) return std::unexpected(tickets.error());
  auto protocols = protocols_of(options);
  if (!protocols) return std::unexpected(protocols.error());
  const auto authorities = read_authorities(options);
  if (!authorities) return std::unexpected(authorities.error());

  auto names =
      std::make_unique<Names>(Names{index_of_names(*certificates), options.strict_sni, {}});
  const SharedPointer shared = std::make_shared<const Shared>(
      Shared{.certificates = std::move(*certificates),
             .protocols = std::move(*protocols),
             .demands_certificate = options.verify == Verify::kRequired,
             .tickets = std::move(*tickets)});
  const Parts parts{options, shared, *authorities};
  const std::vector<NameIndex::Set>& sets = names->index.sets();
  auto entry = make_context(parts, sets.front());
  if (!entry) return std::unexpected(entry.error());
  for (std::size_t i = 1; i < sets.size(); ++i) {
    auto context = make_context(parts, sets[i]);
    if (!context) return std::unexpected(context.error());
    names->contexts.push_back(std::move(*context));
  }
  set_callback(entry->get(), SSL_CTRL_SET_TLSEXT_SERVERNAME_CB, choose_context);
  SSL_CTX_set_tlsext_servername_arg(entry->get(), names.get());
  hold(entry->get(), std::move(names));
  return std::shared_ptr<const ServerContext>(new ServerContext(std::move(*entry)));
}

SslPointer ServerContext::begin() const {
  SslPointer ssl(SSL_new(entry_.get()));
  if (ssl != nullptr) SSL_set_accept_state(ssl.get());
  return ssl;
}

}  // namespace tandem::lb::tls
