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

/** The A or AAAA record of each address, made once. */
export type AddressRecords = ReadonlyMap<string, Extract<Rdata, { readonly type: 'A' | 'AAAA' }>>;

const NOTHING: Choice = { records: [], set: undefined };

/**
 * Draws the answers of one evaluation, for one query type. Made for each evaluation and used for as long as that holds, so that a
 * draw that came up before costs a random number.
 */
export class Draw {
  readonly #evaluation: Evaluation;
  readonly #selection: RoutedPolicy['selection'];
  readonly #rdata: AddressRecords;
  readonly #qtype: number;
  readonly #ttlSeconds: number;
  /** Of the candidates, when one of them is drawn whoever asks. */
  readonly #weights: readonly number[] | undefined;
  /** By place among the candidates, once it was drawn. */
  readonly #choices: (Choice | undefined)[];
  #maintenance: Choice | undefined;

  /** @param ttlSeconds what `Choice.set` has */
  constructor(
    evaluation: Evaluation,
    selection: RoutedPolicy['selection'],
    rdata: AddressRecords,
    qtype: number,
    ttlSeconds: number,
  ) {
    const { candidates, mode, wanted } = evaluation;
    const single = wanted === 'cname' || selection.maxAnswers === 1;
    this.#evaluation = evaluation;
    this.#selection = selection;
    this.#rdata = rdata;
    this.#qtype = qtype;
    this.#ttlSeconds = ttlSeconds;
    this.#weights =
      single && mode !== 'maintenance' && (selection.mode === 'weighted' || candidates.length < 2)
        ? candidates.map(({ weight }) => weight)
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
    if (mode === 'maintenance') {
      this.#maintenance ??= this.#choiceOf(this.#addresses(maintenance));
      return this.#maintenance;
    }
    if (wanted === 'cname' || this.#selection.maxAnswers === 1) {
      const at = pickIndex(candidates, this.#selection, client, random);
      return this.#choices[at] ?? this.#choice(at, state);
    }
    const records: Rdata[] = [];
    for (const endpoint of pick(candidates, this.#selection.maxAnswers, this.#selection, client, random)) {
      records.push(...this.#recordsOf(endpoint, state));
    }
    return { records, set: undefined };
  }

  #choice(at: number, state: StateView): Choice {
    const endpoint = this.#evaluation.candidates[at]?.endpoint;
    if (endpoint === undefined) return NOTHING;
    const choice = this.#choiceOf(this.#recordsOf(endpoint, state));
    this.#choices[at] = choice;
    return choice;
  }

  #choiceOf(records: readonly Rdata[]): Choice {
    const [first] = records;
    const compiles = first !== undefined && first.type !== 'CNAME';
    return { records, set: compiles ? compileRRset(this.#qtype, this.#ttlSeconds, records) : undefined };
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
      const record = this.#rdata.get(address);
      if (record !== undefined && TYPE[record.type] === this.#qtype) records.push(record);
    }
    return records;
  }
}
