// The test API server, seen through the real kubectl. See run.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { startServer } from './server.mjs';

const scratch = mkdtempSync(join(tmpdir(), 'api-server-test-'));
const documents = join(scratch, 'documents');
mkdirSync(documents);
writeFileSync(join(documents, 'invoice.pdf'), 'an invoice');

const server = await startServer({
  namespaces: { prod: {}, sandbox: {}, strict: { labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } }, full: {} },
  namespace: 'prod',
  claims: { 'prod/documents': documents },
  images: { 'tool:1': {}, 'app:1': { idle: true } },
  hosts: { 'erp-db': '127.0.0.1' },
  quota: { full: { pods: 0 } },
  mask: [],
});
after(async () => { await server.stop(); rmSync(scratch, { recursive: true, force: true }); });

const environment = { PATH: process.env.PATH, HOME: scratch, KUBECONFIG: server.kubeconfig };
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

function start(args) {
  const child = spawn(process.env.KUBECTL, args, { env: environment });
  const done = { child, out: '', err: '' };
  child.stdout.on('data', (text) => { done.out += text; });
  child.stderr.on('data', (text) => { done.err += text; });
  done.ended = new Promise((resolve) => { child.on('close', (code) => { done.code = code; resolve(done); }); });
  return done;
}
function kubectl(args, input) {
  const one = start(args);
  one.child.stdin.end(input === undefined ? '' : JSON.stringify(input));
  return one.ended;
}
async function ok(args, input) {
  const done = await kubectl(args, input);
  assert.equal(done.code, 0, done.err);
  return done.out;
}
async function refused(args, input, words) {
  const done = await kubectl(args, input);
  assert.notEqual(done.code, 0);
  assert.match(done.err, words);
}
const get = async (...args) => JSON.parse(await ok(['get', ...args, '-o', 'json']));
async function eventually(check, what) {
  for (const end = Date.now() + 60000; Date.now() < end; await sleep(100)) {
    const found = await check();
    if (found) return found;
  }
  return assert.fail(`never happened: ${what}`);
}
const objects = (kind) => server.state.objects().filter((one) => one.kind === kind);
// A request like this one was answered, or is being answered: kubectl takes its time to start.
const asked = (url) => eventually(() => server.state.requests().some((one) => url.test(one.url) && one.code === 200), `a request ${url}`);
const podOf = (job) => objects('Pod').find((one) => one.metadata.labels?.['job-name'] === job);
const waiting = (job) => podOf(job)?.status.containerStatuses?.[0].state.waiting;
const events = (reason, name) => objects('Event').filter((one) => one.reason === reason && one.involvedObject.name.startsWith(name));

function job(name, script, { spec = {}, pod = {}, container = {} } = {}) {
  return { apiVersion: 'batch/v1', kind: 'Job', metadata: { name }, spec: { backoffLimit: 0, ...spec, template: { spec: { restartPolicy: 'Never', ...pod,
    containers: [{ name: 'tool', image: 'tool:1', command: ['sh', '-c', script], ...container }] } } } };
}
const secret = (name, data, owner) => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name, ...(owner ? { ownerReferences: [owner] } : {}) }, stringData: data });
const ownedBy = ({ metadata: { name, uid } }) => ({ apiVersion: 'batch/v1', kind: 'Job', name, uid });

test('objects are created, read, changed, listed and deleted', async () => {
  await ok(['create', '-f', '-'], { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'one', labels: { app: 'x' } }, data: { key: 'value' } });
  await refused(['create', '-f', '-'], { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'one' } }, /\(AlreadyExists\).*configmaps "one" already exists/);
  await refused(['create', '-n', 'nowhere', '-f', '-'], { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'one' } }, /\(NotFound\).*namespaces "nowhere" not found/);
  await refused(['get', 'configmap', 'two'], undefined, /Error from server \(NotFound\): configmaps "two" not found/);
  await ok(['label', 'configmap', 'one', 'tier=back']);
  await ok(['patch', 'configmap', 'one', '--type', 'json', '-p', '[{"op":"replace","path":"/data/key","value":"new"}]']);
  await ok(['patch', 'configmap', 'one', '-p', '{"data":{"more":"x"}}']);
  await ok(['apply', '-f', '-'], { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'applied' }, data: { a: '1' } });
  await ok(['apply', '-f', '-'], { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'applied' }, data: { a: '2' } });
  const one = await get('configmap', 'one');
  assert.deepEqual(one.data, { key: 'new', more: 'x' });
  assert.deepEqual(one.metadata.labels, { app: 'x', tier: 'back' });
  assert.equal((await get('configmaps', '-l', 'app=x,tier in (back,front)')).items.length, 1);
  assert.equal((await get('configmaps', '--field-selector', 'metadata.name=one')).items.length, 1);
  assert.match(await ok(['get', 'configmaps']), /NAME +DATA +AGE\napplied +1 +\d+s/);
  await ok(['delete', 'configmap', 'one', 'applied']);
  await refused(['delete', 'configmap', 'one'], undefined, /NotFound/);
  await ok(['delete', 'configmap', 'one', '--ignore-not-found']);
});

