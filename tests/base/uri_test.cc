#include "dr/environment/uri.h"

#include <string>
#include <string_view>

#include "catch2/catch.hpp"
#include "dr/status.h"

namespace {

TEST_CASE("A URI with every part is taken apart and decoded") {
  auto uri = dr::ParseUri("Redis://ag%40nt:s%3Acret@DB.example:6380/a%20b/0?tls=on&name=x%26y");
  REQUIRE(uri.ok());
  CHECK(uri->scheme == "redis");
  CHECK(uri->user == "ag@nt");
  REQUIRE(uri->password.has_value());
  CHECK(uri->password->Reveal() == "s:cret");
  CHECK(uri->host == "db.example");
  CHECK(uri->port == 6380);
  CHECK(uri->path == "/a b/0");
  CHECK(uri->Find("tls") == "on");
  CHECK(uri->Find("name") == "x&y");
  CHECK_FALSE(uri->Find("missing"));
}

TEST_CASE("Parts may be missing, and an empty password is not the same as none") {
  auto file = dr::ParseUri("file:///var/lib/agent");
  REQUIRE(file.ok());
  CHECK(file->host.empty());
  CHECK(file->path == "/var/lib/agent");
  auto bucket = dr::ParseUri("s3://my_bucket-1");
  REQUIRE(bucket.ok());
  CHECK(bucket->path.empty());
  CHECK_FALSE(bucket->password);
  CHECK_FALSE(bucket->port);
  auto v6 = dr::ParseUri("redis://:@[2001:DB8::1]:7/?a=");
  REQUIRE(v6.ok());
  CHECK(v6->host == "2001:db8::1");
  CHECK(v6->port == 7);
  CHECK(v6->path == "/");
  REQUIRE(v6->password.has_value());
  CHECK(v6->password->empty());
  CHECK(v6->Find("a") == "");
}

TEST_CASE("several hosts are for readers that take several and refused by name elsewhere (K53)") {
  auto uri = dr::ParseUri("postgres://u:p@one:1,[2001:DB8::1]:2,Three/db?a=1");
  REQUIRE(uri.ok());
  CHECK(uri->host == "one");
  CHECK(uri->port == 1);
  REQUIRE(uri->more_hosts.size() == 2);
  CHECK(uri->more_hosts[0].name == "2001:db8::1");
  CHECK(uri->more_hosts[0].port == 2);
  CHECK(uri->more_hosts[1].name == "three");
  CHECK_FALSE(uri->more_hosts[1].port);
  CHECK(uri->Redacted() == "postgres://u:***@one:1,[2001:db8::1]:2,three/db?a=1");
  CHECK(uri->CheckParameters({"a"}, dr::Uri::Hosts::kSeveral).ok());
  const absl::Status refused = uri->CheckParameters({"a"});
  CHECK(absl::IsInvalidArgument(refused));
  CHECK(refused.message().find("list of hosts") != absl::string_view::npos);
  for (const char* text : {"p://a,", "p://,a", "p://a,,b", "p://a:1,:2"}) {
    CHECK(absl::IsInvalidArgument(dr::ParseUri(text).status()));
  }
}

TEST_CASE("a host that is no machine's name is there as it was written (K52)") {
  CHECK(dr::ParseUri("s3://My_Bucket/a")->host_as_written == "My_Bucket");
  CHECK(dr::ParseUri("s3://My_Bucket/a")->host == "my_bucket");
}

TEST_CASE("What is not clearly one thing is refused, and the error never quotes it") {
  const std::string_view refused[] = {
      "",
      "redis",
      "redis:",
      "redis:/x",
      "://h",
      "1a://h",
      "a_b://h",
      "redis://",
      "redis://?a=1",
      "redis://hunter2 @h",
      "redis://hunter2\n@h",
      "redis://h\xC3\xBC"
      "hunter2",
      "redis://h/#hunter2",
      "redis://hunter2:@",
      "redis://@h",
      "redis://hunter2:a:b@h",
      "redis://u:hunter2@x@h",
      "redis://u:hunter2/w@h",
      "redis://u:12/hunter2@h",
      "redis://u:12?hunter2@h",
      "redis://h:",
      "redis://h:0",
      "redis://h:65536",
      "redis://h:+1",
      "redis://h:07",
      "redis://h:hunter2",
      "redis://:1/x",
      "redis://[::1",
      "redis://[]:1",
      "redis://[hunter2]",
      "redis://[::1]hunter2",
      "redis://h!",
      "redis://h/%",
      "redis://h/%2",
      "redis://h/%2g",
      "redis://h/%-1",
      "redis://h/%00",
      "redis://h/%2F",
      "redis://h/a/../b",
      "redis://h/%2e%2E",
      "redis://h/.",
      "redis://h//a",
      "redis://h/a//b",
      "redis://h?",
      "redis://h?hunter2",
      "redis://h?a=1&",
      "redis://h?a=1&a=2",
      "redis://h?=1",
      "redis://h?A=1",
      "redis://h?a%20b=1",
      "redis://h?a=%zz",
  };
  for (std::string_view text : refused) {
    INFO(text);
    const auto uri = dr::ParseUri(text);
    CHECK(uri.status().code() == absl::StatusCode::kInvalidArgument);
    CHECK(dr::AsStd(uri.status().message()).find("hunter2") == std::string_view::npos);
    CHECK(dr::FaultOf(uri.status())->offset <= text.size());
  }
  CHECK_FALSE(dr::ParseUri("a://h/" + std::string(4096, 'x')).ok());
  CHECK_FALSE(dr::ParseUri(std::string_view("a://h/\0", 7)).ok());
}

TEST_CASE("A redacted URI hides the password and what is named like a secret, and parses again") {
  auto uri =
      dr::ParseUri("s3://u%3A:hunter2@h:1/a%20b?secret_key=hunter2&token=hunter2&region=eu%261");
  REQUIRE(uri.ok());
  const std::string shown = uri->Redacted();
  CHECK(shown == "s3://u%3A:***@h:1/a%20b?secret_key=***&token=***&region=eu%261");
  auto again = dr::ParseUri("redis://[::1]:5/x?a=/tmp/s:1");
  REQUIRE(again.ok());
  CHECK(again->Redacted() == "redis://[::1]:5/x?a=/tmp/s:1");
  CHECK(dr::ParseUri("redis://:@h")->Redacted() == "redis://:***@h");
  CHECK(dr::ParseUri("redis://hunter2@h")->Redacted() == "redis://***@h");
  CHECK(dr::ParseUri("s3://b?endpoint=http://u:hunter2%40h")->Redacted() == "s3://b?endpoint=***");
}

TEST_CASE("Parameters nobody reads are refused by name") {
  auto uri = dr::ParseUri("redis://u:hunter2@h?tls=on&tsl=hunter2");
  REQUIRE(uri.ok());
  CHECK(uri->CheckParameters({"tls", "tsl"}).ok());
  const absl::Status status = uri->CheckParameters({"tls", "db"});
  CHECK(status.code() == absl::StatusCode::kInvalidArgument);
  const std::string message(status.message());
  CHECK(message.find("tsl is not known") != std::string::npos);
  CHECK(message.find("use tls, db") != std::string::npos);
  CHECK(message.find("hunter2") == std::string::npos);
}

TEST_CASE("A URI of this machine has a path and nothing before it") {
  CHECK(dr::ParseUri("file:///var/lib?a=1")->CheckLocal().ok());
  for (const char* text :
       {"file://host", "file://host/var", "file://host:1/var", "file://u@h/var"}) {
    INFO(text);
    const absl::Status status = dr::ParseUri(text)->CheckLocal();
    CHECK(absl::IsInvalidArgument(status));
    CHECK(dr::FaultOf(status)->next == "write file:///and/then/the/path");
  }
}

TEST_CASE("A number of a URI has bounds, and what is none is not shown") {
  const auto number = [](const char* text) {
    return dr::ParseUri(std::string("redis://h") + text)->Number("n", 7, {.min = 1, .max = 30});
  };
  CHECK(number("").value() == 7);
  CHECK(number("?n=1").value() == 1);
  CHECK(number("?n=30").value() == 30);
  for (const char* text : {"?n=0", "?n=31", "?n=", "?n=1s", "?n=%2B1", "?n=99999999999999999999"}) {
    INFO(text);
    const absl::Status status = number(text).status();
    CHECK(absl::IsInvalidArgument(status));
    CHECK(std::string(status.message()).find("n is not a number from 1 to 30") !=
          std::string::npos);
  }
}

TEST_CASE("A word of a URI is one that its reader knows") {
  const auto word = [](const char* text) -> absl::StatusOr<std::string> {
    const auto uri = dr::ParseUri(std::string("redis://h") + text);
    const auto found = uri->Word("way", {"refuse", "cut"});
    if (!found.ok()) return found.status();
    return std::string(*found);
  };
  CHECK(*word("") == "refuse");
  CHECK(*word("?way=cut") == "cut");
  const absl::Status status = word("?way=CUT").status();
  CHECK(absl::IsInvalidArgument(status));
  CHECK(dr::FaultOf(status)->next == "write one of refuse, cut");
}

TEST_CASE("What is wrong with a URI is said beside it, without its secrets") {
  const absl::Status status =
      dr::ParseUri("redis://u:hunter2@h?ttl=1")->Refuse("no ttl here", "remove it");
  CHECK(absl::IsInvalidArgument(status));
  CHECK(dr::FaultOf(status)->place == "redis://u:***@h?ttl=1");
  CHECK(dr::FaultOf(status)->next == "remove it");
}

TEST_CASE("Variables of a URI are replaced before it is read") {
  const dr::VariableLookup variables = [](std::string_view name) -> std::optional<std::string> {
    if (name == "STORE") return "redis://u:hunt$er%402@h/0?a=1";
    if (name == "PORT") return "hunter2";
    return std::nullopt;
  };
  auto uri = dr::ParseUri("${STORE}&b=$$2", variables);
  REQUIRE(uri.ok());
  CHECK(uri->password->Reveal() == "hunt$er@2");
  CHECK(uri->Find("b") == "$2");
  const absl::Status missing = dr::ParseUri("redis://u:hunter2@${HOST}/0", variables).status();
  CHECK(missing.code() == absl::StatusCode::kInvalidArgument);
  CHECK(std::string(missing.message()).find("the variable HOST is not set [URI") !=
        std::string::npos);
  const absl::Status wrong = dr::ParseUri("redis://h:${PORT}", variables).status();
  CHECK(wrong.code() == absl::StatusCode::kInvalidArgument);
  for (const absl::Status& status : {missing, wrong}) {
    CHECK(std::string(status.message()).find("hunter2") == std::string::npos);
  }
}

}  // namespace
