#!/usr/bin/env node
// An API server, controllers and a kubelet for tests with the real kubectl. See README.md.
//   node server.mjs CONFIG.json      prints one line of JSON: { url, control, kubeconfig }
import { createServer } from 'node:http';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Api } from './api.mjs';
import { Controllers } from './controllers.mjs';
import { ApiError } from './errors.mjs';
import { Kubelet } from './kubelet.mjs';
import { findings } from './search.mjs';
import { Store } from './store.mjs';
import { typeOf } from './types.mjs';

export const defaults = {
  port: 0, controlPort: 0, user: 'tester', token: undefined, context: 'test', namespace: 'default',
  namespaces: {}, claims: {}, images: {}, objects: [], hosts: {}, mask: [],
  node: { labels: { 'kubernetes.io/arch': 'amd64', 'kubernetes.io/os': 'linux', 'kubernetes.io/hostname': 'node-1' }, cpu: '8', memory: '16Gi' },
  forbid: [], quota: {}, priorityClasses: ['system-cluster-critical', 'system-node-critical'], freeze: [], errors: [], users: true, speed: 1, podDelay: 0, idleStop: 200, mountBackOff: 0, inject: [],
  dropLogs: 0, dropLogAfter: 0, dropLogHow: 'end', oldestVersion: 0, controllersDown: false, keepFolders: false,
};

const read = (request) => new Promise((done, fail) => {
  const parts = [];
  const encoding = request.headers['content-type'] === 'application/vnd.kubernetes.protobuf' ? 'latin1' : 'utf8';
  request.on('data', (part) => parts.push(part)).on('end', () => done(Buffer.concat(parts).toString(encoding))).on('error', fail);
});

