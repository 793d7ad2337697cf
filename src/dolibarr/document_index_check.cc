#include "dolibarr/document_index_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "base/stop.h"
#include "base/units.h"
#include "dolibarr/database_facts.h"
#include "dolibarr/folder_path.h"
#include "dolibarr/pg_cursor.h"
#include "dolibarr/pg_login.h"
#include "dolibarr/pg_session.h"
#include "stream/digest.h"

namespace dolibarr_backup {
namespace {

constexpr int kRowsPerFetch = 1000;
constexpr size_t kBlockBytes = 1 * kMiB;
constexpr size_t kPdfEndBytes = 1024;  // where readers look for the end mark
constexpr size_t kMd5Digits = 32;

using Columns = std::set<std::string, std::less<>>;

struct IndexRow {
  std::string path, label, origin;
  int64_t entity = 1;
  bool written_with_row() const { return origin == "generated" || origin == "uploaded"; }
  std::string title() const { return origin.empty() ? path : fmt::format("{} ({})", path, origin); }
};

bool is_md5(const std::string& text) {
  return text.size() == kMd5Digits &&
         text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

/// What reading a file through found.
struct ReadContent {
  std::string md5;
  bool whole_pdf = false;  ///< begins and ends as a PDF does
  int error_number = 0;
};

ReadContent read_through(const OpenedFile& file, std::string& block, const std::stop_token& stop) {
  Digest digest = Digest::md5();
  std::string begin, end;
  block.resize(kBlockBytes);
  for (uint64_t offset = 0;;) {
    throw_if_stopped(stop);
    const int64_t got = read_fully(file.fd.get(), block.data(), block.size(), offset);
    if (got < 0) return {"", false, errno};
    const std::string_view bytes(block.data(), static_cast<size_t>(got));
    digest.update(bytes);
    if (offset == 0) begin = bytes.substr(0, 5);
    end += bytes.substr(bytes.size() - std::min(bytes.size(), kPdfEndBytes));
    if (end.size() > kPdfEndBytes) end.erase(0, end.size() - kPdfEndBytes);
    offset += bytes.size();
    if (bytes.size() < block.size()) break;
  }
  return {digest.finish_hex(), begin == "%PDF-" && end.find("%%EOF") != std::string::npos};
}

bool is_missing(int error_number) {
  return error_number == EINVAL || error_number == ENAMETOOLONG || error_number == ELOOP ||
         error_number == ENOTDIR || means_vanished(error_number);
}

std::string why_missing(int error_number) {
  if (error_number == EINVAL) return ": no path inside the folder";
  if (error_number == ELOOP) return ": behind a symbolic link";
  return "";
}

/// The tree, and where in it a file may lie.
class Documents {
 public:
  explicit Documents(const std::string& root) : folder_(root) {}

  OpenedFile open(const std::string& path, int64_t entity) {
    OpenedFile file = open_either(path);
    if (file.error_number == 0 || entity <= 1) return file;
    OpenedFile of_entity = open_either(fmt::format("{}/{}", entity, path));
    return of_entity.error_number == 0 ? std::move(of_entity) : std::move(file);
  }

 private:
  // Dolibarr stores what a web server might run under another name.
  OpenedFile open_either(const std::string& path) {
    OpenedFile file = folder_.open(path);
    if (file.error_number == 0 || !is_missing(file.error_number)) return file;
    OpenedFile renamed = folder_.open(path + ".noexe");
    return renamed.error_number == 0 ? std::move(renamed) : std::move(file);
  }
  FolderPath folder_;
};

class IndexCheck {
 public:
  IndexCheck(Documents& documents, DocumentIndexReport& report, const std::stop_token& stop)
      : documents_(documents), report_(report), stop_(stop) {}

  void check(const IndexRow& row) {
    ++report_.rows;
    const OpenedFile file = documents_.open(row.path, row.entity);
    if (file.error_number != 0) return report_absent(row, file.error_number);
    const ReadContent content = read_through(file, block_, stop_);
    if (content.error_number != 0) return report_absent(row, content.error_number);
    if (!is_md5(row.label)) {
      ++report_.without_hash;
    } else if (content.md5 == row.label) {
      ++report_.matching;
    } else {
      report_difference(row, content);
    }
  }

 private:
  void report_absent(const IndexRow& row, int error_number) {
    if (!is_missing(error_number)) {
      report_.unreadable.add(row.title() + ": " + errno_text(error_number));
    } else {
      (row.written_with_row() ? report_.missing : report_.missing_optional)
          .add(row.title() + why_missing(error_number));
    }
  }
  void report_difference(const IndexRow& row, const ReadContent& content) {
    const std::string what =
        fmt::format("{}: its MD5 is {}, recorded is {}", row.title(), content.md5, row.label);
    if (row.origin == "generated" && content.whole_pdf) {
      report_.rewritten.add(what);
    } else {
      (row.written_with_row() ? report_.damaged : report_.differing).add(what);
    }
  }

  Documents& documents_;
  DocumentIndexReport& report_;
  const std::stop_token& stop_;
  std::string block_;
};

void check_index(PgConnection& connection, const std::string& table, Documents& documents,
                 DocumentIndexReport& report, const std::stop_token& stop) {
  const Columns columns = columns_of(connection, table);
  const bool has_origin = columns.contains("gen_or_uploaded");
  PgCursor cursor(connection, "document_index",
                  fmt::format("SELECT concat(filepath, '/', filename), lower(label), {}, {} "
                              "FROM {} ORDER BY filepath, filename",
                              has_origin ? "gen_or_uploaded" : "''",
                              columns.contains("entity") ? "entity" : "1", table),
                  kRowsPerFetch);
  IndexCheck check(documents, report, stop);
  while (cursor.next(stop)) {
    IndexRow row{cursor.text(0), cursor.text(1), cursor.text(2)};
    row.entity = cursor.integer(3);
    // A file in the root itself has an empty path.
    if (row.path.starts_with('/')) row.path.erase(0, 1);
    check.check(row);
  }
}

/// A table whose objects name their last document.
struct ObjectTable {
  std::string name, sql_name;
};

std::vector<ObjectTable> tables_with_main_documents(PgConnection& connection,
                                                    const std::string& prefix) {
  const PgResult rows = connection.query(
      "SELECT c.relname, n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
      "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'last_main_doc' "
      "AND NOT a.attisdropped WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition "
      "AND n.nspname !~ '^pg_' AND left(c.relname, length($1)) = $1 ORDER BY 1, 2",
      {prefix});
  std::vector<ObjectTable> tables;
  tables.reserve(static_cast<size_t>(rows.rows()));
  for (int row = 0; row < rows.rows(); ++row)
    tables.push_back({rows.text(row, 0), quote_name(rows.view(row, 1), rows.view(row, 0))});
  return tables;
}

// The condition, in SQL, under which an object is validated.
std::string validated_condition(const ObjectTable& table, const Columns& columns,
                                const std::string& prefix) {
  if (columns.contains("fk_statut")) return "coalesce(fk_statut, 0) > 0";
  const bool means_active = table.name == prefix + "societe" || table.name == prefix + "user";
  return columns.contains("statut") && !means_active ? "coalesce(statut, 0) > 0" : "false";
}

void check_main_documents(PgConnection& connection, const ObjectTable& table,
                          const std::string& prefix, Documents& documents,
                          DocumentIndexReport& report, const std::stop_token& stop) {
  const Columns columns = columns_of(connection, table.sql_name);
  PgCursor cursor(connection, "main_documents",
                  fmt::format("SELECT last_main_doc, {}, {}, {} FROM {} WHERE last_main_doc <> '' "
                              "ORDER BY last_main_doc",
                              columns.contains("rowid") ? "rowid" : "0",
                              columns.contains("entity") ? "coalesce(entity, 1)" : "1",
                              validated_condition(table, columns, prefix), table.sql_name),
                  kRowsPerFetch);
  while (cursor.next(stop)) {
    ++report.main_documents;
    const std::string path = cursor.text(0);
    const OpenedFile file = documents.open(path, cursor.integer(2));
    if (file.error_number == 0) {
      ++report.main_documents_present;
      continue;
    }
    const std::string what = fmt::format("{} rowid {}: {}{}", table.name, cursor.view(1), path,
                                         why_missing(file.error_number));
    const bool of_draft = path.find("(PROV") != std::string::npos;
    const bool validated = cursor.view(3) == "t";
    (validated && !of_draft ? report.main_missing : report.main_missing_optional).add(what);
  }
}

}  // namespace

void DocumentFindings::add(std::string example) {
  ++count;
  if (examples.size() < kGreatestExamples) examples.push_back(std::move(example));
}

DocumentIndexReport check_document_index(const DatabaseSettings& settings,
                                         const std::string& documents_folder,
                                         const std::stop_token& stop) {
  DocumentIndexReport report;
  Documents documents(documents_folder);
  PgConnection connection = log_in(settings, stop);
  begin_pinned(connection, "", settings.lock_wait);
  const std::string& prefix = settings.table_prefix;
  const auto index =
      find_table(connection, prefix + "ecm_files", {"filepath", "filename", "label"});
  if (index) check_index(connection, *index, documents, report, stop);
  report.absent = !index;
  for (const ObjectTable& table : tables_with_main_documents(connection, prefix))
    check_main_documents(connection, table, prefix, documents, report, stop);
  return report;
}

}  // namespace dolibarr_backup
