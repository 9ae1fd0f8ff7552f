// Protobuf messages in one encoding: fields in ascending order, singular ones once and never with
// their default value, varints in their shortest form. Written by hand, since the generated code of
// a library registers its messages for the whole process, where a second copy of dr would collide.
//
//   constexpr auto kPointFields = [](auto& wire, Point& point) {     // one list for both ways
//     wire.Varint(1, point.x);
//     wire.Repeated(2, point.tags);
//   };
//   std::string bytes = EncodeCanonical(point, kPointFields);
//   ProtoCheck check = DecodeCanonical(bytes, point, kPointFields, 100);
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/format/little_endian.h"

namespace dr::inline v0 {

/// Appends the fields of a message. Numbers ascend.
class ProtoWriter {
 public:
  void Varint(std::uint32_t number, std::uint64_t value);
  void Fixed64(std::uint32_t number, std::uint64_t value);
  void Bytes(std::uint32_t number, std::string_view value);
  void Flag(std::uint32_t number, bool value) { Varint(number, value ? 1 : 0); }
  /// All zero is the default.
  template <std::size_t kSize>
  void Array(std::uint32_t number, const std::array<char, kSize>& value) {
    if (value != std::array<char, kSize>{}) Element(number, {value.data(), kSize});
  }
  void Repeated(std::uint32_t number, const std::vector<std::string>& values);
  template <typename Message, typename Fields>
  void Repeated(std::uint32_t number, std::vector<Message>& messages, const Fields& fields) {
    for (Message& message : messages) One(number, message, fields);
  }
  template <typename Message, typename Fields>
  void Optional(std::uint32_t number, std::optional<Message>& message, const Fields& fields) {
    if (message) One(number, *message, fields);
  }
  std::string Take() && { return std::move(bytes_); }

 private:
  void Number(std::uint64_t value);
  void Element(std::uint32_t number, std::string_view value);
  template <typename Message, typename Fields>
  void One(std::uint32_t number, Message& message, const Fields& fields) {
    ProtoWriter nested;
    fields(nested, message);
    Element(number, nested.bytes_);
  }

  std::string bytes_;
};

struct ProtoCheck {
  const char* wrong = nullptr;  ///< what is wrong; null: nothing is
  bool has_unknown_fields = false;
};

/// Reads the fields of a message. After an error nothing more is read.
class ProtoReader {
 public:
  /// What the messages of one text share.
  struct State {
    ProtoCheck check = {};
    std::size_t elements_left = 0;  ///< of repeated fields, nested ones included
    bool keeps = false;             ///< false: elements are looked at and not kept
  };

  ProtoReader(std::string_view bytes, State& state);

  template <std::unsigned_integral Integer>
  void Varint(std::uint32_t number, Integer& value) {
    value = 0;
    if (!TakeSingular(number, kVarint)) return;
    value = static_cast<Integer>(integer_);
    if (value != integer_) Refuse("the body has a value that is not readable");
    Advance();
  }
  void Fixed64(std::uint32_t number, std::uint64_t& value);
  void Bytes(std::uint32_t number, std::string& value);
  void Flag(std::uint32_t number, bool& value) {
    std::uint64_t stored = 0;
    Varint(number, stored);
    if (stored > 1) Refuse("the body has a value that is not readable");
    value = stored == 1;
  }
  template <std::size_t kSize>
  void Array(std::uint32_t number, std::array<char, kSize>& value) {
    value = {};
    if (!TakeSingular(number, kBytes)) return;
    if (bytes_.size() != kSize) return Refuse("the body has a value that is not readable");
    bytes_.copy(value.data(), kSize);
    if (value == std::array<char, kSize>{}) return Refuse("the body stores a default value");
    Advance();
  }
  /// What has no field at all cannot be told from what is not there, and is refused.
  template <typename Message, typename Fields>
  void Optional(std::uint32_t number, std::optional<Message>& message, const Fields& fields) {
    message.reset();
    if (!TakeSingular(number, kBytes)) return;
    ProtoReader nested(bytes_, state_);
    fields(nested, message.emplace());
    nested.Finish();
    Advance();
  }
  void Repeated(std::uint32_t number, std::vector<std::string>& values);
  template <typename Message, typename Fields>
  void Repeated(std::uint32_t number, std::vector<Message>& messages, const Fields& fields) {
    messages.clear();
    Message ignored;
    while (TakeElement(number)) {
      ProtoReader nested(bytes_, state_);
      fields(nested, state_.keeps ? messages.emplace_back() : ignored);
      nested.Finish();
      Advance();
    }
  }
  /// What follows are unknown fields.
  void Finish() { Skip(kEnd); }

 private:
  static constexpr std::uint32_t kEnd = ~0U;
  static constexpr unsigned kVarint = 0, kFixed64 = 1, kBytes = 2;

  void Refuse(const char* what) {
    if (state_.check.wrong == nullptr) state_.check.wrong = what;
    number_ = kEnd;
  }
  /// To the next field, and takes its value.
  void Advance();
  bool TakeValue();
  void Skip(std::uint32_t up_to);
  bool TakeSingular(std::uint32_t number, unsigned type);
  bool TakeElement(std::uint32_t number);

  const char* at_;
  const char* const end_;
  State& state_;
  // Of the field that is next.
  std::uint32_t number_ = 0;
  unsigned type_ = 0;
  std::uint64_t integer_ = 0;
  std::string_view bytes_ = {};
  std::uint32_t last_singular_ = 0;  ///< the last field taken, if it may not come again
};

template <typename Message, typename Fields>
std::string EncodeCanonical(Message& message, const Fields& fields) {
  ProtoWriter writer;
  fields(writer, message);
  return std::move(writer).Take();
}

/// Fills `message` from `bytes`, or says what is wrong with them: not this one encoding, or more
/// than `max_elements`, which is found out before any element is kept. Unknown fields are passed
/// over.
template <typename Message, typename Fields>
ProtoCheck DecodeCanonical(std::string_view bytes, Message& message, const Fields& fields,
                           std::size_t max_elements) {
  ProtoCheck check;
  for (bool keeps : {false, true}) {
    ProtoReader::State state{.elements_left = max_elements, .keeps = keeps};
    ProtoReader reader(bytes, state);
    fields(reader, message);
    reader.Finish();
    check = state.check;
    if (check.wrong != nullptr) break;
  }
  return check;
}

}  // namespace dr::inline v0
