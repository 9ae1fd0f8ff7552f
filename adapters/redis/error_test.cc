#include "adapters/redis/error.h"

#include <catch2/catch.hpp>
#include <string>
#include <utility>

#include "dr/status.h"

namespace dr {
namespace {

TEST_CASE("Refusals of the server have the code that says what to do") {
  const std::pair<const char*, absl::StatusCode> rows[] = {
      {"LOADING Redis is loading the dataset in memory", absl::StatusCode::kUnavailable},
      {"READONLY You can't write against a read only replica.", absl::StatusCode::kUnavailable},
      {"MISCONF Errors writing to the AOF file", absl::StatusCode::kUnavailable},
      {"OOM command not allowed", absl::StatusCode::kResourceExhausted},
      {"ERR max number of clients reached", absl::StatusCode::kUnavailable},
      {"NOAUTH Authentication required.", absl::StatusCode::kUnauthenticated},
      {"NOPERM this user has no permissions", absl::StatusCode::kUnauthenticated},
      {"MOVED 3999 127.0.0.1:6381", absl::StatusCode::kUnimplemented},
      {"ERR unknown command 'EVALSHA', with args beginning with: 'c4n4ry'",
       absl::StatusCode::kUnimplemented},
      {"ERR something else", absl::StatusCode::kInternal},
  };
  for (const auto& [text, code] : rows) {
    const absl::Status status =
        redis::ErrorOf({.type = redis::Reply::Type::kError, .text = text}, "key");
    INFO(status.ToString());
    CHECK(status.code() == code);
    CHECK(status.ToString().find("c4n4ry") == std::string::npos);
  }
}

}  // namespace
}  // namespace dr
