#include "support/company/rows.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <functional>

#include "base/error.h"
#include "support/company/copy_writer.h"
#include "support/company/schema.h"

namespace dolibarr_backup::company {
namespace {

constexpr const char* kSalt = "20240102090000";
constexpr const char* kOrigin = "2024-01-02 09:00:00";
constexpr const char* kUserName = "Anne Lefèvre";

std::string day_text(std::chrono::sys_seconds moment) {
  const std::chrono::year_month_day day(std::chrono::floor<std::chrono::days>(moment));
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(day.year()),
                     static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day()));
}

std::string moment_text(std::chrono::sys_seconds moment) {
  const std::chrono::hh_mm_ss time(moment - std::chrono::floor<std::chrono::days>(moment));
  return fmt::format("{} {:02}:{:02}:{:02}", day_text(moment), time.hours().count(),
                     time.minutes().count(), time.seconds().count());
}

std::string text(int number) {
  return std::to_string(number);
}

void write_table(PGconn* connection, const std::string& target,
                 const std::function<void(CopyWriter&)>& fill) {
  CopyWriter writer(connection, target);
  fill(writer);
  writer.finish();
}

void write_rows(PGconn* connection, const std::string& target,
                const std::vector<std::vector<Value>>& rows) {
  write_table(connection, target, [&](CopyWriter& out) {
    for (const std::vector<Value>& row : rows) out.add(row);
  });
}

void write_setup(PGconn* connection) {
  write_rows(connection, "llx_const (name, entity, value, tms)",
             {{"MAIN_VERSION_LAST_INSTALL", "0", "22.0.4", kOrigin},
              {"MAIN_VERSION_LAST_UPGRADE", "0", "22.0.4", kOrigin},
              {"MAIN_SECURITY_SALT", "0", kSalt, kOrigin},
              {"MAIN_INFO_SOCIETE_NOM", "1", "Meubles Lefèvre & Fils", kOrigin},
              {"MAIN_INFO_TVAINTRA", "1", "FR12345678901", kOrigin},
              {"MAIN_MAIL_SMTPS_PW", "1", "dolcrypt:AES-256-CTR:0011223344556677:AAAA", kOrigin},
              {"MAIN_FIRST_PING_OK_DATE", "1", "20240102", kOrigin},
              {"BLOCKEDLOG_ENTITY_FINGERPRINT", "1", hex_digest("SHA256", kSalt), kOrigin}});
  write_rows(connection,
             "llx_user (rowid, login, pass_crypted, lastname, firstname, admin, datelastlogin, "
             "datepreviouslogin, iplastlogin, ippreviouslogin, datec, tms)",
             {{"1", "admin", "$2y$10$invented", "Lefèvre", "Anne", "1", "2025-12-01 08:00:00",
               "2025-11-30 08:00:00", "192.0.2.1", "192.0.2.2", kOrigin, kOrigin},
              {"2",
               "sales",
               "$2y$10$invented2",
               "Nuñez",
               "Pablo",
               "0",
               {},
               {},
               {},
               {},
               kOrigin,
               kOrigin}});
  write_table(connection, "llx_user_rights (fk_user, fk_id)", [](CopyWriter& out) {
    for (int right = 11; right < 60; ++right) out.add({text(1 + right % 2), text(right)});
  });
  write_rows(
      connection, "llx_user_param (fk_user, param, value)",
      {{"1", "MAIN_SELECTEDFIELDS_invoicelist", "f.ref,s.nom,"}, {"1", "MAIN_LANG", "fr_FR"}});
  write_rows(connection, "llx_c_type_contact (element, source, code, libelle)",
             {{"facture", "external", "BILLING", "Contact client facturation"},
              {"facture", "internal", "SALESREPFOLL", "Responsable suivi"}});
  write_rows(connection, "llx_c_tva (fk_pays, taux, note)",
             {{"1", "20", "Taux normal"}, {"1", "5.5", "Taux réduit"}, {"1", "0", {}}});
  write_rows(connection, "llx_ecm_directories (label, fk_parent, tms)",
             {{"Rapports annuels", "0", kOrigin}, {"temp", "0", kOrigin}});
  write_rows(connection, "llx_cronjob (label, datelastrun, lastresult, nbrun, status, datec, tms)",
             {{"PurgeDeleteTemporaryFilesShort", "2025-12-01 03:00:00", "0", "96", "1", kOrigin,
               kOrigin}});
  write_rows(connection, "llx_events (type, dateevent, fk_user, ip, tms)",
             {{"USER_LOGIN", "2025-12-01 08:00:00", "1", "192.0.2.1", kOrigin},
              {"USER_NEW_PASSWORD", "2025-11-01 08:00:00", "1", "192.0.2.1", kOrigin}});
  write_rows(connection, "llx_holiday_config (name, value)",
             {{"lastUpdate", "20251201000000"}, {"userGroup", {}}});
  write_rows(connection, "llx_oauth_token (service, tokenstring, expire_at, tms)",
             {{"Google", "{\"access_token\":\"invented\"}", "2025-12-01 09:00:00", kOrigin}});
}

