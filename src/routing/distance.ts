import { COUNTRIES } from './countries.ts';
import { countryOf } from './geography.ts';
import type { Location } from './model.ts';

/** Degrees north and east. */
export interface Point {
  readonly latitude: number;
  readonly longitude: number;
}

const EARTH_RADIUS_KM = 6371;
const RADIANS = Math.PI / 180;

/** Great-circle distance in kilometres (haversine). */
export function distanceKm(a: Point, b: Point): number {
  const dLatitude = Math.sin(((b.latitude - a.latitude) * RADIANS) / 2);
  const dLongitude = Math.sin(((b.longitude - a.longitude) * RADIANS) / 2);
  const h =
    dLatitude * dLatitude +
    Math.cos(a.latitude * RADIANS) * Math.cos(b.latitude * RADIANS) * dLongitude * dLongitude;
  return 2 * EARTH_RADIUS_KM * Math.asin(Math.min(1, Math.sqrt(h)));
}

/** The location's own coordinates, else its country's; `undefined` when neither is known. */
export function pointOf(location: Location): Point | undefined {
  const { latitude, longitude } = location;
  if (latitude !== undefined && longitude !== undefined) return { latitude, longitude };
  const country = countryOf(location);
  return country === undefined ? undefined : COUNTRIES.get(country);
}
