// The one main() of every Catch2 program: compiled once, because it takes seconds.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