void write_parties(PGconn* connection, const Company& company) {
  write_table(connection, "llx_societe (rowid, nom, town, tva_intra, note_private, datec, tms)",
              [&](CopyWriter& out) {
                for (const Customer& customer : company.customers)
                  out.add({text(customer.id), customer.name, customer.town, customer.vat_number,
                           customer.id % 4 == 0 ? Value("Back\\slash,\ttab\nand line") : Value(),
                           kOrigin, kOrigin});
              });
  write_rows(connection, "llx_categorie (label, type, description, tms)",
             {{"Bons clients", "2", "<p>Fidèles</p>", kOrigin}, {"Mobilier", "0", {}, kOrigin}});
  write_table(connection, "llx_categorie_societe (fk_categorie, fk_soc)", [&](CopyWriter& out) {
    for (const Customer& customer : company.customers)
      if (customer.id % 3 == 0) out.add({"1", text(customer.id)});
  });
  write_table(connection, "llx_societe_commerciaux (fk_soc, fk_user)", [&](CopyWriter& out) {
    for (const Customer& customer : company.customers)
      if (customer.id % 2 == 0) out.add({text(customer.id), "2"});
  });
  write_rows(connection,
             "llx_societe_remise_except (fk_soc, datec, amount_ht, amount_tva, amount_ttc, "
             "fk_user, description)",
             {{"1", kOrigin, "100", "20", "120", "1", "Remise de bienvenue"}});
  write_table(connection, "llx_product (rowid, ref, label, price, tva_tx, stock, datec, tms)",
              [&](CopyWriter& out) {
                for (const Product& product : company.products)
                  out.add({text(product.id), product.ref, product.label, money(product.price), "20",
                           "1.5", kOrigin, kOrigin});
              });
  write_rows(connection, "llx_ticket (ref, track_id, fk_soc, subject, fk_statut, datec, tms)",
             {{"TS2401-0001", "abc123", "1", "Une chaise grince", "0", kOrigin, kOrigin},
              {"TS2401-0002", "def456", "2", "Pied cassé", "8", kOrigin, kOrigin}});
}

void write_invoices(PGconn* connection, const Company& company) {
  write_table(
      connection,
      "llx_facture (rowid, ref, fk_soc, fk_statut, datec, datef, paye, total_ht, "
      "total_tva, total_ttc, note_private, last_main_doc, tms)",
      [&](CopyWriter& out) {
        for (const Invoice& invoice : company.invoices)
          out.add({text(invoice.id), invoice.ref, text(invoice.customer), invoice.draft ? "0" : "1",
                   moment_text(invoice.date), day_text(invoice.date),
                   text(invoice.id % 3 == 0 ? 1 : 0), money(invoice.total), money(invoice.vat),
                   money(invoice.total + invoice.vat),
                   invoice.id % 7 == 0 ? Value("À rappeler") : Value(),
                   fmt::format("facture/{0}/{0}.pdf", invoice.ref), moment_text(invoice.date)});
      });
  write_table(
      connection,
      "llx_facturedet (fk_facture, fk_product, description, tva_tx, qty, subprice, "
      "total_ht, rang)",
      [&](CopyWriter& out) {
        for (const Invoice& invoice : company.invoices) {
          int rank = 0;
          for (const Line& line : invoice.lines) {
            const Product& product = company.products[static_cast<size_t>(line.product - 1)];
            out.add({text(invoice.id), text(line.product), product.label, "20", text(line.quantity),
                     money(product.price), money(line.total), text(++rank)});
          }
        }
      });
  write_table(connection,
              "llx_element_contact (datecreate, element_id, fk_c_type_contact, fk_socpeople)",
              [&](CopyWriter& out) {
                for (const Invoice& invoice : company.invoices)
                  if (invoice.id % 5 == 0)
                    out.add({moment_text(invoice.date), text(invoice.id), "2", "1"});
              });
}

