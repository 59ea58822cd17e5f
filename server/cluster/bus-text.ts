/**
 * Text fields of packets: fixed width, padded with zeros, latin1. What peers send is checked here before it reaches nodes.conf or a client.
 */

/** Writes at most `width` characters; the rest of the field stays as it is (zero in a new buffer). */
export function writeText(bytes: Uint8Array, at: number, width: number, text: string): void {
  const length = Math.min(width, text.length);
  for (let i = 0; i < length; i++) bytes[at + i] = text.charCodeAt(i);
}

/** The field's text up to the first zero. */
export function readText(bytes: Uint8Array, at: number, width: number): string {
  let end = at;
  const limit = Math.min(at + width, bytes.length);
  while (end < limit && bytes[end] !== 0) end++;
  return String.fromCharCode(...bytes.subarray(at, end));
}

/** An address as it may stand in nodes.conf and in a redirection: an IPv4 or IPv6 literal or a name. */
export const isSafeAddress = (text: string): boolean => /^[0-9A-Za-z.:_%-]{1,45}$/.test(text);

/** A hostname as cluster-announce-hostname takes it. */
export const isSafeHostname = (text: string): boolean => /^[0-9A-Za-z._-]{1,255}$/.test(text);

/** A value of nodes.conf's auxiliary fields: no blank, no control character, none of those with a meaning there. */
export const isSafeAuxText = (text: string): boolean => /^[\x2d-\x3aA-Z_`a-z\x80-\xff]{0,512}$/.test(text);

const IPV4 = /^(25[0-5]|2[0-4]\d|1?\d?\d)(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}$/;

export const isIpv4 = (text: string): boolean => IPV4.test(text);

/** An IPv6 literal without a zone. */
export function isIpv6(text: string): boolean {
  if (!/^[0-9A-Fa-f:.]{2,45}$/.test(text) || !text.includes(':')) return false;
  const halves = text.split('::');
  if (halves.length > 2) return false;
  let groups = 0;
  for (const half of halves) {
    if (half === '') continue;
    const parts = half.split(':');
    for (const [i, part] of parts.entries()) {
      const embedded = i === parts.length - 1 && half === halves.at(-1) && isIpv4(part);
      if (!embedded && !/^[0-9A-Fa-f]{1,4}$/.test(part)) return false;
      groups += embedded ? 2 : 1;
    }
  }
  return halves.length === 2 ? groups < 8 : groups === 8;
}
