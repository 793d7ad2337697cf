// Decodes a body as the real server does: unknown fields by name, wrong types, then what is required.
import { readFileSync } from 'node:fs';

const read = (name) => JSON.parse(readFileSync(new URL(name, import.meta.url), 'utf8'));
export const schemas = { ...read('../../chart/schemas/kubernetes.json').schemas, ...read('./apps.json') };

function resolve(schema) {
  for (;;) {
    if (schema.$ref) schema = schemas[schema.$ref.replace('#/components/schemas/', '')];
    else if (schema.allOf?.length === 1) schema = { ...schema, ...schema.allOf[0], allOf: undefined };
    else return schema;
    if (!schema) throw new Error('a schema refers to nothing');
  }
}

const kindOf = (value) => Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value;
const goType = { string: 'string', boolean: 'bool', array: '[]', object: 'map' };
// RFC 3339, as Go's time wants it.
const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;
const base64 = /^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
export const quantity = /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+|m|u|n|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$/;

// Returns { value, unknown, malformed, missing, unsupported }: value has neither nulls (Go's zero values)
// nor unknown fields.
export function decode(name, body) {
  const found = { unknown: [], malformed: [], missing: [], unsupported: [] };
  const wrong = (path, value, schema) => {
    const type = schema.format?.startsWith('int') ? schema.format : goType[schema.type] ?? schema.type;
    found.malformed.push(`json: cannot unmarshal ${kindOf(value) === 'boolean' ? 'bool' : kindOf(value)} into Go struct field ${path} of type ${type}`);
  };
  function walk(schema, value, path) {
    schema = resolve(schema);
    if (schema.oneOf) {
      if (schema.format === 'int-or-string') {
        if (!(typeof value === 'string' || Number.isInteger(value))) wrong(path, value, { type: 'string' });
      } else if (!['string', 'number'].includes(typeof value) || !quantity.test(String(value))) {
        found.malformed.push("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
      } else return String(value);
      return value;
    }
    switch (schema.type) {
      case 'object': {
        if (kindOf(value) !== 'object') return wrong(path, value, schema);
        if (!schema.properties && !schema.additionalProperties) return value; // free form (FieldsV1)
        const made = {};
        for (const [key, one] of Object.entries(value)) {
          const at = path ? `${path}.${key}` : key;
          const own = schema.properties && Object.hasOwn(schema.properties, key) ? schema.properties[key] : undefined;
          if (!own && !schema.additionalProperties) { found.unknown.push(at); continue; }
          if (one === null) { if (!own) made[key] = ''; continue; }
          const next = walk(own ?? schema.additionalProperties, one, at);
          if (next !== undefined) made[key] = next;
        }
        for (const key of schema.required ?? [])
          if (made[key] === undefined) found.missing.push(path ? `${path}.${key}` : key);
        return made;
      }
      case 'array':
        if (kindOf(value) !== 'array') return wrong(path, value, schema);
        return value.map((one, i) => one === null ? undefined : walk(schema.items, one, `${path}[${i}]`)).filter((one) => one !== undefined);
      case 'string':
        if (typeof value !== 'string') return wrong(path, value, schema);
        if (schema.format === 'byte' && !base64.test(value)) { found.malformed.push(`illegal base64 data at input byte ${value.search(/[^A-Za-z0-9+/]/) < 0 ? value.length : value.search(/[^A-Za-z0-9+/]/)}`); return; }
        if (schema.format === 'date-time' && !time.test(value)) { found.malformed.push(`parsing time ${JSON.stringify(value)} as "2006-01-02T15:04:05Z07:00": cannot parse`); return; }
        if (schema.enum && !schema.enum.includes(value)) found.unsupported.push({ path, value, values: schema.enum });
        return value;
      case 'integer':
        if (!Number.isInteger(value) || Math.abs(value) > 2 ** (schema.format === 'int32' ? 31 : 53) - 1) return wrong(path, value, schema);
        return value;
      case 'boolean':
        if (typeof value !== 'boolean') return wrong(path, value, schema);
        return value;
      case 'number':
        if (typeof value !== 'number') return wrong(path, value, schema);
        return value;
      default:
        return value;
    }
  }
  found.value = walk({ $ref: `#/components/schemas/${name}` }, body, '');
  return found;
}
