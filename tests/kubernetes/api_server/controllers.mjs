// Jobs, their time to live, the garbage collector, and workloads with replicas.
import { ApiError } from './errors.mjs';
import { event, now } from './store.mjs';
import { byResource, typeOf } from './types.mjs';
import { strategicPatch } from './patch.mjs';

const finalizer = 'batch.kubernetes.io/job-tracking';
const ended = (pod) => ['Succeeded', 'Failed'].includes(pod.status?.phase);
const controls = (owner) => (object) => (object.metadata.ownerReferences ?? []).some((one) => one.uid === owner.metadata.uid && one.controller);

export class Controllers {
  since = new Map(); // times finer than an object's: uid -> { started, finished, failures }
  constructor(store, api, config) {
    Object.assign(this, { store, api, config });
    let due = false;
    const soon = () => { if (!due) { due = true; setImmediate(() => { due = false; this.tick(); }); } };
    store.on('change', soon);
    this.timer = setInterval(soon, 50);
  }
  close() { clearInterval(this.timer); this.closed = true; }
  tick() {
    if (this.closed || this.config.controllersDown) return;
    for (const job of this.store.list('jobs')) this.job(job);
    for (const pod of this.store.list('pods')) this.orphan(pod);
    for (const [kind, resource] of [['Deployment', 'deployments'], ['ReplicaSet', 'replicasets'], ['StatefulSet', 'statefulsets']])
      for (const one of this.store.list(resource)) this.workload(kind, resource, one);
    this.collect();
  }
  memory(object) {
    if (!this.since.has(object.metadata.uid)) this.since.set(object.metadata.uid, {});
    return this.since.get(object.metadata.uid);
  }
  past(time, seconds) { return (Date.now() - time) * this.config.speed >= seconds * 1000; }

  createPod(owner, kind, name, template, labels = {}, finalizers) {
    const { namespace } = owner.metadata;
    const body = { kind: 'Pod', apiVersion: 'v1',
      metadata: { ...name, namespace, labels: { ...template.metadata?.labels, ...labels }, ...(template.metadata?.annotations ? { annotations: template.metadata.annotations } : {}),
        ...(finalizers ? { finalizers } : {}),
        ownerReferences: [{ apiVersion: owner.apiVersion, kind, name: owner.metadata.name, uid: owner.metadata.uid, controller: true, blockOwnerDeletion: true }] },
      spec: structuredClone(template.spec) };
    const memory = this.memory(owner);
    if (memory.retry && Date.now() < memory.retry) return undefined;
    const say = (type, reason, message) => event(this.store, { kind, apiVersion: owner.apiVersion, object: owner, type, reason, message, component: { Job: 'job-controller', ReplicaSet: 'replicaset-controller', StatefulSet: 'statefulset-controller' }[kind] });
    try {
      const pod = this.api.create(byResource('pods'), namespace, body);
      memory.retry = undefined;
      say('Normal', 'SuccessfulCreate', `Created pod: ${pod.metadata.name}`);
      return pod;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      memory.pause = Math.min((memory.pause ?? 500) * 2, 60000);
      memory.retry = Date.now() + memory.pause / this.config.speed;
      // A name is made anew each time, so the message differs each time, as it does in a cluster.
      say('Warning', 'FailedCreate', `Error creating: ${error.message}`);
      return undefined;
    }
  }

