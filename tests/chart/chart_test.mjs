// The chart, as Helm 4 and Helm 3 render it. See run.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { chart, readYaml, render, run, scratch, tryRender, valuesFile, versions } from './helm.mjs';
import { nodes, podOf, serverProblems } from './objects.mjs';
import { chartProblems } from './rules.mjs';

const source = (name) => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8');
const clone = (value) => structuredClone(value);

function merged(base, over) {
  const plain = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);
  if (!plain(base) || !plain(over)) return over;
  const made = { ...base };
  for (const [key, value] of Object.entries(over)) made[key] = key in made ? merged(made[key], value) : value;
  return made;
}

const least = {
  backup: { enabled: true },
  store: { bucket: 'erp-backups' },
  database: { host: 'erp-db', name: 'dolibarr' },
  documents: { existingClaim: 'erp-documents' },
};
const prod = merged(least, { environment: 'prod' });
const sandbox = merged(least, { environment: 'sandbox' });
const everything = merged(prod, {
  drill: { enabled: true, confKeySecret: { name: 'dolibarr-key' }, tmpSizeLimit: '20Gi' },
  timeZone: 'Europe/Paris',
  store: { endpoint: 'https://storage.googleapis.com', ca: { configMap: 'store-authority' } },
  database: { sslmode: 'verify-full', ca: { secret: 'erp-db-ca' } },
  documents: { subPath: 'documents' },
  settings: {
    protected: true, php_time_zone: 'Europe/Paris', conf_key_location: 'the safe: second shelf',
    retention: { days: 30, months: 12, years: 11, fiscal_year_end: '06-30' }, max_unchanged_days: 30,
    pair_attempts: 3, settle_timeout: '30s', max_prune_percent: 50, orphan_grace: '72h', uploads_older_than: '1d',
    workers: 4, upload_memory: '24MiB', max_age: '30h', proof_max_age: '20d',
    metrics: { pushgateway: 'http://pushgateway.monitoring:9091', pushgateway_user: 'backup' },
    notify: {
      webhook: { when: 'always' },
      mail: { server: 'smtp://mail.example:587', user: 'backup', from: 'backup@mail.example', to: 'anna@mail.example, ben@mail.example',
        when: 'failure', allow_plaintext: false },
    },
    store: { addressing: 'virtual-host', allow_http: false, stall_timeout: '60s', retries: 5 },
    database: { table_prefix: 'llx_', fingerprint: 'exact', connections: 2, lock_wait: '60s', pg_dump: '/usr/bin/pg_dump' },
  },
  notify: {
    vaultPath: 'erp/notify', ca: { configMap: 'notify-authority' },
    secretKeys: { pingBackup: 'PING_BACKUP', pingDrill: 'PING_DRILL', webhookUrl: 'WEBHOOK', webhookAuthorization: 'WEBHOOK_LOGIN', mailPassword: 'MAIL' },
  },
  pushgatewayPasswordSecret: { name: 'pushgateway-login' },
  image: { repository: 'registry.example:5000/tools/dolibarr-backup', digest: `sha256:${'a'.repeat(64)}`, pullSecrets: ['pull'] },
  serviceAccount: { annotations: { note: 'on' } },
  nodeSelector: { 'kubernetes.io/arch': 'amd64' },
  tolerations: [{ key: 'dedicated', operator: 'Exists' }],
  affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [
    { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { app: 'dolibarr' } } }] } },
  priorityClassName: 'low',
  labels: { team: 'yes' }, annotations: { since: '2026-01-01' }, podLabels: { log: 'on' }, podAnnotations: { inject: 'false' },
  extraEnv: [{ name: 'HTTPS_PROXY', value: 'http://proxy.internal:3128' }],
  networkPolicy: {
    enabled: true, dnsTo: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } } }],
    storeTo: [{ ipBlock: { cidr: '192.0.2.0/24' } }], storePorts: [443, 8443], databaseTo: [{ podSelector: { matchLabels: { app: 'db' } } }],
  },
  prometheusRule: { enabled: true, labels: { release: 'monitoring' } },
});
const extraNames = everything.extraEnv.map((one) => one.name);

const kinds = (objects) => objects.map((one) => `${one.kind}/${one.metadata.name}`).sort();
const usual = ['ConfigMap/erp-dolibarr-backup', 'CronJob/erp-dolibarr-backup', 'Pod/erp-dolibarr-backup-test',
  'ServiceAccount/erp-dolibarr-backup'];
const withVault = [...usual, 'VaultStaticSecret/erp-dolibarr-backup-store'];
const cronJob = (objects, suffix = '') => objects.find((one) => one.kind === 'CronJob' && one.metadata.name === `erp-dolibarr-backup${suffix}`);
const settingsOf = (objects) => readYaml(objects.find((one) => one.kind === 'ConfigMap').data['settings.yaml'])[0];

function expectSound(objects, options) {
  assert.deepEqual(objects.flatMap((object) => serverProblems(object).map((text) => `${object.kind}: ${text}`)), []);
  assert.deepEqual(chartProblems(objects, options), []);
}

