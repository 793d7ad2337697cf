// Defaults and validation that stand in no schema, as the real server's.
import { quantity } from './schema.mjs';

const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const labelName = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const configKey = /^[-._a-zA-Z0-9]+$/;
const subdomainText = `a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')`;
const labelText = `a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')`;
const valueText = `a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')`;
const nameText = `name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')`;
const keyText = `a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')`;

const shown = (value) => (typeof value === 'object' ? JSON.stringify(value) : typeof value === 'string' ? JSON.stringify(value) : String(value));

export class Causes extends Array {
  invalid(field, value, why) { this.push({ field, reason: 'FieldValueInvalid', message: `Invalid value: ${shown(value)}${why ? `: ${why}` : ''}` }); }
  required(field, why) { this.push({ field, reason: 'FieldValueRequired', message: `Required value${why ? `: ${why}` : ''}` }); }
  missing(field, value) { this.push({ field, reason: 'FieldValueNotFound', message: `Not found: ${shown(value)}` }); }
  duplicate(field, value) { this.push({ field, reason: 'FieldValueDuplicate', message: `Duplicate value: ${shown(value)}` }); }
  forbidden(field, why) { this.push({ field, reason: 'FieldValueForbidden', message: `Forbidden: ${why}` }); }
  unsupported(field, value, values) {
    this.push({ field, reason: 'FieldValueNotSupported', message: `Unsupported value: ${shown(value)}: supported values: ${values.map((one) => JSON.stringify(one)).join(', ')}` });
  }
  tooLong(field, most) { this.push({ field, reason: 'FieldValueTooLong', message: `Too long: may not be more than ${most} bytes` }); }
}

function nameProblems(causes, field, name, { as = 'subdomain' } = {}) {
  if (!name) return causes.required(field);
  const most = as === 'label' ? 63 : 253;
  if (name.length > most) causes.invalid(field, name, `must be no more than ${most} bytes`);
  if (!(as === 'label' ? label : subdomain).test(name)) causes.invalid(field, name, as === 'label' ? labelText : subdomainText);
}

function keyProblems(causes, field, key) {
  const parts = key.split('/');
  const name = parts.at(-1);
  if (parts.length > 2) return causes.invalid(field, key, 'a qualified name ' + nameText.slice(10));
  if (parts.length === 2 && (!subdomain.test(parts[0]) || parts[0].length > 253)) causes.invalid(field, key, `prefix part ${subdomainText}`);
  if (name === '') causes.invalid(field, key, 'name part must be non-empty');
  else if (name.length > 63) causes.invalid(field, key, 'name part must be no more than 63 bytes');
  else if (!labelName.test(name)) causes.invalid(field, key, nameText);
}

function labelProblems(causes, field, labels) {
  for (const [key, value] of Object.entries(labels ?? {})) {
    keyProblems(causes, field, key);
    if (value.length > 63) causes.invalid(field, value, 'must be no more than 63 bytes');
    else if (value !== '' && !labelName.test(value)) causes.invalid(field, value, valueText);
  }
}

function metadataProblems(causes, type, object, path = 'metadata') {
  const { metadata } = object;
  if (path === 'metadata') {
    if (!metadata.name) causes.required('metadata.name', 'name or generateName is required');
    else nameProblems(causes, 'metadata.name', metadata.name, { as: type.kind === 'Namespace' ? 'label' : 'subdomain' });
  }
  labelProblems(causes, `${path}.labels`, metadata?.labels);
  let size = 0;
  for (const [key, value] of Object.entries(metadata?.annotations ?? {})) {
    keyProblems(causes, `${path}.annotations`, key.toLowerCase());
    size += key.length + Buffer.byteLength(value);
  }
  if (size > 262144) causes.tooLong(`${path}.annotations`, 262144);
  for (const name of metadata?.finalizers ?? [])
    if (!name.includes('/') && !['foregroundDeletion', 'orphan', 'kubernetes'].includes(name)) causes.invalid(`${path}.finalizers`, name, 'name is neither a standard finalizer name nor is it fully qualified');
  let controllers = 0;
  (metadata?.ownerReferences ?? []).forEach((owner, i) => {
    const at = `${path}.ownerReferences[${i}]`;
    if (!owner.apiVersion) causes.invalid(`${at}.apiVersion`, owner.apiVersion ?? '', 'version must not be empty');
    if (!owner.kind) causes.invalid(`${at}.kind`, owner.kind ?? '', 'must not be empty');
    if (!owner.name) causes.invalid(`${at}.name`, owner.name ?? '', 'must not be empty');
    if (!owner.uid) causes.invalid(`${at}.uid`, owner.uid ?? '', 'must not be empty');
    if (owner.apiVersion === 'v1' && owner.kind === 'Event') causes.invalid(at, owner, '/v1, Kind=Event is disallowed from being an owner');
    if (owner.controller) controllers++;
  });
  if (controllers > 1) causes.invalid(`${path}.ownerReferences`, metadata.ownerReferences, 'Only one reference can have Controller set to true.');
}

