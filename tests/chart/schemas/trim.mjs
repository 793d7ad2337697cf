// Makes kubernetes.json: the definitions of what the chart renders and of what the test server in
// tests/kubernetes keeps, and all that they need, out of what an API server publishes. Without
// descriptions: they are nine tenths of it.
//   kubectl get --raw /openapi/v3/apis/batch/v1 > batch.json
//   kubectl get --raw /openapi/v3/api/v1 > core.json
//   node trim.mjs batch.json core.json > kubernetes.json
import { readFileSync } from 'node:fs';

const wanted = ['batch.v1.CronJob', 'batch.v1.Job', 'core.v1.ConfigMap', 'core.v1.Secret',
  'core.v1.ServiceAccount', 'core.v1.Pod', 'core.v1.Event', 'core.v1.Namespace', 'core.v1.PersistentVolumeClaim',
  'autoscaling.v1.Scale'].map((name) => `io.k8s.api.${name}`);
wanted.push('io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions');
const kept = new Set(['x-kubernetes-list-type', 'x-kubernetes-list-map-keys']);

const documents = process.argv.slice(2).map((name) => JSON.parse(readFileSync(name, 'utf8')));
const all = Object.assign({}, ...documents.map((document) => document.components.schemas));

function trimmed(node) {
  if (Array.isArray(node)) return node.map(trimmed);
  if (node === null || typeof node !== 'object') return node;
  return Object.fromEntries(Object.entries(node)
    .filter(([key, value]) => !(key === 'description' && typeof value === 'string') && key !== 'default' &&
      (!key.startsWith('x-kubernetes-') || kept.has(key)))
    .map(([key, value]) => [key, trimmed(value)]));
}

const found = {};
for (const queue = [...wanted]; queue.length > 0;) {
  const name = queue.pop();
  if (found[name]) continue;
  if (!all[name]) throw new Error(`no definition of ${name}`);
  found[name] = trimmed(all[name]);
  for (const [, next] of JSON.stringify(found[name]).matchAll(/#\/components\/schemas\/([^"]+)/g)) queue.push(next);
}
const lines = Object.keys(found).sort().map((name) => `${JSON.stringify(name)}: ${JSON.stringify(found[name])}`);
console.log(`{"kubernetes": ${JSON.stringify(documents[0].info.version)}, "schemas": {\n${lines.join(',\n')}\n}}`);
