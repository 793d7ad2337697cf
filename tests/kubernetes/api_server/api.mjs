// What stands between a request and the store: routes, authorization, admission, validation, watches.
import { randomUUID } from 'node:crypto';
import { ApiError, badRequest, conflict, exists, forbidden, gone, invalid, noPath, notAllowed, notFound, unsupported } from './errors.mjs';
import { jsonPatch, mergePatch, strategicPatch } from './patch.mjs';
import { readReview } from './protobuf.mjs';
import { decode } from './schema.mjs';
import { generated, now } from './store.mjs';
import { apiVersion, table, types } from './types.mjs';
import { applyDefaults, Causes, podSecurityProblems, validate, validateUpdate } from './validate.mjs';

const clone = (value) => structuredClone(value);
const review = { group: 'authorization.k8s.io', version: 'v1', resource: 'selfsubjectaccessreviews', kind: 'SelfSubjectAccessReview', short: [], namespaced: false, schema: 'io.k8s.api.authorization.v1.SelfSubjectAccessReview' };
const scaleType = { group: 'autoscaling', version: 'v1', resource: 'scales', kind: 'Scale', schema: 'io.k8s.api.autoscaling.v1.Scale' };
const groups = [...new Set(types.map((type) => type.group))].filter(Boolean);
const scalable = (type) => type.subresources?.includes('scale');

// --- selectors --------------------------------------------------------------------------------

function labelMatcher(text) {
  const tests = [];
  for (let rest = text.trim(); rest !== '';) {
    const one = /^(?:([^\s,!=()]+)\s+(in|notin)\s+\(([^)]*)\)|!\s*([^\s,!=()]+)|([^\s,!=()]+)\s*(==|=|!=)\s*([^\s,!=()]*)|([^\s,!=()]+))\s*(?:,\s*|$)/.exec(rest);
    if (!one) throw badRequest(`unable to parse requirement: found '${rest}'`);
    rest = rest.slice(one[0].length);
    const [, setKey, op, values, absent, key, sign, value, present] = one;
    if (setKey) {
      const list = values.split(',').map((each) => each.trim());
      tests.push(op === 'in' ? (l) => list.includes(l[setKey]) : (l) => !(setKey in l) || !list.includes(l[setKey]));
    } else if (absent) tests.push((l) => !(absent in l));
    else if (present) tests.push((l) => present in l);
    else tests.push(sign === '!=' ? (l) => l[key] !== value : (l) => l[key] === value);
  }
  return (object) => tests.every((test) => test(object.metadata.labels ?? {}));
}

const fields = {
  pods: ['spec.nodeName', 'spec.restartPolicy', 'spec.schedulerName', 'spec.serviceAccountName', 'status.phase', 'status.podIP'],
  events: ['involvedObject.kind', 'involvedObject.namespace', 'involvedObject.name', 'involvedObject.uid', 'involvedObject.apiVersion',
    'involvedObject.resourceVersion', 'involvedObject.fieldPath', 'reason', 'reportingComponent', 'source', 'type'],
  jobs: ['status.successful'], secrets: ['type'], namespaces: ['status.phase'],
};
function fieldMatcher(text, type) {
  const tests = text.split(',').filter(Boolean).map((one) => {
    const [, key, sign, value] = /^([^!=]+)(==|=|!=)(.*)$/.exec(one) ?? [];
    if (!key) throw badRequest(`invalid selector: '${one}'; can't understand '${one}'`);
    if (!['metadata.name', 'metadata.namespace', ...(fields[type.resource] ?? [])].includes(key)) throw badRequest(`field label not supported: ${key}`);
    return (object) => {
      const found = key === 'source' ? object.source?.component : key === 'status.successful' ? object.status?.succeeded ?? 0
        : key.split('.').reduce((node, part) => node?.[part], object);
      return (String(found ?? '') === value) !== (sign === '!=');
    };
  });
  return (object) => tests.every((test) => test(object));
}
function matcher(type, namespace, name, query) {
  const byLabel = labelMatcher(query.get('labelSelector') ?? '');
  const byField = fieldMatcher(query.get('fieldSelector') ?? '', type);
  return (object) => (namespace === undefined || object.metadata.namespace === namespace) &&
    (name === undefined || object.metadata.name === name) && byLabel(object) && byField(object);
}

