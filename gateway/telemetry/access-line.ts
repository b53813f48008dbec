import type { Principal } from '../auth/contract.ts';
import { fieldOf } from '../request.ts';
import type { ExchangeRecord } from './contract.ts';

/*
 * What a line never has: the query string, whole or in part (any parameter may be a credential, and nobody knows all names), the query of
 * a Referer, and the values of any other header field than Referer and User-Agent.
 */

/**
 * One line of the access log, with its line feed.
 * @param nowMs wall clock, for a request that could not be parsed and so has no time of its own
 */
export type AccessLine = (record: ExchangeRecord, nowMs: number) => string;

/** Longer values of what a client writes are cut: a line stays below 10 kB. */
const MAX_TEXT = 256;
const MAX_PATH = 4096;

/** JSON without spaces; fields without a value are left out. Times in milliseconds; `time` is the start, UTC. */
export const jsonAccessLine: AccessLine = (record, nowMs) => {
  const { request, principal } = record;
  let line = `{"time":"${isoTime(request?.wallMs ?? nowMs)}"`;
  if (request !== undefined) {
    line += `,"requestId":${quoted(request.id)},"client":${clients.of(request.source.address)},"method":${methods.of(request.method)},"scheme":"${request.scheme}","host":${hosts.of(request.host)},"path":${quoted(cut(request.path, MAX_PATH))},"protocol":"HTTP/${request.httpVersion}"`;
    if (request.tls !== undefined) line += `,"tls":${quoted(request.tls.protocol)}`;
  }
  line += `,"status":${record.status}`;
  if (record.code !== '') line += `,"code":${quoted(record.code)}`;
  if (record.limit !== undefined && record.limit !== '') line += `,"limit":${quoted(record.limit)}`;
  line += `,"received":${record.received},"sent":${record.sent},"durationMs":${millis(record.endMs - record.startMs)}`;
  if (record.authorisedMs > 0 && principal !== undefined)
    line += `,"authMs":${millis(record.authorisedMs - record.startMs)}`;
  if (record.firstByteMs > 0)
    line += `,"backendMs":${millis(record.firstByteMs - (record.authorisedMs || record.startMs))}`;
  line += `,"listener":${listeners.of(record.listener)}`;
  if (record.rule !== '') line += `,"route":${routes.of(record.route)},"rule":${rules.of(record.rule)}`;
  if (principal !== undefined && principal.method !== 'none') line += callerPart(principal);
  if (record.backend !== '')
    line += `,"backend":${backends.of(record.backend)},"endpoint":${endpoints.of(record.endpoint)}`;
  if (record.retries > 0) line += `,"retries":${record.retries}`;
  if (record.traceId !== '') line += `,"traceId":${quoted(record.traceId)},"spanId":"${record.spanId}"`;
  if (request !== undefined) {
    const agent = fieldOf(request.fields, 'user-agent');
    if (agent !== undefined) line += `,"userAgent":${agents.of(cut(agent, MAX_TEXT))}`;
    const referer = fieldOf(request.fields, 'referer');
    if (referer !== undefined) line += `,"referer":${quoted(bareReferer(referer))}`;
  }
  return `${line}}\n`;
};

let caller: Principal | undefined;
let callerText = '';

function callerPart(principal: Principal): string {
  if (principal === caller) return callerText;
  let part = `,"principal":${quoted(cut(principal.name, MAX_TEXT))},"principalClass":${quoted(principal.method)}`;
  if (principal.keyId !== undefined) part += `,"keyId":${quoted(principal.keyId)}`;
  if (principal.plan !== undefined) part += `,"plan":${quoted(principal.plan)}`;
  caller = principal;
  callerText = part;
  return part;
}

/**
 * Combined Log Format (Common with Referer and User-Agent), and after it
 * `requestId durationMs "route" keyId code traceId`, each `-` when there is none.
 */
