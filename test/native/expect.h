// What a test expects.
#pragma once

#include <stdexcept>
#include <string>

#define EXPECT(condition)                                                                                     \
  if (!(condition)) {                                                                                         \
    throw std::logic_error(std::string(__FILE__) + ":" + std::to_string(__LINE__) + ": not so: " #condition); \
  }
