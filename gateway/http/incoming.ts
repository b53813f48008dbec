import { type IncomingHttpHeaders, IncomingMessage } from 'node:http';

/**
 * A request as node:http gives it, whose `headers` has only the fields that node:http itself and the front look at. The rest of the gateway
 * reads `rawHeaders` (`normalise`), and an object of all fields for each request would be made for nothing.
 */
export class GatewayIncoming extends IncomingMessage {
  #seen: IncomingHttpHeaders | undefined;

  /** Made when first asked for. */
  seenFields(): IncomingHttpHeaders {
    this.#seen ??= seenOf(this.rawHeaders);
    return this.#seen;
  }
}

Object.defineProperty(GatewayIncoming.prototype, 'headers', {
  configurable: true,
  get(this: GatewayIncoming): IncomingHttpHeaders {
    return this.seenFields();
  },
});

const SEEN = ['te', 'expect', 'upgrade', 'content-length', 'transfer-encoding'] as const;
type Seen = (typeof SEEN)[number];
const BY_LENGTH: (Seen | undefined)[] = [];
for (const name of SEEN) BY_LENGTH[name.length] = name;

function seenOf(rawHeaders: readonly string[]): IncomingHttpHeaders {
  const seen: Partial<Record<Seen, string>> = {};
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const written = rawHeaders[at] ?? '';
    // Each of these names has a length of its own.
    const name = BY_LENGTH[written.length];
    if (name === undefined || written.toLowerCase() !== name) continue;
    const before = seen[name];
    const value = rawHeaders[at + 1] ?? '';
    seen[name] = before === undefined ? value : `${before}, ${value}`;
  }
  return seen;
}
