/** Files that tools/ writes: what stands in the repository is what the sources say. */
import { expect, test } from 'vitest';
import { crdOnDisk, crdText } from '../../tools/generate-crds.ts';

test('the CRD on disk is what operator/api says; otherwise run "npm run generate"', () => {
  expect(crdOnDisk()).toBe(crdText());
});
