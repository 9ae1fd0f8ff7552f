#include <curl/curl.h>
#include <openssl/evp.h>

#include <array>

#include "bench/peers/thin_client.h"
#include "dr/environment/uri.h"
#include "dr/status.h"
#include "dr/status_macros.h"
#include "fmt/format.h"

namespace bench {
namespace {

struct CleanUp {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

std::size_t Append(char* data, std::size_t size, std::size_t count, void* out) {
  static_cast<std::string*>(out)->append(data, size * count);
  return size * count;
}

/// What lies between <name> and </name>, from `at` on, which is moved behind it; empty: no more.
std::string_view Element(std::string_view xml, std::string_view name, std::size_t& at) {
  const std::size_t begin = xml.find(fmt::format("<{}>", name), at);
  if (begin == xml.npos) return {};
  const std::size_t text = begin + name.size() + 2, end = xml.find('<', text);
  at = end;
  return xml.substr(text, end - text);
}

// Signed by curl with the rest, but not made by it.
std::string HashHeader(std::string_view body) {
  std::array<unsigned char, 32> hash;
  EVP_Digest(body.data(), body.size(), hash.data(), nullptr, EVP_sha256(), nullptr);
  return fmt::format("x-amz-content-sha256: {:02x}", fmt::join(hash, ""));
}

class S3 final : public ThinClient {
 public:
  S3(std::string bucket, std::string keys)
      : bucket_(std::move(bucket)), keys_(std::move(keys)), easy_(curl_easy_init()) {
    curl_easy_setopt(easy_.get(), CURLOPT_USERPWD, keys_.c_str());
    curl_easy_setopt(easy_.get(), CURLOPT_AWS_SIGV4, "aws:amz:us-east-1:s3");
    curl_easy_setopt(easy_.get(), CURLOPT_EXPECT_100_TIMEOUT_MS, 1L);
    curl_easy_setopt(easy_.get(), CURLOPT_WRITEFUNCTION, Append);
    curl_easy_setopt(easy_.get(), CURLOPT_WRITEDATA, &answer_);
    curl_easy_setopt(easy_.get(), CURLOPT_PROXY, "");
    curl_easy_setopt(easy_.get(), CURLOPT_BUFFERSIZE, 256L << 10);
  }

  absl::Status Put(std::string_view key, std::string_view value) override {
    curl_easy_setopt(easy_.get(), CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(value.size()));
    curl_easy_setopt(easy_.get(), CURLOPT_POSTFIELDS, value.data());
    curl_easy_setopt(easy_.get(), CURLOPT_CUSTOMREQUEST, "PUT");
    return Call(fmt::format("{}/{}", bucket_, key), value);
  }
  absl::StatusOr<std::string> Get(std::string_view key) override {
    DR_RETURN_IF_ERROR(CallGet(fmt::format("{}/{}", bucket_, key)));
    return std::move(answer_);
  }
  absl::StatusOr<std::vector<dr::ListEntry>> List(std::string_view prefix) override {
    std::string escaped(prefix);
    if (const std::size_t slash = escaped.find('/'); slash != escaped.npos) {
      escaped.replace(slash, 1, "%2F");
    }
    DR_RETURN_IF_ERROR(
        CallGet(fmt::format("{}?list-type=2&max-keys=1000&prefix=thin%2F{}", Root(), escaped)));
    std::vector<dr::ListEntry> entries;
    std::size_t at = 0;
    for (std::string_view key; !(key = Element(answer_, "Key", at)).empty();) {
      entries.push_back({std::string(key), std::stoull(std::string(Element(answer_, "Size", at)))});
    }
    return entries;
  }

 private:
  std::string_view Root() const { return std::string_view(bucket_).substr(0, bucket_.rfind('/')); }
  absl::Status CallGet(const std::string& url) {
    curl_easy_setopt(easy_.get(), CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(easy_.get(), CURLOPT_CUSTOMREQUEST, nullptr);
    return Call(url, "");
  }
  absl::Status Call(const std::string& url, std::string_view body) {
    answer_.clear();
    const std::unique_ptr<curl_slist, CleanUp> headers(
        curl_slist_append(nullptr, HashHeader(body).c_str()));
    curl_easy_setopt(easy_.get(), CURLOPT_HTTPHEADER, headers.get());
    curl_easy_setopt(easy_.get(), CURLOPT_URL, url.c_str());
    const CURLcode code = curl_easy_perform(easy_.get());
    if (code != CURLE_OK) return absl::UnavailableError(curl_easy_strerror(code));
    long status = 0;
    curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
    if (status == 200) return absl::OkStatus();
    return absl::UnavailableError(fmt::format("{}: {} {}", url, status, answer_));
  }

  const std::string bucket_, keys_;
  const std::unique_ptr<CURL, CleanUp> easy_;
  std::string answer_;
};

absl::StatusOr<std::unique_ptr<ThinClient>> Open(const std::string&) {
  DR_ASSIGN_OR_RETURN(const std::string text, ServerVariable("DR_TEST_S3"));
  DR_ASSIGN_OR_RETURN(const std::string id, ServerVariable("DR_TEST_AWS_ACCESS_KEY_ID"));
  DR_ASSIGN_OR_RETURN(const std::string secret, ServerVariable("DR_TEST_AWS_SECRET_ACCESS_KEY"));
  DR_ASSIGN_OR_RETURN(const dr::Uri uri, dr::ParseUri(text));
  return std::make_unique<S3>(
      fmt::format("{}/{}/thin", uri.Find("endpoint").value_or(""), uri.host),
      fmt::format("{}:{}", id, secret));
}

}  // namespace

ThinPeer ThinS3() {
  return {"s3", "libcurl",
          "one easy handle that keeps its connection, curl's own SigV4 with the payload signed, "
          "one request a "
          "value also in a batch; no header, no hash, no look at errors but the status, waits "
          "without an end",
          Open};
}

}  // namespace bench
