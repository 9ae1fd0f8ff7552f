#include <cstdio>

#include "dr/version.h"

int main() { std::puts(dr::LibraryVersion().data()); }
