#pragma once

#include <string>
#include <vector>

namespace dolibarr_backup {

enum class Align { left, right };

/// Columns that align, two blanks apart, no lines drawn; widths are counted in
/// characters of UTF-8. The last column is not padded.
class Table {
 public:
  struct Column {
    std::string title;
    Align align = Align::left;
  };
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  /// One text per column, shown as printable() does: a file's name cannot move the cursor.
  void add_row(std::vector<std::string> cells);
  /// Header and rows, each with a newline; "" if there are no rows.
  std::string text() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace dolibarr_backup
