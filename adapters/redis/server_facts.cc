#include "adapters/redis/server_facts.h"

#include <optional>
#include <utility>

#include "adapters/redis/error.h"
#include "dr/status_macros.h"
#include "fmt/format.h"

namespace dr::inline v0::redis {
namespace {

std::optional<std::string> SettingOf(const Reply& config) {
  if (config.type != Reply::Type::kArray || config.elements.size() != 2) return std::nullopt;
  return config.elements[1].text;
}

struct Wanted {
  std::string_view setting, value, why;
};

constexpr Wanted kWanted[] = {
    {"appendonly", "yes", "what it acknowledges is in memory only"},
    {"appendfsync", "always", "a power failure loses the last writes"},
    {"no-appendfsync-on-rewrite", "no", "while it rewrites its log it does not sync"},
};

}  // namespace

std::string InfoOf(const Reply& info, std::string_view name) {
  const std::string wanted = fmt::format("\n{}:", name);
  const std::size_t at = info.text.find(wanted);
  if (at == std::string::npos) return "";
  const std::size_t from = at + wanted.size();
  return info.text.substr(from, info.text.find_first_of("\r\n", from) - from);
}

std::vector<Command> FactQuestions() {
  std::vector<Command> commands = {
      {"PING"}, {"INFO"}, {"CONFIG", "GET", "maxmemory"}, {"CONFIG", "GET", "maxmemory-policy"}};
  for (const Wanted& wanted : kWanted) commands.push_back({"CONFIG", "GET", wanted.setting});
  return commands;
}

absl::StatusOr<ServerFacts> FactsOf(std::span<const Reply> replies, Topology topology,
                                    std::string_view place) {
  if (replies[0].failed()) return ErrorOf(replies[0], place);
  ServerFacts facts;
  const std::string role = InfoOf(replies[1], "role"),
                    replicas = InfoOf(replies[1], "connected_slaves");
  facts.master = role != "slave";
  if (role != "master") {
    facts.not_durable.push_back(role.empty() ? "the server does not tell its role (INFO)"
                                             : "the server is a replica");
  }
  const std::optional<std::string> memory = SettingOf(replies[2]), policy = SettingOf(replies[3]);
  if (memory != "0" && policy != "noeviction") {
    facts.not_durable.push_back(
        policy ? fmt::format("maxmemory-policy is {}: when memory is short, values vanish", *policy)
               : "the server does not tell what it does when memory is short (CONFIG GET)");
  }
  for (std::size_t i = 0; i < std::size(kWanted); ++i) {
    const Wanted& wanted = kWanted[i];
    const std::optional<std::string> found = SettingOf(replies[4 + i]);
    if (found == wanted.value) continue;
    facts.not_durable.push_back(
        found
            ? fmt::format("{} is {}, not {}: {}", wanted.setting, *found, wanted.value, wanted.why)
            : fmt::format("the server does not tell {} (CONFIG GET)", wanted.setting));
  }
  if (topology != Topology::kServer) {
    facts.not_durable.push_back(
        "when the master fails another server takes over, without the last writes it acknowledged");
  }
  if (replicas != "0") {
    facts.not_fence_safe.push_back(
        "it has replicas: a fail-over loses what they have not received, claims too");
  }
  if (InfoOf(replies[1], "cluster_enabled") != "0") {
    facts.not_fence_safe.push_back("it is part of a cluster, which may fail over to a replica");
  }
  return facts;
}

}  // namespace dr::inline v0::redis
