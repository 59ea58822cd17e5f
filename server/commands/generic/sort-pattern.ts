/**
 * The patterns of SORT's BY and GET, and what they find for an element.
 *
 *     #                   the element itself
 *     weight_*            the string at the key that has the element in place of the first `*`
 *     object_*->field     a field of the hash at such a key
 *     anything else       nothing
 *
 * An arrow at the very end belongs to the key. Upstream searches patterns as C strings: what stands behind a zero byte is copied, not searched.
 */

import type { CommandContext } from '../../core/context.ts';
import { ENC_INT, TYPE_HASH, TYPE_STRING } from '../../keyspace/database.ts';
import { copyBytes } from '../../memory/bytes.ts';
import { Element } from '../../structures/element.ts';
import type { HashValue } from '../../values/hash-value.ts';
import { integerOf, segmentBytes } from '../string/string-value.ts';

export type SortPattern = { readonly kind: 'element' } | { readonly kind: 'constant' } | KeyPattern;

interface KeyPattern {
  readonly kind: 'key';
  readonly before: Uint8Array;
  readonly behind: Uint8Array;
  /** undefined: the key holds a string. */
  readonly field: Uint8Array | undefined;
}

const STAR = 0x2a;
const HASH_SIGN = 0x23;

export function readSortPattern(pattern: Uint8Array): SortPattern {
  const zero = pattern.indexOf(0);
  const searched = zero < 0 ? pattern : pattern.subarray(0, zero);
  if (searched.length === 1 && searched[0] === HASH_SIGN) return { kind: 'element' };
  const star = searched.indexOf(STAR);
  if (star < 0) return { kind: 'constant' };
  const arrow = Buffer.from(searched.buffer, searched.byteOffset, searched.length).indexOf('->', star + 1);
  const hasField = arrow >= 0 && arrow + 2 < searched.length;
  return {
    kind: 'key',
    before: pattern.subarray(0, star),
    behind: pattern.subarray(star + 1, hasField ? arrow : pattern.length),
    field: hasField ? pattern.subarray(arrow + 2) : undefined,
  };
}

/** Finds what a pattern means for an element. One for each server, used again and again. */
export class SortLookup {
  private readonly hash: HashValue;
  private readonly found = new Element();
  private key = new Uint8Array(64);

  constructor(hash: HashValue) {
    this.hash = hash;
  }

  /** undefined when there is nothing. The result is valid until the next call, and until the keyspace changes. */
  find(context: CommandContext, pattern: SortPattern, element: Element): Element | undefined {
    if (pattern.kind === 'element') return element;
    if (pattern.kind === 'constant') return undefined;
    const { db } = context;
    const length = this.formKey(pattern, element);
    const entry = db.find(this.key, 0, length);
    if (entry === 0) return undefined;
    const type = db.type(entry);
    if (pattern.field !== undefined) {
      if (type !== TYPE_HASH) return undefined;
      this.hash.open(db.encoding(entry), db.root(entry));
      return this.hash.get(pattern.field, 0, pattern.field.length, this.found) ? this.found : undefined;
    }
    if (type !== TYPE_STRING) return undefined;
    if (db.encoding(entry) === ENC_INT) {
      const value = integerOf(db, entry);
      if (typeof value === 'number') this.found.setInteger(value);
      else this.found.setText(value.toString());
    } else {
      const start = db.stringStart(entry);
      this.found.setBytes(segmentBytes(db, entry), start, start + db.stringLength(entry));
    }
    return this.found;
  }

  /** Writes the key into `key`; returns its length. */
  private formKey({ before, behind }: KeyPattern, element: Element): number {
    const length = before.length + element.length + behind.length;
    if (length > this.key.length) this.key = new Uint8Array(length * 2);
    copyBytes(this.key, 0, before, 0, before.length);
    copyBytes(this.key, before.length, element.bytes, element.start, element.end);
    copyBytes(this.key, before.length + element.length, behind, 0, behind.length);
    return length;
  }
}
