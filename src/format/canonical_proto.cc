#include "src/format/canonical_proto.h"

#include <limits>

namespace dr::inline v0 {

void ProtoWriter::Number(std::uint64_t value) {
  char bytes[kMaxVarintBytes];
  bytes_.append(bytes, StoreVarint(bytes, value));
}

void ProtoWriter::Varint(std::uint32_t number, std::uint64_t value) {
  if (value == 0) return;
  Number(std::uint64_t{number} << 3 | 0);
  Number(value);
}

void ProtoWriter::Fixed64(std::uint32_t number, std::uint64_t value) {
  if (value == 0) return;
  Number(std::uint64_t{number} << 3 | 1);
  char bytes[sizeof(value)];
  StoreLittle(bytes, value);
  bytes_.append(bytes, sizeof(bytes));
}

void ProtoWriter::Bytes(std::uint32_t number, std::string_view value) {
  if (!value.empty()) Element(number, value);
}

void ProtoWriter::Repeated(std::uint32_t number, const std::vector<std::string>& values) {
  for (const std::string& value : values) Element(number, value);
}

void ProtoWriter::Element(std::uint32_t number, std::string_view value) {
  Number(std::uint64_t{number} << 3 | 2);
  Number(value.size());
  bytes_ += value;
}

ProtoReader::ProtoReader(std::string_view bytes, State& state)
    : at_(bytes.data()), end_(bytes.data() + bytes.size()), state_(state) {
  Advance();
}

void ProtoReader::Advance() {
  const std::uint32_t before = number_;
  if (state_.check.wrong != nullptr || at_ == end_) {
    number_ = kEnd;
    return;
  }
  std::uint64_t tag = 0;
  if ((at_ = TakeVarint(at_, end_, &tag)) == nullptr || tag < 8 ||
      tag > std::numeric_limits<std::uint32_t>::max()) {
    return Refuse("the body has a tag that is not readable");
  }
  number_ = static_cast<std::uint32_t>(tag >> 3);
  type_ = static_cast<unsigned>(tag & 7);
  if (number_ < before || number_ == last_singular_) {
    return Refuse("the body's fields are out of order");
  }
  if (!TakeValue()) Refuse("the body has a value that is not readable");
}

bool ProtoReader::TakeValue() {
  switch (type_) {
    case kVarint:
      return (at_ = TakeVarint(at_, end_, &integer_)) != nullptr;
    case kFixed64:
      if (end_ - at_ < 8) return false;
      integer_ = LoadLittle<std::uint64_t>(at_);
      at_ += 8;
      return true;
    case kBytes:
      if ((at_ = TakeVarint(at_, end_, &integer_)) == nullptr) return false;
      if (integer_ > static_cast<std::uint64_t>(end_ - at_)) return false;
      bytes_ = {at_, static_cast<std::size_t>(integer_)};
      at_ += integer_;
      return true;
    default:
      return false;
  }
}

void ProtoReader::Skip(std::uint32_t up_to) {
  while (number_ < up_to) {
    state_.check.has_unknown_fields = true;
    Advance();
  }
}

// Leaves the value in integer_, which for bytes is their length.
bool ProtoReader::TakeSingular(std::uint32_t number, unsigned type) {
  Skip(number);
  if (number_ != number) return false;
  if (type_ != type) return Refuse("the body has a value of the wrong type"), false;
  if (integer_ == 0) return Refuse("the body stores a default value"), false;
  last_singular_ = number;
  return true;
}

bool ProtoReader::TakeElement(std::uint32_t number) {
  Skip(number);
  if (number_ != number) return false;
  if (type_ != kBytes) return Refuse("the body has a value of the wrong type"), false;
  if (state_.elements_left-- == 0) return Refuse("the body has too many elements"), false;
  return true;
}

void ProtoReader::Fixed64(std::uint32_t number, std::uint64_t& value) {
  value = 0;
  if (!TakeSingular(number, kFixed64)) return;
  value = integer_;
  Advance();
}

void ProtoReader::Bytes(std::uint32_t number, std::string& value) {
  value.clear();
  if (!TakeSingular(number, kBytes)) return;
  value = bytes_;
  Advance();
}

void ProtoReader::Repeated(std::uint32_t number, std::vector<std::string>& values) {
  values.clear();
  while (TakeElement(number)) {
    if (state_.keeps) values.emplace_back(bytes_);
    Advance();
  }
}

}  // namespace dr::inline v0
