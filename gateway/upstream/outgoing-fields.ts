/** Fields of the connection or of the framing: this side writes its own. */
const OWN_NAMES = [
  ...['host', 'content-length', 'transfer-encoding', 'connection', 'keep-alive', 'proxy-connection'],
  ...['te', 'upgrade', 'expect', 'http2-settings'],
];
export const FORWARDED = 0;
const OWN = 1;
export const IMPOSSIBLE = 2;
export const TOKEN = /^[!#$%&'*+\-.^_`|~0-9a-zA-Z]+$/;
export const TARGET = /^[\x21-\x7e\x80-\xff]+$/;
export const AUTHORITY = /^[\x21-\x7e]*$/;
/** Neither a control character, nor what Latin-1 would cut down to one: U+010D U+010A are written as CR LF. */
const UNSENDABLE = /[^\t\x20-\x7e\x80-\xff]/;

const kinds = new Map<string, number>(OWN_NAMES.map((name) => [name, OWN]));
const MAX_KINDS = 1_024;

/** What becomes of a field on its way to a backend: `FORWARDED`, left out because this side writes its own, or `IMPOSSIBLE`. */
export function kindOfField(name: string): number {
  const known = kinds.get(name);
  if (known !== undefined) return known;
  const kind = TOKEN.test(name) ? (kinds.get(name.toLowerCase()) ?? FORWARDED) : IMPOSSIBLE;
  if (kinds.size < MAX_KINDS) kinds.set(name, kind);
  return kind;
}

/**
 * A value as it is written, one octet a character: characters beyond Latin-1 as UTF-8.
 * @returns undefined when it cannot be sent
 */
export function writtenValue(value: string): string | undefined {
  if (!UNSENDABLE.test(value)) return value;
  const octets = Buffer.from(value, 'utf8').toString('latin1');
  return UNSENDABLE.test(octets) ? undefined : octets;
}
