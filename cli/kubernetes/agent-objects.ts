import type { KubeObject } from '../../kube/contract.ts';
import { manifestOf } from '../../kube/manifests.ts';
import { AGENT_OBJECTS } from './generated/agent-objects.ts';

/** What stands in the generated objects for what is known only here. */
const NAMESPACE = 'namespace-of-the-agent';
const IMAGE = 'registry.example/portolan/agent:';
const JOIN_SECRET = 'portolan-agent-join';

export interface AgentInstallation {
  /** The namespace of Kubernetes that the agent runs in; made when it is not there. */
  readonly namespace: string;
  /** `ptl1.…`; it goes into a Secret, is used once by the first start, and is worth nothing afterwards. */
  readonly token: string;
  /** Image of the agent; the placeholder of deploy/install-agent.yaml when left out. */
  readonly image?: string;
}

/** All of deploy/install-agent.yaml and the Secret with which this agent joins, in the order of application. */
export function agentObjects({ namespace, token, image }: AgentInstallation): readonly KubeObject[] {
  const objects = AGENT_OBJECTS.map((object) =>
    manifestOf(
      JSON.parse(JSON.stringify(object).replaceAll(NAMESPACE, namespace), (key: string, value: unknown) =>
        key === 'image' && image !== undefined && typeof value === 'string' && value.startsWith(IMAGE)
          ? image
          : value,
      ),
    ),
  );
  const secret = manifestOf({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: JOIN_SECRET, namespace, labels: { 'app.kubernetes.io/part-of': 'portolan' } },
    type: 'Opaque',
    stringData: { token },
  });
  const [first, ...rest] = objects;
  return first === undefined ? [secret] : [first, secret, ...rest];
}
