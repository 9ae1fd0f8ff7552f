#include "adapters/s3/xml.h"

#include <catch2/catch.hpp>
#include <string>

#include "fmt/format.h"

namespace dr::s3_test {
namespace {

TEST_CASE("A listing that is cut, of another kind or with a document type is refused") {
  const std::string good =
      "<?xml version=\"1.0\"?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
      "<IsTruncated>true</IsTruncated><EncodingType>url</EncodingType>"
      "<Contents><Key>a%2Fb%26</Key><Size>24</Size></Contents></ListBucketResult>";
  const absl::StatusOr<S3Listing> listing = ParseS3Listing(good);
  REQUIRE(listing.ok());
  CHECK(listing->truncated);
  REQUIRE(listing->objects.size() == 1);
  CHECK(listing->objects[0].name == "a/b&");
  CHECK(listing->objects[0].bytes == 24);
  for (std::size_t cut = 0; cut < good.size(); ++cut) {
    CHECK_FALSE(ParseS3Listing(good.substr(0, cut)).ok());
  }
  CHECK_FALSE(ParseS3Listing("<!DOCTYPE x [<!ENTITY a \"b\">]>" + good.substr(21)).ok());
  CHECK_FALSE(ParseS3Listing("<Error><Code>SlowDown</Code></Error>").ok());
}

TEST_CASE("Names in a listing are decoded where the store says that they are encoded") {
  for (const bool is_encoded : {true, false}) {
    const auto listing = ParseS3Listing(fmt::format(
        "<ListBucketResult><IsTruncated>false</IsTruncated>"
        "<Contents><Key>a%2Fb&amp;</Key><Size>24</Size></Contents>{}</ListBucketResult>",
        is_encoded ? "<EncodingType>url</EncodingType>" : ""));
    REQUIRE(listing.ok());
    CHECK(listing->objects.at(0).name == (is_encoded ? "a/b&" : "a%2Fb&"));
  }
  for (const char* name : {"a%2", "a%2g", "%", ""}) {
    INFO(name);
    CHECK_FALSE(ParseS3Listing(fmt::format("<ListBucketResult><IsTruncated>false</IsTruncated>"
                                           "<EncodingType>url</EncodingType><Contents><Key>{}</Key>"
                                           "<Size>24</Size></Contents></ListBucketResult>",
                                           name))
                    .ok());
  }
}

TEST_CASE("An error document says its code") {
  const auto error =
      ParseS3Error("<Error><Code>SlowDown</Code><Message>a &amp; b</Message></Error>");
  REQUIRE(error);
  CHECK(error->code == "SlowDown");
  CHECK(error->message == "a & b");
  CHECK_FALSE(ParseS3Error("<ListBucketResult/>"));
  CHECK_FALSE(ParseS3Error(""));
}

}  // namespace
}  // namespace dr::s3_test
