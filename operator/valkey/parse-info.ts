/** INFO and CLUSTER INFO: lines of `field:value` under `# Section` headings. */

export type InfoFields = ReadonlyMap<string, string>;

export function parseInfo(text: string): InfoFields {
  const fields = new Map<string, string>();
  for (const line of text.split('\n')) {
    const colon = line.indexOf(':');
    if (colon > 0 && !line.startsWith('#')) fields.set(line.slice(0, colon), line.slice(colon + 1).trimEnd());
  }
  return fields;
}

/** A whole number; `otherwise` when the field is absent or none. */
export function infoNumber(fields: InfoFields, name: string, otherwise = 0): number {
  const value = fields.get(name);
  const number = value === undefined || value === '' ? Number.NaN : Number(value);
  return Number.isFinite(number) ? number : otherwise;
}

/** Keys of all databases together: `db0:keys=7,expires=0,avg_ttl=0`. */
export function keysInAllDatabases(fields: InfoFields): number {
  let keys = 0;
  for (const [name, value] of fields) if (/^db\d+$/.test(name)) keys += Number(/keys=(\d+)/.exec(value)?.[1] ?? 0);
  return keys;
}