for (const version of versions) {
  test(`${version}: lint --strict`, () => {
    for (const values of [{}, prod, everything]) {
      const { code, out, err } = run(version, ['lint', '--strict', chart, '--values', valuesFile(values)]);
      assert.equal(code, 0, out + err);
    }
  });

  test(`${version}: off renders no object`, () => {
    assert.deepEqual(render({}, { version }), []);
    assert.deepEqual(render({ environment: 'prod' }, { version }), []);
    assert.deepEqual(render(merged(everything, { backup: { enabled: false } }), { version }), []);
  });

  const table = {
    prod: [prod, withVault],
    sandbox: [sandbox, withVault],
    drill: [merged(prod, { drill: { enabled: true } }), [...withVault, 'CronJob/erp-dolibarr-backup-drill']],
    'an existing Secret': [merged(prod, { store: { existingSecret: 'longhorn-gcs-backup-credentials' } }), usual],
    "no service account of its own": [merged(prod, { serviceAccount: { create: false } }), withVault.filter((one) => !one.startsWith('ServiceAccount'))],
    'network policies': [merged(prod, { networkPolicy: { enabled: true } }),
      [...withVault, 'NetworkPolicy/erp-dolibarr-backup', 'NetworkPolicy/erp-dolibarr-backup-database']],
    alerts: [merged(prod, { prometheusRule: { enabled: true } }), [...withVault, 'PrometheusRule/erp-dolibarr-backup']],
    'notices from a Secret': [merged(prod, { notify: { existingSecret: 'told', secretKeys: { pingBackup: 'ping' } } }),
      [...withVault, 'Pod/erp-dolibarr-backup-test-notify']],
    'notices from Vault': [merged(prod, { store: { existingSecret: 'own' }, notify: { vaultPath: 'erp/notify', secretKeys: { webhookUrl: 'url' } } }),
      [...usual, 'Pod/erp-dolibarr-backup-test-notify', 'VaultStaticSecret/erp-dolibarr-backup-notify']],
    'mail without a password': [merged(prod, { settings: { notify: { mail: { server: 'smtp://mail:25', from: 'a@b.example', to: 'c@d.example' } } } }),
      [...withVault, 'Pod/erp-dolibarr-backup-test-notify']],
    everything: [everything, [...withVault, 'CronJob/erp-dolibarr-backup-drill', 'NetworkPolicy/erp-dolibarr-backup',
      'NetworkPolicy/erp-dolibarr-backup-database', 'Pod/erp-dolibarr-backup-test-notify', 'PrometheusRule/erp-dolibarr-backup',
      'VaultStaticSecret/erp-dolibarr-backup-notify']],
    'names that look like other things': [merged(prod, {
      store: { existingSecret: '123', secretKeys: { accessKeyId: '1e3', secretAccessKey: 'true', endpoint: '0x10' } },
      database: { name: 'null', host: '10', existingSecret: 'true' }, documents: { existingClaim: '1e3', subPath: '08' },
      serviceAccount: { name: 'off' }, priorityClassName: '5', image: { pullSecrets: ['7'], tag: '1.10' },
      extraEnv: [{ name: 'NO', value: 'on' }], settings: { metrics: { pushgateway: 'http://push:9091' } },
      notify: { existingSecret: '0', secretKeys: { pingBackup: '1e3', webhookUrl: 'null' } }, pushgatewayPasswordSecret: { name: '08', key: 'no' },
    }), [...usual.map((one) => one.replace('ServiceAccount/erp-dolibarr-backup', 'ServiceAccount/off')), 'Pod/erp-dolibarr-backup-test-notify']],
  };
  for (const [name, [values, expected]] of Object.entries(table))
    test(`${version}: ${name}`, () => {
      const objects = render(values, { version });
      assert.deepEqual(kinds(objects), [...expected].sort());
      expectSound(objects, { extraNames: (values.extraEnv ?? []).map((one) => one.name) });
    });

  test(`${version}: the alerts on metrics are those of the file, for this environment`, () => {
    const [{ spec }] = render(everything, { version }).filter((one) => one.kind === 'PrometheusRule');
    const file = join(scratch, `rules-${version}.yaml`);
    writeFileSync(file, JSON.stringify(spec));
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'rules', file], { encoding: 'utf8' });
    assert.equal(status, 0, stdout + stderr);
    const [shipped] = readYaml(source('chart/files/dolibarr-backup.rules.yaml'))[0].groups;
    const { rules } = spec.groups.at(-1);
    for (const { expr } of rules)
      assert.equal(expr.match(/dolibarr_backup_[a-z_]+/g).length, expr.match(/dolibarr_backup_[a-z_]+\{env="prod"[,}]/g).length, expr);
    const everywhere = rules.map((rule) => ({ ...rule, expr: rule.expr.replaceAll('{env="prod",', '{').replaceAll('{env="prod"}', '') }));
    assert.deepEqual(everywhere, shipped.rules);
  });

  test(`${version}: as a subchart`, () => {
    const parent = join(scratch, `parent-${version}`);
    mkdirSync(join(parent, 'charts'), { recursive: true });
    cpSync(chart, join(parent, 'charts', 'dolibarr-backup'), { recursive: true });
    const described = (alias) => `apiVersion: v2\nname: erp\nversion: 1.0.0\ndependencies:\n- name: dolibarr-backup\n  version: ">=0"\n` +
      `  condition: ${alias || 'dolibarr-backup'}.backup.enabled\n${alias ? `  alias: ${alias}\n` : ''}`;
    const global = { anything: { goes: true }, imagePullSecrets: [] };
    writeFileSync(join(parent, 'Chart.yaml'), described(''));
    assert.deepEqual(render({ global }, { version, from: parent }), []);
    const sorted = (objects) => objects.sort((a, b) => JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);
    assert.deepEqual(sorted(render({ global, 'dolibarr-backup': everything }, { version, from: parent })),
      sorted(render(everything, { version })));
    writeFileSync(join(parent, 'Chart.yaml'), described('saved'));
    const objects = render({ global, saved: prod }, { version, from: parent });
    expectSound(objects);
    assert.ok(kinds(objects).includes('CronJob/erp-saved'));
    assert.match(tryRender({ saved: merged(prod, { prefix: 'erp/sandbox' }) }, { version, from: parent }).err, /must never mix/);
  });

  const refused = {
    'no environment': [least, /environment is missing/],
    "another environment's prefix": [merged(sandbox, { prefix: 'erp/prod' }), /prefix "erp\/prod" does not end with the environment "sandbox"/],
    'a prefix that only looks alike': [merged(prod, { prefix: 'erp/no-prod' }), /must never mix/],
    'no bucket': [merged(prod, { store: { bucket: '' } }), /store.bucket is missing/],
    'no database': [merged(prod, { database: { host: '', name: '' } }), /database.host is missing[^]*database.name is missing/],
    'no claim': [merged(prod, { documents: { existingClaim: '' } }), /documents.existingClaim is missing/],
    'the mount within the path': [merged(prod, { backup: { vaultS3Path: 'kvv2/erp/backup' } }), /below the mount/],
    'the API path': [merged(prod, { backup: { vaultS3Path: 'data/erp/backup' } }), /below the mount/],
    'two authorities': [merged(prod, { store: { ca: { configMap: 'a', secret: 'b' } } }), /give one/],
    'a misspelt value': [merged(prod, { backup: { enable: true } }), /enable/],
    'a misspelt section': [merged(prod, { databse: {} }), /databse/],
    'a misspelt setting': [merged(prod, { settings: { retention: { day: 3 } } }), /day/],
    'a number as the environment': [merged(prod, { environment: 5 }), /environment/],
    'a text as the switch': [merged(prod, { backup: { enabled: 'false' } }), /enabled/],
    'a broken schedule': [merged(prod, { backup: { schedule: '15 2 * *' } }), /schedule/],
    'a schedule with a time zone': [merged(prod, { backup: { schedule: 'CRON_TZ=UTC 15 2 * * *' } }), /schedule/],
    root: [merged(prod, { runAsUser: 0 }), /runAsUser/],
    fsGroup: [merged(prod, { podSecurityContext: { fsGroup: 33 } }), /podSecurityContext/],
    'a secret in the values': [merged(prod, { database: { password: 'x' } }), /password/],
    "a variable of the program's": [merged(prod, { extraEnv: [{ name: 'PGHOST', value: 'other' }] }), /extraEnv/],
    'a secret as a variable': [merged(prod, { extraEnv: [{ name: 'API_TOKEN', value: 'x' }] }), /extraEnv/],
    'a variable from elsewhere': [merged(prod, { extraEnv: [{ name: 'A', valueFrom: {} }] }), /extraEnv/],
    'a bad quantity': [merged(prod, { backup: { resources: { limits: { memory: '1 GB' } } } }), /memory/],
    'a compound refreshAfter': [merged(prod, { vault: { refreshAfter: '1h30m' } }), /refreshAfter/],
    'an unknown engine': [merged(prod, { vault: { type: 'kv-v3' } }), /type/],
    'no database Secret': [merged(prod, { database: { existingSecret: '' } }), /existingSecret/],
    'an endpoint without scheme': [merged(prod, { store: { endpoint: 'storage.googleapis.com' } }), /endpoint/],
    'a database URL': [merged(prod, { database: { name: 'postgres://db/dolibarr' } }), /name/],
    'a climbing subPath': [merged(prod, { documents: { subPath: 'a/../../b' } }), /subPath/],
    'a mount over the secrets': [merged(prod, { documents: { mountPath: '/run/secrets' } }), /mountPath/],
    'a short digest': [merged(prod, { image: { digest: 'sha256:abc' } }), /digest/],
    'a tag in the repository': [merged(prod, { image: { repository: 'a/b:1' } }), /repository/],
    'a port out of range': [merged(prod, { database: { port: 70000 } }), /port/],
    'an unknown time zone form': [merged(prod, { timeZone: 'paris' }), /timeZone/],
    'an empty peer': [merged(prod, { networkPolicy: { storeTo: [{}] } }), /storeTo/],
    'two sources of notices': [merged(everything, { notify: { existingSecret: 'told' } }), /give one/],
    'keys of no Secret': [merged(prod, { notify: { secretKeys: { pingBackup: 'ping' } } }), /notify.existingSecret or notify.vaultPath/],
    'a Secret of which nothing is used': [merged(prod, { notify: { existingSecret: 'told' } }), /secretKeys is empty/],
    'an authorization for nobody': [merged(prod, { notify: { existingSecret: 'told', secretKeys: { webhookAuthorization: 'login' } } }), /webhookUrl is missing/],
    'a password of no mail': [merged(prod, { notify: { existingSecret: 'told', secretKeys: { mailPassword: 'mail' } } }), /settings.notify.mail is missing/],
    'mail to nobody': [merged(prod, { settings: { notify: { mail: { server: 'smtp://mail:25', from: 'a@b.example' } } } }), /to/],
    "the mount within the notices' path": [merged(everything, { notify: { vaultPath: 'kvv2/erp/notify' } }), /notify.vaultPath.*below the mount/],
    'a password of no Pushgateway': [merged(prod, { pushgatewayPasswordSecret: { name: 'push' } }), /settings.metrics.pushgateway is missing/],
    'an address in the values': [merged(prod, { settings: { notify: { ping: { backup: 'https://hc-ping.com/x' } } } }), /ping/],
    'a login in the values': [merged(prod, { settings: { metrics: { pushgateway_password: 'x' } } }), /pushgateway_password/],
    'a setting that the chart decides': [merged(prod, { settings: { prefix: 'erp/sandbox' } }), /prefix/],
  };
  test(`${version}: refuses mistakes`, () => {
    for (const [name, [values, message]] of Object.entries(refused)) {
      const { code, out, err } = tryRender(values, { version });
      assert.notEqual(code, 0, `${name} was accepted`);
      assert.match(err, message, name);
      assert.equal(out.trim(), '', `${name} rendered something`);
    }
  });
}

