// Requests to a real API server, as an administrator.
import { Agent, request } from 'node:https';

export class ApiClient {
  #port; #token; #agent = new Agent({ keepAlive: true, rejectUnauthorized: false });
  constructor(port, token) { this.#port = port; this.#token = token; }
  close() { this.#agent.destroy(); }

  // An open request, with whose token the caller says.
  open(method, path, headers = {}, token = this.#token) {
    return request({ host: '127.0.0.1', port: this.#port, agent: this.#agent, method, path, headers: { ...headers, authorization: `Bearer ${token}` } });
  }
  #answer(method, path, body, type) {
    return new Promise((done, fail) => {
      const text = body === undefined ? '' : JSON.stringify(body);
      const out = this.open(method, path, { accept: 'application/json', ...(text ? { 'content-type': type, 'content-length': Buffer.byteLength(text) } : {}) });
      out.on('error', fail).on('response', done).end(text);
    });
  }
  // The answer's JSON; an Error with the status as `code` for anything but success.
  async call(method, path, body, type = 'application/json') {
    const answer = await this.#answer(method, path, body, type);
    let text = '';
    for await (const part of answer.setEncoding('utf8')) text += part;
    if (answer.statusCode >= 300) throw Object.assign(new Error(`${method} ${path}: ${answer.statusCode} ${text}`), { code: answer.statusCode });
    return text.startsWith('{') ? JSON.parse(text) : text;
  }
  // Gives each line of a stream, until it ends.
  async lines(path, line) {
    const answer = await this.#answer('GET', path);
    if (answer.statusCode !== 200) { answer.destroy(); throw new Error(`${path}: ${answer.statusCode}`); }
    let rest = '';
    for await (const part of answer.setEncoding('utf8')) {
      const parts = (rest + part).split('\n');
      rest = parts.pop();
      for (const one of parts) if (one) line(one);
    }
  }
}
