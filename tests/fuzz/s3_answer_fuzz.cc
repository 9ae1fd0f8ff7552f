// Documents of a hostile S3. A listing holds no more than the document said; an error has been one.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "adapters/s3/xml.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  std::size_t bytes = 0;
  if (const absl::StatusOr<dr::S3Listing> listing = dr::ParseS3Listing(body); listing.ok()) {
    for (const dr::S3Listing::Object& object : listing->objects) {
      if (object.name.empty()) std::abort();
      bytes += object.name.size();
    }
  }
  if (const std::optional<dr::S3Error> error = dr::ParseS3Error(body)) {
    if (bytes > 0) std::abort();
    bytes = error->code.size() + error->message.size();
  }
  if (bytes > size) std::abort();
  return 0;
}
