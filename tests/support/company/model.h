#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "support/company/company.h"

/// The invented company as plain values, before it becomes rows and files. Pure.
namespace dolibarr_backup::company {

using Cents = int64_t;

struct Customer {
  int id;
  std::string name, town, vat_number;
};

struct Product {
  int id;
  std::string ref, label;
  Cents price;
};

struct Line {
  int product;  ///< its id
  int quantity;
  Cents total;  ///< without VAT
};

struct Invoice {
  int id;
  std::string ref;
  int customer;  ///< its id
  bool draft;
  std::chrono::sys_seconds date;
  std::vector<Line> lines;
  Cents total, vat;
};

/// A file of the tree that the database may know.
struct Document {
  std::string path;  ///< relative to the root of the documents; any bytes but 0
  std::string content;
  std::chrono::sys_seconds modified;
  std::string object_type;  ///< "facture"; "" if llx_ecm_files does not list it
  int object_id = 0;
};

struct Company {
  std::vector<Customer> customers;
  std::vector<Product> products;
  std::vector<Invoice> invoices;
  std::vector<Document> documents;
};

Company invent(const CompanyOptions& options);

/// The issued invoice as a PDF of about 15 KB.
std::string invoice_pdf(const Invoice& invoice, const Company& company);
/// Bytes that do not compress, always the same for a seed.
std::string noise(size_t size, uint64_t seed);
/// "1234.50"
std::string money(Cents amount);

}  // namespace dolibarr_backup::company
