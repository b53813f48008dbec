import { type DomainName, parseName } from '../../../src/dns/name.ts';
import type { ZoneFacts } from './limits.ts';
import type { ApiChange, ApiRecordSet } from './schema.ts';
import { applyChange, type ZoneSets } from './zone.ts';

export interface Change {
  readonly kind: 'dns#change';
  readonly id: string;
  readonly status: 'pending' | 'done';
  readonly startTime: string;
  readonly isServing: boolean;
}

/** A zone as the API has it, and as the name servers have it a moment later. */
export class ManagedZone {
  readonly name: string;
  readonly facts: ZoneFacts;
  /** Sets as the API reads them: at once after a change. */
  private sets: ZoneSets;
  /** What name servers answered before, and until when. */
  private history: { readonly sets: ZoneSets; readonly untilMs: number }[] = [];
  /** As it was sent. */
  lastChange: ApiChange | undefined;
  private readonly changes: { readonly startMs: number; readonly doneMs: number }[] = [];

  constructor(name: string, facts: ZoneFacts) {
    this.name = name;
    this.facts = facts;
    const { origin } = facts;
    const soa = `${this.nameServers[0]} cloud-dns-hostmaster.google.com. 1 21600 3600 259200 300`;
    this.sets = new Map();
    this.sets = applyChange(facts, this.sets, {
      additions: [
        { name: origin, type: 'SOA', ttl: 21_600, rrdatas: [soa] },
        { name: origin, type: 'NS', ttl: 21_600, rrdatas: this.nameServers },
      ],
    });
  }

  get nameServers(): DomainName[] {
    return ['a', 'b', 'c', 'd'].map((letter) => parseName(`ns-cloud-${letter}1.googledomains.com.`));
  }

  /** `dns#managedZone`. */
  resource(): object {
    return {
      kind: 'dns#managedZone',
      name: this.name,
      dnsName: this.facts.origin,
      description: '',
      id: '1',
      nameServers: this.nameServers,
      creationTime: '2026-01-01T00:00:00.000Z',
      visibility: this.facts.private ? 'private' : 'public',
      ...(this.facts.signed ? { dnssecConfig: { kind: 'dns#managedZoneDnsSecConfig', state: 'on' } } : {}),
    };
  }

  /** `dns#resourceRecordSet`s, sorted, with what the API adds. */
  resources(): readonly ApiRecordSet[] {
    return [...this.sets.values()]
      .sort((a, b) => (`${a.name} ${a.type}` < `${b.name} ${b.type}` ? -1 : 1))
      .map(
        ({ api }): ApiRecordSet => ({
          ...api,
          kind: 'dns#resourceRecordSet',
          signatureRrdatas: [],
          ...(api.routingPolicy === undefined
            ? {}
            : { routingPolicy: { ...api.routingPolicy, kind: 'dns#rRSetRoutingPolicy' } }),
        }),
      );
  }

  /** @throws Refused */
  change(change: ApiChange, nowMs: number, pendingMs: number): Change {
    const after = applyChange(this.facts, this.sets, change);
    this.lastChange = change;
    if (pendingMs > 0) this.history.push({ sets: this.sets, untilMs: nowMs + pendingMs });
    this.sets = after;
    this.changes.push({ startMs: nowMs, doneMs: nowMs + pendingMs });
    const made = this.changeOf(String(this.changes.length - 1), nowMs);
    if (made === undefined) throw new Error('a change that was just made is there');
    return made;
  }

  changeOf(id: string, nowMs: number): Change | undefined {
    const found = /^\d+$/.test(id) ? this.changes[Number(id)] : undefined;
    if (found === undefined) return undefined;
    const done = nowMs >= found.doneMs;
    return {
      kind: 'dns#change',
      id,
      status: done ? 'done' : 'pending',
      startTime: new Date(found.startMs).toISOString(),
      isServing: done,
    };
  }

  /** What name servers have. */
  served(nowMs: number): ZoneSets {
    this.history = this.history.filter(({ untilMs }) => untilMs > nowMs);
    return this.history[0]?.sets ?? this.sets;
  }

  /** An edit past the API: the sets stand there, without any rule but the zone's. */
  edit(change: ApiChange): void {
    this.sets = applyChange(this.facts, this.sets, change);
  }

  /** The set as it was sent. */
  find(name: string, type: string): ApiRecordSet | undefined {
    return this.sets.get(`${name} ${type}`)?.api;
  }
}
