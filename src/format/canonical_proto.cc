#include "src/format/canonical_proto.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/wire_format_lite.h>

#include <cstdint>
#include <limits>

#include "src/format/little_endian.h"

namespace dr::inline v0 {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::internal::WireFormatLite;

struct Value {
  bool is_default = false;
  std::string_view bytes = {};  // of a length-delimited one
};

class WireWalk {
 public:
  explicit WireWalk(std::size_t max_elements) : elements_left_(max_elements) {}

  const char* Message(std::string_view bytes, const Descriptor& type) {
    const char* at = bytes.data();
    const char* const end = at + bytes.size();
    std::uint64_t last = 0;
    while (at != end) {
      std::uint64_t tag = 0;
      if ((at = TakeVarint(at, end, &tag)) == nullptr || tag < 8 ||
          tag > std::numeric_limits<std::uint32_t>::max()) {
        return "the body has a tag that is not readable";
      }
      const std::uint64_t number = tag >> 3;
      const auto wire_type = static_cast<unsigned>(tag & 7);
      const FieldDescriptor* field = type.FindFieldByNumber(static_cast<int>(number));
      const bool repeats = field == nullptr || field->is_repeated();
      if (number < last || (number == last && !repeats))
        return "the body's fields are out of order";
      last = number;
      Value value;
      if (!Take(at, end, wire_type, &value)) return "the body has a value that is not readable";
      if (const char* wrong = Field(field, wire_type, value)) return wrong;
    }
    return nullptr;
  }

  bool has_unknown_fields() const { return has_unknown_fields_; }

 private:
  const char* Field(const FieldDescriptor* field, unsigned wire_type, const Value& value) {
    if (field == nullptr) {
      has_unknown_fields_ = true;
      return nullptr;
    }
    const auto type = static_cast<WireFormatLite::FieldType>(field->type());
    if (wire_type != WireFormatLite::WireTypeForFieldType(type)) {
      return "the body has a value of the wrong type";
    }
    if (field->is_repeated() && elements_left_-- == 0) return "the body has too many elements";
    if (!field->is_repeated() && value.is_default) return "the body stores a default value";
    if (field->message_type() != nullptr) return Message(value.bytes, *field->message_type());
    return nullptr;
  }

  static bool Take(const char*& at, const char* end, unsigned wire_type, Value* value) {
    std::uint64_t number = 0;
    switch (wire_type) {
      case WireFormatLite::WIRETYPE_VARINT:
        if ((at = TakeVarint(at, end, &number)) == nullptr) return false;
        value->is_default = number == 0;
        return true;
      case WireFormatLite::WIRETYPE_FIXED64:
        if (end - at < 8) return false;
        value->is_default = LoadLittle<std::uint64_t>(at) == 0;
        at += 8;
        return true;
      case WireFormatLite::WIRETYPE_LENGTH_DELIMITED:
        if ((at = TakeVarint(at, end, &number)) == nullptr) return false;
        if (number > static_cast<std::uint64_t>(end - at)) return false;
        value->bytes = {at, static_cast<std::size_t>(number)};
        value->is_default = number == 0;
        at += number;
        return true;
      default:
        return false;
    }
  }

  std::size_t elements_left_;
  bool has_unknown_fields_ = false;
};

}  // namespace

WireCheck CheckWire(std::string_view bytes, const Descriptor& type, std::size_t max_elements) {
  WireWalk walk(max_elements);
  const char* wrong = walk.Message(bytes, type);
  return {.wrong = wrong, .has_unknown_fields = walk.has_unknown_fields()};
}

}  // namespace dr::inline v0
