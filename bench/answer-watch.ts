import { askNameServer } from '../nameserver/ask.ts';
import type { DomainName } from '../src/dns/name.ts';
import { RCODE, TYPE } from '../src/dns/types.ts';

export interface NameServerAddress {
  readonly name: string;
  readonly host: string;
  readonly port: number;
}

/** Asks every name server for one name at a steady pace, like a crowd of resolvers whose caches run out. */
export interface AnswerWatch {
  /** Resolves to `performance.now()` of the first reply at every server, asked after now, that is `expected` alone. */
  untilEverywhere(expected: string, limitMs: number): Promise<number>;
  /** Replies so far that were neither lost nor one of `right`. */
  wrong(right: readonly string[]): number;
  readonly asked: number;
  /** Queries without an answer: silence, SERVFAIL, REFUSED or an empty answer section. */
  readonly lost: number;
  stop(): Promise<void>;
}

const EVERY_MS = 20;
const TIMEOUT_MS = 1_000;

export function watchAnswers(name: DomainName, servers: readonly NameServerAddress[]): AnswerWatch {
  const seen = new Map<string, number>();
  const underWay = new Set<Promise<void>>();
  const waiting = new Map<string, (answer: string, askedAtMs: number) => void>();
  let asked = 0;
  let lost = 0;

  const ask = (server: NameServerAddress): void => {
    const askedAtMs = performance.now();
    asked += 1;
    const work = askNameServer({ ...server, name, type: TYPE.A, timeoutMs: TIMEOUT_MS })
      .then((reply) => {
        const answer = reply.answers.map((a) => a.data).join(' ');
        if (reply.rcode !== RCODE.NOERROR || answer === '') {
          lost += 1;
          return;
        }
        seen.set(answer, (seen.get(answer) ?? 0) + 1);
        waiting.get(server.name)?.(answer, askedAtMs);
      })
      .catch(() => {
        lost += 1;
      })
      .finally(() => underWay.delete(work));
    underWay.add(work);
  };
  // Servers in turns, not all in one moment.
  const timers = servers.map((server, index) => {
    const timers_: { interval?: NodeJS.Timeout } = {};
    const first = setTimeout(
      () => {
        timers_.interval = setInterval(() => ask(server), EVERY_MS);
      },
      (index * EVERY_MS) / servers.length,
    );
    return () => {
      clearTimeout(first);
      clearInterval(timers_.interval);
    };
  });

  return {
    async untilEverywhere(expected, limitMs) {
      const fromMs = performance.now();
      const arrived = servers.map(
        (server) =>
          new Promise<number>((resolve, reject) => {
            const limit = setTimeout(
              () =>
                reject(
                  new Error(`${server.name} does not answer ${name} with ${expected} after ${limitMs} ms`),
                ),
              limitMs,
            );
            waiting.set(server.name, (answer, askedAtMs) => {
              if (answer !== expected || askedAtMs < fromMs) return;
              clearTimeout(limit);
              waiting.delete(server.name);
              resolve(performance.now());
            });
          }),
      );
      return Math.max(...(await Promise.all(arrived)));
    },
    wrong: (right) =>
      [...seen].reduce((sum, [answer, count]) => sum + (right.includes(answer) ? 0 : count), 0),
    get asked() {
      return asked;
    },
    get lost() {
      return lost;
    },
    async stop() {
      for (const end of timers) end();
      await Promise.all(underWay);
    },
  };
}
