#include "adapters/s3/xml.h"

#include <expat.h>

#include <charconv>
#include <functional>
#include <memory>
#include <new>
#include <utility>

#include "dr/status.h"

namespace dr::inline v0 {
namespace {

constexpr std::size_t kDepthMax = 16;
constexpr std::size_t kTextBytesMax = 16384;

// Calls back at the end of each element with its path from the root and the text in it. A document
// type is refused, and with it everything that makes a small document a large one.
class Reader {
 public:
  using Element = std::function<bool(std::string_view path, std::string_view text)>;

  static bool Read(std::string_view document, const Element& element) {
    const std::unique_ptr<XML_ParserStruct, decltype(&XML_ParserFree)> parser(
        XML_ParserCreate("UTF-8"), XML_ParserFree);
    if (parser == nullptr) return false;
    Reader reader(parser.get(), element);
    XML_SetUserData(parser.get(), &reader);
    XML_SetElementHandler(parser.get(), &Reader::Start, &Reader::End);
    XML_SetCharacterDataHandler(parser.get(), &Reader::Text);
    XML_SetStartDoctypeDeclHandler(parser.get(), &Reader::Doctype);
    const bool read = XML_Parse(parser.get(), document.data(), static_cast<int>(document.size()),
                                1) == XML_STATUS_OK;
    if (reader.lacks_memory_) throw std::bad_alloc();
    return read;
  }

 private:
  Reader(XML_Parser parser, const Element& element) : parser_(parser), element_(element) {}

  static Reader& Of(void* self) { return *static_cast<Reader*>(self); }
  void Refuse() { XML_StopParser(parser_, XML_FALSE); }
  // Goes on if `work` says so. No exception may pass expat.
  template <typename Work>
  void Guarded(Work work) noexcept {
    bool goes_on = false;
    try {
      goes_on = work();
    } catch (const std::bad_alloc&) {
      lacks_memory_ = true;
    }
    if (!goes_on) Refuse();
  }

  static void Start(void* self, const char* name, const char**) {
    Reader& reader = Of(self);
    reader.Guarded([&] {
      if (++reader.depth_ > kDepthMax) return false;
      (reader.path_ += '/') += name;
      reader.text_.clear();
      return true;
    });
  }
  static void End(void* self, const char* name) {
    Reader& reader = Of(self);
    reader.Guarded([&] {
      if (!reader.element_(reader.path_, reader.text_)) return false;
      reader.path_.resize(reader.path_.size() - std::string_view(name).size() - 1);
      reader.text_.clear();
      --reader.depth_;
      return true;
    });
  }
  static void Text(void* self, const char* text, int size) {
    Reader& reader = Of(self);
    reader.Guarded([&] {
      const auto bytes = static_cast<std::size_t>(size);
      if (reader.text_.size() + bytes > kTextBytesMax) return false;
      reader.text_.append(text, bytes);
      return true;
    });
  }
  static void Doctype(void* self, const char*, const char*, const char*, int) { Of(self).Refuse(); }

  const XML_Parser parser_;
  const Element& element_;
  bool lacks_memory_ = false;
  std::size_t depth_ = 0;
  std::string path_;
  std::string text_;
};

// False for what is not encoded.
bool PercentDecode(std::string& text) {
  std::size_t size = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char byte = text[i];
    if (byte == '%') {
      unsigned char code = 0;
      const char* digits = text.data() + i + 1;
      if (text.size() - i < 3 || std::from_chars(digits, digits + 2, code, 16).ptr != digits + 2) {
        return false;
      }
      byte = static_cast<char>(code);
      i += 2;
    }
    text[size++] = byte;
  }
  text.resize(size);
  return true;
}

bool ParseNumber(std::string_view text, std::uint64_t& number) {
  const char* end = text.data() + text.size();
  const auto [parsed, error] = std::from_chars(text.data(), end, number);
  return error == std::errc() && parsed == end;
}

}  // namespace

std::optional<S3Error> ParseS3Error(std::string_view body) {
  S3Error error;
  bool is_error = false;
  const bool read = Reader::Read(body, [&](std::string_view path, std::string_view text) {
    if (!path.starts_with("/Error")) return false;  // something else, perhaps long
    if (path == "/Error") is_error = true;
    if (path == "/Error/Code") error.code = text;
    if (path == "/Error/Message") error.message = text;
    if (path == "/Error/Region") error.region = text;
    if (path == "/Error/Endpoint") error.endpoint = text;
    return true;
  });
  if (!read || !is_error) return std::nullopt;
  return error;
}

absl::StatusOr<S3Listing> ParseS3Listing(std::string_view body) {
  S3Listing listing;
  S3Listing::Object object;
  bool is_listing = false, is_encoded = false, said_if_truncated = false;
  const bool read = Reader::Read(body, [&](std::string_view path, std::string_view text) {
    if (path == "/ListBucketResult") is_listing = true;
    if (path == "/ListBucketResult/EncodingType") is_encoded = text == "url";
    if (path == "/ListBucketResult/IsTruncated") {
      said_if_truncated = text == "true" || text == "false";
      listing.truncated = text == "true";
    }
    if (path == "/ListBucketResult/Contents/Key") object.name = text;
    if (path == "/ListBucketResult/Contents/Size") return ParseNumber(text, object.bytes);
    if (path == "/ListBucketResult/Contents") {
      if (object.name.empty()) return false;
      listing.objects.push_back(std::exchange(object, {}));
    }
    return true;
  });
  bool is_whole = read && is_listing && said_if_truncated;
  // A store that does not know the option says nothing of it, and encodes nothing.
  for (std::size_t i = 0; is_whole && is_encoded && i < listing.objects.size(); ++i) {
    is_whole = PercentDecode(listing.objects[i].name);
  }
  if (is_whole) return listing;
  return MakeFault({.kind = FaultKind::kIo, .place = "S3", .next = "list again"},
                   "the answer is no listing, or only a part of one");
}

}  // namespace dr::inline v0
