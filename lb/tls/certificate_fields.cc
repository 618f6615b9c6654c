#include "lb/tls/certificate_fields.h"

#include <fmt/format.h>
#include <openssl/bn.h>

#include <algorithm>
#include <array>

namespace tandem::lb::tls {
namespace {

using NumberPointer = std::unique_ptr<BIGNUM, FreeBy<BN_free>>;

/// A name may hold any character; what is shown of it must not break a line.
std::string without_controls(std::string text) {
  std::ranges::replace_if(text, [](char c) { return c >= 0 && (c < ' ' || c == '\x7f'); }, ' ');
  return text;
}

/// Takes over what OpenSSL has allocated; nullptr: nothing.
std::string taken(char* text) {
  std::string result = text != nullptr ? text : "";
  OPENSSL_free(text);
  return result;
}

}  // namespace

std::string serial_of(const X509* certificate) {
  const NumberPointer number(ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr));
  return number != nullptr ? taken(BN_bn2hex(number.get())) : std::string();
}

std::string fingerprint_of(const X509* certificate) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned int size = 0;
  if (X509_digest(certificate, EVP_sha1(), digest.data(), &size) != 1) return {};
  std::string text;
  for (unsigned int i = 0; i < size; ++i) text += fmt::format("{:02X}", digest[i]);
  return text;
}

std::string time_of(const ASN1_TIME* time) {
  return without_controls({reinterpret_cast<const char*>(ASN1_STRING_get0_data(time)),
                           static_cast<std::size_t>(ASN1_STRING_length(time))});
}

std::string name_of(const X509_NAME* name) {
  return without_controls(taken(X509_NAME_oneline(name, nullptr, 0)));
}

std::string name_2253_of(const X509_NAME* name) {
  const BioPointer bio(BIO_new(BIO_s_mem()));
  if (X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253) < 0) return {};
  const char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &bytes);
  return without_controls({bytes, size > 0 ? static_cast<std::size_t>(size) : 0});
}

std::string name_entry_of(const X509_NAME* name, int entry) {
  const int at = X509_NAME_get_index_by_NID(name, entry, -1);
  if (at < 0) return {};
  unsigned char* text = nullptr;
  const int size =
      ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
  if (size < 0) return {};
  std::string result(reinterpret_cast<const char*>(text), static_cast<std::size_t>(size));
  OPENSSL_free(text);
  return without_controls(std::move(result));
}

int name_entry(const std::string& short_name) noexcept {
  return short_name.empty() ? 0 : OBJ_sn2nid(short_name.c_str());
}

}  // namespace tandem::lb::tls
