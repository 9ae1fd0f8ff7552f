// Where a store is, as one line of configuration.
//
//   absl::StatusOr<dr::Uri> uri = dr::ParseUri("redis://agent:s3cret@db.example:6380/0?tls=on");
//   uri->host == "db.example", uri->port == 6380, uri->path == "/0", uri->password->Reveal()
//   fmt::print("{}", uri->Redacted());   // redis://agent:***@db.example:6380/0?tls=on
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dr/environment/variables.h"
#include "dr/export.h"
#include "dr/secret.h"

namespace dr::inline v0 {

/// scheme://[user[:password]@]host[:port][,host[:port]…][/path][?name=value[&…]], decoded.
struct DR_EXPORT Uri {
  /// One of several machines.
  struct Host {
    std::string name;                   ///< as Uri::host
    std::optional<std::uint16_t> port;  ///< as Uri::port
  };
  /// What stands behind the question mark.
  struct Parameter {
    std::string name;   ///< never empty
    std::string value;  ///< may be empty
  };

  std::string scheme = {};                 ///< lower case
  std::string user = {};                   ///< empty: none is named
  std::optional<Secret> password = {};     ///< of `user`; shown by nothing that prints a Uri
  std::string host = {};                   ///< lower case; an IPv6 address without its brackets
  std::optional<std::uint16_t> port = {};  ///< none: the scheme's own
  std::string host_as_written = {};        ///< where it is no name of a machine
  std::vector<Host> more_hosts = {};       ///< behind the first; CheckParameters refuses them
  std::string path = {};                   ///< empty or beginning with '/'
  std::vector<Parameter> query = {};       ///< in the order of the text

  /// The value of parameter `name`, if it is there.
  std::optional<std::string_view> Find(std::string_view name) const;
  /// Whether the reader of a URI takes a list of hosts.
  enum class Hosts : std::uint8_t { kOne, kSeveral };
  /// Refuses parameters that the reader of this URI does not know: kInvalidArgument naming them. So
  /// is a list of hosts, unless the reader takes several.
  absl::Status CheckParameters(std::initializer_list<std::string_view> known,
                               Hosts hosts = Hosts::kOne) const;
  /// For stores of this machine: refuses hosts, ports and users, and a URI without a path.
  absl::Status CheckLocal() const;
  /// Both included.
  struct Bounds {
    std::int64_t min;  ///< the least that is allowed
    std::int64_t max;  ///< the most
  };
  /// The value of parameter `name`, or `otherwise` where it is not there. kInvalidArgument for what
  /// is no decimal number from `min` to `max`.
  absl::StatusOr<std::int64_t> Number(std::string_view name, std::int64_t otherwise,
                                      Bounds bounds) const;
  /// The value of parameter `name`, or the first of `words` where it is not there.
  /// kInvalidArgument, naming them, for what is not one of them.
  absl::StatusOr<std::string_view> Word(std::string_view name,
                                        std::initializer_list<std::string_view> words) const;
  /// kInvalidArgument: `what` is wrong with this URI, which is shown redacted; do `next`.
  absl::Status Refuse(std::string_view what, std::string_view next) const;
  /// As text that may be shown: "***" stands for the password, for a user alone (which may be a
  /// password in the wrong place), and for parameters named like a secret or holding an '@'.
  std::string Redacted() const;
};

/// Strict: what is not clearly one thing is kInvalidArgument, named by rule and byte offset and
/// never by content, since any part may be a misplaced password. Escapes (%2F) must be valid and
/// may not hide '/' or NUL in a path; "." and ".." segments, fragments, blanks, control characters,
/// parameters given twice and ports outside 1 to 65535 are refused. A host may be missing only
/// where a path follows (file:///var/lib).
DR_EXPORT absl::StatusOr<Uri> ParseUri(std::string_view text);
/// As above, of `text` with its variables replaced first (dr/environment/variables.h): the value of
/// one is part of the URI, so a password in one has its '@' written %40 too.
DR_EXPORT absl::StatusOr<Uri> ParseUri(std::string_view text, const VariableLookup& variables);

}  // namespace dr::inline v0
