#include "recorded_tokens.h"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace stand_in {

RecordedTokens::RecordedTokens(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("STAND_IN_DRY: the file of tokens " + path + " cannot be read");
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line.front() == '#') continue;
    std::istringstream words(line);
    std::string window;
    std::int64_t first = 0;
    std::vector<std::int32_t> tokens;
    words >> window >> first;
    for (std::int32_t token = 0; words >> token;) tokens.push_back(token);
    std::size_t read = 0;
    std::uint32_t key = 0;
    try {
      if (window != "*") key = static_cast<std::uint32_t>(std::stoul(window, &read, 16));
    } catch (const std::logic_error&) {
      read = std::string::npos;
    }
    if (!words.eof() || tokens.empty() || (window != "*" && read != window.size())) {
      throw std::runtime_error("STAND_IN_DRY: " + path + " has a line that is no text: " + line);
    }
    (window == "*" ? others_ : windows_[key])[first] = std::move(tokens);
  }
}

std::optional<std::int32_t> RecordedTokens::token(std::uint32_t window, std::int64_t place) const {
  const auto known = windows_.find(window);
  const Texts& texts = known == windows_.end() ? others_ : known->second;
  if (texts.empty()) return std::nullopt;
  // Of several texts over one window the last that has begun by then.
  const auto after = texts.upper_bound(place);
  const auto& [first, tokens] = after == texts.begin() ? *after : *std::prev(after);
  return tokens[static_cast<std::size_t>(
      std::clamp<std::int64_t>(place - first, 0, static_cast<std::int64_t>(tokens.size()) - 1))];
}

}  // namespace stand_in
