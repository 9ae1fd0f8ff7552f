#include "adapters/redis/settings.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "dr/status.h"
#include "fmt/format.h"
#include "src/base/status_macros.h"

namespace dr::inline v0::redis {
namespace {

constexpr std::size_t kMaxNamespaceBytes = 128;
constexpr int kMaxDatabase = 1'000'000;
constexpr int kDefaultTimeoutMs = 10'000, kMaxTimeoutMs = 600'000;

absl::Status Wrong(const Uri& uri, std::string_view what, std::string next) {
  return MakeFault({.kind = FaultKind::kInvalid, .place = uri.Redacted(), .next = std::move(next)},
                   what);
}

// A plain decimal number from `min` to `max`.
bool ReadNumber(std::string_view text, int min, int max, int& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value >= min && value <= max;
}

absl::Status ReadFiles(const Uri& uri, Settings& settings) {
  settings.files = {.ca = std::string(uri.Find("ca").value_or("")),
                    .certificate = std::string(uri.Find("cert").value_or("")),
                    .key = std::string(uri.Find("key").value_or(""))};
  const TlsFiles& files = settings.files;
  if (files.certificate.empty() != files.key.empty()) {
    return Wrong(uri, "cert= and key= belong together", "give both or neither");
  }
  if (!settings.tls && !(files.ca.empty() && files.certificate.empty())) {
    return Wrong(uri, "ca=, cert= and key= are for TLS", "write rediss://");
  }
  return absl::OkStatus();
}

// host:port, host:port …; an IPv6 address in brackets.
absl::Status ReadSeeds(const Uri& uri, std::string_view list, Settings& settings) {
  while (!list.empty()) {
    const std::string_view one = list.substr(0, list.find(','));
    list.remove_prefix(std::min(one.size() + 1, list.size()));
    const absl::StatusOr<Uri> seed = ParseUri(fmt::format("seed://{}", one));
    if (!seed.ok() || seed->host.empty() || !seed->port || !seed->user.empty() || seed->password ||
        !seed->path.empty() || !seed->query.empty()) {
      return Wrong(uri, "seeds= is a list of host:port", "write seeds=one:6379,other:6379");
    }
    settings.seeds.push_back({.host = seed->host, .port = *seed->port});
  }
  return absl::OkStatus();
}

absl::Status ReadTopology(const Uri& uri, Settings& settings) {
  constexpr std::uint16_t kServerPort = 6379, kSentinelPort = 26379;
  std::string_view scheme = uri.scheme;
  settings.tls = scheme.starts_with("rediss");
  scheme.remove_prefix(settings.tls ? 6 : 5);
  if (scheme == "+cluster") settings.topology = Topology::kCluster;
  if (scheme == "+sentinel") settings.topology = Topology::kSentinel;
  const bool sentinel = settings.topology == Topology::kSentinel;
  settings.seeds = {
      {.host = uri.host, .port = uri.port.value_or(sentinel ? kSentinelPort : kServerPort)}};
  const auto seeds = uri.Find("seeds");
  if (seeds && settings.topology == Topology::kServer) {
    return Wrong(uri, "seeds= is for clusters and sentinels", "remove it, or write redis+cluster:");
  }
  return ReadSeeds(uri, seeds.value_or(""), settings);
}

absl::Status ReadPath(const Uri& uri, Settings& settings) {
  std::string_view path = std::string_view(uri.path).substr(uri.path.empty() ? 0 : 1);
  if (settings.topology == Topology::kSentinel) {
    settings.service = path.substr(0, path.find('/'));
    path.remove_prefix(std::min(settings.service.size() + 1, path.size()));
    if (settings.service.empty()) {
      return Wrong(uri, "no service", "write redis+sentinel://host:26379/service/0");
    }
  }
  if (path.empty()) return absl::OkStatus();
  const int max = settings.topology == Topology::kCluster ? 0 : kMaxDatabase;
  if (ReadNumber(path, 0, max, settings.login.database)) return absl::OkStatus();
  return Wrong(uri, "the path is not the number of a database, which in a cluster is 0",
               "write redis://host/0");
}

}  // namespace

absl::StatusOr<Settings> ReadSettings(const Uri& uri) {
  DR_RETURN_IF_ERROR(
      uri.CheckParameters({"namespace", "timeout_ms", "seeds", "ca", "cert", "key"}));
  if (uri.host.empty()) return Wrong(uri, "no host", "write redis://host:port/0");
  Settings settings;
  DR_RETURN_IF_ERROR(ReadTopology(uri, settings));
  DR_RETURN_IF_ERROR(ReadPath(uri, settings));
  settings.login.user = uri.user;
  if (uri.password) settings.login.password = uri.password->Clone();
  if (!uri.user.empty() && settings.login.password.empty()) {
    return Wrong(uri, "a user without a password", "write redis://user:password@host");
  }
  if (auto name = uri.Find("namespace")) settings.name_space = *name;
  const std::string& name = settings.name_space;
  if (name.empty() || name.size() > kMaxNamespaceBytes || name.find_first_of("{}") != name.npos) {
    return Wrong(uri, "namespace= has 1 to 128 bytes without braces", "choose another");
  }
  int timeout_ms = kDefaultTimeoutMs;
  if (auto text = uri.Find("timeout_ms");
      text && !ReadNumber(*text, 1, kMaxTimeoutMs, timeout_ms)) {
    return Wrong(uri, fmt::format("timeout_ms= is a number from 1 to {}", kMaxTimeoutMs),
                 "how long the server may be silent before it counts as gone");
  }
  for (Endpoint& seed : settings.seeds) seed.patience = std::chrono::milliseconds(timeout_ms);
  DR_RETURN_IF_ERROR(ReadFiles(uri, settings));
  return settings;
}

}  // namespace dr::inline v0::redis