// --- the server -------------------------------------------------------------------------------

export class Api {
  constructor(store, config, kubelet) {
    Object.assign(this, { store, config, kubelet });
  }

  isForbidden(verb, type, sub, namespace, name) {
    const resource = sub ? `${type.resource}/${sub}` : type.resource;
    const listed = (list, value) => !list || list.includes('*') || list.includes(value);
    return this.config.forbid.some((rule) => listed(rule.verbs, verb) && listed(rule.resources, resource) &&
      listed(rule.namespaces, namespace) && listed(rule.names, name));
  }
  authorize(verb, type, sub, namespace, name) {
    if (!this.isForbidden(verb, type, sub, namespace, name)) return;
    throw forbidden(type, name, `User "${this.config.user}" cannot ${verb} resource "${type.resource}${sub ? `/${sub}` : ''}" in API group "${type.group}"${namespace ? ` in the namespace "${namespace}"` : ' at the cluster scope'}`);
  }

  // --- discovery ---
  discovery(path) {
    if (path === '/version') return { major: '1', minor: '36', gitVersion: 'v1.36.0', gitCommit: '0', gitTreeState: 'clean', buildDate: '2026-01-01T00:00:00Z', goVersion: 'go1.25', compiler: 'gc', platform: 'linux/amd64' };
    if (path === '/api') return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] };
    const group = (name) => ({ name, versions: [{ groupVersion: `${name}/v1`, version: 'v1' }], preferredVersion: { groupVersion: `${name}/v1`, version: 'v1' } });
    const all = [...groups, review.group, 'autoscaling'];
    if (path === '/apis') return { kind: 'APIGroupList', apiVersion: 'v1', groups: all.map(group) };
    const [, one, two, three, ...more] = path.split('/');
    if (more.length > 0) return undefined;
    if (one === 'apis' && two && three === undefined && all.includes(two)) return { kind: 'APIGroup', apiVersion: 'v1', ...group(two) };
    const wanted = one === 'api' && two === 'v1' && three === undefined ? '' : one === 'apis' && three === 'v1' ? two : undefined;
    if (wanted === undefined || (wanted && !all.includes(wanted))) return undefined;
    const verbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];
    const resources = [...types, review].filter((type) => type.group === wanted).flatMap((type) => [
      { name: type.resource, singularName: type.kind.toLowerCase(), namespaced: type.namespaced, kind: type.kind,
        verbs: type === review ? ['create'] : verbs, ...(type.short.length ? { shortNames: type.short } : {}), ...(['pods', 'deployments', 'replicasets', 'statefulsets', 'jobs', 'cronjobs'].includes(type.resource) ? { categories: ['all'] } : {}) },
      ...(type.subresources ?? []).map((sub) => sub === 'scale'
        ? { name: `${type.resource}/scale`, singularName: '', namespaced: true, group: 'autoscaling', version: 'v1', kind: 'Scale', verbs: ['get', 'patch', 'update'] }
        : { name: `${type.resource}/${sub}`, singularName: '', namespaced: true, kind: type.kind, verbs: sub === 'log' ? ['get'] : ['get', 'patch', 'update'] }),
    ]);
    return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: wanted ? `${wanted}/v1` : 'v1', resources };
  }
  openapi(path) {
    const prefix = '/openapi/v3';
    const roots = ['', ...groups];
    const url = (group) => (group ? `apis/${group}/v1` : 'api/v1');
    if (path === prefix) return { paths: Object.fromEntries(roots.map((group) => [url(group), { serverRelativeURL: `${prefix}/${url(group)}?hash=1` }])) };
    const group = roots.find((one) => path === `${prefix}/${url(one)}`);
    if (group === undefined) return undefined;
    // What kubectl looks for: which kinds can be PATCHed, and that the query takes fieldValidation.
    const paths = {};
    for (const type of types.filter((one) => one.group === group))
      paths[`/${url(group)}${type.namespaced ? '/namespaces/{namespace}' : ''}/${type.resource}/{name}`] = { patch: {
        operationId: `patch${type.kind}`, 'x-kubernetes-action': 'patch',
        'x-kubernetes-group-version-kind': { group, version: 'v1', kind: type.kind },
        parameters: ['dryRun', 'fieldManager', 'fieldValidation'].map((name) => ({ name, in: 'query', schema: { type: 'string', uniqueItems: true } })),
        responses: { 200: { description: 'OK' } },
      } };
    return { openapi: '3.0.0', info: { title: 'Kubernetes', version: 'v1.36.0' }, paths, components: { schemas: {} } };
  }

  // --- decoding, admission, creation ---
  decoded(type, body, validation, warnings) {
    if (body === null || typeof body !== 'object' || Array.isArray(body)) throw badRequest(`${type.kind} in version "${type.version}" cannot be handled as a ${type.kind}: json: cannot unmarshal`);
    if (!body.kind || !body.apiVersion) throw badRequest(`Object 'Kind' is missing in '${JSON.stringify(body).slice(0, 80)}'`);
    if (body.kind !== type.kind || body.apiVersion !== apiVersion(type)) throw badRequest(`the API version in the data (${body.apiVersion}, Kind=${body.kind}) does not match the expected API version (${apiVersion(type)}, Kind=${type.kind})`);
    const found = decode(type.schema, body);
    if (found.malformed.length > 0) throw badRequest(`${type.kind} in version "${type.version}" cannot be handled as a ${type.kind}: ${found.malformed[0]}`);
    const unknown = found.unknown.map((field) => `unknown field "${field}"`);
    if (unknown.length > 0 && validation === 'Strict') throw badRequest(`${type.kind} in version "${type.version}" cannot be handled as a ${type.kind}: strict decoding error: ${unknown.join(', ')}`);
    if (validation === 'Warn') warnings.push(...unknown);
    found.value.metadata ??= {};
    return found;
  }
  check(type, found, more) {
    const causes = new Causes();
    for (const path of found.missing) causes.required(path);
    for (const { path, value, values } of found.unsupported) causes.unsupported(path, value, values);
    if (causes.length === 0) causes.push(...more());
    if (causes.length > 0) throw invalid(type, type.kind, found.value.metadata.name ?? '', causes);
  }
  admitPod(type, pod) {
    const { namespace, name } = pod.metadata;
    if (pod.spec.initContainers?.length) throw new ApiError(501, 'NotImplemented', 'the test server runs no init containers');
    const account = pod.spec.serviceAccountName;
    if (!this.store.get('serviceaccounts', namespace, account))
      throw forbidden(type, name, `error looking up service account ${namespace}/${account}: serviceaccount "${account}" not found`);
    const priority = pod.spec.priorityClassName;
    if (priority && !this.config.priorityClasses.includes(priority)) throw forbidden(type, name, `no PriorityClass with name ${priority} was found`);
    const level = this.store.get('namespaces', '', namespace)?.metadata.labels?.['pod-security.kubernetes.io/enforce'];
    const bad = podSecurityProblems(pod.spec, level);
    if (bad.length > 0) throw forbidden(type, name, `violates PodSecurity "${level}:latest": ${bad.join(', ')}`);
    const most = this.config.quota[namespace]?.pods;
    const used = this.store.list('pods', namespace).filter((one) => !['Succeeded', 'Failed'].includes(one.status?.phase)).length;
    if (most !== undefined && used >= most) throw forbidden(type, name, `exceeded quota: test-quota, requested: pods=1, used: pods=${used}, limited: pods=${most}`);
  }
  create(type, namespace, body, { validation = 'Strict', dryRun = false, warnings = [] } = {}) {
    const found = this.decoded(type, body, validation, warnings);
    const object = found.value;
    const { metadata } = object;
    if (type.namespaced) {
      if (metadata.namespace && metadata.namespace !== namespace) throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
      metadata.namespace = namespace;
    } else delete metadata.namespace;
    if (metadata.resourceVersion) throw new ApiError(500, 'InternalError', 'Internal error occurred: resourceVersion should not be set on objects to be created');
    if (!metadata.name && metadata.generateName) metadata.name = generated(metadata.generateName);
    metadata.uid = randomUUID();
    metadata.creationTimestamp = now();
    metadata.generation = ['Job', 'CronJob', 'Deployment', 'ReplicaSet', 'StatefulSet', 'Pod'].includes(type.kind) ? 1 : undefined;
    if (metadata.generation === undefined) delete metadata.generation;
    for (const field of ['deletionTimestamp', 'deletionGracePeriodSeconds', 'selfLink', 'managedFields']) delete metadata[field];
    if (type.subresources?.includes('status')) delete object.status;
    if (type.namespaced) {
      const home = this.store.get('namespaces', '', namespace);
      if (!home) throw notFound({ resource: 'namespaces' }, namespace);
      if (home.status?.phase === 'Terminating') throw forbidden(type, metadata.name, `unable to create new content in namespace ${namespace} because it is being terminated`);
    }
    if (type.kind === 'Pod') // as a mesh's webhook does
      for (const one of this.config.inject.filter(({ pods }) => new RegExp(pods).test(metadata.name))) object.spec.containers.unshift(...clone(one.containers));
    this.check(type, found, () => {
      applyDefaults(type, object);
      if (type.kind === 'Job') this.#labelJob(object);
      if (type.kind === 'Pod') object.status = { phase: 'Pending', qosClass: 'BestEffort' };
      if (type.kind === 'Job') object.status = {};
      return type.kind === 'Pod' && validate(type, object).length === 0 ? (this.admitPod(type, object), []) : validate(type, object);
    });
    if (this.store.get(type.resource, metadata.namespace, metadata.name)) throw exists(type, metadata.name);
    const made = { kind: type.kind, apiVersion: apiVersion(type), ...object };
    if (dryRun) return made;
    const stored = this.store.add(type.resource, made);
    if (type.kind === 'Namespace')
      this.store.add('serviceaccounts', { kind: 'ServiceAccount', apiVersion: 'v1', metadata: { name: 'default', namespace: metadata.name } });
    return stored;
  }
  #labelJob(job) {
    const { name, uid } = job.metadata;
    if (job.spec.manualSelector || !job.spec.template) return;
    const labels = { 'batch.kubernetes.io/controller-uid': uid, 'batch.kubernetes.io/job-name': name, 'controller-uid': uid, 'job-name': name };
    job.spec.template.metadata ??= {};
    job.spec.template.metadata.labels = { ...job.spec.template.metadata.labels, ...labels };
    job.spec.selector ??= { matchLabels: { 'batch.kubernetes.io/controller-uid': uid } };
  }

  replace(type, current, body, { validation = 'Strict', dryRun = false, warnings = [], sub } = {}) {
    const found = this.decoded(type, body, validation, warnings);
    const object = found.value;
    const { name, namespace } = current.metadata;
    if (object.metadata.name !== name) throw badRequest(`the name of the object (${object.metadata.name ?? ''}) does not match the name on the URL (${name})`);
    if (object.metadata.uid && object.metadata.uid !== current.metadata.uid) throw conflict(type, name, `Precondition failed: UID in precondition: ${object.metadata.uid}, UID in object meta: ${current.metadata.uid}`);
    if (object.metadata.resourceVersion && object.metadata.resourceVersion !== current.metadata.resourceVersion)
      throw conflict(type, name, 'the object has been modified; please apply your changes to the latest version and try again');
    for (const field of ['uid', 'creationTimestamp', 'resourceVersion', 'generation', 'deletionTimestamp', 'deletionGracePeriodSeconds', 'namespace', 'generateName'])
      if (current.metadata[field] !== undefined) object.metadata[field] = current.metadata[field]; else delete object.metadata[field];
    const made = sub === 'status' ? { ...clone(current), status: object.status } : { kind: type.kind, apiVersion: apiVersion(type), ...object };
    if (sub !== 'status') {
      if (type.subresources?.includes('status')) if (current.status !== undefined) made.status = clone(current.status); else delete made.status;
      this.check(type, found, () => { applyDefaults(type, made); if (type.kind === 'Namespace') Object.assign(made, { spec: current.spec, status: current.status }); return validateUpdate(type, made, current); });
      if (made.metadata.generation && JSON.stringify(made.spec) !== JSON.stringify(current.spec)) made.metadata.generation++;
    }
    if (dryRun) return made;
    const changed = this.store.update(type.resource, current, (one) => { for (const key of Object.keys(one)) delete one[key]; Object.assign(one, made); });
    if (!changed) throw notFound(type, name, namespace);
    return changed;
  }

  // --- deletion ---
  remove(type, current, { propagationPolicy, orphanDependents, gracePeriodSeconds, preconditions, dryRun } = {}, warnings = []) {
    const { name, uid, resourceVersion } = current.metadata;
    if (preconditions?.uid && preconditions.uid !== uid) throw conflict(type, name, `Precondition failed: UID in precondition: ${preconditions.uid}, UID in object meta: ${uid}`);
    if (preconditions?.resourceVersion && preconditions.resourceVersion !== resourceVersion) throw conflict(type, name, `Precondition failed: ResourceVersion in precondition: ${preconditions.resourceVersion}, ResourceVersion in object meta: ${resourceVersion}`);
    const causes = new Causes();
    if (propagationPolicy !== undefined && !['Foreground', 'Background', 'Orphan'].includes(propagationPolicy)) causes.unsupported('propagationPolicy', propagationPolicy, ['Foreground', 'Background', 'Orphan']);
    if (gracePeriodSeconds < 0) causes.invalid('gracePeriodSeconds', gracePeriodSeconds, 'must be greater than or equal to 0');
    if (causes.length > 0) throw invalid({ group: 'meta.k8s.io' }, 'DeleteOptions', '', causes);
    let policy = propagationPolicy ?? (orphanDependents === true ? 'Orphan' : orphanDependents === false ? 'Background' : undefined);
    if (!policy && type.kind === 'Job') {
      policy = 'Orphan'; // batch/v1 keeps its first behaviour
      warnings.push('child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning');
    }
    const finalizer = { Foreground: 'foregroundDeletion', Orphan: 'orphan' }[policy];
    const done = { object: current, gone: true };
    if (dryRun) return done;
    let grace = 0;
    if (type.kind === 'Pod' && current.spec.nodeName && !['Succeeded', 'Failed'].includes(current.status?.phase)) grace = gracePeriodSeconds ?? current.spec.terminationGracePeriodSeconds ?? 30;
    if (type.kind === 'Namespace') {
      const left = this.store.update(type.resource, current, (one) => { one.metadata.deletionTimestamp ??= now(); one.status = { phase: 'Terminating' }; });
      return { object: left, gone: false };
    }
    const made = this.store.update(type.resource, current, (one) => {
      if (one.metadata.deletionTimestamp && one.metadata.deletionGracePeriodSeconds <= grace && !finalizer) return grace === 0 && !one.metadata.finalizers?.length ? undefined : false;
      const already = one.metadata.deletionTimestamp;
      if (!already || grace < one.metadata.deletionGracePeriodSeconds) {
        one.metadata.deletionTimestamp = already && grace > 0 ? already : new Date(Date.now() + grace * 1000).toISOString().replace(/\.\d+Z$/, 'Z');
        one.metadata.deletionGracePeriodSeconds = grace;
      }
      if (finalizer && !one.metadata.finalizers?.includes(finalizer)) one.metadata.finalizers = [...(one.metadata.finalizers ?? []), finalizer];
      return undefined;
    });
    return { object: made ?? current, gone: !made || !this.store.byUid(uid) };
  }

  // --- requests ---
  // Answers with { code, body } or { stream: (response) => ... }.
  async handle(request) {
    const { method, path, query, headers } = request;
    if (this.config.token && headers.authorization !== `Bearer ${this.config.token}`) throw new ApiError(401, 'Unauthorized', 'Unauthorized');
    if (['/healthz', '/livez', '/readyz'].includes(path)) return { text: 'ok' };
    if (path.startsWith('/openapi/v3')) {
      const document = this.openapi(path);
      if (!document) throw noPath();
      return { body: document };
    }
    const document = this.discovery(path);
    if (document) return { body: document };

    const found = /^\/(?:api\/(?<core>v1)|apis\/(?<group>[^/]+)\/(?<version>[^/]+))(?:\/namespaces\/(?<namespace>[^/]+)(?=\/[^/]))?\/(?<resource>[^/]+)(?:\/(?<name>[^/]+))?(?:\/(?<sub>[^/]+))?$/.exec(path)?.groups;
    if (!found) throw noPath();
    const group = found.group ?? '';
    if (group === review.group && found.resource === review.resource && !found.name) return this.#review(request);
    let { namespace, name, sub, resource } = found;
    if (namespace && ['status', 'finalize'].includes(resource) && !name) [name, sub, resource, namespace] = [namespace, resource, 'namespaces', undefined];
    const type = types.find((one) => one.group === group && one.resource === resource && one.version === (found.version ?? 'v1'));
    if (!type || (sub && !type.subresources?.includes(sub)) || (namespace && !type.namespaced)) throw noPath();
    const watching = ['true', '1'].includes(query.get('watch') ?? '');
    const verb = { GET: name ? 'get' : watching ? 'watch' : 'list', POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: name ? 'delete' : 'deletecollection' }[method];
    if (!verb) throw notAllowed();
    if (type.namespaced && !namespace && (name || verb === 'create')) throw name ? noPath() : notAllowed();
    this.authorize(verb, type, sub, namespace, name);

    const current = name === undefined ? undefined : this.store.get(type.resource, namespace ?? '', name);
    if (name !== undefined && (verb === 'create')) throw notAllowed();
    if (name !== undefined && !current) throw notFound(type, name);
    const warnings = [];
    const dryRun = query.getAll('dryRun').includes('All');
    const validation = query.get('fieldValidation') || 'Warn';
    if (!['Strict', 'Warn', 'Ignore'].includes(validation)) throw invalid({ group: 'meta.k8s.io' }, `${method === 'POST' ? 'Create' : method === 'PUT' ? 'Update' : 'Patch'}Options`, '', [{ field: 'fieldValidation', reason: 'FieldValueNotSupported', message: `Unsupported value: "${validation}": supported values: "Ignore", "Strict", "Warn"` }]);
    const options = { validation, dryRun, warnings, sub };

    switch (verb) {
      case 'get':
        if (sub === 'log') return this.kubelet.logs(current, query);
        if (sub === 'scale') return { body: this.scaleOf(type, current) };
        return { body: this.shown(request, type, current) };
      case 'list': return { body: this.list(request, type, namespace) };
      case 'watch': return { stream: (response) => this.watch(request, response, type, namespace) };
      case 'create':
        return { code: 201, body: this.shown(request, type, this.create(type, namespace, this.parsed(request), options)), warnings };
      case 'update':
        if (sub === 'scale') return { body: this.setScale(type, current, this.parsed(request), options) };
        return { body: this.shown(request, type, this.replace(type, current, this.parsed(request), options)), warnings };
      case 'patch': {
        const base = sub === 'scale' ? this.scaleOf(type, current) : current;
        const patched = this.patched(request, base, type, name);
        if (sub === 'scale') return { body: this.setScale(type, current, patched, options) };
        return { body: this.shown(request, type, this.replace(type, current, patched, options)), warnings };
      }
      case 'delete': {
        const { object, gone: removed } = this.remove(type, current, this.deleteOptions(request), warnings);
        if (removed && !type.returnsDeleted)
          return { body: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details: { name, ...(type.group ? { group: type.group } : {}), kind: type.resource, uid: current.metadata.uid } }, warnings };
        return { body: object, warnings };
      }
      case 'deletecollection': {
        const match = matcher(type, namespace, undefined, query);
        const items = this.store.list(type.resource, namespace).filter(match);
        for (const one of items) this.remove(type, one, this.deleteOptions(request), warnings);
        return { body: this.listOf(type, items), warnings };
      }
      default: throw notAllowed();
    }
  }

  parsed(request) {
    const type = (request.headers['content-type'] ?? '').split(';')[0];
    if (!['application/json', ''].includes(type)) throw unsupported('application/json');
    try { return JSON.parse(request.body); } catch { throw badRequest(`couldn't get version/kind; json parse error: invalid character in body`); }
  }
  patched(request, base, type, name) {
    const kind = (request.headers['content-type'] ?? '').split(';')[0];
    let patch;
    try { patch = JSON.parse(request.body); } catch { throw badRequest('error decoding patch: invalid character in body'); }
    switch (kind) {
      case 'application/merge-patch+json': return mergePatch(clone(base), patch);
      case 'application/strategic-merge-patch+json': return strategicPatch(clone(base), patch);
      case 'application/json-patch+json':
        try { return jsonPatch(base, patch); } catch (error) { throw invalid(type, type.kind, name, [{ field: 'patch', reason: 'FieldValueInvalid', message: error.message }]); }
      default: throw unsupported('application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json');
    }
  }
  deleteOptions(request) {
    const { query, body } = request;
    let options = {};
    if (body) {
      let parsed;
      try { parsed = JSON.parse(body); } catch { throw badRequest('couldn\'t get version/kind; json parse error'); }
      const found = decode('io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions', parsed);
      if (found.malformed.length > 0) throw badRequest(found.malformed[0]);
      options = found.value;
    } else {
      if (query.get('propagationPolicy')) options.propagationPolicy = query.get('propagationPolicy');
      if (query.get('gracePeriodSeconds')) options.gracePeriodSeconds = Number(query.get('gracePeriodSeconds'));
      if (query.get('orphanDependents')) options.orphanDependents = query.get('orphanDependents') === 'true';
    }
    return { ...options, dryRun: options.dryRun?.includes('All') || query.getAll('dryRun').includes('All') };
  }

  scaleOf(type, object) {
    const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
    return { kind: 'Scale', apiVersion: 'autoscaling/v1', metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
      spec: { replicas: object.spec.replicas ?? 0 },
      status: { replicas: object.status?.replicas ?? 0, selector: Object.entries(object.spec.selector?.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`).join(',') } };
  }
  setScale(type, current, body, { validation, dryRun, warnings }) {
    if (!scalable(type)) throw noPath();
    const found = this.decoded(scaleType, body, validation, warnings);
    const replicas = found.value.spec?.replicas ?? 0;
    const { resourceVersion } = found.value.metadata;
    if (resourceVersion && resourceVersion !== current.metadata.resourceVersion) throw conflict(type, current.metadata.name, 'the object has been modified; please apply your changes to the latest version and try again');
    if (replicas < 0) throw invalid({ group: 'autoscaling' }, 'Scale', current.metadata.name, [{ field: 'spec.replicas', reason: 'FieldValueInvalid', message: `Invalid value: ${replicas}: must be greater than or equal to 0` }]);
    if (dryRun) return this.scaleOf(type, current);
    return this.scaleOf(type, this.store.update(type.resource, current, (one) => {
      if (one.spec.replicas !== replicas) one.metadata.generation++;
      one.spec.replicas = replicas;
    }));
  }
  #review(request) {
    if (request.method !== 'POST') throw notAllowed();
    const body = request.headers['content-type'] === 'application/vnd.kubernetes.protobuf' ? readReview(request.body) : this.parsed(request);
    const { value } = this.decoded(review, body, 'Strict', []);
    const at = value.spec?.resourceAttributes;
    const type = at && types.find((one) => one.group === (at.group ?? '') && one.resource === at.resource);
    const allowed = !at || !this.isForbidden(at.verb, type ?? { resource: at.resource }, at.subresource || undefined, at.namespace, at.name);
    return { code: 201, body: { kind: review.kind, apiVersion: apiVersion(review), metadata: {}, spec: value.spec, status: { allowed } } };
  }

  wantsTable(request) { return (request.headers.accept ?? '').split(',')[0].includes('as=Table'); }
  shown(request, type, object) {
    return this.wantsTable(request) ? table(type, [object], { resourceVersion: object.metadata.resourceVersion }, request.query.get('includeObject') || undefined) : object;
  }
  listOf(type, items) {
    return { kind: `${type.kind}List`, apiVersion: apiVersion(type), metadata: { resourceVersion: String(this.store.version) },
      items: items.map(({ kind, apiVersion: version, ...rest }) => rest) }; // a typed list does not repeat them
  }
  list(request, type, namespace) {
    const match = matcher(type, namespace, undefined, request.query);
    const items = this.store.list(type.resource, namespace).filter(match).sort((a, b) => (`${a.metadata.namespace}/${a.metadata.name}` < `${b.metadata.namespace}/${b.metadata.name}` ? -1 : 1));
    if (this.wantsTable(request)) return table(type, items, { resourceVersion: String(this.store.version) }, request.query.get('includeObject') || undefined);
    return this.listOf(type, items);
  }

  watch(request, response, type, namespace) {
    const { query } = request;
    const match = matcher(type, namespace, undefined, query);
    const asTable = this.wantsTable(request);
    const since = query.get('resourceVersion') ?? '';
    const initial = query.get('sendInitialEvents') === 'true';
    if (initial && query.get('resourceVersionMatch') !== 'NotOlderThan') throw invalid({ group: 'meta.k8s.io' }, 'ListOptions', '', [{ field: 'resourceVersionMatch', reason: 'FieldValueForbidden', message: 'Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan' }]);
    if (since !== '' && !/^\d+$/.test(since)) throw badRequest(`Invalid value: "${since}": strconv.ParseUint: parsing "${since}": invalid syntax`);
    response.writeHead(200, { 'Content-Type': 'application/json', 'Cache-Control': 'no-cache, private' });
    response.flushHeaders();
    const shown = (object) => (asTable ? table(type, [object], { resourceVersion: object.metadata.resourceVersion }, query.get('includeObject') || undefined) : object);
    const send = (kind, object) => response.write(`${JSON.stringify({ type: kind, object })}\n`);
    if (since !== '' && since !== '0' && Number(since) < this.config.oldestVersion) {
      send('ERROR', gone(since, this.config.oldestVersion).status);
      response.end();
      return;
    }
    const pass = ({ type: kind, resource, object, old }) => {
      if (resource !== type.resource) return;
      const is = match(object);
      const was = old ? match(old) : false;
      if (kind === 'DELETED') { if (was || is) send('DELETED', shown(object)); } else if (is) send(was ? 'MODIFIED' : 'ADDED', shown(object));
      else if (was) send('DELETED', shown(object));
    };
    if (since === '' || since === '0' || initial) for (const object of this.store.list(type.resource, namespace).filter(match)) send('ADDED', shown(object));
    else for (const entry of this.store.log) if (entry.version > Number(since)) pass(entry);
    if (initial) send('BOOKMARK', { kind: type.kind, apiVersion: apiVersion(type), metadata: { resourceVersion: String(this.store.version), creationTimestamp: null, annotations: { 'k8s.io/initial-events-end': 'true' } } });
    this.store.on('change', pass);
    const timer = setTimeout(() => response.end(), 1000 * (Number(query.get('timeoutSeconds')) || 1800 + Math.random() * 1800));
    response.on('close', () => { clearTimeout(timer); this.store.off('change', pass); });
  }
}
