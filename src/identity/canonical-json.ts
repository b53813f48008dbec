import { PortolanError } from '../errors/error.ts';

/**
 * One spelling for one value, so that it can be hashed and signed: no white space, members sorted by UTF-16 code units,
 * numbers and strings as JSON.stringify writes them (RFC 8785). Members that are `undefined` are left out, as JSON does.
 * @throws PortolanError INTERNAL for a value that JSON cannot say exactly (NaN, infinities, functions, cycles, lone surrogates)
 */
export function canonicalJson(value: unknown): string {
  return write(value, 0);
}

/** Deeper than anything we write; a cycle ends here instead of at the stack's end. */
const MAX_DEPTH = 64;

function write(value: unknown, depth: number): string {
  if (depth > MAX_DEPTH) throw refuse(`it is nested deeper than ${MAX_DEPTH} levels`);
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') {
    if (!value.isWellFormed()) throw refuse('a string holds half of a surrogate pair');
    return JSON.stringify(value);
  }
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw refuse(`${value} is not a JSON number`);
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) return `[${value.map((item: unknown) => write(item, depth + 1)).join(',')}]`;
  if (typeof value === 'object') {
    const members = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
      .map(([name, member]) => `${write(name, depth)}:${write(member, depth + 1)}`);
    return `{${members.join(',')}}`;
  }
  throw refuse(`a ${typeof value} has no JSON form`);
}

function refuse(reason: string): PortolanError {
  return new PortolanError('INTERNAL', `a value cannot be written as canonical JSON: ${reason}`);
}
