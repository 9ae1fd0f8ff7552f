#include "adapters/redis/settings.h"

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

}  // namespace

absl::StatusOr<Settings> ReadSettings(const Uri& uri) {
  DR_RETURN_IF_ERROR(uri.CheckParameters({"namespace", "timeout_ms", "ca", "cert", "key"}));
  if (uri.host.empty()) return Wrong(uri, "no host", "write redis://host:port/0");
  Settings settings;
  settings.tls = uri.scheme == "rediss";
  settings.endpoint.host = uri.host;
  settings.endpoint.port = uri.port.value_or(settings.endpoint.port);
  settings.login.user = uri.user;
  if (uri.password) settings.login.password = uri.password->Clone();
  if (!uri.user.empty() && settings.login.password.empty()) {
    return Wrong(uri, "a user without a password", "write redis://user:password@host");
  }
  if (uri.path.size() > 1 &&
      !ReadNumber(uri.path.substr(1), 0, kMaxDatabase, settings.login.database)) {
    return Wrong(uri, "the path is not the number of a database", "write redis://host/0");
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
  settings.endpoint.patience = std::chrono::milliseconds(timeout_ms);
  DR_RETURN_IF_ERROR(ReadFiles(uri, settings));
  return settings;
}

}  // namespace dr::inline v0::redis
