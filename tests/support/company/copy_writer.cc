#include "support/company/copy_writer.h"

#include <array>

#include "base/error.h"

namespace dolibarr_backup::company {
namespace {

using Result = std::unique_ptr<PGresult, decltype(&PQclear)>;

void require(PGconn* connection, bool good, const std::string& what) {
  if (!good) throw Error(Errc::source, what + ": " + PQerrorMessage(connection));
}

void append_escaped(std::string& out, const std::string& text) {
  for (const char c : text) {
    switch (c) {
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        out += c;
    }
  }
}

}  // namespace

Connection connect(const DatabaseSettings& settings) {
  std::vector<const char*> names;
  std::vector<const char*> values;
  const auto add = [&](const char* name, const std::string& value) {
    if (value.empty()) return;
    names.push_back(name);
    values.push_back(value.c_str());
  };
  add("host", settings.host);
  add("port", settings.port);
  add("dbname", settings.name);
  add("user", settings.user);
  add("password", settings.password.reveal());
  names.push_back(nullptr);
  values.push_back(nullptr);
  Connection connection(PQconnectdbParams(names.data(), values.data(), 0), &PQfinish);
  require(connection.get(), PQstatus(connection.get()) == CONNECTION_OK,
          "cannot connect to the database '" + settings.name + "'");
  require(connection.get(), PQsetClientEncoding(connection.get(), "UTF8") == 0, "no UTF8");
  return connection;
}

void run(PGconn* connection, const std::string& sql) {
  const Result result(PQexec(connection, sql.c_str()), &PQclear);
  const ExecStatusType status = PQresultStatus(result.get());
  require(connection, status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK, "SQL failed");
}

CopyWriter::CopyWriter(PGconn* connection, const std::string& target)
    : connection_(connection), target_(target) {
  const Result result(PQexec(connection, ("COPY " + target + " FROM STDIN").c_str()), &PQclear);
  require(connection, PQresultStatus(result.get()) == PGRES_COPY_IN, "COPY " + target);
}

void CopyWriter::add(const std::vector<Value>& row) {
  for (size_t column = 0; column < row.size(); ++column) {
    if (column > 0) buffer_ += '\t';
    if (row[column])
      append_escaped(buffer_, *row[column]);
    else
      buffer_ += "\\N";
  }
  buffer_ += '\n';
  if (buffer_.size() > 256 * 1024) send();
}

void CopyWriter::send() {
  require(connection_,
          PQputCopyData(connection_, buffer_.data(), static_cast<int>(buffer_.size())) == 1,
          "COPY " + target_);
  buffer_.clear();
}

void CopyWriter::finish() {
  send();
  require(connection_, PQputCopyEnd(connection_, nullptr) == 1, "COPY " + target_);
  bool good = true;
  std::string message;
  while (const Result result{PQgetResult(connection_), &PQclear}) {
    if (PQresultStatus(result.get()) == PGRES_COMMAND_OK) continue;
    good = false;
    message = PQresultErrorMessage(result.get());
  }
  if (!good) throw Error(Errc::source, "COPY " + target_ + ": " + message);
}

}  // namespace dolibarr_backup::company
