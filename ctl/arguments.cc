#include "ctl/arguments.h"

#include <algorithm>

namespace tandem::ctl {
namespace {

constexpr std::string_view kDefaultSocket = "/run/tandem/lb.sock";
constexpr std::string_view kDefaultFailoverSocket = "/run/tandem/failover.sock";

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::ranges::find(words, word) != words.end();
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

Result<Arguments> take_option(Arguments arguments, std::string_view option) {
  if (option == "--json") {
    arguments.json = true;
  } else if (option == "-h" || option == "--help") {
    arguments.help = true;
  } else {
    return fail("unknown option " + std::string(option));
  }
  return arguments;
}

}  // namespace

Result<Arguments> parse_arguments(std::span<const char* const> arguments,
                                  const Environment& environment) {
  Arguments parsed;
  parsed.socket = environment.socket != nullptr ? environment.socket : kDefaultSocket;
  parsed.failover_socket =
      environment.failover_socket != nullptr ? environment.failover_socket : kDefaultFailoverSocket;
  std::size_t i = 0;
  for (; i < arguments.size() && arguments[i][0] == '-'; ++i) {
    const std::string_view option = arguments[i];
    if (option == "-s" || option == "-F") {
      if (++i == arguments.size()) return fail(std::string(option) + " needs a socket");
      (option == "-s" ? parsed.socket : parsed.failover_socket) = arguments[i];
      continue;
    }
    Result<Arguments> next = take_option(std::move(parsed), option);
    if (!next) return next;
    parsed = std::move(*next);
  }
  for (; i < arguments.size(); ++i) parsed.words.emplace_back(arguments[i]);
  if (parsed.words.empty() && !parsed.help) return fail("no command");
  for (const std::string& word : parsed.words)
    if (word.find('\n') != std::string::npos) return fail("a command is one line");
  return parsed;
}

Result<SocketAddress> parse_socket(std::string_view text) {
  if (text.starts_with('/') || text.starts_with('.'))
    return SocketAddress::parse("unix:" + std::string(text));
  return SocketAddress::parse(text, /*resolve=*/true);
}

bool is_for_failover(const std::vector<std::string>& words) noexcept {
  if (is_one_of(words.front(), {"events", "switchover", "takeover", "drill"})) return true;
  return words.size() > 1 && words[0] == "show" &&
         is_one_of(words[1], {"failover", "events", "moves"});
}

Result<std::string> runtime_command(const std::vector<std::string>& words, bool json) {
  const std::string& verb = words.front();
  if (is_one_of(verb, {"drain", "ready", "maint"})) {
    if (words.size() != 2 || words[1].find('/') == std::string::npos)
      return fail(verb + " needs a server, as backend/server");
    return "set server " + words[1] + " state " + verb;
  }
  if (verb == "reload") return fail("reload: not supported yet");
  if (verb == "events") return "show events";
  std::string command = joined(words);
  const bool has_json_form = command.starts_with("show stat") || command.starts_with("show info") ||
                             command.starts_with("show failover") ||
                             command.starts_with("show moves");
  if (json && has_json_form && command.find("json") == std::string::npos) command += " json";
  return command;
}

std::string_view usage() noexcept {
  return "usage: tandemctl [-s SOCKET] [-F SOCKET] [--json] COMMAND...\n"
         "\n"
         "  status               the pair, then frontends, backends and servers, with reasons\n"
         "  events               what has happened to the pair's addresses on this node\n"
         "  drain BACKEND/SERVER no new requests; running ones end by themselves\n"
         "  ready BACKEND/SERVER back into service\n"
         "  maint BACKEND/SERVER out of service, without health checks\n"
         "  check FILE           check a configuration file\n"
         "  show ..., set ...    every command of the control socket, word for word ('help')\n"
         "\n"
         "  switchover [ROUTER] [--wait]\n"
         "                       the other node takes the addresses, then this one lets go; "
         "--wait:\n"
         "                       until the last of the older connections has ended\n"
         "  takeover [ROUTER]    the same the other way round\n"
         "  drill [ROUTER] [--stay TIME]\n"
         "                       there and back, and the timeline; stays there for 5s\n"
         "  show moves           what was moved away from this node, and what is left of it\n"
         "  show failover        the pair, as this node sees it\n"
         "\n"
         "SOCKET is a path or host:port. -s: of tandem-lb; without it $TANDEM_SOCKET or\n"
         "/run/tandem/lb.sock. -F: of tandem-failover; without it $TANDEM_FAILOVER_SOCKET or\n"
         "/run/tandem/failover.sock.\n"
         "Exit status: 0 done, 1 refused, 2 bad usage, 3 not reachable.\n";
}

}  // namespace tandem::ctl
