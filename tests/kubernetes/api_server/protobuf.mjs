// kubectl's typed commands send protobuf. Only the questions of `kubectl auth can-i` are read here; a test sends
// objects as JSON, with `kubectl create -f -`.
const shapes = {
  unknown: { 2: ['raw', 'bytes'] },
  review: { 2: ['spec', 'spec'] },
  spec: { 1: ['resourceAttributes', 'attributes'] },
  attributes: { 1: ['namespace'], 2: ['verb'], 3: ['group'], 4: ['version'], 5: ['resource'], 6: ['subresource'], 7: ['name'] },
};

function decode(bytes, shape) {
  const made = {};
  let at = 0;
  const varint = () => { let value = 0; for (let shift = 0; ; shift += 7) { const one = bytes[at++]; value += (one & 127) * 2 ** shift; if (!(one & 128)) return value; } };
  while (at < bytes.length) {
    const tag = varint();
    if ((tag & 7) === 0) { varint(); continue; }
    if ((tag & 7) !== 2) throw new Error('unexpected wire type');
    const length = varint();
    const value = bytes.subarray(at, at += length);
    const [name, inner] = shapes[shape][tag >> 3] ?? [];
    if (name) made[name] = inner === 'bytes' ? value : inner ? decode(value, inner) : value.toString();
  }
  return made;
}

export function readReview(body) {
  const bytes = Buffer.from(body, 'latin1');
  if (bytes.subarray(0, 4).toString('latin1') !== 'k8s\0') throw new Error('not protobuf of Kubernetes');
  return { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview', ...decode(decode(bytes.subarray(4), 'unknown').raw, 'review') };
}
