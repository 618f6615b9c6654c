#include "lb/upstream/local_server.h"

#include "common/log.h"
#include "lb/upstream/introduction.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <vector>

namespace tandem::lb::upstream {
namespace {

// What we write may take this long until the server's process has read it, on a busy machine.
constexpr Milliseconds kReachTime{8};

}  // namespace

LocalServer::LocalServer(const config::Backend& backend, const config::Server& server,
                         ServerShared& shared, figures::ServerCells& cells, event::Poller& poller,
                         event::Wheel& wheel)
    : backend_(backend),
      config_(server),
      shared_(shared),
      cells_(cells),
      poller_(poller),
      wheel_(wheel) {
  standing_.address = server.address;
}

LocalServer::~LocalServer() {
  multiplexed_.for_each([](Multiplexed& connection) { delete &connection; });
  open_.for_each([](Connection& connection) { delete &connection; });
}

void LocalServer::apply(const ServerStanding& standing) {
  const bool moved = !(standing.address == standing_.address);
  const bool shut = standing.shutdowns != standing_.shutdowns;
  standing_ = standing;
  if (moved) ++address_generation_;
  if (moved || !standing.keeps_idle) {
    drop_all_idle();
    multiplexed_.for_each([](Multiplexed& connection) { connection.retire(); });
  }
  if (shut) shut_sessions();
}

void LocalServer::shut_sessions() {
  // Not while walking the list: a session that ends may begin the client's next request here, and
  // so close and open connections. Closed ones stay until the turn ends, and have no user.
  std::vector<Connection*> open;
  open_.for_each([&open](Connection& connection) { open.push_back(&connection); });
  for (Connection* connection : open) {
    if (ConnectionUser* user = connection->user()) user->on_server_shutdown();
  }
}

Connection* LocalServer::take_idle(ReuseNeed need, Instant now) {
  if (need == ReuseNeed::kFresh) return nullptr;
  while (!idle_.empty()) {
    Connection& connection = idle_.front();
    if (connection.is_spent()) {
      drop_idle(connection);
      continue;
    }
    const Duration idle_for = now - connection.idle_since();
    // Half of what the server allowed others leaves room for what is already on its way to us; a
    // server that closes within milliseconds leaves none.
    if (need == ReuseNeed::kCertain && idle_for + kReachTime > idle_limit_ / 2) return nullptr;
    if (need == ReuseNeed::kCertain && !connection.is_quiet()) {
      drop_idle(connection);
      continue;
    }
    connection.ListLink<InIdleList>::unlink();
    --idle_count_;
    cells_.idle_connections.add(-1);
    cells_.used_connections.add(1);
    cells_.reuses.add();
    connection.clear();
    connection.count_use();
    return &connection;
  }
  return nullptr;
}

Multiplexed* LocalServer::multiplexed_with_room() noexcept {
  if (!standing_.keeps_idle) return nullptr;
  Multiplexed* found = nullptr;
  multiplexed_.for_each([&found](Multiplexed& connection) {
    if (found == nullptr && connection.has_room()) found = &connection;
  });
  return found;
}

Connection* LocalServer::open(int& error) {
  auto connection = std::make_unique<Connection>(poller_, *this);
  connection->set_address_generation(address_generation_);
  error = connection->connect(standing_.address);
  cells_.connects.add();
  if (error != 0) {
    poller_.retire(std::move(connection));
    return nullptr;
  }
  connection->count_use();
  cells_.used_connections.add(1);
  open_.push_back(*connection);
  return connection.release();
}

void LocalServer::keep_idle(Connection& connection, Instant now) {
  connection.set_user(nullptr);
  // A PROXY header has told the server of one client: requests of others would be taken for his.
  if (wants_introduction(config_) || !standing_.keeps_idle ||
      backend_.http_reuse == config::HttpReuse::kNever ||
      connection.address_generation() != address_generation_ || connection.peer_closed() ||
      (connection.readable() && !connection.is_quiet())) {
    discard(connection);
    return;
  }
  if (idle_count_ >= backend_.pool_max) {
    if (idle_.empty()) {
      discard(connection);
      return;
    }
    drop_idle(idle_.back());
  }
  cells_.used_connections.add(-1);
  cells_.idle_connections.add(1);
  ++idle_count_;
  connection.set_idle_since(now);
  idle_.push_front(connection);
  wheel_.set(connection, now + backend_.pool_idle);
}

void LocalServer::discard(Connection& connection, bool with_reset) {
  if (connection.ListLink<InIdleList>::is_linked()) {
    connection.ListLink<InIdleList>::unlink();
    --idle_count_;
    cells_.idle_connections.add(-1);
  } else {
    cells_.used_connections.add(-1);
  }
  connection.ListLink<InServerList>::unlink();
  connection.set_user(nullptr);
  connection.clear();
  if (with_reset) connection.close_with_reset();
  connection.close();
  poller_.retire(std::unique_ptr<event::Socket>(&connection));
}

void LocalServer::handshake_done(const tls::Stream& stream) {
  cells_.tls_handshakes.add();
  if (stream.is_resumed()) cells_.tls_resumptions.add();
}

void LocalServer::handshake_failed(std::string_view reason) {
  cells_.tls_failures.add();
  // Without words the connection broke, which is told elsewhere.
  if (reason.empty()) return;
  const auto kept_back = about_handshakes_.may_speak(poller_.loop().now());
  if (!kept_back) return;
  log::warning("Server {}/{}: TLS handshake failed: {}{}", backend_.name, config_.name, reason,
               *kept_back == 0 ? "" : fmt::format(" ({} more since the last)", *kept_back));
}

void LocalServer::drop_idle(Connection& connection) {
  if (connection.peer_closed()) learn_idle_limit(poller_.loop().now() - connection.idle_since());
  discard(connection);
}

void LocalServer::drop_all_idle() {
  idle_.for_each([this](Connection& connection) { discard(connection); });
}

void LocalServer::learn_idle_limit(Duration idle_for) noexcept {
  // Down at once, up by an eighth: a server that was restarted with a longer limit is believed
  // after a while.
  idle_limit_ = idle_for < idle_limit_ ? idle_for : idle_limit_ + (idle_for - idle_limit_) / 8;
}

}  // namespace tandem::lb::upstream
