// Scheduler and kubelet: a pod's containers are local processes with a root file system, a process table and
// mounts of their own. Needs root.
import { spawn } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { EventEmitter } from 'node:events';
import { join } from 'node:path';
import { badRequest } from './errors.mjs';
import { event, now } from './store.mjs';
import { amount } from './validate.mjs';

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const quote = (text) => `'${String(text).replace(/'/g, `'\\''`)}'`;
const systemPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

// What a container wrote, line by line with its time, as a node keeps it.
class Log extends EventEmitter {
  lines = []; ended = false; first = 0; #rest = { stdout: '', stderr: '' };
  write(stream, text) {
    const parts = (this.#rest[stream] + text).split('\n');
    this.#rest[stream] = parts.pop();
    for (const line of parts) this.#add(line + '\n');
  }
  #add(text) { const line = { time: new Date(), text }; this.lines.push(line); this.emit('line', line); }
  // The node begins another file: the API gives the newest one only.
  rotate() { this.first = this.lines.length; }
  end() {
    for (const stream of ['stdout', 'stderr']) if (this.#rest[stream]) this.#add(this.#rest[stream]);
    this.#rest = { stdout: '', stderr: '' };
    this.ended = true;
    this.emit('end');
  }
}

class Gone extends Error {}

export class Kubelet {
  pods = new Map(); // uid -> { dir, containers: { name: { log, previous, child } } }
  logsOfAll = []; // every container's, also of pods that are gone
  processes = []; // every container that was started: argv and environment, for searches
  constructor(store, config, folder) {
    Object.assign(this, { store, config, folder });
    store.on('change', ({ type, resource, object }) => { if (resource === 'pods' && type === 'ADDED') this.run(object).catch((error) => console.error(error)); });
  }

  current(uid, pod) {
    const found = this.store.get('pods', pod.metadata.namespace, pod.metadata.name);
    return found?.metadata.uid === uid ? found : undefined;
  }
  status(pod, edit) { return this.store.update('pods', pod, (one) => { one.status ??= {}; return edit(one.status, one); }); }
  event(pod, reason, message, { type = 'Normal', component = 'kubelet', container } = {}) {
    event(this.store, { kind: 'Pod', apiVersion: 'v1', object: pod, type, reason, message, component, ...(container ? { fieldPath: `spec.containers{${container}}` } : {}) });
  }
  condition(status, type, value, more = {}) {
    status.conditions ??= [];
    const at = status.conditions.findIndex((one) => one.type === type);
    const old = status.conditions[at];
    const made = { type, status: value, lastProbeTime: null, lastTransitionTime: old?.status === value ? old.lastTransitionTime : now(), ...more };
    if (at < 0) status.conditions.push(made); else status.conditions[at] = made;
  }
  frozen(pod, stage) {
    return this.config.freeze.some((one) => (one.stage ?? 'Pending') === stage && new RegExp(one.pods ?? '').test(pod.metadata.name));
  }

  // --- scheduler ---
  unschedulable(pod) {
    const none = '0/1 nodes are available';
    const tail = 'preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.';
    for (const volume of pod.spec.volumes ?? []) {
      const name = volume.persistentVolumeClaim?.claimName;
      if (!name) continue;
      const claim = this.store.get('persistentvolumeclaims', pod.metadata.namespace, name);
      if (!claim) return `${none}: persistentvolumeclaim "${name}" not found. ${tail}`;
      if (claim.metadata.deletionTimestamp) return `${none}: persistentvolumeclaim "${name}" is being deleted. ${tail}`;
      if (claim.status?.phase !== 'Bound') return `${none}: pod has unbound immediate PersistentVolumeClaims. ${tail}`;
    }
    if (Object.entries(pod.spec.nodeSelector ?? {}).some(([key, value]) => this.config.node.labels[key] !== value)) return `${none}: 1 node(s) didn't match Pod's node affinity/selector. ${tail}`;
    for (const resource of ['cpu', 'memory']) {
      const wanted = pod.spec.containers.reduce((sum, one) => sum + amount(one.resources?.requests?.[resource] ?? 0), 0);
      if (wanted > amount(this.config.node[resource])) return `${none}: 1 Insufficient ${resource}. preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.`;
    }
    return undefined;
  }

  // Puts the pod on this node, or says why not until it can.
  async schedule(pod, until) {
    await until((one) => (this.frozen(one, 'Pending') ? 'frozen' : this.unschedulable(one)), (one, message) => {
      this.status(one, (status) => this.condition(status, 'PodScheduled', 'False', { reason: 'Unschedulable', message }));
      this.event(one, 'FailedScheduling', message, { type: 'Warning', component: 'default-scheduler' });
    });
    this.status(pod, (status, one) => { one.spec.nodeName = 'node-1'; this.condition(status, 'PodScheduled', 'True'); });
    this.event(pod, 'Scheduled', `Successfully assigned ${pod.metadata.namespace}/${pod.metadata.name} to node-1`, { component: 'default-scheduler' });
  }

  // --- one pod ---
  async run(pod) {
    const { uid } = pod.metadata;
    const state = { dir: join(this.folder, uid), containers: {}, restarts: {} };
    this.pods.set(uid, state);
    const alive = () => {
      const one = this.current(uid, pod);
      if (!one || one.metadata.deletionTimestamp) throw new Gone();
      return one;
    };
    // Waits until attempt() gives no complaint; complains at once, then each time anew as a kubelet would.
    const until = async (attempt, complain) => {
      let last;
      let due = 0;
      for (let pause = 1000; ;) {
        const complaint = attempt(alive());
        if (complaint === undefined) return;
        const text = JSON.stringify(complaint);
        if (text !== last || Date.now() >= due) {
          if (complaint !== 'frozen') complain(alive(), complaint, text !== last);
          last = text;
          due = Date.now() + pause;
          pause = Math.min(pause * 2, 60000);
        }
        await sleep(100);
      }
    };
    try {
      await sleep(this.config.podDelay);
      await this.schedule(pod, until);
      const waiting = (name, reason, message) => this.status(pod, (status) => {
        const one = status.containerStatuses.find((each) => each.name === name);
        if (one) one.state = { waiting: { reason, ...(message ? { message } : {}) } };
      });
      this.status(pod, (status, { spec }) => {
        Object.assign(status, { hostIP: '127.0.0.1', hostIPs: [{ ip: '127.0.0.1' }], startTime: now() });
        this.condition(status, 'Initialized', 'True');
        for (const type of ['Ready', 'ContainersReady']) this.condition(status, type, 'False', { reason: 'ContainersNotReady', message: `containers with unready status: [${spec.containers.map((one) => one.name).join(' ')}]` });
        status.containerStatuses = spec.containers.map((one) => ({ name: one.name, state: { waiting: { reason: 'ContainerCreating' } }, lastState: {}, ready: false, restartCount: 0, image: one.image, imageID: '', started: false })).sort((a, b) => (a.name < b.name ? -1 : 1));
      });
      mkdirSync(state.dir, { recursive: true, mode: 0o755 });
      await until((one) => (this.frozen(one, 'ContainerCreating') ? 'frozen' : this.mountAll(one, state)), (one, { volume, message }) =>
        this.event(one, 'FailedMount', `MountVolume.SetUp failed for volume "${volume}" : ${message}`, { type: 'Warning' }));
      const stop = this.keepFilesCurrent(pod, state);
      try {
        const running = pod.spec.containers.map((container) => this.runContainer(pod, container, state, { alive, until, waiting }));
        let over = false;
        const all = Promise.allSettled(running).finally(() => { over = true; });
        for (let told = false; !over && !told; await sleep(50)) {
          const one = this.current(uid, pod);
          if (one && !one.metadata.deletionTimestamp) continue;
          told = true;
          await this.stopContainers(one ?? pod, state, one ? undefined : 0);
        }
        for (const { reason } of await all) if (reason) throw reason;
      } finally { stop(); }
      this.finish(pod, state);
    } catch (error) {
      if (!(error instanceof Gone)) throw error;
    }
    // Stays until somebody deletes it.
    for (;;) {
      const one = this.current(uid, pod);
      if (!one) break;
      if (one.metadata.deletionTimestamp) {
        await this.stopContainers(one, state);
        this.finish(one, state, true);
        this.store.update('pods', one, (each) => { each.metadata.deletionGracePeriodSeconds = 0; });
        const left = this.current(uid, pod);
        if (left && !left.metadata.finalizers?.length) this.store.remove('pods', left);
        if (!left) break;
      }
      await sleep(50);
    }
    await this.stopContainers(pod, state, 0); // deleted by force
    this.pods.delete(uid);
    if (!this.config.keepFolders) rmSync(state.dir, { recursive: true, force: true });
  }

  finish(pod, state, deleted = false) {
    const current = this.current(pod.metadata.uid, pod);
    if (!current || ['Succeeded', 'Failed'].includes(current.status?.phase)) return;
    this.status(current, (status) => {
      const ended = (status.containerStatuses ?? []).map((one) => one.state?.terminated);
      if (ended.length === 0 || ended.some((one) => !one)) {
        if (!deleted) return;
        for (const one of status.containerStatuses ?? [])
          if (!one.state?.terminated) Object.assign(one, { state: { terminated: { exitCode: 137, reason: 'ContainerStatusUnknown', message: 'The container could not be located when the pod was terminated', startedAt: null, finishedAt: null } }, ready: false, started: false });
      }
      status.phase = ended.length > 0 && ended.every((one) => one?.exitCode === 0) ? 'Succeeded' : 'Failed';
      const reason = status.phase === 'Succeeded' ? 'PodCompleted' : 'PodFailed';
      for (const type of ['Ready', 'ContainersReady']) this.condition(status, type, 'False', { reason });
    });
  }

  // --- volumes ---
  source(pod, kind, name) { return this.store.get(kind, pod.metadata.namespace, name); }
  // Writes a Secret's or ConfigMap's files as the kubelet does: a folder per version behind a link, so that
  // all files change at once.
  writeFiles(pod, volume, folder) {
    const [kind, one, name] = volume.secret ? ['secrets', volume.secret, volume.secret.secretName] : ['configmaps', volume.configMap, volume.configMap.name];
    const what = volume.secret ? 'secret' : 'configmap';
    const object = this.source(pod, kind, name);
    if (!object && !one.optional) return `${what} "${name}" not found`;
    const files = {};
    const data = Object.fromEntries([...Object.entries(object?.data ?? {}).map(([key, value]) => [key, volume.secret ? Buffer.from(value, 'base64') : Buffer.from(value)]),
      ...Object.entries(volume.secret ? {} : object?.binaryData ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64')])]);
    if (one.items) {
      for (const { key, path, mode } of one.items) {
        if (!(key in data)) { if (one.optional) continue; return `references non-existent ${volume.secret ? 'secret' : 'config'} key: ${key}`; }
        files[path] = [data[key], mode ?? one.defaultMode];
      }
    } else for (const [key, value] of Object.entries(data)) files[key] = [value, one.defaultMode];
    const group = pod.spec.securityContext?.fsGroup;
    const version = `..${Date.now()}.${this.store.version}`;
    mkdirSync(join(folder, version), { recursive: true });
    chmodSync(folder, 0o755);
    for (const [path, [value, mode]] of Object.entries(files)) {
      const file = join(folder, version, path);
      mkdirSync(join(file, '..'), { recursive: true });
      writeFileSync(file, value);
      chmodSync(file, group === undefined ? mode : mode | 0o440);
      if (group !== undefined) chownSync(file, 0, group);
      const top = path.split('/')[0];
      if (!existsSync(join(folder, top))) { rmSync(join(folder, top), { force: true }); symlinkSync(join('..data', top), join(folder, top)); }
    }
    symlinkSync(version, join(folder, '..data_tmp'));
    renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
    return undefined;
  }
  // What failed is tried again after a while, and a longer one each time.
  mountAll(pod, state) {
    if (Date.now() < state.mountAgain) return state.mountProblem;
    const problem = state.mountProblem = this.mountEach(pod, state);
    state.mountPause = Math.min((state.mountPause ?? this.config.mountBackOff / 2) * 2, 122000);
    state.mountAgain = Date.now() + state.mountPause;
    return problem;
  }
  mountEach(pod, state) {
    state.volumes ??= {};
    for (const volume of pod.spec.volumes ?? []) {
      if (state.volumes[volume.name]) continue;
      const folder = join(state.dir, 'volumes', volume.name);
      mkdirSync(folder, { recursive: true });
      if (volume.secret || volume.configMap) {
        const problem = this.writeFiles(pod, volume, folder);
        if (problem) return { volume: volume.name, message: problem };
        state.volumes[volume.name] = { folder, readOnly: true };
      } else if (volume.emptyDir) {
        chmodSync(folder, 0o777);
        if (pod.spec.securityContext?.fsGroup !== undefined) { chownSync(folder, 0, pod.spec.securityContext.fsGroup); chmodSync(folder, 0o2777); }
        state.volumes[volume.name] = { folder };
      } else if (volume.persistentVolumeClaim) {
        const claim = `${pod.metadata.namespace}/${volume.persistentVolumeClaim.claimName}`;
        const folderOf = this.config.claims[claim];
        if (!folderOf || !existsSync(folderOf)) return { volume: volume.name, message: `the folder of claim ${claim} is missing` };
        state.volumes[volume.name] = { folder: folderOf, readOnly: volume.persistentVolumeClaim.readOnly };
      } else return { volume: volume.name, message: `volume plugin of ${Object.keys(volume).filter((key) => key !== 'name')} is not in the test server` };
    }
    return undefined;
  }
  keepFilesCurrent(pod, state) {
    const changed = ({ type, resource, object }) => {
      if (type !== 'MODIFIED' || object.metadata.namespace !== pod.metadata.namespace) return;
      for (const volume of pod.spec.volumes ?? [])
        if ((resource === 'secrets' && volume.secret?.secretName === object.metadata.name) || (resource === 'configmaps' && volume.configMap?.name === object.metadata.name))
          this.writeFiles(pod, volume, state.volumes[volume.name].folder);
    };
    this.store.on('change', changed);
    return () => this.store.off('change', changed);
  }

  // --- containers ---
  environment(pod, container, image) {
    const env = { PATH: systemPath, HOSTNAME: pod.metadata.name, HOME: '/', KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: '443', ...image.env };
    const expand = (text) => text.replace(/\$(\$)|\$\(([^)]+)\)/g, (all, dollar, name) => (dollar ? '$' : name in env ? env[name] : all));
    for (const from of container.envFrom ?? []) {
      const ref = from.secretRef ?? from.configMapRef;
      const object = this.source(pod, from.secretRef ? 'secrets' : 'configmaps', ref.name);
      if (!object && !ref.optional) return { problem: `${from.secretRef ? 'secret' : 'configmap'} "${ref.name}" not found` };
      for (const [key, value] of Object.entries(object?.data ?? {})) env[`${from.prefix ?? ''}${key}`] = from.secretRef ? Buffer.from(value, 'base64').toString() : value;
    }
    for (const { name, value, valueFrom } of container.env ?? []) {
      if (!valueFrom) { env[name] = expand(value ?? ''); continue; }
      if (valueFrom.fieldRef) {
        const path = valueFrom.fieldRef.fieldPath;
        const [, part, key] = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(path) ?? [];
        const live = this.current(pod.metadata.uid, pod) ?? pod;
        env[name] = String((part ? live.metadata[part]?.[key] : path.split('.').reduce((node, step) => node?.[step], live)) ?? '');
        continue;
      }
      const ref = valueFrom.secretKeyRef ?? valueFrom.configMapKeyRef;
      if (!ref) return { problem: 'resourceFieldRef and fileKeyRef are not in the test server' };
      const object = this.source(pod, valueFrom.secretKeyRef ? 'secrets' : 'configmaps', ref.name);
      const found = object?.data?.[ref.key];
      if (found === undefined) {
        if (ref.optional) continue;
        const what = valueFrom.secretKeyRef ? 'secret' : 'configmap';
        return { problem: object ? `couldn't find key ${ref.key} in ${valueFrom.secretKeyRef ? 'Secret' : 'ConfigMap'} ${pod.metadata.namespace}/${ref.name}` : `${what} "${ref.name}" not found` };
      }
      env[name] = valueFrom.secretKeyRef ? Buffer.from(found, 'base64').toString() : found;
    }
    return { env, expand };
  }

  script(pod, container, state, image, home) {
    const root = join(home, 'root', 'merged');
    const readOnlyRoot = container.securityContext?.readOnlyRootFilesystem === true;
    const lines = ['set -e', '/bin/mount --make-rprivate /', `/bin/mount -t tmpfs -o mode=755 tmpfs ${quote(join(home, 'root'))}`,
      `cd ${quote(join(home, 'root'))}`, '/bin/mkdir upper work merged', '/bin/chmod 755 upper',
      '/bin/mount -t overlay overlay -o lowerdir=/,upperdir=upper,workdir=work merged'];
    // The machine's own files must not be found where an image has none.
    const masked = ['/tmp', '/run', '/root', '/home', '/var/tmp', '/mnt', '/media', '/srv', ...this.config.mask].filter((path) => existsSync(path));
    for (const path of masked) lines.push(`/bin/mount -t tmpfs -o mode=${/tmp$/.test(path) ? '1777' : '755'} tmpfs ${quote(root + path)}`);
    lines.push(`/bin/mount -t proc proc ${quote(`${root}/proc`)}`, `/bin/mount --rbind /sys ${quote(`${root}/sys`)}`,
      `/bin/mount -t tmpfs -o mode=755 tmpfs ${quote(`${root}/dev`)}`, `/bin/mkdir ${quote(`${root}/dev/shm`)}`,
      `/bin/mount -t tmpfs -o mode=1777 tmpfs ${quote(`${root}/dev/shm`)}`);
    for (const name of ['null', 'zero', 'full', 'random', 'urandom']) lines.push(`: > ${quote(`${root}/dev/${name}`)}`, `/bin/mount --bind /dev/${name} ${quote(`${root}/dev/${name}`)}`);
    lines.push(`/bin/ln -s /proc/self/fd ${quote(`${root}/dev/fd`)}`);
    const bind = (source, target, readOnly) => {
      if (statSync(source).isDirectory()) lines.push(`/bin/mkdir -p ${quote(root + target)}`);
      else lines.push(`/bin/mkdir -p ${quote(join(root + target, '..'))}`, `[ -e ${quote(root + target)} ] || : > ${quote(root + target)}`);
      lines.push(`/bin/mount --bind ${quote(source)} ${quote(root + target)}`);
      if (readOnly) lines.push(`/bin/mount -o remount,bind,ro ${quote(root + target)}`);
    };
    for (const [name, program] of Object.entries(image.programs ?? {})) bind(program, `/usr/bin/${name}`, true);
    for (const [path, source] of Object.entries(image.files ?? {})) bind(source, path, true);
    const message = join(home, 'termination-log');
    writeFileSync(message, '');
    chmodSync(message, 0o666);
    bind(message, container.terminationMessagePath);
    for (const mount of [...(container.volumeMounts ?? [])].sort((a, b) => (a.mountPath < b.mountPath ? -1 : 1))) {
      const volume = state.volumes[mount.name];
      const source = mount.subPath ? join(volume.folder, mount.subPath) : volume.folder;
      if (mount.subPath && !existsSync(source)) {
        if (volume.readOnly) throw new Error(`failed to create subPath directory for volumeMount "${mount.name}" of container "${container.name}"`);
        mkdirSync(source, { recursive: true });
      }
      bind(source, mount.mountPath, volume.readOnly || mount.readOnly);
    }
    if (Object.keys(this.config.hosts).length > 0) {
      const hosts = join(home, 'hosts');
      writeFileSync(hosts, `127.0.0.1 localhost ${pod.metadata.name}\n${Object.entries(this.config.hosts).map(([name, ip]) => `${ip} ${name}\n`).join('')}`);
      bind(hosts, '/etc/hosts', true);
    }
    const mounted = new Set((container.volumeMounts ?? []).map((one) => one.mountPath.replace(/\/$/, '')));
    if (readOnlyRoot) for (const path of ['', ...masked]) if (!mounted.has(path)) lines.push(`/bin/mount -o remount,ro ${quote(root + path || '/')}`);
    const own = container.securityContext ?? {};
    const shared = pod.spec.securityContext ?? {};
    // Another user forgets the signal that unshare asked for: no container may outlive the server.
    const options = ['--pdeathsig=KILL'];
    if (this.config.users) {
      const user = own.runAsUser ?? shared.runAsUser ?? image.user ?? 0;
      const group = own.runAsGroup ?? shared.runAsGroup ?? image.group ?? 0;
      const extra = [...(shared.supplementalGroups ?? []), ...(shared.fsGroup === undefined ? [] : [shared.fsGroup])];
      options.push(`--reuid=${user}`, `--regid=${group}`, extra.length ? `--groups=${extra.join(',')}` : '--clear-groups');
      if (own.capabilities?.drop?.includes('ALL')) options.push('--bounding-set=-all', '--inh-caps=-all');
    }
    if (own.allowPrivilegeEscalation === false) options.push('--no-new-privs');
    lines.push(`cd ${quote(root)}`, `exec /usr/sbin/chroot . /bin/sh -c 'cd "$0" && exec /usr/bin/setpriv ${options.join(' ')} -- "$@"' ${quote(container.workingDir ?? image.workingDir ?? '/')} "$@"`);
    return lines.join('\n');
  }

  async runContainer(pod, container, state, { alive, until, waiting }) {
    const { name } = container;
    const one = state.containers[name] = { log: undefined, previous: undefined, child: undefined };
    let image;
    let pulls = 0;
    await until(() => {
      const found = this.config.images[container.image];
      if (found === undefined) return { message: `failed to pull and unpack image "${container.image}": failed to resolve reference "${container.image}": not found` };
      image = found ?? {};
      return undefined;
    }, (_, { message }) => {
      if (container.imagePullPolicy === 'Never') {
        waiting(name, 'ErrImageNeverPull', `Container image "${container.image}" is not present with pull policy of Never`);
        this.event(pod, 'ErrImageNeverPull', `Container image "${container.image}" is not present with pull policy of Never`, { type: 'Warning', container: name });
        return;
      }
      pulls++;
      this.event(pod, 'Pulling', `Pulling image "${container.image}"`, { container: name });
      this.event(pod, 'Failed', `Failed to pull image "${container.image}": ${message}`, { type: 'Warning', container: name });
      this.event(pod, 'Failed', 'Error: ErrImagePull', { type: 'Warning', container: name });
      waiting(name, 'ErrImagePull', message);
      setTimeout(() => {
        const still = this.current(pod.metadata.uid, pod)?.status.containerStatuses?.find((each) => each.name === name)?.state.waiting;
        if (still?.reason !== 'ErrImagePull') return;
        this.event(pod, 'BackOff', `Back-off pulling image "${container.image}"`, { container: name });
        this.event(pod, 'Failed', 'Error: ImagePullBackOff', { type: 'Warning', container: name });
        waiting(name, 'ImagePullBackOff', `Back-off pulling image "${container.image}": ErrImagePull: ${message}`);
      }, 500).unref();
    });
    this.event(pod, 'Pulled', `Container image "${container.image}" already present on machine and can be accessed by the pod`, { container: name });
    for (let attempt = 0; ; attempt++) {
      let env;
      let expand;
      await until(() => {
        if ((container.securityContext?.runAsNonRoot ?? pod.spec.securityContext?.runAsNonRoot) &&
          (container.securityContext?.runAsUser ?? pod.spec.securityContext?.runAsUser ?? image.user ?? 0) === 0) return { problem: 'container has runAsNonRoot and image will run as root' };
        const made = this.environment(pod, container, image);
        if (made.problem) return { problem: made.problem };
        ({ env, expand } = made);
        return undefined;
      }, (_, { problem }) => {
        waiting(name, 'CreateContainerConfigError', problem);
        this.event(pod, 'Failed', `Error: ${problem}`, { type: 'Warning', container: name });
      });
      const argv = [...(container.command ?? image.entrypoint ?? []), ...(container.args ?? (container.command ? [] : image.args ?? []))].map(expand);
      alive();
      const ended = await this.start(pod, container, state, one, image, env, argv, attempt);
      const policy = pod.spec.restartPolicy;
      const terminated = { exitCode: ended.code, reason: ended.reason, ...(ended.message ? { message: ended.message } : {}), startedAt: ended.started, finishedAt: now(), containerID: ended.id };
      this.status(pod, (status) => {
        const shown = status.containerStatuses.find((each) => each.name === name);
        Object.assign(shown, { state: { terminated }, ready: false, started: false, containerID: ended.id });
        for (const type of ['Ready', 'ContainersReady']) this.condition(status, type, 'False', { reason: 'ContainersNotReady', message: `containers with unready status: [${name}]` });
      });
      if (policy === 'Never' || (policy === 'OnFailure' && ended.code === 0)) return;
      alive();
      one.previous = one.log;
      const pause = Math.min(10000 * 2 ** attempt, 300000) / this.config.speed;
      this.status(pod, (status) => {
        const shown = status.containerStatuses.find((each) => each.name === name);
        Object.assign(shown, { lastState: { terminated }, state: { waiting: { reason: 'CrashLoopBackOff', message: `back-off ${Math.min(10 * 2 ** attempt, 300)}s restarting failed container=${name} pod=${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})` } }, restartCount: attempt + 1 });
      });
      this.event(pod, 'BackOff', `Back-off restarting failed container ${name} in pod ${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})`, { type: 'Warning', container: name });
      for (const end = Date.now() + pause; Date.now() < end;) { alive(); await sleep(50); }
    }
  }

  // Runs one container to its end.
  async start(pod, container, state, one, image, env, argv, attempt) {
    const { name } = container;
    const log = one.log = new Log();
    this.logsOfAll.push(log);
    const id = `containerd://${pod.metadata.uid.replace(/-/g, '')}${attempt}`;
    const started = now();
    const failed = (message) => {
      log.end();
      this.event(pod, 'Failed', `Error: ${message}`, { type: 'Warning', container: name });
      return { code: 128, reason: 'StartError', message, started, id };
    };
    const running = () => {
      this.event(pod, 'Created', 'Container created', { container: name });
      this.event(pod, 'Started', 'Container started', { container: name });
      this.status(pod, (status, { spec }) => {
        status.phase = 'Running';
        status.podIP = '127.0.0.1';
        status.podIPs = [{ ip: '127.0.0.1' }];
        const shown = status.containerStatuses.find((each) => each.name === name);
        Object.assign(shown, { state: { running: { startedAt: started } }, ready: true, started: true, containerID: id, imageID: `sha256:${'0'.repeat(64)}` });
        if (status.containerStatuses.length === spec.containers.length && status.containerStatuses.every((each) => each.ready))
          for (const type of ['Ready', 'ContainersReady']) this.condition(status, type, 'True');
      });
    };
    if (image.idle) { // runs nothing until it is told to stop
      running();
      await new Promise((done) => { one.child = { stop: done }; });
      await sleep(this.config.idleStop);
      log.end();
      one.child = undefined;
      return { code: 0, reason: 'Completed', started, id };
    }
    if (argv.length === 0) return failed('no command specified');
    const program = argv[0].includes('/') ? argv[0] : systemPath.split(':').map((folder) => `${folder}/${argv[0]}`).find((path) => existsSync(path) || image.programs?.[path.replace(/^\/usr\/bin\//, '')]);
    if (!program || !(existsSync(program) || image.programs?.[program.replace(/^\/usr\/bin\//, '')] || image.files?.[program]))
      return failed(`failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: exec: "${argv[0]}": executable file not found in $PATH`);
    const home = join(state.dir, `${name}-${attempt}`);
    mkdirSync(join(home, 'root'), { recursive: true });
    let script;
    try { script = this.script(pod, container, state, image, home); } catch (error) { return failed(error.message); }
    const child = spawn('/usr/bin/setpriv', ['--pdeathsig', 'KILL', '--', '/usr/bin/unshare', '--mount', '--pid', '--fork', '--kill-child=KILL', '/bin/sh', '-c', script, 'container', ...argv],
      { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    this.processes.push({ pod: pod.metadata.name, namespace: pod.metadata.namespace, container: name, argv, env });
    one.child = child;
    for (const stream of ['stdout', 'stderr']) {
      child[stream].setEncoding('utf8');
      child[stream].on('data', (text) => log.write(stream, text));
    }
    running();
    const [code, signal] = await new Promise((done, fail) => { child.on('error', fail); child.on('close', (...how) => done(how)); });
    one.child = undefined;
    log.end();
    const exit = signal ? 128 + ({ SIGKILL: 9, SIGTERM: 15, SIGINT: 2, SIGSEGV: 11, SIGABRT: 6, SIGPIPE: 13, SIGHUP: 1 }[signal] ?? 0) : code;
    let message = readFileSync(join(home, 'termination-log'), 'utf8').slice(0, 4096);
    if (!message && exit !== 0 && container.terminationMessagePolicy === 'FallbackToLogsOnError')
      message = Buffer.from(log.lines.slice(-80).map((line) => line.text).join('')).subarray(-2048).toString();
    const reason = one.oom ? 'OOMKilled' : exit === 0 ? 'Completed' : 'Error';
    return { code: exit, reason, message, started, id };
  }

  inner(child) { // the process that is number 1 inside: the only child of unshare
    try { return Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim().split(' ')[0]) || undefined; } catch { return undefined; }
  }
  signal(child, name) {
    const pid = this.inner(child);
    try { if (pid) process.kill(pid, name); else if (name === 'SIGKILL') process.kill(child.pid, name); } catch { /* it has ended */ }
  }
  async stopContainers(pod, state, grace) {
    const each = Object.entries(state.containers).filter(([, one]) => one.child);
    for (const [name] of each) this.event(pod, 'Killing', `Stopping container ${name}`, { container: name });
    await Promise.all(each.map(async ([, one]) => {
      const { child } = one;
      if (child.stop) child.stop();
      else if (grace !== 0) this.signal(child, 'SIGTERM');
      const begun = Date.now();
      while (one.child) {
        const wanted = grace ?? this.current(pod.metadata.uid, pod)?.metadata.deletionGracePeriodSeconds ?? 0;
        if (!child.stop && Date.now() - begun >= wanted * 1000) this.signal(child, 'SIGKILL');
        await sleep(20);
      }
    }));
    // runContainer writes the end of it first.
    if (each.length > 0) await sleep(20);
  }
  oomKill(namespace, name) {
    const pod = this.store.get('pods', namespace, name);
    for (const one of Object.values(this.pods.get(pod?.metadata.uid)?.containers ?? {})) if (one.child && !one.child.stop) { one.oom = true; this.signal(one.child, 'SIGKILL'); }
  }
  close() { for (const { containers } of this.pods.values()) for (const { child } of Object.values(containers)) if (child && !child.stop) this.signal(child, 'SIGKILL'); }

  // --- logs ---
  rotateLogs() { for (const log of this.logsOfAll) log.rotate(); }
  logs(pod, query) {
    const names = pod.spec.containers.map((one) => one.name);
    const name = query.get('container') || (names.length === 1 ? names[0] : undefined);
    if (!name) throw badRequest(`a container name must be specified for pod ${pod.metadata.name}, choose one of: [${names.join(' ')}]`);
    if (!names.includes(name)) throw badRequest(`container ${name} is not valid for pod ${pod.metadata.name}`);
    if (!pod.spec.nodeName) return { text: '' };
    const one = this.pods.get(pod.metadata.uid)?.containers[name];
    if (query.get('previous') === 'true' && !one?.previous) throw badRequest(`previous terminated container "${name}" in pod "${pod.metadata.name}" not found`);
    const { waiting } = pod.status?.containerStatuses?.find((each) => each.name === name)?.state ?? {};
    const log = query.get('previous') === 'true' ? one.previous : one?.log;
    if (!log) {
      const why = { ImagePullBackOff: 'trying and failing to pull image', ErrImagePull: 'image can\'t be pulled' }[waiting?.reason] ?? waiting?.reason ?? 'ContainerCreating';
      throw badRequest(`container "${name}" in pod "${pod.metadata.name}" is waiting to start: ${why}`);
    }
    return { stream: (response) => this.#send(response, query, log) };
  }
  #send(response, query, log) {
    response.writeHead(200, { 'Content-Type': 'text/plain' });
    response.flushHeaders();
    const since = query.get('sinceTime') ? Date.parse(query.get('sinceTime')) : query.get('sinceSeconds') ? Date.now() - 1000 * Number(query.get('sinceSeconds')) : 0;
    const stamps = query.get('timestamps') === 'true';
    let left = Number(query.get('limitBytes')) || Infinity;
    const cut = this.config.dropLogs > 0 ? this.config.dropLogAfter : Infinity; // lines
    let sent = 0;
    const write = ({ time, text }) => {
      if (time < since) return;
      const line = Buffer.from(stamps ? `${time.toISOString().replace('Z', '000000Z')} ${text}` : text).subarray(0, left);
      if (sent++ >= cut) { this.config.dropLogs--; stop(); if (this.config.dropLogHow === 'middle') response.write(line.subarray(0, line.length / 2)); if (this.config.dropLogHow === 'reset') response.destroy(); else response.end(); return; }
      left -= line.length;
      response.write(line);
      if (left <= 0) { stop(); response.end(); }
    };
    const end = () => { stop(); response.end(); };
    const stop = () => { log.off('line', write); log.off('end', end); };
    const lines = log.lines.slice(log.first).filter((line) => line.time >= since);
    const tail = query.get('tailLines');
    for (const line of tail === null ? lines : Number(tail) === 0 ? [] : lines.slice(-Number(tail))) { if (response.writableEnded || response.destroyed) return; write(line); }
    if (response.writableEnded || response.destroyed) return;
    if (query.get('follow') === 'true' && !log.ended) { log.on('line', write); log.on('end', end); response.on('close', stop); } else response.end();
  }
}
