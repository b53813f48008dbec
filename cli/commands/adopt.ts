import type { Command } from 'commander';
import type { AdoptPreview } from '../../src/client/client.ts';
import { parseName } from '../../src/dns/name.ts';
import { PortolanError } from '../../src/errors/error.ts';
import { documentText } from '../output/document.ts';
import { connect, outputOf, printLines, type Session } from '../session.ts';
import { addWriteFlags, type WriteFlags, writeOptions } from '../write-flags.ts';

interface AdoptOptions extends WriteFlags {
  readonly provider?: string;
  readonly yes?: boolean;
}

export function addAdoptCommand(program: Command, session: Session): void {
  const command = program
    .command('adopt <hostname>')
    .summary('take over records that stand at a hostname')
    .description(
      'Takes over records that somebody else made at a hostname of a TrafficPolicy: a person, or external-dns. Shows what stands there and what will replace it, and asks. Only what was shown is taken over: when it changes meanwhile, nothing happens.',
    )
    .option('--provider <name>', 'at this DNSProvider alone; else at all that hold the hostname')
    .option('--yes', 'do not ask');
  addWriteFlags(command)
    .addHelpText(
      'after',
      '\nExamples:\n  $ portolan adopt www.example.com --dry-run\n  $ portolan adopt www.example.com --provider cloud --yes --reason "moving from external-dns"',
    )
    .action(async (text: string, options: AdoptOptions, self: Command) => {
      const format = outputOf(self);
      const hostname = parseName(text);
      const { client, namespace } = connect(session, self);
      const write = writeOptions(options);
      const request = {
        hostname,
        ...(options.provider === undefined ? {} : { provider: options.provider }),
      };
      const previews = await client.adopt(namespace, request, { ...write, dryRun: true });
      const open = previews.filter(({ adopted, ours }) => !adopted && !ours);
      const plain = format !== 'json' && format !== 'yaml';
      if (plain) printLines(session, previewLines(hostname, previews));
      if (options.dryRun === true || open.length === 0) {
        if (!plain) session.terminal.out(documentText({ items: previews }, format));
        return;
      }
      if (options.yes !== true && !(await agrees(session, open))) {
        session.terminal.err('Nothing was taken over.\n');
        session.exitCode = 1;
        return;
      }
      const digests = Object.fromEntries(
        // The namespace is the request's.
        open.map(({ provider, zone, digest }) => [`${provider.split('/').at(-1) ?? ''}/${zone}`, digest]),
      );
      const done = await client.adopt(namespace, { ...request, digests }, write);
      const left = done.filter(({ adopted }) => !adopted);
      if (left.length > 0) {
        throw new PortolanError(
          'CONFLICT',
          `${hostname} was not taken over at ${left.map(({ provider }) => provider).join(', ')}`,
          { fix: `Look again: \`portolan adopt ${hostname} --dry-run\`.` },
        );
      }
      if (plain)
        printLines(
          session,
          done.map(({ provider, zone }) => `${hostname} adopted at ${provider} (zone ${zone})`),
        );
      else session.terminal.out(documentText({ items: done }, format));
    });
}

/** @throws PortolanError USAGE where nobody can be asked */
async function agrees({ terminal }: Session, open: readonly AdoptPreview[]): Promise<boolean> {
  if (terminal.ask === undefined) {
    throw new PortolanError(
      'USAGE',
      'adopt asks before it takes records over, and nobody is here to answer',
      {
        fix: 'Look at it with --dry-run, then add --yes.',
      },
    );
  }
  const where = open.map(({ provider }) => provider).join(', ');
  const answer = await terminal.ask(`Take these records over at ${where}? [y/N] `);
  return /^\s*y(es)?\s*$/i.test(answer);
}

function previewLines(hostname: string, previews: readonly AdoptPreview[]): readonly string[] {
  if (previews.length === 0) return [`nothing stands in the way of ${hostname}`];
  return previews.flatMap(({ provider, zone, before, after, owner, adopted, ours }) => [
    `${hostname} at ${provider} (zone ${zone})${ours ? ': already ours' : adopted ? ': adopted already' : ''}`,
    ...(ours ? [] : [...before.map((line) => `  - ${line}`), ...after.map((line) => `  + ${line}`)]),
    ...(owner === undefined ? [] : [`  made by ${owner}${ownerAdvice(owner)}`]),
  ]);
}

function ownerAdvice(owner: string): string {
  return owner.startsWith('external-dns:')
    ? ': take the hostname out of its sources or filters first, or both write it'
    : ': that hub has to let go of it first';
}
