// The rows of "certificates" and of "ssl" in a bind and in a server.
#include "config/schema_rows.h"

#include <array>

namespace tandem::config {
namespace {

constexpr std::array kCertificateKeys = {
    required(shaped(row("crt", Kind::kFile, "",
                        "A PEM file, or a folder: every `*.pem` of it in name order. A file holds "
                        "the certificate, those that lead to its CA, and the private key, unless "
                        "that stands beside it as `FILE.key`; `FILE.ocsp` is an OCSP response."),
                    Shape::kOneOrList)),
};

// Spoken alike on both sides.
constexpr auto kMinVersion =
    word("min-ver", "TLSv1.2 TLSv1.3", "TLSv1.2",
         "Oldest version spoken. Those before TLS 1.2 are broken (RFC 8996) and not spoken.");
constexpr auto kMaxVersion =
    word("max-ver", "TLSv1.2 TLSv1.3", "TLSv1.3", "Newest version spoken.");
constexpr auto kCiphers = row("ciphers", Kind::kString, "Mozilla's intermediate ones",
                              "Ciphers of TLS 1.2, as openssl-ciphers(1) has them.");
constexpr auto kCiphersuites = row("ciphersuites", Kind::kString, "Mozilla's intermediate ones",
                                   "Ciphers of TLS 1.3, separated by colons.");
constexpr auto kCurves = row("curves", Kind::kString, "X25519:P-256:P-384",
                             "Groups for the exchange of keys, separated by colons.");

constexpr std::array kSslKeys = {
    shaped(row("certificates", Kind::kString, "",
               "Names under `certificates` of the file; the first certificate answers clients that "
               "ask for no name, or for one that no certificate has."),
           Shape::kOneOrList),
    shaped(row("crt", Kind::kFile, "", "Files or folders themselves, in place of names."),
           Shape::kOneOrList),
    boolean("strict-sni", "false",
            "End the handshake where no certificate has the name asked for, or none is asked for."),
    kMinVersion,
    kMaxVersion,
    kCiphers,
    kCiphersuites,
    kCurves,
    shaped(word("alpn", "h2 http/1.1", "h2, http/1.1",
                "Protocols to agree on, best first. A client that speaks none of them is refused; "
                "one that says nothing is not, and speaks HTTP/1.1."),
           Shape::kOneOrList),
    word("verify", "none optional required", "none",
         "Whether clients show a certificate: `optional` lets those without one in, never those "
         "with a bad one."),
    row("ca-file", Kind::kFile, "", "The CAs that clients' certificates must come from (PEM)."),
    row("crl-file", Kind::kFile, "",
        "What these CAs have revoked (PEM): a list of each CA, in force; else nobody with a "
        "certificate is let in."),
    integer("verify-depth", {0, 100}, "9",
            "Certificates that may stand between a client's and its CA's."),
    row("tls-ticket-keys", Kind::kFile, "",
        "Keys of session tickets, to be the same on both nodes: lines of base64, each of 80 bytes "
        "(or 48). The last three open tickets, the last but one seals them. Absent: random keys, "
        "new every hour."),
};

constexpr std::array kServerSslKeys = {
    word("verify", "none required", "required",
         "Whether the server must prove who it is; one that cannot gets no request."),
    row("ca-file", Kind::kFile, "those of the system",
        "The CAs that its certificate must come from (PEM)."),
    row("crl-file", Kind::kFile, "",
        "What these CAs have revoked (PEM): a list of each CA, in force."),
    row("sni", Kind::kText, "the name in `address`, if it is one",
        "The name to ask for; the empty string: none."),
    row("verifyhost", Kind::kText, "`sni`, or else the host in `address`",
        "The name or IP address that the certificate must be for; the empty string: any."),
    row("crt", Kind::kFile, "",
        "Certificate and key to show to a server that asks for them, as in `certificates`."),
    kMinVersion,
    kMaxVersion,
    kCiphers,
    kCiphersuites,
    kCurves,
    later("alpn", "Protocols to agree on."),
};

}  // namespace

const Section kServerSslSection{"server-ssl", kServerSslKeys};
const Section kCertificateSection{"certificate", kCertificateKeys};
const Section kSslSection{"ssl", kSslKeys, "certificates crt"};

}  // namespace tandem::config
