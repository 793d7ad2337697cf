#pragma once

#include <concepts>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace dolibarr_backup {

/// Text as it may stand in HTML, in an element or in a quoted attribute. What is no UTF-8,
/// and control characters but tab and newline, and what turns a text's
/// direction, become U+FFFD.
std::string escape_html(std::string_view text);

/// Writes HTML elements; every text and attribute is escaped, every element closed.
class Html {
 public:
  struct Attribute {
    std::string_view name;
    std::string value;
  };
  using Attributes = std::initializer_list<Attribute>;

  /// An element with what `body()` writes in it.
  template <std::invocable Body>
  Html& element(std::string_view tag, Attributes attributes, Body&& body) {
    open(tag, attributes);
    body();
    close(tag);
    return *this;
  }
  template <std::invocable Body>
  Html& element(std::string_view tag, Body&& body) {
    return element(tag, {}, std::forward<Body>(body));
  }
  Html& element(std::string_view tag, Attributes attributes, std::string_view text) {
    return element(tag, attributes, [&] { this->text(text); });
  }
  Html& element(std::string_view tag, std::string_view text) { return element(tag, {}, text); }
  /// An element that has no end tag (WHATWG HTML, "Void elements").
  Html& empty_element(std::string_view tag, Attributes attributes = {});
  Html& text(std::string_view text);
  /// Text of ours that is HTML, CSS or SVG already; never anything that was read.
  Html& literal(std::string_view html);

  const std::string& string() const { return out_; }
  std::string take() { return std::move(out_); }

 private:
  void open(std::string_view tag, Attributes attributes);
  void close(std::string_view tag);
  std::string out_;
};

}  // namespace dolibarr_backup
