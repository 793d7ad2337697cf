// What must hold for every object of the chart, whatever the values.
import { posix } from 'node:path';
import { nodes, podOf } from './objects.mjs';
import { readYaml } from './helm.mjs';

// The Pod Security Standard "restricted", which includes "baseline".
function podSecurityProblems({ metadata, spec }) {
  const problems = [];
  const bad = (condition, text) => { if (condition) problems.push(`restricted: ${text}`); };
  const pod = spec.securityContext ?? {};
  for (const name of ['hostNetwork', 'hostPID', 'hostIPC']) bad(spec[name], name);
  bad(pod.sysctls, 'sysctls');
  bad(pod.windowsOptions?.hostProcess, 'hostProcess');
  const allowed = ['configMap', 'csi', 'downwardAPI', 'emptyDir', 'ephemeral', 'persistentVolumeClaim', 'projected', 'secret'];
  for (const { name, ...source } of spec.volumes ?? [])
    for (const type of Object.keys(source)) bad(!allowed.includes(type), `volume ${name} of type ${type}`);
  bad(Object.entries(metadata?.annotations ?? {}).some(([key, value]) =>
    key.startsWith('container.apparmor.security.beta.kubernetes.io/') && !/^(runtime\/default|localhost\/)/.test(value)), 'AppArmor');
  const containers = [...(spec.initContainers ?? []), ...spec.containers, ...(spec.ephemeralContainers ?? [])];
  for (const container of containers) {
    const own = container.securityContext ?? {};
    const either = (name) => own[name] ?? pod[name];
    bad(own.privileged, 'privileged');
    bad(own.allowPrivilegeEscalation !== false, 'allowPrivilegeEscalation must be false');
    bad(!own.capabilities?.drop?.includes('ALL'), 'capabilities must drop ALL');
    bad((own.capabilities?.add ?? []).some((name) => name !== 'NET_BIND_SERVICE'), 'capabilities.add');
    bad(either('runAsNonRoot') !== true, 'runAsNonRoot must be true');
    bad(either('runAsUser') === 0, 'runAsUser 0');
    bad(!['RuntimeDefault', 'Localhost'].includes(either('seccompProfile')?.type), 'seccompProfile');
    bad(!['RuntimeDefault', 'Localhost', undefined].includes(either('appArmorProfile')?.type), 'appArmorProfile');
    bad(own.procMount && own.procMount !== 'Default', 'procMount');
    bad((container.ports ?? []).some((port) => port.hostPort), 'hostPort');
    bad(either('seLinuxOptions'), 'seLinuxOptions');
  }
  return problems;
}

// Where a container finds files, by volume: '/run/.../store/endpoint'.
function filesOf(spec, objects) {
  const found = new Set();
  for (const mount of spec.containers[0].volumeMounts) {
    const volume = spec.volumes.find((one) => one.name === mount.name);
    const items = (volume.secret ?? volume.configMap)?.items?.map((item) => item.path) ??
      Object.keys(objects.find((one) => one.kind === 'ConfigMap' && one.metadata.name === volume.configMap?.name)?.data ?? {});
    for (const item of items) found.add(posix.join(mount.mountPath, item));
  }
  return found;
}

const literal = ['BUCKET', 'PREFIX', 'DB', 'PGHOST', 'TMPDIR', 'AWS_ENDPOINTS_FILE'];

function containerProblems(component, spec, objects, extraNames) {
  const problems = [];
  const bad = (condition, text) => { if (condition) problems.push(text); };
  const [container] = spec.containers;
  bad(spec.containers.length !== 1 || spec.initContainers, 'one container, no init container');
  bad(container.securityContext.readOnlyRootFilesystem !== true, 'the root file system must be read-only');
  bad(spec.automountServiceAccountToken !== false, 'a token of the service account is mounted');
  bad(spec.enableServiceLinks !== false, "Services' variables reach the program");
  bad(!spec.securityContext.runAsUser || !spec.securityContext.runAsGroup, 'runAsUser and runAsGroup must be set');
  for (const volume of spec.volumes) {
    const mount = container.volumeMounts.find((one) => one.name === volume.name);
    if (volume.emptyDir) continue;
    bad(mount.readOnly !== true, `the mount of ${volume.name} must be read-only`);
    bad(volume.persistentVolumeClaim && volume.persistentVolumeClaim.readOnly !== true, 'the claim must be read-only');
    bad(volume.secret && volume.secret.defaultMode !== 0o444, `${volume.name}: user 33 could not read a file of root's`);
    bad((volume.secret || volume.configMap) && mount.subPath, `${volume.name}: a subPath hides what is renewed`);
  }
  for (const { name, secret, configMap } of spec.volumes)
    bad(Boolean((secret ?? configMap)?.optional) !== /^(metrics|notify(-ca)?)$/.test(name), `${name}: only what tells of runs may be missing`);
  const claims = spec.volumes.filter((volume) => volume.persistentVolumeClaim).length;
  bad(claims !== (component === 'drill' ? 0 : 1), `${component} mounts ${claims} claims`);
  bad(spec.volumes.some((volume) => volume.name === 'database') === (component === 'drill'), `${component}: the database's Secret`);
  for (const { name, value, valueFrom } of container.env) {
    bad(valueFrom || typeof value !== 'string', `${name} must be a literal: what is mounted can be renewed`);
    bad(![...literal, ...extraNames].includes(name), `unexpected variable ${name}`);
    bad(name.endsWith('_FILE') && !filesOf(spec, objects).has(value), `${name}: nothing is mounted as ${value}`);
  }
  for (const arg of container.args) {
    const path = /^--(?:config|conf-key-file)=(.*)$/.exec(arg)?.[1];
    bad(path && !filesOf(spec, objects).has(path), `${arg}: nothing is mounted there`);
  }
  return problems;
}