void write_ledger(PGconn* connection, const Company& company) {
  write_table(connection,
              "llx_accounting_bookkeeping (doc_date, doc_type, doc_ref, fk_doc, numero_compte, "
              "label_operation, debit, credit, piece_num, tms)",
              [&](CopyWriter& out) {
                for (const Invoice& invoice : company.invoices) {
                  if (invoice.draft) continue;
                  const auto entry = [&](const char* account, Cents debit, Cents credit) {
                    out.add({day_text(invoice.date), "customer_invoice", invoice.ref,
                             text(invoice.id), account, "Vente " + invoice.ref, money(debit),
                             money(credit), text(invoice.id), moment_text(invoice.date)});
                  };
                  entry("411", invoice.total + invoice.vat, 0);
                  entry("707", 0, invoice.total);
                  entry("44571", 0, invoice.vat);
                }
              });
  write_table(connection,
              "llx_actioncomm (ref, datep, label, fk_soc, elementtype, fk_element, tms)",
              [&](CopyWriter& out) {
                for (const Invoice& invoice : company.invoices)
                  if (!invoice.draft)
                    out.add({text(invoice.id), moment_text(invoice.date),
                             fmt::format("Facture {} validée", invoice.ref), text(invoice.customer),
                             "invoice", text(invoice.id), moment_text(invoice.date)});
              });
}

// Each row signs the one before it: what a reader checks after a restore.
void write_legal_log(PGconn* connection, const Company& company) {
  std::string previous = hex_digest("SHA256", kSalt);
  write_table(
      connection,
      "llx_blockedlog (date_creation, action, amounts, element, user_fullname, fk_object, "
      "ref_object, date_object, signature, signature_line, object_data, object_version, tms)",
      [&](CopyWriter& out) {
        for (const Invoice& invoice : company.invoices) {
          if (invoice.draft) continue;
          const Cents amount = invoice.total + invoice.vat;
          const std::string data = fmt::format(
              "{{\"ref\":\"{}\",\"total_ttc\":\"{}\",\"thirdparty\":{{\"id\":\"{}\"}}}}",
              invoice.ref, money(amount), invoice.customer);
          const auto epoch = invoice.date.time_since_epoch().count();
          const std::string key =
              fmt::format("{}|BILL_VALIDATE|{:.14G}|{}|{}|{}|{}", epoch,
                          static_cast<double>(amount) / 100, invoice.ref, epoch, kUserName, data);
          previous = hex_digest("SHA256", kSalt + previous + key);
          out.add({moment_text(invoice.date), "BILL_VALIDATE", money(amount), "facture", kUserName,
                   text(invoice.id), invoice.ref, moment_text(invoice.date), previous,
                   hex_digest("SHA256", kSalt + key), data, "22.0.4", moment_text(invoice.date)});
        }
      });
}

void write_file_index(PGconn* connection, const Company& company) {
  write_table(connection,
              "llx_ecm_files (ref, label, filepath, filename, src_object_type, src_object_id, "
              "gen_or_uploaded, date_c, tms)",
              [&](CopyWriter& out) {
                for (const Document& document : company.documents) {
                  if (document.object_type.empty()) continue;
                  const size_t slash = document.path.rfind('/');
                  const bool generated = document.path.ends_with(".pdf");
                  out.add({hex_digest("MD5", document.path), hex_digest("MD5", document.content),
                           document.path.substr(0, slash), document.path.substr(slash + 1),
                           document.object_type, text(document.object_id),
                           generated ? "generated" : "uploaded", moment_text(document.modified),
                           moment_text(document.modified)});
                }
              });
}

}  // namespace

std::string hex_digest(const char* algorithm, const std::string& content) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  size_t size = 0;
  if (EVP_Q_digest(nullptr, algorithm, nullptr, content.data(), content.size(), digest, &size) != 1)
    throw Error(Errc::bug, std::string("OpenSSL has no ") + algorithm);
  std::string hex;
  for (size_t at = 0; at < size; ++at) hex += fmt::format("{:02x}", digest[at]);
  return hex;
}

void write_database(const DatabaseSettings& settings, const Company* company) {
  const Connection connection = connect(settings);
  run(connection.get(), "SET client_min_messages = warning; BEGIN");
  run(connection.get(), kSchema);
  if (company != nullptr) {
    write_setup(connection.get());
    write_parties(connection.get(), *company);
    write_invoices(connection.get(), *company);
    write_ledger(connection.get(), *company);
    write_legal_log(connection.get(), *company);
    write_file_index(connection.get(), *company);
    run(connection.get(), kAfterRows);
  }
  run(connection.get(), "COMMIT");
}

}  // namespace dolibarr_backup::company