export const commonAccessLine: AccessLine = (record, nowMs) => {
  const { request, principal } = record;
  const who = principal === undefined || principal.method === 'none' ? '-' : word(principal.name);
  const asked =
    request === undefined
      ? '-'
      : `${bare(request.method)} ${bare(cut(request.path, MAX_PATH))} HTTP/${request.httpVersion}`;
  const referer = request === undefined ? undefined : fieldOf(request.fields, 'referer');
  const agent = request === undefined ? undefined : fieldOf(request.fields, 'user-agent');
  return (
    `${request?.source.address ?? '-'} - ${who} [${commonTime(request?.wallMs ?? nowMs)}] "${asked}" ${record.status} ${record.sent}` +
    ` "${referer === undefined ? '-' : bare(bareReferer(referer))}" "${agent === undefined ? '-' : bare(cut(agent, MAX_TEXT))}"` +
    ` ${word(request?.id ?? '')} ${millis(record.endMs - record.startMs)} "${record.route === '' ? '-' : bare(record.route)}"` +
    ` ${word(principal?.keyId ?? '')} ${word(record.code)} ${word(record.traceId)}\n`
  );
};

// Everything else than what JSON and quoted strings need escaped: most values have none of it.
const PLAIN = /^[ !#-[\]-~]*$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not reach a log
const HARMFUL = /[\u0000-\u001f"\\\u007f-\uffff]/g;

function quoted(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text);
}

/** What one request after the other has alike is quoted once. */
class LastQuoted {
  #text = '';
  #quoted = '""';

  of(text: string): string {
    if (text !== this.#text) {
      this.#text = text;
      this.#quoted = quoted(text);
    }
    return this.#quoted;
  }
}

const clients = new LastQuoted();
const methods = new LastQuoted();
const hosts = new LastQuoted();
const listeners = new LastQuoted();
const routes = new LastQuoted();
const rules = new LastQuoted();
const backends = new LastQuoted();
const endpoints = new LastQuoted();
const agents = new LastQuoted();

/** As Apache and nginx escape it: nothing can end a line or a quoted part. */
function bare(text: string): string {
  return PLAIN.test(text) ? text : text.replace(HARMFUL, escaped);
}

function escaped(char: string): string {
  const code = char.charCodeAt(0);
  return code < 256 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
}

/** Without spaces, so that columns stay columns. */
function word(text: string): string {
  return text === '' ? '-' : bare(cut(text, MAX_TEXT)).replaceAll(' ', '\\x20');
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : text.slice(0, length);
}

function bareReferer(referer: string): string {
  const end = referer.search(/[?#]/);
  // Credentials of the authority (`https://user:password@…`) go with it.
  return cut(end < 0 ? referer : referer.slice(0, end), MAX_TEXT).replace(/\/\/[^/@]*@/, '//');
}

const FRACTIONS = Array.from({ length: 1000 }, (_, micros) =>
  micros === 0 ? '' : `.${String(micros).padStart(3, '0').replace(/0+$/, '')}`,
);

/** Three decimals are microseconds: enough, and short. From a table, since numbers with decimals are slow to write. */
function millis(ms: number): string {
  const micros = ms > 0 ? Math.round(ms * 1000) : 0;
  const whole = Math.floor(micros / 1000);
  return `${whole}${FRACTIONS[micros - whole * 1000]}`;
}

let isoSecond = -1;
let isoPrefix = '';

function isoTime(wallMs: number): string {
  const second = Math.floor(wallMs / 1000);
  if (second !== isoSecond) {
    isoSecond = second;
    isoPrefix = new Date(second * 1000).toISOString().slice(0, 20);
  }
  const rest = Math.floor(wallMs - second * 1000);
  return `${isoPrefix}${rest < 10 ? '00' : rest < 100 ? '0' : ''}${rest}Z`;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
let commonSecond = -1;
let commonText = '';

function commonTime(wallMs: number): string {
  const second = Math.floor(wallMs / 1000);
  if (second !== commonSecond) {
    commonSecond = second;
    const iso = new Date(second * 1000).toISOString();
    commonText = `${iso.slice(8, 10)}/${MONTHS[Number(iso.slice(5, 7)) - 1] ?? ''}/${iso.slice(0, 4)}:${iso.slice(11, 19)} +0000`;
  }
  return commonText;
}
