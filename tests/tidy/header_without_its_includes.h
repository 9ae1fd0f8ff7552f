#pragma once
// Compiles only after somebody else has included <string>.
inline std::string Text() { return "text"; }