test('both Helms render the same', () => {
  assert.deepEqual(render(everything, { version: 'helm3' }), render(everything, { version: 'helm4' }));
});

test('prod and sandbox differ only in what must differ', () => {
  const leaves = (values, options) => new Map([...nodes(Object.fromEntries(render(values, options).map((one) => [`${one.kind}/${one.metadata.name}`, one])))]
    .filter(([, value]) => value === null || typeof value !== 'object'));
  const [one, other] = [leaves(merged(everything, { environment: 'prod' })), leaves(merged(everything, { environment: 'sandbox' }))];
  assert.deepEqual([...one.keys()], [...other.keys()]);
  const differing = [...one].filter(([path, value]) => other.get(path) !== value).map(([path]) => path);
  const expected = [/\/labels\/dolibarr-backup\/environment$/, /\/data\/settings\.yaml$/, /\/args\/1$/, /\/env\/1\/value$/, /\/annotations\/(summary|description)$/,
    /\/rules\/[0-9]+\/expr$/];
  for (const path of differing) {
    assert.ok(expected.some((pattern) => pattern.test(path)), path);
    assert.equal(one.get(path).replaceAll('prod', 'sandbox'), other.get(path), path);
  }
  for (const pattern of expected) assert.ok(differing.some((path) => pattern.test(path)), `${pattern} does not differ`);
  assert.match(one.get('/ConfigMap/erp-dolibarr-backup/data/settings.yaml'), /^ {4}prefix: erp\/prod$/m);
  assert.match(other.get('/ConfigMap/erp-dolibarr-backup/data/settings.yaml'), /^ {4}prefix: erp\/sandbox$/m);
});

