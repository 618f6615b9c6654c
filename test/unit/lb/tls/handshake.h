// A client and a server of TLS that shake hands in memory, in one thread.
#pragma once

#include "lb/tls/server_context.h"

#include <catch2/catch.hpp>
#include <openssl/pem.h>

#include <array>
#include <string>
#include <utility>

namespace tandem::lb::tls {

using SessionPointer = std::unique_ptr<SSL_SESSION, FreeBy<SSL_SESSION_free>>;

/// What a client wants; by default it believes everybody.
struct ClientWish {
  std::string server_name;         // empty: none is asked for
  int version = 0;                 // TLS1_2_VERSION, …; 0: all
  std::string ciphers;             // of TLS 1.2
  std::string signatures;          // "RSA+SHA256", "ECDSA+SHA256"
  std::string alpn;                // as on the wire: "\x08http/1.1"
  std::string certificate = {};    // with its key, PEM
  SSL_SESSION* session = nullptr;  // to go on with
  bool asks_for_ocsp = false;
};

class Handshake {
 public:
  Handshake(const ServerContext& context, const ClientWish& wish)
      : client_context_(SSL_CTX_new(TLS_client_method())), server_(context.begin()) {
    REQUIRE(server_ != nullptr);
    SSL_CTX_set_session_cache_mode(client_context_.get(),
                                   SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
    SSL_CTX_sess_set_new_cb(client_context_.get(), keep_session);
    if (!wish.certificate.empty()) use(wish.certificate);
    client_.reset(SSL_new(client_context_.get()));
    SSL_set_app_data(client_.get(), this);
    apply(wish);
    BIO* of_client = nullptr;
    BIO* of_server = nullptr;
    REQUIRE(BIO_new_bio_pair(&of_client, kPairBytes, &of_server, kPairBytes) == 1);
    SSL_set_bio(client_.get(), of_client, of_client);
    SSL_set_bio(server_.get(), of_server, of_server);
    run();
  }

  // Else its session would count as one that was cut off, which nobody may go on with.
  ~Handshake() { SSL_set_shutdown(client_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN); }
  Handshake(const Handshake&) = delete;
  Handshake& operator=(const Handshake&) = delete;

  [[nodiscard]] bool is_good() const { return client_done_ && server_done_; }
  /// OpenSSL's reason of what went wrong at the client, which is the alert it was sent.
  [[nodiscard]] const std::string& client_error() const { return client_error_; }
  [[nodiscard]] const std::string& server_error() const { return server_error_; }
  [[nodiscard]] SSL* client() const { return client_.get(); }
  [[nodiscard]] SSL* server() const { return server_.get(); }

  /// Common name of the certificate the client was shown.
  [[nodiscard]] std::string shown() const {
    std::array<char, 128> name{};
    X509* certificate = SSL_get0_peer_certificate(client_.get());
    if (certificate == nullptr) return {};
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name.data(),
                              static_cast<int>(name.size()));
    return name.data();
  }
  [[nodiscard]] bool is_shown_rsa() const {
    return EVP_PKEY_get_base_id(X509_get0_pubkey(SSL_get0_peer_certificate(client_.get()))) ==
           EVP_PKEY_RSA;
  }
  [[nodiscard]] bool is_resumed() const { return SSL_session_reused(client_.get()) == 1; }
  [[nodiscard]] std::string protocol() const {
    const unsigned char* name = nullptr;
    unsigned int size = 0;
    SSL_get0_alpn_selected(client_.get(), &name, &size);
    return {reinterpret_cast<const char*>(name), size};
  }
  [[nodiscard]] std::string stapled() const {
    const unsigned char* bytes = nullptr;
    const long size = SSL_get_tlsext_status_ocsp_resp(client_.get(), &bytes);
    return size <= 0
               ? std::string()
               : std::string(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  }
  /// The newest ticket; nullptr: none came.
  [[nodiscard]] SSL_SESSION* session() const { return session_.get(); }
  [[nodiscard]] int tickets() const { return tickets_; }

 private:
  static constexpr std::size_t kPairBytes = 65'536;

  static int keep_session(SSL* ssl, SSL_SESSION* session) {
    auto* self = static_cast<Handshake*>(SSL_get_app_data(ssl));
    self->session_.reset(session);
    ++self->tickets_;
    return 1;
  }

  void use(const std::string& pem) {
    for (const bool is_key : {false, true}) {
      const BioPointer bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
      if (is_key) {
        const KeyPointer key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
        REQUIRE(SSL_CTX_use_PrivateKey(client_context_.get(), key.get()) == 1);
      } else {
        const CertificatePointer one(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
        REQUIRE(SSL_CTX_use_certificate(client_context_.get(), one.get()) == 1);
      }
    }
  }

  void apply(const ClientWish& wish) {
    SSL* ssl = client_.get();
    SSL_set_connect_state(ssl);
    if (!wish.server_name.empty())
      REQUIRE(SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                       const_cast<char*>(wish.server_name.c_str())) == 1);
    if (wish.version != 0) {
      SSL_set_min_proto_version(ssl, wish.version);
      SSL_set_max_proto_version(ssl, wish.version);
      // What is older than TLS 1.2 must not fail on our own side.
      if (wish.version < TLS1_2_VERSION) SSL_set_security_level(ssl, 0);
    }
    if (!wish.ciphers.empty()) REQUIRE(SSL_set_cipher_list(ssl, wish.ciphers.c_str()) == 1);
    if (!wish.signatures.empty()) REQUIRE(SSL_set1_sigalgs_list(ssl, wish.signatures.c_str()) == 1);
    if (!wish.alpn.empty())
      REQUIRE(SSL_set_alpn_protos(ssl, reinterpret_cast<const unsigned char*>(wish.alpn.data()),
                                  static_cast<unsigned int>(wish.alpn.size())) == 0);
    if (wish.session != nullptr) REQUIRE(SSL_set_session(ssl, wish.session) == 1);
    if (wish.asks_for_ocsp) SSL_set_tlsext_status_type(ssl, TLSEXT_STATUSTYPE_ocsp);
  }

  /// True: it need not be called again.
  static bool step(SSL* ssl, bool& is_done, std::string& error) {
    if (is_done || !error.empty()) return true;
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl);
    is_done = result == 1;
    if (is_done) return true;
    const int kind = SSL_get_error(ssl, result);
    if (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE) return false;
    error = error_text();
    if (error.empty()) error = "it ended";
    return true;
  }

