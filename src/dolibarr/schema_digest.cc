#include "dolibarr/schema_digest.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "dolibarr/pg_session.h"
#include "stream/digest.h"

namespace dolibarr_backup {
namespace {

// Rare objects at the end count by their name alone: made or dropped is seen, altered is not.
// One text per object. Each branch begins with a word of its own, so that objects of
// different kinds never look alike. Names that %I quotes and pg_get_*def()'s output
// are unambiguous under the pinned, empty search_path.
constexpr std::string_view kObjects = R"(
, object(definition) AS (
SELECT pg_catalog.format('schema %I', s.nspname) FROM space s
UNION ALL
SELECT pg_catalog.format('extension %I %s %I', e.extname, e.extversion, n.nspname)
FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
UNION ALL
SELECT pg_catalog.format('relation %s %s %s %s %s %s %s %s', r.title, r.relkind, r.relpersistence,
  r.reloptions, r.relrowsecurity, r.relforcerowsecurity, r.relreplident,
  pg_catalog.pg_get_expr(r.relpartbound, r.id))
FROM relation r WHERE r.relkind NOT IN ('i', 'I', 't')
UNION ALL
SELECT pg_catalog.format('inherits %s %s %s', r.title, i.inhseqno, i.inhparent::pg_catalog.regclass)
FROM pg_catalog.pg_inherits i JOIN relation r ON r.id = i.inhrelid WHERE r.relkind NOT IN ('i', 'I')
UNION ALL
SELECT pg_catalog.format('partition key %s %s', r.title, pg_catalog.pg_get_partkeydef(r.id))
FROM relation r WHERE r.relkind = 'p'
UNION ALL
SELECT pg_catalog.format('column %s %s %I %s %s %s %s %s %s %s %s %s', r.title,
  pg_catalog.row_number() OVER (PARTITION BY a.attrelid ORDER BY a.attnum), a.attname,
  pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated,
  a.attstorage, {compression}, coalesce(a.attstattarget, -1),
  CASE WHEN a.attcollation <> t.typcollation THEN
    a.attcollation::pg_catalog.regcollation::pg_catalog.text END,
  pg_catalog.pg_get_expr(d.adbin, d.adrelid))
FROM pg_catalog.pg_attribute a JOIN relation r ON r.id = a.attrelid
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attnum > 0 AND NOT a.attisdropped AND r.relkind IN ('r', 'p', 'v', 'm', 'f', 'c')
UNION ALL
SELECT pg_catalog.format('constraint %s %s %I %s', r.title, t.typname, c.conname,
  pg_catalog.pg_get_constraintdef(c.oid))
FROM pg_catalog.pg_constraint c JOIN space s ON s.oid = c.connamespace
LEFT JOIN relation r ON r.id = c.conrelid LEFT JOIN pg_catalog.pg_type t ON t.oid = c.contypid
UNION ALL
SELECT pg_catalog.format('index %s %s %s', pg_catalog.pg_get_indexdef(i.indexrelid),
  i.indisclustered, i.indisreplident)
FROM pg_catalog.pg_index i JOIN relation r ON r.id = i.indrelid WHERE r.relkind <> 't'
UNION ALL
SELECT pg_catalog.format('trigger %s %s', pg_catalog.pg_get_triggerdef(t.oid), t.tgenabled)
FROM pg_catalog.pg_trigger t JOIN relation r ON r.id = t.tgrelid WHERE NOT t.tgisinternal
UNION ALL
SELECT pg_catalog.format('event trigger %I %s %s %s %s', e.evtname, e.evtevent,
  e.evtfoid::pg_catalog.regprocedure, e.evtenabled, e.evttags)
FROM pg_catalog.pg_event_trigger e
UNION ALL
SELECT pg_catalog.format('rule %s %s', pg_catalog.pg_get_ruledef(w.oid), w.ev_enabled)
FROM pg_catalog.pg_rewrite w JOIN relation r ON r.id = w.ev_class
UNION ALL
SELECT pg_catalog.format('policy %s %I %s %s %s %s', r.title, p.polname, p.polcmd, p.polpermissive,
  pg_catalog.pg_get_expr(p.polqual, p.polrelid), pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid))
FROM pg_catalog.pg_policy p JOIN relation r ON r.id = p.polrelid
UNION ALL
SELECT pg_catalog.format('routine %s', pg_catalog.pg_get_functiondef(f.id))
FROM routine f WHERE f.prokind <> 'a'
UNION ALL
SELECT pg_catalog.format('aggregate %s %s %s %s %s', f.id::pg_catalog.regprocedure,
  g.aggtransfn, g.aggfinalfn, pg_catalog.format_type(g.aggtranstype, NULL), g.agginitval)
FROM routine f JOIN pg_catalog.pg_aggregate g ON g.aggfnoid = f.id
UNION ALL
SELECT pg_catalog.format('type %I.%I %s %s %s %s %s %s', s.nspname, t.typname, t.typtype,
  CASE WHEN t.typtype = 'd' THEN pg_catalog.format_type(t.typbasetype, t.typtypmod) END,
  t.typnotnull, t.typdefault,
  (SELECT pg_catalog.format_type(g.rngsubtype, NULL) FROM pg_catalog.pg_range g WHERE g.rngtypid = t.oid),
  (SELECT pg_catalog.string_agg(pg_catalog.quote_literal(e.enumlabel), ',' ORDER BY e.enumsortorder)
   FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid))
FROM pg_catalog.pg_type t JOIN space s ON s.oid = t.typnamespace
WHERE t.typtype IN ('d', 'e', 'r', 'm')
AND NOT EXISTS (SELECT FROM member m WHERE m.objid = t.oid
                AND m.classid = 'pg_catalog.pg_type'::pg_catalog.regclass)
UNION ALL
SELECT pg_catalog.format('sequence %s %s %s %s %s %s %s %s', r.title,
  pg_catalog.format_type(q.seqtypid, NULL), q.seqstart, q.seqincrement, q.seqmin, q.seqmax, q.seqcycle,
  q.seqcache)
FROM pg_catalog.pg_sequence q JOIN relation r ON r.id = q.seqrelid
UNION ALL
SELECT pg_catalog.format('sequence owner %s %s %I', r.title, o.refobjid::pg_catalog.regclass, a.attname)
FROM pg_catalog.pg_depend o JOIN relation r ON r.id = o.objid AND r.relkind = 'S'
JOIN pg_catalog.pg_attribute a ON a.attrelid = o.refobjid AND a.attnum = o.refobjsubid
WHERE o.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND o.refclassid = o.classid
AND o.deptype IN ('a', 'i')
UNION ALL
SELECT pg_catalog.format('statistics %s', pg_catalog.pg_get_statisticsobjdef(x.oid))
FROM pg_catalog.pg_statistic_ext x JOIN relation r ON r.id = x.stxrelid
UNION ALL
SELECT pg_catalog.format('comment %s %s %s %s', i.type, i.identity, d.objsubid, d.description)
FROM pg_catalog.pg_description d
JOIN pg_catalog.pg_class k ON k.oid = d.classoid AND k.relnamespace =
  'pg_catalog'::pg_catalog.regnamespace
CROSS JOIN LATERAL pg_catalog.pg_identify_object(d.classoid, d.objoid, 0) i
WHERE d.objoid >= 16384
UNION ALL
SELECT pg_catalog.format('%s %s', i.type, i.identity)
FROM (
  SELECT tableoid AS class, oid AS id FROM pg_catalog.pg_cast
  UNION ALL SELECT tableoid, oid FROM pg_catalog.pg_collation
  UNION ALL SELECT tableoid, oid FROM pg_catalog.pg_conversion
  UNION ALL SELECT tableoid, oid FROM pg_catalog.pg_foreign_data_wrapper
  UNION ALL SELECT tableoid, oid FROM pg_catalog.pg_foreign_server
  UNION ALL SELECT tableoid, oid FROM pg_catalog.pg_language
  UNION ALL SELECT tableoid, oid FROM pg_catalog.pg_opclass
  UNION ALL SELECT tableoid, oid FROM pg_catalog.pg_operator
  UNION ALL SELECT tableoid, oid FROM pg_catalog.pg_opfamily
  UNION ALL SELECT tableoid, oid FROM pg_catalog.pg_publication
  UNION ALL SELECT tableoid, oid FROM pg_catalog.pg_publication_rel
  UNION ALL SELECT tableoid, oid FROM pg_catalog.pg_transform
  UNION ALL SELECT tableoid, oid FROM pg_catalog.pg_ts_config
  UNION ALL SELECT tableoid, oid FROM pg_catalog.pg_ts_dict
  UNION ALL SELECT tableoid, oid FROM pg_catalog.pg_ts_parser
  UNION ALL SELECT tableoid, oid FROM pg_catalog.pg_ts_template
) rare
CROSS JOIN LATERAL pg_catalog.pg_identify_object(rare.class, rare.id, 0) i
WHERE rare.id >= 16384
AND NOT EXISTS (SELECT FROM member m WHERE m.objid = rare.id AND m.classid = rare.class)
)
)";

