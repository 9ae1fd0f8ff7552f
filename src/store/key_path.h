// Keys of a store as paths of a file system, one to one in both directions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dr::inline v0 {

/// What follows a directory's name: another component, or more of the same component.
inline constexpr char kComponentSuffix = '+';
inline constexpr char kPieceSuffix = '~';

/// Directories, with their suffixes, and last the file's name. No name is longer than 250 bytes.
std::vector<std::string> PathOfKey(std::string_view key);
/// The part of the key that a file's name stands for, or a directory's with its suffix ('/' added
/// for a component); nullopt: not one of ours.
std::optional<std::string> KeyOfName(std::string_view name, bool directory);

}  // namespace dr::inline v0
