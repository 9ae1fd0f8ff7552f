#include "adapters/s3/credentials.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "dr/status.h"
#include "tests/support/temp_directory.h"

namespace dr::test {
namespace {

TEST_CASE("A profile of the shared file is found, and nothing of the file is in an error") {
  const std::string text =
      "# keys\n[default]\naws_access_key_id = A\naws_secret_access_key=canary-1\n\n[other]\n"
      "aws_access_key_id=B\r\naws_secret_access_key = canary-2\r\naws_session_token = T\n[half]\n"
      "aws_secret_access_key = canary-3\n";
  const auto keys = ParseS3Credentials(text, "default", "file");
  REQUIRE(keys.ok());
  CHECK(keys->access_key_id == "A");
  CHECK(keys->secret_access_key.Reveal() == "canary-1");
  CHECK(keys->session_token.empty());
  CHECK(ParseS3Credentials(text, "other", "file")->session_token.Reveal() == "T");
  for (const char* profile : {"half", "missing"}) {
    const absl::Status status = ParseS3Credentials(text, profile, "file").status();
    CHECK(absl::IsUnauthenticated(status));
    CHECK(status.ToString().find("canary") == std::string::npos);
  }
}

TEST_CASE("credentials may be reached through links as in a ConfigMap (K55)") {
  TempDirectory temp;
  std::filesystem::create_directory(temp / "..now");
  std::ofstream(temp / "..now/credentials")
      << "[linked]\naws_access_key_id = AKID\naws_secret_access_key = c4n4ry\n";
  std::filesystem::create_symlink("..now", temp / "..data");
  std::filesystem::create_symlink("..data/credentials", temp / "credentials");
  const char* const before = std::getenv("AWS_SHARED_CREDENTIALS_FILE");
  const std::string old = before == nullptr ? "" : before;
  setenv("AWS_SHARED_CREDENTIALS_FILE", (temp / "credentials").c_str(), 1);
  PosixFileSystem files;
  const absl::StatusOr<S3Credentials> keys = FindS3Credentials(files, "linked");
  if (before == nullptr) {
    unsetenv("AWS_SHARED_CREDENTIALS_FILE");
  } else {
    setenv("AWS_SHARED_CREDENTIALS_FILE", old.c_str(), 1);
  }
  INFO(keys.status());
  REQUIRE(keys.ok());
  CHECK(keys->access_key_id == "AKID");
}

}  // namespace
}  // namespace dr::test