// --- defaults ---------------------------------------------------------------------------------

function defaultPod(spec) {
  spec.restartPolicy ??= 'Always';
  spec.dnsPolicy ??= 'ClusterFirst';
  spec.schedulerName ??= 'default-scheduler';
  spec.securityContext ??= {};
  spec.terminationGracePeriodSeconds ??= 30;
  for (const volume of spec.volumes ?? []) {
    for (const source of ['secret', 'configMap', 'projected', 'downwardAPI']) if (volume[source]) volume[source].defaultMode ??= 420;
    if (Object.keys(volume).length === 1) volume.emptyDir = {};
  }
  if (spec.serviceAccountName) spec.serviceAccount ??= spec.serviceAccountName;
  else if (spec.serviceAccount) spec.serviceAccountName = spec.serviceAccount;
  for (const container of [...(spec.initContainers ?? []), ...(spec.containers ?? [])]) {
    container.resources ??= {};
    for (const [name, value] of Object.entries(container.resources.limits ?? {})) {
      container.resources.requests ??= {};
      container.resources.requests[name] ??= value;
    }
    container.terminationMessagePath ??= '/dev/termination-log';
    container.terminationMessagePolicy ??= 'File';
    container.imagePullPolicy ??= /(:latest|^[^@]*\/[^:@]*|^[^:@/]*)$/.test(container.image ?? '') ? 'Always' : 'IfNotPresent';
    for (const port of container.ports ?? []) port.protocol ??= 'TCP';
    for (const one of container.env ?? []) if (one.valueFrom?.fieldRef) one.valueFrom.fieldRef.apiVersion ??= 'v1';
  }
}

export function applyDefaults(type, object) {
  const { spec } = object;
  switch (type.kind) {
    case 'Pod':
      defaultPod(spec);
      spec.serviceAccountName ??= 'default'; // the ServiceAccount admission's
      spec.serviceAccount ??= spec.serviceAccountName;
      spec.enableServiceLinks ??= true;
      spec.preemptionPolicy ??= 'PreemptLowerPriority';
      spec.priority ??= 0;
      spec.tolerations = [...(spec.tolerations ?? []), ...['not-ready', 'unreachable'].map((name) =>
        ({ key: `node.kubernetes.io/${name}`, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 }))
        .filter((one) => !(spec.tolerations ?? []).some((have) => have.key === one.key))];
      break;
    case 'Job':
      spec.completions ??= spec.parallelism === undefined ? 1 : undefined;
      if (spec.completions === undefined) delete spec.completions;
      spec.parallelism ??= 1;
      spec.backoffLimit ??= 6;
      spec.completionMode ??= 'NonIndexed';
      spec.suspend ??= false;
      spec.podReplacementPolicy ??= spec.podFailurePolicy ? 'Failed' : 'TerminatingOrFailed';
      spec.manualSelector ??= false;
      if (spec.template?.spec) defaultPod(spec.template.spec);
      break;
    case 'CronJob':
      spec.concurrencyPolicy ??= 'Allow';
      spec.suspend ??= false;
      spec.successfulJobsHistoryLimit ??= 3;
      spec.failedJobsHistoryLimit ??= 1;
      if (spec.jobTemplate?.spec?.template?.spec) defaultPod(spec.jobTemplate.spec.template.spec);
      break;
    case 'Deployment': case 'ReplicaSet': case 'StatefulSet':
      spec.replicas ??= 1;
      if (type.kind === 'Deployment') {
        spec.strategy ??= {};
        spec.strategy.type ??= 'RollingUpdate';
        if (spec.strategy.type === 'RollingUpdate') spec.strategy.rollingUpdate ??= { maxSurge: '25%', maxUnavailable: '25%' };
        spec.revisionHistoryLimit ??= 10;
        spec.progressDeadlineSeconds ??= 600;
      }
      if (type.kind === 'StatefulSet') {
        spec.podManagementPolicy ??= 'OrderedReady';
        spec.updateStrategy ??= { type: 'RollingUpdate', rollingUpdate: { partition: 0 } };
        spec.revisionHistoryLimit ??= 10;
      }
      if (spec.template?.spec) defaultPod(spec.template.spec);
      break;
    case 'Secret':
      object.type ??= 'Opaque';
      for (const [key, value] of Object.entries(object.stringData ?? {})) {
        object.data ??= {};
        object.data[key] = Buffer.from(value).toString('base64');
      }
      delete object.stringData;
      break;
    case 'PersistentVolumeClaim':
      spec.volumeMode ??= 'Filesystem';
      object.status ??= { phase: 'Pending' };
      break;
    case 'Namespace':
      object.spec = { finalizers: ['kubernetes'] };
      object.status = { phase: 'Active' };
      object.metadata.labels = { ...object.metadata.labels, 'kubernetes.io/metadata.name': object.metadata.name };
      break;
    case 'Event':
      object.source ??= {};
      object.type ??= 'Normal';
      break;
    default:
  }
}

