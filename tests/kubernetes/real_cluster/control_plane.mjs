// etcd, kube-apiserver, kube-controller-manager and kube-scheduler as processes of this machine, ended with it.
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiClient } from './api_client.mjs';

export async function freePorts(count) {
  const servers = await Promise.all(Array.from({ length: count }, () => new Promise((done) => { const one = createServer(); one.listen(0, '127.0.0.1', () => done(one)); })));
  const ports = servers.map((one) => one.address().port);
  await Promise.all(servers.map((one) => new Promise((done) => { one.close(done); })));
  return ports;
}

export class ControlPlane {
  static adminToken = 'administrator'; static userToken = 'tester';
  #processes = [];

  // `programs` is the folder of the three Kubernetes programs; etcd is found by PATH.
  constructor(programs, folder) { Object.assign(this, { programs, folder }); }

  #start(program, args) {
    const log = openSync(join(this.folder, `${program.split('/').at(-1)}.log`), 'w');
    const child = spawn('/usr/bin/setpriv', ['--pdeathsig', 'KILL', '--', program, ...args], { stdio: ['ignore', log, log] });
    this.#processes.push(child);
    return child;
  }

  async start() {
    const { folder, programs } = this;
    const minor = Number(/v1\.(\d+)/.exec(execFileSync(join(programs, 'kube-apiserver'), ['--version'], { encoding: 'utf8' }))[1]);
    // TTLAfterFinished is off by default before 1.21.
    const gates = minor < 21 ? ['--feature-gates=TTLAfterFinished=true'] : [];
    const [client, peer, port, managerPort, schedulerPort] = await freePorts(5);
    mkdirSync(join(folder, 'certificates'));
    execFileSync('openssl', ['genrsa', '-out', join(folder, 'accounts.key'), '2048'], { stdio: 'ignore' });
    writeFileSync(join(folder, 'tokens.csv'), `${ControlPlane.adminToken},administrator,1,system:masters\n${ControlPlane.userToken},tester,2\n`, { mode: 0o600 });
    writeFileSync(join(folder, 'audit.json'), JSON.stringify({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', omitStages: ['RequestReceived'],
      rules: [{ level: 'Metadata', resources: [{ group: '', resources: ['secrets'] }] }, { level: 'RequestResponse', users: ['tester'] }, { level: 'None' }] }));
    this.#start('etcd', ['--data-dir', join(folder, 'etcd'), `--listen-client-urls=http://127.0.0.1:${client}`, `--advertise-client-urls=http://127.0.0.1:${client}`,
      `--listen-peer-urls=http://127.0.0.1:${peer}`, `--initial-advertise-peer-urls=http://127.0.0.1:${peer}`, `--initial-cluster=default=http://127.0.0.1:${peer}`]);
    this.#start(join(programs, 'kube-apiserver'), [`--etcd-servers=http://127.0.0.1:${client}`, '--bind-address=127.0.0.1', `--secure-port=${port}`, `--cert-dir=${join(folder, 'certificates')}`,
      `--token-auth-file=${join(folder, 'tokens.csv')}`, '--authorization-mode=RBAC', '--service-cluster-ip-range=10.0.0.0/24', '--kubelet-preferred-address-types=InternalIP',
      '--service-account-issuer=https://localhost', `--service-account-key-file=${join(folder, 'accounts.key')}`, `--service-account-signing-key-file=${join(folder, 'accounts.key')}`,
      `--audit-policy-file=${join(folder, 'audit.json')}`, `--audit-log-path=${join(folder, 'audit.log')}`, ...gates]);
    this.url = `https://127.0.0.1:${port}`;
    this.api = new ApiClient(port, ControlPlane.adminToken);
    await this.#until('kube-apiserver', async () => (await this.api.call('GET', '/readyz')) === 'ok');
    const kubeconfig = join(folder, 'administrator.json');
    writeFileSync(kubeconfig, JSON.stringify({ apiVersion: 'v1', kind: 'Config', 'current-context': 'c', contexts: [{ name: 'c', context: { cluster: 'c', user: 'c' } }],
      clusters: [{ name: 'c', cluster: { server: this.url, 'insecure-skip-tls-verify': true } }], users: [{ name: 'c', user: { token: ControlPlane.adminToken } }] }), { mode: 0o600 });
    const common = ['--leader-elect=false', '--bind-address=127.0.0.1', `--kubeconfig=${kubeconfig}`, ...gates];
    // The node of the tests sends no heartbeats; nothing else of a cloud is there.
    this.#start(join(programs, 'kube-controller-manager'), [...common, `--secure-port=${managerPort}`, '--controllers=*,-nodelifecycle,-nodeipam,-route,-service,-cloud-node-lifecycle,-attachdetach,-persistentvolume-expander',
      `--service-account-private-key-file=${join(folder, 'accounts.key')}`, `--root-ca-file=${join(folder, 'certificates', 'apiserver.crt')}`, ...(minor < 24 ? ['--port=0'] : [])]);
    this.#start(join(programs, 'kube-scheduler'), [...common, `--secure-port=${schedulerPort}`, ...(minor < 23 ? ['--port=0'] : [])]);
    await this.#until('kube-controller-manager', async () => (await this.api.call('GET', '/api/v1/namespaces/default/serviceaccounts/default')) !== undefined);
  }

  async #until(what, check) {
    let last;
    for (const end = Date.now() + 60000; Date.now() < end; await sleep(100)) {
      try { if (await check()) return; } catch (error) { last = error.message; }
    }
    throw new Error(`${what} does not get ready: ${last}\n${readFileSync(join(this.folder, `${what}.log`), 'utf8').split('\n').slice(-20).join('\n')}`);
  }
  close() { this.api?.close(); for (const child of this.#processes) child.kill('SIGKILL'); }
}
