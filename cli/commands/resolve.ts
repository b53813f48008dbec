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
    .option('--from <place>', 'a country (DE), a region (EU), continent:AS, or unknown')
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
      const results = await ask(client, hostname, options, (text) =>
        session.terminal.err(`warning: ${text}\n`),
      );
      if (format === 'json' || format === 'yaml') {
        const [only, ...others] = results;
        session.terminal.out(
          documentText(only !== undefined && others.length === 0 ? only : { items: results }, format),
        );
      } else {
        const [only, ...others] = results;
        printLines(
          session,
          only === undefined || others.length > 0 ? summaryLines(results) : resolveLines(only),
        );
      }
      if (results.some((r) => r.rcode !== 'NOERROR')) session.exitCode = 1;
    });
}

/** One answer, or one for each country of a region. */
async function ask(
  client: Client,
  hostname: string,
  options: ResolveOptions,
  onMissing: (text: string) => void,
): Promise<readonly ResolveResult[]> {
  const type = options.type.toUpperCase();
  if (options.client !== undefined) {
    parseClient(options.client);
    return [await client.resolve({ hostname, type, client: options.client.split('/')[0] ?? '' })];
  }
  if (options.from === undefined) return [await client.resolve({ hostname, type })];
  const places = placesOf(options.from);
  const results: ResolveResult[] = [];
  for (const from of places) {
    try {
      results.push(await client.resolve({ hostname, type, ...(from === undefined ? {} : { from }) }));
    } catch (thrown) {
      // Of a whole region, a country without a known network does not spoil the rest.
      if (places.length === 1 || !(thrown instanceof PortolanError) || thrown.code !== 'USAGE') throw thrown;
      onMissing(`${from ?? ''} is left out: ${thrown.message}`);
    }
  }
  return results;
}

/** Country codes; `undefined` for an unknown place. */
function placesOf(from: string): readonly (string | undefined)[] {
  const origin = parseOrigin(from);
  if (origin.kind === 'region') return origin.countries;
  const { country, subdivision } = origin.location;
  if (subdivision !== undefined) {
    throw new PortolanError('UNSUPPORTED', 'the hub is asked by country or by address, not by subdivision', {
      fix: `Give an address there: --client <address>; or the country: --from ${country ?? ''}.`,
    });
  }
  return [country];
}

/** A line for the countries that are answered alike. */
function summaryLines(results: readonly ResolveResult[]): readonly string[] {
  const groups = new Map<string, string[]>();
  for (const result of results) {
    const shares = result.candidates
      .filter((c) => c.sharePercent > 0)
      .map((c) => `${c.endpoint} ${Math.round(c.sharePercent)} %`);
    const answer = shares.length > 0 ? shares.join(', ') : result.answers.map((a) => a.data).join(', ');
    const text = answer === '' ? result.rcode : answer;
    groups.set(text, [...(groups.get(text) ?? []), result.client.country ?? '?']);
  }
  return table(
    ['ANSWER', 'COUNTRIES'],
    [...groups].map(([answer, countries]) => [answer, countries.sort().join(', ')]),
  );
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
    `how long  ${stableText(result.stableForMs)}; ${scope}; content ${result.sequence}`,
  ];
}

/** Beyond a week it is the hub's way to say that nothing is planned. */
const NOTHING_PLANNED_MS = 7 * 86_400_000;

function stableText(ms: number): string {
  if (ms <= 0) return 'may change at any moment';
  if (ms > NOTHING_PLANNED_MS) return 'as long as health and configuration stay as they are';
  return `at least ${millisecondsText(ms)}, as far as is known now`;
}

function endpointOf(result: ResolveResult, data: string): string {
  const owner = result.candidates.find((c) => c.addresses.includes(data));
  return owner === undefined ? '' : `  (${owner.endpoint})`;
}
