#include "src/format/canonical_proto.h"

#include <catch2/catch.hpp>
#include <string>
#include <string_view>

#include "src/format/manifest.pb.h"

namespace dr::testing {
namespace {

using namespace std::string_literals;

WireCheck Check(std::string_view bytes, std::size_t max_elements = 10) {
  return CheckWire(bytes, *format::v1::Manifest::descriptor(), max_elements);
}
std::string Wrong(std::string_view bytes) {
  const WireCheck check = Check(bytes);
  return check.wrong == nullptr ? "" : check.wrong;
}

TEST_CASE("What the library writes is canonical") {
  format::v1::Manifest body;
  CHECK(Wrong(body.SerializeAsString()).empty());
  body.set_sequence(300);
  body.set_log_low(7);
  body.set_created_ns(-1);
  body.add_required_features("a");
  body.add_required_features("");
  for (int i = 0; i < 2; ++i) {
    auto* component = body.add_components();
    component->set_component("c");
    component->add_chunks()->set_key("k");
    component->add_chunks();
  }
  CHECK(Wrong(body.SerializeAsString()).empty());
  CHECK_FALSE(Check(body.SerializeAsString()).has_unknown_fields);
}

TEST_CASE("F7: every other encoding of the same message is refused") {
  CHECK(Wrong("\x08\x05\x20\x06"s).empty());
  CHECK(Wrong("\x20\x06\x08\x05"s) == "the body's fields are out of order");
  CHECK(Wrong("\x08\x05\x08\x05"s) == "the body's fields are out of order");
  CHECK(Wrong("\x08\x85\x00"s) == "the body has a value that is not readable");
  CHECK(Wrong("\x88\x00\x05"s) == "the body has a tag that is not readable");
  CHECK(Wrong("\x08\x00"s) == "the body stores a default value");
  CHECK(Wrong("\x11\x00\x00\x00\x00\x00\x00\x00\x00"s) == "the body stores a default value");
  CHECK(Wrong("\x09\x05\x00\x00\x00\x00\x00\x00\x00"s) == "the body has a value of the wrong type");
  CHECK(Wrong("\x52\x02\x0a\x00"s) == "the body stores a default value");  // nested
}

TEST_CASE("Bodies that are cut off, grouped or numbered beyond bounds are refused") {
  for (const std::string& cut :
       {"\x08"s, "\x11\x01"s, "\x4a\x05xy"s, "\x4a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"s}) {
    CHECK(Wrong(cut) == "the body has a value that is not readable");
  }
  CHECK_FALSE(Wrong("\x0b\x0c"s).empty());
  CHECK_FALSE(Wrong("\x00\x01"s).empty());
  CHECK_FALSE(Wrong("\x88\x80\x80\x80\x80\x01\x01"s).empty());
}

TEST_CASE("Unknown fields are passed over and reported") {
  const WireCheck check = Check("\x08\x05\xa0\x01\x05\xa0\x01\x06"s);
  CHECK(check.wrong == nullptr);
  CHECK(check.has_unknown_fields);
}

TEST_CASE("Elements are counted through all levels") {
  format::v1::Manifest body;
  for (int i = 0; i < 3; ++i) body.add_components()->add_chunks()->set_key("k");
  CHECK(Check(body.SerializeAsString(), 6).wrong == nullptr);
  CHECK(Check(body.SerializeAsString(), 5).wrong != nullptr);
}

}  // namespace
}  // namespace dr::testing
