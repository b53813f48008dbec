import type { Exchange } from './exchange.ts';
import { sessionField } from './filters/session.ts';
import type { Fields } from './request.ts';

const NONE: readonly never[] = [];
const LIMIT_NAMES = /^(?:x-)?ratelimit(?:-|$)/;

function withLimits(fields: readonly string[], limits: Fields): string[] {
  const out: string[] = [];
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const name = fields[at] ?? '';
    if (!LIMIT_NAMES.test(name)) out.push(name, fields[at + 1] ?? '');
  }
  for (const text of limits) out.push(text);
  return out;
}

/**
 * Fields of an answer after everything that changes them: the edge's headers, filters of the rule and of the backend, CORS, the
 * session. @param endpoint that answered; undefined for answers of the gateway itself
 */
export function answerFields(exchange: Exchange, fields: Fields, endpoint: string | undefined): string[] {
  const { served, port, targetFilters, request } = exchange;
  const { answerGone, answerPut } = served?.edge ?? port.edge;
  let out: string[] = [];
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const name = fields[at] ?? '';
    if (!answerGone.has(name)) out.push(name, fields[at + 1] ?? '');
  }
  for (const text of answerPut) out.push(text);
  if (served === undefined || request === undefined) return out;
  if (endpoint !== undefined) {
    for (const edit of targetFilters?.response ?? NONE) out = edit.apply(out);
    for (const edit of served.filters.response) out = edit.apply(out);
    const { sessionPersistence } = served.rule;
    if (sessionPersistence !== undefined && exchange.choice !== undefined) {
      const value = exchange.serving.upstreams.sessionValue(sessionPersistence, exchange.choice, endpoint);
      if (value !== exchange.session) {
        out.push(...sessionField(sessionPersistence, value, request.scheme === 'https'));
      }
    }
  }
  // A backend's own limits of the same names would be mistaken for these.
  if (exchange.limitFields.length > 0) out = withLimits(out, exchange.limitFields);
  const cors = targetFilters?.cors ?? served.filters.cors;
  const origin = cors === undefined ? undefined : exchange.normal?.origin;
  if (cors !== undefined && origin !== undefined && !exchange.preflight) {
    const added = cors.answer(origin);
    // The filter decides alone: two answers to one question make browsers refuse both.
    out = out.filter((_, at) => !(out[at - (at % 2)] ?? '').startsWith('access-control-'));
    for (const text of added) out.push(text);
  }
  return out;
}
