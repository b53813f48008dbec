import type { Command } from 'commander';
import type { Client } from '../../src/client/client.ts';
import { documentText } from '../output/document.ts';
import { table } from '../output/table.ts';
import { namedProvider } from '../provider-argument.ts';
import { connect, globals, outputOf, printLines, type Session } from '../session.ts';

interface ListOptions {
  readonly provider?: string;
}

export function addZoneList(zone: Command, session: Session): void {
  zone
    .command('list')
    .summary('zones of the hub and of DNS providers')
    .description(
      'Lists the zones that the embedded name servers answer, and those of every DNSProvider as the hub knows them. With --provider it asks that account for every zone it sees, also those the hub does not use.',
    )
    .option('--provider <name>', 'the zones of this account')
    .addHelpText(
      'after',
      '\nExamples:\n  $ portolan zone list\n  $ portolan zone list --provider cloud -o json',
    )
    .action(async ({ provider }: ListOptions, self: Command) => {
      const format = outputOf(self);
      if (provider !== undefined) {
        const named = namedProvider(session, self, provider);
        const items = await named.client.providerZones(named.provider);
        if (format === 'json' || format === 'yaml') session.terminal.out(documentText({ items }, format));
        else
          printLines(
            session,
            table(
              ['ORIGIN', 'ID', 'PRIVATE', 'USED', 'NAME SERVERS'],
              items.map((one) => [
                one.origin,
                one.id,
                one.private ? 'yes' : 'no',
                one.configured ? 'yes' : 'no',
                one.nameServers.join(', '),
              ]),
            ),
          );
        return;
      }
      const { client } = connect(session, self);
      const items = await knownZones(client, globals(self).namespace);
      if (format === 'json' || format === 'yaml') session.terminal.out(documentText({ items }, format));
      else
        printLines(
          session,
          table(
            ['ORIGIN', 'AT', 'NAMES', 'GENERATION', 'VERIFIED'],
            items.map(({ origin, at, names, generation, verified }) => [
              origin,
              at,
              String(names ?? ''),
              String(generation ?? ''),
              verified ?? '',
            ]),
          ),
        );
    });
}

interface KnownZone {
  readonly origin: string;
  /** `zone/shop/example` of the embedded servers, `dnsprovider/shop/cloud`. */
  readonly at: string;
  /** Ours in it; absent for embedded zones, which are ours as a whole. */
  readonly names?: number;
  /** SOA serial of an embedded zone. */
  readonly generation?: number;
  readonly verified?: string;
}

async function knownZones(client: Client, namespace: string | undefined): Promise<readonly KnownZone[]> {
  const [zones, providers] = await Promise.all([
    client.list('Zone', namespace),
    client.list('DNSProvider', namespace),
  ]);
  const embedded = zones.items.map(
    ({ metadata, spec, status }): KnownZone => ({
      origin: spec.origin,
      at: `zone/${metadata.namespace}/${metadata.name}`,
      ...(status?.serial === undefined ? {} : { generation: status.serial }),
    }),
  );
  const others = providers.items.flatMap(({ metadata, spec, status }) =>
    spec.zones.map(({ origin }): KnownZone => {
      const state = status?.zones.find((one) => one.origin === origin);
      return {
        origin,
        at: `dnsprovider/${metadata.namespace}/${metadata.name}`,
        ...(state === undefined ? {} : { names: state.names, verified: state.verified }),
        ...(state?.generation === undefined ? {} : { generation: state.generation }),
      };
    }),
  );
  return [...embedded, ...others].sort((a, b) => (a.origin < b.origin ? -1 : a.origin > b.origin ? 1 : 0));
}
