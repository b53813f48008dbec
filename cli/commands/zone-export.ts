import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { Client } from '../../src/client/client.ts';
import { type DomainName, isAtOrBelow } from '../../src/dns/name.ts';
import { parseRdata } from '../../src/dns/records/catalogue.ts';
import { parseType } from '../../src/dns/types.ts';
import { compileZoneOrThrow } from '../../src/dns/zone.ts';
import { type FileSet, writeZoneFile } from '../../src/dns/zone-file/writer.ts';
import { messageOf, PortolanError } from '../../src/errors/error.ts';
import type { Resource } from '../../src/resources/catalogue.ts';
import { namedProvider } from '../provider-argument.ts';
import { type SplitZone, splitZone } from '../provider-zone.ts';
import { connect, globals, progress, type Session } from '../session.ts';
import { existingZone, originArgument } from '../zone-argument.ts';

interface ExportOptions {
  readonly file?: string;
  readonly fallback?: boolean;
  readonly provider?: string;
}

/** Of the `$TTL` line; sets with another one say theirs. */
const DEFAULT_TTL_SECONDS = 300;
/** What a routed name may be answered with. */
const ROUTED_TYPES = ['A', 'AAAA', 'CNAME'] as const;

export function addZoneExport(zone: Command, session: Session): void {
  zone
    .command('export <origin>')
    .summary('write a zone of the hub or of a DNS provider as a zone file')
    .description(
      'Writes a zone as a file that every name server reads. Names that a TrafficPolicy routes stand in it as comments: a file cannot route. With --fallback they have the records that a client of unknown place is answered with now. With --provider it is the zone as it stands at that DNS provider; what the provider routes by itself stands in comments.',
    )
    .option('--file <file>', 'write to this file instead of stdout')
    .option('--fallback', 'give routed names the answer of this moment')
    .option('--provider <name>', 'the zone as it stands at this DNSProvider')
    .addHelpText(
      'after',
      '\nExamples:\n  $ portolan zone export example.com --file example.com.zone\n  $ portolan zone export example.com --provider cloud',
    )
    .action(async (originText: string, options: ExportOptions, self: Command) => {
      const origin = originArgument(originText);
      const text = [...writeZoneFile(await contentFor(session, self, origin, options))].join('');
      if (options.file === undefined) {
        session.terminal.out(text);
        return;
      }
      try {
        writeFileSync(resolve(session.terminal.workingFolder, options.file), text);
      } catch (cause) {
        throw new PortolanError('USAGE', `${options.file} cannot be written: ${messageOf(cause)}`, {
          cause,
          fix: 'Correct the path given with --file.',
        });
      }
      progress(session, self, `${options.file} written`);
    });
}

/** @throws PortolanError USAGE for --fallback beside --provider */
async function contentFor(session: Session, command: Command, origin: DomainName, options: ExportOptions) {
  if (options.provider === undefined) {
    const { client } = connect(session, command);
    const stored = await existingZone(client, origin, globals(command).namespace);
    return content(client, stored, options.fallback === true);
  }
  if (options.fallback === true) {
    throw new PortolanError('USAGE', '--fallback is of zones that the hub has', {
      fix: 'Leave out --fallback or --provider.',
    });
  }
  const { client, provider } = namedProvider(session, command, options.provider);
  const { plain, native, own } = splitZone(origin, await client.providerZone(provider, origin));
  return {
    origin,
    ttlSeconds: DEFAULT_TTL_SECONDS,
    sets: plain,
    head: [`Zone ${origin} at the DNSProvider ${provider.namespace}/${provider.name}`],
    tail: [
      ...native.map(({ set, reason }) => `${set.name} ${set.type} is not in this file: ${reason}`),
      ...ownLines(origin, own),
    ],
  };
}

/** What of the hub's own is not in the file. */
function ownLines(origin: DomainName, { markers, pools }: SplitZone['own']): readonly string[] {
  const parts = [
    ...(markers === 0 ? [] : [`${setsOf(markers)} that say what is whose (markers and the fence)`]),
    ...(pools === 0 ? [] : [`${setsOf(pools)} of pools of routed names`]),
  ];
  return parts.length === 0 ? [] : [`Left out below _portolan.${origin}: ${parts.join(', ')}`];
}

function setsOf(count: number): string {
  return `${count} ${count === 1 ? 'set' : 'sets'}`;
}

async function content(client: Client, stored: Resource<'Zone'>, fallback: boolean) {
  const { spec, status, metadata } = stored;
  const zone = compileZoneOrThrow({ ...spec, serial: status?.serial ?? 1, routed: [] });
  const sets: FileSet[] = [...zone.nodes.values()].flatMap((node) =>
    node.sets.map(({ type, ttlSeconds, records }) => ({ owner: node.name, type, ttlSeconds, records })),
  );
  const routed = await routedNames(client, spec.origin);
  const tail: string[] = [];
  for (const { name, policy } of routed) {
    const answers = fallback ? await answersOf(client, name) : [];
    sets.push(...answers);
    tail.push(
      answers.length > 0
        ? `${name} is routed by ${policy}; its records above are the answer of one moment`
        : `${name} is routed by ${policy} and has no records in this file${fallback ? ': it is answered with none now' : ' (--fallback)'}`,
    );
  }
  const head = [
    `Zone ${metadata.namespace}/${metadata.name} of Portolan`,
    ...(status?.serial === undefined ? ['It is not served yet: the serial is a placeholder.'] : []),
    ...(spec.dnssec === undefined
      ? []
      : ['Its signatures are made by the name servers; this file is unsigned.']),
  ];
  return { origin: spec.origin, ttlSeconds: spec.ttlSeconds, sets, head, tail };
}

async function routedNames(
  client: Client,
  origin: DomainName,
): Promise<readonly { readonly name: DomainName; readonly policy: string }[]> {
  const { items } = await client.list('TrafficPolicy');
  return items
    .flatMap(({ metadata, spec }) =>
      spec.hostnames.map((name) => ({
        name,
        policy: `trafficpolicy ${metadata.namespace}/${metadata.name}`,
      })),
    )
    .filter(({ name }) => isAtOrBelow(name, origin))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function answersOf(client: Client, name: DomainName): Promise<readonly FileSet[]> {
  const sets: FileSet[] = [];
  for (const type of ROUTED_TYPES) {
    const { answers } = await client.resolve({ hostname: name, type });
    const own = answers.filter((a) => a.type === type && `${a.name.replace(/\.$/, '')}.` === name);
    const code = parseType(type);
    if (own.length === 0 || code === undefined) continue;
    sets.push({
      owner: name,
      type: code,
      ttlSeconds: Math.min(...own.map((a) => a.ttlSeconds)),
      records: own.map((a) => parseRdata(code, a.data)),
    });
  }
  return sets;
}