  // --- Job ---
  job(job) {
    if (job.metadata.deletionTimestamp) return;
    const memory = this.memory(job);
    const { spec } = job;
    const conditions = job.status?.conditions ?? [];
    const has = (type) => conditions.some((one) => one.type === type && one.status === 'True');
    if (has('Complete') || has('Failed')) return this.live(job, memory);
    const edit = (change) => this.store.update('jobs', job, (one) => { one.status ??= {}; return change(one.status); }) ?? job;
    const say = (type, reason, message) => event(this.store, { kind: 'Job', apiVersion: 'batch/v1', object: job, type, reason, message, component: 'job-controller' });
    const condition = (status, type, value, reason, message) => {
      status.conditions = (status.conditions ?? []).filter((one) => one.type !== type);
      status.conditions.push({ type, status: value, lastProbeTime: now(), lastTransitionTime: now(), reason, message });
    };
    const pods = this.store.list('pods', job.metadata.namespace).filter(controls(job));
    const drop = (pod) => { if (!pod.metadata.deletionTimestamp) { this.api.remove(byResource('pods'), pod); say('Normal', 'SuccessfulDelete', `Deleted pod: ${pod.metadata.name}`); } };

    if (spec.suspend) {
      pods.filter((pod) => !ended(pod)).forEach(drop);
      if (!has('Suspended')) { edit((status) => { delete status.startTime; condition(status, 'Suspended', 'True', 'JobSuspended', 'Job suspended'); status.active = 0; delete status.active; }); say('Normal', 'Suspended', 'Job suspended'); }
      memory.started = undefined;
      return;
    }
    if (!memory.started) {
      memory.started = Date.now();
      edit((status) => { status.startTime = now(); if (has('Suspended')) condition(status, 'Suspended', 'False', 'JobResumed', 'Job resumed'); });
      return;
    }

    // Count what ended, once each; the finalizer keeps a pod until then.
    memory.counted ??= new Set();
    for (const pod of pods.filter((one) => ended(one) && !memory.counted.has(one.metadata.uid))) {
      memory.counted.add(pod.metadata.uid);
      const verdict = pod.status.phase === 'Failed' ? this.policy(job, pod) : {};
      edit((status) => {
        if (pod.status.phase === 'Succeeded') status.succeeded = (status.succeeded ?? 0) + 1;
        else if (verdict.action !== 'Ignore') status.failed = (status.failed ?? 0) + 1;
        status.uncountedTerminatedPods = {};
      });
      if (pod.status.phase === 'Failed' && verdict.action !== 'Ignore') { memory.failures = (memory.failures ?? 0) + 1; memory.lastFailure = Date.now(); }
      if (verdict.action === 'FailJob') memory.failJob = verdict.message;
    }
    for (const pod of pods.filter((one) => ended(one) && one.metadata.finalizers?.includes(finalizer)))
      this.store.update('pods', pod, (one) => { one.metadata.finalizers = one.metadata.finalizers.filter((each) => each !== finalizer); });

    const current = this.store.get('jobs', job.metadata.namespace, job.metadata.name);
    if (!current || current.metadata.uid !== job.metadata.uid) return;
    job = current;
    const status = job.status ?? {};
    const active = pods.filter((pod) => !ended(pod) && !pod.metadata.deletionTimestamp);
    const leaving = pods.filter((pod) => !ended(pod) && pod.metadata.deletionTimestamp);
    const target = (status.conditions ?? []).find((one) => ['FailureTarget', 'SuccessCriteriaMet'].includes(one.type) && one.status === 'True');
    edit((one) => {
      one.active = active.length; one.terminating = leaving.length;
      one.ready = active.filter((pod) => (pod.status?.conditions ?? []).some((each) => each.type === 'Ready' && each.status === 'True')).length;
      if (!one.active) delete one.active;
    });
    if (target) {
      active.forEach(drop);
      if (active.length + leaving.length > 0 || Date.now() < memory.target + 20) return;
      const success = target.type === 'SuccessCriteriaMet';
      memory.finished = Date.now();
      edit((one) => { condition(one, success ? 'Complete' : 'Failed', 'True', target.reason, target.message); if (success) one.completionTime = now(); });
      if (success) say('Normal', 'Completed', 'Job completed');
      else say('Warning', target.reason, target.message);
      return;
    }
    const aim = (type, reason, message) => { memory.target = Date.now(); edit((one) => condition(one, type, 'True', reason, message)); };
    const completions = spec.completions ?? 1;
    if ((status.succeeded ?? 0) >= completions) return aim('SuccessCriteriaMet', 'CompletionsReached', 'Reached expected number of succeeded pods');
    if (memory.failJob) return aim('FailureTarget', 'PodFailurePolicy', memory.failJob);
    const restarts = spec.template.spec.restartPolicy === 'OnFailure' ? pods.reduce((sum, pod) => sum + (pod.status?.containerStatuses ?? []).reduce((all, one) => all + one.restartCount, 0), 0) : 0;
    if ((status.failed ?? 0) > spec.backoffLimit || (restarts > 0 && restarts >= spec.backoffLimit)) return aim('FailureTarget', 'BackoffLimitExceeded', 'Job has reached the specified backoff limit');
    if (spec.activeDeadlineSeconds !== undefined && this.past(memory.started, spec.activeDeadlineSeconds)) return aim('FailureTarget', 'DeadlineExceeded', 'Job was active longer than specified deadline');
    if (memory.failures && !this.past(memory.lastFailure, Math.min(10 * 2 ** (memory.failures - 1), 600))) return undefined;
    const waitFor = spec.podReplacementPolicy === 'Failed' ? leaving.length : 0;
    const wanted = Math.min(spec.parallelism, completions - (status.succeeded ?? 0)) - active.length - waitFor;
    for (let i = 0; i < wanted; i++)
      if (!this.createPod(job, 'Job', { generateName: `${job.metadata.name}-` }, spec.template, {}, [finalizer])) break;
    return undefined;
  }
  policy(job, pod) {
    const rules = job.spec.podFailurePolicy?.rules ?? [];
    for (const [i, rule] of rules.entries()) {
      const { onExitCodes: codes, onPodConditions: wanted } = rule;
      if (codes) {
        for (const { name, state } of pod.status.containerStatuses ?? []) {
          const code = state?.terminated?.exitCode;
          if (!code || (codes.containerName && codes.containerName !== name)) continue;
          if (codes.values.includes(code) === (codes.operator === 'In'))
            return { action: rule.action, message: `Container ${name} for pod ${pod.metadata.namespace}/${pod.metadata.name} failed with exit code ${code} matching ${rule.action} rule at index ${i}` };
        }
      } else if (wanted?.some((one) => (pod.status.conditions ?? []).some((have) => have.type === one.type && have.status === (one.status ?? 'True'))))
        return { action: rule.action, message: `Pod ${pod.metadata.namespace}/${pod.metadata.name} has condition ${wanted[0].type} matching ${rule.action} rule at index ${i}` };
    }
    return {};
  }
  // A finished Job goes when its time is over, its dependents first.
  live(job, memory) {
    for (const pod of this.store.list('pods', job.metadata.namespace).filter(controls(job)))
      if (pod.metadata.finalizers?.includes(finalizer)) this.store.update('pods', pod, (one) => { one.metadata.finalizers = one.metadata.finalizers.filter((each) => each !== finalizer); });
    memory.finished ??= Date.now();
    if (job.spec.ttlSecondsAfterFinished !== undefined && this.past(memory.finished, job.spec.ttlSecondsAfterFinished))
      this.api.remove(byResource('jobs'), job, { propagationPolicy: 'Foreground', preconditions: { uid: job.metadata.uid } });
  }
  orphan(pod) {
    if (!pod.metadata.finalizers?.includes(finalizer)) return;
    const owner = (pod.metadata.ownerReferences ?? []).find((one) => one.controller);
    const job = owner && this.store.byUid(owner.uid)?.object;
    if (!job || job.metadata.deletionTimestamp) this.store.update('pods', pod, (one) => { one.metadata.finalizers = one.metadata.finalizers.filter((each) => each !== finalizer); });
  }