// A list of literals compared with a varchar column is shown as (ARRAY['a'::character
// varying])::text[] until it is restored, then as ARRAY[('a'::character varying)::text].
constexpr std::string_view kSameAfterRestore = R"(
SELECT CASE WHEN definition !~ '^routine' AND definition LIKE '%ARRAY[%)::text%' THEN
  pg_catalog.regexp_replace(pg_catalog.regexp_replace(definition,
    $$\(ARRAY\[((?:E?'(?:[^']|'')*'::[a-z ]+(?:, )?)+)\]\)::text\[\]$$, 'ARRAY[\1]', 'g'),
    $$\((E?'(?:[^']|'')*'::[a-z ]+)\)::text$$, '\1', 'g')
  ELSE definition END
FROM object
)";

constexpr int kColumnCompression = 140000;  // pg_attribute.attcompression came with PostgreSQL 14

std::string objects_query(int server_version) {
  std::string query(dumped_objects());
  query += kObjects;
  constexpr std::string_view kPlaceholder = "{compression}";
  query.replace(query.find(kPlaceholder), kPlaceholder.size(),
                server_version >= kColumnCompression ? "a.attcompression" : "NULL");
  return query += kSameAfterRestore;
}

}  // namespace

std::string schema_digest(PgConnection& connection, const std::stop_token& stop) {
  const PgResult rows = connection.query(objects_query(connection.server_version()), {}, stop);
  std::vector<std::string_view> objects;
  objects.reserve(static_cast<size_t>(rows.rows()));
  for (int row = 0; row < rows.rows(); ++row) objects.push_back(rows.view(row, 0));
  // Sorted here: the server's collations differ from server to server.
  std::sort(objects.begin(), objects.end());
  Digest digest = Digest::sha256();
  for (const std::string_view object : objects) {
    digest.update(std::to_string(object.size()) + ":");
    digest.update(object);
  }
  return digest.finish_hex();
}

}  // namespace dolibarr_backup
