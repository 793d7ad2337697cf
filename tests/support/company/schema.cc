#include "support/company/schema.h"

namespace dolibarr_backup::company {

// Which tables have `tms`, and which of these no trigger, is as in Dolibarr on
// PostgreSQL: changes to the others are what a look at max(tms) overlooks.
const char* const kSchema = R"(
create function update_modified_column_tms() returns trigger language plpgsql as
  $$ begin new.tms = now(); return new; end $$;
create function dol_util_year_of(moment timestamp) returns integer language sql immutable as
  $$ select extract(year from moment)::integer $$;

create table llx_const (rowid serial primary key, name varchar(180) not null,
  entity integer default 1 not null, value text not null, type varchar(64) default 'string',
  visible smallint default 1, note text, tms timestamp default now() not null,
  unique (name, entity));
create table llx_user (rowid serial primary key, entity integer default 1 not null,
  login varchar(50) not null unique, pass_crypted varchar(128), lastname varchar(50),
  firstname varchar(50), admin smallint default 0, statut integer default 1,
  datelastlogin timestamp, datepreviouslogin timestamp, iplastlogin varchar(250),
  ippreviouslogin varchar(250), flagdelsessionsbefore timestamp, datec timestamp,
  tms timestamp default now() not null);
create table llx_user_rights (rowid serial primary key, entity integer default 1 not null,
  fk_user integer not null references llx_user (rowid), fk_id integer not null,
  unique (entity, fk_user, fk_id));
create table llx_user_param (fk_user integer not null, entity integer default 1 not null,
  param varchar(180) not null, value text not null, unique (fk_user, param, entity));
create table llx_societe (rowid serial primary key, entity integer default 1 not null,
  nom varchar(128), town varchar(50), tva_intra varchar(20), client smallint default 1,
  fournisseur smallint default 0, note_private text, last_main_doc varchar(255), datec timestamp,
  tms timestamp default now() not null);
create index idx_societe_nom on llx_societe (nom);
create table llx_societe_remise_except (rowid serial primary key, entity integer default 1 not null,
  fk_soc integer not null references llx_societe (rowid), datec timestamp, amount_ht numeric(24,8),
  amount_tva numeric(24,8), amount_ttc numeric(24,8), fk_user integer not null, description text);
create table llx_societe_commerciaux (rowid serial primary key, fk_soc integer, fk_user integer,
  unique (fk_soc, fk_user));
create table llx_categorie (rowid serial primary key, entity integer default 1 not null,
  fk_parent integer default 0 not null, label varchar(180) not null, type integer default 1 not null,
  description text, visible smallint default 1 not null, tms timestamp default now() not null);
create table llx_categorie_societe (fk_categorie integer not null, fk_soc integer not null,
  import_key varchar(14), primary key (fk_categorie, fk_soc));
create table llx_product (rowid serial primary key, ref varchar(128) not null,
  entity integer default 1 not null, label varchar(255) not null, price numeric(24,8),
  tva_tx double precision, stock real, description text, datec timestamp,
  tms timestamp default now() not null, unique (ref, entity));
create table llx_facture (rowid serial primary key, ref varchar(30) not null,
  entity integer default 1 not null, fk_soc integer not null references llx_societe (rowid),
  fk_statut smallint default 0 not null, datec timestamp, datef date, date_valid date,
  paye smallint default 0 not null, total_ht numeric(24,8), total_tva numeric(24,8),
  total_ttc numeric(24,8), note_private text, note_public text, last_main_doc varchar(255),
  tms timestamp default now() not null, unique (ref, entity));
create index idx_facture_fk_soc on llx_facture (fk_soc);
create table llx_facturedet (rowid serial primary key,
  fk_facture integer not null references llx_facture (rowid), fk_product integer,
  description text, tva_tx double precision, qty real, subprice numeric(24,8),
  total_ht numeric(24,8), fk_code_ventilation integer default 0 not null,
  rang integer default 0);
create index idx_facturedet_fk_facture on llx_facturedet (fk_facture);
create table llx_accounting_bookkeeping (rowid serial primary key,
  entity integer default 1 not null, doc_date date not null, doc_type varchar(30) not null,
  doc_ref varchar(300) not null, fk_doc integer not null, numero_compte varchar(32) not null,
  label_operation varchar(255), debit numeric(24,8) not null, credit numeric(24,8) not null,
  lettering_code varchar(255), date_lettering timestamp, date_validated timestamp,
  piece_num integer not null, tms timestamp default now() not null);
create table llx_ticket (rowid serial primary key, entity integer default 1, ref varchar(128) not null,
  track_id varchar(128) not null, fk_soc integer default 0, subject varchar(255), message text,
  fk_statut integer, datec timestamp, tms timestamp default now() not null, unique (ref, entity));
create table llx_element_contact (rowid serial primary key, datecreate timestamp, statut smallint
  default 5, element_id integer not null, fk_c_type_contact integer not null,
  fk_socpeople integer not null, unique (element_id, fk_c_type_contact, fk_socpeople));
create table llx_c_type_contact (rowid serial primary key, element varchar(30) not null,
  source varchar(8) default 'external' not null, code varchar(32) not null, libelle varchar(128));
create table llx_c_tva (rowid serial primary key, entity integer default 1 not null,
  fk_pays integer not null, code varchar(10) default '', taux double precision not null,
  note varchar(128), active smallint default 1 not null);
create table llx_ecm_directories (rowid serial primary key, label varchar(64) not null,
  entity integer default 1 not null, fk_parent integer, description varchar(255),
  tms timestamp default now() not null);
create table llx_ecm_files (rowid serial primary key, ref varchar(128), label varchar(128) not null,
  entity integer default 1 not null, filepath varchar(255) not null, filename varchar(255) not null,
  src_object_type varchar(64), src_object_id integer, gen_or_uploaded varchar(12), date_c timestamp,
  tms timestamp default now() not null, unique (filepath, filename, entity));
create table llx_blockedlog (rowid serial primary key, entity integer default 1 not null,
  date_creation timestamp, action varchar(50), amounts numeric(24,8) not null, element varchar(50),
  user_fullname varchar(255), fk_object integer, ref_object varchar(255), date_object timestamp,
  signature varchar(100) not null, signature_line varchar(100) not null, object_data text,
  object_version varchar(32) default '', certified smallint, debuginfo text,
  tms timestamp default now() not null);
create table llx_actioncomm (id serial primary key, ref varchar(30) not null,
  entity integer default 1 not null, datep timestamp, label varchar(255) not null, note text,
  fk_soc integer, elementtype varchar(255), fk_element integer,
  tms timestamp default now() not null);
create table llx_cronjob (rowid serial primary key, label varchar(255) not null,
  datelastrun timestamp, datenextrun timestamp, datelastresult timestamp, lastresult text,
  lastoutput text, nbrun integer, processing integer default 0 not null, pid integer,
  status integer default 0 not null, datec timestamp, tms timestamp default now() not null);
create table llx_events (rowid serial primary key, type varchar(32) not null,
  entity integer default 1 not null, dateevent timestamp, fk_user integer, description varchar(250),
  ip varchar(250), tms timestamp default now() not null);
create table llx_holiday_config (rowid serial primary key, name varchar(128) not null unique,
  value text);
create table llx_oauth_token (rowid serial primary key, service varchar(36), token text,
  tokenstring text, expire_at timestamp, entity integer default 1,
  tms timestamp default now() not null);

create trigger update_customer_modtime before update on llx_const
  for each row execute function update_modified_column_tms();
create trigger update_customer_modtime before update on llx_user
  for each row execute function update_modified_column_tms();
create trigger update_customer_modtime before update on llx_societe
  for each row execute function update_modified_column_tms();
create trigger update_customer_modtime before update on llx_product
  for each row execute function update_modified_column_tms();
create trigger update_customer_modtime before update on llx_facture
  for each row execute function update_modified_column_tms();
create trigger update_customer_modtime before update on llx_ecm_files
  for each row execute function update_modified_column_tms();
create trigger update_customer_modtime before update on llx_blockedlog
  for each row execute function update_modified_column_tms();
create trigger update_customer_modtime before update on llx_actioncomm
  for each row execute function update_modified_column_tms();
create trigger update_customer_modtime before update on llx_cronjob
  for each row execute function update_modified_column_tms();

create view llx_unpaid_by_year as
  select dol_util_year_of(datef::timestamp) as year, count(*) as invoices,
         sum(total_ttc) as total_ttc
    from llx_facture where fk_statut = 1 and paye = 0 group by 1;
create sequence llx_check_number_seq start 1000 increment 5;
)";

const char* const kAfterRows = R"(
do $$
declare part record; highest bigint;
begin
  for part in select table_name, column_name,
                     pg_get_serial_sequence(quote_ident(table_name), column_name) as sequence_name
                from information_schema.columns
               where table_schema = 'public' and column_default like 'nextval(%'
  loop
    execute format('select max(%I) from %I', part.column_name, part.table_name) into highest;
    if highest is not null then perform setval(part.sequence_name, highest); end if;
  end loop;
end $$;
select setval('llx_check_number_seq', 1040);
)";

}  // namespace dolibarr_backup::company
