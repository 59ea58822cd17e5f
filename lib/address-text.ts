/** An end of a connection in words, as CLIENT LIST shows it. */

/** `::ffff:10.0.0.1:6379` → `10.0.0.1:6379`; IPv6 in brackets; '' when there is no such end yet. */
export function addressText(address: string | undefined, port: number | undefined): string {
  if (address === undefined) return '';
  const plain = address.startsWith('::ffff:') ? address.slice(7) : address;
  return plain.includes(':') ? `[${plain}]:${port}` : `${plain}:${port}`;
}
