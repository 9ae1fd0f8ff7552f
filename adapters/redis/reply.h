// What Redis answers (RESP2), read by hiredis' parser within limits of our own.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

struct redisReader;

namespace dr::inline v0::redis {

struct Reply {
  enum class Type { kText, kInteger, kArray, kNothing, kError };
  Type type = Type::kNothing;
  std::string text = {};  ///< of kText, status lines included, and kError
  long long integer = 0;
  std::vector<Reply> elements = {};

  bool failed() const { return type == Type::kError; }
};

/// From bytes in pieces to replies. Protects against a server, or somebody between, that announces
/// or sends more than can be asked for.
class ReplyReader {
 public:
  static constexpr std::size_t kMaxElements = 100'000;

  /// `max_bytes` of one reply.
  explicit ReplyReader(std::size_t max_bytes);
  ReplyReader(const ReplyReader&) = delete;
  ReplyReader& operator=(const ReplyReader&) = delete;

  /// kInternal if these bytes are not of the protocol, kResourceExhausted without memory; then, as
  /// later, the reader is of no use.
  absl::Status Feed(std::string_view bytes);
  /// The next whole reply, if it is there.
  absl::StatusOr<std::optional<Reply>> Next();
  /// No bytes are left over.
  bool empty() const;

 private:
  struct Free {
    void operator()(redisReader* reader) const;
  };
  absl::Status Failed() const;

  const std::size_t max_bytes_;
  bool lacks_memory_ = false;
  std::size_t fed_ = 0;  // since the last whole reply
  std::unique_ptr<redisReader, Free> reader_;
};

}  // namespace dr::inline v0::redis
