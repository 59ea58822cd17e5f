/** Files that tools/ writes: what stands in the repository is what the sources say. */
import { expect, test } from 'vitest';
import { generatedFiles, textOnDisk } from '../../tools/generate-crds.ts';
import { findHelm, manifestOnDisk, manifestText } from '../../tools/generate-manifest.ts';

test.each([...generatedFiles()])('%s is what operator/api says; otherwise run "npm run generate"', (path, text) => {
  expect(textOnDisk(path)).toBe(text);
});

test('deploy/slotkeeper.yaml is what the chart says; otherwise run "npm run generate"', context => {
  const helm = findHelm();
  if (helm === undefined) return context.skip('Helm is neither on PATH nor in the cache');
  expect(manifestOnDisk()).toBe(manifestText(helm));
});
