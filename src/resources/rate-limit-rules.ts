import type { FieldViolation } from '../errors/error.ts';
import {
  CALENDAR_UNITS,
  type LimitSpec,
  limitRulesOf,
  type RateLimitPolicySpec,
  type RateSpec,
} from './rate-limit-policy.ts';
import { durationMs } from './route-fields.ts';

const SECOND_MS = 1000;
const DAY_MS = 86_400_000;
/** Nobody waits longer for a decision that decides whether they wait at all. */
const LONGEST_WAIT_MS = 5000;
const LONGEST_WINDOW_MS = 366 * DAY_MS;

/** What a RateLimitPolicy must satisfy beyond its shape, as far as the document alone can tell. Paths start at `spec`. */
export function rateLimitViolations(spec: RateLimitPolicySpec): readonly FieldViolation[] {
  const { path, rules } = limitRulesOf(spec);
  return Object.entries(rules.limits).flatMap(([name, limit]) =>
    limitViolations(limit, `${path}.limits.${name}`, spec.domain !== undefined),
  );
}

function limitViolations(limit: LimitSpec, at: string, ofDomain: boolean): readonly FieldViolation[] {
  const plans = Object.entries(limit.plans);
  const lists: readonly (readonly [path: string, rates: readonly RateSpec[]])[] = [
    [`${at}.rates`, limit.rates],
    ...plans.map(([plan, { rates }]) => [`${at}.plans.${plan}.rates`, rates] as const),
  ];
  const bursts: readonly (readonly [path: string, burst: number | undefined, rates: number])[] = [
    [`${at}.burst`, limit.burst, limit.rates.length],
    ...plans.map(([plan, { burst, rates }]) => [`${at}.plans.${plan}.burst`, burst, rates.length] as const),
  ];
  return [
    ...(limit.rates.length === 0 && plans.length === 0
      ? [violation(`${at}.rates`, 'has no rate', 'Add `rates: [{limit: 100, window: 1m}]`, or `plans`.')]
      : []),
    ...lists.flatMap(([path, rates]) => [
      ...rates.flatMap((rate, i) => windowViolations(rate, limit.algorithm, `${path}[${i}].window`)),
      ...twice(rates, path),
    ]),
    ...bursts.flatMap(([path, burst, rates]) => burstViolations(path, burst, rates, limit)),
    ...timeZoneViolations(limit, at, lists),
    ...lossViolations(limit, at),
    ...(durationMs(limit.wait) > LONGEST_WAIT_MS
      ? [
          violation(
            `${at}.wait`,
            `is ${limit.wait}, longer than 5s`,
            'Write at most 5s; clients give up when they wait longer.',
          ),
        ]
      : []),
    ...(ofDomain && plans.length > 0
      ? [
          violation(
            `${at}.plans`,
            'cannot be used with `domain`: other proxies do not say a plan',
            "Write a limit for each plan with a condition, such as when: [\"descriptors[0]['plan'] == 'gold'\"].",
          ),
        ]
      : []),
    ...(ofDomain && limit.cost?.response !== undefined
      ? [
          violation(
            `${at}.cost.response`,
            'cannot be used with `domain`: other proxies ask before there is an answer',
            'Remove it; who asks can charge what an answer cost afterwards: `"charge": true` of POST /v1/quota/take, or an entry `portolan.charge` of a descriptor that Envoy sends when the stream is done.',
          ),
        ]
      : []),
  ];
}

function isCalendar(window: string): boolean {
  return CALENDAR_UNITS.some((unit) => unit === window);
}

function windowViolations(
  { window }: RateSpec,
  algorithm: LimitSpec['algorithm'],
  path: string,
): readonly FieldViolation[] {
  if (isCalendar(window)) {
    return algorithm === 'fixed-window'
      ? []
      : [
          violation(
            path,
            `is the calendar window "${window}", which algorithm ${algorithm} does not have`,
            'Write a length such as 24h, or use algorithm fixed-window.',
          ),
        ];
  }
  const ms = durationMs(window);
  if (ms < SECOND_MS) {
    return [
      violation(
        path,
        `is ${window}, below 1s: clusters hear from the hub a few times a second, so a shorter window would be over before its hits were shared out`,
        'Write at least 1s with a limit to match: 10 in 100ms is 100 in 1s; token-bucket with a small burst keeps it even.',
      ),
    ];
  }
  if (algorithm === 'sliding-window' && ms > DAY_MS) {
    return [
      violation(
        path,
        `is ${window}, longer than 24h: every spent hit of a sliding window is remembered until the window has passed over it`,
        'Write at most 24h, or use fixed-window or token-bucket.',
      ),
    ];
  }
  if (ms > LONGEST_WINDOW_MS) {
    return [violation(path, `is ${window}, longer than 366 days`, 'Use `year` or `eternity`.')];
  }
  return [];
}

function twice(rates: readonly RateSpec[], path: string): readonly FieldViolation[] {
  const seen = new Set<string>();
  return rates.flatMap(({ window }, i) => {
    const key = isCalendar(window) ? window : String(durationMs(window));
    if (!seen.has(key)) {
      seen.add(key);
      return [];
    }
    return [
      violation(
        `${path}[${i}].window`,
        `${window} stands here twice`,
        'Keep the rate with the smaller limit.',
      ),
    ];
  });
}

function burstViolations(
  path: string,
  burst: number | undefined,
  rates: number,
  { algorithm }: LimitSpec,
): readonly FieldViolation[] {
  if (burst === undefined) return [];
  if (algorithm !== 'token-bucket') {
    return [
      violation(
        path,
        `has no meaning with algorithm ${algorithm}`,
        'Remove it, or write `algorithm: token-bucket`.',
      ),
    ];
  }
  return rates > 1
    ? [violation(path, 'stands beside several rates', 'Keep one rate, or write a limit for each.')]
    : [];
}

function timeZoneViolations(
  { timeZone }: LimitSpec,
  at: string,
  lists: readonly (readonly [path: string, rates: readonly RateSpec[]])[],
): readonly FieldViolation[] {
  if (timeZone === 'UTC') return [];
  const path = `${at}.timeZone`;
  if (!isTimeZone(timeZone)) {
    return [
      violation(path, `"${timeZone}" is no time zone`, 'Write an IANA name such as Europe/Berlin, or UTC.'),
    ];
  }
  return lists.some(([, rates]) => rates.some(({ window }) => isCalendar(window) && window !== 'eternity'))
    ? []
    : [
        violation(
          path,
          'has no meaning without a window of day, week, month or year',
          'Remove it, or use such a window.',
        ),
      ];
}

function isTimeZone(name: string): boolean {
  // Offsets such as +01:00 are no zones: they know no summer time.
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

function lossViolations({ floor, onHubLoss }: LimitSpec, at: string): readonly FieldViolation[] {
  return floor === undefined || onHubLoss === 'floor'
    ? []
    : [
        violation(
          `${at}.floor`,
          `has no meaning with onHubLoss ${onHubLoss}`,
          'Remove it, or write `onHubLoss: floor`.',
        ),
      ];
}

function violation(path: string, message: string, fix: string): FieldViolation {
  return { path, code: 'VALIDATION_FAILED', message, fix };
}
