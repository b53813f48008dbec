import { randomInt } from 'node:crypto';
import {
  type TransferLimits,
  type TransferRequest,
  transferChanges,
  transferZone,
} from '../../nameserver/transfer-client.ts';
import { isAtOrBelow, parseName } from '../../src/dns/name.ts';
import { CLASS, RCODE, TYPE } from '../../src/dns/types.ts';
import { type Message, makeQuery, type ResourceRecord } from '../../src/dns/wire/message.ts';
import { PortolanError } from '../../src/errors/error.ts';
import { type RecordSet, type SetChange, sameSet, setKey } from '../../src/plan/record-set.ts';
import {
  type Batch,
  type CheckFinding,
  type Provider,
  ProviderError,
  type ProviderOptions,
  type ProviderZone,
  type ZoneContent,
} from '../contract.ts';
import { isServersOwn } from './capabilities.ts';
import { checkServer } from './check.ts';
import { type Answer, type Correspondent, exchange } from './exchange.ts';
import { type Asked, failureOf, transferFailure } from './failures.ts';
import { keyOfSecret } from './key.ts';
import { recordsOf, setsOf, wireOf } from './records.ts';
import { changesOf, updateMessage } from './update.ts';
import { ZoneCopy } from './zone-copy.ts';

const NO_TOKENS: ReadonlyMap<string, string> = new Map();
/** Servers that sign in the background (BIND's `inline-signing`) show a change a moment after they acknowledged it. */
const APPEAR_MS = 5_000;
const FIRST_LOOK_MS = 20;
const MAX_LOOK_MS = 500;

/**
 * What one reading of a zone may take: whoever writes a DNSProvider names the server, and one that never comes to an end must not fill the
 * hub's memory. A million records are 100 times what a zone at Route 53 may hold; 180 s is what a hub gives a reading.
 */
export const READ_LIMITS: Omit<TransferLimits, 'idleMs'> = {
  records: 1_000_000,
  octets: 256 * 1024 * 1024,
  totalMs: 180_000,
};

/** A name server that is read by AXFR and IXFR and written by UPDATE, all over TCP and signed by one TSIG key. */
export class Rfc2136Provider implements Provider {
  readonly #options: ProviderOptions;
  readonly #to: Correspondent;
  readonly #limits: Omit<TransferLimits, 'idleMs'>;
  readonly #copies = new Map<string, ZoneCopy>();

