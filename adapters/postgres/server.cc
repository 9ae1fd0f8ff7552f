#include "adapters/postgres/server.h"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "dr/status.h"
#include "fmt/format.h"
#include "src/base/status_macros.h"

namespace dr::inline v0::postgres {
namespace {

constexpr std::size_t kMaxSchemaBytes = 63;  // the server would cut a longer name short, silently
constexpr int kMaxSeconds = 3600;

// What is read here, and behind it those of libpq's parameters that pass through. The others would
// change what dr relies on (options, gssencmode, client_encoding, replication), or have a place of
// their own in the URI.
constexpr std::size_t kReadHere = 8;
const std::initializer_list<std::string_view> kKnown = {
    "host",
    "namespace",
    "schema",
    "connections",
    "timeout",
    "sslmode",
    "connect_timeout",
    "target_session_attrs",
    "application_name",
    "channel_binding",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "krbsrvname",
    "passfile",
    "requirepeer",
    "require_auth",
    "service",
    "sslcert",
    "sslcrl",
    "sslcrldir",
    "sslkey",
    "sslpassword",
    "sslrootcert",
    "sslsni",
    "ssl_max_protocol_version",
    "ssl_min_protocol_version",
    "tcp_user_timeout",
};

absl::Status Refuse(const Uri& uri, std::string_view what, std::string_view next) {
  return MakeFault(
      {.kind = FaultKind::kInvalid, .place = uri.Redacted(), .next = std::string(next)}, what);
}

absl::StatusOr<int> Number(const Uri& uri, std::string_view name, int standard, int min, int max) {
  if (!uri.Find(name)) return standard;
  const std::string_view text = *uri.Find(name);
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < min || number > max) {
    return Refuse(uri, fmt::format("{} is no number from {} to {}", name, min, max),
                  "mend the URI");
  }
  return number;
}

// One of `words`, of which the first is what is taken if nothing is said.
absl::StatusOr<std::string> Word(const Uri& uri, std::string_view name,
                                 std::initializer_list<std::string_view> words) {
  const std::string_view text = uri.Find(name).value_or(*words.begin());
  if (std::find(words.begin(), words.end(), text) != words.end()) return std::string(text);
  return Refuse(uri, fmt::format("{} is not one that dr takes", name),
                fmt::format("take {}", fmt::join(words, ", ")));
}

absl::Status ReadHosts(const Uri& uri, Server& server) {
  const auto port = [](const std::optional<std::uint16_t>& number) {
    return number ? fmt::format("{}", *number) : std::string();
  };
  server.hosts.push_back({uri.host, port(uri.port)});
  for (const Uri::Host& host : uri.more_hosts) {
    server.hosts.push_back({host.name, port(host.port)});
  }
  if (const auto socket = uri.Find("host")) {
    if (!socket->starts_with('/')) {
      return Refuse(uri, "the option host is not the folder of a unix socket",
                    "write other hosts after the //, with commas between them");
    }
    if (!uri.more_hosts.empty()) {
      return Refuse(uri, "the option host is one more beside several hosts",
                    "leave one of them out");
    }
    server.hosts[0].name = *socket;
  }
  return absl::OkStatus();
}

absl::Status ReadParameters(const Uri& uri, Server& server) {
  const auto add = [&](std::string_view name, std::string_view value) {
    if (!value.empty()) server.parameters.emplace_back(name, value);
  };
  add("user", uri.user);
  add("dbname", uri.path.empty() ? std::string_view() : std::string_view(uri.path).substr(1));
  for (const std::string_view* name = kKnown.begin() + kReadHere; name != kKnown.end(); ++name) {
    add(*name, uri.Find(*name).value_or(""));
  }
  // Those that may or may not encrypt are not offered, nor servers that only read.
  DR_ASSIGN_OR_RETURN(const std::string sslmode,
                      Word(uri, "sslmode", {"verify-full", "verify-ca", "require", "disable"}));
  add("sslmode", sslmode);
  DR_ASSIGN_OR_RETURN(const std::string session,
                      Word(uri, "target_session_attrs", {"any", "read-write", "primary"}));
  add("target_session_attrs", session);
  if (!uri.Find("application_name")) add("application_name", "dr");
  add("gssencmode", "disable");  // would take the place of TLS and of its checks
  add("client_encoding", "UTF8");
  return absl::OkStatus();
}

absl::StatusOr<Server> ReadServer(const Uri& uri) {
  Server server{.password = uri.password ? uri.password->Clone() : Secret(),
                .place = uri.Redacted()};
  DR_RETURN_IF_ERROR(ReadHosts(uri, server));
  DR_RETURN_IF_ERROR(ReadParameters(uri, server));
  const bool is_named = uri.Find("service").has_value();  // libpq's file has the rest
  if (!is_named && (server.hosts[0].name.empty() || uri.path.size() < 2 || uri.user.empty())) {
    return Refuse(uri, "host, user or database is missing",
                  "write postgres://user@host/database?namespace=name");
  }
  DR_ASSIGN_OR_RETURN(const int seconds, Number(uri, "timeout", 30, 1, kMaxSeconds));
  server.patience = std::chrono::seconds(seconds);
  // As in libpq 0 is no limit of its own, and less than 2 s are taken for 2.
  DR_ASSIGN_OR_RETURN(const int dial, Number(uri, "connect_timeout", 0, 0, kMaxSeconds));
  server.dial_patience = server.patience;
  if (dial > 0) {
    server.dial_patience = std::min<std::chrono::milliseconds>(
        server.patience, std::chrono::seconds(std::max(dial, 2)));
  }
  return server;
}

}  // namespace

absl::StatusOr<Settings> ReadSettings(const Uri& uri) {
  DR_RETURN_IF_ERROR(uri.CheckParameters(kKnown, Uri::Hosts::kSeveral));
  Settings settings;
  settings.name_space = uri.Find("namespace").value_or(settings.name_space);
  settings.schema = uri.Find("schema").value_or(settings.schema);
  if (settings.name_space.empty() || settings.schema.empty() ||
      settings.schema.size() > kMaxSchemaBytes ||
      (settings.name_space + settings.schema).find('\0') != std::string::npos) {
    return Refuse(uri, "namespace and schema are names, a schema's of at most 63 bytes",
                  "choose others");
  }
  DR_ASSIGN_OR_RETURN(settings.server, ReadServer(uri));
  DR_ASSIGN_OR_RETURN(const int connections, Number(uri, "connections", 4, 1, 100));
  settings.connections = static_cast<std::size_t>(connections);
  return settings;
}

}  // namespace dr::inline v0::postgres
