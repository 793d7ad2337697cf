// What stands between kubectl and the real API server: it keeps each request, injects faults and can be away.
import { createServer } from 'node:http';
import { ApiError } from '../api_server/errors.mjs';
import { ControlPlane } from './control_plane.mjs';

export class Proxy {
  requests = [];
  #api; #config; #server; #sockets = new Set(); #returns; #hangUntil = 0;
  port = 0;

  constructor(api, config) { this.#api = api; this.#config = config; }

  listen() {
    return new Promise((done, fail) => {
      this.#server = createServer({ keepAliveTimeout: 60000 }, (request, response) => this.#answer(request, response));
      this.#server.on('connection', (socket) => { this.#sockets.add(socket); socket.on('close', () => this.#sockets.delete(socket)); });
      this.#server.on('error', fail);
      this.#server.listen(this.port, '127.0.0.1', () => { this.port = this.#server.address().port; done(); });
    });
  }
  cut() { for (const socket of this.#sockets) socket.destroy(); }
  down(seconds = null) {
    clearTimeout(this.#returns);
    this.#server?.close();
    this.#server = undefined;
    this.cut();
    if (seconds !== null) this.#returns = setTimeout(() => this.listen(), seconds * 1000);
  }
  async up() { clearTimeout(this.#returns); if (!this.#server) await this.listen(); }
  hang(seconds) { this.#hangUntil = Date.now() + seconds * 1000; }

  async #answer(request, response) {
    const parts = [];
    for await (const part of request) parts.push(part);
    const body = Buffer.concat(parts);
    const record = { time: new Date().toISOString(), method: request.method, url: request.url, headers: request.headers, body: body.toString() };
    this.requests.push(record);
    if (Date.now() < this.#hangUntil) return;
    const fault = this.#config.errors.find((one) => one.count !== 0 && (!one.methods || one.methods.includes(request.method)) && new RegExp(one.path ?? '').test(request.url));
    if (fault?.count > 0) fault.count--;
    if (fault?.reset === 'before') { request.socket.destroy(); return; }
    if (fault?.hang === 'before') return;
    if (fault && fault.reset !== 'after' && fault.hang !== 'after') {
      const told = new ApiError(fault.code ?? 500, fault.reason ?? 'InternalError', fault.message ?? 'Internal error occurred: etcdserver: request timed out');
      record.code = told.code;
      response.writeHead(told.code, { 'content-type': 'application/json' }).end(JSON.stringify(told.status));
      return;
    }
    const { host: _, ...headers } = request.headers;
    const onward = this.#api.open(request.method, request.url, headers, ControlPlane.userToken);
    onward.on('error', () => response.destroy());
    response.on('close', () => onward.destroy());
    onward.on('response', (answer) => {
      record.code = answer.statusCode;
      if (fault) { // done, but nobody is told
        answer.resume();
        if (fault.reset === 'after') request.socket.destroy();
        return;
      }
      answer.on('error', () => response.destroy()).on('aborted', () => response.destroy());
      response.writeHead(answer.statusCode, answer.headers);
      response.flushHeaders();
      answer.pipe(response);
    });
    onward.end(body);
  }
}
