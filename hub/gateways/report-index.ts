import type {
  GatewayReport,
  GatewayReports,
  PolicyReport,
  RouteReport,
} from '../../src/policy/compile-report.ts';

/** The reports of one cluster by the object they are about: statuses ask for thousands. */
export interface ReportIndex {
  /** By `namespace/name`. */
  readonly gateways: ReadonlyMap<string, GatewayReport>;
  /** By `kind namespace/name`. */
  readonly routes: ReadonlyMap<string, RouteReport>;
  /** By `kind namespace/name`. */
  readonly policies: ReadonlyMap<string, PolicyReport>;
}

const indexes = new WeakMap<GatewayReports, ReportIndex>();

/** Made once for as long as the reports live, each map when somebody first asks for it. */
export function reportIndex(reports: GatewayReports): ReportIndex {
  let index = indexes.get(reports);
  if (index === undefined) {
    index = new LazyIndex(reports);
    indexes.set(reports, index);
  }
  return index;
}

class LazyIndex implements ReportIndex {
  readonly #reports: GatewayReports;
  #gateways: ReportIndex['gateways'] | undefined;
  #routes: ReportIndex['routes'] | undefined;
  #policies: ReportIndex['policies'] | undefined;

  constructor(reports: GatewayReports) {
    this.#reports = reports;
  }
  get gateways(): ReportIndex['gateways'] {
    this.#gateways ??= new Map(this.#reports.gateways.map((r) => [`${r.namespace}/${r.name}`, r]));
    return this.#gateways;
  }
  get routes(): ReportIndex['routes'] {
    this.#routes ??= new Map(this.#reports.routes.map((r) => [`${r.kind} ${r.namespace}/${r.name}`, r]));
    return this.#routes;
  }
  get policies(): ReportIndex['policies'] {
    this.#policies ??= new Map(this.#reports.policies.map((r) => [`${r.kind} ${r.namespace}/${r.name}`, r]));
    return this.#policies;
  }
}
