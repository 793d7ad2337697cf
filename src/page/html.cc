#include "page/html.h"

#include "base/utf8.h"

namespace dolibarr_backup {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

std::string_view entity_of(char c) {
  switch (c) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\'':
      return "&#39;";
    default:
      return {};
  }
}

}  // namespace

std::string escape_html(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 8);
  while (!text.empty()) {
    const size_t length = utf8_length(text);
    const std::string_view sequence = text.substr(0, length == 0 ? 1 : length);
    const bool blank = sequence == "\t" || sequence == "\n";
    if (length == 0 || (is_control(sequence) && !blank))
      out += kReplacement;
    else if (const std::string_view entity = entity_of(sequence.front()); !entity.empty())
      out += entity;
    else
      out += sequence;
    text.remove_prefix(sequence.size());
  }
  return out;
}

void Html::open(std::string_view tag, Attributes attributes) {
  out_ += '<';
  out_ += tag;
  for (const Attribute& attribute : attributes) {
    out_ += ' ';
    out_ += attribute.name;
    out_ += "=\"";
    out_ += escape_html(attribute.value);
    out_ += '"';
  }
  out_ += '>';
}

void Html::close(std::string_view tag) {
  out_ += "</";
  out_ += tag;
  out_ += '>';
}

Html& Html::empty_element(std::string_view tag, Attributes attributes) {
  open(tag, attributes);
  return *this;
}

Html& Html::text(std::string_view text) {
  out_ += escape_html(text);
  return *this;
}

Html& Html::literal(std::string_view html) {
  out_ += html;
  return *this;
}

}  // namespace dolibarr_backup
