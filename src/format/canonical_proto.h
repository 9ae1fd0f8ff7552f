// Protobuf accepts many encodings of one message, and grows a few bytes on the wire into many in
// memory. What dr stores has one encoding, and is measured before it is parsed.
#pragma once

#include <cstddef>
#include <string_view>

namespace google::protobuf {
class Descriptor;
}

namespace dr::inline v0 {

struct WireCheck {
  const char* wrong = nullptr;  ///< what is wrong; null: nothing is
  bool has_unknown_fields = false;
};

/// Checks that `bytes` are a message of `type` in its one encoding: fields in ascending order,
/// singular ones once and never with their default value, varints in their shortest form; and that
/// it has no more than `max_elements` elements of repeated fields, nested ones included.
/// Unknown fields are passed over.
WireCheck CheckWire(std::string_view bytes, const google::protobuf::Descriptor& type,
                    std::size_t max_elements);

}  // namespace dr::inline v0
