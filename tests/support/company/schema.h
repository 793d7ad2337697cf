#pragma once

namespace dolibarr_backup::company {

/// The tables, functions, triggers and the view, as SQL. Names of tables and
/// columns are Dolibarr's, since the program and its users know them; the
/// definitions are our own and far smaller.
extern const char* const kSchema;
/// What is added when the rows are in: sequences set past them.
extern const char* const kAfterRows;

}  // namespace dolibarr_backup::company
