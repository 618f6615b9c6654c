// A CA of a test's own, and what comes from it: certificates, lists of revocations and OCSP
// responses, as files would hold them.
#pragma once

#include <catch2/catch.hpp>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <cstdint>
#include <ctime>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::testing {

struct FreeOpenssl {
  void operator()(X509* one) const noexcept { X509_free(one); }
  void operator()(X509_CRL* one) const noexcept { X509_CRL_free(one); }
  void operator()(EVP_PKEY* one) const noexcept { EVP_PKEY_free(one); }
  void operator()(BIO* one) const noexcept { BIO_free(one); }
  void operator()(OCSP_BASICRESP* one) const noexcept { OCSP_BASICRESP_free(one); }
  void operator()(OCSP_RESPONSE* one) const noexcept { OCSP_RESPONSE_free(one); }
  void operator()(ASN1_TIME* one) const noexcept { ASN1_TIME_free(one); }
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

/// The first certificate in a text.
inline Owned<X509> first_certificate(std::string_view pem) {
  const Owned<BIO> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  Owned<X509> one(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  REQUIRE(one != nullptr);
  return one;
}

class Authority {
 public:
  enum class Key : std::uint8_t { kEcdsa, kRsa, kWeakRsa };
  struct Wish {
    std::string common_name;
    std::string alternative;  // "DNS:lb1"; empty: none
    long valid_from = -3600;  // seconds from now
    long valid_to = 3600;
    Key key = Key::kEcdsa;
  };
  struct Issued {
    std::string certificate;
    std::string key;
    [[nodiscard]] std::string text() const { return certificate + key; }
  };

  explicit Authority(const std::string& name)
      : key_(new_key(Key::kEcdsa)), own_(make({.common_name = name, .alternative = ""}, nullptr)) {}
  /// One that another has certified.
  Authority(const std::string& name, const Authority& by)
      : key_(new_key(Key::kEcdsa)), own_(make({.common_name = name, .alternative = ""}, &by)) {}

  /// The CA's own certificate.
  [[nodiscard]] std::string pem() const { return pem_of_certificate(own_.get()); }

  [[nodiscard]] Issued issue(const Wish& wish) const {
    const Owned<EVP_PKEY> key = new_key(wish.key);
    const Owned<X509> certificate = make(wish, key.get(), own_.get(), key_.get(), false);
    return {pem_of_certificate(certificate.get()), pem_of_key(key.get())};
  }
  /// Certificate and key in one text.
  [[nodiscard]] std::string certificate(const Wish& wish) const { return issue(wish).text(); }
  [[nodiscard]] std::string node(const std::string& name) const {
    return certificate({.common_name = name, .alternative = "DNS:" + name});
  }

  /// What its own key has signed.
  [[nodiscard]] static std::string self_signed(const Wish& wish) {
    const Owned<EVP_PKEY> key = new_key(wish.key);
    const Owned<X509> certificate = make(wish, key.get(), nullptr, key.get(), false);
    return pem_of_certificate(certificate.get()) + pem_of_key(key.get());
  }
  [[nodiscard]] static std::string some_key() { return pem_of_key(new_key(Key::kEcdsa).get()); }
  /// The same key, as it is stored under a passphrase.
  [[nodiscard]] static std::string under_passphrase(const std::string& key) {
    const Owned<BIO> bio(BIO_new_mem_buf(key.data(), static_cast<int>(key.size())));
    const Owned<EVP_PKEY> read(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
    REQUIRE(read != nullptr);
    const std::string phrase = "open sesame";
    return pem_of([&](BIO* out) {
      return PEM_write_bio_PrivateKey(out, read.get(), EVP_aes_128_cbc(),
                                      reinterpret_cast<const unsigned char*>(phrase.data()),
                                      static_cast<int>(phrase.size()), nullptr, nullptr);
    });
  }

  /// A list of what is revoked, in force until `valid_to` seconds from now. PEM.
  [[nodiscard]] std::string revocations(const std::vector<std::string>& certificates,
                                        long valid_to = 3600) const {
    const Owned<X509_CRL> list(X509_CRL_new());
    X509_CRL_set_version(list.get(), X509_CRL_VERSION_2);
    X509_CRL_set_issuer_name(list.get(), X509_get_subject_name(own_.get()));
    X509_CRL_set1_lastUpdate(list.get(), at(-7200).get());
    X509_CRL_set1_nextUpdate(list.get(), at(valid_to).get());
    for (const std::string& pem : certificates) {
      X509_REVOKED* revoked = X509_REVOKED_new();
      X509_REVOKED_set_serialNumber(revoked, X509_get_serialNumber(first_certificate(pem).get()));
      X509_REVOKED_set_revocationDate(revoked, at(-60).get());
      REQUIRE(X509_CRL_add0_revoked(list.get(), revoked) == 1);
    }
    X509_CRL_sort(list.get());
    REQUIRE(X509_CRL_sign(list.get(), key_.get(), EVP_sha256()) > 0);
    return pem_of([&](BIO* bio) { return PEM_write_bio_X509_CRL(bio, list.get()); });
  }

  struct Statement {
    bool is_revoked = false;
    long valid_from = -60;  // seconds from now
    long valid_to = 3600;
    bool has_end = true;
  };
  /// What the CA says of a certificate: an OCSP response in DER.
  [[nodiscard]] std::string ocsp(const std::string& certificate, const Statement& says) const {
    const Owned<OCSP_BASICRESP> basic(OCSP_BASICRESP_new());
    OCSP_CERTID* id = OCSP_cert_to_id(EVP_sha1(), first_certificate(certificate).get(), own_.get());
    const int verdict = says.is_revoked ? V_OCSP_CERTSTATUS_REVOKED : V_OCSP_CERTSTATUS_GOOD;
    const Owned<ASN1_TIME> until = at(says.valid_to);
    REQUIRE(OCSP_basic_add1_status(basic.get(), id, verdict, 0, at(-60).get(),
                                   at(says.valid_from).get(),
                                   says.has_end ? until.get() : nullptr) != nullptr);
    OCSP_CERTID_free(id);
    REQUIRE(OCSP_basic_sign(basic.get(), own_.get(), key_.get(), EVP_sha256(), nullptr, 0) == 1);
    return der_of(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic.get());
  }
  /// A responder that has no answer.
  [[nodiscard]] static std::string ocsp_failure() {
    return der_of(OCSP_RESPONSE_STATUS_TRYLATER, nullptr);
  }

 private:
  static Owned<EVP_PKEY> new_key(Key kind) {
    Owned<EVP_PKEY> key(kind == Key::kEcdsa ? EVP_EC_gen("P-256")
                                            : EVP_RSA_gen(kind == Key::kRsa ? 2048U : 1024U));
    REQUIRE(key != nullptr);
    return key;
  }

  static Owned<ASN1_TIME> at(long seconds_from_now) {
    Owned<ASN1_TIME> time(ASN1_GENERALIZEDTIME_set(nullptr, std::time(nullptr) + seconds_from_now));
    REQUIRE(time != nullptr);
    return time;
  }

  static std::string der_of(int status, OCSP_BASICRESP* basic) {
    const Owned<OCSP_RESPONSE> response(OCSP_response_create(status, basic));
    unsigned char* bytes = nullptr;
    const int size = i2d_OCSP_RESPONSE(response.get(), &bytes);
    REQUIRE(size > 0);
    std::string der(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
    OPENSSL_free(bytes);
    return der;
  }

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

  /// A CA's own.
  [[nodiscard]] Owned<X509> make(const Wish& wish, const Authority* by) const {
    return make(wish, key_.get(), by == nullptr ? nullptr : by->own_.get(),
                by == nullptr ? key_.get() : by->key_.get(), true);
  }

  static Owned<X509> make(const Wish& wish, EVP_PKEY* key, X509* issuer, EVP_PKEY* issuer_key,
                          bool is_authority) {
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
    X509_set_issuer_name(one, issuer == nullptr ? name : X509_get_subject_name(issuer));
    X509_set_pubkey(one, key);
    add(one, NID_basic_constraints, is_authority ? "critical,CA:TRUE" : "CA:FALSE");
    add(one, NID_subject_alt_name, wish.alternative);
    REQUIRE(X509_sign(one, issuer_key, EVP_sha256()) > 0);
    return made;
  }

  Owned<EVP_PKEY> key_;
  Owned<X509> own_;
};

}  // namespace tandem::testing
