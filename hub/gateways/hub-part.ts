import { compileInSteps } from '../../src/policy/compile.ts';
import type { GatewayObjects } from '../../src/policy/compile-contract.ts';
import type { RegionTable } from '../../src/routing/model.ts';
import type { KeySealing } from '../agents/authority.ts';
import type { GatewayServices } from '../api/gateway-services.ts';
import type { CertificateDelivery } from '../certificates/delivery.ts';
import type { Store } from '../store/contract.ts';
import { createDevelopmentCa, type DevelopmentCa } from './development-ca.ts';
import { explainRoute } from './explain-route.ts';
import { createGateways, type FoundInClusters, type Gateways } from './gateways.ts';
import { createSecretValues, type Peppers } from './secret-values.ts';

/** The part of a hub that runs gateways on its clusters. */
export interface GatewaysOfHub {
  readonly clusters: Gateways;
  readonly services: GatewayServices;
  readonly developmentCa: DevelopmentCa;
  /** Calls `onDue` when something should be looked at again although no object changed. @returns ends it */
  keep(onDue: () => void): () => void;
}

/** Certificates have days to be renewed in; a store that did not answer should not be waited for that long. */
const LOOK_EVERY_MS = 5_000;

export function createGatewaysOfHub(options: {
  readonly store: Pick<Store, 'getMeta' | 'putMeta' | 'hubUid' | 'secretData'>;
  readonly sealing: KeySealing;
  readonly regions: RegionTable;
  readonly peppers?: Peppers | undefined;
  /** See `createGateways`. */
  readonly quotaVersion?: (objects: GatewayObjects) => Promise<number>;
  /** Of certificates that CertificatePolicies have; absent: they have none. */
  readonly delivery?: CertificateDelivery;
  /** See `createGateways`. */
  readonly found?: FoundInClusters;
  readonly randomBytes: (count: number) => Uint8Array;
  readonly wallMs: () => number;
  readonly log: { warn(details: object, message: string): void };
}): GatewaysOfHub {
  const { store, log, peppers, delivery } = options;
  const developmentCa = createDevelopmentCa(options);
  const clusters = createGateways({
    compile: compileInSteps,
    secretValues: createSecretValues({ store, developmentCa, peppers, delivery }),
    regions: options.regions,
    ...(options.quotaVersion === undefined ? {} : { quotaVersion: options.quotaVersion }),
    certificatesDue: developmentCa.due,
    delivery,
    found: options.found,
    log,
  });
  return {
    clusters,
    developmentCa,
    services: {
      explainRoute: async (question) => explainRoute(question, clusters.all),
      caCertificate: () => developmentCa.certificatePem(),
    },
    keep(onDue) {
      const timer = setInterval(() => {
        if (clusters.due()) onDue();
      }, LOOK_EVERY_MS);
      return () => clearInterval(timer);
    },
  };
}
