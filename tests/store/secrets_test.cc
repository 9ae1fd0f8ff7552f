// Secrets in every place where one may stand, rightly or by mistake, and every error that a URI can
// have: none shows one. tests/secrets/canaries.py looks for the same in all that the tests print.
#include <stdlib.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <string>
#include <vector>

#include "dr/adapter/adapter_registry.h"
#include "dr/adapters/s3.h"
#include "dr/config.h"
#include "dr/status.h"
#include "fmt/format.h"
#include "tests/support/machine.h"
#include "tests/support/temp_directory.h"

namespace dr::test {
namespace {

constexpr std::string_view kMark = "drcanary";
constexpr std::chrono::seconds kSoon(5);

// An error, and nothing in it that a program could print.
void RefusesInSilence(const absl::Status& status) {
  CHECK_FALSE(status.ok());
  std::string all = status.ToString();
  if (const auto fault = FaultOf(status)) all += fault->place + fault->next;
  CHECK((all.find(kMark) == std::string::npos));
}

TEST_CASE("S4-14: A secret in any place of a URI is in no error of any adapter") {
  const std::string_view uris[] = {
      "{}://u:drcanary-password@127.0.0.1:1/1",
      "{}://:drcanary-password@127.0.0.1:1/1",
      "{}://drcanary-user@127.0.0.1:1/1",
      "{}://u:drcanary-password@no-such-host.invalid/1",
      "{}://u:drcanary-password@127.0.0.1:1",
      "{}://u:drcanary-password@127.0.0.1:1/1?nonsense=1",
      "{}://u:drcanary-password@127.0.0.1:1/1?namespace=",
      "{}://u:p@127.0.0.1:1/1?nonsense=drcanary-parameter",
      "{}://u:p@127.0.0.1:1/1?password=drcanary-parameter",
      "{}://127.0.0.1:1/1?pw=drcanary-parameter&sslmode=nonsense",
      "{}:///drcanaries/%00?secret_key=drcanary-parameter",
      "{}:///proc/none?access_token=drcanary-parameter",
      "{}://u:drcanary-password@127.0.0.1:99999/1",
      "{}://u@127.0.0.1:drcanary-port/1",
      "{}://u:drcanary-password@@127.0.0.1/1",
      "{}://u:drcanary-password/@127.0.0.1/1",
      "{}://u:drcanary-password?@127.0.0.1/1",
      "{}://u:drcanary-password#@127.0.0.1/1",
      "{}://u:drcanary:password@127.0.0.1/1",
      "{}://u:drcanary-%zz@127.0.0.1/1",
      "{}://u:drcanary-password@",
      "{}://u:drcanary-password@127.0.0.1/../1",
      "{}://u:drcanary password@127.0.0.1/1",
      "{}://u:drcanary-password@${{NO_SUCH_VARIABLE}}/1",
      "{}://u:drcanary$password@127.0.0.1/1",
      "{}://${{SECRET}}@127.0.0.1:1/1",
      "{}://u:${{SECRET}}@127.0.0.1:1/1?nonsense=1",
      "{}://u:p@127.0.0.1:${{SECRET}}/1",
      "{}://bucket/p?endpoint=http://u:drcanary-endpoint%40127.0.0.1:1",
      "{}://bucket/p?endpoint=drcanary-endpoint%40",
      "{}:drcanary-password",
  };
  Machine machine;
  const AdapterRegistry adapters = LinkedAdapters();
  machine.environment.variables = [](std::string_view name) {
    return name == "SECRET" ? std::optional<std::string>("drcanary-variable") : std::nullopt;
  };
  std::vector<std::string> schemes = adapters.Schemes();
  REQUIRE(schemes.size() >= 11);
  schemes.emplace_back("nosuch");
  for (const std::string& scheme : schemes) {
    for (const std::string_view& pattern : uris) {
      const std::string uri = fmt::format(fmt::runtime(pattern), scheme);
      INFO(scheme << " " << (&pattern - uris));
      RefusesInSilence(adapters.Open(uri, machine.environment, machine.Within(kSoon)).status());
    }
  }
}

TEST_CASE("S4-14: Keys of S3 are in no error, wherever they come from") {
  Machine machine;
  const AdapterRegistry adapters = LinkedAdapters();
  TempDirectory temp;
  const std::string uri = "s3://bucket/p?endpoint=http://127.0.0.1:1";
  const auto open = [&](const std::string& more = "") {
    return adapters.Open(uri + more, machine.environment, machine.Within(kSoon)).status();
  };
  setenv("AWS_ACCESS_KEY_ID", "AKIA", 1);
  for (const char* secret : {"drcanary-environment", "drcanary with blanks", "drcanary\nline"}) {
    setenv("AWS_SECRET_ACCESS_KEY", secret, 1);
    setenv("AWS_SESSION_TOKEN", "drcanary-token", 1);
    RefusesInSilence(open());
  }
  for (const char* name : {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}) {
    unsetenv(name);
  }
  setenv("AWS_SHARED_CREDENTIALS_FILE", (temp / "keys").c_str(), 1);
  for (const char* text : {"[default]\naws_access_key_id=A\naws_secret_access_key=drcanary-file\n",
                           "[default]\naws_secret_access_key = drcanary-file\n",
                           "drcanary-file\n[other\naws_secret_access_key=drcanary-file"}) {
    std::ofstream(temp / "keys") << text;
    RefusesInSilence(open());
    RefusesInSilence(open("&profile=other"));
  }
  unsetenv("AWS_SHARED_CREDENTIALS_FILE");
  AdapterRegistry own;
  REQUIRE(RegisterS3(own, [](const Context&) -> absl::StatusOr<S3Credentials> {
            return S3Credentials{.access_key_id = "A",
                                 .secret_access_key = Secret("drcanary-callback"),
                                 .session_token = Secret("drcanary-callback-token")};
          }).ok());
  RefusesInSilence(own.Open(uri, machine.environment, machine.Within(kSoon)).status());
}

TEST_CASE("S4-14: What a configuration takes from variables is in no error") {
  const VariableLookup secret = [](std::string_view) { return "redis://u:drcanary-yaml@h:x"; };
  for (std::string_view line :
       {"url: ${A}", "redis_url: ${A}", "ttl: ${A}", "directory: a\n  durability: ${A}",
        "snapshots_kept: ${A}", "urll: ${A}", "url: [${A}]", "redis_url: ${A"}) {
    INFO(line);
    RefusesInSilence(
        ParseHostOptions(fmt::format("state_persistence:\n  adapter: redis\n  {}", line), "x.yaml",
                         secret)
            .status());
  }
  RefusesInSilence(ParseHostOptions("redis://u:drcanary-yaml@h/0: 1", "x.yaml").status());
  RefusesInSilence(ParseHostOptions("state_persistence: 'drcanary-yaml", "x.yaml").status());
}

}  // namespace
}  // namespace dr::test