  /// What comes after the handshake: tickets, and in TLS 1.3 a refusal of the client's certificate.
  void read(SSL* ssl, std::string& error) {
    std::array<char, 64> bytes;
    ERR_clear_error();
    const int result = SSL_read(ssl, bytes.data(), static_cast<int>(bytes.size()));
    if (result > 0 || SSL_get_error(ssl, result) == SSL_ERROR_WANT_READ) return;
    error = error_text();
  }

  void run() {
    for (int turn = 0; turn < 20; ++turn) {
      const bool client = step(client_.get(), client_done_, client_error_);
      const bool server = step(server_.get(), server_done_, server_error_);
      if (client && server) break;
    }
    if (client_done_) read(client_.get(), client_error_);
    client_done_ = client_done_ && client_error_.empty();
  }

  SessionPointer session_;
  int tickets_ = 0;
  SslContextPointer client_context_;
  SslPointer client_;
  SslPointer server_;
  bool client_done_ = false;
  bool server_done_ = false;
  std::string client_error_;
  std::string server_error_;
};

inline std::shared_ptr<const ServerContext> context_of(const ServerOptions& options) {
  auto made = ServerContext::make(options);
  if (!made) FAIL(made.error().message);
  return *made;
}

/// Why no context can be made of it; empty: it can.
inline std::string refusal(const ServerOptions& options) {
  const auto made = ServerContext::make(options);
  return made ? std::string() : made.error().message;
}

inline CertificateFile file_of(std::string path, std::string pem, std::string ocsp = {}) {
  return {.path = std::move(path), .pem = std::move(pem), .key = {}, .ocsp = std::move(ocsp)};
}

}  // namespace tandem::lb::tls
