// Both ends of a TLS stream without a network between them.
#pragma once

#include "failover/peer/tls.h"

#include <catch2/catch.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace tandem::failover::peer {

inline std::shared_ptr<const Credentials> credentials(std::string_view secret) {
  auto made = Credentials::of_secret(secret);
  REQUIRE(made.has_value());
  return *made;
}

/// lb1 dials, lb2 listens; bytes are carried by hand.
struct TlsPair {
  TlsStream dials;
  TlsStream listens;
  std::string heard_by_dialler;
  std::string heard_by_listener;
  std::string bytes;  // everything that was carried

  TlsPair(std::shared_ptr<const Credentials> one, std::shared_ptr<const Credentials> two,
          std::uint32_t sends_per_key = TlsStream::kSendsPerKey)
      : dials(std::move(one), TlsStream::Side::kDials, "lb2", sends_per_key),
        listens(std::move(two), TlsStream::Side::kListens, "lb1", sends_per_key) {
    dials.receive({}, heard_by_dialler);
    carry();
  }
  TlsPair(std::string_view one, std::string_view two,
          std::uint32_t sends_per_key = TlsStream::kSendsPerKey)
      : TlsPair(credentials(one), credentials(two), sends_per_key) {}

  void carry() {
    for (;;) {
      std::string there;
      std::string back;
      dials.take_output(there);
      if (!there.empty()) listens.receive(there, heard_by_listener);
      listens.take_output(back);
      if (!back.empty()) dials.receive(back, heard_by_dialler);
      bytes += there + back;
      if (there.empty() && back.empty()) return;
    }
  }
};

}  // namespace tandem::failover::peer
