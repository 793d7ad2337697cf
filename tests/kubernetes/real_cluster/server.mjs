#!/usr/bin/env node
// A real control plane with the face of the test API server: the same settings, the same control calls. See README.md.
//   node server.mjs PROGRAMS CONFIG.json     prints one line of JSON: { url, control, kubeconfig, administrator }
import { createServer } from 'node:http';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findings } from '../api_server/search.mjs';
import { defaults } from '../api_server/server.mjs';
import { ControlPlane } from './control_plane.mjs';
import { Mirror } from './mirror.mjs';
import { Node } from './node.mjs';
import { Proxy } from './proxy.mjs';

// What the real parts cannot be told to do.
const absent = ['forbid', 'token', 'oldestVersion', 'priorityClasses', 'controllersDown', 'inject'];
const [, , programs, file] = process.argv;
const config = { ...structuredClone(defaults), ...JSON.parse(readFileSync(file, 'utf8')) };
for (const key of absent) if (JSON.stringify(config[key]) !== JSON.stringify(defaults[key])) throw new Error(`a real cluster has no setting ${key}`);

const folder = mkdtempSync(join(tmpdir(), 'kubernetes-real-'));
mkdirSync(join(folder, 'pods'));
const plane = new ControlPlane(programs, folder);
let mirror, node, proxy, control;
function stop(code) {
  for (const one of [proxy && { close: () => proxy.down() }, node, mirror, plane, control]) one?.close();
  rmSync(folder, { recursive: true, force: true });
  process.exit(code);
}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => stop(0));

try { await plane.start(); } catch (error) { console.error(error.message); stop(1); }
const { api } = plane;
mirror = new Mirror(api);
node = new Node(mirror, config, join(folder, 'pods'));
await mirror.start();
await node.register(api, folder);
proxy = new Proxy(api, config);
await proxy.listen();

const plural = (kind) => `${kind.toLowerCase()}s`;
const pathOf = ({ apiVersion, kind, metadata }) => `${apiVersion === 'v1' ? '/api/v1' : `/apis/${apiVersion}`}${metadata.namespace ? `/namespaces/${metadata.namespace}` : ''}/${plural(kind)}`;
async function put(object, quiet = false) {
  try { await api.call('POST', pathOf(object), object); } catch (error) {
    if (error.code !== 409) throw error;
    if (!quiet) await api.call('PUT', `${pathOf(object)}/${object.metadata.name}`, object);
  }
}
const gone = async (path) => { try { await api.call('DELETE', path); } catch (error) { if (error.code !== 404) throw error; } };

// Namespaces with their service account, claims with a volume if they have a folder, quotas.
async function settle() {
  for (const name of ['default', ...Object.keys(config.namespaces)]) {
    await put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: config.namespaces[name]?.labels ?? {} } }, true);
    for (let ready = false; !ready; await sleep(50))
      try {
        const account = await api.call('GET', `/api/v1/namespaces/${name}/serviceaccounts/default`);
        const status = await api.call('GET', `/version`);
        ready = Number(status.minor.replace(/\D/g, '')) >= 24 || account.secrets?.length > 0;
      } catch (error) { if (error.code !== 404) throw error; }
    const quota = { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'quota', namespace: name }, spec: { hard: Object.fromEntries(Object.entries(config.quota[name] ?? {}).map(([key, value]) => [key, String(value)])) } };
    if (!config.quota[name]) { await gone(`/api/v1/namespaces/${name}/resourcequotas/quota`); continue; }
    await put(quota);
    while ((await api.call('GET', `${pathOf(quota)}/quota`)).status?.hard === undefined) await sleep(50);
  }
  for (const [claim, path] of Object.entries(config.claims)) {
    const [namespace, name] = claim.split('/');
    const spec = { accessModes: ['ReadWriteOnce'], storageClassName: '' };
    const made = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name, namespace }, spec: { ...spec, resources: { requests: { storage: '1Gi' } } } };
    // The volume first: a claim that finds none is looked at again much later.
    if (path) await put({ apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name: `${namespace}-${name}` }, spec: { ...spec, capacity: { storage: '1Gi' }, hostPath: { path }, claimRef: { namespace, name } } }, true);
    await put(made, true);
    while (path && (await api.call('GET', `${pathOf(made)}/${name}`)).status?.phase !== 'Bound') await sleep(50);
  }
  await hurry();
}
// "speed": the real controllers cannot be hurried, so the times that they wait for are made shorter.
async function hurry(jobs = mirror.list('jobs')) {
  if (config.speed === 1) return;
  const less = (seconds) => (seconds === undefined ? undefined : Math.ceil(seconds / config.speed));
  for (const job of jobs)
    try {
      await api.call('PATCH', mirror.path('jobs', job), { spec: { activeDeadlineSeconds: less(job.spec.activeDeadlineSeconds), ttlSecondsAfterFinished: less(job.spec.ttlSecondsAfterFinished) } }, 'application/merge-patch+json');
    } catch (error) { if (error.code !== 404) throw error; }
}
mirror.on('change', ({ type, resource, object }) => { if (type === 'ADDED' && resource === 'jobs') hurry([object]).catch((error) => console.error(error.message)); });
await settle();
for (const object of config.objects) await put(object);

