import type { Rdata } from '../src/dns/records/catalogue.ts';
import { compileRRset, type RRset } from '../src/dns/rrset.ts';
import { TYPE } from '../src/dns/types.ts';
import type { CompiledEndpoint } from '../src/routing/compiled.ts';
import { type Evaluation, servedAddresses } from '../src/routing/evaluate.ts';
import type { ClientAddress, RoutedPolicy, StateView } from '../src/routing/model.ts';
import { pick, pickByWeight, pickIndex } from '../src/routing/selection.ts';

/** One answer that can be drawn. */
export interface Choice {
  readonly records: readonly Rdata[];
  /** The records compiled at the TTL of the evaluation. */
  readonly set: RRset | undefined;
}

/** Choices and weights that are held for sharing. */
const MAX_SHARED = 16_384;

/**
 * Policies that lead to the same clusters are answered with the same records in the same proportions: they share them, so that
 * fewer places in memory are visited by queries for many names.
 */
export class SharedChoices {
  readonly #choices = new Map<string, Choice>();
  readonly #weights = new Map<string, readonly number[]>();

  choice(key: string, make: () => Choice): Choice {
    const known = this.#choices.get(key);
    if (known !== undefined) return known;
    if (this.#choices.size >= MAX_SHARED) this.#choices.clear();
    const made = make();
    this.#choices.set(key, made);
    return made;
  }

  weights(weights: readonly number[]): readonly number[] {
    const key = weights.join(' ');
    const known = this.#weights.get(key);
    if (known !== undefined) return known;
    if (this.#weights.size >= MAX_SHARED) this.#weights.clear();
    this.#weights.set(key, weights);
    return weights;
  }
}

/** The A or AAAA record of each address, made once. */
export type AddressRecords = ReadonlyMap<string, Extract<Rdata, { readonly type: 'A' | 'AAAA' }>>;

/** What the draws of one policy have in common. */
export interface DrawSource {
  readonly selection: RoutedPolicy['selection'];
  readonly rdata: AddressRecords;
  readonly shared: SharedChoices;
}

const NOTHING: Choice = { records: [], set: undefined };

/**
 * Draws the answers of one evaluation, for one query type. Made for each evaluation and used for as long as that holds, so that a
 * draw that came up before costs a random number.
 */
export class Draw {
  /** Of the candidates, when one of them is drawn whoever asks. */
  readonly #weights: readonly number[] | undefined;
  /** By place among the candidates, once it was drawn. */
  readonly #choices: (Choice | undefined)[];
  readonly #evaluation: Evaluation;
  readonly #source: DrawSource;
  readonly #qtype: number;
  readonly #ttlSeconds: number;
  #maintenance: Choice | undefined;

  /** @param ttlSeconds what `Choice.set` has */
  constructor(evaluation: Evaluation, source: DrawSource, qtype: number, ttlSeconds: number) {
    const { candidates, mode, wanted } = evaluation;
    const { selection, shared } = source;
    const single = wanted === 'cname' || selection.maxAnswers === 1;
    this.#evaluation = evaluation;
    this.#source = source;
    this.#qtype = qtype;
    this.#ttlSeconds = ttlSeconds;
    this.#weights =
      single && mode !== 'maintenance' && (selection.mode === 'weighted' || candidates.length < 2)
        ? shared.weights(candidates.map(({ weight }) => weight))
        : undefined;
    this.#choices = candidates.map(() => undefined);
  }

  /** As `draw` of `decide.ts`. @param state the view that was evaluated */
  choose(client: ClientAddress | undefined, state: StateView, random: () => number): Choice {
    const weights = this.#weights;
    if (weights !== undefined) {
      const at = pickByWeight(weights, random);
      return this.#choices[at] ?? this.#choice(at, state);
    }
    const { mode, maintenance, wanted, candidates } = this.#evaluation;
    const { selection } = this.#source;
    if (mode === 'maintenance') {
      this.#maintenance ??= this.#choiceOf(maintenance);
      return this.#maintenance;
    }
    if (wanted === 'cname' || selection.maxAnswers === 1) {
      const at = pickIndex(candidates, selection, client, random);
      return this.#choices[at] ?? this.#choice(at, state);
    }
    const records: Rdata[] = [];
    for (const endpoint of pick(candidates, selection.maxAnswers, selection, client, random)) {
      records.push(...this.#recordsOf(endpoint, state));
    }
    return { records, set: undefined };
  }

  /** Everything that may be drawn, and how likely; `undefined` when the draw goes by more than chance. */
  repeat(
    state: StateView,
  ): { readonly sets: readonly RRset[]; readonly weights: readonly number[] } | undefined {
    const weights = this.#weights;
    if (weights === undefined) return undefined;
    const sets: RRset[] = [];
    for (const at of weights.keys()) {
      const { set } = this.#choices[at] ?? this.#choice(at, state);
      if (set === undefined) return undefined;
      sets.push(set);
    }
    return sets.length === 0 ? undefined : { sets, weights };
  }

  #choice(at: number, state: StateView): Choice {
    const endpoint = this.#evaluation.candidates[at]?.endpoint;
    if (endpoint === undefined) return NOTHING;
    const { wanted } = this.#evaluation;
    const choice =
      wanted === 4 || wanted === 6
        ? this.#choiceOf(servedAddresses(endpoint, wanted, state).map(({ address }) => address))
        : { records: this.#recordsOf(endpoint, state), set: undefined };
    this.#choices[at] = choice;
    return choice;
  }

  #choiceOf(addresses: readonly string[]): Choice {
    const key = `${this.#qtype} ${this.#ttlSeconds} ${addresses.join(' ')}`;
    return this.#source.shared.choice(key, () => {
      const records = this.#addresses(addresses);
      const set = records.length === 0 ? undefined : compileRRset(this.#qtype, this.#ttlSeconds, records);
      return { records, set };
    });
  }

  #recordsOf(endpoint: CompiledEndpoint, state: StateView): readonly Rdata[] {
    const { wanted } = this.#evaluation;
    if (wanted === 4 || wanted === 6) {
      return this.#addresses(servedAddresses(endpoint, wanted, state).map(({ address }) => address));
    }
    return endpoint.cname === undefined ? [] : [{ type: 'CNAME', target: endpoint.cname.name }];
  }

  /** The records of these addresses that have the type asked for. */
  #addresses(addresses: readonly string[]): readonly Rdata[] {
    const records: Rdata[] = [];
    for (const address of addresses) {
      const record = this.#source.rdata.get(address);
      if (record !== undefined && TYPE[record.type] === this.#qtype) records.push(record);
    }
    return records;
  }
}
