// What is measured: something that makes records durable, called from several threads.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace bench {

/// One contender, opened on an empty directory.
class Writer {
 public:
  virtual ~Writer() = default;
  /// Returns when the record survives a power cut. Any thread. False: it failed.
  virtual bool Append(std::string_view record) = 0;
};

struct Contender {
  std::string name;
  std::string settings;  ///< in words, for --list
  std::function<std::unique_ptr<Writer>(const std::string& directory)> open;
};

Contender Dr();
Contender Limit();
std::vector<Contender> Peers();

}  // namespace bench