test('the CronJob is as decided', () => {
  const objects = render(everything);
  const { spec } = cronJob(objects);
  assert.equal(spec.schedule, '15 2 * * *');
  assert.equal(spec.timeZone, 'Europe/Paris');
  assert.equal(spec.suspend, false);
  assert.equal(spec.startingDeadlineSeconds, 14400);
  assert.equal(spec.jobTemplate.spec.activeDeadlineSeconds, 21600);
  assert.equal(spec.jobTemplate.spec.backoffLimit, 1);
  assert.deepEqual([spec.successfulJobsHistoryLimit, spec.failedJobsHistoryLimit], [3, 3]);
  const pod = podOf(cronJob(objects)).spec;
  assert.deepEqual(pod.securityContext, { runAsNonRoot: true, runAsUser: 33, runAsGroup: 33, seccompProfile: { type: 'RuntimeDefault' } });
  assert.deepEqual(pod.containers[0].command, ['dolibarr-backup']);
  assert.deepEqual(pod.containers[0].args, ['--config=/etc/dolibarr-backup/settings.yaml', '--env=prod', 'backup']);
  assert.deepEqual(podOf(cronJob(objects, '-drill')).spec.containers[0].args.slice(2),
    ['drill', '--work-dir=/tmp', '--conf-key-file=/run/secrets/dolibarr-backup/conf-key/key']);
  assert.deepEqual(objects.find((one) => one.kind === 'Pod').spec.containers[0].args.slice(2), ['identity', 'show']);
  const large = merged(prod, { backup: { activeDeadlineSeconds: 1209600, startingDeadlineSeconds: 604800 }, runAsUser: 1000650000 });
  const big = cronJob(render(large));
  assert.equal(big.spec.jobTemplate.spec.activeDeadlineSeconds, 1209600);
  assert.equal(podOf(big).spec.securityContext.runAsUser, 1000650000);
});

test('the VaultStaticSecret is as decided', () => {
  const vault = render(prod).find((one) => one.kind === 'VaultStaticSecret');
  assert.deepEqual(vault.spec, {
    vaultAuthRef: 'auth', mount: 'kvv2', type: 'kv-v2', path: 'erp/backup', refreshAfter: '1h',
    destination: { name: 'erp-dolibarr-backup-store', create: true, transformation: { excludeRaw: true } },
  });
  const moved = render(merged(everything, { backup: { vaultS3Path: 'shop/backup' } })).filter((one) => one.kind === 'VaultStaticSecret');
  assert.deepEqual(moved.map(({ spec }) => [spec.destination.name, spec.path]),
    [['erp-dolibarr-backup-notify', 'erp/notify'], ['erp-dolibarr-backup-store', 'shop/backup']]);
});

test('one pod: backup, drill and tests differ only in what must', () => {
  const objects = render(merged(everything, { drill: { confKeySecret: { name: '' }, tmpSizeLimit: '64Mi' } }));
  const bare = (pod) => {
    const { spec } = clone(pod);
    spec.containers[0].args = spec.containers[0].args.slice(0, 2);
    return spec;
  };
  const backup = bare(podOf(cronJob(objects)));
  const tests = objects.filter((one) => one.kind === 'Pod');
  assert.deepEqual(tests.map((one) => one.spec.containers[0].args.slice(2)), [['identity', 'show'], ['notify', 'test']]);
  for (const one of tests) assert.deepEqual(bare(one), backup);
  const drill = bare(podOf(cronJob(objects, '-drill')));
  delete drill.containers[0].resources;
  delete backup.containers[0].resources;
  for (const list of [backup.volumes, backup.containers[0].volumeMounts])
    list.splice(0, list.length, ...list.filter((one) => !['database', 'database-ca', 'documents'].includes(one.name)));
  assert.deepEqual(drill, backup);
});

test('nobody takes a pod out of its policies by a label', () => {
  const objects = render(merged(everything, {
    labels: { 'app.kubernetes.io/instance': 'other' }, podLabels: { 'app.kubernetes.io/component': 'other', 'app.kubernetes.io/name': 'other' },
  }));
  expectSound(objects, { extraNames });
});