// --- pods -------------------------------------------------------------------------------------

function pathProblems(causes, field, path) {
  if (!path) return causes.required(field);
  if (path.startsWith('/')) causes.invalid(field, path, 'must be a relative path');
  if (path.split('/').includes('..')) causes.invalid(field, path, "must not contain '..'");
  if (path.startsWith('..')) causes.invalid(field, path, "must not start with '..'");
}

function volumeProblems(causes, volumes, path) {
  const names = new Set();
  volumes.forEach((volume, i) => {
    const at = `${path}[${i}]`;
    nameProblems(causes, `${at}.name`, volume.name, { as: 'label' });
    if (names.has(volume.name)) causes.duplicate(`${at}.name`, volume.name);
    names.add(volume.name);
    const sources = Object.keys(volume).filter((key) => key !== 'name');
    if (sources.length === 0) causes.required(at, 'must specify a volume type');
    for (const more of sources.slice(1)) causes.forbidden(`${at}.${more}`, 'may not specify more than 1 volume type');
    for (const [source, nameField] of [['secret', 'secretName'], ['configMap', 'name']]) {
      const one = volume[source];
      if (!one) continue;
      if (!one[nameField]) causes.required(`${at}.${source}.${nameField}`);
      if (one.defaultMode < 0 || one.defaultMode > 511) causes.invalid(`${at}.${source}.defaultMode`, one.defaultMode, 'must be a number between 0 and 0777 (octal), both inclusive');
      (one.items ?? []).forEach((item, j) => {
        if (!item.key) causes.required(`${at}.${source}.items[${j}].key`);
        pathProblems(causes, `${at}.${source}.items[${j}].path`, item.path);
        if (item.mode < 0 || item.mode > 511) causes.invalid(`${at}.${source}.items[${j}].mode`, item.mode, 'must be a number between 0 and 0777 (octal), both inclusive');
      });
    }
    if (volume.persistentVolumeClaim && !volume.persistentVolumeClaim.claimName) causes.required(`${at}.persistentVolumeClaim.claimName`);
    if (volume.hostPath && !volume.hostPath.path) causes.required(`${at}.hostPath.path`);
  });
  return names;
}

const bytes = { m: 1e-3, k: 1e3, M: 1e6, G: 1e9, T: 1e12, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40 };
export function amount(text) {
  const [, number, unit] = /^([+-]?[\d.]+(?:[eE][+-]?\d+)?)([a-zA-Z]*)$/.exec(String(text)) ?? [];
  return Number(number) * (unit ? bytes[unit] ?? 1 : 1);
}

