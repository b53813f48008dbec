/** `MicroTime` of the API has six digits after the point. */
export function microTime(time: Date): string {
  return time.toISOString().replace('Z', '000Z');
}
