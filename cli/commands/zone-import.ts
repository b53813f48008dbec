import type { Command } from 'commander';
import { transferZone } from '../../nameserver/transfer-client.ts';
import type { Client } from '../../src/client/client.ts';
import type { DomainName } from '../../src/dns/name.ts';
import { compileZone } from '../../src/dns/zone.ts';
import type { FileRecord } from '../../src/dns/zone-file/reader.ts';
import { type LeftOut, takeOver } from '../../src/dns/zone-file/take-over.ts';
import { type FieldViolation, PortolanError } from '../../src/errors/error.ts';
import type { Resource } from '../../src/resources/catalogue.ts';
import { appliedLine } from '../output/applied.ts';
import { documentText } from '../output/document.ts';
import { namedProvider } from '../provider-argument.ts';
import { splitZone } from '../provider-zone.ts';
import { repeated } from '../repeated-option.ts';
import { connect, globals, outputOf, printLines, type Session } from '../session.ts';
import { readTsigKeyFile } from '../tsig-key-file.ts';
import { addWriteFlags, type WriteFlags, writeOptions } from '../write-flags.ts';
import { addressArgument, nameServerArgument, originArgument, storedZone } from '../zone-argument.ts';
import { zoneDiffLines, zoneDocument, zoneObjectName } from '../zone-document.ts';
import { type FoundZone, MAX_RECORDS, readZoneFrom } from '../zone-read.ts';

interface ImportOptions extends WriteFlags {
  readonly file?: string;
  readonly axfr?: string;
  readonly provider?: string;
  readonly tsigFile?: string;
  readonly name?: string;
  readonly nameServer?: readonly string[];
}

/** Lines of one kind that are shown; a signed zone has thousands of signatures. */
const MOST_LINES = 20;

export function addZoneImport(zone: Command, session: Session): void {
  const command = zone
    .command('import <origin>')
    .summary('take a zone over from a zone file, another name server, or a DNS provider')
    .description(
      'Makes or changes the Zone of an origin from a zone file (RFC 1035, as BIND, Knot, NSD and the exports of Route 53 write it) or by a zone transfer, or from a DNS provider. What a Zone cannot hold is named. With --dry-run it prints the Zone and how it differs from the stored one, and stores nothing.',
    )
    .option('--file <file>', 'the zone file, or - for stdin')
    .option('--axfr <address>', 'copy the zone from this name server: an IP address, with or without a port')
    .option('--provider <name>', 'take the zone as it stands at this DNSProvider')
    .option('--tsig-file <file>', 'TSIG key for --axfr, as tsig-keygen prints it')
    .option('--name <name>', 'name of the Zone object (default: the stored one, or made of the origin)')
    .option(
      '--name-server <name=addresses>',
      'a name server the zone is to have instead of those in the source, such as ns1.example.com=192.0.2.53; may be repeated',
      repeated,
    );
  addWriteFlags(command)
    .addHelpText(
      'after',
      `
Examples:
  $ portolan zone import example.com --file example.com.zone --dry-run
  $ portolan zone import example.com --axfr 192.0.2.53 --tsig-file transfer.key --name-server ns1.example.com=198.51.100.21`,
    )
    .action(async (originText: string, options: ImportOptions, self: Command) => {
      const format = outputOf(self, ['json', 'yaml']);
      const origin = originArgument(originText);
      const found = await source(session, self, options, origin);
      const result = takeOver(
        origin,
        found.records,
        found.skipped,
        options.nameServer?.map(nameServerArgument),
      );
      if (!result.ok) throw refused(origin, result.violations);
      const { taken } = result;
      const compiled = compileZone({ ...taken.spec, serial: 1, routed: [] });
      if (!compiled.ok) throw refused(origin, named(compiled.violations, taken.spec.records));
      tellChanges(session, self, taken.notes, taken.leftOut);

      const hub = await hubOf(session, self, origin, options.dryRun === true);
      const target = {
        namespace: hub?.stored?.metadata.namespace ?? hub?.namespace ?? globals(self).namespace ?? 'default',
        name: options.name ?? hub?.stored?.metadata.name ?? zoneObjectName(origin),
      };
      const document = zoneDocument(taken, target, hub?.stored);
      refuseTooLarge(origin, document);
      if (options.dryRun === true) {
        session.terminal.out(documentText(document, format === 'json' ? 'json' : 'yaml'));
        if (hub !== undefined) tellDiff(session, hub.stored, taken.spec);
      }
      if (hub === undefined) return;
      const applied = await hub.client.apply({ documents: [document] }, writeOptions(options));
      for (const warning of applied.warnings) session.terminal.err(`warning: ${warning}\n`);
      if (options.dryRun === true) return;
      if (format === 'json' || format === 'yaml')
        session.terminal.out(documentText(applied.objects[0] ?? document, format));
      else printLines(session, applied.documents.map(appliedLine));
    });
}

