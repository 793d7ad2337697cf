// What a real API server holds, as the test server's Store shows it: lists and watches, kept in memory. The status of
// pods is the kubelet's own: it is written here first and patched into the server in the same order.
import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

const kinds = {
  pods: ['/api/v1', 'Pod'], secrets: ['/api/v1', 'Secret'], configmaps: ['/api/v1', 'ConfigMap'],
  persistentvolumeclaims: ['/api/v1', 'PersistentVolumeClaim'], events: ['/api/v1', 'Event'],
  jobs: ['/apis/batch/v1', 'Job'], deployments: ['/apis/apps/v1', 'Deployment'], statefulsets: ['/apis/apps/v1', 'StatefulSet'],
};

export class Mirror extends EventEmitter {
  objects = new Map(); // "resource/namespace/name" -> object
  log = []; // every change seen: { type, resource, object }
  version = 0;
  #api; #own = new Map(); #pushes = Promise.resolve(); #removed = new Set(); #closed = false;

  constructor(api) { super(); this.setMaxListeners(0); this.#api = api; }

  async start() { await Promise.all(Object.keys(kinds).map((resource) => this.#watch(resource))); }
  close() { this.#closed = true; }

  key(resource, namespace, name) { return `${resource}/${namespace ?? ''}/${name}`; }
  get(resource, namespace, name) { return this.objects.get(this.key(resource, namespace, name)); }
  list(resource, namespace) {
    return [...this.objects.entries()].filter(([key, one]) => key.startsWith(`${resource}/`) && (namespace === undefined || one.metadata.namespace === namespace)).map(([, one]) => one);
  }

  // Returns after the first list; goes on until close().
  async #watch(resource) {
    const [group, kind] = kinds[resource];
    const read = async () => {
      const list = await this.#api.call('GET', `${group}/${resource}`);
      const there = new Set();
      for (const item of list.items) {
        there.add(this.key(resource, item.metadata.namespace, item.metadata.name));
        this.#seen('MODIFIED', resource, kind, item);
      }
      for (const one of this.list(resource)) if (!there.has(this.key(resource, one.metadata.namespace, one.metadata.name))) this.#seen('DELETED', resource, kind, one);
      return list.metadata.resourceVersion;
    };
    let version = await read();
    const follow = async () => {
      while (!this.#closed) {
        try {
          version ??= await read();
          await this.#api.lines(`${group}/${resource}?watch=1&resourceVersion=${version}`, (line) => {
            const { type, object } = JSON.parse(line);
            if (type === 'ERROR') { version = undefined; return; }
            version = object.metadata.resourceVersion;
            this.#seen(type, resource, kind, object);
          });
        } catch (error) {
          if (this.#closed) return;
          version = undefined;
          await sleep(200);
        }
      }
    };
    follow();
  }

  #seen(told, resource, kind, item) {
    const key = this.key(resource, item.metadata.namespace, item.metadata.name);
    const old = this.objects.get(key);
    if (told === 'DELETED' && !old) return;
    if (told !== 'DELETED' && old?.metadata.resourceVersion === item.metadata.resourceVersion) return;
    const { uid } = item.metadata;
    if (old && old.metadata.uid !== uid) this.#change('DELETED', resource, key, old);
    const object = { apiVersion: kinds[resource][0].replace(/^\/apis?\//, ''), kind, ...item };
    if (this.#own.has(uid)) object.status = this.#own.get(uid);
    const type = told === 'DELETED' ? told : this.objects.has(key) ? 'MODIFIED' : 'ADDED';
    if (type === 'DELETED') this.#own.delete(uid);
    this.#change(type, resource, key, object);
  }
  #change(type, resource, key, object) {
    if (type === 'DELETED') this.objects.delete(key); else this.objects.set(key, object);
    const entry = { type, resource, object, version: ++this.version };
    this.log.push(entry);
    this.emit('change', entry);
  }

  // --- what the kubelet writes: one request after the other ---
  #push(what, send) { this.#pushes = this.#pushes.then(send).catch((error) => { if (!this.#closed && error.code !== 404 && error.code !== 409) console.error(`${what}: ${error.message}`); }); }
  path(resource, { metadata }) { return `${kinds[resource][0]}/namespaces/${metadata.namespace}/${resource}/${metadata.name}`; }
  update(resource, object, edit) {
    const current = this.get(resource, object.metadata.namespace, object.metadata.name);
    if (!current || current.metadata.uid !== object.metadata.uid) return undefined;
    const made = structuredClone(current);
    if (edit(made) === false || JSON.stringify(made.status) === JSON.stringify(current.status)) return current;
    this.#own.set(made.metadata.uid, made.status);
    this.#change('MODIFIED', resource, this.key(resource, made.metadata.namespace, made.metadata.name), made);
    this.#push('status', () => this.#api.call('PATCH', `${this.path(resource, made)}/status`, { metadata: { uid: made.metadata.uid }, status: made.status }, 'application/merge-patch+json'));
    return made;
  }
  remove(resource, object) {
    const { uid } = object.metadata;
    if (this.#removed.has(uid)) return;
    this.#removed.add(uid);
    this.#push('delete', () => this.#api.call('DELETE', this.path(resource, object), { apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds: 0, preconditions: { uid } }));
  }
  add(resource, object) { this.#push(resource, () => this.#api.call('POST', `${kinds[resource][0]}/namespaces/${object.metadata.namespace}/${resource}`, object)); }
}
