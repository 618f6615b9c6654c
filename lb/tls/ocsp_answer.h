// OcspAnswer: what a CA has said of one certificate (RFC 6960), to be handed to clients with it
// (RFC 6066 section 8). Its signature is for clients to verify. Immutable; any thread.
#pragma once

#include "common/result.h"
#include "lb/tls/certificate.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace tandem::lb::tls {

class OcspAnswer {
 public:
  /// `der`: one OCSP response. Errors, in words: it cannot be read, says no more than that the CA
  /// could not answer, is about another certificate, or does not say how long it holds.
  [[nodiscard]] static Result<OcspAnswer> read(std::string_view der,
                                               const Certificate& certificate);

  /// Whether it may be served at this time, in Unix seconds: clients would refuse an old one and
  /// the certificate with it.
  [[nodiscard]] bool is_current(std::int64_t now) const noexcept {
    return from_ <= now && now < until_;
  }
  [[nodiscard]] std::int64_t until() const noexcept { return until_; }
  [[nodiscard]] bool is_revoked() const noexcept { return is_revoked_; }
  [[nodiscard]] const std::string& der() const noexcept { return der_; }

 private:
  OcspAnswer() = default;

  std::string der_;
  std::int64_t from_ = 0;
  std::int64_t until_ = 0;
  bool is_revoked_ = false;
};

}  // namespace tandem::lb::tls