interface Hub {
  readonly client: Client;
  readonly namespace: string;
  readonly stored: Resource<'Zone'> | undefined;
}

/** The hub and what it has of the zone. A dry run does without one, and says so. */
async function hubOf(
  session: Session,
  command: Command,
  origin: DomainName,
  dryRun: boolean,
): Promise<Hub | undefined> {
  try {
    const { client, namespace } = connect(session, command, () => undefined);
    return { client, namespace, stored: await storedZone(client, origin, globals(command).namespace) };
  } catch (thrown) {
    if (!dryRun) throw thrown;
    const error = PortolanError.from(thrown);
    session.terminal.err(
      `the hub was not asked (${error.code}: ${error.message}); the zone alone was checked\n`,
    );
    return undefined;
  }
}

async function source(
  session: Session,
  command: Command,
  options: ImportOptions,
  origin: DomainName,
): Promise<FoundZone> {
  const { file, axfr, provider, tsigFile } = options;
  if ([file, axfr, provider].filter((given) => given !== undefined).length !== 1) {
    throw new PortolanError('USAGE', 'zone import takes one of --file, --axfr and --provider', {
      fix: `Write portolan zone import ${origin} --file zone.txt, or --axfr 192.0.2.53, or --provider cloud.`,
    });
  }
  if (provider !== undefined) return atProvider(session, command, provider, origin);
  if (file !== undefined) return readZoneFrom(file, origin, session.terminal);
  const { host, port } = addressArgument(axfr ?? '', '--axfr');
  const records: FileRecord[] = [];
  for await (const { name, type, ttlSeconds, rdata } of transferZone({
    address: host,
    port,
    zone: origin,
    tsig: tsigFile === undefined ? undefined : readTsigKeyFile(tsigFile, session.terminal.workingFolder),
    limits: { records: MAX_RECORDS },
  })) {
    records.push({ owner: name, type, ttlSeconds, rdata, line: 0 });
  }
  return { records, skipped: [] };
}

/** What stands at a provider; what only it can have is told and left out. */
async function atProvider(
  session: Session,
  command: Command,
  name: string,
  origin: DomainName,
): Promise<FoundZone> {
  const { client, provider } = namedProvider(session, command, name);
  const { plain, native } = splitZone(origin, await client.providerZone(provider, origin));
  const foreign = plain.filter((set) => !set.ours);
  const tell = (why: string, lines: readonly string[]): void => {
    if (lines.length === 0) return;
    session.terminal.err(`left out (${lines.length}): ${why}\n`);
    for (const line of lines.slice(0, MOST_LINES)) session.terminal.err(`  ${line}\n`);
    if (lines.length > MOST_LINES) session.terminal.err(`… and ${lines.length - MOST_LINES} more sets\n`);
  };
  tell(
    'what only the provider has; make TrafficPolicies of it',
    native
      .filter(({ set }) => set.owner !== 'this')
      .map(({ set, reason }) => `${set.name} ${set.type}: ${reason}`),
  );
  tell('what this hub published there: its TrafficPolicies route it here, too', [
    ...new Set(plain.filter((set) => set.ours).map((set) => set.owner)),
  ]);
  return {
    records: foreign.flatMap(({ owner, type, ttlSeconds, records }) =>
      records.map((rdata) => ({ owner, type, ttlSeconds, rdata, line: 0 })),
    ),
    skipped: [],
  };
}

