#include "core/php_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <vector>

namespace dolibarr_backup {
namespace {

constexpr int kPrecision = 14;
constexpr size_t kIndent = 4;

/// One value of the serialized text. Those with members hold pairs of key and value.
struct PhpValue {
  enum class Kind { scalar, array, object } kind = Kind::scalar;
  std::string text;  ///< of a scalar as print_r shows it; of an object its class
  std::vector<std::pair<std::string, size_t>> members;  ///< key, index of the value
};

struct Malformed {
  std::string problem;
};

/// Builds the values of a text in one pass, each known by its index.
class PhpParser {
 public:
  explicit PhpParser(std::string_view text) : text_(text) {}

  size_t parse_all() {
    const size_t root = parse_value(0);
    if (at_ != text_.size()) throw Malformed{"something follows its end"};
    return root;
  }
  const PhpValue& value(size_t index) const { return values_[index]; }
  bool foreign_class() const { return foreign_class_; }

 private:
  char take() {
    if (at_ >= text_.size()) throw Malformed{"it ends too early"};
    return text_[at_++];
  }
  void expect(char wanted) {
    if (take() != wanted) throw Malformed{fmt::format("'{}' is missing in it", wanted)};
  }
  std::string_view take_until(char end) {
    const size_t found = text_.find(end, at_);
    if (found == std::string_view::npos) throw Malformed{"it ends too early"};
    const std::string_view taken = text_.substr(at_, found - at_);
    at_ = found + 1;
    return taken;
  }
  template <typename Number>
  static Number number_of(std::string_view digits) {
    Number number{};
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error != std::errc() || end != digits.data() + digits.size() || digits.empty())
      throw Malformed{"a number in it is malformed"};
    return number;
  }
  std::string take_string() {
    const auto length = number_of<size_t>(take_until(':'));
    expect('"');
    if (length > text_.size() - at_) throw Malformed{"it ends too early"};
    std::string taken(text_.substr(at_, length));
    at_ += length;
    expect('"');
    return taken;
  }
  std::string parse_key() {
    const char type = take();
    expect(':');
    if (type == 'i') return std::to_string(number_of<int64_t>(take_until(';')));
    if (type != 's') throw Malformed{"a key in it is malformed"};
    std::string key = take_string();
    expect(';');
    if (key.find('\0') != std::string::npos) throw Malformed{"it has hidden properties"};
    return key;
  }
  static std::string float_text(std::string_view digits) {
    if (digits == "INF" || digits == "-INF" || digits == "NAN") return std::string(digits);
    return php_float_text(number_of<double>(digits));
  }
  std::string parse_scalar(char type) {
    expect(':');
    if (type == 's') {
      std::string text = take_string();
      expect(';');
      return text;
    }
    const std::string_view digits = take_until(';');
    if (type == 'b') return digits == "1" ? "1" : "";
    if (type == 'i') return std::to_string(number_of<int64_t>(digits));
    return float_text(digits);
  }
  void parse_members(size_t index, int depth) {
    const auto count = number_of<size_t>(take_until(':'));
    expect('{');
    for (size_t i = 0; i < count; ++i) {
      std::string key = parse_key();
      const size_t member = parse_value(depth + 1);
      values_[index].members.emplace_back(std::move(key), member);
    }
    expect('}');
  }
  size_t referenced() {
    expect(':');
    const auto number = number_of<size_t>(take_until(';'));
    if (number == 0 || number > slots_.size()) throw Malformed{"it refers to nothing"};
    return slots_[number - 1];
  }
  size_t parse_value(int depth) {
    if (depth > kPhpGreatestDepth) throw Malformed{"it is nested too deeply"};
    const char type = take();
    if (type == 'R') return referenced();  // the same variable: no slot of its own
    if (type == 'r') {
      slots_.push_back(referenced());
      return slots_.back();
    }
    const size_t index = values_.size();
    values_.emplace_back();
    slots_.push_back(index);
    switch (type) {
      case 'N':
        expect(';');
        break;
      case 'b':
      case 'i':
      case 'd':
      case 's':
        values_[index].text = parse_scalar(type);
        break;
      case 'a':
        expect(':');
        values_[index].kind = PhpValue::Kind::array;
        parse_members(index, depth);
        break;
      case 'O':
        expect(':');
        values_[index].kind = PhpValue::Kind::object;
        values_[index].text = take_string();
        expect(':');
        foreign_class_ = foreign_class_ || values_[index].text != "stdClass";
        parse_members(index, depth);
        break;
      default:
        throw Malformed{fmt::format("it holds a value of the unknown type '{}'", type)};
    }
    return index;
  }

  std::string_view text_;
  size_t at_ = 0;
  std::vector<PhpValue> values_;
  std::vector<size_t> slots_;  // what r:N and R:N mean, from 1
  bool foreign_class_ = false;
};

class PhpPrinter {
 public:
  explicit PhpPrinter(const PhpParser& parser) : parser_(parser) {}

  void print(size_t index, size_t indent) {
    const PhpValue& value = parser_.value(index);
    if (value.kind == PhpValue::Kind::scalar) return append(value.text);
    append(value.kind == PhpValue::Kind::array ? "Array\n" : value.text + " Object\n");
    if (std::find(path_.begin(), path_.end(), index) != path_.end()) return append(" *RECURSION*");
    if (path_.size() > kPhpGreatestDepth) throw Malformed{"it is nested too deeply"};
    path_.push_back(index);
    print_members(value, indent);
    path_.pop_back();
  }
  std::string take() { return std::move(text_); }

 private:
  void print_members(const PhpValue& value, size_t indent) {
    const std::string margin(indent, ' ');
    append(margin + "(\n");
    for (const auto& [key, member] : value.members) {
      append(fmt::format("{}{:{}}[{}] => ", margin, "", kIndent, key));
      print(member, indent + 2 * kIndent);
      append("\n");
    }
    append(margin + ")\n");
  }
  void append(std::string_view more) {
    if (text_.size() + more.size() > kPhpGreatestText) throw Malformed{"it is too large"};
    text_ += more;
  }

  const PhpParser& parser_;
  std::vector<size_t> path_;  // of what is being printed
  std::string text_;
};

}  // namespace

std::string php_float_text(double number) {
  if (std::isnan(number)) return "NAN";
  if (std::isinf(number)) return number > 0 ? "INF" : "-INF";
  std::string text = fmt::format("{:.{}G}", number, kPrecision);
  const size_t mark = text.find('E');
  if (mark == std::string::npos) return text;
  // C pads the exponent to two digits; PHP does not, but never leaves out a fraction.
  std::string mantissa = text.substr(0, mark);
  if (mantissa.find('.') == std::string::npos) mantissa += ".0";
  const char sign = text[mark + 1];
  const size_t digits = std::min(text.find_first_not_of('0', mark + 2), text.size() - 1);
  return mantissa + "E" + sign + text.substr(digits);
}

PrintedValue print_php_serialized(std::string_view serialized) {
  try {
    PhpParser parser(serialized);
    const size_t root = parser.parse_all();
    PhpPrinter printer(parser);
    printer.print(root, 0);
    return {printer.take(), "", parser.foreign_class()};
  } catch (const Malformed& malformed) {
    return {std::nullopt, malformed.problem};
  }
}

}  // namespace dolibarr_backup
