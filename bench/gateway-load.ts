import { execFile } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { promisify } from 'node:util';
import { percentile } from './figure.ts';

const run = promisify(execFile);

/** What one run of a load saw. */
export interface LoadResult {
  /** Answers a second. */
  readonly rate: number;
  readonly requests: number;
  /** Answers that were no 2xx or 3xx, and connections that failed. */
  readonly failures: number;
}

export interface LoadOptions {
  /** Path of wrk, and of h2load where `pacedP99` is used. */
  readonly program: string;
  readonly core: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly connections: number;
  readonly seconds: number;
  /** Each request on a connection of its own. */
  readonly newConnections?: boolean;
}

/** As fast as the server answers, by wrk. */
export async function fullLoad(options: LoadOptions): Promise<LoadResult> {
  const headers = { ...options.headers, ...(options.newConnections ? { connection: 'close' } : {}) };
  const { stdout } = await run('taskset', [
    '-c',
    options.core,
    options.program,
    ...['-t', '1', '-c', String(options.connections), '-d', `${options.seconds}s`],
    ...Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]),
    options.url,
  ]);
  const rate = Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]);
  const requests = Number(/(\d+) requests in/.exec(stdout)?.[1]);
  if (!(rate > 0)) throw new Error(`wrk says no rate: ${stdout.slice(-500)}`);
  const refused = Number(/Non-2xx or 3xx responses: (\d+)/.exec(stdout)?.[1] ?? 0);
  const errors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(stdout);
  const broken = [1, 3, 4].reduce((sum, at) => sum + Number(errors?.[at] ?? 0), 0);
  // A read error is how wrk counts the end of a connection that was to end.
  const cut = options.newConnections ? 0 : Number(errors?.[2] ?? 0);
  return { rate, requests, failures: refused + broken + cut };
}

/** Requests in flight on each connection of HTTP/2. */
const STREAMS = 10;

/** As fast as the server answers over HTTP/2 without TLS (prior knowledge), by h2load. */
export async function fullHttp2Load(options: LoadOptions): Promise<LoadResult> {
  const { stdout } = await run('taskset', [
    ...['-c', options.core, options.program],
    ...['-t', '1', '-c', String(options.connections), '-m', String(STREAMS), '-D', String(options.seconds)],
    ...Object.entries(options.headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]),
    options.url,
  ]);
  const rate = Number(/finished in [^,]+, ([\d.]+) req\/s/.exec(stdout)?.[1]);
  const codes = /status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx/.exec(stdout);
  if (!(rate > 0) || codes === null) throw new Error(`h2load says no rate: ${stdout.slice(-500)}`);
  const [, good = 0, moved = 0, refused = 0, broken = 0] = codes.map(Number);
  const failed = Number(/(\d+) failed, (\d+) errored/.exec(stdout)?.[1] ?? 0);
  return { rate, requests: good + moved, failures: refused + broken + failed };
}

/** Latencies in microseconds at a given rate over HTTP/1.1, by h2load, which writes each one down. */
export async function pacedLatencies(
  options: LoadOptions & { readonly rate: number; readonly logFile: string },
): Promise<{ readonly p50: number; readonly p99: number; readonly failures: number }> {
  await run(
    'taskset',
    [
      '-c',
      options.core,
      options.program,
      ...['--h1', '-t', '1', '-c', String(options.connections), '-m', '1'],
      ...['-D', String(options.seconds), '--rps', String(options.rate / options.connections)],
      ...['--log-file', options.logFile],
      ...Object.entries(options.headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]),
      options.url,
    ],
    { maxBuffer: 1 << 26 },
  );
  const lines = (await readFile(options.logFile, 'utf8')).trim().split('\n');
  await rm(options.logFile);
  const latencies: number[] = [];
  let failures = 0;
  for (const line of lines) {
    const [, status, micros] = line.split('\t');
    if (status === '200') latencies.push(Number(micros));
    else failures += 1;
  }
  return { p50: percentile(latencies, 50), p99: percentile(latencies, 99), failures };
}
