import type { Connection } from './connection.ts';
import type { components } from './generated/api.d.ts';

type Schemas = components['schemas'];
export type GeoStatus = Schemas['GeoStatus'];

/** The GeoIP database. */
export interface GeoCalls {
  geoStatus(): Promise<GeoStatus>;
  /** Sends an .mmdb file with its publisher's checksum (hex) or Ed25519 signature (base64). */
  stageGeo(
    file: Uint8Array,
    proof: { readonly sha256?: string; readonly signature?: string },
  ): Promise<GeoStatus>;
  activateGeo(
    sha256: string,
    approval?: { readonly approve?: boolean; readonly reason?: string },
  ): Promise<GeoStatus>;
  rollbackGeo(reason?: string): Promise<GeoStatus>;
}

export function geoCalls({ raw, answer }: Connection): GeoCalls {
  return {
    geoStatus: async () => answer(await raw.GET('/v1/geoip')),
    stageGeo: async (file, query) =>
      answer(
        await raw.POST('/v1/geoip/stage', {
          params: { query },
          headers: { 'content-type': 'application/octet-stream' },
          body: '',
          bodySerializer: () => Uint8Array.from(file),
        }),
      ),
    activateGeo: async (sha256, { approve = false, reason } = {}) =>
      answer(
        await raw.POST('/v1/geoip/activate', {
          body: { sha256, approve, ...(reason === undefined ? {} : { reason }) },
        }),
      ),
    rollbackGeo: async (reason) =>
      answer(await raw.POST('/v1/geoip/rollback', { body: reason === undefined ? {} : { reason } })),
  };
}
