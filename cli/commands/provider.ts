import type { Command } from 'commander';
import type { ProviderZoneState } from '../../src/client/client.ts';
import { documentText } from '../output/document.ts';
import { historyLines, zoneStateLines } from '../output/zone-state.ts';
import { namedProvider, zoneOfProvider } from '../provider-argument.ts';
import { outputOf, printLines, type Session } from '../session.ts';
import { addWriteFlags, type WriteFlags, writeOptions } from '../write-flags.ts';
import { told, writesWord } from '../zone-told.ts';
import { addProviderCheck } from './provider-check.ts';
import { addRollback } from './rollback.ts';

interface ZoneOption {
  readonly zone?: string;
}

export function addProviderCommand(program: Command, session: Session): void {
  const provider = program
    .command('provider')
    .summary('check DNS providers, look at their plans, approve, roll back')
    .description(
      'Works with the zones of DNS providers: tries credentials and permissions, shows what is to be written and what waits, lets a large removal through, and brings back what a zone had before.',
    );
  addProviderCheck(provider, session);
  addPlan(provider, session);
  addApprove(provider, session);
  addHistory(provider, session);
  addRollback(provider, session, 'portolan provider rollback');
  addResume(provider, session);
}

function addPlan(provider: Command, session: Session): void {
  provider
    .command('plan <provider>')
    .summary('what is to be written, what waits and why')
    .description(
      'Shows for each zone of a DNSProvider how it stands, the changes that are due, the names that wait with what to do about each, and while a rollback holds the zone what `provider resume` would write. Exit code 1: something waits (for a person, for approval, for the end of a rollback or of `spec.frozen`) or failed.',
    )
    .option('--zone <origin>', 'this zone alone')
    .addHelpText(
      'after',
      '\nExamples:\n  $ portolan provider plan cloud\n  $ portolan provider plan cloud --zone example.com -o json',
    )
    .action(async (name: string, { zone }: ZoneOption, self: Command) => {
      const format = outputOf(self);
      const named = namedProvider(session, self, name);
      const states =
        zone === undefined
          ? await named.client.providerStates(named.provider)
          : [await zoneOfProvider(named, zone)];
      if (format === 'json' || format === 'yaml')
        session.terminal.out(documentText({ items: states }, format));
      else printLines(session, states.flatMap(zoneStateLines));
      if (states.some(isStuck)) session.exitCode = 1;
    });
}

function isStuck({ plan, error, verified, frozen, afterResume }: ProviderZoneState): boolean {
  const isHeldBack = afterResume !== undefined && afterResume.changes.length + afterResume.held.length > 0;
  return (
    error !== undefined ||
    plan.held.length > 0 ||
    plan.waitsForApproval !== undefined ||
    verified === 'no' ||
    (frozen && plan.changes.length > 0) ||
    isHeldBack
  );
}

function addApprove(provider: Command, session: Session): void {
  const command = provider
    .command('approve <provider>')
    .summary('let a plan through that removes much')
    .description(
      'Lets the plan through that waits because it removes more of a zone than `spec.maxRemovedPercent`, once. The hash is of exactly what `provider plan` shows: when the plan changes meanwhile, it waits again.',
    )
    .option('--zone <origin>', 'the zone; not needed where the provider has one')
    .requiredOption('--plan <hash>', 'the plan, by the hash that `provider plan` shows');
  addWriteFlags(command)
    .addHelpText(
      'after',
      '\nExamples:\n  $ portolan provider approve cloud --plan 0123456789abcdef --reason "the old shop is closed"\n  $ portolan provider approve cloud --zone example.com --plan 0123456789abcdef --dry-run',
    )
    .action(
      async (name: string, options: WriteFlags & ZoneOption & { readonly plan: string }, self: Command) => {
        const named = namedProvider(session, self, name);
        const { origin } = await zoneOfProvider(named, options.zone);
        const state = await named.client.approvePlan(
          named.provider,
          { zone: origin, plan: options.plan },
          writeOptions(options),
        );
        const approved =
          options.dryRun === true ? 'would be approved, and this would go' : 'is approved, and this goes now';
        told(session, self, state, `plan ${options.plan} of ${origin} ${approved}:`);
      },
    );
}

function addHistory(provider: Command, session: Session): void {
  provider
    .command('history <provider>')
    .summary('generations that were written, newest first')
    .description(
      'Lists what was written into the zones of a DNSProvider: the generations that `rollback` can bring back. A number that is missing was given to a plan that did not come to its end: the provider refused it, or a newer plan overtook it. Numbers are never given twice.',
    )
    .option('--zone <origin>', 'this zone alone')
    .addHelpText(
      'after',
      '\nExamples:\n  $ portolan provider history cloud\n  $ portolan provider history cloud --zone example.com -o json',
    )
    .action(async (name: string, { zone }: ZoneOption, self: Command) => {
      const format = outputOf(self);
      const named = namedProvider(session, self, name);
      const states =
        zone === undefined
          ? await named.client.providerStates(named.provider)
          : [await zoneOfProvider(named, zone)];
      const items = states.map(({ origin, generation, history }) => ({ origin, generation, history }));
      if (format === 'json' || format === 'yaml') session.terminal.out(documentText({ items }, format));
      else printLines(session, states.flatMap(historyLines));
    });
}

function addResume(provider: Command, session: Session): void {
  const command = provider
    .command('resume <provider>')
    .summary('end the hold of a rollback')
    .description(
      'Ends the hold of a rollback: the zone follows the stored objects again. Look first at what that will write: `portolan provider plan` lists it while the zone is held, and so does `--dry-run`.',
    )
    .option('--zone <origin>', 'the zone; not needed where the provider has one');
  addWriteFlags(command)
    .addHelpText(
      'after',
      '\nExamples:\n  $ portolan provider resume cloud --reason "fixed"\n  $ portolan provider resume cloud --zone example.com --dry-run',
    )
    .action(async (name: string, options: WriteFlags & ZoneOption, self: Command) => {
      const named = namedProvider(session, self, name);
      const { origin } = await zoneOfProvider(named, options.zone);
      const state = await named.client.resumeZone(named.provider, origin, writeOptions(options));
      const resumed = options.dryRun === true ? 'would follow what is stored' : 'follows what is stored';
      told(session, self, state, `${origin} ${resumed} again; ${writesWord(options)}:`);
    });
}
