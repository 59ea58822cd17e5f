/**
 * Does a live object still say what we want? A write happens only when it does not.
 *
 * Two questions together: has what we want changed since we last applied it (a hash of it stands in an annotation; catches what we no longer want), and does
 * every field that we want still have our value (catches what others changed). Fields that we do not name belong to others or are the API server's defaults.
 */
import { createHash } from 'node:crypto';
import type { DesiredObject, KubernetesObject } from './objects.ts';

export const appliedAnnotation = 'slotkeeper.dev/applied';

/** `desired` with the hash of itself in its annotations: what is sent to the API server. */
export function withAppliedHash<T extends DesiredObject>(desired: T): T {
  const annotations = { ...desired.metadata.annotations, [appliedAnnotation]: hashOf(desired) };
  return { ...desired, metadata: { ...desired.metadata, annotations } };
}

/** What differs, in words: field paths, at most three; undefined when nothing does. `live` undefined: it is missing. */
export function difference(desired: DesiredObject, live: KubernetesObject | undefined): string | undefined {
  if (live === undefined) return 'missing';
  // Items of a list come without apiVersion and kind.
  const { apiVersion: _apiVersion, kind: _kind, ...fields } = desired;
  const paths = differingPaths(fields, live, []);
  if (paths.length > 0) return paths.slice(0, 3).join(', ') + (paths.length > 3 ? ` and ${paths.length - 3} more` : '');
  return live.metadata.annotations?.[appliedAnnotation] === hashOf(desired) ? undefined : 'a field is no longer wanted';
}

const hashOf = (desired: unknown): string => createHash('sha256').update(canonicalJson(desired)).digest('hex').slice(0, 16);

function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    isRecord(inner) ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1))) : inner,
  );
}

function differingPaths(desired: unknown, live: unknown, path: readonly string[]): string[] {
  if (desired === undefined) return [];
  if (Array.isArray(desired)) return differingItems(desired, live, path);
  if (isRecord(desired)) {
    // An empty object is as good as an absent one: the API server drops it.
    const other = isRecord(live) ? live : {};
    return Object.entries(desired).flatMap(([key, value]) => differingPaths(value, other[key], [...path, key]));
  }
  return isSameLeaf(desired, live, path) ? [] : [path.join('.')];
}

/** Items with a name are met by name, since others may add their own (a sidecar); all others by position. */
function differingItems(desired: readonly unknown[], live: unknown, path: readonly string[]): string[] {
  const others: readonly unknown[] = Array.isArray(live) ? live : [];
  if (desired.length > 0 && desired.every(isNamed))
    return desired.flatMap(item =>
      differingPaths(
        item,
        others.find(other => isNamed(other) && other.name === item.name),
        [...path, item.name],
      ),
    );
  if (desired.length !== others.length) return [path.join('.')];
  return desired.flatMap((item, index) => differingPaths(item, others[index], [...path, String(index)]));
}

/** The API server writes quantities in their canonical form ("1000m" as "1"). */
function isSameLeaf(desired: unknown, live: unknown, path: readonly string[]): boolean {
  if (desired === live) return true;
  const isQuantity = path.includes('limits') || path.includes('requests');
  const isText = typeof live === 'string' || typeof live === 'number';
  return isQuantity && isText && quantityValue(String(desired as string | number)) === quantityValue(String(live));
}

const suffixes: Readonly<Record<string, number>> = {
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
};

/** A Kubernetes quantity as a number; NaN for what is none. */
export function quantityValue(text: string): number {
  const match = /^([0-9.]+)(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$/.exec(text);
  return match === null ? Number.NaN : Math.round(Number(match[1]) * (suffixes[match[2] ?? ''] ?? 1) * 1000);
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isNamed = (value: unknown): value is { readonly name: string } => isRecord(value) && typeof value['name'] === 'string';
