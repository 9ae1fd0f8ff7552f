#include "adapters/postgres/options.h"

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"

namespace dr::inline v0::postgres {
namespace {

constexpr std::size_t kMaxSchemaBytes = 63;  // the server would cut a longer name short, silently
constexpr std::int64_t kMaxSeconds = 3600;

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
      return uri.Refuse("the option host is not the folder of a unix socket",
                        "write other hosts after the //, with commas between them");
    }
    if (!uri.more_hosts.empty()) {
      return uri.Refuse("the option host is one more beside several hosts",
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
  DR_ASSIGN_OR_RETURN(const std::string_view sslmode,
                      uri.Word("sslmode", {"verify-full", "verify-ca", "require", "disable"}));
  add("sslmode", sslmode);
  DR_ASSIGN_OR_RETURN(const std::string_view session,
                      uri.Word("target_session_attrs", {"any", "read-write", "primary"}));
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
    return uri.Refuse("host, user or database is missing",
                      "write postgres://user@host/database?namespace=name");
  }
  DR_ASSIGN_OR_RETURN(const std::int64_t seconds, uri.Number("timeout", 30, {1, kMaxSeconds}));
  server.patience = std::chrono::seconds(seconds);
  // As in libpq 0 is no limit of its own, and less than 2 s are taken for 2.
  DR_ASSIGN_OR_RETURN(const std::int64_t dial, uri.Number("connect_timeout", 0, {0, kMaxSeconds}));
  server.dial_patience = server.patience;
  if (dial > 0) {
    server.dial_patience = std::min<std::chrono::milliseconds>(
        server.patience, std::chrono::seconds(std::max<std::int64_t>(dial, 2)));
  }
  return server;
}

}  // namespace

absl::StatusOr<Options> ReadOptions(const Uri& uri) {
  DR_RETURN_IF_ERROR(uri.CheckParameters(kKnown, Uri::Hosts::kSeveral));
  Options options;
  options.name_space = uri.Find("namespace").value_or(options.name_space);
  options.schema = uri.Find("schema").value_or(options.schema);
  if (options.name_space.empty() || options.schema.empty() ||
      options.schema.size() > kMaxSchemaBytes ||
      (options.name_space + options.schema).find('\0') != std::string::npos) {
    return uri.Refuse("namespace and schema are names, a schema's of at most 63 bytes",
                      "choose others");
  }
  DR_ASSIGN_OR_RETURN(options.server, ReadServer(uri));
  DR_ASSIGN_OR_RETURN(const std::int64_t connections, uri.Number("connections", 4, {1, 100}));
  options.connections = static_cast<std::size_t>(connections);
  return options;
}

}  // namespace dr::inline v0::postgres
