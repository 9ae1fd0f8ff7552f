// Bytes to and from a server, with an end to every wait.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dr/environment/resolver.h"
#include "dr/types.h"

namespace dr::inline v0::redis {

struct Endpoint {
  std::string host;
  std::uint16_t port = 6379;
  std::chrono::nanoseconds patience = {};  ///< without a byte for so long the server counts as gone

  std::string Place() const;
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

/// One connection, used by one thread at a time and by nobody after an error.
class Transport {
 public:
  virtual ~Transport() = default;
  /// At least one byte. kUnavailable at the end.
  virtual absl::StatusOr<std::size_t> Read(std::span<char> into, const Context& context) = 0;
  /// What is there, without waiting: 0 bytes mean not yet. kUnavailable at the end.
  virtual absl::StatusOr<std::size_t> TryRead(std::span<char> into) = 0;
  /// All of `bytes`. After an error the other side never gets the last of them.
  virtual absl::Status Write(std::string_view bytes, const Context& context) = 0;
};

/// The resolver outlives the connection.
absl::StatusOr<std::unique_ptr<Transport>> Connect(const Endpoint& endpoint, Resolver& resolver,
                                                   const Context& context);

}  // namespace dr::inline v0::redis