test('long names still fit', () => {
  const release = 'a-release-whose-name-has-fifty-three-characters-in-it';
  assert.equal(release.length, 53);
  expectSound(render(everything, { release }), { extraNames });
  expectSound(render(merged(everything, { fullnameOverride: 'x'.repeat(60) })), { extraNames });
  expectSound(render(everything, { release: '123' }), { extraNames });
});

test('notes', () => {
  const notes = (values) => {
    const { code, out, err } = run('helm4', ['install', '--dry-run=client', 'erp', chart, '--namespace', 'dolibarr', '--values', valuesFile(values)]);
    assert.equal(code, 0, err);
    return out.slice(out.indexOf('NOTES:'));
  };
  assert.match(notes({}), /NOT backed up/);
  assert.match(notes(prod), /"prod" is backed up to erp-backups\/erp\/prod[^]*kvv2\/erp\/backup[^]*--from=cronjob\/erp-dolibarr-backup /);
  assert.match(notes(merged(prod, { backup: { suspend: true } })), /WARNING: it is suspended/);
  assert.match(notes(prod), /Nobody is told/);
  assert.match(notes(everything), /erp-dolibarr-backup-notify \(made from Vault, kvv2\/erp\/notify\), pushgateway-login[^]*one message to each/);
});

test("the chart's version of the program is this one", () => {
  const [description] = readYaml(readFileSync(join(chart, 'Chart.yaml'), 'utf8'));
  assert.equal(description.appVersion, /project\(dolibarr-backup VERSION (\S+)/.exec(source('CMakeLists.txt'))[1]);
});

test("the values in the chart's README render", () => {
  const [first, ...others] = [...source('chart/README.md').matchAll(/```yaml\n([^]*?)```/g)].map((match) => readYaml(match[1])[0]);
  const given = others.filter((values) => !values.dependencies);
  assert.ok(given.length >= 2);
  for (const values of [{}, ...given]) expectSound(render(merged(first, values), { release: 'erp-backup' }));
  assert.ok(kinds(render(first, { release: 'erp-backup' })).includes('CronJob/erp-backup-dolibarr-backup'));
});

test('defaults and schema name the same values', () => {
  const [defaults] = readYaml(readFileSync(join(chart, 'values.yaml'), 'utf8'));
  const schema = JSON.parse(readFileSync(join(chart, 'values.schema.json'), 'utf8'));
  const open = ['global', 'settings', 'affinity', 'serviceAccount/annotations', 'resources'];
  const compare = (node, given, path) => {
    if (node.$ref) node = schema.definitions[node.$ref.split('/').at(-1)];
    if (!node.properties || open.includes(path) || path.endsWith('/resources')) return;
    assert.equal(node.additionalProperties, false, path);
    assert.deepEqual(Object.keys(node.properties).filter((key) => key !== 'global').sort(), Object.keys(given).sort(), path);
    for (const [key, next] of Object.entries(node.properties)) if (key !== 'global') compare(next, given[key], path ? `${path}/${key}` : key);
  };
  compare(schema, defaults, '');
});

// A key that the program gains or loses is decided here: by the chart, for the values, or left out.
test("the settings are the program's", () => {
  const known = [...source('src/core/settings_keys.cc').matchAll(/Key\("([a-z0-9_.]+)"\)/g)].map((match) => match[1]).sort();
  assert.ok(known.length > 40);
  const leaves = (node, prefix = '') => Object.entries(node.properties).flatMap(([key, next]) =>
    next.properties ? leaves(next, `${prefix}${key}.`) : [`${prefix}${key}`]);
  const offered = leaves(JSON.parse(readFileSync(join(chart, 'values.schema.json'), 'utf8')).properties.settings);
  const rendered = [...nodes(settingsOf(render(everything)).environments.prod)]
    .filter(([, value]) => typeof value !== 'object').map(([path]) => path.slice(1).replaceAll('/', '.'));
  for (const key of [...rendered, ...offered]) assert.ok(known.includes(key), `the program has no setting ${key}`);
  for (const key of offered) assert.ok(rendered.includes(key), `'everything' lacks ${key}`);
  const leftOut = ['store.directory', 'store.access_key_id', 'store.secret_access_key', 'store.session_token',
    'store.session_token_file', 'store.credentials_file', 'store.profile', 'database.user', 'database.password', 'database.service',
    'metrics.textfile', 'metrics.pushgateway_password', 'notify.ping.backup', 'notify.ping.drill', 'notify.webhook.url',
    'notify.webhook.authorization', 'notify.mail.password'];
  // The pod itself is in the cluster, and runs neither of these by itself.
  const outside = known.filter((key) => key.startsWith('kubernetes.') || /^notify\.ping\.(prune|verify)/.test(key));
  assert.deepEqual([...new Set([...rendered, ...leftOut, ...outside])].sort(), known);
});

const program = process.env.PROGRAM;
test('the program reads the settings and knows the commands', { skip: program ? false : 'no program was given: tests/chart/run PROGRAM' }, () => {
  // The pod's files, made below a folder of our own.
  const address = 'https://127.0.0.1:1';
  const contents = { AWS_ENDPOINTS: address, PING_BACKUP: `${address}/ping`, PING_DRILL: `${address}/ping`, WEBHOOK: `${address}/hook` };
  const start = (objects, object, args, variables = {}, missing = []) => {
    const root = mkdtempSync(join(scratch, 'pod-'));
    const { spec } = podOf(object);
    const [container] = spec.containers;
    const inside = (text) => text.replaceAll(/\/(etc|run\/secrets)\/dolibarr-backup/g, (path) => root + path).replace(/=\/tmp$/, `=${root}`);
    const write = (name, text) => {
      mkdirSync(dirname(name), { recursive: true });
      writeFileSync(name, text);
    };
    for (const mount of container.volumeMounts)
      for (const { key, path } of spec.volumes.find((one) => one.name === mount.name).secret?.items ?? [])
        if (!missing.includes(mount.name)) write(join(root, mount.mountPath, path), `${contents[key] ?? `${key}-value`}\n`);
    for (const mount of container.volumeMounts)
      if (mount.name.endsWith('-ca')) write(join(root, mount.mountPath, 'ca.crt'), '');
    write(join(root, 'etc/dolibarr-backup/settings.yaml'), inside(objects.find((one) => one.kind === 'ConfigMap').data['settings.yaml']));
    const env = Object.fromEntries(container.env.map(({ name, value }) => [name, inside(value)]));
    return spawnSync(program, [...container.args.slice(0, 2).map(inside), ...(args ?? container.args.slice(2).map(inside))],
      { encoding: 'utf8', env: { PATH: process.env.PATH, ...env, TMPDIR: root, ...variables }, timeout: 60000 });
  };
  const show = (values, variables, missing) => {
    const objects = render(values);
    const { status, stdout, stderr } = start(objects, cronJob(objects), ['config', 'show', '--json'], variables, missing);
    return { status, stderr, ...JSON.parse(stdout) };
  };
  const told = ['metrics.pushgateway_password', 'notify.ping.backup', 'notify.ping.drill', 'notify.webhook.url',
    'notify.webhook.authorization', 'notify.mail.password'];
  for (const values of [prod, sandbox, everything]) {
    const shown = show(values);
    assert.deepEqual([shown.status, shown.problems, shown.warnings], [0, [], []], shown.stderr);
    const value = (key) => shown.settings.find((one) => one.key === `environments.${values.environment}.${key}`)?.value;
    assert.equal(value('prefix'), `erp/${values.environment}`);
    assert.equal(value('store.bucket'), 'erp-backups');
    assert.equal(value('store.endpoint'), values.store.endpoint ?? 'https://127.0.0.1:1');
    assert.equal(value('database.host'), 'erp-db');
    assert.equal(value('protected'), String(values.environment === 'prod'));
    for (const key of told) assert.equal(value(key), values === everything ? '***' : undefined, key);
  }
  // Nobody is told, and there is a backup all the same.
  const untold = show(everything, {}, ['notify', 'metrics']);
  assert.deepEqual([untold.status, untold.problems, untold.warnings.length], [0, [], told.length], untold.stderr);
  // The pod's variables guard against a settings file that was changed.
  for (const [name, text] of [['PREFIX', 'erp/sandbox'], ['BUCKET', 'other'], ['DB', 'other'], ['PGHOST', 'other']])
    assert.equal(show(prod, { [name]: text }).status, 3, name);

  const unreachable = render(merged(prod, {
    drill: { enabled: true, confKeySecret: { name: 'key' } }, settings: { store: { retries: 0 } },
    database: { host: '127.0.0.1', port: 1 },
  }));
  for (const object of unreachable.filter(podOf)) {
    const { status, stderr } = start(unreachable, object);
    assert.ok([4, 5].includes(status), `${object.metadata.name} ended with ${status}: ${stderr}`);
  }

  const unheard = render(merged(prod, { notify: { existingSecret: 'told', secretKeys: { pingBackup: 'PING_BACKUP', webhookUrl: 'WEBHOOK' } } }));
  const { status, stdout } = start(unheard, unheard.find((one) => one.metadata.name.endsWith('-test-notify')));
  assert.equal(status, 3);
  assert.match(stdout, /^ping of backup to https:\/\/127.0.0.1:1: FAILED.*\nwebhook to https:\/\/127.0.0.1:1: FAILED.*\n$/);
});

const authority = (of, ca) => (ca ? { [`${of}_ca_${ca.secret ? 'secret' : 'config_map'}`]: ca.secret ?? ca.configMap } : {});
// The settings file from which the program makes the pod that the chart makes from these values.
function settingsFor(values) {
  const [rendered] = readYaml(render(values).find((one) => one.kind === 'ConfigMap').data['settings.yaml']);
  const settings = clone(rendered.environments[values.environment]);
  for (const file of ['access_key_id_file', 'secret_access_key_file', 'ca_file']) delete settings.store[file];
  for (const file of ['user_file', 'password_file', 'sslrootcert']) delete settings.database[file];
  if (values.pushgatewayPasswordSecret) {
    settings.metrics.pushgateway_password_file = join(scratch, 'push-word');
    writeFileSync(settings.metrics.pushgateway_password_file, 'push-word\n');
  }
  settings.kubernetes = {
    context: 'test', namespace: 'dolibarr', documents_claim: values.documents.existingClaim,
    image: podOf(cronJob(render(values))).spec.containers[0].image, service_account: 'erp-dolibarr-backup',
    ...(values.documents.subPath ? { documents_sub_path: values.documents.subPath } : {}),
    ...(values.nodeSelector ? { node_selector: Object.entries(values.nodeSelector).map((one) => one.join('=')).join(',') } : {}),
    ...(values.image?.pullSecrets ? { image_pull_secret: values.image.pullSecrets[0] } : {}),
    ...authority('store', values.store.ca), ...authority('database', values.database.ca),
    ...(values.priorityClassName ? { priority_class: values.priorityClassName } : {}),
    ...(values.tolerations ? { tolerations: values.tolerations.map(({ key, value, effect }) => key + (value ? `=${value}` : '') + (effect ? `:${effect}` : '')).join(',') } : {}),
    ...(values.drill?.confKeySecret ? { conf_key_secret: values.drill.confKeySecret.name } : {}),
  };
  return { environments: { [values.environment]: settings } };
}

test("the program's pod in a cluster is the chart's", { skip: program ? false : 'no program was given: tests/chart/run PROGRAM' }, () => {
  const full = merged(prod, {
    drill: { enabled: true, confKeySecret: { name: 'dolibarr-key' } }, timeZone: 'Europe/Paris',
    store: { endpoint: 'https://storage.googleapis.com', ca: { configMap: 'store-authority' } },
    database: { sslmode: 'verify-full', ca: { secret: 'erp-db-ca' } }, documents: { subPath: 'documents' },
    settings: { protected: false, php_time_zone: 'Europe/Paris', retention: { days: 31 }, workers: 4, store: { retries: 7 }, database: { connections: 3 },
      metrics: { pushgateway: 'http://push:9091', pushgateway_user: 'backup' }, notify: { webhook: { when: 'always' } } },
    notify: { existingSecret: 'told', secretKeys: { webhookUrl: 'url' }, ca: { secret: 'notify-ca' } },
    pushgatewayPasswordSecret: { name: 'pushgateway-login', key: 'PUSHGATEWAY_PASSWORD' },
    image: { pullSecrets: ['pull'] }, nodeSelector: { 'kubernetes.io/arch': 'amd64' }, priorityClassName: 'backups',
    tolerations: [{ key: 'pool', operator: 'Equal', value: 'backup', effect: 'NoSchedule' }, { key: 'dedicated', operator: 'Exists' }],
  });
  const texts = (node) => node !== null && typeof node === 'object' ? Object.fromEntries(Object.entries(node).map(([key, value]) => [key, texts(value)])) : String(node);
  // What must differ: the names of the transient objects, the last arguments, labels. Of what tells of runs:
  // who started the program is told by it, not by its pod; and its Secret is there, only later than the pod.
  const bare = (pod, own) => {
    const { metadata: { annotations }, spec } = clone(pod);
    for (const list of [spec.volumes, spec.containers[0].volumeMounts])
      list.splice(0, list.length, ...list.filter((one) => !['notify', 'notify-ca'].includes(one.name)));
    spec.containers[0].args = spec.containers[0].args.filter((one) => one !== '--log-format=json');
    const named = (name) => spec.volumes.find((one) => one.name === name);
    assert.equal(named('settings').configMap.name, own.settings);
    assert.equal(named('store').secret.secretName, own.store);
    named('settings').configMap.name = 'SETTINGS';
    named('store').secret.secretName = 'STORE';
    if (named('metrics')) {
      const { secretName, optional } = named('metrics').secret;
      assert.deepEqual([secretName, optional], own.metrics);
      named('metrics').secret = { ...named('metrics').secret, secretName: 'METRICS', optional: undefined };
    }
    return { annotations, spec };
  };
  for (const values of [prod, sandbox, full, merged(full, { environment: 'sandbox', settings: { protected: true } })]) {
    const objects = render(merged(values, { drill: { enabled: true } }));
    const file = join(scratch, `cluster-${values.environment}.json`);
    writeFileSync(file, JSON.stringify(settingsFor(values)));
    for (const [command, suffix] of [['backup', ''], ['drill', '-drill']]) {
      const { status, stdout, stderr } = spawnSync(program, ['--config', file, '--env', values.environment, command, '--kubectl-dry-run'],
        { encoding: 'utf8', env: { PATH: process.env.PATH } });
      assert.equal(status, 0, stderr);
      const [job, settings, secret] = JSON.parse(stdout).items;
      assert.deepEqual([job, settings, secret].flatMap(serverProblems), []);
      const { name } = job.metadata;
      assert.deepEqual(bare(job.spec.template, { settings: name, store: name, metrics: [name, undefined] }),
        bare(podOf(cronJob(objects, suffix)), { settings: 'erp-dolibarr-backup', store: 'erp-dolibarr-backup-store', metrics: ['pushgateway-login', true] }), command);
      const charts = settingsOf(objects);
      delete charts.environments[values.environment].notify;
      assert.deepEqual(texts(JSON.parse(settings.data['settings.yaml'])), texts(charts));
      assert.deepEqual(new Set(Object.values({ ...secret.data, ...secret.stringData })), new Set(['***']));
      assert.equal('PUSHGATEWAY_PASSWORD' in (secret.stringData ?? {}), 'pushgatewayPasswordSecret' in values);
    }
  }
});

test('the checks can fail', () => {
  const sound = render(everything);
  const podSpec = (objects) => podOf(cronJob(objects)).spec;
  const container = (objects) => podSpec(objects).containers[0];
  const volume = (objects, name) => podSpec(objects).volumes.find((one) => one.name === name);
  const mount = (objects, name) => container(objects).volumeMounts.find((one) => one.name === name);
  const variable = (objects, name) => container(objects).env.find((one) => one.name === name);
  const kind = (objects, name) => objects.find((one) => one.kind === name);
  const mutations = {
    'an unknown field': (o) => { podSpec(o).serviceAccuont = 'x'; },
    'an unknown field deep down': (o) => { volume(o, 'store').secret.item = []; },
    'a required field': (o) => { delete kind(o, 'CronJob').spec.schedule; },
    'a number as text': (o) => { kind(o, 'CronJob').spec.startingDeadlineSeconds = '60'; },
    'a fraction': (o) => { kind(o, 'CronJob').spec.startingDeadlineSeconds = 1.5; },
    'a word of no list': (o) => { kind(o, 'CronJob').spec.concurrencyPolicy = 'forbid'; },
    'a label of a number': (o) => { kind(o, 'ConfigMap').metadata.labels.a = 5; },
    'a bad label': (o) => { kind(o, 'ConfigMap').metadata.labels.a = 'a b'; },
    'a long name': (o) => { kind(o, 'CronJob').metadata.name = 'x'.repeat(53); },
    'a doubled variable': (o) => { container(o).env.push(variable(o, 'BUCKET')); },
    'a mount of nothing': (o) => { mount(o, 'store').name = 'none'; },
    'a mount within another': (o) => { mount(o, 'tmp').mountPath = '/var/www/documents/x'; },
    'an unknown time zone': (o) => { kind(o, 'CronJob').spec.timeZone = 'Europe/Pariss'; },
    'a compound refreshAfter': (o) => { kind(o, 'VaultStaticSecret').spec.refreshAfter = '1h30m'; },
    'a Vault field': (o) => { kind(o, 'VaultStaticSecret').spec.destination.secretName = 'x'; },
    'no destination': (o) => { delete kind(o, 'VaultStaticSecret').spec.destination; },
    'a policy without selector': (o) => { delete kind(o, 'NetworkPolicy').spec.podSelector; },
    'a policy that misses the pod': (o) => { kind(o, 'NetworkPolicy').spec.podSelector.matchLabels.x = 'y'; },
    'a rule without expression': (o) => { delete kind(o, 'PrometheusRule').spec.groups[0].rules[0].expr; },
    'another restartPolicy': (o) => { podSpec(o).restartPolicy = 'OnFailure'; },
    fsGroup: (o) => { podSpec(o).securityContext.fsGroup = 33; },
    'a writable claim': (o) => { volume(o, 'documents').persistentVolumeClaim.readOnly = false; },
    'a writable mount': (o) => { delete mount(o, 'documents').readOnly; },
    'a writable root': (o) => { container(o).securityContext.readOnlyRootFilesystem = false; },
    'a private secret file': (o) => { volume(o, 'store').secret.defaultMode = 0o400; },
    'a frozen secret file': (o) => { mount(o, 'store').subPath = 'x'; },
    root: (o) => { podSpec(o).securityContext.runAsUser = 0; },
    'perhaps root': (o) => { delete podSpec(o).securityContext.runAsNonRoot; },
    'capabilities': (o) => { container(o).securityContext.capabilities.drop = ['NET_RAW']; },
    'an added capability': (o) => { container(o).securityContext.capabilities.add = ['SYS_ADMIN']; },
    'privilege escalation': (o) => { delete container(o).securityContext.allowPrivilegeEscalation; },
    privileged: (o) => { container(o).securityContext.privileged = true; },
    'no seccomp': (o) => { delete podSpec(o).securityContext.seccompProfile; },
    'the host network': (o) => { podSpec(o).hostNetwork = true; },
    'a host path': (o) => { delete volume(o, 'tmp').emptyDir; volume(o, 'tmp').hostPath = { path: '/' }; },
    'a token': (o) => { podSpec(o).automountServiceAccountToken = true; },
    'an account with a token': (o) => { kind(o, 'ServiceAccount').automountServiceAccountToken = true; },
    'a variable from a Secret': (o) => { container(o).env.push({ name: 'HTTPS_PROXYS', valueFrom: { secretKeyRef: { name: 'a', key: 'b' } } }); },
    'a secret as a variable': (o) => { container(o).env.push({ name: 'PGPASSWORD', value: 'x' }); },
    'a Secret': (o) => { o.push({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a', namespace: 'b', labels: clone(kind(o, 'ConfigMap').metadata.labels) } }); },
    "another environment's prefix": (o) => { variable(o, 'PREFIX').value = 'erp/sandbox'; },
    "another environment's settings": (o) => { const d = kind(o, 'ConfigMap').data; d['settings.yaml'] = d['settings.yaml'].replaceAll('erp/prod', 'erp/sandbox'); },
    'a secret in the settings': (o) => { const d = kind(o, 'ConfigMap').data; d['settings.yaml'] = d['settings.yaml'].replace('password_file:', 'password:'); },
    'a file that is not mounted': (o) => { volume(o, 'database').secret.items.pop(); },
    'a notice in the settings': (o) => { const d = kind(o, 'ConfigMap').data; d['settings.yaml'] = d['settings.yaml'].replace('url_file: /', 'url: https://'); },
    'a ping in the settings': (o) => { const d = kind(o, 'ConfigMap').data; d['settings.yaml'] = d['settings.yaml'].replace('drill_file: /', 'drill: https://'); },
    'an address that is not mounted': (o) => { volume(o, 'notify').secret.items.pop(); },
    'a notice that decides whether there is a backup': (o) => { delete volume(o, 'notify').secret.optional; },
    'a metric that does': (o) => { delete volume(o, 'metrics').secret.optional; },
    "an authority of notices that does": (o) => { delete volume(o, 'notify-ca').configMap.optional; },
    'a backup without its credentials': (o) => { volume(o, 'store').secret.optional = true; },
    'a drill with the documents': (o) => {
      const drill = podOf(cronJob(o, '-drill')).spec;
      drill.volumes.push(clone(volume(o, 'documents')));
      drill.containers[0].volumeMounts.push(clone(mount(o, 'documents')));
    },
    'two objects of one name': (o) => { o.push(clone(kind(o, 'ConfigMap'))); },
  };
  for (const [name, mutate] of Object.entries(mutations)) {
    const objects = clone(sound);
    mutate(objects);
    assert.notDeepEqual(objects, sound, `${name} changed nothing`);
    const said = objects.flatMap(serverProblems);
    if (said.length === 0) said.push(...chartProblems(objects, { extraNames }));
    assert.ok(said.length > 0, `${name} was not noticed`);
  }
  for (const text of ['a: on', 'a: 0444', 'a: 1\na: 2', 'a: 2026-01-01', 'a: 12:30:45'])
    assert.throws(() => readYaml(text), text);
});
