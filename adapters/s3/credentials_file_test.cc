#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "adapters/s3/credentials.h"
#include "dr/status.h"
#include "tests/support/temp_directory.h"

namespace dr::testing {
namespace {

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
}  // namespace dr::testing
