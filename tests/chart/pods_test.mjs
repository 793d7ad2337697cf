// The pods that the chart renders, run by the test API server (../kubernetes/api_server), for root. See run.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { render, scratch } from './helm.mjs';

const values = {
  environment: 'prod', backup: { enabled: true, backoffLimit: 0 }, documents: { existingClaim: 'erp-documents' },
  store: { bucket: 'erp-backups', existingSecret: 'store' }, settings: { store: { retries: 0 } },
  database: { host: '127.0.0.1', port: 1, name: 'erp' }, // nothing answers there
  notify: { existingSecret: 'told', secretKeys: { pingBackup: 'ping', webhookUrl: 'hook', webhookAuthorization: 'login' } },
};

const told = [];
const receiver = createServer((request, response) => {
  let body = '';
  request.on('data', (bytes) => { body += bytes; });
  request.on('end', () => {
    told.push({ to: request.url.replace(/\?.*/, ''), login: request.headers.authorization, body });
    response.end();
  });
});
let server, cluster;

const kubectl = (args, input = '') => new Promise((resolve, reject) => {
  const child = spawn(join(process.env.CHART_TOOLS, 'kubectl/kubectl'), ['-n', 'dolibarr', ...args],
    { env: { PATH: process.env.PATH, HOME: scratch, KUBECONFIG: cluster.kubeconfig } });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes) => { text += bytes; });
  child.on('close', (code) => (code === 0 ? resolve(text) : reject(new Error(text))));
  child.stdin.end(input);
});
const make = (object) => kubectl(['create', '-f', '-'], JSON.stringify(object));
const secret = (name, stringData) => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name }, stringData });

describe('the pods', () => {
  before(async () => {
    await new Promise((resolve) => { receiver.listen(0, '127.0.0.1', resolve); });
    const documents = join(scratch, 'documents');
    mkdirSync(documents);
    server = spawn(process.execPath, [fileURLToPath(new URL('../kubernetes/api_server/server.mjs', import.meta.url)), '-'],
      { stdio: ['pipe', 'pipe', 'inherit'] });
    server.stdin.end(JSON.stringify({
      namespaces: { dolibarr: { labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } } },
      claims: { 'dolibarr/erp-documents': documents },
      images: { 'dolibarr-backup:0.1.0': { programs: { 'dolibarr-backup': process.env.PROGRAM } } },
    }));
    const [line] = await once(createInterface(server.stdout), 'line');
    cluster = JSON.parse(line);
    await make(secret('store', { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'key', AWS_ENDPOINTS: 'http://127.0.0.1:1' }));
    await make(secret('vso-db-credentials', { username: 'reader', password: 'word' }));
    for (const object of render(values).filter((one) => one.kind !== 'Pod')) await make(object);
  });
  after(() => {
    server?.kill();
    receiver.closeAllConnections();
    receiver.close();
  });

  // As the CronJob's controller makes them.
  async function backup(name) {
    const { spec } = JSON.parse(await kubectl(['get', 'cronjob', 'erp-dolibarr-backup', '-o', 'json']));
    await make({ apiVersion: 'batch/v1', kind: 'Job', metadata: { name }, spec: spec.jobTemplate.spec });
    await kubectl(['wait', '--for=condition=Failed', `job/${name}`, '--timeout=60s']);
    const { items: [pod] } = JSON.parse(await kubectl(['get', 'pods', '-l', `job-name=${name}`, '-o', 'json']));
    return { code: pod.status.containerStatuses[0].state.terminated.exitCode, log: await kubectl(['logs', `job/${name}`]) };
  }

  it('without the Secret of its notices a backup runs, and says that nobody is told', async () => {
    const { code, log } = await backup('untold');
    assert.ok([4, 5].includes(code), log);
    assert.match(log, /notify\/webhook_url': nobody is told that way/);
    assert.deepEqual(told, []);
  });

  it('with it they hear of a failure', async () => {
    const at = `http://127.0.0.1:${receiver.address().port}`;
    await make(secret('told', { ping: `${at}/ping\n`, hook: `${at}/hook`, login: 'Bearer word' }));
    const { code, log } = await backup('told');
    assert.doesNotMatch(log, /nobody is told/);
    assert.deepEqual(told.map((one) => one.to).sort(), ['/hook', `/ping/${code}`, '/ping/start'].sort());
    const hook = told.find((one) => one.to === '/hook');
    assert.equal(hook.login, 'Bearer word');
    const { environment, command, exit_code: exitCode } = JSON.parse(hook.body);
    assert.deepEqual([environment, command, exitCode], ['prod', 'backup', code]);
  });

  it("the release's test sends one message to each", async () => {
    told.length = 0;
    await make(render(values).find((one) => one.metadata.name.endsWith('-test-notify')));
    await kubectl(['wait', '--for=jsonpath={.status.phase}=Succeeded', 'pod/erp-dolibarr-backup-test-notify', '--timeout=60s']);
    assert.deepEqual(told.map((one) => one.to).sort(), ['/hook', '/ping/log']);
  });
});
