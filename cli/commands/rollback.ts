import type { Command } from 'commander';
import { namedProvider, zoneOfProvider } from '../provider-argument.ts';
import type { Session } from '../session.ts';
import { wholeNumber } from '../whole-number.ts';
import { addWriteFlags, type WriteFlags, writeOptions } from '../write-flags.ts';
import { told, writesWord } from '../zone-told.ts';

interface RollbackOptions extends WriteFlags {
  readonly zone?: string;
  readonly to: number;
}

/** The same command below `provider` and by itself. */
export function addRollback(parent: Command, session: Session, path: string): void {
  const command = parent
    .command('rollback <provider>')
    .summary('bring back what a zone of a DNS provider had')
    .description(
      'Writes what our names in a zone had in an earlier generation, as a new generation, and holds the zone there: what is stored is not published until `portolan provider resume`. Records of others are not touched.',
    )
    .requiredOption('--to <generation>', 'generation of `provider history`', wholeNumber('--to'))
    .option('--zone <origin>', 'the zone; not needed where the provider has one');
  addWriteFlags(command)
    .addHelpText(
      'after',
      `\nExamples:\n  $ ${path} cloud --to 41 --dry-run\n  $ ${path} cloud --zone example.com --to 41 --reason "www was wrong"`,
    )
    .action(async (name: string, options: RollbackOptions, self: Command) => {
      const named = namedProvider(session, self, name);
      const { origin } = await zoneOfProvider(named, options.zone);
      const state = await named.client.rollbackZone(
        named.provider,
        { zone: origin, generation: options.to },
        writeOptions(options),
      );
      const back = options.dryRun === true ? 'would go back' : 'goes back';
      told(session, self, state, `${origin} ${back} to generation ${options.to}; ${writesWord(options)}:`);
    });
}
