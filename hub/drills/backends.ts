import { request } from 'node:http';

/** Where one endpoint's request counters are read: Prometheus text over plain HTTP. */
export interface MetricsSource {
  readonly endpoint: string;
  readonly address: string;
  readonly port: number;
  readonly path: string;
  readonly requests: string;
  readonly errors: string;
}

const MAX_BYTES = 1_048_576;

/** Reads both counters; `undefined` when the endpoint does not answer within `timeoutMs` or has no such metric. */
export function readCounters(
  source: MetricsSource,
  timeoutMs: number,
): Promise<{ readonly requests: number; readonly errors: number } | undefined> {
  return new Promise((resolve) => {
    const sent = request(
      {
        host: source.address,
        port: source.port,
        path: source.path,
        method: 'GET',
        agent: false,
        timeout: timeoutMs,
        headers: { accept: 'text/plain' },
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
          if (text.length > MAX_BYTES) sent.destroy();
        });
        response.on('error', () => resolve(undefined));
        response.on('close', () => resolve(undefined));
        response.on('end', () => {
          const requests = response.statusCode === 200 ? sumOf(text, source.requests) : undefined;
          resolve(requests === undefined ? undefined : { requests, errors: sumOf(text, source.errors) ?? 0 });
        });
      },
    );
    const deadline = setTimeout(() => sent.destroy(), timeoutMs);
    sent.on('close', () => clearTimeout(deadline));
    sent.on('error', () => resolve(undefined));
    sent.end();
  });
}

/** Sum over all label sets of one metric in Prometheus text format; `undefined` when it does not occur. */
export function sumOf(text: string, metric: string): number | undefined {
  let sum: number | undefined;
  for (const line of text.split('\n')) {
    if (!line.startsWith(metric)) continue;
    const rest = line.slice(metric.length);
    if (!rest.startsWith(' ') && !rest.startsWith('{')) continue;
    const value = Number(
      rest
        .slice(rest.startsWith('{') ? rest.lastIndexOf('}') + 1 : 0)
        .trim()
        .split(/\s+/)[0],
    );
    if (Number.isFinite(value)) sum = (sum ?? 0) + value;
  }
  return sum;
}