// The settings and the pod must mean the same, and the files that the settings name must be there.
function settingsProblems(component, spec, objects) {
  const problems = [];
  const config = objects.find((one) => one.kind === 'ConfigMap');
  const { environments } = readYaml(config.data['settings.yaml'])[0];
  const [[name, settings], ...others] = Object.entries(environments);
  const env = Object.fromEntries(spec.containers[0].env.map((one) => [one.name, one.value]));
  const bad = (condition, text) => { if (condition) problems.push(text); };
  bad(others.length > 0, 'the settings name another environment');
  bad(settings.prefix.split('/').at(-1) !== name, 'the prefix is of another environment');
  bad(!spec.containers[0].args.includes(`--env=${name}`), '--env and the settings differ');
  for (const [variable, value] of [['BUCKET', settings.store.bucket], ['PREFIX', settings.prefix],
    ['DB', settings.database.name], ['PGHOST', settings.database.host]])
    bad(env[variable] !== value, `${variable} and the settings differ`);
  bad(Boolean(settings.store.endpoint) === Boolean(env.AWS_ENDPOINTS_FILE), 'the endpoint must come from one place');
  const files = filesOf(spec, objects);
  const ofSource = (path) => path.startsWith('/database/') && component === 'drill';
  const { store, database, metrics, notify } = settings;
  for (const [path, value] of nodes({ store, database, metrics, notify }))
    if (/(_file|sslrootcert)$/.test(path)) bad(!ofSource(path) && !files.has(value), `${path}: nothing is mounted as ${value}`);
  for (const [path, value] of nodes(settings))
    bad(/\/(\w*password|secret_access_key|access_key_id|session_token|url|authorization|ping\/[a-z]+)$/.test(path), `a secret in the settings: ${path} ${value}`);
  if (component !== 'drill')
    bad(!spec.containers[0].volumeMounts.some((mount) => mount.name === 'documents' && mount.mountPath === settings.documents),
      'the documents are mounted elsewhere than the settings say');
  return problems;
}

const selects = ({ matchLabels = {}, matchExpressions = [] }, labels) =>
  Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
  matchExpressions.every(({ key, values }) => values.includes(labels[key]));

// All that is wrong with a whole rendering. `extraNames`: variables that the values add.
export function chartProblems(objects, { extraNames = [] } = {}) {
  const problems = [];
  const names = (kind) => objects.filter((one) => one.kind === kind).map((one) => one.metadata.name);
  const identities = objects.map((one) => `${one.kind}/${one.metadata.name}`);
  if (new Set(identities).size !== identities.length) problems.push('two objects of one name');
  const instances = new Set(objects.map((one) => one.metadata.labels?.['app.kubernetes.io/instance']));
  if (instances.size > 1) problems.push('labels of several instances');
  for (const object of objects) {
    const say = (text) => problems.push(`${object.kind}/${object.metadata.name}: ${text}`);
    if (['Secret', 'Role', 'RoleBinding', 'ClusterRole', 'ClusterRoleBinding'].includes(object.kind)) say('must not be made');
    for (const [path] of nodes(object)) if (/\/(fsGroup|supplementalGroups|fsGroupChangePolicy)(\/|$)/.test(path)) say(`${path} must not be set`);
    if (object.kind === 'ServiceAccount' && object.automountServiceAccountToken !== false) say('mounts its token');
    if (object.kind === 'CronJob' && object.spec.concurrencyPolicy !== 'Forbid') say('two runs at once');
    const pod = podOf(object);
    if (!pod) continue;
    const component = pod.metadata.labels['app.kubernetes.io/component'];
    [...podSecurityProblems(pod), ...containerProblems(component, pod.spec, objects, extraNames),
      ...settingsProblems(component, pod.spec, objects)].forEach(say);
    for (const policy of objects.filter((one) => one.kind === 'NetworkPolicy')) {
      const wanted = component !== 'drill' || !policy.metadata.name.endsWith('-database');
      if (selects(policy.spec.podSelector, pod.metadata.labels) !== wanted) say(`NetworkPolicy ${policy.metadata.name}`);
    }
  }
  for (const rule of objects.filter((one) => one.kind === 'PrometheusRule')) {
    const text = JSON.stringify(rule);
    for (const name of names('CronJob')) if (!text.includes(`cronjob=\\"${name}\\"`)) problems.push(`no alert watches ${name}`);
  }
  return problems;
}
