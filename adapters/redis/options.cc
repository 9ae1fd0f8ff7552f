#include "adapters/redis/options.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <utility>

#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"

namespace dr::inline v0::redis {
namespace {

constexpr std::size_t kMaxNamespaceBytes = 128;
constexpr int kMaxDatabase = 1'000'000;
constexpr std::int64_t kDefaultTimeoutMs = 10'000, kMaxTimeoutMs = 600'000;

absl::Status ReadFiles(const Uri& uri, Options& options) {
  options.files = {.ca = std::string(uri.Find("ca").value_or("")),
                   .certificate = std::string(uri.Find("cert").value_or("")),
                   .key = std::string(uri.Find("key").value_or(""))};
  const TlsFiles& files = options.files;
  if (files.certificate.empty() != files.key.empty()) {
    return uri.Refuse("cert= and key= belong together", "give both or neither");
  }
  if (!options.tls && !(files.ca.empty() && files.certificate.empty())) {
    return uri.Refuse("ca=, cert= and key= are for TLS", "write rediss://");
  }
  return absl::OkStatus();
}

// host:port, host:port …; an IPv6 address in brackets.
absl::Status ReadSeeds(const Uri& uri, std::string_view list, Options& options) {
  while (!list.empty()) {
    const std::string_view one = list.substr(0, list.find(','));
    list.remove_prefix(std::min(one.size() + 1, list.size()));
    const absl::StatusOr<Uri> seed = ParseUri(fmt::format("seed://{}", one));
    if (!seed.ok() || seed->host.empty() || !seed->port || !seed->user.empty() || seed->password ||
        !seed->path.empty() || !seed->query.empty()) {
      return uri.Refuse("seeds= is a list of host:port", "write seeds=one:6379,other:6379");
    }
    options.seeds.push_back({.host = seed->host, .port = *seed->port});
  }
  return absl::OkStatus();
}

absl::Status ReadTopology(const Uri& uri, Options& options) {
  constexpr std::uint16_t kServerPort = 6379, kSentinelPort = 26379;
  std::string_view scheme = uri.scheme;
  options.tls = scheme.starts_with("rediss");
  scheme.remove_prefix(options.tls ? 6 : 5);
  if (scheme == "+cluster") options.topology = Topology::kCluster;
  if (scheme == "+sentinel") options.topology = Topology::kSentinel;
  const bool sentinel = options.topology == Topology::kSentinel;
  options.seeds = {
      {.host = uri.host, .port = uri.port.value_or(sentinel ? kSentinelPort : kServerPort)}};
  const auto seeds = uri.Find("seeds");
  if (seeds && options.topology == Topology::kServer) {
    return uri.Refuse("seeds= is for clusters and sentinels", "remove it, or write redis+cluster:");
  }
  return ReadSeeds(uri, seeds.value_or(""), options);
}

absl::Status ReadPath(const Uri& uri, Options& options) {
  std::string_view path = std::string_view(uri.path).substr(uri.path.empty() ? 0 : 1);
  if (options.topology == Topology::kSentinel) {
    options.service = path.substr(0, path.find('/'));
    path.remove_prefix(std::min(options.service.size() + 1, path.size()));
    if (options.service.empty()) {
      return uri.Refuse("no service", "write redis+sentinel://host:26379/service/0");
    }
  }
  if (path.empty()) return absl::OkStatus();
  const int max = options.topology == Topology::kCluster ? 0 : kMaxDatabase;
  const auto [end, error] =
      std::from_chars(path.data(), path.data() + path.size(), options.login.database);
  if (error == std::errc() && end == path.data() + path.size() && options.login.database >= 0 &&
      options.login.database <= max) {
    return absl::OkStatus();
  }
  return uri.Refuse("the path is not the number of a database, which in a cluster is 0",
                    "write redis://host/0");
}

}  // namespace

absl::StatusOr<Options> ReadOptions(const Uri& uri) {
  DR_RETURN_IF_ERROR(
      uri.CheckParameters({"namespace", "timeout_ms", "seeds", "ca", "cert", "key"}));
  if (uri.host.empty()) return uri.Refuse("no host", "write redis://host:port/0");
  Options options;
  DR_RETURN_IF_ERROR(ReadTopology(uri, options));
  DR_RETURN_IF_ERROR(ReadPath(uri, options));
  options.login.user = uri.user;
  if (uri.password) options.login.password = uri.password->Clone();
  if (!uri.user.empty() && options.login.password.empty()) {
    return uri.Refuse("a user without a password", "write redis://user:password@host");
  }
  if (auto name = uri.Find("namespace")) options.name_space = *name;
  const std::string& name = options.name_space;
  if (name.empty() || name.size() > kMaxNamespaceBytes || name.find_first_of("{}") != name.npos) {
    return uri.Refuse("namespace= has 1 to 128 bytes without braces", "choose another");
  }
  DR_ASSIGN_OR_RETURN(const std::int64_t timeout_ms, uri.Number("timeout_ms", kDefaultTimeoutMs,
                                                                {.min = 1, .max = kMaxTimeoutMs}));
  for (Endpoint& seed : options.seeds) seed.patience = std::chrono::milliseconds(timeout_ms);
  DR_RETURN_IF_ERROR(ReadFiles(uri, options));
  return options;
}

}  // namespace dr::inline v0::redis
