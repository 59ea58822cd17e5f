/**
 * DEBUG DIGEST: one SHA-1 for the content of all databases, the same in whatever order keys and members are stored.
 *
 * What has an order is mixed in (the digest is hashed again after each part), what has none is XORed. Bytes and order are those of
 * Valkey's debug.c, so that two servers, ours and upstream, can be compared.
 */

import { createHash } from 'node:crypto';
import type { DatabasesPort } from '../../core/ports.ts';
import { type Database, NO_EXPIRY, TYPE_HASH, TYPE_LIST, TYPE_SET, TYPE_STRING, TYPE_ZSET } from '../../keyspace/database.ts';
import type { Ref } from '../../memory/arena.ts';
import { doubleText } from '../../protocol/number-text.ts';
import type { Element } from '../../structures/element.ts';
import type { ValueAccess } from '../../values/value-access.ts';
import { stringBytes } from '../string/string-value.ts';

/** Valkey numbers its types in this order. */
const TYPE_NUMBERS: Readonly<Record<number, number>> = { [TYPE_STRING]: 0, [TYPE_LIST]: 1, [TYPE_SET]: 2, [TYPE_ZSET]: 3, [TYPE_HASH]: 4 };

/** 40 hex digits; zeros when there is no key at all. */
export function datasetDigest(databases: DatabasesPort, values: ValueAccess): string {
  const final = Buffer.alloc(20);
  for (let index = 0; index < databases.count; index++) {
    const db = databases.get(index);
    if (db.size === 0) continue;
    mix(final, number32(index));
    db.each(entry => {
      const digest = Buffer.alloc(20);
      mix(digest, Buffer.from(db.keyString(entry), 'latin1'));
      addValue(digest, db, entry, values);
      xor(final, digest);
      return true;
    });
  }
  return final.toString('hex');
}

/** The digest of one value without its key. */
export function valueDigest(db: Database, entry: Ref, values: ValueAccess): string {
  const digest = Buffer.alloc(20);
  if (entry !== 0) addValue(digest, db, entry, values);
  return digest.toString('hex');
}

function addValue(digest: Buffer, db: Database, entry: Ref, values: ValueAccess): void {
  const type = db.type(entry);
  mix(digest, number32(TYPE_NUMBERS[type] ?? type));
  if (type === TYPE_STRING) mix(digest, stringBytes(db, entry));
  else {
    const members = values.members();
    members.open(type, db.encoding(entry), db.root(entry));
    while (members.next()) {
      const element = bytesOf(members.element);
      if (type === TYPE_LIST) mix(digest, element);
      else if (type === TYPE_SET) xor(digest, element);
      else {
        const pair = Buffer.alloc(20);
        mix(pair, element);
        mix(pair, type === TYPE_HASH ? bytesOf(members.value) : Buffer.from(doubleText(members.score), 'latin1'));
        xor(digest, pair);
      }
    }
  }
  if (db.expireAt(entry) !== NO_EXPIRY) xor(digest, Buffer.from('!!expire!!', 'latin1'));
}

function bytesOf(element: Element): Uint8Array {
  return element.bytes.subarray(element.start, element.end);
}

function number32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function xor(digest: Buffer, part: Uint8Array): void {
  const hash = createHash('sha1').update(part).digest();
  for (let at = 0; at < 20; at++) digest[at] ^= hash[at];
}

function mix(digest: Buffer, part: Uint8Array): void {
  xor(digest, part);
  createHash('sha1').update(digest).digest().copy(digest);
}
