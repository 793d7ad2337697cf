// Where a secret's value was seen: plain, or in an encoding that hides it from the eye only.
function forms(needle) {
  const raw = Buffer.from(needle);
  const found = new Map([['plain', needle], ['hex', raw.toString('hex')], ['url', encodeURIComponent(needle)], ['json', JSON.stringify(needle).slice(1, -1)]]);
  // As kubectl writes it: Go's encoder escapes these too.
  found.set('go', found.get('json').replace(/[<>&]/g, (one) => `\\u00${one.charCodeAt(0).toString(16)}`));
  found.set('base64', raw.toString('base64').replace(/=+$/, ''));
  found.set('base64url', raw.toString('base64url'));
  // Inside a longer text that is encoded, at each of the three places where it can stand.
  for (const shift of [0, 1, 2]) {
    const text = Buffer.concat([Buffer.alloc(shift), raw]).toString('base64');
    const inner = text.slice(shift === 0 ? 0 : shift + 1, Math.floor(((shift + raw.length) * 8) / 6));
    if (inner.length >= 8) found.set(`base64+${shift}`, inner);
  }
  return [...found];
}

// The search of a value's base64 in turn, as a Secret's "data" holds it.
export function findings(needles, { requests, history, processes, logs, texts }) {
  const places = [
    ...requests.map((one) => ({ where: 'request', what: `${one.method} ${one.url}`, text: JSON.stringify([one.url, one.headers, one.body]) + one.body })),
    ...history.map(({ type, resource, object }) => ({ where: resource === 'events' ? 'event' : 'object', what: `${type} ${resource}/${object.metadata.namespace ?? ''}/${object.metadata.name}`, text: JSON.stringify(object) })),
    ...processes.map((one) => ({ where: 'argv', what: `pod ${one.namespace}/${one.pod}`, text: one.argv.join('\n') })),
    ...processes.map((one) => ({ where: 'environment', what: `pod ${one.namespace}/${one.pod}`, text: JSON.stringify(one.env) })),
    ...Object.entries(texts).map(([where, text]) => ({ where, what: '', text })),
    ...logs.map((log) => ({ where: 'log', what: '', text: log.lines.map((line) => line.text).join('') })),
  ];
  const found = [];
  for (const [index, needle] of needles.entries())
    for (const [form, text] of forms(needle))
      for (const place of places) if (place.text.includes(text)) found.push({ needle: index, form, where: place.where, what: place.what });
  return found;
}
