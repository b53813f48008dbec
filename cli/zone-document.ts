import type { DomainName } from '../src/dns/name.ts';
import type { TakenOver } from '../src/dns/zone-file/take-over.ts';
import type { Resource } from '../src/resources/catalogue.ts';
import { API_VERSION } from '../src/resources/metadata.ts';

/** The Zone that an import makes: the spec of the source, and what the stored Zone has that no zone file says. */
export function zoneDocument(
  taken: TakenOver,
  target: { readonly namespace: string; readonly name: string },
  stored: Resource<'Zone'> | undefined,
): unknown {
  const { dnssec, transfers } = stored?.spec ?? {};
  const { labels, annotations } = stored?.metadata ?? {};
  return {
    apiVersion: API_VERSION,
    kind: 'Zone',
    metadata: {
      namespace: target.namespace,
      name: target.name,
      ...(labels === undefined || Object.keys(labels).length === 0 ? {} : { labels }),
      ...(annotations === undefined || Object.keys(annotations).length === 0 ? {} : { annotations }),
    },
    spec: {
      ...taken.spec,
      ...(dnssec === undefined ? {} : { dnssec }),
      ...(transfers === undefined ? {} : { transfers }),
    },
  };
}

/** A name an object may have, made of the origin: `example-com`. */
export function zoneObjectName(origin: DomainName): string {
  const name = origin
    .slice(0, -1)
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 63)
    .replace(/-+$/, '');
  return name === '' ? 'root' : name;
}

/**
 * How a spec differs from the stored one: `+ www A 192.0.2.1`, `- …`, `~ soa.minimumSeconds: 60 → 300`. At most `most`
 * lines and one that counts the rest.
 */
export function zoneDiffLines(
  before: Resource<'Zone'>['spec'],
  after: TakenOver['spec'],
  most = 200,
): readonly string[] {
  const lines: string[] = [];
  const field = (path: string, old: unknown, now: unknown): void => {
    if (String(old ?? '') !== String(now ?? ''))
      lines.push(`~ ${path}: ${String(old ?? '(none)')} → ${String(now ?? '(none)')}`);
  };
  field('ttlSeconds', before.ttlSeconds, after.ttlSeconds);
  field('soa.mname', before.soa.mname ?? before.nameServers[0]?.name, after.soa.mname);
  field('soa.rname', before.soa.rname ?? `hostmaster.${before.origin}`, after.soa.rname);
  for (const key of ['refreshSeconds', 'retrySeconds', 'expireSeconds', 'minimumSeconds'] as const)
    field(`soa.${key}`, before.soa[key], after.soa[key]);
  const servers = (spec: { readonly nameServers: TakenOver['spec']['nameServers'] }): readonly string[] =>
    spec.nameServers.map((s) => `name server ${s.name} ${s.addresses.join(' ')}`.trimEnd());
  const records = (spec: {
    readonly ttlSeconds: number;
    readonly records: TakenOver['spec']['records'];
  }): readonly string[] =>
    spec.records.flatMap((r) =>
      r.data.map((data) => `${r.name} ${r.ttlSeconds ?? spec.ttlSeconds} ${r.type} ${data}`),
    );
  const old = [...servers(before), ...records(before)];
  const now = [...servers(after), ...records(after)];
  const [had, has] = [new Set(old), new Set(now)];
  lines.push(...old.filter((line) => !has.has(line)).map((line) => `- ${line}`));
  lines.push(...now.filter((line) => !had.has(line)).map((line) => `+ ${line}`));
  return lines.length <= most ? lines : [...lines.slice(0, most), `… and ${lines.length - most} more lines`];
}
