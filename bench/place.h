// Where the bench works: a temporary directory that is gone afterwards, on the disk to be measured.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"

namespace bench {

/// How much is done.
struct Effort {
  double round_seconds = 0.4;  ///< of one round of one contender, where that can be chosen
  bool quick = false;          ///< only to see that all works: the figures mean nothing
  std::string only = {};       ///< the one who takes part beside dr; empty: everybody
};

class Place {
 public:
  /// Makes a directory of its own beneath `parent`.
  static absl::StatusOr<Place> Create(const std::string& parent, const Effort& effort);
  Place(Place&& other) noexcept : path_(std::move(other.path_)), effort_(other.effort_) {
    other.path_.clear();
  }
  Place& operator=(Place&&) = delete;
  ~Place();

  /// A new, empty directory in it.
  absl::StatusOr<std::string> Fresh(const std::string& name);
  /// Removes what Fresh made.
  void Clear();
  double round_seconds() const { return effort_.round_seconds; }
  bool quick() const { return effort_.quick; }
  /// Asked before a contender is prepared, which can cost more than its rounds.
  bool TakesPart(std::string_view contender) const {
    return effort_.only.empty() || effort_.only == contender;
  }
  /// `count`, or a thousandth of it where all is to be quick.
  std::uint64_t Scaled(std::uint64_t count) const { return effort_.quick ? count / 1000 : count; }

  /// The first SIGINT or SIGTERM ends the bench between two rounds, so that servers and files do
  /// not stay; the second ends it at once.
  static void CatchSignals();
  static bool stopping();

 private:
  Place(std::string path, const Effort& effort) : path_(std::move(path)), effort_(effort) {}

  std::string path_;
  Effort effort_;
  int next_ = 0;
};

}  // namespace bench
