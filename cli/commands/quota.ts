import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import type { QuotaLimit } from '../../src/client/client.ts';
import { PortolanError } from '../../src/errors/error.ts';
import { documentText } from '../output/document.ts';
import { parseDurationMs } from '../output/duration.ts';
import { quotaLines } from '../output/quota-text.ts';
import { connect, type OutputFormat, outputOf, printLines, progress, type Session } from '../session.ts';
import { wholeNumber } from '../whole-number.ts';

/** How often the figures are asked for with -w. */
const POLL_MS = 1000;
const FROM_THE_TOP = '\u001b[H\u001b[J';

export function addQuotaCommand(program: Command, session: Session): void {
  const quota = program
    .command('quota')
    .summary('limits of callers over all clusters: see, explain, set, reset')
    .description(
      'The limits of RateLimitPolicies as the hub shares them out among the clusters. A limit is named policy/limit/rate, such as customers/per-customer/60s; the beginning is enough where it names one. A key is the value of its counter, such as a customer; of several counters, the values with commas between.',
    );
  addGet(quota, session);
  addExplain(quota, session);
  addSet(quota, session);
  addReset(quota, session);
}

interface GetOptions {
  readonly key?: string;
  readonly keys: number;
  readonly watch?: boolean;
}

function addGet(quota: Command, session: Session): void {
  quota
    .command('get [limit]')
    .summary('what is spent, leased to clusters, and left')
    .description(
      'Shows limits with their most used keys: what was admitted in the window that runs, what clusters hold and may still admit, what is kept for clusters that cannot reach the hub, and what the hub has left; below each key the clusters that have some of it, what each may admit alone when it is cut off (lent to the others until then), how fast they want more, and the age of their lease.',
    )
    .option('--key <key>', 'only this key')
    .option('--keys <count>', 'at most so many keys of each limit', wholeNumber('--keys'), 20)
    .option('-w, --watch', 'again every second until Ctrl-C')
    .addHelpText(
      'after',
      '\nExamples:\n  $ portolan quota get customers --watch\n  $ portolan quota get customers/per-customer/60s --key acme -o json',
    )
    .action(async (limit: string | undefined, options: GetOptions, self: Command) => {
      const format = outputOf(self);
      const { client, namespace } = connect(session, self);
      const query = {
        most: String(options.keys),
        ...(limit === undefined ? {} : { limit }),
        ...(options.key === undefined ? {} : { key: options.key }),
      };
      for (;;) {
        const list = await client.quota(namespace, query);
        const { terminal } = session;
        if (format === 'json' || format === 'yaml') {
          // One line or document each, where there are many.
          const many = format === 'json' ? `${JSON.stringify(list)}\n` : `---\n${documentText(list, format)}`;
          terminal.out(options.watch === true ? many : documentText(list, format));
        } else {
          if (options.watch === true && terminal.isTerminal) terminal.out(FROM_THE_TOP);
          printLines(session, quotaLines(list));
          if (options.watch === true && !terminal.isTerminal) terminal.out('\n');
        }
        if (options.watch !== true) return;
        await sleep(POLL_MS);
      }
    });
}

function addExplain(quota: Command, session: Session): void {
  quota
    .command('explain <limit> [key]')
    .summary('why a key is refused now, and until when')
    .description(
      'Says whether the hub grants more of a limit for a key, who holds what, and when that changes: a window that ends, a lease, a lowered limit that takes effect.',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  $ portolan quota explain customers/per-customer acme\n  $ portolan quota explain orders -n shop -o json',
    )
    .action(async (limit: string, key: string | undefined, _options: unknown, self: Command) => {
      const format = outputOf(self);
      const { client, namespace } = connect(session, self);
      const found = await client.explainQuota(namespace, { limit, key: key ?? '' });
      if (format === 'json' || format === 'yaml') session.terminal.out(documentText(found, format));
      else printLines(session, found.explanation);
    });
}

interface SetOptions {
  readonly for?: string;
  readonly end?: boolean;
  readonly reason?: string;
}

function addSet(quota: Command, session: Session): void {
  quota
    .command('set <limit> <key> [hits]')
    .summary('another limit for one key, for a while')
    .description(
      'Gives one key another number of hits in a window than the policy says, until it ends by itself; with --end the policy holds again at once. A lower one takes effect as the clusters give back what they hold. For a limit without counters the key is "".',
    )
    .option('--for <duration>', 'how long it holds, such as 2h')
    .option('--end', 'take it back')
    .option('--reason <text>', 'why, for the audit log')
    .addHelpText(
      'after',
      '\nExamples:\n  $ portolan quota set customers/per-customer acme 500 --for 2h --reason "their sale"\n  $ portolan quota set customers/per-customer acme --end',
    )
    .action(
      async (limit: string, key: string, hits: string | undefined, options: SetOptions, self: Command) => {
        const format = outputOf(self);
        const { client, namespace } = connect(session, self);
        if (options.end === true) {
          refuseBoth(hits, options);
          const now = await client.unsetQuota(namespace, { limit, key });
          told(session, self, format, now, `the policy holds again for ${named(key, now)}`);
          return;
        }
        if (hits === undefined || options.for === undefined)
          throw new PortolanError('USAGE', 'how many hits, and for how long?', {
            fix: `Write it like \`portolan quota set ${limit} ${key === '' ? '""' : key} 500 --for 2h\`, or take it back with --end.`,
          });
        const seconds = Math.ceil(parseDurationMs(options.for, '--for') / 1000);
        const now = await client.setQuota(namespace, {
          limit,
          key,
          hits: wholeNumber('hits')(hits),
          seconds,
          ...(options.reason === undefined ? {} : { reason: options.reason }),
        });
        const until = now.keys[0]?.overriddenUntil ?? '';
        told(session, self, format, now, `${named(key, now)} may have ${hits} hits until ${until}`);
      },
    );
}

function addReset(quota: Command, session: Session): void {
  quota
    .command('reset <limit> [key]')
    .summary('forget what was admitted for a key')
    .description(
      'Forgets what was admitted for a key in the windows that run, so that it has its whole limit again but for what clusters hold.',
    )
    .option('--reason <text>', 'why, for the audit log')
    .addHelpText(
      'after',
      '\nExamples:\n  $ portolan quota reset customers/per-customer acme --reason "a loop of ours"\n  $ portolan quota reset orders -n shop',
    )
    .action(async (limit: string, key: string | undefined, { reason }: SetOptions, self: Command) => {
      const format = outputOf(self);
      const { client, namespace } = connect(session, self);
      const done = await client.resetQuota(namespace, {
        limit,
        key: key ?? '',
        ...(reason === undefined ? {} : { reason }),
      });
      if (format === 'json' || format === 'yaml') session.terminal.out(documentText(done, format));
      else progress(session, self, `${done.forgotten} hits of ${named(key ?? '', done.limit)} forgotten`);
    });
}

function refuseBoth(hits: string | undefined, options: SetOptions): void {
  if (hits === undefined && options.for === undefined) return;
  throw new PortolanError('USAGE', '--end takes the limit back, so it goes without hits and --for', {
    fix: 'Leave one of them out.',
  });
}

function named(key: string, { limit }: QuotaLimit): string {
  return key === '' ? limit : `${key} of ${limit}`;
}

function told(
  session: Session,
  self: Command,
  format: OutputFormat,
  limit: QuotaLimit,
  sentence: string,
): void {
  if (format === 'json' || format === 'yaml') session.terminal.out(documentText(limit, format));
  else progress(session, self, sentence);
}
