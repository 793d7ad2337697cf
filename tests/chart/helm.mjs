// Runs Helm, away from the caller's home and cluster, and reads what it renders.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const tools = process.env.CHART_TOOLS;
export const require = createRequire(join(tools, 'package.json'));
const yaml = require('yaml');

export const chart = fileURLToPath(new URL('../../chart', import.meta.url));
export const versions = ['helm4', 'helm3'];
export const scratch = mkdtempSync(join(tmpdir(), 'chart-test-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));

export function run(version, args) {
  const done = spawnSync(join(tools, version, 'helm', 'helm'), args, {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, HOME: scratch, KUBECONFIG: join(scratch, 'no-cluster') },
  });
  if (done.error) throw done.error;
  return { code: done.status, out: done.stdout, err: done.stderr };
}

let files = 0;
export function valuesFile(values) {
  const name = join(scratch, `values-${++files}.yaml`);
  writeFileSync(name, JSON.stringify(values)); // YAML 1.1 and 1.2 agree on JSON
  return name;
}

// The documents of a text. Kubernetes reads YAML 1.1, people and editors 1.2: what they would take for
// different things (on, 0444, 12:30) is an error, as is a key that stands twice.
export function readYaml(text) {
  const [old, current] = ['1.1', '1.2'].map((version) =>
    yaml.parseAllDocuments(text, { version, uniqueKeys: true, strict: true, merge: false }).map((document) => {
      if (document.errors.length > 0) throw new Error(document.errors[0].message);
      return document.toJS();
    }));
  if (JSON.stringify(old) !== JSON.stringify(current))
    throw new Error(`YAML 1.1 and 1.2 read this differently:\n${text}`);
  return current.filter((document) => document !== null && document !== undefined);
}

export function tryRender(values, { version = 'helm4', release = 'erp', namespace = 'dolibarr', from = chart } = {}) {
  return run(version, ['template', release, from, '--namespace', namespace, '--values', valuesFile(values)]);
}

export function render(values, options) {
  const { code, out, err } = tryRender(values, options);
  if (code !== 0) throw new Error(err);
  return readYaml(out);
}
