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

/** Made once for as long as the reports live. */
export function reportIndex(reports: GatewayReports): ReportIndex {
  let index = indexes.get(reports);
  if (index === undefined) {
    index = {
      gateways: new Map(reports.gateways.map((r) => [`${r.namespace}/${r.name}`, r])),
      routes: new Map(reports.routes.map((r) => [`${r.kind} ${r.namespace}/${r.name}`, r])),
      policies: new Map(reports.policies.map((r) => [`${r.kind} ${r.namespace}/${r.name}`, r])),
    };
    indexes.set(reports, index);
  }
  return index;
}
