/** An agent's identity in its certificate: a SPIFFE ID whose trust domain is the hub installation's uid. */
export interface AgentPrincipal {
  readonly hubUid: string;
  readonly clusterUid: string;
  readonly agentUid: string;
}

/** Uids are what `crypto.randomUUID` gives: safe in a URI, in a distinguished name and in a file name. */
const UID = '[a-z0-9][a-z0-9-]{0,62}';
const SPIFFE_ID = new RegExp(`^spiffe://(${UID})/cluster/(${UID})/agent/(${UID})$`);

/** `spiffe://<hub-uid>/cluster/<uid>/agent/<uid>` */
export function formatPrincipal(principal: AgentPrincipal): string {
  return `spiffe://${principal.hubUid}/cluster/${principal.clusterUid}/agent/${principal.agentUid}`;
}

/** Exactly what `formatPrincipal` writes; anything else (upper case, query, port, trailing slash) is no principal of ours. */
export function parsePrincipal(uri: string): AgentPrincipal | undefined {
  const match = SPIFFE_ID.exec(uri);
  const [, hubUid, clusterUid, agentUid] = match ?? [];
  if (hubUid === undefined || clusterUid === undefined || agentUid === undefined) return undefined;
  return { hubUid, clusterUid, agentUid };
}