  // --- garbage collector ---
  collect() {
    const all = [...this.store.objects.entries()].map(([key, object]) => ({ resource: key.split('/')[0], object }));
    const dependents = (owner) => all.filter(({ object }) => (object.metadata.namespace === owner.metadata.namespace || !owner.metadata.namespace) && (object.metadata.ownerReferences ?? []).some((one) => one.uid === owner.metadata.uid));
    const byUid = new Map(all.map(({ object }) => [object.metadata.uid, object]));
    for (const { resource, object: listed } of all) {
      const object = this.store.byUid(listed.metadata.uid)?.object; // as earlier steps left it
      if (!object) continue;
      const { metadata } = object;
      if (metadata.deletionTimestamp && metadata.finalizers?.includes('orphan')) {
        for (const one of dependents(object)) this.store.update(one.resource, one.object, (each) => { each.metadata.ownerReferences = each.metadata.ownerReferences.filter((ref) => ref.uid !== metadata.uid); });
        this.store.update(resource, object, (one) => { one.metadata.finalizers = one.metadata.finalizers.filter((each) => each !== 'orphan'); });
        continue;
      }
      if (metadata.deletionTimestamp && metadata.finalizers?.includes('foregroundDeletion')) {
        const own = dependents(object);
        for (const one of own) if (!one.object.metadata.deletionTimestamp) this.api.remove(byResource(one.resource), one.object, { propagationPolicy: 'Foreground' });
        if (!own.some((one) => this.store.byUid(one.object.metadata.uid) && one.object.metadata.ownerReferences.some((ref) => ref.uid === metadata.uid && ref.blockOwnerDeletion)))
          this.store.update(resource, object, (one) => { one.metadata.finalizers = one.metadata.finalizers.filter((each) => each !== 'foregroundDeletion'); });
        continue;
      }
      if (resource === 'namespaces' && metadata.deletionTimestamp) {
        const inside = all.filter((one) => one.object.metadata.namespace === metadata.name);
        for (const one of inside) if (!one.object.metadata.deletionTimestamp) this.api.remove(byResource(one.resource), one.object, { propagationPolicy: 'Background' });
        if (inside.length === 0) this.store.remove(resource, object);
        continue;
      }
      const owners = metadata.ownerReferences ?? [];
      if (owners.length === 0 || metadata.deletionTimestamp) continue;
      // An owner is looked up by its kind and name, and must have the uid; of kinds unknown nothing is concluded.
      const states = owners.map((ref) => {
        if (!typeOf(ref.apiVersion, ref.kind)) return 'unknown';
        const found = byUid.get(ref.uid);
        return found && this.store.byUid(ref.uid) && found.kind === ref.kind && found.apiVersion === ref.apiVersion && found.metadata.name === ref.name && (!found.metadata.namespace || found.metadata.namespace === metadata.namespace) ? 'there' : 'absent';
      });
      if (states.every((one) => one === 'absent')) this.api.remove(byResource(resource), object, { propagationPolicy: 'Background', preconditions: { uid: metadata.uid } });
    }
  }

