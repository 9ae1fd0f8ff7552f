#include "src/format/canonical_proto.h"

#include <catch2/catch.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "src/format/repository.pb.h"

namespace dr::test {
namespace {

using namespace std::string_literals;

// As much of repository.proto as the tests need.
struct Point {
  std::string name = {};
  std::uint32_t version = 0;
  std::vector<Point> inner = {};
};
struct Line {
  std::uint64_t number = 0, count = 0, time = 0;
  std::vector<std::string> features = {};
  std::vector<Point> points = {};
};

constexpr auto kInnerFields = [](auto& wire, Point& point) { wire.Bytes(1, point.name); };
constexpr auto kPointFields = [](auto& wire, Point& point) {
  wire.Bytes(1, point.name);
  wire.Varint(3, point.version);
  wire.Repeated(9, point.inner, kInnerFields);
};
constexpr auto kLineFields = [](auto& wire, Line& line) {
  wire.Varint(1, line.number);
  wire.Varint(4, line.count);
  wire.Fixed64(6, line.time);
  wire.Repeated(7, line.features);
  wire.Repeated(8, line.points, kPointFields);
};

ProtoCheck Check(std::string_view bytes, std::size_t max_elements = 10) {
  Line line;
  return DecodeCanonical(bytes, line, kLineFields, max_elements);
}
std::string Wrong(std::string_view bytes) {
  const ProtoCheck check = Check(bytes);
  return check.wrong == nullptr ? "" : check.wrong;
}

TEST_CASE("What is written is what Protobuf writes and reads, and comes back (K1)") {
  format::v1::Manifest body;
  Line line;
  CHECK(EncodeCanonical(line, kLineFields).empty());
  body.set_as_of(line.number = 300);
  body.set_claim_number(line.count = ~0ULL);
  body.set_last_time_ns(-1);
  line.time = ~0ULL;
  line.features = {"a", ""};
  for (const std::string& feature : line.features) body.add_required_features(feature);
  line.points = {{}, {.name = "c", .version = ~0U, .inner = {{.name = "k"}, {}}}};
  body.add_components();
  auto* component = body.add_components();
  component->set_component("c");
  component->set_schema_version(~0U);
  component->add_objects()->set_name("k");
  component->add_objects();
  const std::string bytes = body.SerializeAsString();
  CHECK((EncodeCanonical(line, kLineFields) == bytes));  // as no text
  Line again{.count = 1, .features = {"old"}, .points = {{}}};
  const ProtoCheck check = DecodeCanonical(bytes, again, kLineFields, 10);
  CHECK(check.wrong == nullptr);
  CHECK_FALSE(check.has_unknown_fields);
  CHECK((EncodeCanonical(again, kLineFields) == bytes));
}

TEST_CASE("Numbers keep to what their field can hold") {
  CHECK(Wrong("\x42\x06\x18\xff\xff\xff\xff\x0f"s).empty());
  CHECK(Wrong("\x42\x06\x18\x80\x80\x80\x80\x10"s) == "the body has a value that is not readable");
}

TEST_CASE("F7: every other encoding of the same message is refused") {
  CHECK(Wrong("\x08\x05\x20\x06"s).empty());
  CHECK(Wrong("\x20\x06\x08\x05"s) == "the body's fields are out of order");
  CHECK(Wrong("\x08\x05\x08\x05"s) == "the body's fields are out of order");
  CHECK(Wrong("\x08\x85\x00"s) == "the body has a value that is not readable");
  CHECK(Wrong("\x88\x00\x05"s) == "the body has a tag that is not readable");
  CHECK(Wrong("\x08\x00"s) == "the body stores a default value");
  CHECK(Wrong("\x31\x00\x00\x00\x00\x00\x00\x00\x00"s) == "the body stores a default value");
  CHECK(Wrong("\x09\x05\x00\x00\x00\x00\x00\x00\x00"s) == "the body has a value of the wrong type");
  CHECK(Wrong("\x42\x02\x0a\x00"s) == "the body stores a default value");  // nested
}

TEST_CASE("Bodies that are cut off, grouped or numbered beyond bounds are refused") {
  for (const std::string& cut :
       {"\x08"s, "\x31\x01"s, "\x3a\x05xy"s, "\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"s}) {
    CHECK(Wrong(cut) == "the body has a value that is not readable");
  }
  CHECK_FALSE(Wrong("\x0b\x0c"s).empty());
  CHECK_FALSE(Wrong("\x00\x01"s).empty());
  CHECK_FALSE(Wrong("\x88\x80\x80\x80\x80\x01\x01"s).empty());
}

TEST_CASE("Unknown fields are passed over and reported") {
  const ProtoCheck check = Check("\x08\x05\xa0\x01\x05\xa0\x01\x06"s);
  CHECK(check.wrong == nullptr);
  CHECK(check.has_unknown_fields);
}

TEST_CASE("Elements are counted through all levels, and none is kept of a text with too many") {
  Line line{.points = std::vector<Point>(3, {.inner = {{.name = "k"}}})};
  const std::string bytes = EncodeCanonical(line, kLineFields);
  CHECK(Check(bytes, 6).wrong == nullptr);
  Line untouched;
  CHECK(DecodeCanonical(bytes, untouched, kLineFields, 5).wrong != nullptr);
  CHECK(untouched.points.empty());
}

}  // namespace
}  // namespace dr::test
