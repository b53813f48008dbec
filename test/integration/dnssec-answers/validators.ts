import { execFile, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parseName } from '../../../src/dns/name.ts';
import { formatRdata } from '../../../src/dns/records/catalogue.ts';
import { CLASS, parseType, rcodeName, TYPE, typeName } from '../../../src/dns/types.ts';
import { decodeMessage, encodeMessage, makeQuery } from '../../../src/dns/wire/message.ts';
import { freePort } from '../../support/free-port.ts';
import { watchServer } from '../../support/server-process.ts';
import { until } from '../../support/until.ts';
import { exchangeAll } from '../dns-differential/exchange.ts';

const run = promisify(execFile);

/** What a validating resolver made of a query. */
export interface Validated {
  readonly rcode: string;
  /** AD: every record was validated up to the trust anchor. */
  readonly authentic: boolean;
  /** `TYPE data`, without signatures, sorted. */
  readonly answer: readonly string[];
}

export interface Resolver {
  ask(name: string, type?: string): Promise<Validated>;
  stop(): Promise<void>;
}

export interface Stub {
  readonly zone: string;
  /** Ports of 127.0.0.1 its name servers are on. */
  readonly ports: readonly number[];
}

const START_MS = 30_000;

/** unbound, which validates from the anchor and asks these servers. `more` are lines of its `server:` clause. */
export async function startUnbound(
  program: string,
  folder: string,
  anchor: string,
  stubs: readonly Stub[],
  more: readonly string[] = [],
): Promise<Resolver> {
  mkdirSync(folder, { recursive: true });
  const port = await freePort();
  const anchorFile = join(folder, 'anchor');
  writeFileSync(anchorFile, `${anchor}\n`);
  const config = [
    'server:',
    `  directory: "${folder}"`,
    '  chroot: ""',
    '  username: ""',
    '  pidfile: ""',
    '  use-syslog: no',
    '  logfile: ""',
    '  verbosity: 1',
    '  val-log-level: 2',
    '  num-threads: 1',
    '  interface: 127.0.0.1',
    `  port: ${port}`,
    '  do-ip6: no',
    '  do-not-query-localhost: no',
    '  module-config: "validator iterator"',
    '  target-fetch-policy: "0 0 0 0 0"',
    '  local-zone: "test." nodefault',
    `  trust-anchor-file: "${anchorFile}"`,
    ...more.map((line) => `  ${line}`),
    'remote-control:',
    '  control-enable: no',
    ...stubs.flatMap(({ zone, ports }) => [
      'stub-zone:',
      `  name: "${zone}"`,
      ...ports.map((one) => `  stub-addr: 127.0.0.1@${one}`),
    ]),
  ];
  const path = join(folder, 'unbound.conf');
  writeFileSync(path, `${config.join('\n')}\n`);
  const child = spawn(program, ['-d', '-c', path], { stdio: ['ignore', 'ignore', 'pipe'] });
  const server = watchServer('unbound', port, child);
  const ask = async (name: string, type = 'A'): Promise<Validated> => {
    const message = makeQuery(
      0,
      { name: parseName(name), type: parseType(type) ?? 0, class: CLASS.IN },
      { recursionDesired: true },
    );
    const edns = { udpSize: 1232, version: 0, dnssecOk: true, options: [] };
    const [reply] = await exchangeAll(port, [
      { transport: 'tcp', bytes: encodeMessage({ ...message, edns }) },
    ]);
    if (reply === undefined) throw new Error(`unbound does not answer; it said:\n${server.said()}`);
    const { rcode, flags, answers } = decodeMessage(reply);
    return {
      rcode: rcodeName(rcode),
      authentic: flags.authenticData,
      answer: answers
        .filter((record) => record.type !== TYPE.RRSIG)
        .map((record) => `${typeName(record.type)} ${formatRdata(record.rdata)}`)
        .sort(),
    };
  };
  try {
    await until(
      'unbound answers',
      async () => {
        if (child.exitCode !== null) throw new Error('it ended');
        return (await ask('unbound.invalid')).rcode !== '';
      },
      START_MS,
    );
  } catch (error) {
    await server.stop();
    throw new Error(`unbound does not start; it said:\n${server.said()}`, { cause: error });
  }
  return { ask, stop: server.stop };
}

/** What delv says of one query to a server: its comments and records as text. */
export async function askDelv(
  program: string,
  folder: string,
  anchor: { readonly zone: string; readonly dnskey: string },
  port: number,
  name: string,
  type = 'A',
): Promise<string> {
  mkdirSync(folder, { recursive: true });
  const [flags, protocol, algorithm, key] = anchor.dnskey.split(' DNSKEY ')[1]?.split(' ') ?? [];
  const file = join(folder, 'anchors.conf');
  writeFileSync(
    file,
    `trust-anchors { ${anchor.zone} static-key ${flags} ${protocol} ${algorithm} "${key}"; };\n`,
  );
  const query = ['@127.0.0.1', '-p', String(port), '-a', file, `+root=${anchor.zone}`, name, type];
  const { stdout, stderr } = await run(program, query, { timeout: 20_000 });
  return stdout + stderr;
}

/**
 * The report of dnsviz about these names: a line each for what it found, with `[.]` where all is well.
 * @param port of the zone's only server
 */
export async function analyseWithDnsviz(
  program: string,
  folder: string,
  zone: string,
  anchor: string,
  port: number,
  names: readonly string[],
): Promise<string> {
  mkdirSync(folder, { recursive: true });
  const anchorFile = join(folder, 'dnsviz-anchor');
  const found = join(folder, 'dnsviz.json');
  writeFileSync(anchorFile, `${anchor}\n`);
  const options = { timeout: 60_000 };
  const server = `${zone}+:ns1.${zone}=127.0.0.1:${port}`;
  await run(program, ['probe', '-4', '-A', '-x', server, '-R', 'A,TXT,MX', '-o', found, ...names], options);
  const { stdout } = await run(program, ['print', '-t', anchorFile, '-r', found], options);
  return stdout;
}
