// Stands in for libFuzzer's main: runs every file of a folder once, and for DR_LONG_SECONDS, if
// that is set, others made of them. The last input is kept beside the program, as <program>.input.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

void Run(const std::string& program, const std::string& input) {
  std::ofstream(program + ".input", std::ios::binary) << input;
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
}

// Two inputs spliced, and some bytes of the result changed.
std::string Another(const std::vector<std::string>& inputs, std::mt19937& dice) {
  const std::string& a = inputs[dice() % inputs.size()];
  const std::string& b = inputs[dice() % inputs.size()];
  std::string made = a.substr(0, dice() % (a.size() + 1)) + b.substr(dice() % (b.size() + 1));
  for (auto changes = dice() % 8; changes > 0 && !made.empty(); --changes) {
    made[dice() % made.size()] = static_cast<char>(dice());
  }
  return made;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  std::vector<std::string> inputs;
  for (const auto& entry : std::filesystem::directory_iterator(argv[1])) {
    std::ifstream in(entry.path(), std::ios::binary);
    inputs.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
    std::printf("%s\n", entry.path().filename().c_str());
    Run(argv[0], inputs.back());
  }
  std::printf("replayed %zu inputs\n", inputs.size());
  if (inputs.empty()) return 1;
  const char* const seconds = std::getenv("DR_LONG_SECONDS");
  if (seconds == nullptr) return 0;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(std::atoi(seconds));
  std::mt19937 dice(std::random_device{}());
  std::size_t made = 0;
  for (; std::chrono::steady_clock::now() < end; ++made) Run(argv[0], Another(inputs, dice));
  std::printf("and %zu others\n", made);
}