  // --- Deployment, ReplicaSet, StatefulSet ---
  workload(kind, resource, owner) {
    const { namespace, name } = owner.metadata;
    if (owner.metadata.deletionTimestamp) return;
    if (kind === 'Deployment') {
      const sets = this.store.list('replicasets', namespace).filter(controls(owner));
      const hash = `r${[...JSON.stringify(owner.spec.template)].reduce((sum, one) => (sum * 31 + one.charCodeAt(0)) % 4294967296, 7).toString(16)}`;
      for (const old of sets.filter((one) => one.metadata.labels['pod-template-hash'] !== hash && one.spec.replicas > 0)) this.store.update('replicasets', old, (one) => { one.spec.replicas = 0; });
      const set = sets.find((one) => one.metadata.labels['pod-template-hash'] === hash);
      if (!set) {
        const template = strategicPatch(structuredClone(owner.spec.template), { metadata: { labels: { 'pod-template-hash': hash } } });
        this.api.create(byResource('replicasets'), namespace, { kind: 'ReplicaSet', apiVersion: 'apps/v1',
          metadata: { name: `${name}-${hash}`, namespace, labels: template.metadata.labels, ownerReferences: [{ apiVersion: 'apps/v1', kind, name, uid: owner.metadata.uid, controller: true, blockOwnerDeletion: true }] },
          spec: { replicas: owner.spec.replicas, selector: { matchLabels: { ...owner.spec.selector.matchLabels, 'pod-template-hash': hash } }, template } });
        return;
      }
      if (set.spec.replicas !== owner.spec.replicas) {
        event(this.store, { kind, apiVersion: 'apps/v1', object: owner, reason: 'ScalingReplicaSet', message: `Scaled ${set.spec.replicas > owner.spec.replicas ? 'down' : 'up'} replica set ${set.metadata.name} from ${set.spec.replicas} to ${owner.spec.replicas}`, component: 'deployment-controller' });
        this.store.update('replicasets', set, (one) => { one.spec.replicas = owner.spec.replicas; one.metadata.generation++; });
      }
      const { replicas = 0, readyReplicas = 0 } = set.status ?? {};
      this.store.update(resource, owner, (one) => { one.status = { ...one.status, observedGeneration: one.metadata.generation, replicas, readyReplicas, updatedReplicas: replicas, availableReplicas: readyReplicas, unavailableReplicas: Math.max(0, one.spec.replicas - readyReplicas) };
        for (const key of Object.keys(one.status)) if (one.status[key] === 0) delete one.status[key];
        const ok = readyReplicas >= one.spec.replicas;
        if (one.status.conditions?.[0]?.status !== (ok ? 'True' : 'False')) one.status.conditions = [{ type: 'Available', status: ok ? 'True' : 'False', lastUpdateTime: now(), lastTransitionTime: now(), reason: ok ? 'MinimumReplicasAvailable' : 'MinimumReplicasUnavailable', message: ok ? 'Deployment has minimum availability.' : 'Deployment does not have minimum availability.' }]; });
      return;
    }
    const pods = this.store.list('pods', namespace).filter(controls(owner));
    for (const pod of pods.filter((one) => ended(one) && !one.metadata.deletionTimestamp)) this.api.remove(byResource('pods'), pod, { gracePeriodSeconds: 0 });
    const active = pods.filter((pod) => !ended(pod) && !pod.metadata.deletionTimestamp);
    const { replicas } = owner.spec;
    if (kind === 'ReplicaSet') {
      for (let i = active.length; i < replicas; i++) if (!this.createPod(owner, kind, { generateName: `${name}-` }, owner.spec.template)) break;
      for (const pod of active.slice(replicas)) this.api.remove(byResource('pods'), pod);
    } else {
      for (let i = 0; i < replicas; i++) {
        const podName = `${name}-${i}`;
        if (pods.some((pod) => pod.metadata.name === podName)) continue;
        const template = structuredClone(owner.spec.template);
        for (const claim of owner.spec.volumeClaimTemplates ?? []) {
          const claimName = `${claim.metadata.name}-${podName}`;
          template.spec.volumes = [...(template.spec.volumes ?? []).filter((one) => one.name !== claim.metadata.name), { name: claim.metadata.name, persistentVolumeClaim: { claimName } }];
          if (!this.store.get('persistentvolumeclaims', namespace, claimName)) this.api.create(byResource('persistentvolumeclaims'), namespace, { kind: 'PersistentVolumeClaim', apiVersion: 'v1', metadata: { name: claimName, namespace }, spec: claim.spec });
        }
        template.spec.hostname = podName;
        this.createPod(owner, kind, { name: podName }, template, { 'statefulset.kubernetes.io/pod-name': podName, 'apps.kubernetes.io/pod-index': String(i) });
        break;
      }
      const last = active.filter((pod) => Number(pod.metadata.name.slice(name.length + 1)) >= replicas).at(-1);
      if (last) this.api.remove(byResource('pods'), last);
    }
    const ready = active.filter((pod) => (pod.status?.conditions ?? []).some((one) => one.type === 'Ready' && one.status === 'True')).length;
    this.store.update(resource, owner, (one) => { one.status = { ...one.status, observedGeneration: one.metadata.generation, replicas: active.length, readyReplicas: ready, availableReplicas: ready };
      if (kind === 'StatefulSet') Object.assign(one.status, { updatedReplicas: active.length, currentReplicas: active.length, currentRevision: `${name}-1`, updateRevision: `${name}-1` }); });
  }
}
