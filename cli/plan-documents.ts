import type { Client, Plan } from '../src/client/client.ts';
import { PortolanError } from '../src/errors/error.ts';
import { type ManifestDocument, placeIn, withPlaces } from './manifest.ts';

/**
 * What applying the documents would do.
 * @throws PortolanError the code all refusals share, or VALIDATION_FAILED, with every violation at its place, when they
 *   could not be applied
 */
export async function planDocuments(client: Client, documents: readonly ManifestDocument[]): Promise<Plan> {
  let plan: Plan;
  try {
    plan = await client.plan({ documents: documents.map((d) => d.value) });
  } catch (thrown) {
    throw thrown instanceof PortolanError ? withPlaces(thrown, documents) : thrown;
  }
  if (plan.ok) return plan;
  // The problem comes from the hub; read as `apply` reads it, so that both say the same.
  try {
    await client.apply({ documents: documents.map((d) => d.value) }, { dryRun: true });
  } catch (thrown) {
    throw thrown instanceof PortolanError ? withPlaces(thrown, documents) : thrown;
  }
  const first = plan.documents.flatMap((d) => d.violations.map((v) => ({ v, d })))[0];
  throw new PortolanError(
    'VALIDATION_FAILED',
    `${placeIn(documents[first?.d.index ?? 0], first?.v.path ?? '')}: ${first?.v.message ?? 'the documents are refused'}`,
    first === undefined ? {} : { fix: first.v.fix },
  );
}
