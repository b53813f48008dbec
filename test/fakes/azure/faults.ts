import { ArmError } from './arm.ts';

/** What goes wrong on purpose. Acts on requests that begin afterwards. */
export interface AzureFaults {
  /** Milliseconds that every answer comes late. */
  latencyMs: number;
  /** Share of requests that are answered with 429, spread evenly. */
  throttleShare: number;
  /** So many of the next changes are applied and then answered with 500. */
  answersToLose: number;
  /** Actions that the principal may not do: `RecordSets_Delete`. */
  readonly denied: Set<string>;
  /** Counts creates, updates and deletes (200 a minute and zone each) and lists (60), and refuses what is more. */
  enforceLimits: boolean;
}

export interface Gate {
  readonly faults: AzureFaults;
  /** Before a request is looked at. @throws ArmError 429 */
  enter(): void;
  /** @throws ArmError 429 when the zone had as many of this kind within a minute as it may */
  count(zone: string, kind: 'create' | 'update' | 'delete' | 'list'): void;
}

const PER_MINUTE = { create: 200, update: 200, delete: 200, list: 60 } as const;
const MINUTE_MS = 60_000;
const RETRY_AFTER_SECONDS = 1;

export function createGate(nowMs: () => number): Gate {
  const faults: AzureFaults = {
    latencyMs: 0,
    throttleShare: 0,
    answersToLose: 0,
    denied: new Set(),
    enforceLimits: false,
  };
  const recent = new Map<string, number[]>();
  let owed = 0;
  return {
    faults,
    enter() {
      owed += faults.throttleShare;
      if (owed < 1) return;
      owed -= 1;
      throw tooMany('Number of requests for this subscription exceeded the limit.');
    },
    count(zone, kind) {
      const now = nowMs();
      const seen = (recent.get(`${zone} ${kind}`) ?? []).filter((at) => at > now - MINUTE_MS);
      if (faults.enforceLimits && seen.length >= PER_MINUTE[kind]) {
        throw tooMany(`More than ${PER_MINUTE[kind]} ${kind} operations in a minute for the zone.`);
      }
      recent.set(`${zone} ${kind}`, [...seen, now]);
    },
  };
}

function tooMany(message: string): ArmError {
  return new ArmError(429, 'TooManyRequests', message, { 'Retry-After': String(RETRY_AFTER_SECONDS) });
}
