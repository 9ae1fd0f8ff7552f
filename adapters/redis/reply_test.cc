#include "adapters/redis/reply.h"

#include <catch2/catch.hpp>
#include <string>
#include <utility>

namespace dr {
namespace {

TEST_CASE("D15: A reply cut at every byte is read as when it comes whole") {
  const std::string bytes = "*5\r\n$3\r\na\r\n\r\n:-7\r\n$-1\r\n*2\r\n+OK\r\n-ERR no\r\n$0\r\n\r\n";
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    redis::ReplyReader reader(1000);
    REQUIRE(reader.Feed(bytes.substr(0, cut)).ok());
    auto early = reader.Next();
    REQUIRE(early.ok());
    CHECK(early->has_value() == (cut == bytes.size()));
    REQUIRE(reader.Feed(bytes.substr(cut)).ok());
    auto reply = cut == bytes.size() ? std::move(early) : reader.Next();
    REQUIRE((reply.ok() && reply->has_value()));
    const std::vector<redis::Reply>& parts = (*reply)->elements;
    REQUIRE(parts.size() == 5);
    CHECK(parts[0].text == "a\r\n");
    CHECK(parts[1].integer == -7);
    CHECK(parts[2].type == redis::Reply::Type::kNothing);
    CHECK(parts[3].elements[1].failed());
    CHECK(parts[4].type == redis::Reply::Type::kText);
    CHECK(reader.empty());
  }
}

TEST_CASE("D15: What no answer can be is refused before it takes memory") {
  for (const std::string& bytes :
       {std::string("HTTP/1.1 400 Bad Request\r\n"), std::string("$-2\r\n"),
        std::string("$9223372036854775808\r\n"), std::string("*2147483647\r\n"),
        std::string("*100001\r\n"), std::string("*-5\r\n"), std::string(":12x\r\n"),
        std::string("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n"),
        "$9000\r\n" + std::string(2000, 'x')}) {
    INFO(bytes.substr(0, 30));
    redis::ReplyReader reader(1000);
    const absl::Status fed = reader.Feed(bytes);
    CHECK((!fed.ok() || !reader.Next().ok()));
  }
}

}  // namespace
}  // namespace dr