test('what a real server refuses is refused', async () => {
  const create = ['create', '-f', '-'];
  await refused(create, job('strict', 'true', { spec: { backofLimit: 1 }, container: { comand: [] } }),
    /\(BadRequest\).*Job in version "v1" cannot be handled as a Job: strict decoding error: unknown field "spec.backofLimit", unknown field "spec.template.spec.containers\[0\].comand"/);
  await refused(create, job('strict', 'true', { spec: { backoffLimit: '1' } }), /BadRequest.*cannot unmarshal string into Go struct field/);
  await refused(create, job('Bad_Name', 'true'), /The Job "Bad_Name" is invalid: metadata.name: Invalid value: "Bad_Name": a lowercase RFC 1123 subdomain/);
  await refused(create, job('always', 'true', { pod: { restartPolicy: 'Always' } }), /spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"/);
  await refused(create, job('mount', 'true', { container: { volumeMounts: [{ name: 'x', mountPath: '/x' }] } }), /volumeMounts\[0\].name: Not found: "x"/);
  await refused(create, { ...secret('data', {}), data: { 'a b': 'YQ==' } }, /The Secret "data" is invalid: data\[a b\]: Invalid value/);
  await refused(create, { ...secret('data', {}), data: { a: 'not base64' } }, /illegal base64 data/);
  await refused(create, secret('owner', {}, { apiVersion: 'batch/v1', kind: 'Job', name: 'x', uid: '' }), /ownerReferences\[0\].uid: Invalid value: "": must not be empty/);
  await ok(create, job('fixed', 'sleep 1'));
  await refused(['patch', 'job', 'fixed', '-p', '{"spec":{"template":{"metadata":{"labels":{"a":"b"}}}}}'], undefined, /spec.template: Invalid value: .*field is immutable/s);
  await ok(['delete', 'job', 'fixed']);
  server.actions.config({ forbid: [{ verbs: ['create'], resources: ['secrets'], namespaces: ['sandbox'] }] });
  await refused(['create', '-n', 'sandbox', '-f', '-'], secret('no', {}), /\(Forbidden\).*secrets is forbidden: User "tester" cannot create resource "secrets" in API group "" in the namespace "sandbox"/);
  assert.equal((await kubectl(['auth', 'can-i', 'create', 'secrets', '-n', 'sandbox'])).out.trim(), 'no');
  assert.equal((await kubectl(['auth', 'can-i', 'create', 'secrets'])).out.trim(), 'yes');
  server.actions.config({ forbid: [] });
});

test('a Job runs, is watched, followed, described and waited for', async () => {
  await ok(['create', '-f', '-'], secret('settings', { colour: 'blue', shape: 'round' }));
  const watch = start(['get', 'pods', '-w', '-o', 'jsonpath={.metadata.name} {.status.phase}{"\\n"}']);
  await asked(/pods\?.*watch=true/);
  await ok(['create', '-f', '-'], job('good', 'id -u; cat /settings/c /documents/invoice.pdf; echo " $COLOUR $POD"; touch /documents/x || echo read-only; touch /y || echo root; touch /tmp/z && getent hosts erp-db; sleep 0.5; echo end', {
    pod: { securityContext: { runAsUser: 33, runAsGroup: 33 }, volumes: [{ name: 's', secret: { secretName: 'settings', defaultMode: 292, items: [{ key: 'shape', path: 'c' }] } },
      { name: 'd', persistentVolumeClaim: { claimName: 'documents', readOnly: true } }, { name: 't', emptyDir: {} }] },
    container: { env: [{ name: 'COLOUR', valueFrom: { secretKeyRef: { name: 'settings', key: 'colour' } } }, { name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } }],
      securityContext: { readOnlyRootFilesystem: true, allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
      volumeMounts: [{ name: 's', mountPath: '/settings' }, { name: 'd', mountPath: '/documents' }, { name: 't', mountPath: '/tmp' }] },
  }));
  await eventually(() => podOf('good')?.status.phase === 'Running', 'the pod runs');
  const pod = podOf('good');
  assert.deepEqual(pod.metadata.ownerReferences.map(({ kind, name, controller }) => [kind, name, controller]), [['Job', 'good', true]]);
  const log = await ok(['logs', '-f', pod.metadata.name]);
  assert.match(log, /^33\nround/);
  assert.match(log, /an invoice blue prod\n/);
  for (const word of ['read-only', 'root', 'erp-db', 'end']) assert.ok(log.includes(`${word}\n`), word);
  await ok(['wait', '--for=condition=complete', 'job/good', '--timeout=60s']);
  const done = await get('job', 'good');
  assert.deepEqual(done.status.conditions.map((one) => one.type), ['SuccessCriteriaMet', 'Complete']);
  assert.equal(done.status.succeeded, 1);
  assert.equal(await ok(['logs', '-f', pod.metadata.name, '--tail=1']), 'end\n');
  assert.match(await ok(['describe', 'pod', pod.metadata.name]), /Started .*kubelet/);
  assert.match(await ok(['describe', 'job', 'good']), /Created pod: good-/);
  assert.match(await ok(['events', '--for', 'job/good']), /Completed/);
  await ok(['delete', 'job', 'good', '--cascade=foreground']);
  assert.equal(podOf('good'), undefined);
  watch.child.kill();
  await watch.ended;
  assert.match(watch.out, /good-\w+ Pending\n(.*\n)*good-\w+ Running\n(.*\n)*good-\w+ Succeeded/);
});

test('a Job that fails tells its code, and takes its Secret along when its time is over', async () => {
  const made = JSON.parse(await ok(['create', '-o', 'json', '-f', '-'], job('bad', 'cat /s/key; echo; sleep 0.1; echo lost >&2; exit 3', { spec: { ttlSecondsAfterFinished: 1 },
    pod: { volumes: [{ name: 's', secret: { secretName: 'transient' } }] }, container: { terminationMessagePolicy: 'FallbackToLogsOnError', volumeMounts: [{ name: 's', mountPath: '/s' }] } })));
  await eventually(() => events('FailedMount', 'bad').some((one) => /secret "transient" not found/.test(one.message)), 'FailedMount');
  assert.equal(waiting('bad').reason, 'ContainerCreating');
  await refused(['logs', podOf('bad').metadata.name], undefined, /waiting to start: ContainerCreating/);
  await ok(['create', '-f', '-'], secret('transient', { key: 'a value' }, ownedBy(made)));
  await ok(['wait', '--for=condition=failed', 'job/bad', '--timeout=60s']);
  const { terminated } = podOf('bad').status.containerStatuses[0].state;
  assert.deepEqual([terminated.exitCode, terminated.reason, terminated.message], [3, 'Error', 'a value\nlost\n']);
  assert.deepEqual((await get('job', 'bad')).status.conditions.map((one) => [one.type, one.reason]), [['FailureTarget', 'BackoffLimitExceeded'], ['Failed', 'BackoffLimitExceeded']]);
  await ok(['wait', '--for=delete', 'job/bad', '--timeout=60s']);
  await eventually(() => !objects('Secret').some((one) => one.metadata.name === 'transient') && !podOf('bad'), 'Secret and pod are gone');
});

test('an owner that is not there takes its dependents along, and only within its namespace', async () => {
  await ok(['create', '-f', '-'], secret('lost', {}, { apiVersion: 'batch/v1', kind: 'Job', name: 'x', uid: 'b5cbb3d8-0000-4000-8000-000000000000' }));
  await eventually(() => !objects('Secret').some((one) => one.metadata.name === 'lost'), 'it is collected');
  const made = JSON.parse(await ok(['create', '-o', 'json', '-f', '-'], job('home', 'sleep 60')));
  await ok(['create', '-n', 'sandbox', '-f', '-'], secret('abroad', {}, ownedBy(made)));
  await eventually(() => !objects('Secret').some((one) => one.metadata.name === 'abroad'), 'it is collected');
  await ok(['create', '-f', '-'], secret('kept', {}, ownedBy(made)));
  await ok(['delete', 'job', 'home', '--cascade=orphan']);
  await sleep(300);
  assert.ok(objects('Secret').some((one) => one.metadata.name === 'kept'));
  await ok(['delete', 'secret', 'kept']);
  await ok(['delete', 'pod', '-l', 'job-name=home', '--grace-period=1']);
});

test('retries, deadlines and failure policies', async () => {
  server.actions.config({ speed: 20 });
  await ok(['create', '-f', '-'], job('twice', 'exit 1', { spec: { backoffLimit: 1 } }));
  await ok(['wait', '--for=condition=failed', 'job/twice', '--timeout=60s']);
  assert.equal((await get('job', 'twice')).status.failed, 2);
  await ok(['create', '-f', '-'], job('policy', 'exit 7', { spec: { backoffLimit: 5, podFailurePolicy: { rules: [{ action: 'FailJob', onExitCodes: { containerName: 'tool', operator: 'In', values: [7] } }] } } }));
  await ok(['wait', '--for=condition=failed', 'job/policy', '--timeout=60s']);
  assert.match((await get('job', 'policy')).status.conditions[1].message, /exit code 7 matching FailJob rule at index 0/);
  await ok(['create', '-f', '-'], job('late', 'trap "echo told; exit 9" TERM; sleep 60 & wait', { spec: { activeDeadlineSeconds: 10 } }));
  await ok(['wait', '--for=condition=failed', 'job/late', '--timeout=60s']);
  assert.equal((await get('job', 'late')).status.conditions[1].reason, 'DeadlineExceeded');
  server.actions.config({ speed: 1 });
  await ok(['delete', 'jobs', 'twice', 'policy', 'late']);
});

test('pods that cannot start say why, and start when they can', async () => {
  await ok(['create', '-f', '-'], job('config', 'echo $KEY', { container: { env: [{ name: 'KEY', valueFrom: { secretKeyRef: { name: 'later', key: 'key' } } }] } }));
  await ok(['create', '-f', '-'], job('image', 'true', { container: { image: 'none:1' } }));
  await ok(['create', '-f', '-'], job('claim', 'true', { pod: { volumes: [{ name: 'd', persistentVolumeClaim: { claimName: 'none' } }] } }));
  await ok(['create', '-n', 'full', '-f', '-'], job('quota', 'true'));
  await ok(['create', '-n', 'strict', '-f', '-'], job('security', 'true'));
  await ok(['create', '-f', '-'], job('program', 'true', { container: { command: ['not-there'] } }));
  await eventually(() => waiting('config')?.reason === 'CreateContainerConfigError', 'CreateContainerConfigError');
  assert.equal(waiting('config').message, 'secret "later" not found');
  await eventually(() => waiting('image')?.reason === 'ImagePullBackOff', 'ImagePullBackOff');
  await eventually(() => events('FailedScheduling', 'claim').some((one) => /persistentvolumeclaim "none" not found/.test(one.message)), 'FailedScheduling');
  assert.deepEqual(podOf('claim').status.conditions.map((one) => [one.type, one.status, one.reason]), [['PodScheduled', 'False', 'Unschedulable']]);
  await eventually(() => events('FailedCreate', 'quota').some((one) => /exceeded quota/.test(one.message)), 'FailedCreate by quota');
  await eventually(() => events('FailedCreate', 'security').some((one) => /violates PodSecurity "restricted:latest"/.test(one.message)), 'FailedCreate by pod security');
  await ok(['wait', '--for=condition=failed', 'job/program', '--timeout=60s']);
  assert.equal(podOf('program').status.containerStatuses[0].state.terminated.reason, 'StartError');
  await ok(['create', '-f', '-'], secret('later', { key: 'now it is there' }));
  server.actions.config({ images: { ...{ 'tool:1': {}, 'app:1': { idle: true } }, 'none:1': {} }, claims: { 'prod/documents': documents, 'prod/none': documents } });
  await ok(['wait', '--for=condition=complete', 'job/config', 'job/image', 'job/claim', '--timeout=60s']);
  assert.equal(await ok(['logs', 'job/config']), 'now it is there\n');
  await ok(['delete', 'jobs', '--all']);
  await ok(['delete', 'job', 'quota', '-n', 'full']);
  await ok(['delete', 'job', 'security', '-n', 'strict']);
});

test('deletion tells a container, waits, and kills it', async () => {
  await ok(['create', '-f', '-'], job('polite', 'trap "echo told; exit 0" TERM; echo up; while :; do sleep 0.1; done'));
  await ok(['create', '-f', '-'], job('deaf', 'trap "" TERM; echo up; while :; do sleep 0.1; done', { pod: { terminationGracePeriodSeconds: 1 } }));
  const running = async (name) => { const logs = await eventually(async () => podOf(name)?.status.phase === 'Running' && /up/.test((await kubectl(['logs', `job/${name}`])).out), `${name} runs`); return logs; };
  await running('polite');
  await running('deaf');
  const follow = start(['logs', '-f', podOf('polite').metadata.name]);
  await asked(/pods\/polite-.*follow=true/);
  await ok(['delete', 'job', 'polite', '--cascade=foreground']);
  assert.equal((await follow.ended).out, 'up\ntold\n');
  const begun = Date.now();
  await ok(['delete', 'job', 'deaf', '--cascade=foreground']);
  assert.ok(Date.now() - begun >= 900, 'it is killed after its grace period');
  await eventually(() => !podOf('polite') && !podOf('deaf'), 'both pods are gone');
});

test('a client that is killed, a server that is away, a log that breaks off', async () => {
  await ok(['create', '-f', '-'], job('long', 'for i in 1 2 3 4 5 6 7 8; do echo line $i; sleep 0.2; done'));
  await eventually(() => podOf('long')?.status.phase === 'Running', 'it runs');
  const name = podOf('long').metadata.name;
  const client = start(['logs', '-f', name]);
  await asked(/pods\/long-.*follow=true/);
  client.child.kill('SIGKILL');
  await client.ended;
  server.actions['drop-logs']({ after: 2 });
  assert.equal(await ok(['logs', '-f', name]), 'line 1\nline 2\n'); // and kubectl says nothing of it
  server.actions.down();
  await refused(['get', 'pods'], undefined, /connection refused|connection reset|refused/);
  await server.actions.up();
  await eventually(async () => (await kubectl(['get', 'pods'])).code === 0, 'it is back');
  server.actions.errors({ count: 1, methods: ['DELETE'], code: 500 });
  await refused(['delete', 'job', 'long'], undefined, /InternalError|Internal error/);
  await ok(['wait', '--for=condition=complete', 'job/long', '--timeout=60s']);
  await ok(['delete', 'job', 'long']);
  server.actions.config({ freeze: [{ pods: '^frozen-' }] });
  await ok(['create', '-f', '-'], job('frozen', 'true'));
  await eventually(() => podOf('frozen'), 'its pod');
  await sleep(300);
  assert.equal(podOf('frozen').status.phase, 'Pending');
  server.actions.config({ freeze: [] });
  await ok(['wait', '--for=condition=complete', 'job/frozen', '--timeout=60s']);
  await ok(['delete', 'job', 'frozen']);
});

test('a workload is scaled to 0 and back', async () => {
  const template = { metadata: { labels: { app: 'erp' } }, spec: { containers: [{ name: 'web', image: 'app:1', volumeMounts: [{ name: 'd', mountPath: '/documents' }] }], volumes: [{ name: 'd', persistentVolumeClaim: { claimName: 'documents' } }] } };
  for (const kind of ['Deployment', 'StatefulSet']) {
    const label = { app: kind.toLowerCase() };
    await ok(['create', '-f', '-'], { apiVersion: 'apps/v1', kind, metadata: { name: 'erp' }, spec: { replicas: 2, selector: { matchLabels: label }, ...(kind === 'StatefulSet' ? { serviceName: 'erp' } : {}), template: { ...template, metadata: { labels: label } } } });
    const pods = () => objects('Pod').filter((one) => one.metadata.labels.app === label.app);
    const ready = (count) => eventually(() => pods().filter((one) => one.status.phase === 'Running').length === count && pods().length === count, `${count} pods of ${kind}`);
    await ready(2);
    await ok(['scale', `${kind}/erp`, '--replicas=0']);
    await ready(0);
    await ok(['patch', kind, 'erp', '--subresource=scale', '--type=merge', '-p', '{"spec":{"replicas":1}}']);
    await ready(1);
    assert.equal((await get(kind, 'erp')).spec.replicas, 1);
    await ok(['delete', kind, 'erp']);
    await ready(0);
  }
  assert.equal(objects('ReplicaSet').length, 0);
});

test('a webhook adds containers, and a pod is evicted', async () => {
  server.actions.config({ inject: [{ pods: '^meshed-', containers: [{ name: 'a-proxy', image: 'app:1' }] }] });
  await ok(['create', '-f', '-'], job('meshed', 'sleep 600', { spec: { podReplacementPolicy: 'Failed' }, pod: { terminationGracePeriodSeconds: 1 } }));
  const pod = await eventually(() => podOf('meshed')?.status.phase === 'Running' && podOf('meshed'), 'it runs');
  assert.deepEqual(pod.status.containerStatuses.map((one) => one.name), ['a-proxy', pod.spec.containers[1].name]);
  server.actions.evict(pod.metadata);
  assert.ok(podOf('meshed').status.conditions.some((one) => one.type === 'DisruptionTarget' && one.status === 'True'));
  await eventually(() => !podOf('meshed'), 'it is gone');
  server.actions.config({ inject: [] });
});

test('a mount that failed is tried again later', async () => {
  server.actions.config({ mountBackOff: 3000 });
  const made = JSON.parse(await ok(['create', '-o', 'json', '-f', '-'], job('late', 'true', { pod: { volumes: [{ name: 's', secret: { secretName: 'late' } }] } })));
  await eventually(() => events('FailedMount', 'late').length > 0, 'FailedMount');
  await ok(['create', '-f', '-'], secret('late', { key: 'a' }, ownedBy(made)));
  await sleep(500);
  assert.equal(waiting('late').reason, 'ContainerCreating');
  await ok(['wait', '--for=condition=complete', 'job/late', '--timeout=60s']);
  await ok(['delete', 'job/late', 'job/meshed', '--cascade=foreground']);
  server.actions.config({ mountBackOff: 0 });
});

test('what was sent can be searched, encoded or not', async () => {
  await ok(['create', '-f', '-'], secret('search', { a: 'correct-horse-battery' }));
  await ok(['annotate', 'secret', 'search', `note=${Buffer.from('xxcorrect-horse-battery').toString('base64').replace(/=/g, '')}`]);
  const found = server.actions.search({ needles: ['correct-horse-battery', 'never-sent-anywhere'] });
  assert.ok(found.some((one) => one.where === 'request' && one.form === 'plain'));
  const told = server.actions.search({ needles: ['correct-horse-battery'], texts: { terminal: Buffer.from('correct-horse-battery').toString('hex') } });
  assert.ok(told.some((one) => one.where === 'terminal' && one.form === 'hex'));
  assert.ok(found.some((one) => one.where === 'object' && one.what === 'ADDED secrets/prod/search' && one.form === 'base64'));
  assert.ok(found.some((one) => one.form === 'base64+2'));
  assert.ok(!found.some((one) => one.needle === 1));
  const response = await fetch(`${server.control}/requests`);
  assert.ok((await response.json()).some((one) => one.method === 'POST' && one.body.includes('correct-horse-battery')));
  assert.ok(existsSync(server.kubeconfig));
});

test('no container outlives a server that is killed', async () => {
  const mine = spawn(process.execPath, [new URL('./server.mjs', import.meta.url).pathname, '-'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const outlived = `${30000 + process.pid % 30000}`; // a duration of this test alone
  mine.stdin.end(JSON.stringify({ images: { 'tool:1': {} }, objects: [{ ...job('orphan', '', { pod: { securityContext: { runAsUser: 33, runAsGroup: 33 } }, container: { command: ['sleep', outlived] } }), metadata: { name: 'orphan', namespace: 'default' } }] }));
  const { kubeconfig } = JSON.parse(await new Promise((done) => { mine.stdout.once('data', (text) => done(String(text))); }));
  const count = () => spawnSync('pgrep', ['-cfx', `sleep ${outlived}`], { encoding: 'utf8' }).stdout.trim();
  await eventually(() => count() === '1', 'it runs');
  mine.kill('SIGKILL');
  await eventually(() => count() === '0', 'it is gone');
  rmSync(join(kubeconfig, '..'), { recursive: true, force: true });
});
