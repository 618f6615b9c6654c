// A CA of a test's own, and certificates that come from it: as PEM files would hold them.
#pragma once

#include <catch2/catch.hpp>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>

namespace tandem::failover::peer {

struct FreeOpenssl {
  void operator()(X509* one) const noexcept { X509_free(one); }
  void operator()(EVP_PKEY* one) const noexcept { EVP_PKEY_free(one); }
  void operator()(BIO* one) const noexcept { BIO_free(one); }
};
template <class T>
using Owned = std::unique_ptr<T, FreeOpenssl>;

/// What `write` writes into a BIO.
template <class Write>
std::string pem_of(Write write) {
  const Owned<BIO> bio(BIO_new(BIO_s_mem()));
  REQUIRE(write(bio.get()) == 1);
  const char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

class Authority {
 public:
  struct Wish {
    std::string common_name;
    std::string alternative;  // "DNS:lb1"; empty: none
    long valid_from = -3600;  // seconds from now
    long valid_to = 3600;
  };

  explicit Authority(const std::string& name)
      : key_(EVP_EC_gen("P-256")),
        own_(make({.common_name = name, .alternative = ""}, key_.get(), true)) {}

  /// The CA's own certificate.
  [[nodiscard]] std::string pem() const { return pem_of_certificate(own_.get()); }

  /// Certificate and key of a node, in one text.
  [[nodiscard]] std::string certificate(const Wish& wish) const {
    const Owned<EVP_PKEY> key(EVP_EC_gen("P-256"));
    const Owned<X509> certificate = make(wish, key.get(), false);
    return pem_of_certificate(certificate.get()) + pem_of_key(key.get());
  }
  [[nodiscard]] std::string node(const std::string& name) const {
    return certificate({.common_name = name, .alternative = "DNS:" + name});
  }

  [[nodiscard]] static std::string some_key() {
    const Owned<EVP_PKEY> key(EVP_EC_gen("P-256"));
    return pem_of_key(key.get());
  }

 private:
  static std::string pem_of_certificate(X509* one) {
    return pem_of([one](BIO* bio) { return PEM_write_bio_X509(bio, one); });
  }
  static std::string pem_of_key(EVP_PKEY* key) {
    return pem_of([key](BIO* bio) {
      return PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
    });
  }

  static void add(X509* to, int what, const std::string& text) {
    if (text.empty()) return;
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, to, to, nullptr, nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, what, text.c_str());
    REQUIRE(extension != nullptr);
    REQUIRE(X509_add_ext(to, extension, -1) == 1);
    X509_EXTENSION_free(extension);
  }

  [[nodiscard]] Owned<X509> make(const Wish& wish, EVP_PKEY* key, bool is_authority) const {
    Owned<X509> made(X509_new());
    X509* one = made.get();
    X509_set_version(one, X509_VERSION_3);
    static std::uint32_t serial = 1;
    ASN1_INTEGER_set_uint64(X509_get_serialNumber(one), serial++);
    X509_gmtime_adj(X509_getm_notBefore(one), wish.valid_from);
    X509_gmtime_adj(X509_getm_notAfter(one), wish.valid_to);
    X509_NAME* name = X509_get_subject_name(one);
    const auto* text = reinterpret_cast<const unsigned char*>(wish.common_name.c_str());
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, text, -1, -1, 0);
    X509_set_issuer_name(one, is_authority ? name : X509_get_subject_name(own_.get()));
    X509_set_pubkey(one, key);
    add(one, NID_basic_constraints, is_authority ? "critical,CA:TRUE" : "CA:FALSE");
    add(one, NID_subject_alt_name, wish.alternative);
    REQUIRE(X509_sign(one, key_.get(), EVP_sha256()) > 0);
    return made;
  }

  Owned<EVP_PKEY> key_;
  Owned<X509> own_;
};

}  // namespace tandem::failover::peer
