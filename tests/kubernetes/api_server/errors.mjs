// Status objects, worded as the real server words them.
export class ApiError extends Error {
  constructor(code, reason, message, details, headers) {
    super(message);
    this.code = code;
    this.headers = headers ?? {};
    this.status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, ...(details ? { details } : {}), code };
  }
}

export const qualified = ({ resource, group }) => (group ? `${resource}.${group}` : resource);
const detailsOf = (type, name, more = {}) => ({ ...(name ? { name } : {}), ...(type.group ? { group: type.group } : {}), kind: type.resource, ...more });

export const notFound = (type, name) => new ApiError(404, 'NotFound', `${qualified(type)} "${name}" not found`, detailsOf(type, name));
export const noPath = () => new ApiError(404, 'NotFound', 'the server could not find the requested resource', {});
export const exists = (type, name) => new ApiError(409, 'AlreadyExists', `${qualified(type)} "${name}" already exists`, detailsOf(type, name));
export const conflict = (type, name, why) => new ApiError(409, 'Conflict', `Operation cannot be fulfilled on ${qualified(type)} "${name}": ${why}`, detailsOf(type, name));
export const badRequest = (message) => new ApiError(400, 'BadRequest', message);
export const notAllowed = () => new ApiError(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource', {});
export const unsupported = (type) => new ApiError(415, 'UnsupportedMediaType', `the body of the request was in an unknown format - accepted media types include: ${type}`);
export const gone = (asked, oldest) => new ApiError(410, 'Expired', `too old resource version: ${asked} (${oldest})`);
export const forbidden = (type, name, why) => new ApiError(403, 'Forbidden', `${qualified(type)}${name ? ` "${name}"` : ''} is forbidden: ${why}`, detailsOf(type, name));

// causes: { field, reason, message }
export function invalid(type, kind, name, causes) {
  const lines = causes.map(({ field, message }) => `${field}: ${message}`);
  const text = lines.length === 1 ? lines[0] : `[${lines.join(', ')}]`;
  const full = type.group ? `${kind}.${type.group}` : kind;
  return new ApiError(422, 'Invalid', `${full} "${name}" is invalid: ${text}`,
    { name, ...(type.group ? { group: type.group } : {}), kind, causes: causes.map(({ field, reason, message }) => ({ reason, message, field })) });
}
