import { describe, expect, test } from 'vitest';
import { difference, quantityValue, withAppliedHash } from './apply.ts';
import type { KubernetesObject } from './objects.ts';

const desired = (spec: unknown) => ({
  apiVersion: 'v1',
  kind: 'Thing',
  metadata: { name: 'a', namespace: 'default', labels: { app: 'x' } },
  spec,
});
/** As the API server would hold it: with defaults and bookkeeping around what was applied. */
function live(spec: unknown, change: (object: Record<string, unknown>) => void = () => {}): KubernetesObject {
  const applied = withAppliedHash(desired(spec));
  const object = {
    metadata: { ...applied.metadata, uid: 'u', resourceVersion: '1', creationTimestamp: '', labels: { app: 'x', other: 'y' } },
    spec: { ...(applied.spec as object), defaulted: true },
  };
  const copy = structuredClone(object);
  change(copy);
  return copy as unknown as KubernetesObject;
}

describe('a live object differs from what is wanted when', () => {
  const spec = { replicas: 1, containers: [{ name: 'a', image: 'x' }], resources: { limits: { cpu: '1000m', memory: '1024Mi' } } };
  test('it is missing', () => expect(difference(desired(spec), undefined)).toBe('missing'));
  test('a field has another value, and the path says which', () => {
    const changed = live(spec, object => Object.assign(object['spec'] as object, { replicas: 2 }));
    expect(difference(desired(spec), changed)).toBe('spec.replicas');
  });
  test('a list has another length', () => {
    expect(difference(desired({ args: ['a', 'b'] }), live({ args: ['a'] }))).toBe('spec.args');
  });
  test('a field is not wanted any more', () => {
    expect(difference(desired({ replicas: 1 }), live({ replicas: 1, paused: true }))).toBe('a field is no longer wanted');
  });
});

describe('a live object does not differ because of', () => {
  const spec = {
    containers: [{ name: 'a', image: 'x', resources: { limits: { cpu: '1000m', memory: '1024Mi' } } }],
    empty: {},
    absent: undefined,
  };
  test('defaults of the API server and labels of others', () => expect(difference(desired(spec), live(spec))).toBeUndefined());
  test('quantities in their canonical form, and a container that another added', () => {
    const canonical = live(spec, object =>
      Object.assign(object['spec'] as object, {
        containers: [{ name: 'sidecar' }, { name: 'a', image: 'x', resources: { limits: { cpu: '1', memory: '1Gi' } } }],
        empty: undefined,
      }),
    );
    expect(difference(desired(spec), canonical)).toBeUndefined();
  });
});

test.each([
  ['500m', 500],
  ['0.5', 500],
  ['1', 1000],
  ['1Gi', 1_073_741_824_000],
  ['1k', 1_000_000],
])('the quantity %s is %d thousandths', (text, thousandths) => {
  expect(quantityValue(text)).toBe(thousandths);
});
