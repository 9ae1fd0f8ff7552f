// F10: answers that no S3 store gives, from somebody who listens in its place.
#include <catch2/catch.hpp>
#include <functional>
#include <string>
#include <thread>

#include "adapters/s3/client.h"
#include "adapters/s3/error.h"
#include "adapters/s3/store_fixture.h"
#include "dr/status.h"
#include "tests/support/hostile_server.h"

namespace dr::s3_test {
namespace {

using test::HostileServer;

std::string Ok(std::string_view body, std::string_view headers = "") {
  return fmt::format("HTTP/1.1 200 OK\r\n{}Content-Length: {}\r\n\r\n{}", headers, body.size(),
                     body);
}

// What a call that expects at most 1000 bytes comes to.
absl::StatusOr<S3Answer> Ask(const HostileServer& server, S3Call call = {.method = "GET"}) {
  Machine machine;
  const auto uri = ParseUri(fmt::format("s3://bucket?endpoint=http://127.0.0.1:{}", server.port()));
  S3Client client(*ReadS3Options(*uri), machine.clock, Keys("id", "secret"),
                  {.stall = std::chrono::seconds(5)});
  call.object = "k";
  if (call.answer_bytes_max == S3Call{}.answer_bytes_max) call.answer_bytes_max = 1000;
  return client.Call(call, machine.Within(std::chrono::seconds(20)));
}

TEST_CASE("F10: a body that is announced or sent longer than can be is no answer") {
  const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string piece = "10000\r\n" + std::string(0x10000, 'x') + "\r\n";
  struct Row {
    std::string_view what;
    std::string begin, again;
  };
  const Row rows[] = {
      {"announced", "HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n", ""},
      {"endless chunks", chunked, piece},
      {"endless without a length", "HTTP/1.1 200 OK\r\n\r\n", std::string(1 << 16, 'x')},
  };
  for (const Row& row : rows) {
    INFO(row.what);
    const HostileServer server(row.begin, row.again);
    const auto answer = Ask(server);
    INFO(answer.status().ToString());
    CHECK((absl::IsDataLoss(answer.status()) || absl::IsUnavailable(answer.status())));
  }
}

TEST_CASE("F10: headers and chunks that are none end the call") {
  const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  struct Row {
    std::string_view what;
    std::string begin, again;
  };
  const Row rows[] = {
      {"endless headers", "HTTP/1.1 200 OK\r\n", "X-More: " + std::string(1000, 'x') + "\r\n"},
      {"one endless header", "HTTP/1.1 200 OK\r\nX: ", std::string(1 << 16, 'x')},
      {"no HTTP", "220 mail.example ESMTP\r\n", ""},
      {"HTTP/0.9", "<xml/>", ""},
      {"a length that is negative", "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nvalue", ""},
      {"a chunk beyond 64 bits", chunked + "FFFFFFFFFFFFFFFFFF\r\nx", ""},
      {"a chunk that is no number", chunked + "zz\r\nx\r\n0\r\n\r\n", ""},
      {"cut in a chunk", chunked + "10\r\nhalf", ""},
      {"nothing", "", ""},
  };
  for (const Row& row : rows) {
    INFO(row.what);
    const HostileServer server(row.begin, row.again);
    const auto answer = Ask(server);
    INFO(answer.status().ToString());
    CHECK(absl::IsUnavailable(answer.status()));
    const auto put = Ask(server, {.method = "PUT", .body = "value"});
    CHECK(absl::IsUnknown(put.status()));  // an open outcome never has a retry's code (K76)
  }
}

TEST_CASE("F10: what is compressed is taken as it is and inflated by nobody") {
  // 10 MB of zeros in a few bytes; nothing of that is asked for, so none of it is made.
  const std::string bomb = "\x1f\x8b\x08" + std::string(100, 'b');
  for (const char* header : {"Content-Encoding: gzip\r\n", "Content-Encoding: br, gzip\r\n"}) {
    const HostileServer server(Ok(bomb, header), "");
    const auto answer = Ask(server);
    REQUIRE(answer.ok());
    CHECK((answer->response.body == bomb));
  }
}

TEST_CASE("F10: XML that grows or nests or names other files is no document") {
  std::string laughs = "<?xml version=\"1.0\"?><!DOCTYPE l [<!ENTITY a0 \"ha\">";
  for (int i = 1; i < 30; ++i)
    laughs += fmt::format("<!ENTITY a{} \"&a{};&a{};\">", i, i - 1, i - 1);
  laughs += "]><Error><Code>&a29;</Code></Error>";
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "<Error>";
  const std::string documents[] = {
      laughs,
      "<!DOCTYPE e [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><Error><Code>&x;</Code></Error>",
      deep,
      "<Error><Code>" + std::string(1 << 20, 'x') + "</Code></Error>",
      "<Error><Code>a</Error>",
      "<Error><Code>\xff\xfe</Code></Error>",
      std::string("<Error>\0</Error>", 16),
      "<Error",
      "",
  };
  for (const std::string& document : documents) {
    CHECK_FALSE(ParseS3Error(document));
    CHECK(absl::IsUnavailable(ParseS3Listing(document).status()));
  }
  for (const char* size : {"-1", "18446744073709551616", "1e9", "0x10", ""}) {
    const std::string listing = fmt::format(
        "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>k</Key><Size>{}</Size>"
        "</Contents></ListBucketResult>",
        size);
    CHECK(absl::IsUnavailable(ParseS3Listing(listing).status()));
  }
}

TEST_CASE("F12: nothing that a store says can break a line or colour a terminal") {
  const std::string says = "Access\nDenied\rroot\t\x7f&#10;2026 OK &#x85;";
  const std::string body = "<Error><Code>\nA\r</Code><Message>" + says + "</Message></Error>";
  const HostileServer server(
      fmt::format("HTTP/1.1 403 Forbidden\r\nContent-Length: {}\r\n\r\n{}", body.size(), body), "");
  const S3Call call{.method = "GET", .object = "k\n\x1b[31m"};
  const auto answer = Ask(server, call);
  REQUIRE(answer.ok());
  const absl::Status error = ErrorOf(call, *answer, "http://127.0.0.1");
  INFO(error.message());
  CHECK_FALSE(error.ok());
  for (const char c : error.message()) CHECK((c >= ' ' && c != '\x7f'));
}

}  // namespace
}  // namespace dr::s3_test
