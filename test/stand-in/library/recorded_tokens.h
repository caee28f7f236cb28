#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace stand_in {

/**
 * Texts by the windows that they are over, from a file with a text a line: the window's key in hexadecimal digits or '*' for any
 * other window, the place of the text's first token behind its prompt, and its tokens; '#' begins a comment.
 */
class RecordedTokens {
 public:
  /** @throws std::runtime_error where the file cannot be read or has a line that is none of these */
  explicit RecordedTokens(const std::string& path);

  /** The token at that place of a window's text, its last one behind its end; nothing where no text is known. */
  std::optional<std::int32_t> token(std::uint32_t window, std::int64_t place) const;

 private:
  /** Of one window, by the places where they begin. */
  using Texts = std::map<std::int64_t, std::vector<std::int32_t>>;

  std::map<std::uint32_t, Texts> windows_;
  Texts others_;
};

}  // namespace stand_in
