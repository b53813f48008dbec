import { CALENDAR_UNITS } from '../../resources/rate-limit-policy.ts';
import { durationMs } from '../../resources/route-fields.ts';
import { type Attributes, translateCel } from './attributes.ts';
import { compact } from './documents.ts';
import type { Field } from './ledger.ts';
import { Patterns, tellTranslated } from './patterns.ts';
import { blocksOf, placed, targetRefsOf } from './target.ts';

/**
 * `kuadrant.io/v1` RateLimitPolicy, or `kuadrant.io/v1alpha1` TokenRateLimitPolicy, whose hits are the tokens that answers name. Limitador counts in fixed windows,
 * as ours do by default.
 * @returns `spec` of ours; undefined: nothing of it can be had
 */
export function rateLimitSpec(
  spec: Field,
  counts: 'requests' | 'tokens',
  attributes: Attributes,
): Readonly<Record<string, unknown>> | undefined {
  const targetRefs = targetRefsOf(spec);
  const [block, second] = blocksOf(spec, ['limits', 'when']);
  if (targetRefs === undefined || block === undefined) return undefined;
  second?.field.tell('unsupported', 'a policy has only one of limits, defaults and overrides');
  const { as, field } = block;
  const limits: Record<string, unknown> = {};
  const wide =
    field.get('when') === undefined ? [] : new Patterns(undefined, attributes).list(field.get('when'));
  for (const [name, limit] of field.get('limits')?.entries() ?? []) {
    const made = limitOf(limit, counts, attributes);
    // Without its condition it would hold for requests that it was not meant for.
    if (made !== undefined && wide !== undefined) limits[freeName(name, limits)] = made;
    else if (wide === undefined) limit.leaveOut('the condition of the whole policy cannot be said here');
  }
  return { targetRefs, ...placed(as, field, { ...compact({ when: wide }), limits }) };
}

function limitOf(
  limit: Field,
  counts: 'requests' | 'tokens',
  attributes: Attributes,
): Readonly<Record<string, unknown>> | undefined {
  const conditions = limit.get('when') === undefined ? [] : conditionsOf(limit.get('when'), attributes);
  const rates = (limit.get('rates')?.items() ?? []).map(rateOf);
  const counters = (limit.get('counters')?.items() ?? []).map((counter) => counterOf(counter, attributes));
  if (
    conditions === undefined ||
    rates.includes(undefined) ||
    counters.includes(undefined) ||
    rates.length === 0
  ) {
    limit.leaveOut('the limit is left out: without all of its parts it would be another one');
    return undefined;
  }
  return compact({
    rates,
    when: conditions,
    counters,
    ...(counts === 'tokens' ? { cost: { response: { json: 'usage.total_tokens' } } } : {}),
  });
}

function conditionsOf(list: Field | undefined, attributes: Attributes): readonly string[] | undefined {
  const texts = (list?.items() ?? []).map((item) => {
    const translation = translateCel(item.text('predicate') ?? '', 'condition', attributes);
    if ('unsupported' in translation) {
      item.tell('unsupported', translation.unsupported);
      return undefined;
    }
    tellTranslated(item, translation.differences);
    return translation.text;
  });
  return texts.some((text) => text === undefined) ? undefined : texts.flatMap((text) => text ?? []);
}

function rateOf(rate: Field): Readonly<Record<string, unknown>> | undefined {
  const limit = rate.get('limit')?.value;
  const window = rate.text('window');
  if (typeof limit !== 'number' || window === undefined) return undefined;
  const ours = windowOf(window);
  if (ours === undefined) {
    rate.tell('unsupported', `${window} is no length of a window here: at least 1s`);
    return undefined;
  }
  rate.exact('limit', 'window');
  return { limit, window: ours };
}

/** Theirs may also be days (`1d`), which Gateway API durations have not. */
function windowOf(window: string): string | undefined {
  const days = /^(\d{1,3})d$/.exec(window)?.[1];
  if (days !== undefined) return Number(days) > 0 ? `${Number(days) * 24}h` : undefined;
  if ((CALENDAR_UNITS as readonly string[]).includes(window)) return undefined;
  return durationMs(window) >= 1000 ? window : undefined;
}

function counterOf(counter: Field, attributes: Attributes): string | undefined {
  const text = counter.text('expression');
  const translation = translateCel(text ?? '', 'text', attributes);
  if (text === undefined || 'unsupported' in translation) {
    counter.tell(
      'unsupported',
      'unsupported' in translation ? translation.unsupported : 'it has no expression',
    );
    return undefined;
  }
  tellTranslated(counter, translation.differences);
  return translation.text;
}

/** Two names of theirs may be one of ours: none takes the place of the other. */
export function freeName(name: string, taken: Readonly<Record<string, unknown>>): string {
  const plain = ourName(name);
  let free = plain;
  for (let n = 2; free in taken; n += 1) free = `${plain.slice(0, 59)}-${n}`;
  return free;
}

/** Ours are up to 63 letters, digits, "-" and "_". */
export function ourName(name: string): string {
  const text = name
    .replaceAll(/[^a-zA-Z0-9_-]/g, '-')
    .replaceAll(/^[^a-zA-Z0-9]+|[^a-zA-Z0-9]+$/g, '')
    .slice(0, 63);
  return text === '' ? 'rule' : text;
}
