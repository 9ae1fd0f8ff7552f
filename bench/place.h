// Where the bench works: a temporary directory that is gone afterwards, on the disk to be measured.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace bench {

class Place {
 public:
  /// Makes a directory of its own beneath `parent`.
  static absl::StatusOr<Place> Create(const std::string& parent, double round_seconds);
  Place(Place&& other) noexcept : path_(std::move(other.path_)), round_seconds_(other.round_seconds_) {
    other.path_.clear();
  }
  Place& operator=(Place&&) = delete;
  ~Place();

  /// A new, empty directory in it.
  absl::StatusOr<std::string> Fresh(const std::string& name);
  /// Removes what Fresh made.
  void Clear();
  /// How long one round of one contender takes, where that can be chosen.
  double round_seconds() const { return round_seconds_; }
  const std::string& path() const { return path_; }

  /// SIGINT and SIGTERM end the bench between two rounds, so that servers and files do not stay.
  static void CatchSignals();
  static bool stopping();

 private:
  Place(std::string path, double round_seconds)
      : path_(std::move(path)), round_seconds_(round_seconds) {}

  std::string path_;
  double round_seconds_;
  int next_ = 0;
};

}  // namespace bench
