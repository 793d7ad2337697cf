#include "stream/line_reader.h"

#include "base/error.h"

namespace dolibarr_backup {
namespace {

constexpr size_t kGreatestLineBytes = 1 << 20;

}  // namespace

std::optional<std::string_view> LineReader::next() {
  line_.clear();
  for (;;) {
    const std::string_view rest = as_text(Bytes(buffer_).subspan(begin_, end_ - begin_));
    const size_t newline = rest.find('\n');
    if (newline != std::string_view::npos) {
      begin_ += newline + 1;
      if (line_.empty()) return rest.substr(0, newline);
      line_ += rest.substr(0, newline);
      return line_;
    }
    line_ += rest;
    if (line_.size() > kGreatestLineBytes) throw Error(Errc::corrupt, "a line of more than 1 MiB");
    begin_ = 0;
    end_ = source_.read(buffer_);
    if (end_ > 0) continue;
    if (!line_.empty()) throw Error(Errc::corrupt, "the last line is cut short");
    return std::nullopt;
  }
}

}  // namespace dolibarr_backup
