/** The bitmap commands by name. */

import type { CommandHandlers } from '../table.ts';
import { bitfield, bitfieldRo } from './bitfield.ts';
import { bitop } from './bitop.ts';
import { getbit, setbit } from './bits.ts';
import { bitcount, bitpos } from './scan.ts';

export const BITMAP_HANDLERS: CommandHandlers = {
  bitcount,
  bitfield,
  bitfield_ro: bitfieldRo,
  bitop,
  bitpos,
  getbit,
  setbit,
};
