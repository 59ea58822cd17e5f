/** Keys of chosen slots: for each slot a hash tag, all of one length, so that all keys are of one length too. Pure. */
import { SLOT_COUNT, slotOfKey } from '../../lib/slot-hash.ts';

const TAG_LENGTH = 4;

/** By slot: what stands between the braces of its keys. Costs some tens of milliseconds. */
export function hashTags(): readonly string[] {
  const tags = Array.from({ length: SLOT_COUNT }, () => '');
  let missing = SLOT_COUNT;
  for (let n = 0; missing > 0; n++) {
    const tag = n.toString(36).padStart(TAG_LENGTH, '0');
    const slot = slotOfKey(Buffer.from(tag), 0, TAG_LENGTH);
    if (tags[slot] !== '') continue;
    tags[slot] = tag;
    missing--;
  }
  return tags;
}
