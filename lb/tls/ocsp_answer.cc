#include "lb/tls/ocsp_answer.h"

#include <fmt/format.h>
#include <openssl/ocsp.h>

namespace tandem::lb::tls {
namespace {

using ResponsePointer = std::unique_ptr<OCSP_RESPONSE, FreeBy<OCSP_RESPONSE_free>>;
using BasicPointer = std::unique_ptr<OCSP_BASICRESP, FreeBy<OCSP_BASICRESP_free>>;
using IdPointer = std::unique_ptr<OCSP_CERTID, FreeBy<OCSP_CERTID_free>>;

/// Whether `id` is that of `certificate`; by the serial number alone where its issuer is not known.
bool is_about(const OCSP_CERTID* id, const Certificate& certificate) {
  auto* asked = const_cast<OCSP_CERTID*>(id);  // only read; OpenSSL says so in its manual alone
  ASN1_OBJECT* digest = nullptr;
  ASN1_INTEGER* serial = nullptr;
  if (OCSP_id_get0_info(nullptr, &digest, nullptr, &serial, asked) != 1) return false;
  if (certificate.issuer() == nullptr)
    return ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(certificate.leaf())) == 0;
  const IdPointer own(
      OCSP_cert_to_id(EVP_get_digestbyobj(digest), certificate.leaf(), certificate.issuer()));
  return own != nullptr && OCSP_id_cmp(own.get(), id) == 0;
}

/// The part that is about `certificate`; nullptr: none is.
OCSP_SINGLERESP* find(OCSP_BASICRESP* basic, const Certificate& certificate) {
  for (int i = 0; i < OCSP_resp_count(basic); ++i) {
    OCSP_SINGLERESP* single = OCSP_resp_get0(basic, i);
    if (is_about(OCSP_SINGLERESP_get0_id(single), certificate)) return single;
  }
  return nullptr;
}

}  // namespace

Result<OcspAnswer> OcspAnswer::read(std::string_view der, const Certificate& certificate) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(der.data());
  const ResponsePointer response(d2i_OCSP_RESPONSE(nullptr, &bytes, static_cast<long>(der.size())));
  ERR_clear_error();
  if (response == nullptr) return fail("is no OCSP response (DER)");
  const int status = OCSP_response_status(response.get());
  if (status != OCSP_RESPONSE_STATUS_SUCCESSFUL)
    return fail(fmt::format("holds no answer: {}", OCSP_response_status_str(status)));
  const BasicPointer basic(OCSP_response_get1_basic(response.get()));
  ERR_clear_error();
  if (basic == nullptr) return fail("is an OCSP response of a kind that clients do not know");
  OCSP_SINGLERESP* single = find(basic.get(), certificate);
  ERR_clear_error();
  if (single == nullptr) return fail("is the OCSP response for another certificate");
  int reason = 0;
  ASN1_GENERALIZEDTIME* revoked_at = nullptr;
  ASN1_GENERALIZEDTIME* from = nullptr;
  ASN1_GENERALIZEDTIME* until = nullptr;
  const int verdict = OCSP_single_get0_status(single, &reason, &revoked_at, &from, &until);
  if (until == nullptr) return fail("does not say until when it holds");
  OcspAnswer answer;
  answer.der_ = der;
  answer.from_ = unix_seconds(from);
  answer.until_ = unix_seconds(until);
  answer.is_revoked_ = verdict == V_OCSP_CERTSTATUS_REVOKED;
  return answer;
}

}  // namespace tandem::lb::tls