function containerProblems(causes, container, at, volumes) {
  nameProblems(causes, `${at}.name`, container.name, { as: 'label' });
  if (!container.image) causes.required(`${at}.image`);
  else if (container.image.trim() !== container.image) causes.invalid(`${at}.image`, container.image, 'must not have leading or trailing whitespace');
  if (!['Always', 'IfNotPresent', 'Never'].includes(container.imagePullPolicy)) causes.unsupported(`${at}.imagePullPolicy`, container.imagePullPolicy, ['Always', 'IfNotPresent', 'Never']);
  if (!['File', 'FallbackToLogsOnError'].includes(container.terminationMessagePolicy)) causes.unsupported(`${at}.terminationMessagePolicy`, container.terminationMessagePolicy, ['FallbackToLogsOnError', 'File']);
  (container.env ?? []).forEach((one, i) => {
    const field = `${at}.env[${i}]`;
    if (!one.name) causes.required(`${field}.name`);
    else if (!/^[ -<>-~]+$/.test(one.name)) causes.invalid(`${field}.name`, one.name, "a valid environment variable name must consist only of printable ASCII characters other than '='");
    if (!one.valueFrom) return;
    const sources = Object.keys(one.valueFrom);
    if (one.value) causes.invalid(`${field}.valueFrom`, '', 'may not be specified when `value` is not empty');
    if (sources.length === 0) causes.invalid(`${field}.valueFrom`, '', 'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`');
    if (sources.length > 1) causes.invalid(`${field}.valueFrom`, '', 'may not have more than one field specified at a time');
    for (const ref of ['secretKeyRef', 'configMapKeyRef']) {
      const source = one.valueFrom[ref];
      if (!source) continue;
      if (!source.name) causes.required(`${field}.valueFrom.${ref}.name`);
      if (!source.key) causes.required(`${field}.valueFrom.${ref}.key`);
      else if (!configKey.test(source.key)) causes.invalid(`${field}.valueFrom.${ref}.key`, source.key, keyText);
    }
    if (one.valueFrom.fieldRef && !/^(metadata\.(name|namespace|uid|labels\['.+'\]|annotations\['.+'\])|spec\.(nodeName|serviceAccountName)|status\.(hostIP|hostIPs|podIP|podIPs))$/.test(one.valueFrom.fieldRef.fieldPath))
      causes.unsupported(`${field}.valueFrom.fieldRef.fieldPath`, one.valueFrom.fieldRef.fieldPath, ['metadata.name', 'metadata.namespace', 'metadata.uid', 'spec.nodeName', 'spec.serviceAccountName', 'status.hostIP', 'status.hostIPs', 'status.podIP', 'status.podIPs']);
  });
  const paths = new Set();
  (container.volumeMounts ?? []).forEach((mount, i) => {
    const field = `${at}.volumeMounts[${i}]`;
    if (!mount.name) causes.required(`${field}.name`);
    else if (!volumes.has(mount.name)) causes.missing(`${field}.name`, mount.name);
    if (!mount.mountPath) causes.required(`${field}.mountPath`);
    else if (paths.has(mount.mountPath)) causes.invalid(`${field}.mountPath`, mount.mountPath, 'must be unique');
    paths.add(mount.mountPath);
    if (mount.subPath) pathProblems(causes, `${field}.subPath`, mount.subPath);
    if (mount.subPath && mount.subPathExpr) causes.invalid(`${field}.subPathExpr`, mount.subPathExpr, 'subPathExpr and subPath are mutually exclusive');
  });
  for (const kind of ['limits', 'requests'])
    for (const [name, value] of Object.entries(container.resources?.[kind] ?? {})) {
      const field = `${at}.resources.${kind}[${name}]`;
      if (!quantity.test(value) || amount(value) < 0) causes.invalid(field, value, 'must be greater than or equal to 0');
      if (!name.includes('/') && !/^(cpu|memory|ephemeral-storage|hugepages-.+)$/.test(name)) causes.invalid(`${at}.resources.${kind}`, name, 'must be a standard resource type or fully qualified');
      const limit = container.resources.limits?.[name];
      if (kind === 'requests' && limit !== undefined && amount(value) > amount(limit)) causes.invalid(`${at}.resources.requests`, value, `must be less than or equal to ${name} limit of ${limit}`);
    }
  const own = container.securityContext ?? {};
  if (own.allowPrivilegeEscalation === false && own.privileged) causes.invalid(`${at}.securityContext`, own, 'cannot set `allowPrivilegeEscalation` to false and `privileged` to true');
  for (const name of ['runAsUser', 'runAsGroup']) if (own[name] < 0 || own[name] > 2147483647) causes.invalid(`${at}.securityContext.${name}`, own[name], 'must be between 0 and 2147483647, inclusive');
}

