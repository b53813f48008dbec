import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import type { Client, GeoStatus } from '../../src/client/client.ts';
import { messageOf, PortolanError } from '../../src/errors/error.ts';
import { documentText } from '../output/document.ts';
import { table } from '../output/table.ts';
import { connect, outputOf, printLines, progress, type Session } from '../session.ts';

const LOOK_EVERY_MS = 500;
/** A database of the world's cities takes the hub some minutes to compare. */
const COMPARE_LIMIT_MS = 900_000;

export function addGeoipCommand(program: Command, session: Session): void {
  const geoip = program
    .command('geoip')
    .summary('update the GeoIP database, and go back')
    .description(
      'The database that says where clients are. A new one is staged and compared first; one that moves more than 5 % of the countries or addresses needs approval. Agents fetch it from the hub.',
    );
  addStatus(geoip, session);
  addStage(geoip, session);
  addActivate(geoip, session);
  addRollback(geoip, session);
}

function addStatus(geoip: Command, session: Session): void {
  geoip
    .command('status')
    .summary('the database in use, and what the staged one would change')
    .description('Shows the database in use, the one before it, and the staged one with its differences.')
    .addHelpText('after', '\nExamples:\n  $ portolan geoip status\n  $ portolan geoip status -o json')
    .action(async (_options: unknown, self: Command) => {
      const { client } = connect(session, self);
      print(session, self, await client.geoStatus());
    });
}

interface StageOptions {
  readonly sha256?: string;
  readonly signature?: string;
}

function addStage(geoip: Command, session: Session): void {
  geoip
    .command('stage <file>')
    .summary('send a new database to the hub and compare it')
    .description(
      'Sends an .mmdb file with the checksum or the signature of its publisher. Nothing is answered by it before `portolan geoip activate`.',
    )
    .option('--sha256 <hex>', 'checksum that the publisher shows')
    .option('--signature <file>', 'file with the Ed25519 signature over the database (64 octets, or base64)')
    .addHelpText(
      'after',
      '\nExamples:\n  $ portolan geoip stage country.mmdb --sha256 "$(cut -d" " -f1 country.mmdb.sha256)"\n  $ portolan geoip stage country.mmdb --signature country.mmdb.sig',
    )
    .action(async (path: string, options: StageOptions, self: Command) => {
      outputOf(self);
      const file = await read(session, path);
      const { client } = connect(session, self);
      const sent = await client.stageGeo(file, {
        ...(options.sha256 === undefined ? {} : { sha256: options.sha256 }),
        ...(options.signature === undefined
          ? {}
          : { signature: signatureOf(await read(session, options.signature)) }),
      });
      progress(session, self, 'staged; the hub compares it with the database in use');
      print(session, self, await compared(client, sent, session.terminal.nowMs));
    });
}

interface ActivateOptions {
  readonly approve?: boolean;
  readonly reason?: string;
}

function addActivate(geoip: Command, session: Session): void {
  geoip
    .command('activate [sha256]')
    .summary('answer by the staged database')
    .description(
      'Puts the staged database into use at the hub; agents follow as soon as they have fetched it. Give its SHA-256 to make sure it is the one you looked at.',
    )
    .option('--approve', 'also when it changes much; needs --reason')
    .option('--reason <text>', 'why; goes into the audit log')
    .addHelpText(
      'after',
      '\nExamples:\n  $ portolan geoip activate\n  $ portolan geoip activate --approve --reason "checked against the provider\'s notes"',
    )
    .action(async (sha256: string | undefined, options: ActivateOptions, self: Command) => {
      outputOf(self);
      const { client } = connect(session, self);
      const staged = sha256 ?? (await client.geoStatus()).staged?.sha256;
      if (staged === undefined)
        throw new PortolanError('GEO_UPDATE_REFUSED', 'no GeoIP database is staged', {
          fix: 'Stage one with `portolan geoip stage`.',
        });
      print(session, self, await client.activateGeo(staged, options));
    });
}

function addRollback(geoip: Command, session: Session): void {
  geoip
    .command('rollback')
    .summary('back to the database before this one')
    .description(
      'Goes back to the database that was in use before; a second rollback takes the first one back.',
    )
    .option('--reason <text>', 'why; goes into the audit log')
    .addHelpText(
      'after',
      '\nExamples:\n  $ portolan geoip rollback\n  $ portolan geoip rollback --reason "Lyon was sent to Virginia"',
    )
    .action(async (options: { readonly reason?: string }, self: Command) => {
      outputOf(self);
      const { client } = connect(session, self);
      print(session, self, await client.rollbackGeo(options.reason));
    });
}

async function read(session: Session, path: string): Promise<Uint8Array> {
  try {
    return await readFile(resolve(session.terminal.workingFolder, path));
  } catch (cause) {
    throw new PortolanError('USAGE', `${path} cannot be read: ${messageOf(cause)}`, {
      cause,
      fix: 'Name a file that exists.',
    });
  }
}

/** Base64 of a signature that is either octets or base64 already. */
function signatureOf(file: Uint8Array): string {
  return file.length === 64
    ? Buffer.from(file).toString('base64')
    : Buffer.from(file).toString('utf8').trim();
}

async function compared(client: Client, sent: GeoStatus, nowMs: () => number): Promise<GeoStatus> {
  const until = nowMs() + COMPARE_LIMIT_MS;
  let status = sent;
  while (status.staged?.state === 'comparing' && nowMs() < until) {
    await sleep(LOOK_EVERY_MS);
    status = await client.geoStatus();
  }
  return status;
}

function print(session: Session, command: Command, status: GeoStatus): void {
  const format = outputOf(command);
  if (format === 'json' || format === 'yaml') session.terminal.out(documentText(status, format));
  else printLines(session, statusLines(status));
}

function statusLines({ active, previous, staged }: GeoStatus): readonly string[] {
  const source = (of: { readonly source: string }): string =>
    of.source === 'base' ? 'the packaged or configured file' : 'an update';
  const lines = [
    ...table(
      ['', 'SHA-256', 'WHAT'],
      [
        [
          'in use',
          active.sha256.slice(0, 16),
          active.entry === undefined
            ? source(active)
            : `${source(active)} of ${active.entry.stagedAt} by ${active.entry.stagedBy}`,
        ],
        ...(previous === undefined ? [] : [['before', previous.sha256.slice(0, 16), source(previous)]]),
        ...(staged === undefined
          ? []
          : [['staged', staged.sha256.slice(0, 16), `${staged.state}, by ${staged.stagedBy}`]]),
      ],
    ),
  ];
  if (staged?.error !== undefined) lines.push('', `It could not be compared: ${staged.error}`);
  const difference = staged?.difference;
  if (difference === undefined) return lines;
  lines.push(
    '',
    `${difference.moved.length} of ${difference.countries} countries moved; ${difference.addressesMovedPercent.toFixed(2)} % of the addresses lie elsewhere${difference.added.length === 0 ? '' : `; new: ${difference.added.join(', ')}`}`,
  );
  if (difference.moved.length > 0) {
    lines.push(
      '',
      ...table(
        ['COUNTRY', 'MOVED', 'MOSTLY TO'],
        difference.moved.slice(0, 20).map((m) => [m.country, `${m.movedPercent.toFixed(1)} %`, m.mostlyTo]),
      ),
    );
  }
  lines.push(
    '',
    difference.approvalReasons.length === 0
      ? 'Next: portolan geoip activate'
      : `Needs approval: ${difference.approvalReasons.join('; ')}. Next: portolan geoip activate --approve --reason "…"`,
  );
  return lines;
}
