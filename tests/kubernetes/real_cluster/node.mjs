// The node of a real cluster: the test server's kubelet, for pods that the real scheduler bound, and the log server
// that the real API server asks.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { Kubelet } from '../api_server/kubelet.mjs';

export class Node extends Kubelet {
  // Waits for the scheduler; "frozen" pods stay where they are.
  async schedule(pod, until) { await until((one) => (one.spec.nodeName && !this.frozen(one, 'Pending') ? undefined : 'frozen'), () => {}); }

  async register(api, folder) {
    const key = join(folder, 'node.key');
    const certificate = join(folder, 'node.crt');
    execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', certificate, '-days', '2', '-subj', '/CN=node-1', '-addext', 'subjectAltName=IP:127.0.0.1'], { stdio: 'ignore' });
    this.server = createServer({ key: readFileSync(key), cert: readFileSync(certificate) }, (request, response) => this.#log(request, response));
    await new Promise((done) => { this.server.listen(0, '127.0.0.1', done); });
    const { labels, cpu, memory } = this.config.node;
    const room = { cpu, memory, pods: '110' };
    await api.call('POST', '/api/v1/nodes', { apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-1', labels },
      status: { capacity: room, allocatable: room, addresses: [{ type: 'InternalIP', address: '127.0.0.1' }], conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady' }],
        daemonEndpoints: { kubeletEndpoint: { Port: this.server.address().port } } } });
    // Admission calls a new node not ready; the controller that would look again is not there.
    await api.call('PATCH', '/api/v1/nodes/node-1', { spec: { taints: null } }, 'application/merge-patch+json');
  }
  close() { super.close(); this.server?.closeAllConnections(); this.server?.close(); }

  // GET /containerLogs/NAMESPACE/POD/CONTAINER?follow=true...
  #log(request, response) {
    const url = new URL(request.url, 'https://node');
    const [, what, namespace, name, container] = url.pathname.split('/');
    const pod = what === 'containerLogs' ? this.store.get('pods', namespace, name) : undefined;
    if (!pod) { response.writeHead(404).end(`no ${url.pathname}`); return; }
    url.searchParams.set('container', container);
    try {
      const answer = this.logs(pod, url.searchParams);
      if (answer.stream) answer.stream(response); else response.end(answer.text);
    } catch (error) { response.writeHead(error.code ?? 500).end(error.message); }
  }
}