/** What the hub takes in one request. */
const MAX_DOCUMENT_BYTES = 4 * 1024 * 1024;

/** Said before it is sent: the hub could only say that a request is too large. @throws PortolanError ZONE_TOO_LARGE */
function refuseTooLarge(origin: DomainName, document: unknown): void {
  const bytes = Buffer.byteLength(JSON.stringify({ documents: [document] }));
  if (bytes <= MAX_DOCUMENT_BYTES) return;
  throw new PortolanError(
    'ZONE_TOO_LARGE',
    `${origin} takes ${(bytes / 1024 / 1024).toFixed(1)} MiB as a Zone; the hub takes ${MAX_DOCUMENT_BYTES / 1024 / 1024} MiB`,
  );
}

/** Violations of a spec as a person knows the records: by name and type. */
function named(
  violations: readonly FieldViolation[],
  records: readonly { readonly name: string; readonly type: string }[],
): readonly FieldViolation[] {
  return violations.map((violation) => {
    const record = records[Number(/^records\[(\d+)\]/.exec(violation.path)?.[1] ?? -1)];
    return record === undefined ? violation : { ...violation, path: `${record.name} ${record.type}` };
  });
}

const MOST_VIOLATIONS = 50;

function refused(origin: DomainName, violations: readonly FieldViolation[]): PortolanError {
  const [first] = violations;
  const more = violations.length - 1;
  return new PortolanError(
    first?.code ?? 'DNS_ZONE_INVALID',
    `${origin} cannot be taken over: ${first?.path ?? ''}: ${first?.message ?? ''}${more > 0 ? ` (and ${more} more)` : ''}`,
    {
      violations: violations.slice(0, MOST_VIOLATIONS),
      ...(first === undefined ? {} : { fix: first.fix }),
    },
  );
}

function tellChanges(
  session: Session,
  command: Command,
  notes: readonly string[],
  leftOut: readonly LeftOut[],
): void {
  const warn = (lines: readonly string[], what: string): void => {
    for (const line of lines.slice(0, MOST_LINES)) session.terminal.err(`${line}\n`);
    if (lines.length > MOST_LINES) session.terminal.err(`… and ${lines.length - MOST_LINES} more ${what}\n`);
  };
  // Thousands of signatures are told by their number, everything else by its name.
  const reasons = new Map<string, LeftOut[]>();
  for (const record of leftOut) {
    const alike = reasons.get(record.reason);
    if (alike === undefined) reasons.set(record.reason, [record]);
    else alike.push(record);
  }
  for (const [reason, records] of reasons) {
    session.terminal.err(`left out (${records.length}): ${reason}\n`);
    warn(
      records.map((r) => `  ${r.owner} ${r.type}${r.line === 0 ? '' : ` (line ${r.line})`}`),
      'records',
    );
  }
  if (globals(command).quiet !== true)
    warn(
      notes.map((note) => `note: ${note}`),
      'notes',
    );
}

function tellDiff(
  session: Session,
  stored: Resource<'Zone'> | undefined,
  spec: Parameters<typeof zoneDiffLines>[1],
): void {
  if (stored === undefined) {
    session.terminal.err(`the hub has no zone ${spec.origin} yet\n`);
    return;
  }
  const lines = zoneDiffLines(stored.spec, spec);
  const what = `zone ${stored.metadata.namespace}/${stored.metadata.name}`;
  session.terminal.err(lines.length === 0 ? `${what} would not change\n` : `${what} would change:\n`);
  for (const line of lines) session.terminal.err(`  ${line}\n`);
}
