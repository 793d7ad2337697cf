// What an API server would say to an object: schemas first, then the rules that stand in none.
import { readFileSync } from 'node:fs';
import { require } from './helm.mjs';

const Ajv = require('ajv');
const read = (name) => JSON.parse(readFileSync(new URL(`./schemas/${name}.json`, import.meta.url), 'utf8'));

// Fields that a definition does not name are errors.
function strict(node) {
  if (Array.isArray(node)) return node.map(strict);
  if (node === null || typeof node !== 'object') return node;
  const made = Object.fromEntries(Object.entries(node).map(([key, value]) => [key, strict(value)]));
  if (made.type === 'object' && made.properties && made.additionalProperties === undefined)
    made.additionalProperties = false;
  return made;
}

const schemas = strict({
  ...read('kubernetes').schemas, ...read('networking'), ...read('vault'), ...read('monitoring'),
});

const ajv = new Ajv({ allErrors: true, strict: true, strictTypes: false, strictTuple: false });
for (const format of ['byte', 'date-time', 'double', 'int-or-string']) ajv.addFormat(format, true);
for (const bits of [32, 64])
  ajv.addFormat(`int${bits}`, { type: 'number', validate: (n) => Number.isInteger(n) && Math.abs(n) < 2 ** (bits - 1) });
ajv.addKeyword({ keyword: 'x-kubernetes-list-type' });
// A server merges entries of one key, or refuses them; both are mistakes here.
ajv.addKeyword({
  keyword: 'x-kubernetes-list-map-keys',
  validate: (keys, list) => new Set(list.map((one) => JSON.stringify(keys.map((key) => one[key])))).size === list.length,
});
ajv.addVocabulary(['components']);
ajv.addSchema({ $id: 'all', components: { schemas } });

const definitions = {
  'batch/v1 CronJob': 'io.k8s.api.batch.v1.CronJob',
  'batch/v1 Job': 'io.k8s.api.batch.v1.Job',
  'v1 ConfigMap': 'io.k8s.api.core.v1.ConfigMap',
  'v1 Secret': 'io.k8s.api.core.v1.Secret',
  'v1 ServiceAccount': 'io.k8s.api.core.v1.ServiceAccount',
  'v1 Pod': 'io.k8s.api.core.v1.Pod',
  'networking.k8s.io/v1 NetworkPolicy': 'networking.v1.NetworkPolicy',
  'secrets.hashicorp.com/v1beta1 VaultStaticSecret': 'secrets.v1beta1.VaultStaticSecret',
  'monitoring.coreos.com/v1 PrometheusRule': 'monitoring.v1.PrometheusRule',
};
const validators = new Map();

function schemaProblems(object) {
  const name = definitions[`${object.apiVersion} ${object.kind}`];
  if (!name) return [`unknown kind ${object.apiVersion} ${object.kind}`];
  if (!validators.has(name)) validators.set(name, ajv.compile({ $ref: `all#/components/schemas/${name}` }));
  const validate = validators.get(name);
  return validate(object) ? [] : validate.errors.map((error) =>
    `${error.instancePath}: ${error.message} ${error.params.additionalProperty ?? ''}`.trim());
}

const subdomain = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;
const labelKey = /^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;
const labelValue = /^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$/;
const quantity = /^[0-9]+(\.[0-9]+)?(m|k|Ki|M|Mi|G|Gi|T|Ti)?$/;

export function* nodes(node, path = '') {
  yield [path, node];
  if (node !== null && typeof node === 'object')
    for (const [key, value] of Object.entries(node)) yield* nodes(value, `${path}/${key}`);
}

export const podOf = (object) => ({ CronJob: object.spec?.jobTemplate?.spec?.template, Pod: object })[object.kind];

function metadataProblems({ kind, metadata }) {
  const problems = [];
  const longest = kind === 'CronJob' ? 52 : 253;
  if (!subdomain.test(metadata?.name ?? '') || metadata.name.length > longest) problems.push(`bad name ${metadata?.name}`);
  if (!metadata?.namespace) problems.push('no namespace');
  return problems;
}

function labelProblems(object) {
  const problems = [];
  for (const [path, node] of nodes(object)) {
    if (!/\/(labels|matchLabels|nodeSelector)$/.test(path) || path.includes('/rules/')) continue;
    for (const [key, value] of Object.entries(node))
      if (!labelKey.test(key) || !labelValue.test(value)) problems.push(`${path}: bad label ${key}=${value}`);
  }
  return problems;
}

// What a server's validation says of a pod beyond its schema.
function podProblems({ spec }) {
  const problems = [];
  const volumes = (spec.volumes ?? []).map((volume) => volume.name);
  for (const volume of spec.volumes ?? [])
    if (Object.keys(volume).length !== 2) problems.push(`volume ${volume.name} must have exactly one source`);
  for (const container of spec.containers) {
    const mounts = container.volumeMounts ?? [];
    for (const mount of mounts) if (!volumes.includes(mount.name)) problems.push(`no volume ${mount.name}`);
    for (const name of volumes) if (!mounts.some((mount) => mount.name === name)) problems.push(`volume ${name} is mounted nowhere`);
    const paths = mounts.map((mount) => mount.mountPath);
    for (const path of paths)
      if (paths.filter((other) => `${other}/`.startsWith(`${path}/`)).length > 1) problems.push(`mounts meet in ${path}`);
    for (const kind of ['requests', 'limits'])
      for (const [name, value] of Object.entries(container.resources?.[kind] ?? {}))
        if (!quantity.test(String(value))) problems.push(`bad quantity ${name}: ${value}`);
    if (/\s|^$/.test(container.image) || !/[:@]/.test(container.image)) problems.push(`bad image ${container.image}`);
  }
  return problems;
}

function cronJobProblems({ spec }) {
  const problems = [];
  const job = spec.jobTemplate.spec;
  if (!/^(@[a-z]+|\S+( +\S+){4})$/.test(spec.schedule) || /TZ=/.test(spec.schedule)) problems.push(`bad schedule ${spec.schedule}`);
  try {
    new Intl.DateTimeFormat('en', { timeZone: spec.timeZone });
  } catch {
    problems.push(`unknown time zone ${spec.timeZone}`);
  }
  if (job.template.spec.restartPolicy !== 'Never') problems.push('podFailurePolicy needs restartPolicy: Never');
  const names = job.template.spec.containers.map((container) => container.name);
  for (const { onExitCodes: codes } of job.podFailurePolicy?.rules ?? []) {
    if (!codes) continue;
    if (!names.includes(codes.containerName)) problems.push(`podFailurePolicy: no container ${codes.containerName}`);
    if (codes.values.includes(0) || [...codes.values].sort((a, b) => a - b).join() !== codes.values.join())
      problems.push('podFailurePolicy: exit codes must be ordered and not 0');
  }
  return problems;
}

// All that is wrong with one object for a server.
export function serverProblems(object) {
  const problems = schemaProblems(object);
  if (problems.length > 0) return problems; // the rest relies on its shape
  problems.push(...metadataProblems(object), ...labelProblems(object));
  if (podOf(object)) problems.push(...podProblems(podOf(object)));
  if (object.kind === 'CronJob') problems.push(...cronJobProblems(object));
  return problems;
}
