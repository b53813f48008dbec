import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NODE_FLAGS } from '../../cli/programs.ts';
import type { GatewayPeer } from './peer.ts';

const portolan = (arm: GatewayPeer['arm'], name: string): GatewayPeer => ({
  name,
  arm,
  find: () => process.execPath,
  http2: true,
  install: '',
  async configure(site) {
    const file = join(site.folder, 'site.json');
    await writeFile(file, JSON.stringify({ ...site, arm }));
    return {
      arguments: [...NODE_FLAGS, fileURLToPath(new URL('../gateway-server.ts', import.meta.url)), file],
    };
  },
});

export const portolanPlain = portolan('plain', 'Portolan');
export const portolanKey = portolan('key', 'Portolan with key and CEL');
export const portolanJwt = portolan('jwt', 'Portolan with JWT and CEL');