function podProblems(causes, spec, path) {
  if (!spec) return causes.required(`${path}.containers`);
  const volumes = volumeProblems(causes, spec.volumes ?? [], `${path}.volumes`);
  if (!spec.containers?.length) causes.required(`${path}.containers`);
  const names = new Set();
  for (const list of ['initContainers', 'containers'])
    (spec[list] ?? []).forEach((container, i) => {
      containerProblems(causes, container, `${path}.${list}[${i}]`, volumes);
      if (names.has(container.name)) causes.duplicate(`${path}.${list}[${i}].name`, container.name);
      names.add(container.name);
    });
  if (!['Always', 'OnFailure', 'Never'].includes(spec.restartPolicy)) causes.unsupported(`${path}.restartPolicy`, spec.restartPolicy, ['Always', 'OnFailure', 'Never']);
  if (!['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'].includes(spec.dnsPolicy)) causes.unsupported(`${path}.dnsPolicy`, spec.dnsPolicy, ['ClusterFirst', 'ClusterFirstWithHostNet', 'Default', 'None']);
  if (spec.terminationGracePeriodSeconds < 0) causes.invalid(`${path}.terminationGracePeriodSeconds`, spec.terminationGracePeriodSeconds, 'must be greater than or equal to 0');
  if (spec.activeDeadlineSeconds !== undefined && spec.activeDeadlineSeconds < 1) causes.invalid(`${path}.activeDeadlineSeconds`, spec.activeDeadlineSeconds, 'must be between 1 and 2147483647, inclusive');
  if (spec.serviceAccountName) nameProblems(causes, `${path}.serviceAccountName`, spec.serviceAccountName);
  for (const name of ['runAsUser', 'runAsGroup', 'fsGroup']) if (spec.securityContext?.[name] < 0 || spec.securityContext?.[name] > 2147483647) causes.invalid(`${path}.securityContext.${name}`, spec.securityContext[name], 'must be between 0 and 2147483647, inclusive');
  labelProblems(causes, `${path}.nodeSelector`, spec.nodeSelector);
  (spec.tolerations ?? []).forEach((one, i) => {
    const at = `${path}.tolerations[${i}]`;
    if (one.key) keyProblems(causes, `${at}.key`, one.key);
    else if (one.operator !== 'Exists') causes.invalid(`${at}.operator`, one.operator ?? '', "operator must be Exists when `key` is empty, which means \"match all values and all keys\"");
    if (one.operator === 'Exists' && one.value) causes.invalid(`${at}.operator`, one, 'value must be empty when `operator` is \'Exists\'');
    if (one.operator && !['Equal', 'Exists'].includes(one.operator)) causes.unsupported(`${at}.operator`, one.operator, ['Equal', 'Exists']);
  });
}

// --- the rest ---------------------------------------------------------------------------------

function templateProblems(causes, template, path) {
  metadataProblems(causes, { kind: 'Pod' }, { metadata: template?.metadata ?? {} }, path);
  podProblems(causes, template?.spec, `${path}.spec`);
}

function atLeast0(causes, spec, names, path = 'spec') {
  for (const name of names) if (spec[name] < 0) causes.invalid(`${path}.${name}`, spec[name], 'must be greater than or equal to 0');
}