  /** @throws ProviderError `denied` when the key cannot be used */
  constructor(options: ProviderOptions, limits = READ_LIMITS) {
    const { rfc2136 } = options.spec;
    if (rfc2136 === undefined) throw new ProviderError('unsupported', 'the DNSProvider has no spec.rfc2136');
    this.#options = options;
    this.#limits = limits;
    this.#to = {
      host: rfc2136.server,
      port: rfc2136.port,
      key: keyOfSecret(options.secret),
      timeoutMs: rfc2136.timeoutMs,
      guard: options.guard,
      wallMs: () => options.clock.wallMs(),
    };
  }

  /** DNS has no list of zones: those of the spec that the server is authoritative for. */
  async zones(signal: AbortSignal): Promise<readonly ProviderZone[]> {
    const found: ProviderZone[] = [];
    for (const { origin, private: isPrivate } of this.#options.spec.zones) {
      const zone = await this.zoneAt({ origin: parseName(origin), private: isPrivate }, signal);
      if (zone !== undefined) found.push(zone);
    }
    return found;
  }

  /** `undefined` when the server does not serve the zone. */
  async zoneAt(
    zone: Pick<ProviderZone, 'origin' | 'private'>,
    signal: AbortSignal,
  ): Promise<ProviderZone | undefined> {
    const { origin } = zone;
    const query = makeQuery(randomInt(0x1_0000), { name: origin, type: TYPE.NS, class: CLASS.IN });
    const answer = await this.ask('NS', { ...query, edns: undefined }, signal, () => 'transient');
    const failure = failureOf(answer, this.asked('NS', origin));
    if (failure !== undefined && answer.tsig !== undefined) throw failure;
    const { rcode, flags, answers } = answer.message;
    if (failure !== undefined && rcode === RCODE.NOERROR)
      throw new ProviderError('denied', failure.message, { fix: failure.fix });
    if (rcode !== RCODE.NOERROR || !flags.authoritative) return undefined;
    const nameServers = answers.flatMap(({ name, rdata }) =>
      name === origin && rdata.type === 'NS' ? [rdata.target] : [],
    );
    if (nameServers.length === 0) return undefined;
    return { origin, id: origin, private: zone.private, nameServers: nameServers.sort() };
  }

  async read(zone: ProviderZone, signal: AbortSignal): Promise<ZoneContent> {
    const copy = await this.#refresh(zone, signal);
    return { sets: copy.sets, tokens: NO_TOKENS };
  }

  async apply(zone: ProviderZone, batch: Batch, signal: AbortSignal): Promise<void> {
    const changes = changesOf(batch);
    if (changes.length === 0) return;
    const message = updateMessage(randomInt(0x1_0000), zone.origin, changes);
    refuseCnameBeside(this.#copies.get(zone.origin)?.sets ?? [], changes);
    const answer = await this.ask('UPDATE', message, signal);
    const failure = failureOf(answer, this.asked('UPDATE', zone.origin));
    if (failure !== undefined) throw failure;
    await this.#appeared(zone, changes, signal);
  }

  /** NOERROR does not mean that every addition was made (RFC 2136 section 3.4.2.2), so the zone is looked at again. */
  async #appeared(zone: ProviderZone, changes: readonly SetChange[], signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const deadline = clock.monotonicMs() + APPEAR_MS;
    for (let pauseMs = FIRST_LOOK_MS; ; pauseMs = Math.min(2 * pauseMs, MAX_LOOK_MS)) {
      let missing: SetChange | undefined;
      try {
        missing = firstMissing((await this.#refresh(zone, signal)).sets, changes);
      } catch (thrown) {
        const { message } = transferFailure(thrown, this.asked('IXFR', zone.origin));
        throw new ProviderError(
          'ambiguous',
          `the update of ${zone.origin} was acknowledged, but then: ${message}`,
          {
            cause: thrown,
          },
        );
      }
      if (missing === undefined) return;
      if (clock.monotonicMs() >= deadline) throw notThere(zone, missing);
      await clock.wait(pauseMs, signal);
    }
  }

  async #refresh(zone: ProviderZone, signal: AbortSignal): Promise<ZoneCopy> {
    const { origin } = zone;
    const { turn } = this.#options;
    const asked = this.asked('AXFR', origin);
    try {
      this.#to.guard.check(this.#to.host);
      const held = this.#copies.get(origin);
      if (held !== undefined) {
        await turn('IXFR', signal);
        const changes = await transferChanges(this.#transfer(zone, signal), held.soa);
        if (changes.kind === 'current') return held;
        let next: ZoneCopy | undefined;
        if (changes.kind === 'differences') next = held.after(changes.differences);
        else if (changes.kind === 'whole')
          next = ZoneCopy.of(changes.records.filter(({ name }) => isAtOrBelow(name, origin)));
        if (next !== undefined) return this.#keep(origin, next);
      }
      await turn('AXFR', signal);
      const records: ResourceRecord[] = [];
      for await (const record of transferZone(this.#transfer(zone, signal))) {
        if (!isServersOwn(record.type)) records.push(record);
      }
      const copy = ZoneCopy.of(records);
      if (copy === undefined) throw new ProviderError('transient', `${origin} was sent without its SOA`);
      return this.#keep(origin, copy);
    } catch (thrown) {
      this.#copies.delete(origin);
      const failure = transferFailure(thrown, asked);
      // A zone that is not there is refused alike; Knot does not even sign that.
      if (
        failure.failure === 'denied' &&
        isRefusal(failure) &&
        (await this.zoneAt(zone, signal)) === undefined
      )
        throw new ProviderError('gone', failure.message, { cause: failure });
      throw failure;
    }
  }

  #keep(origin: string, copy: ZoneCopy): ZoneCopy {
    this.#copies.set(origin, copy);
    return copy;
  }

  #transfer({ origin }: ProviderZone, signal: AbortSignal): TransferRequest {
    return {
      address: this.#to.host,
      port: this.#to.port,
      zone: origin,
      tsig: this.#to.key,
      signal,
      lookup: this.#to.guard.lookup,
      wallMs: this.#to.wallMs,
      limits: { ...this.#limits, idleMs: this.#to.timeoutMs },
    };
  }

  /** Sends a message when its turn has come. What only reads is never ambiguous. */
  async ask(
    action: string,
    message: Message,
    signal: AbortSignal,
    lost: () => 'transient' | 'ambiguous' = () => 'ambiguous',
  ): Promise<Answer> {
    await this.#options.turn(action, signal);
    try {
      return await exchange(this.#to, message, signal);
    } catch (thrown) {
      if (!(thrown instanceof ProviderError) || thrown.failure !== 'ambiguous') throw thrown;
      throw new ProviderError(lost(), thrown.message, { cause: thrown.cause });
    }
  }

  asked(what: string, origin: string): Asked {
    return {
      what,
      zone: origin === '.' ? origin : origin.slice(0, -1),
      server: `${this.#to.host} port ${this.#to.port}`,
      key: this.#to.key,
      nowSeconds: Math.floor(this.#options.clock.wallMs() / 1000),
    };
  }

  check(zones: readonly ProviderZone[], signal: AbortSignal): Promise<readonly CheckFinding[]> {
    return checkServer(this, zones, signal);
  }

  close(): Promise<void> {
    this.#copies.clear();
    return Promise.resolve();
  }
}

function isRefusal({ cause }: ProviderError): boolean {
  return (
    cause instanceof PortolanError && (cause.code === 'TRANSFER_REFUSED' || cause.code === 'TSIG_REJECTED')
  );
}

/** Says which record cannot be, where the server would only say that the zone is not as it should be. */
function refuseCnameBeside(current: readonly RecordSet[], changes: readonly SetChange[]): void {
  const after = new Map(current.map((set) => [setKey(set), set]));
  for (const { before } of changes) if (before !== undefined) after.delete(setKey(before));
  const touched = new Set<string>();
  for (const change of changes) {
    if (change.after === undefined) continue;
    after.set(setKey(change.after), change.after);
    touched.add(change.after.name);
  }
  const typesAt = new Map<string, string[]>();
  for (const { name, type } of after.values()) {
    if (touched.has(name)) typesAt.set(name, [...(typesAt.get(name) ?? []), type]);
  }
  for (const { after: set } of changes) {
    const types = set === undefined ? [] : (typesAt.get(set.name) ?? []);
    if (set !== undefined && types.length > 1 && types.includes('CNAME'))
      throw new ProviderError(
        'invalid',
        `${set.name} cannot have a CNAME beside ${types.filter((type) => type !== 'CNAME').join(', ')}`,
        {
          group: set.name,
          fix: 'A CNAME stands alone at its name (RFC 1034 section 3.6.2): use addresses, or take the other records away.',
        },
      );
  }
}

function firstMissing(sets: readonly RecordSet[], changes: readonly SetChange[]): SetChange | undefined {
  const now = new Map(sets.map((set) => [setKey(set), set]));
  return changes.find(({ before, after }) => {
    if (after === undefined) return before !== undefined && now.has(setKey(before));
    const found = now.get(setKey(after));
    // In our spelling, whichever it was sent in.
    const [sent] = setsOf(recordsOf(after, wireOf(after)));
    return found === undefined || sent === undefined || !sameSet(found, sent);
  });
}

function notThere(zone: ProviderZone, { before, after }: SetChange): ProviderError {
  const { name, type } = after ?? before;
  return new ProviderError(
    'ambiguous',
    `the update of ${zone.origin} was acknowledged, but ${name} ${type} is not as it was sent: somebody else changed it at once, or the server passed over it`,
    { group: name },
  );
}
