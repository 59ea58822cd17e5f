/**
 * Extensions of PING, PONG and MEET: blocks after the gossip section, for what the fixed header has no room for.
 *
 * u32 length (with these 8 bytes; a multiple of 8) │ u16 type │ u16 0 │ data, padded with zeros
 *
 * Types: 0 hostname, 1 human name, 2 forgotten node (id 40, u64 ttl seconds), 3 shard id, 4 client IPv4, 5 client IPv6, 6 client port,
 * 7 client TLS port, 8 availability zone. Unknown types are skipped. Text that nodes.conf could not hold counts as absent.
 */

import { type Extensions, type ForgottenNode, NO_EXTENSIONS } from './bus-packet.ts';
import { isIpv4, isIpv6, isSafeAuxText, isSafeHostname, readText, writeText } from './bus-text.ts';
import { isNodeId } from './cluster-node.ts';

const BLOCK_HEADER_BYTES = 8;
/** A ttl beyond this is a broken packet, not an order. */
const MAX_TTL_SECONDS = 10 * 365 * 86_400;

function block(type: number, dataBytes: number): Uint8Array {
  const bytes = new Uint8Array(BLOCK_HEADER_BYTES + Math.ceil(dataBytes / 8) * 8);
  const fields = new DataView(bytes.buffer);
  fields.setUint32(0, bytes.length);
  fields.setUint16(4, type);
  return bytes;
}

function textBlock(type: number, text: string): readonly Uint8Array[] {
  if (text === '') return [];
  const bytes = block(type, text.length + 1);
  writeText(bytes, BLOCK_HEADER_BYTES, text.length, text);
  return [bytes];
}

function portBlock(type: number, port: number): readonly Uint8Array[] {
  if (port === 0) return [];
  const bytes = block(type, 2);
  new DataView(bytes.buffer).setUint16(BLOCK_HEADER_BYTES, port);
  return [bytes];
}

function forgottenBlock({ id, ttlSeconds }: ForgottenNode): Uint8Array {
  const bytes = block(2, 48);
  writeText(bytes, BLOCK_HEADER_BYTES, 40, id);
  new DataView(bytes.buffer).setBigUint64(BLOCK_HEADER_BYTES + 40, BigInt(ttlSeconds));
  return bytes;
}

function shardBlock(shardId: string): Uint8Array {
  const bytes = block(3, 40);
  writeText(bytes, BLOCK_HEADER_BYTES, 40, shardId);
  return bytes;
}

/** One block for each value that is set; the shard id always. */
export function encodeExtensions(extensions: Extensions): readonly Uint8Array[] {
  return [
    ...textBlock(0, extensions.hostname),
    ...textBlock(1, extensions.humanName),
    ...textBlock(4, extensions.clientIpv4),
    ...textBlock(5, extensions.clientIpv6),
    ...portBlock(6, extensions.clientPort),
    ...portBlock(7, extensions.clientTlsPort),
    ...textBlock(8, extensions.availabilityZone),
    ...extensions.forgotten.map(forgottenBlock),
    shardBlock(extensions.shardId),
  ];
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Reads `count` blocks from `at`. `end` is where they stop; a string tells what is wrong. */
export function decodeExtensions(
  bytes: Uint8Array,
  at: number,
  count: number,
): { readonly extensions: Extensions; readonly end: number } | 'length' | 'padding' {
  const fields = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const forgotten: ForgottenNode[] = [];
  const extensions: Mutable<Extensions> = { ...NO_EXTENSIONS, forgotten };
  let end = at;
  for (let i = 0; i < count; i++) {
    if (bytes.length - end < BLOCK_HEADER_BYTES) return 'length';
    const length = fields.getUint32(end);
    if (length % 8 !== 0) return 'padding';
    if (length < BLOCK_HEADER_BYTES || bytes.length - end < length) return 'length';
    readBlock(bytes.subarray(end, end + length), extensions, forgotten);
    end += length;
  }
  return { extensions, end };
}

function readBlock(bytes: Uint8Array, into: Mutable<Extensions>, forgotten: ForgottenNode[]): void {
  const fields = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const dataBytes = bytes.length - BLOCK_HEADER_BYTES;
  const text = (safe: (value: string) => boolean): string => {
    const value = readText(bytes, BLOCK_HEADER_BYTES, dataBytes);
    return safe(value) ? value : '';
  };
  const port = (): number => (dataBytes >= 2 ? fields.getUint16(BLOCK_HEADER_BYTES) : 0);
  switch (fields.getUint16(4)) {
    case 0:
      into.hostname = text(isSafeHostname);
      break;
    case 1:
      into.humanName = text(isSafeAuxText);
      break;
    case 2: {
      const id = readText(bytes, BLOCK_HEADER_BYTES, 40);
      const ttl = dataBytes >= 48 ? fields.getBigUint64(BLOCK_HEADER_BYTES + 40) : -1n;
      if (isNodeId(id) && ttl >= 0n && ttl <= MAX_TTL_SECONDS) forgotten.push({ id, ttlSeconds: Number(ttl) });
      break;
    }
    case 3: {
      const id = readText(bytes, BLOCK_HEADER_BYTES, 40);
      if (isNodeId(id)) into.shardId = id;
      break;
    }
    case 4:
      into.clientIpv4 = text(isIpv4);
      break;
    case 5:
      into.clientIpv6 = text(isIpv6);
      break;
    case 6:
      into.clientPort = port();
      break;
    case 7:
      into.clientTlsPort = port();
      break;
    case 8:
      into.availabilityZone = text(isSafeAuxText);
      break;
    default:
      break;
  }
}