// --- the control endpoint ---
const ofTheCluster = ({ kind, metadata, type }) => metadata.namespace?.startsWith('kube-') || (kind === 'ConfigMap' && metadata.name === 'kube-root-ca.crt') || type === 'kubernetes.io/service-account-token';
const audit = () => (existsSync(join(folder, 'audit.log')) ? readFileSync(join(folder, 'audit.log'), 'utf8').split('\n') : []);
const state = {
  requests: () => proxy.requests,
  objects: () => [...mirror.objects.values()].filter((one) => !ofTheCluster(one)),
  history: () => mirror.log.filter(({ object }) => !ofTheCluster(object)).map(({ type, version, object }) => ({ type, version, object })),
  processes: () => node.processes,
};
const actions = {
  async config(change) {
    for (const key of Object.keys(change)) if (!(key in defaults) || absent.includes(key)) throw new Error(`a real cluster has no setting ${key}`);
    Object.assign(config, change);
    await settle();
  },
  async apply(objects) { for (const object of [objects].flat()) await put(object); },
  async remove({ apiVersion, kind, namespace, name }) { await gone(`${pathOf({ apiVersion, kind, metadata: { namespace } })}/${name}?propagationPolicy=Background`); },
  down({ seconds = null } = {}) { proxy.down(seconds); },
  up: () => proxy.up(),
  cut: () => proxy.cut(),
  hang: ({ seconds }) => proxy.hang(seconds),
  errors(rules) { config.errors = [rules].flat(); },
  'drop-logs': ({ count = 1, after = 0, how = 'end' }) => { Object.assign(config, { dropLogs: count, dropLogAfter: after, dropLogHow: how }); },
  'oom-kill': ({ namespace, name }) => node.oomKill(namespace, name),
  search: ({ needles, texts = {} }) => findings(needles, { history: mirror.log, processes: node.processes,
    requests: [...proxy.requests, ...audit().map((line) => ({ method: 'AUDIT', url: '', headers: {}, body: line }))],
    logs: node.logsOfAll, texts }),
  'rotate-logs': () => node.rotateLogs(),
  stop() { setTimeout(() => stop(0), 50); },
};
control = createServer(async (request, response) => {
  const [, prefix, name] = request.url.split('/');
  const send = (code, body) => { response.writeHead(code, { 'content-type': 'application/json' }); response.end(JSON.stringify(body ?? {})); };
  try {
    let text = '';
    for await (const part of request.setEncoding('utf8')) text += part;
    if (prefix === '_test' && request.method === 'GET' && Object.hasOwn(state, name)) send(200, state[name]());
    else if (prefix === '_test' && request.method === 'POST' && Object.hasOwn(actions, name)) send(200, await actions[name](text ? JSON.parse(text) : {}));
    else send(404, { error: `no ${request.method} ${request.url}` });
  } catch (error) { send(400, { error: error.message }); }
});
await new Promise((done) => { control.listen(0, '127.0.0.1', done); });

const url = `http://127.0.0.1:${proxy.port}`;
const kubeconfig = (name, server, user) => {
  const path = join(folder, name);
  writeFileSync(path, JSON.stringify({ apiVersion: 'v1', kind: 'Config', 'current-context': config.context, clusters: [{ name: config.context, cluster: server }], users: [{ name: 'user', user }],
    contexts: [{ name: config.context, context: { cluster: config.context, user: 'user', namespace: config.namespace } }] }), { mode: 0o600 });
  return path;
};
console.log(JSON.stringify({ url, control: `http://127.0.0.1:${control.address().port}/_test`, kubeconfig: kubeconfig('kubeconfig', { server: url }, {}),
  administrator: kubeconfig('administrator', { server: plane.url, 'insecure-skip-tls-verify': true }, { token: ControlPlane.adminToken }) }));
