import { requireGatewayApiCrds } from './gateway-api-crds.ts';
import { requireHelm } from './helm.ts';
import { requireKubeApiserver } from './kube-apiserver.ts';
import { requireKubectl } from './kubectl.ts';
import { requirePebble } from './pebble.ts';

/** Builds what tests run against and Go has to build or fetch, which takes minutes the first time: `npm run test:servers`. */
for (const [name, state] of [
  ['pebble', await requirePebble('pebble')],
  ['kube-apiserver', await requireKubeApiserver('kube-apiserver')],
  ['kubectl', await requireKubectl('kubectl')],
  ['helm', await requireHelm('helm')],
  ['gateway-api', await requireGatewayApiCrds('gateway-api')],
] as const)
  console.log(state.available ? `ok   ${name}` : `none ${name}: ${state.reason}; ${state.command}`);
