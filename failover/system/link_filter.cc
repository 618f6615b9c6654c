#include "failover/system/link_filter.h"

#include <cstddef>
#include <span>
#include <utility>

namespace tandem::failover::system {
namespace {

constexpr std::uint32_t kWhole = 0xffffffff;

// Where things are. An IPv4 raw socket's filter sees the IP header first; an IPv6 one begins behind
// it and reaches back through SKF_NET_OFF.
constexpr std::uint32_t kV4HopLimit = 8;
constexpr std::uint32_t kV4Source = 12;
constexpr auto kV6Header = static_cast<std::uint32_t>(SKF_NET_OFF);
constexpr std::uint32_t kV6HopLimit = kV6Header + 7;
constexpr std::uint32_t kV6Source = kV6Header + 8;

/// Writes a program in which every check that fails jumps to one place at the end.
class Assembler {
 public:
  void op(int code, std::uint32_t k = 0) {
    program_.push_back({.code = static_cast<std::uint16_t>(code), .jt = 0, .jf = 0, .k = k});
  }
  void refuse_unless(int comparison, std::uint32_t k) { branch(comparison, k, 1, 0, refusals_); }
  void refuse_if_equal(std::uint32_t k) { branch(BPF_JEQ | BPF_K, k, 0, 1, refusals_); }

  /// Goes on behind the matching close_any() if the source is `address`.
  void accept_any_if_source(const IpAddress& address) {
    std::vector<std::size_t> next;
    compare_source(address, next);
    matches_.push_back(program_.size());
    op(BPF_JMP | BPF_JA);
    land(next);
  }
  void close_any() {
    refusals_.push_back(program_.size());
    op(BPF_JMP | BPF_JA);
    land(matches_);
    matches_.clear();
  }
  void refuse_if_source(const IpAddress& address) {
    std::vector<std::size_t> next;
    compare_source(address, next);
    refusals_.push_back(program_.size());
    op(BPF_JMP | BPF_JA);
    land(next);
  }

  Filter finish(bool refused_passes) {
    op(BPF_RET | BPF_K, refused_passes ? 0 : kWhole);
    land(refusals_);
    op(BPF_RET | BPF_K, refused_passes ? kWhole : 0);
    return std::move(program_);
  }

 private:
  /// Conditional jumps reach 255 instructions, BPF_JA any: so each is a short hop over a long jump.
  void branch(int comparison, std::uint32_t k, std::uint8_t skip_if, std::uint8_t skip_unless,
              std::vector<std::size_t>& jumps) {
    program_.push_back({.code = static_cast<std::uint16_t>(BPF_JMP | comparison),
                        .jt = skip_if,
                        .jf = skip_unless,
                        .k = k});
    jumps.push_back(program_.size());
    op(BPF_JMP | BPF_JA);
  }

  /// Jumps to `next` at the first word that differs.
  void compare_source(const IpAddress& address, std::vector<std::size_t>& next) {
    const std::span<const std::uint8_t> bytes = address.bytes();
    const std::uint32_t source = address.is_v6() ? kV6Source : kV4Source;
    for (std::uint32_t at = 0; at < bytes.size(); at += 4) {
      op(BPF_LD | BPF_W | BPF_ABS, source + at);
      branch(BPF_JEQ | BPF_K,
             std::uint32_t{bytes[at]} << 24 | std::uint32_t{bytes[at + 1]} << 16 |
                 std::uint32_t{bytes[at + 2]} << 8 | bytes[at + 3],
             1, 0, next);
    }
  }

  /// Makes `jumps` arrive at the next instruction.
  void land(const std::vector<std::size_t>& jumps) {
    for (const std::size_t jump : jumps)
      program_[jump].k = static_cast<std::uint32_t>(program_.size() - jump - 1);
  }

  Filter program_;
  std::vector<std::size_t> refusals_;
  std::vector<std::size_t> matches_;
};

void check_source(Assembler& code, const AdvertForm& form) {
  if (form.peers.empty()) {
    code.op(BPF_LD | BPF_B | BPF_ABS, form.is_v6 ? kV6HopLimit : kV4HopLimit);
    code.refuse_unless(BPF_JEQ | BPF_K, 255);
    code.refuse_if_source(form.own);
    return;
  }
  // Unicast: keepalived sends IPv6 with hop limit 64, so the source has to do.
  for (const IpAddress& peer : form.peers) code.accept_any_if_source(peer);
  code.close_any();
}

/// Version and type, VRID, and at least as long as the number of addresses says. X is where the
/// advert begins.
void check_advert(Assembler& code, const AdvertForm& form) {
  if (form.is_v6) {
    code.op(BPF_LDX | BPF_IMM, 0);
  } else {
    code.op(BPF_LDX | BPF_B | BPF_MSH, 0);
  }
  // First of all, because a load behind the end drops the packet from both queues.
  code.op(BPF_LD | BPF_W | BPF_LEN);
  code.op(BPF_ALU | BPF_SUB | BPF_X);
  code.refuse_unless(BPF_JGE | BPF_K, 8);
  code.op(BPF_LD | BPF_B | BPF_IND, 0);
  code.refuse_unless(BPF_JEQ | BPF_K, std::uint32_t{form.version} << 4 | 1U);
  code.op(BPF_LD | BPF_B | BPF_IND, 1);
  code.refuse_unless(BPF_JEQ | BPF_K, form.vrid);
  code.op(BPF_LD | BPF_B | BPF_IND, 3);
  code.refuse_if_equal(0);
  code.op(BPF_ALU | BPF_MUL | BPF_K, form.is_v6 ? 16 : 4);
  code.op(BPF_ALU | BPF_ADD | BPF_K, form.version == 2 ? 16 : 8);  // VRRPv2 ends in 8 of password
  code.op(BPF_ALU | BPF_ADD | BPF_X);
  code.op(BPF_MISC | BPF_TAX);
  code.op(BPF_LD | BPF_W | BPF_LEN);
  code.refuse_unless(BPF_JGE | BPF_X, 0);
}

Filter build(const AdvertForm& form, bool refused_passes) {
  Assembler code;
  check_source(code, form);
  check_advert(code, form);
  return code.finish(refused_passes);
}

}  // namespace

Filter filter_well_formed(const AdvertForm& form) { return build(form, false); }

Filter filter_suspect(const AdvertForm& form) { return build(form, true); }

Filter filter_everything() {
  return {sock_filter{.code = BPF_RET | BPF_K, .jt = 0, .jf = 0, .k = 0}};
}

}  // namespace tandem::failover::system
