// show info, show version, show env, show cli sockets.
#include "lb/control/commands.h"
#include "lb/control/info.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

extern char** environ;

namespace tandem::lb::control {
namespace {

using command::Invocation;
using command::Level;
using command::Reply;

std::string info_plain(const std::vector<InfoField>& fields) {
  std::string out;
  for (const InfoField& field : fields) {
    std::string value = field.value.plain();
    // One colon a line: hatop and others split at it.
    std::ranges::replace(value, ':', ' ');
    fmt::format_to(std::back_inserter(out), "{}: {}\n", field.key, value);
  }
  return out;
}

std::string info_typed(const std::vector<InfoField>& fields) {
  std::string out;
  for (const InfoField& field : fields)
    fmt::format_to(std::back_inserter(out), "{}.{}.1:{}:{}\n", field.position, field.key,
                   tag_letters(field.nature), field.value.typed());
  return out;
}

std::string info_json(const std::vector<InfoField>& fields) {
  std::string out = "[";
  for (const InfoField& field : fields)
    fmt::format_to(std::back_inserter(out),
                   R"({}{{"field":{{"pos":{},"name":"{}"}},"processNum":1,"tags":{},"value":{}}})",
                   out.size() > 1 ? "," : "", field.position, field.key, tag_json(field.nature),
                   field.value.json());
  return out + "]";
}

Reply show_info(const ControlContext& context, Invocation& invocation) {
  std::string (*write)(const std::vector<InfoField>&) = info_plain;
  for (const std::string& word : invocation.words.subspan(2)) {
    if (word == "typed") {
      write = info_typed;
    } else if (word == "json") {
      write = info_json;
    } else if (word != "desc" && word != "float") {  // these change nothing that is here
      return Reply::error("Usage: show info [typed|json]");
    }
  }
  return Reply::data(write(make_info(context.source(), context.process)));
}

Reply show_version(const ControlContext& context) {
  return Reply::info(context.snapshot.runtime_compat ? std::string(kCompatVersion)
                                                     : context.process.version);
}

Reply show_env(Invocation& invocation) {
  const std::string_view wanted = invocation.word(2);
  std::string out;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view variable = *entry;
    if (wanted.empty() || variable.substr(0, variable.find('=')) == wanted) {
      out += variable;
      out += '\n';
    }
  }
  if (out.empty() && !wanted.empty()) return Reply::error("Variable not found");
  return Reply::data(out);
}

std::string_view level_word(config::Level level) {
  switch (level) {
    case config::Level::kUser:
      return "user";
    case config::Level::kOperator:
      return "operator";
    case config::Level::kAdmin:
      return "admin";
  }
  return "user";
}

Reply show_sockets(const ControlContext& context) {
  std::string out = "# socket lvl processes\n";
  for (const config::RuntimeSocket& socket : context.snapshot.runtime) {
    const SocketAddress& address = socket.address;
    const std::string_view family = address.is_unix()              ? "unix@"
                                    : address.family() == AF_INET6 ? "ipv6@"
                                                                   : "ipv4@";
    fmt::format_to(std::back_inserter(out), "{}{} {} all\n", family,
                   address.is_unix() ? address.host() : address.text(), level_word(socket.level));
  }
  return Reply::data(out);
}

}  // namespace

void add_info_commands(command::CommandTable& table, ControlContext& context) {
  table.add({"show info", Level::kUser, "show info [desc|json|typed|float]*",
             "report information about the running process",
             [&context](Invocation& invocation) { return show_info(context, invocation); }});
  table.add({"show version", Level::kUser, "show version", "show version of the current process",
             [&context](Invocation&) { return show_version(context); }});
  table.add({"show env", Level::kOperator, "show env [var]",
             "dump environment variables known to the process", show_env});
  table.add({"show cli sockets", Level::kOperator, "show cli sockets", "dump list of cli sockets",
             [&context](Invocation&) { return show_sockets(context); }});
}

}  // namespace tandem::lb::control