function jobProblems(causes, spec, path) {
  atLeast0(causes, spec, ['parallelism', 'completions', 'activeDeadlineSeconds', 'backoffLimit', 'ttlSecondsAfterFinished'], path);
  if (spec.template) {
    templateProblems(causes, spec.template, `${path}.template`);
    const { restartPolicy } = spec.template.spec ?? {};
    if (restartPolicy && !['OnFailure', 'Never'].includes(restartPolicy)) causes.required(`${path}.template.spec.restartPolicy`, 'valid values: "OnFailure", "Never"');
    if (spec.podFailurePolicy && restartPolicy !== 'Never') causes.invalid(`${path}.template.spec.restartPolicy`, restartPolicy, 'only "Never" is supported when podFailurePolicy is specified');
  }
  const names = (spec.template?.spec?.containers ?? []).map((one) => one.name);
  (spec.podFailurePolicy?.rules ?? []).forEach((rule, i) => {
    const at = `${path}.podFailurePolicy.rules[${i}]`;
    if (!['Count', 'FailIndex', 'FailJob', 'Ignore'].includes(rule.action)) causes.unsupported(`${at}.action`, rule.action, ['Count', 'FailIndex', 'FailJob', 'Ignore']);
    if (!rule.onExitCodes && !rule.onPodConditions?.length) causes.invalid(at, rule, 'specifying one of OnExitCodes and OnPodConditions is required');
    const codes = rule.onExitCodes;
    if (!codes) return;
    if (codes.containerName && !names.includes(codes.containerName)) causes.invalid(`${at}.onExitCodes.containerName`, codes.containerName, 'must be one of the container or initContainer names in the pod template');
    if (!codes.values?.length) causes.invalid(`${at}.onExitCodes.values`, codes.values ?? [], 'at least one value is required');
    (codes.values ?? []).forEach((code, j, all) => {
      if (code === 0 && codes.operator === 'In') causes.invalid(`${at}.onExitCodes.values[${j}]`, 0, 'must not be 0 for the In operator');
      if (j > 0 && all[j - 1] >= code) causes.invalid(`${at}.onExitCodes.values`, all, all[j - 1] === code ? 'must be unique' : 'must be ordered');
    });
  });
  if (spec.podFailurePolicy && spec.podReplacementPolicy !== 'Failed') causes.unsupported(`${path}.podReplacementPolicy`, spec.podReplacementPolicy, ['Failed']);
}

export function validate(type, object) {
  const causes = new Causes();
  metadataProblems(causes, type, object);
  const { spec } = object;
  switch (type.kind) {
    case 'Pod': podProblems(causes, spec, 'spec'); break;
    case 'Job':
      jobProblems(causes, spec, 'spec');
      if (!spec.manualSelector && spec.selector && spec.selector.matchLabels?.['batch.kubernetes.io/controller-uid'] !== object.metadata.uid)
        causes.invalid('spec.selector', spec.selector, '`selector` not auto-generated');
      break;
    case 'CronJob':
      if (object.metadata.name?.length > 52) causes.invalid('metadata.name', object.metadata.name, 'must be no more than 52 characters');
      if (!spec.schedule) causes.required('spec.schedule');
      jobProblems(causes, spec.jobTemplate?.spec ?? {}, 'spec.jobTemplate.spec');
      break;
    case 'Deployment': case 'ReplicaSet': case 'StatefulSet': {
      atLeast0(causes, spec, ['replicas']);
      templateProblems(causes, spec.template, 'spec.template');
      if (spec.template?.spec?.restartPolicy !== 'Always') causes.unsupported('spec.template.spec.restartPolicy', spec.template?.spec?.restartPolicy, ['Always']);
      const want = spec.selector?.matchLabels ?? {};
      if (Object.keys(want).length === 0 && !spec.selector?.matchExpressions?.length) causes.invalid('spec.selector', spec.selector, `empty selector is invalid for ${type.kind.toLowerCase()}`);
      else if (Object.entries(want).some(([key, value]) => spec.template?.metadata?.labels?.[key] !== value)) causes.invalid('spec.template.metadata.labels', spec.template?.metadata?.labels ?? {}, '`selector` does not match template `labels`');
      break;
    }
    case 'Secret': case 'ConfigMap': {
      let size = 0;
      for (const part of ['data', 'binaryData'])
        for (const [key, value] of Object.entries(object[part] ?? {})) {
          if (key.length > 253) causes.invalid(`${part}[${key}]`, key, 'must be no more than 253 bytes');
          else if (!configKey.test(key) || key === '.' || key.startsWith('..')) causes.invalid(`${part}[${key}]`, key, keyText);
          size += type.kind === 'Secret' || part === 'binaryData' ? Buffer.from(value, 'base64').length : Buffer.byteLength(value);
        }
      if (size > 1048576) causes.tooLong(type.kind === 'Secret' ? 'data' : '', 1048576);
      const needed = { 'kubernetes.io/tls': ['tls.crt', 'tls.key'], 'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'], 'kubernetes.io/ssh-auth': ['ssh-privatekey'] }[object.type] ?? [];
      for (const key of needed) if (type.kind === 'Secret' && object.data?.[key] === undefined) causes.required(`data[${key}]`);
      break;
    }
    case 'PersistentVolumeClaim':
      if (!spec?.accessModes?.length) causes.required('spec.accessModes', 'at least 1 access mode is required');
      if (!spec?.resources?.requests?.storage) causes.required('spec.resources[storage]');
      break;
    case 'Event':
      if (object.involvedObject?.namespace !== object.metadata.namespace) causes.invalid('involvedObject.namespace', object.involvedObject?.namespace ?? '', 'does not match event.namespace');
      break;
    default:
  }
  return causes;
}

