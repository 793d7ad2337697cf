// The resources that are served, and how kubectl's tables show them.
const core = (resource, kind, short, more = {}) => ({ group: '', version: 'v1', resource, kind, short, namespaced: true, schema: `io.k8s.api.core.v1.${kind}`, ...more });
const batch = (resource, kind, short) => ({ group: 'batch', version: 'v1', resource, kind, short, namespaced: true, schema: `io.k8s.api.batch.v1.${kind}`, subresources: ['status'] });
const apps = (resource, kind, short) => ({ group: 'apps', version: 'v1', resource, kind, short, namespaced: true, schema: `io.k8s.api.apps.v1.${kind}`, subresources: ['status', 'scale'] });

export const types = [
  core('namespaces', 'Namespace', ['ns'], { namespaced: false }),
  core('pods', 'Pod', ['po'], { subresources: ['status', 'log'], returnsDeleted: true }),
  core('secrets', 'Secret', []),
  core('configmaps', 'ConfigMap', ['cm']),
  core('serviceaccounts', 'ServiceAccount', ['sa'], { returnsDeleted: true }),
  core('persistentvolumeclaims', 'PersistentVolumeClaim', ['pvc'], { returnsDeleted: true, subresources: ['status'] }),
  core('events', 'Event', ['ev']),
  batch('jobs', 'Job', []),
  batch('cronjobs', 'CronJob', ['cj']),
  apps('deployments', 'Deployment', ['deploy']),
  apps('replicasets', 'ReplicaSet', ['rs']),
  apps('statefulsets', 'StatefulSet', ['sts']),
];
export const apiVersion = (type) => (type.group ? `${type.group}/${type.version}` : type.version);
export const typeOf = (version, kind) => types.find((type) => apiVersion(type) === version && type.kind === kind);
export const byResource = (resource) => types.find((type) => type.resource === resource);

function age(time) {
  if (!time) return '<unknown>';
  const s = Math.max(0, Math.floor((Date.now() - Date.parse(time)) / 1000));
  return s < 120 ? `${s}s` : s < 7200 ? `${Math.floor(s / 60)}m` : s < 172800 ? `${Math.floor(s / 3600)}h` : `${Math.floor(s / 86400)}d`;
}

export function podReason(pod) {
  if (pod.metadata.deletionTimestamp) return 'Terminating';
  let reason = pod.status?.reason ?? pod.status?.phase ?? 'Unknown';
  for (const one of pod.status?.containerStatuses ?? []) {
    const { waiting, terminated } = one.state ?? {};
    if (waiting?.reason) reason = waiting.reason;
    else if (terminated) reason = terminated.reason ?? `ExitCode:${terminated.exitCode}`;
  }
  return reason;
}

const condition = (job, type) => (job.status?.conditions ?? []).some((one) => one.type === type && one.status === 'True');
const columns = {
  Pod: [['Ready', (o) => `${(o.status?.containerStatuses ?? []).filter((one) => one.ready).length}/${o.spec.containers.length}`],
    ['Status', podReason], ['Restarts', (o) => String((o.status?.containerStatuses ?? []).reduce((sum, one) => sum + one.restartCount, 0))]],
  Job: [['Status', (o) => condition(o, 'Complete') ? 'Complete' : condition(o, 'Failed') ? 'Failed' : o.metadata.deletionTimestamp ? 'Terminating' : condition(o, 'Suspended') ? 'Suspended' : condition(o, 'FailureTarget') ? 'FailureTarget' : condition(o, 'SuccessCriteriaMet') ? 'SuccessCriteriaMet' : 'Running'],
    ['Completions', (o) => `${o.status?.succeeded ?? 0}/${o.spec.completions ?? 1}`], ['Duration', (o) => age(o.status?.startTime)]],
  Secret: [['Type', (o) => o.type], ['Data', (o) => Object.keys(o.data ?? {}).length]],
  ConfigMap: [['Data', (o) => Object.keys({ ...o.data, ...o.binaryData }).length]],
  Namespace: [['Status', (o) => o.status?.phase ?? '']],
  PersistentVolumeClaim: [['Status', (o) => o.status?.phase ?? ''], ['Volume', (o) => o.spec.volumeName ?? '']],
  CronJob: [['Schedule', (o) => o.spec.schedule], ['Suspend', (o) => String(o.spec.suspend)]],
  Deployment: [['Ready', (o) => `${o.status?.readyReplicas ?? 0}/${o.spec.replicas}`], ['Up-to-date', (o) => o.status?.updatedReplicas ?? 0], ['Available', (o) => o.status?.availableReplicas ?? 0]],
  ReplicaSet: [['Desired', (o) => o.spec.replicas], ['Current', (o) => o.status?.replicas ?? 0], ['Ready', (o) => o.status?.readyReplicas ?? 0]],
  StatefulSet: [['Ready', (o) => `${o.status?.readyReplicas ?? 0}/${o.spec.replicas}`]],
};
const eventColumns = [['Last Seen', (o) => age(o.lastTimestamp)], ['Type', (o) => o.type], ['Reason', (o) => o.reason ?? ''],
  ['Object', (o) => `${(o.involvedObject.kind ?? '').toLowerCase()}/${o.involvedObject.name}`], ['Message', (o) => o.message ?? '']];

export function table(type, objects, metadata, include = 'Metadata') {
  const shown = type.kind === 'Event' ? eventColumns
    : [['Name', (o) => o.metadata.name], ...(columns[type.kind] ?? []), ['Age', (o) => age(o.metadata.creationTimestamp)]];
  return {
    kind: 'Table', apiVersion: 'meta.k8s.io/v1', metadata,
    columnDefinitions: shown.map(([name]) => ({ name, type: 'string', format: name === 'Name' ? 'name' : '', description: name, priority: 0 })),
    rows: objects.map((object) => ({
      cells: shown.map(([, cell]) => cell(object)),
      ...(include === 'None' ? {} : { object: include === 'Object' ? object : { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata } }),
    })),
  };
}
