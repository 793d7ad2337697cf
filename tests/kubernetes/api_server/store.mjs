// The objects, their versions, and who watches them.
import { EventEmitter } from 'node:events';
import { randomUUID } from 'node:crypto';

export const now = () => new Date().toISOString().replace(/\.\d+Z$/, 'Z');
const clone = (value) => structuredClone(value);

export class Store extends EventEmitter {
  objects = new Map(); // "resource/namespace/name" -> object; resource as in "jobs" (unique here without its group)
  log = []; // every change ever: { type, resource, object }, for watches and for searches
  version = 1000;

  constructor() { super(); this.setMaxListeners(0); }

  key(resource, namespace, name) { return `${resource}/${namespace ?? ''}/${name}`; }
  get(resource, namespace, name) { return this.objects.get(this.key(resource, namespace, name)); }
  list(resource, namespace) {
    return [...this.objects.entries()].filter(([key, object]) => key.startsWith(`${resource}/`) &&
      (namespace === undefined || (object.metadata.namespace ?? '') === namespace)).map(([, object]) => object);
  }
  byUid(uid) {
    for (const [key, object] of this.objects) if (object.metadata.uid === uid) return { resource: key.split('/')[0], object };
    return undefined;
  }

  #change(type, resource, object) {
    const old = type === 'ADDED' ? undefined : this.objects.get(this.key(resource, object.metadata.namespace, object.metadata.name));
    object.metadata.resourceVersion = String(++this.version);
    const key = this.key(resource, object.metadata.namespace, object.metadata.name);
    if (type === 'DELETED') this.objects.delete(key);
    else this.objects.set(key, object);
    const entry = { type, resource, object, old, version: this.version };
    this.log.push(entry);
    this.emit('change', entry);
  }

  add(resource, object) {
    const made = clone(object);
    made.metadata.uid ??= randomUUID();
    made.metadata.creationTimestamp ??= now();
    this.#change('ADDED', resource, made);
    return made;
  }
  // Objects are never changed in place: watches and searches see each version as it was.
  update(resource, object, edit) {
    const current = this.get(resource, object.metadata.namespace, object.metadata.name);
    if (!current || current.metadata.uid !== object.metadata.uid) return undefined;
    const made = clone(current);
    if (edit(made) === false) return current;
    if (JSON.stringify(made) === JSON.stringify(current)) return current;
    if (made.metadata.deletionTimestamp && !made.metadata.finalizers?.length && made.metadata.deletionGracePeriodSeconds === 0) {
      this.#change('DELETED', resource, made);
      return made;
    }
    this.#change('MODIFIED', resource, made);
    return made;
  }
  remove(resource, object) {
    const current = this.get(resource, object.metadata.namespace, object.metadata.name);
    if (!current || current.metadata.uid !== object.metadata.uid) return undefined;
    const made = clone(current);
    this.#change('DELETED', resource, made);
    return made;
  }
}

const name5 = () => Array.from({ length: 5 }, () => 'bcdfghjklmnpqrstvwxz2456789'[Math.floor(Math.random() * 27)]).join('');
export const generated = (prefix) => `${prefix.slice(0, 58)}${name5()}`;

// Events are objects; one that repeats counts.
export function event(store, { kind, apiVersion, object, type = 'Normal', reason, message, component, fieldPath }) {
  const { namespace, name, uid, resourceVersion } = object.metadata;
  const same = store.list('events', namespace).find((one) => one.involvedObject.uid === uid && one.reason === reason &&
    one.message === message && one.source.component === component && one.involvedObject.fieldPath === fieldPath);
  if (same) {
    store.update('events', same, (one) => { one.count += 1; one.lastTimestamp = now(); });
    return;
  }
  store.add('events', {
    kind: 'Event', apiVersion: 'v1',
    metadata: { name: `${name}.${(BigInt(Date.now()) * 1000000n + BigInt(store.version)).toString(16)}`, namespace },
    involvedObject: { kind, namespace, name, uid, apiVersion, resourceVersion, ...(fieldPath ? { fieldPath } : {}) },
    reason, message, source: { component, ...(component === 'kubelet' ? { host: 'node-1' } : {}) },
    firstTimestamp: now(), lastTimestamp: now(), count: 1, type, eventTime: null,
    reportingComponent: component, reportingInstance: component === 'kubelet' ? 'node-1' : '',
  });
}
