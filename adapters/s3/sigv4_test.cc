#include "adapters/s3/sigv4.h"

#include <catch2/catch.hpp>
#include <string>

namespace dr::s3_test {
namespace {

S3Credentials Example() {
  return {.access_key_id = "AKIAIOSFODNN7EXAMPLE",
          .secret_access_key = Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")};
}

std::string SignatureOf(const S3Request& request) {
  const absl::Time time = absl::FromCivil(absl::CivilSecond(2013, 5, 24), absl::UTCTimeZone());
  const std::string authorization =
      SignedHeaders(request, Example(), "us-east-1", time).back().second;
  return authorization.substr(authorization.rfind('=') + 1);
}

TEST_CASE("Signatures are those that AWS publishes for its examples") {
  const std::string host = "examplebucket.s3.amazonaws.com";
  CHECK(SignatureOf({.method = "GET",
                     .host = host,
                     .path = "/test.txt",
                     .headers = {{"range", "bytes=0-9"}}}) ==
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
  CHECK(SignatureOf({.method = "PUT",
                     .host = host,
                     .path = "/" + PercentEncode("test$file.text", Slash::kKeep),
                     .headers = {{"date", "Fri, 24 May 2013 00:00:00 GMT"},
                                 {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
                     .body = "Welcome to ",
                     .more_body = "Amazon S3."}) ==
        "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
  CHECK(SignatureOf({.method = "GET", .host = host, .query = {{"lifecycle", ""}}}) ==
        "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
  CHECK(
      SignatureOf({.method = "GET", .host = host, .query = {{"prefix", "J"}, {"max-keys", "2"}}}) ==
      "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

}  // namespace
}  // namespace dr::s3_test
