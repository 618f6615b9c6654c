// What a certificate says of itself, as words for people and for headers: each on one line, without
// control characters. Pure; any thread.
#pragma once

#include "lb/tls/openssl.h"

#include <string>

namespace tandem::lb::tls {

/// The serial number in hexadecimal digits, upper case.
[[nodiscard]] std::string serial_of(const X509* certificate);
/// SHA-1 of the whole certificate in hexadecimal digits, upper case.
[[nodiscard]] std::string fingerprint_of(const X509* certificate);
/// "YYMMDDhhmmssZ", with a year of four digits from 2050 on (RFC 5280 section 4.1.2.5).
[[nodiscard]] std::string time_of(const ASN1_TIME* time);

/// "/C=DE/CN=the CA", as everybody's tools once printed names. What it is made of may hold a "/" of
/// its own: to decide by it, take name_2253_of() or name_entry_of().
[[nodiscard]] std::string name_of(const X509_NAME* name);
/// "CN=the CA,C=DE" (RFC 2253).
[[nodiscard]] std::string name_2253_of(const X509_NAME* name);
/// The first part of the kind `entry`; empty: it has none.
[[nodiscard]] std::string name_entry_of(const X509_NAME* name, int entry);
/// OpenSSL's number for the short name of a part, such as "CN"; 0: there is none.
[[nodiscard]] int name_entry(const std::string& short_name) noexcept;

}  // namespace tandem::lb::tls
