#include "adapters/s3/sigv4.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <memory>
#include <string>

#include "dr/status.h"
#include "fmt/format.h"

namespace dr::inline v0 {
namespace {

using Hash = std::array<unsigned char, 32>;

std::string_view AsText(const Hash& hash) {
  return {reinterpret_cast<const char*>(hash.data()), hash.size()};
}

std::string Hex(const Hash& hash) { return fmt::format("{:02x}", fmt::join(hash, "")); }

Hash Sha256(std::initializer_list<std::string_view> parts) {
  Hash hash{};
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> state(EVP_MD_CTX_new(),
                                                                      EVP_MD_CTX_free);
  EVP_DigestInit_ex(state.get(), EVP_sha256(), nullptr);
  for (std::string_view part : parts) EVP_DigestUpdate(state.get(), part.data(), part.size());
  EVP_DigestFinal_ex(state.get(), hash.data(), nullptr);
  return hash;
}

Hash Hmac(std::string_view key, std::string_view text) {
  Hash hash{};
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), hash.data(), nullptr);
  return hash;
}

Hash SigningKey(const Secret& secret, std::string_view day, std::string_view region) {
  std::string start = fmt::format("AWS4{}", secret.Reveal());
  Hash key = Hmac(start, day);
  Wipe(start.data(), start.size());
  for (std::string_view part : {region, std::string_view("s3"), std::string_view("aws4_request")}) {
    key = Hmac(AsText(key), part);
  }
  return key;
}

}  // namespace

std::string PercentEncode(std::string_view text, Slash slash) {
  std::string out;
  for (char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~' ||
                       (c == '/' && slash == Slash::kKeep);
    if (plain) {
      out += c;
    } else {
      fmt::format_to(std::back_inserter(out), "%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

std::string CanonicalQuery(const S3Fields& query) {
  std::vector<std::string> pairs;
  for (const auto& [name, value] : query) {
    pairs.push_back(fmt::format("{}={}", PercentEncode(name, Slash::kEscape),
                                PercentEncode(value, Slash::kEscape)));
  }
  std::sort(pairs.begin(), pairs.end());
  return fmt::format("{}", fmt::join(pairs, "&"));
}

S3Fields SignedHeaders(const S3Request& request, const S3Credentials& credentials,
                       std::string_view region, absl::Time now) {
  const std::string time = absl::FormatTime("%Y%m%dT%H%M%SZ", now, absl::UTCTimeZone());
  const std::string day = time.substr(0, 8);
  const std::string payload = Hex(Sha256({request.body, request.more_body}));
  S3Fields headers = request.headers;
  headers.emplace_back("host", request.host);
  headers.emplace_back("x-amz-content-sha256", payload);
  headers.emplace_back("x-amz-date", time);
  if (!credentials.session_token.empty()) {
    headers.emplace_back("x-amz-security-token", credentials.session_token.Reveal());
  }
  std::sort(headers.begin(), headers.end());

  std::string lines, names;
  for (const auto& [name, value] : headers) {
    lines += fmt::format("{}:{}\n", name, value);
    names += fmt::format("{}{}", names.empty() ? "" : ";", name);
  }
  const std::string canonical = fmt::format("{}\n{}\n{}\n{}\n{}\n{}", request.method, request.path,
                                            CanonicalQuery(request.query), lines, names, payload);
  const std::string scope = fmt::format("{}/{}/s3/aws4_request", day, region);
  const std::string to_sign =
      fmt::format("AWS4-HMAC-SHA256\n{}\n{}\n{}", time, scope, Hex(Sha256({canonical})));
  Hash key = SigningKey(credentials.secret_access_key, day, region);
  const std::string signature = Hex(Hmac(AsText(key), to_sign));
  Wipe(reinterpret_cast<char*>(key.data()), key.size());
  headers.emplace_back(
      "authorization",
      fmt::format("AWS4-HMAC-SHA256 Credential={}/{},SignedHeaders={},Signature={}",
                  credentials.access_key_id, scope, names, signature));
  return headers;
}

}  // namespace dr::inline v0