const same = (a, b) => JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
const sorted = (value) => value === null || typeof value !== 'object' ? value : Array.isArray(value) ? value.map(sorted)
  : Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, one]) => [key, sorted(one)]));

export function validateUpdate(type, object, old) {
  const causes = validate(type, object);
  const fixed = (field, now, before) => { if (!same(now, before)) causes.invalid(field, now ?? null, 'field is immutable'); };
  const a = object.spec ?? {};
  const b = old.spec ?? {};
  switch (type.kind) {
    case 'Job':
      for (const name of ['selector', 'completions', 'completionMode', 'podFailurePolicy', 'backoffLimitPerIndex', 'managedBy'])
        fixed(`spec.${name}`, a[name], b[name]);
      fixed('spec.template', a.template, b.template);
      break;
    case 'Pod': {
      const kept = (spec) => ({ ...spec, activeDeadlineSeconds: 0, tolerations: 0, containers: spec.containers.map((one) => ({ ...one, image: '' })) });
      if (!same(kept(a), kept(b))) causes.forbidden('spec', 'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)');
      break;
    }
    case 'Secret': case 'ConfigMap':
      if (type.kind === 'Secret') fixed('type', object.type, old.type);
      if (old.immutable && (!object.immutable || !same([object.data, object.binaryData], [old.data, old.binaryData]))) causes.forbidden('data', 'field is immutable when `immutable` is set');
      break;
    case 'Deployment': case 'StatefulSet': case 'ReplicaSet':
      fixed('spec.selector', a.selector, b.selector);
      break;
    default:
  }
  return causes;
}

// The Pod Security Standard that a namespace enforces by its label.
export function podSecurityProblems(spec, level) {
  const bad = [];
  const pod = spec.securityContext ?? {};
  const containers = [...(spec.initContainers ?? []), ...spec.containers];
  const which = (test) => containers.filter(test).map((one) => one.name);
  const add = (test, title, text) => { const names = which(test); if (names.length) bad.push(`${title} (container${names.length > 1 ? 's' : ''} ${names.map((n) => `"${n}"`).join(', ')} ${text})`); };
  if (!['restricted', 'baseline'].includes(level)) return bad;
  if (spec.hostNetwork || spec.hostPID || spec.hostIPC) bad.push('host namespaces');
  add((one) => one.securityContext?.privileged, 'privileged', 'must not set securityContext.privileged=true');
  for (const volume of spec.volumes ?? []) if (volume.hostPath) bad.push(`hostPath volumes (volume "${volume.name}")`);
  if (level === 'baseline') return bad;
  add((one) => one.securityContext?.allowPrivilegeEscalation !== false, 'allowPrivilegeEscalation != false', 'must set securityContext.allowPrivilegeEscalation=false');
  add((one) => !one.securityContext?.capabilities?.drop?.includes('ALL') || (one.securityContext.capabilities.add ?? []).some((name) => name !== 'NET_BIND_SERVICE'), 'unrestricted capabilities', 'must set securityContext.capabilities.drop=["ALL"]');
  add((one) => (one.securityContext?.runAsNonRoot ?? pod.runAsNonRoot) !== true, 'runAsNonRoot != true', 'must set securityContext.runAsNonRoot=true');
  add((one) => (one.securityContext?.runAsUser ?? pod.runAsUser) === 0, 'runAsUser=0', 'must not set runAsUser=0');
  add((one) => !['RuntimeDefault', 'Localhost'].includes((one.securityContext?.seccompProfile ?? pod.seccompProfile)?.type), 'seccompProfile', 'must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"');
  for (const volume of spec.volumes ?? [])
    for (const source of Object.keys(volume))
      if (!['name', 'configMap', 'csi', 'downwardAPI', 'emptyDir', 'ephemeral', 'persistentVolumeClaim', 'projected', 'secret', 'hostPath'].includes(source)) bad.push(`restricted volume types (volume "${volume.name}" uses restricted volume type "${source}")`);
  return bad;
}
