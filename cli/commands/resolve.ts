import type { Command } from 'commander';
import type { Client, ResolveResult } from '../../src/client/client.ts';
import { PortolanError } from '../../src/errors/error.ts';
import { parseClient, parseOrigin } from '../../src/routing/location.ts';
import { documentText } from '../output/document.ts';
import { millisecondsText } from '../output/duration.ts';
import { table } from '../output/table.ts';
import { connect, outputOf, printLines, type Session } from '../session.ts';

interface ResolveOptions {
  readonly from?: string;
  readonly client?: string;
  readonly type: string;
}

export function addResolveCommand(program: Command, session: Session): void {
  program
    .command('resolve <hostname>')
    .summary('what a client would be answered now, and why')
    .description(
      'Asks the code that answers DNS what a client in a place, or with an address, would be answered now; and says why, with the part every endpoint has in it.',
    )
    .option('--from <place>', 'a country (DE), a subdivision (US-CA), a region (EU) or `unknown`')
    .option(
      '--client <address>',
      'an address or a block, as a resolver announces it: 192.0.2.7, 2001:db8::/48',
    )
    .option('-t, --type <type>', 'record type: A, AAAA, CNAME, MX, TXT, …', 'A')
    .addHelpText(
      'after',
      `
Examples:
  $ portolan resolve www.shop.example --from DE
  $ portolan resolve www.shop.example --client 192.0.2.7 --type AAAA -o json`,
    )
    .action(async (hostname: string, options: ResolveOptions, command: Command) => {
      const format = outputOf(command);
      if (options.from !== undefined && options.client !== undefined) {
        throw new PortolanError('USAGE', '--from and --client both say where the query comes from', {
          fix: 'Give one of them.',
        });
      }
      const { client } = connect(session, command);
      const results = await ask(client, hostname, options);
      if (format === 'json' || format === 'yaml') {
        const [only, ...others] = results;
        session.terminal.out(
          documentText(only !== undefined && others.length === 0 ? only : { items: results }, format),
        );
      } else {
        results.forEach((result, i) => {
          printLines(session, [...(i === 0 ? [] : ['']), ...resolveLines(result)]);
        });
      }
      if (results.some((r) => r.rcode !== 'NOERROR')) session.exitCode = 1;
    });
}

/** One answer; a region stands for the countries in it that are answered differently. */
async function ask(
  client: Client,
  hostname: string,
  options: ResolveOptions,
): Promise<readonly ResolveResult[]> {
  const type = options.type.toUpperCase();
  if (options.client !== undefined) {
    parseClient(options.client);
    return [await client.resolve({ hostname, type, client: options.client })];
  }
  if (options.from === undefined) return [await client.resolve({ hostname, type })];
  const places = placesOf(options.from);
  const results: ResolveResult[] = [];
  for (const from of places) results.push(await client.resolve({ hostname, type, from }));
  return results;
}

function placesOf(from: string): readonly string[] {
  const origin = parseOrigin(from);
  if (origin.kind === 'region') return origin.countries;
  const { country, subdivision } = origin.location;
  if (subdivision !== undefined) return [subdivision];
  return [country ?? 'unknown'];
}

/** For people: the answer first, then who could have answered, then why, then for how long. */
export function resolveLines(result: ResolveResult): readonly string[] {
  const { client } = result;
  const place =
    client.subdivision ??
    client.country ??
    (client.continent === undefined ? 'an unknown place' : `continent ${client.continent}`);
  const from = client.address === undefined ? place : `${client.address} (${place})`;
  const asked = `${result.hostname} ${result.type} from ${from}`;
  const answer =
    result.answers.length > 0
      ? result.answers.map(
          (a) => `${a.name}  ${a.ttlSeconds}  ${a.type}  ${a.data}${endpointOf(result, a.data)}`,
        )
      : [result.rcode === 'NOERROR' ? `no ${result.type} record` : result.rcode];
  const candidates =
    result.candidates.length === 0
      ? []
      : [
          '',
          ...table(
            ['ENDPOINT', 'CLUSTER', 'SHARE', 'STATE', 'ADDRESSES', 'WHY'],
            result.candidates.map((c) => [
              c.endpoint,
              c.cluster.replace(/^[^/]*\//, ''),
              `${Math.round(c.sharePercent)} %`,
              c.state,
              c.addresses.join(','),
              c.reason,
            ]),
          ),
        ];
  const source =
    result.policy !== undefined
      ? `trafficpolicy ${result.namespace ?? ''}/${result.policy}`
      : result.zone !== undefined
        ? `zone ${result.namespace ?? ''}/${result.zone}`
        : 'nothing here';
  const scope =
    result.scopePrefixLength > 0
      ? `the same for the whole /${result.scopePrefixLength} (ECS scope)`
      : 'does not depend on the client (ECS scope 0)';
  return [
    asked,
    ...answer.map((line) => `  ${line}`),
    ...candidates,
    '',
    `why (answered by ${source})`,
    ...result.explanation.map((line) => `  ${line}`),
    `how long  ${result.stableForMs > 0 ? `cannot change for ${millisecondsText(result.stableForMs)}` : 'may change at any moment'}; ${scope}; content ${result.sequence}`,
  ];
}

function endpointOf(result: ResolveResult, data: string): string {
  const owner = result.candidates.find((c) => c.addresses.includes(data));
  return owner === undefined ? '' : `  (${owner.endpoint})`;
}
