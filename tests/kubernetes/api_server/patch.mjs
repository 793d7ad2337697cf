// The three kinds of PATCH.
const plain = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);

export function mergePatch(target, patch) {
  if (!plain(patch)) return patch;
  const made = plain(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch))
    if (value === null) delete made[key];
    else made[key] = mergePatch(made[key], value);
  return made;
}

// Lists that are merged by a key rather than replaced.
const mergeKeys = { containers: 'name', initContainers: 'name', volumes: 'name', env: 'name', volumeMounts: 'mountPath',
  ports: 'containerPort', imagePullSecrets: 'name', ownerReferences: 'uid', conditions: 'type', secrets: 'name', hostAliases: 'ip' };

export function strategicPatch(target, patch, name = '') {
  if (Array.isArray(patch)) {
    if (name === 'finalizers') return [...new Set([...(target ?? []), ...patch])];
    const key = mergeKeys[name];
    if (!key || patch.some((one) => !plain(one))) return patch;
    if (patch.some((one) => one.$patch === 'replace')) return patch.filter((one) => one.$patch !== 'replace');
    const made = [...(target ?? [])];
    for (const one of patch) {
      const at = made.findIndex((have) => have[key] === one[key]);
      if (one.$patch === 'delete') { if (at >= 0) made.splice(at, 1); } else if (at >= 0) made[at] = strategicPatch(made[at], one);
      else made.push(strategicPatch({}, one));
    }
    return made;
  }
  if (!plain(patch)) return patch;
  const { $patch: directive, $retainKeys: kept, ...rest } = patch;
  if (directive === 'replace') return rest;
  if (directive === 'delete') return undefined;
  const made = plain(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(rest)) {
    if (key.startsWith('$setElementOrder/')) continue;
    if (key.startsWith('$deleteFromPrimitiveList/')) {
      const list = key.slice('$deleteFromPrimitiveList/'.length);
      made[list] = (made[list] ?? []).filter((one) => !value.includes(one));
    } else if (value === null) delete made[key];
    else made[key] = strategicPatch(made[key], value, key);
    if (made[key] === undefined) delete made[key];
  }
  if (kept) for (const key of Object.keys(made)) if (!kept.includes(key)) delete made[key];
  return made;
}

export function jsonPatch(target, operations) {
  let made = structuredClone(target);
  const parts = (pointer) => {
    if (pointer !== '' && !pointer.startsWith('/')) throw new Error(`bad pointer ${pointer}`);
    return pointer.split('/').slice(1).map((one) => one.replace(/~1/g, '/').replace(/~0/g, '~'));
  };
  const get = (pointer) => parts(pointer).reduce((node, key) => {
    if (node === null || typeof node !== 'object' || !Object.hasOwn(node, key)) throw new Error(`the path ${pointer} does not exist`);
    return node[key];
  }, made);
  const put = (pointer, value, replace) => {
    const path = parts(pointer);
    if (path.length === 0) { made = value; return; }
    const last = path.pop();
    const node = get(`/${path.join('/')}`.replace(/^\/$/, ''));
    if (replace) get(pointer);
    if (Array.isArray(node) && !replace) node.splice(last === '-' ? node.length : Number(last), 0, value);
    else node[last] = value;
  };
  const remove = (pointer) => {
    get(pointer);
    const path = parts(pointer);
    const last = path.pop();
    const node = get(path.length ? `/${path.map((one) => one.replace(/~/g, '~0').replace(/\//g, '~1')).join('/')}` : '');
    if (Array.isArray(node)) node.splice(Number(last), 1); else delete node[last];
  };
  for (const { op, path, from, value } of operations)
    if (op === 'add' || op === 'replace') put(path, value, op === 'replace');
    else if (op === 'remove') remove(path);
    else if (op === 'test') { if (JSON.stringify(get(path)) !== JSON.stringify(value)) throw new Error(`testing value ${path} failed`); } else if (op === 'copy') put(path, structuredClone(get(from)), false);
    else if (op === 'move') { const moved = get(from); remove(from); put(path, moved, false); } else throw new Error(`unexpected kind: ${op}`);
  return made;
}