export async function startServer(given = {}) {
  for (const key of Object.keys(given)) if (!(key in defaults)) throw new Error(`unknown setting ${key}`);
  const config = { ...structuredClone(defaults), ...given };
  const folder = mkdtempSync(join(tmpdir(), 'kubernetes-test-'));
  const store = new Store();
  const kubelet = new Kubelet(store, config, join(folder, 'pods'));
  mkdirSync(join(folder, 'pods'));
  const api = new Api(store, config, kubelet);
  const requests = [];
  let hangUntil = 0;

  async function answer(request, response) {
    const url = new URL(request.url, 'http://server');
    const body = await read(request);
    const record = { time: new Date().toISOString(), method: request.method, url: request.url, headers: request.headers, body };
    requests.push(record);
    const finish = (code, type, text, headers = {}) => {
      record.code = code;
      response.writeHead(code, { 'Content-Type': type, 'Cache-Control': 'no-cache, private', ...headers });
      response.end(text);
    };
    try {
      if (Date.now() < hangUntil) return; // never answered; the connection stays
      const fault = config.errors.find((one) => one.count !== 0 && (!one.methods || one.methods.includes(request.method)) && new RegExp(one.path ?? '').test(request.url));
      if (fault) {
        if (fault.count > 0) fault.count--;
        if (fault.reset === 'before') { record.code = 0; request.socket.destroy(); return; }
        if (fault.hang === 'before') { record.code = 0; return; }
        if (!(fault.reset === 'after' || fault.hang === 'after')) throw new ApiError(fault.code ?? 500, fault.reason ?? 'InternalError', fault.message ?? 'Internal error occurred: etcdserver: request timed out', undefined, fault.retryAfter ? { 'Retry-After': String(fault.retryAfter) } : {});
      }
      const done = await api.handle({ method: request.method, path: url.pathname.replace(/(.)\/$/, '$1'), query: url.searchParams, headers: request.headers, body });
      if (fault?.hang === 'after') { record.code = 0; return; }
      if (fault?.reset === 'after') { record.code = 0; request.socket.destroy(); return; } // done, but nobody is told
      if (done.stream) {
        record.code = 200;
        done.stream(response);
      } else if (done.text !== undefined) finish(200, 'text/plain', done.text);
      else finish(done.code ?? 200, 'application/json', JSON.stringify(done.body), done.warnings?.length ? { Warning: done.warnings.map((one) => `299 - ${JSON.stringify(one)}`) } : {});
    } catch (error) {
      if (response.headersSent) { response.destroy(); return; }
      if (!(error instanceof ApiError)) console.error(error);
      const told = error instanceof ApiError ? error : new ApiError(500, 'InternalError', `Internal error occurred: ${error.message}`);
      finish(told.code, 'application/json', JSON.stringify(told.status), told.headers);
    }
  }

  // --- listening, and being away ---
  const sockets = new Set();
  let server;
  let port = config.port;
  const listen = () => new Promise((done, fail) => {
    server = createServer({ keepAliveTimeout: 60000 }, answer);
    server.on('connection', (socket) => { sockets.add(socket); socket.on('close', () => sockets.delete(socket)); });
    server.on('error', fail);
    server.listen(port, '127.0.0.1', () => { port = server.address().port; done(); });
  });
  let returns;
  const cut = () => { for (const socket of sockets) socket.destroy(); };
  const leave = (seconds) => {
    clearTimeout(returns);
    if (server) { server.close(); server = undefined; }
    cut();
    if (seconds !== null) returns = setTimeout(() => listen(), seconds * 1000);
  };

  const put = (object, quiet = false) => {
    const type = typeOf(object.apiVersion, object.kind);
    if (!type) throw new Error(`${object.apiVersion} ${object.kind} is not served`);
    const { namespace } = object.metadata;
    const current = store.get(type.resource, namespace ?? '', object.metadata.name);
    if (current && quiet) return current;
    return current ? api.replace(type, current, object) : api.create(type, namespace, object);
  };
  function settle() {
    for (const [name, { labels = {} } = {}] of Object.entries({ default: {}, ...config.namespaces })) put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } }, true);
    for (const claim of Object.keys(config.claims)) {
      const [namespace, name] = claim.split('/');
      put({ apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name, namespace }, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } }, true);
    }
    bindClaims();
  }
  // A claim is bound when there is a folder for it.
  function bindClaims() {
    for (const one of store.list('persistentvolumeclaims')) {
      const found = `${one.metadata.namespace}/${one.metadata.name}` in config.claims;
      if (found && one.status?.phase !== 'Bound')
        store.update('persistentvolumeclaims', one, (each) => { each.spec.volumeName = `pv-${one.metadata.uid}`; each.status = { phase: 'Bound', accessModes: each.spec.accessModes, capacity: each.spec.resources.requests }; });
    }
  }
  store.on('change', ({ type, resource }) => { if (type === 'ADDED' && resource === 'persistentvolumeclaims') setImmediate(bindClaims); });
  settle();
  for (const object of config.objects) put(object);
  const controllers = new Controllers(store, api, config);

  // --- the control endpoint ---
  const state = {
    requests: () => requests,
    objects: () => [...store.objects.values()],
    history: () => store.log.map(({ type, version, object }) => ({ type, version, object })),
    processes: () => kubelet.processes,
  };
  const actions = {
    config(change) {
      for (const key of Object.keys(change)) if (!(key in defaults)) throw new Error(`unknown setting ${key}`);
      Object.assign(config, change);
      settle();
    },
    apply(objects) { for (const object of [objects].flat()) put(object); },
    remove({ apiVersion, kind, namespace, name }) {
      const type = typeOf(apiVersion, kind);
      const current = store.get(type.resource, namespace ?? '', name);
      if (current) api.remove(type, current, { propagationPolicy: 'Background' });
    },
    down({ seconds = null } = {}) { leave(seconds); },
    async up() { clearTimeout(returns); if (!server) await listen(); },
    cut, // every open connection, watches and logs too
    hang({ seconds }) { hangUntil = Date.now() + seconds * 1000; },
    errors(rules) { config.errors = [rules].flat(); },
    'drop-logs': ({ count = 1, after = 0, how = 'end' }) => Object.assign(config, { dropLogs: count, dropLogAfter: after, dropLogHow: how }),
    compact() { config.oldestVersion = store.version + 1; },
    'oom-kill': ({ namespace, name }) => kubelet.oomKill(namespace, name),
    evict({ namespace, name }) {
      const pod = store.get('pods', namespace, name);
      kubelet.status(pod, (status) => kubelet.condition(status, 'DisruptionTarget', 'True', { reason: 'EvictionByEvictionAPI', message: 'Eviction API: evicting' }));
      api.remove(typeOf('v1', 'Pod'), store.get('pods', namespace, name));
    },
    search: ({ needles, texts = {} }) => findings(needles, { requests, history: store.log, processes: kubelet.processes, logs: kubelet.logsOfAll, texts }),
    'rotate-logs': () => kubelet.rotateLogs(),
    stop() { setTimeout(() => stop().then(() => process.exit(0)), 50); },
  };
  const control = createServer(async (request, response) => {
    const [, prefix, name] = request.url.split('/');
    const send = (code, body) => { response.writeHead(code, { 'Content-Type': 'application/json' }); response.end(JSON.stringify(body ?? {})); };
    try {
      const text = await read(request);
      if (prefix === '_test' && request.method === 'GET' && Object.hasOwn(state, name)) send(200, state[name]());
      else if (prefix === '_test' && request.method === 'POST' && Object.hasOwn(actions, name)) send(200, await actions[name](text ? JSON.parse(text) : {}));
      else send(404, { error: `no ${request.method} ${request.url}` });
    } catch (error) { send(400, { error: error.status ? error.status.message : error.message }); }
  });
  await new Promise((done) => { control.listen(config.controlPort, '127.0.0.1', done); });
  await listen();

  async function stop() {
    controllers.close();
    kubelet.close();
    clearTimeout(returns);
    leave(null);
    control.closeAllConnections?.();
    control.close();
    await new Promise((done) => { setTimeout(done, 100); });
    rmSync(folder, { recursive: true, force: true });
  }

  const url = `http://127.0.0.1:${port}`;
  const kubeconfig = join(folder, 'kubeconfig');
  writeFileSync(kubeconfig, JSON.stringify({ apiVersion: 'v1', kind: 'Config', 'current-context': config.context,
    clusters: [{ name: config.context, cluster: { server: url } }], users: [{ name: config.user, user: config.token ? { token: config.token } : {} }],
    contexts: [{ name: config.context, context: { cluster: config.context, user: config.user, namespace: config.namespace } }] }), { mode: 0o600 });
  return { url, control: `http://127.0.0.1:${control.address().port}/_test`, kubeconfig, folder, state, actions, stop };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const text = process.argv[2] ? readFileSync(process.argv[2] === '-' ? 0 : process.argv[2], 'utf8') : '{}';
  const server = await startServer(JSON.parse(text));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => server.stop().then(() => process.exit(0)));
  console.log(JSON.stringify({ url: server.url, control: server.control, kubeconfig: server.kubeconfig }));
}
