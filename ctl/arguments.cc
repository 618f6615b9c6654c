#include "ctl/arguments.h"

#include <algorithm>

namespace tandem::ctl {
namespace {

constexpr std::string_view kDefaultSocket = "/run/tandem/lb.sock";

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
                                  const char* environment_socket) {
  Arguments parsed;
  parsed.socket = environment_socket != nullptr ? environment_socket : kDefaultSocket;
  std::size_t i = 0;
  for (; i < arguments.size() && arguments[i][0] == '-'; ++i) {
    const std::string_view option = arguments[i];
    if (option == "-s") {
      if (++i == arguments.size()) return fail("-s needs a socket");
      parsed.socket = arguments[i];
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

Result<std::string> runtime_command(const std::vector<std::string>& words, bool json) {
  const std::string& verb = words.front();
  if (is_one_of(verb, {"drain", "ready", "maint"})) {
    if (words.size() != 2 || words[1].find('/') == std::string::npos)
      return fail(verb + " needs a server, as backend/server");
    return "set server " + words[1] + " state " + verb;
  }
  if (is_one_of(verb, {"switchover", "reload", "events"}))
    return fail(verb + ": not supported yet");
  std::string command = joined(words);
  const bool has_json_form = command.starts_with("show stat") || command.starts_with("show info");
  if (json && has_json_form && command.find("json") == std::string::npos) command += " json";
  return command;
}

std::string_view usage() noexcept {
  return "usage: tandemctl [-s SOCKET] [--json] COMMAND...\n"
         "\n"
         "  status               frontends, backends and servers, with state and reason\n"
         "  drain BACKEND/SERVER no new requests; running ones end by themselves\n"
         "  ready BACKEND/SERVER back into service\n"
         "  maint BACKEND/SERVER out of service, without health checks\n"
         "  check FILE           check a configuration file\n"
         "  show ..., set ...    every command of the control socket, word for word ('help')\n"
         "\n"
         "SOCKET is a path or host:port; without -s, $TANDEM_SOCKET or /run/tandem/lb.sock.\n"
         "Exit status: 0 done, 1 refused, 2 bad usage, 3 not reachable.\n";
}

}  // namespace tandem::ctl
