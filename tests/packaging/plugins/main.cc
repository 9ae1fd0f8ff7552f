// A program with a copy of dr of its own loads plugins that have theirs, and all keep state at once.
// usage: main local|global DIRECTORY PLUGIN...
#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "plugin.h"

namespace {

void Require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "%s\n", what);
  std::exit(1);
}

}  // namespace

int main(int argc, char** argv) {
  constexpr int kUnavailable = 14;  // absl::StatusCode::kUnavailable: somebody else has it open
  const int mode = RTLD_NOW | (std::string_view(argv[1]) == "global" ? RTLD_GLOBAL : RTLD_LOCAL);
  const std::string directory = argv[2];
  std::vector<KeptCounter* (*)()> makers = {MakeCounter};
  std::vector<void*> plugins;
  for (int i = 3; i < argc; ++i) {
    void* plugin = plugins.emplace_back(dlopen(argv[i], mode));
    Require(plugin != nullptr, plugin == nullptr ? dlerror() : "");
    makers.push_back(reinterpret_cast<KeptCounter* (*)()>(dlsym(plugin, "MakeCounter")));
    Require(makers.back() != nullptr && makers.back() != MakeCounter,
            "the plugin's maker is not its own");
  }
  for (int run = 1; run <= 2; ++run) {
    std::vector<std::unique_ptr<KeptCounter>> counters;
    for (std::size_t i = 0; i < makers.size(); ++i) {
      counters.emplace_back(makers[i]());
      Require(counters[i]->Open((directory + "/" + std::to_string(i)).c_str()) == 0,
              "a host does not open");
    }
    for (std::size_t i = 0; i < makers.size(); ++i) {
      Require(counters[i]->Add(static_cast<int>(i) + 1) == run * (static_cast<int>(i) + 1),
              "a sum is wrong");
      for (const auto& make : makers) {
        const std::unique_ptr<KeptCounter> second(make());
        Require(second->Open((directory + "/" + std::to_string(i)).c_str()) == kUnavailable,
                "a directory is opened twice");
      }
    }
  }
  for (void* plugin : plugins) Require(dlclose(plugin) == 0, "a plugin does not close");
  std::puts("all of them kept their state");
}
