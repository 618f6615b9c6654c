// What the rules "set-header", "add-header" and "del-header" change in a request before it goes to
// its server. Plain values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace tandem::lb::config {

/// A fact about the client's connection that a header may tell, by HAProxy's name for it.
enum class Sample : std::uint8_t {
  kText,              // none: words of the configuration
  kSrc,               // "src"
  kSrcPort,           // "src_port"
  kDst,               // "dst"
  kDstPort,           // "dst_port"
  kSslFc,             // "ssl_fc": 1 or 0
  kSslFcProtocol,     // "ssl_fc_protocol"
  kSslFcCipher,       // "ssl_fc_cipher"
  kSslFcSni,          // "ssl_fc_sni"
  kSslFcAlpn,         // "ssl_fc_alpn"
  kSslCUsed,          // "ssl_c_used": 1 or 0
  kSslCVerify,        // "ssl_c_verify": X509_V_…; 0 is good
  kSslCSerial,        // "ssl_c_serial,hex"
  kSslCSha1,          // "ssl_c_sha1,hex"
  kSslCNotBefore,     // "ssl_c_notbefore": YYMMDDhhmmssZ
  kSslCNotAfter,      // "ssl_c_notafter"
  kSslCSubject,       // "ssl_c_s_dn": /C=DE/CN=name
  kSslCSubject2253,   // "ssl_c_s_dn(,0,rfc2253)": CN=name,C=DE
  kSslCSubjectEntry,  // "ssl_c_s_dn(CN)"
  kSslCIssuer,        // "ssl_c_i_dn"
  kSslCIssuer2253,    // "ssl_c_i_dn(,0,rfc2253)"
  kSslCIssuerEntry,   // "ssl_c_i_dn(CN)"
};

/// One piece of a header's value.
struct ValuePart {
  Sample sample = Sample::kText;
  std::string text;  // kText: the words
  int entry = 0;     // of kSslCSubjectEntry and kSslCIssuerEntry: OpenSSL's number (NID)
  friend bool operator==(const ValuePart&, const ValuePart&) = default;
};

struct HeaderEdit {
  enum class Kind : std::uint8_t { kSet, kAdd, kDelete };
  Kind kind;
  std::string name;              // as written
  std::vector<ValuePart> value;  // one after the other; of kDelete none
  friend bool operator==(const HeaderEdit&, const HeaderEdit&) = default;
};

/// Of one rule.
struct HeaderEdits {
  std::vector<HeaderEdit> edits;
  std::size_t bytes_max = 0;  // that they add to a request
};

/// A name that a client's certificate gives has at most this many bytes; a longer one counts as
/// none: half of a name would be another.
constexpr std::size_t kSampleBytesMax = 1024;
/// Together the header rules of a frontend add no more than this.
constexpr std::size_t kHeaderEditBytesMax = 16 * 1024;

}  // namespace tandem::lb::config
