import type { Connection } from './connection.ts';
import type { components, operations } from './generated/api.d.ts';

type Schemas = components['schemas'];
export type ExplainedRule = Schemas['ExplainedRule'];

/** Names are those of `GET /v1/usage`; times are RFC 3339. */
export interface UsageQuery {
  readonly namespace?: string;
  readonly principal?: string;
  readonly key?: string;
  readonly route?: string;
  readonly metric?: string;
  readonly cluster?: string;
  readonly from?: string;
  readonly to?: string;
  readonly by: 'minute' | 'total';
  readonly limit: number;
}

/** What holds at the gateways of the clusters, and what they let pass. */
export interface GatewayCalls {
  /** What holds for the rules of a route, or for a request, on each cluster, and which object says so. */
  explainRoute(
    question: NonNullable<operations['explainRoute']['parameters']['query']>,
  ): Promise<readonly ExplainedRule[]>;
  /** PEM of the CA behind `portolan.dev/certificate: internal`. */
  gatewayCa(): Promise<string>;
  /** Hits that gateways let pass, by account. */
  usage(query: UsageQuery): Promise<readonly Schemas['Usage'][]>;
}

export function gatewayCalls({ raw, answer }: Connection): GatewayCalls {
  return {
    explainRoute: async (query) => answer(await raw.GET('/v1/gateways/explain', { params: { query } })).items,
    gatewayCa: async () => answer(await raw.GET('/v1/gateways/ca')).certificatePem,
    usage: async ({ limit, ...query }) =>
      answer(await raw.GET('/v1/usage', { params: { query: { ...query, limit: String(limit) } } })).items,
  };
}
