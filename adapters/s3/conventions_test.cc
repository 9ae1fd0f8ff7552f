// What AWS's own tools make of the environment, their files and a bucket's name.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <latch>
#include <map>
#include <optional>
#include <string>
#include <thread>

#include "adapters/s3/credentials.h"
#include "adapters/s3/options.h"
#include "dr/status.h"
#include "fmt/format.h"
#include "tests/support/temp_directory.h"

namespace dr {
namespace {

constexpr const char* kVariables[] = {"AWS_ACCESS_KEY_ID",
                                      "AWS_SECRET_ACCESS_KEY",
                                      "AWS_SESSION_TOKEN",
                                      "AWS_SECURITY_TOKEN",
                                      "AWS_PROFILE",
                                      "AWS_DEFAULT_PROFILE",
                                      "AWS_SHARED_CREDENTIALS_FILE",
                                      "AWS_CONFIG_FILE",
                                      "AWS_WEB_IDENTITY_TOKEN_FILE",
                                      "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                                      "AWS_REGION",
                                      "AWS_DEFAULT_REGION",
                                      "AWS_ENDPOINT_URL",
                                      "AWS_ENDPOINT_URL_S3",
                                      "AWS_CA_BUNDLE",
                                      "AWS_USE_FIPS_ENDPOINT",
                                      "HOME"};

// An environment and files of the test's own; what there was is there again afterwards.
class Environment {
 public:
  Environment(std::string_view credentials, std::string_view config) {
    for (const char* name : kVariables) {
      if (const char* value = std::getenv(name); value != nullptr) before_[name] = value;
      unsetenv(name);
    }
    REQUIRE(std::system(("mkdir " + folder_ / ".aws").c_str()) == 0);
    std::ofstream(folder_ / ".aws/credentials") << credentials;
    std::ofstream(folder_ / ".aws/config") << config;
    Set("HOME", folder_ / ".");
  }
  ~Environment() {
    for (const char* name : kVariables) unsetenv(name);
    for (const auto& [name, value] : before_) setenv(name.c_str(), value.c_str(), 1);
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

  static void Set(const char* name, const std::string& value) { setenv(name, value.c_str(), 1); }
  std::string Write(const std::string& name, std::string_view text) {
    std::ofstream(folder_ / name) << text;
    return folder_ / name;
  }
  absl::StatusOr<S3Credentials> Keys(std::string_view profile = "") {
    return FindS3Credentials(files_, profile);
  }
  std::string Id(std::string_view profile = "") {
    const auto keys = Keys(profile);
    return keys.ok() ? keys->access_key_id : std::string(AsStd(keys.status().message()));
  }
  absl::StatusOr<S3Options> Options(const std::string& uri) {
    const auto parsed = ParseUri(uri);
    REQUIRE(parsed.ok());
    const auto defaults = FindS3Defaults(files_, *parsed);
    if (!defaults.ok()) return defaults.status();
    return ReadS3Options(*parsed, *defaults);
  }

 private:
  test::TempDirectory folder_;
  PosixFileSystem files_;
  std::map<std::string, std::string> before_;
};

constexpr std::string_view kCredentials =
    "[default]\naws_access_key_id = DEFAULT\naws_secret_access_key = s\n"
    "[prod]\naws_access_key_id = PROD\naws_secret_access_key = s\naws_security_token = t\n"
    "[assumed]\naws_access_key_id = WRONG\naws_secret_access_key = s\n";
constexpr std::string_view kConfig =
    "[default]\nregion = eu-west-1\n"
    "[profile prod]\nregion = eu-central-1\ns3 =\n  region = nested\nendpoint_url = http://h:9\n"
    "[profile assumed]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = default\n"
    "[profile made]\ncredential_process = /bin/make-keys\n"
    "[profile there]\naws_access_key_id = THERE\naws_secret_access_key = s\n"
    "[profile named]\nservices = mine\n";

TEST_CASE("the profile that AWS_PROFILE names is used and not the default one (K51)") {
  Environment environment(kCredentials, kConfig);
  CHECK(environment.Id() == "DEFAULT");
  environment.Set("AWS_DEFAULT_PROFILE", "there");
  CHECK(environment.Id() == "THERE");  // of the other file
  environment.Set("AWS_PROFILE", "prod");
  CHECK(environment.Id() == "PROD");
  CHECK(environment.Keys()->session_token.Reveal() == "t");
  CHECK(environment.Id("default") == "DEFAULT");  // the URI's goes first
  environment.Set("AWS_PROFILE", "missing");
  CHECK(environment.Id().find("\"missing\"") != std::string::npos);
  CHECK(absl::IsUnauthenticated(environment.Keys().status()));
}

TEST_CASE("keys of the environment go before files and a profile of the URI before them (K51)") {
  Environment environment(kCredentials, kConfig);
  environment.Set("AWS_PROFILE", "prod");
  environment.Set("AWS_ACCESS_KEY_ID", "ENVIRONMENT");
  CHECK(absl::IsUnauthenticated(environment.Keys().status()));  // half of a pair
  environment.Set("AWS_SECRET_ACCESS_KEY", "s");
  environment.Set("AWS_SECURITY_TOKEN", "old name");
  CHECK(absl::IsUnauthenticated(environment.Keys().status()));  // with a blank
  environment.Set("AWS_SESSION_TOKEN", "new");
  CHECK(environment.Id() == "ENVIRONMENT");
  CHECK(environment.Keys()->session_token.Reveal() == "new");
  CHECK(environment.Id("prod") == "PROD");
}

TEST_CASE("files are where the variables say (K51)") {
  Environment environment(kCredentials, kConfig);
  environment.Set("AWS_SHARED_CREDENTIALS_FILE",
                  environment.Write("a",
                                    "[default]\naws_access_key_id=A\n"
                                    "aws_secret_access_key=s\n"));
  CHECK(environment.Id() == "A");
  environment.Set("AWS_CONFIG_FILE", environment.Write("b",
                                                       "[profile x]\naws_access_key_id=B\n"
                                                       "aws_secret_access_key=s\n"));
  CHECK(environment.Id("x") == "B");
  CHECK(environment.Id("prod").find("no profile") != std::string::npos);
}

TEST_CASE("keys that would come another way are refused by its name (K51)") {
  Environment environment(kCredentials, kConfig);
  CHECK(environment.Id("assumed").find("role_arn") != std::string::npos);
  CHECK(environment.Id("made").find("credential_process") != std::string::npos);
  environment.Set("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.2/");
  CHECK(environment.Id() == "DEFAULT");  // files go before it
  CHECK(environment.Id("missing").find("AWS_CONTAINER") != std::string::npos);
  environment.Set("AWS_WEB_IDENTITY_TOKEN_FILE", "/token");
  CHECK(environment.Id().find("AWS_WEB_IDENTITY_TOKEN_FILE") != std::string::npos);
  CHECK(environment.Id("prod") == "PROD");
}

TEST_CASE("region and endpoint come from where AWS's tools take them (K51)") {
  Environment environment(kCredentials, kConfig);
  CHECK(environment.Options("s3://bucket")->region == "eu-west-1");
  CHECK(environment.Options("s3://bucket")->origin == "https://bucket.s3.eu-west-1.amazonaws.com");
  CHECK(environment.Options("s3://bucket?profile=prod")->region == "eu-central-1");
  CHECK(environment.Options("s3://bucket?profile=prod")->origin == "http://h:9");
  environment.Set("AWS_DEFAULT_REGION", "a-1");
  CHECK(environment.Options("s3://bucket?profile=prod")->region == "a-1");
  environment.Set("AWS_REGION", "b-1");
  environment.Set("AWS_CA_BUNDLE", "/ca.pem");
  CHECK(environment.Options("s3://bucket")->region == "b-1");
  CHECK(environment.Options("s3://bucket")->ca == "/ca.pem");
  CHECK(environment.Options("s3://bucket?region=c-1&ca=/other")->region == "c-1");
  CHECK(environment.Options("s3://bucket?region=c-1&ca=/other")->ca == "/other");
  CHECK(absl::IsInvalidArgument(environment.Options("s3://bucket?profile=named").status()));
  environment.Set("AWS_USE_FIPS_ENDPOINT", "true");
  CHECK(absl::IsInvalidArgument(environment.Options("s3://bucket").status()));
  CHECK(environment.Options("s3://bucket?endpoint=http://e:1").ok());
  environment.Set("AWS_ENDPOINT_URL", "http://e:1");
  environment.Set("AWS_ENDPOINT_URL_S3", "http://e:2");
  CHECK(environment.Options("s3://bucket")->origin == "http://e:2");
}

TEST_CASE("a bucket's name is taken as it is written (K52)") {
  Environment environment("", "");
  const auto options = environment.Options("s3://My_Bucket/a");
  REQUIRE(options.ok());
  CHECK(options->path == "/My_Bucket/");
  CHECK(options->host == "s3.us-east-1.amazonaws.com");
  CHECK(environment.Options("s3://my_bucket")->path == "/my_bucket/");
  CHECK(environment.Options("s3://My_Bucket?endpoint=http://E:1")->origin == "http://e:1");
  CHECK(absl::IsInvalidArgument(environment.Options("s3://My-Bucket?style=virtual").status()));
  CHECK(environment.Options("s3://one,two").status().message().find("list of hosts") !=
        absl::string_view::npos);
}

TEST_CASE("who waits for keys that another asks for heeds its own context (K90)") {
  SystemClock clock;
  std::latch inside(1), go(1);
  int asked = 0;
  S3KeyHolder holder(
      [&](const Context&) -> absl::StatusOr<S3Credentials> {
        ++asked;
        inside.count_down();
        go.wait();
        return S3Credentials{.access_key_id = "A"};
      },
      clock);
  std::thread first([&] { static_cast<void>(holder.Current({})); });
  inside.wait();
  const Context soon{.deadline = clock.Now() + std::chrono::milliseconds(20)};
  CHECK(absl::IsDeadlineExceeded(holder.Current(soon).status()));
  std::stop_source source;
  std::jthread stopping([&] { source.request_stop(); });
  CHECK(absl::IsCancelled(holder.Current({.stop = source.get_token()}).status()));
  go.count_down();
  first.join();
  CHECK((*holder.Current({}))->access_key_id == "A");
  CHECK(asked == 1);
}

}  // namespace
}  // namespace dr
