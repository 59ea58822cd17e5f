import { expect, it } from 'vitest';
import { SLOT_COUNT, slotOfKey } from '../../lib/slot-hash.ts';
import { hashTags } from './slot-keys.ts';

it('gives each slot a tag of its own, all of one length', () => {
  const tags = hashTags();
  expect(tags.length).toBe(SLOT_COUNT);
  for (const [slot, tag] of tags.entries()) {
    const key = Buffer.from(`{${tag}}:7`);
    expect(slotOfKey(key, 0, key.length)).toBe(slot);
    expect(tag.length).toBe(4);
  }
});
