import { Resolver } from 'node:dns/promises';
import { type DomainName, tryParseName } from '../../../src/dns/name.ts';
import { messageOf, PortolanError } from '../../../src/errors/error.ts';

/** Where the CNAME record at a name leads; `undefined`: there is none. @throws PortolanError NAME_SERVER_SILENT when nobody says */
export type AliasLookup = (name: DomainName, signal: AbortSignal) => Promise<DomainName | undefined>;

export interface AliasLookupOptions {
  /** Resolvers to ask, `address:port` or `[address]:port`; none: those of the machine. */
  readonly resolvers: readonly string[];
  readonly monotonicMs: () => number;
}

const TIMEOUT_MS = 3_000;
const TRIES = 2;
/** A delegation of challenges is set up once and stays; one just set up is seen soon. */
const REMEMBERED_MS = 30_000;
const MAX_REMEMBERED = 10_000;

export function createAliasLookup({ resolvers, monotonicMs }: AliasLookupOptions): AliasLookup {
  const known = new Map<
    DomainName,
    { readonly untilMs: number; readonly alias: Promise<DomainName | undefined> }
  >();
  const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: TRIES });
  if (resolvers.length > 0) resolver.setServers(resolvers);

  async function look(name: DomainName): Promise<DomainName | undefined> {
    try {
      const [target] = await resolver.resolveCname(name === '.' ? name : name.slice(0, -1));
      const alias =
        target === undefined ? undefined : tryParseName(target.endsWith('.') ? target : `${target}.`);
      return typeof alias === 'string' ? alias : undefined;
    } catch (error) {
      if (isNoSuchName(error)) return undefined;
      throw new PortolanError('NAME_SERVER_SILENT', `nobody says where ${name} leads: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }

  return (name) => {
    const nowMs = monotonicMs();
    const found = known.get(name);
    if (found !== undefined && nowMs < found.untilMs) return found.alias;
    if (known.size >= MAX_REMEMBERED) known.clear();
    const alias = look(name);
    known.set(name, { untilMs: nowMs + REMEMBERED_MS, alias });
    // What was not answered is asked again.
    alias.catch(() => known.delete(name));
    return alias;
  };
}

function isNoSuchName(error: unknown): boolean {
  return (
    error instanceof Error && 'code' in error && (error.code === 'ENODATA' || error.code === 'ENOTFOUND')
  );
}
