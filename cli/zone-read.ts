import { createReadStream } from 'node:fs';
import { resolve } from 'node:path';
import type { DomainName } from '../src/dns/name.ts';
import { type FileRecord, SIGNING_TYPES, ZoneFileReader } from '../src/dns/zone-file/reader.ts';
import { messageOf, PortolanError } from '../src/errors/error.ts';
import type { Terminal } from './terminal.ts';

/** A zone as its source has it. */
export interface FoundZone {
  readonly records: readonly FileRecord[];
  /** What a signer made, whose data is not read. */
  readonly skipped: readonly Omit<FileRecord, 'rdata' | 'ttlSeconds'>[];
}

/** More than any Zone holds: whoever has this many has to split the zone in any case. */
export const MAX_RECORDS = 500_000;

/**
 * Reads a zone file; `-` is stdin.
 * @throws PortolanError USAGE, ZONE_FILE_INVALID with the problems at `file:line:column`, ZONE_TOO_LARGE
 */
export async function readZoneFrom(file: string, origin: DomainName, terminal: Terminal): Promise<FoundZone> {
  const records: FileRecord[] = [];
  const skipped: Omit<FileRecord, 'rdata' | 'ttlSeconds'>[] = [];
  const reader = new ZoneFileReader({
    origin,
    skips: (type) => SIGNING_TYPES.has(type),
    onSkipped: (record) => skipped.push(record),
    onRecord: (record) => {
      if (records.length === MAX_RECORDS)
        throw new PortolanError('ZONE_TOO_LARGE', `${file} has more than ${MAX_RECORDS} records`);
      records.push(record);
    },
  });
  for await (const text of textsOf(file, terminal)) reader.push(text);
  const { problems, stopped } = reader.end();
  const [first, ...others] = problems;
  if (first !== undefined) {
    const more =
      others.length === 0 ? '' : ` (and ${others.length} more${stopped ? '; the rest was not read' : ''})`;
    throw new PortolanError(
      'ZONE_FILE_INVALID',
      `${file}:${first.line}:${first.column}: ${first.message}${more}`,
      {
        fix: first.fix,
        violations: problems.map(({ line, column, code, message, fix }) => ({
          path: `${file}:${line}:${column}`,
          code,
          message,
          fix,
        })),
      },
    );
  }
  return { records, skipped };
}

async function* textsOf(file: string, terminal: Terminal): AsyncIterable<string> {
  if (file === '-') {
    yield await terminal.readStdin();
    return;
  }
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const input: AsyncIterable<Buffer> = createReadStream(resolve(terminal.workingFolder, file));
  try {
    for await (const bytes of input) yield decoder.decode(bytes, { stream: true });
    yield decoder.decode();
  } catch (cause) {
    if (cause instanceof PortolanError) throw cause;
    if (cause instanceof TypeError) {
      throw new PortolanError('ZONE_FILE_INVALID', `${file} is not UTF-8 text`, {
        cause,
        fix: 'Convert it (`iconv -f latin1 -t utf-8`), or write octets outside ASCII as \\DDD. A binary (raw) zone: named-compilezone -f raw -F text -o flat.zone <origin> <file>.',
      });
    }
    throw new PortolanError('USAGE', `${file} cannot be read: ${messageOf(cause)}`, {
      cause,
      fix: 'Correct the path given with --file.',
    });
  }
}
