/**
 * Packets of the cluster bus to bytes and back. All integers are big-endian.
 *
 * Full packet:   header 2256 bytes │ data
 * Light packet:  'RCmb' │ u32 total │ u16 1 │ u16 0 │ u16 type | 0x8000 │ u16 0 │ data     (PUBLISH, PUBLISHSHARD, MODULE only)
 *
 *   0 'RCmb'          14 gossip count    32 replication offset   2128 id of the primary   2246 other client port
 *   4 total length    16 currentEpoch    40 sender id            2168 announced ip        2248 bus port
 *   8 version 1       24 configEpoch     80 slot bitmap          2214 extension count     2250 flags, 2252 state, 2253 message flags
 *  10 client port     12 type
 *
 * Decoding trusts nothing: lengths are checked before each read, and a packet whose length is not exactly what its content needs is
 * refused. Source: `cluster_legacy.h`, `clusterIsValidPacket` in `cluster_legacy.c`.
 */

import {
  type DecodedPacket,
  type Extensions,
  type GossipEntry,
  MESSAGE_EXTENSIONS,
  NO_EXTENSIONS,
  PACKET_AUTH_ACK,
  PACKET_AUTH_REQUEST,
  PACKET_FAIL,
  PACKET_MEET,
  PACKET_MFSTART,
  PACKET_MODULE,
  PACKET_PING,
  PACKET_PONG,
  PACKET_PUBLISH,
  PACKET_PUBLISH_SHARD,
  PACKET_UPDATE,
  type Packet,
  type PacketBody,
  type PacketHeader,
  packetName,
} from './bus-packet.ts';
import { decodeExtensions, encodeExtensions } from './bus-extensions.ts';
import { readText, writeText } from './bus-text.ts';
import { isNodeId } from './cluster-node.ts';
import { SLOT_BITMAP_BYTES } from './slot-bitmap.ts';

export const HEADER_BYTES = 2256;
export const LIGHT_HEADER_BYTES = 16;
/** Signature, length, version, type: what must be there to judge a packet. */
export const PREFIX_BYTES = 16;
const GOSSIP_BYTES = 104;
const UPDATE_BYTES = 8 + 40 + SLOT_BITMAP_BYTES;
const MODULE_PREFIX_BYTES = 13;
const PROTOCOL_VERSION = 1;
const LIGHT_BIT = 0x8000;
/** No packet is longer: a message of the largest bulk length, and room. A peer that announces more is cut off. */
const MAX_PACKET_BYTES = 1024 * 1024 * 1024;

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

// ── Framing ──

/** Total length of the packet that begins with these 16 bytes; undefined when they begin none. */
export function packetLength(prefix: Uint8Array): number | undefined {
  if (prefix[0] !== 0x52 || prefix[1] !== 0x43 || prefix[2] !== 0x6d || prefix[3] !== 0x62) return undefined;
  const fields = view(prefix);
  const total = fields.getUint32(4);
  const least = fields.getUint16(12) & LIGHT_BIT ? LIGHT_HEADER_BYTES : HEADER_BYTES;
  return total < least || total > MAX_PACKET_BYTES ? undefined : total;
}

/** Type of a whole packet, without the light bit. */
export const packetType = (bytes: Uint8Array): number => view(bytes).getUint16(12) & ~LIGHT_BIT;
export const isLightPacket = (bytes: Uint8Array): boolean => (view(bytes).getUint16(12) & LIGHT_BIT) !== 0;

// ── Encoding ──

function encodeHeader(header: PacketHeader, type: number, dataBytes: number): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + dataBytes);
  const fields = view(bytes);
  writeText(bytes, 0, 4, 'RCmb');
  fields.setUint32(4, bytes.length);
  fields.setUint16(8, PROTOCOL_VERSION);
  fields.setUint16(10, header.port);
  fields.setUint16(12, type);
  fields.setBigUint64(16, header.currentEpoch);
  fields.setBigUint64(24, header.configEpoch);
  fields.setBigUint64(32, BigInt(header.replicationOffset));
  writeText(bytes, 40, 40, header.senderId);
  bytes.set(header.slots, 80);
  writeText(bytes, 2128, 40, header.primaryId);
  writeText(bytes, 2168, 45, header.ip);
  fields.setUint16(2246, header.otherPort);
  fields.setUint16(2248, header.busPort);
  fields.setUint16(2250, header.flags);
  bytes[2252] = header.clusterFailed ? 1 : 0;
  bytes[2253] = header.messageFlags;
  return bytes;
}

/** PING, PONG or MEET. `extensions` undefined: the receiver may not know them, only the bit that we do is set. */
export function encodePing(
  header: PacketHeader,
  type: typeof PACKET_PING | typeof PACKET_PONG | typeof PACKET_MEET,
  gossip: readonly GossipEntry[],
  extensions: Extensions | undefined,
): Uint8Array {
  const blocks = extensions === undefined ? [] : encodeExtensions(extensions);
  const extensionBytes = blocks.reduce((sum, block) => sum + block.length, 0);
  const flagged = { ...header, messageFlags: header.messageFlags | MESSAGE_EXTENSIONS };
  const bytes = encodeHeader(flagged, type, gossip.length * GOSSIP_BYTES + extensionBytes);
  const fields = view(bytes);
  fields.setUint16(14, gossip.length);
  fields.setUint16(2214, blocks.length);
  let at = HEADER_BYTES;
  for (const entry of gossip) {
    writeText(bytes, at, 40, entry.id);
    fields.setUint32(at + 40, entry.pingSentSeconds);
    fields.setUint32(at + 44, entry.pongReceivedSeconds);
    writeText(bytes, at + 48, 45, entry.ip);
    fields.setUint16(at + 94, entry.port);
    fields.setUint16(at + 96, entry.busPort);
    fields.setUint16(at + 98, entry.flags);
    fields.setUint16(at + 100, entry.otherPort);
    at += GOSSIP_BYTES;
  }
  for (const block of blocks) {
    bytes.set(block, at);
    at += block.length;
  }
  return bytes;
}

/** A packet that is a header only: a request for a vote, a vote, the start of a manual failover. */
export function encodeBare(
  header: PacketHeader,
  type: typeof PACKET_AUTH_REQUEST | typeof PACKET_AUTH_ACK | typeof PACKET_MFSTART,
): Uint8Array {
  return encodeHeader(header, type, 0);
}

export function encodeFail(header: PacketHeader, nodeId: string): Uint8Array {
  const bytes = encodeHeader(header, PACKET_FAIL, 40);
  writeText(bytes, HEADER_BYTES, 40, nodeId);
  return bytes;
}

export function encodeUpdate(header: PacketHeader, nodeId: string, configEpoch: bigint, slots: Uint8Array): Uint8Array {
  const bytes = encodeHeader(header, PACKET_UPDATE, UPDATE_BYTES);
  view(bytes).setBigUint64(HEADER_BYTES, configEpoch);
  writeText(bytes, HEADER_BYTES + 8, 40, nodeId);
  bytes.set(slots, HEADER_BYTES + 48);
  return bytes;
}

type PublishType = typeof PACKET_PUBLISH | typeof PACKET_PUBLISH_SHARD;

export function encodePublish(header: PacketHeader, type: PublishType, channel: Uint8Array, message: Uint8Array): Uint8Array {
  const bytes = encodeHeader(header, type, 8 + channel.length + message.length);
  putPublish(bytes, HEADER_BYTES, channel, message);
  return bytes;
}

/** For receivers that announce FLAG_LIGHT_PUBLISH, and only after they can know who we are. */
export function encodeLightPublish(type: PublishType, channel: Uint8Array, message: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(LIGHT_HEADER_BYTES + 8 + channel.length + message.length);
  const fields = view(bytes);
  writeText(bytes, 0, 4, 'RCmb');
  fields.setUint32(4, bytes.length);
  fields.setUint16(8, PROTOCOL_VERSION);
  fields.setUint16(12, type | LIGHT_BIT);
  putPublish(bytes, LIGHT_HEADER_BYTES, channel, message);
  return bytes;
}

function putPublish(bytes: Uint8Array, at: number, channel: Uint8Array, message: Uint8Array): void {
  const fields = view(bytes);
  fields.setUint32(at, channel.length);
  fields.setUint32(at + 4, message.length);
  bytes.set(channel, at + 8);
  bytes.set(message, at + 8 + channel.length);
}

// ── Decoding ──

const SILENT: DecodedPacket = { ok: false, report: undefined };

const refused = (type: number, what: string): DecodedPacket => ({
  ok: false,
  report: `Received invalid ${packetName(type)} packet ${what}`,
});

/** Decodes one whole packet (`packetLength` bytes). Never throws. */
export function decodePacket(bytes: Uint8Array): DecodedPacket {
  const fields = view(bytes);
  const type = packetType(bytes);
  const light = isLightPacket(bytes);
  if (light && type !== PACKET_PUBLISH && type !== PACKET_PUBLISH_SHARD && type !== PACKET_MODULE)
    return {
      ok: false,
      report: `Packet of type '${packetName(type)}' (${type}) does not support light cluster header. Marking packet as invalid.`,
    };
  if (bytes.length < (light ? LIGHT_HEADER_BYTES : HEADER_BYTES)) return SILENT;
  if (fields.getUint16(8) !== PROTOCOL_VERSION) return SILENT;
  const header = light ? undefined : decodeHeader(bytes, fields);
  const body = decodeBody(bytes, fields, type, light ? LIGHT_HEADER_BYTES : HEADER_BYTES);
  if ('ok' in body) return body;
  return { ok: true, packet: { header, body } satisfies Packet };
}

function decodeHeader(bytes: Uint8Array, fields: DataView): PacketHeader {
  return {
    port: fields.getUint16(10),
    currentEpoch: fields.getBigUint64(16),
    configEpoch: fields.getBigUint64(24),
    replicationOffset: Number(fields.getBigInt64(32)),
    senderId: readText(bytes, 40, 40),
    slots: bytes.subarray(80, 80 + SLOT_BITMAP_BYTES),
    primaryId: readText(bytes, 2128, 40),
    ip: readText(bytes, 2168, 46),
    otherPort: fields.getUint16(2246),
    busPort: fields.getUint16(2248),
    flags: fields.getUint16(2250),
    clusterFailed: bytes[2252] !== 0,
    messageFlags: bytes[2253],
  };
}

function decodeBody(bytes: Uint8Array, fields: DataView, type: number, at: number): PacketBody | DecodedPacket {
  const length = bytes.length;
  const sized = (expected: number): DecodedPacket | undefined =>
    length === expected ? undefined : refused(type, `of length ${length} but expected length ${expected}`);
  switch (type) {
    case PACKET_PING:
    case PACKET_PONG:
    case PACKET_MEET:
      return decodePing(bytes, fields, type);
    case PACKET_FAIL:
      return sized(at + 40) ?? { kind: 'fail', type, nodeId: readText(bytes, at, 40) };
    case PACKET_PUBLISH:
    case PACKET_PUBLISH_SHARD:
      return decodePublish(bytes, fields, type, at);
    case PACKET_AUTH_REQUEST:
      return sized(at) ?? { kind: 'auth-request', type };
    case PACKET_AUTH_ACK:
      return sized(at) ?? { kind: 'auth-ack', type };
    case PACKET_MFSTART:
      return sized(at) ?? { kind: 'mfstart', type };
    case PACKET_UPDATE:
      return (
        sized(at + UPDATE_BYTES) ?? {
          kind: 'update',
          type,
          configEpoch: fields.getBigUint64(at),
          nodeId: readText(bytes, at + 8, 40),
          slots: bytes.subarray(at + 48, at + UPDATE_BYTES),
        }
      );
    case PACKET_MODULE:
      if (length < at + MODULE_PREFIX_BYTES || length - at - MODULE_PREFIX_BYTES < fields.getUint32(at + 8))
        return refused(type, `with module payload length that exceeds total packet length (${length})`);
      return sized(at + MODULE_PREFIX_BYTES + fields.getUint32(at + 8)) ?? { kind: 'module', type };
    default:
      return { kind: 'unknown', type };
  }
}

function decodePublish(bytes: Uint8Array, fields: DataView, type: PublishType, at: number): PacketBody | DecodedPacket {
  const length = bytes.length;
  if (length < at + 8) return refused(type, `with channel length that exceeds total packet length (${length})`);
  const channelBytes = fields.getUint32(at);
  const messageBytes = fields.getUint32(at + 4);
  const start = at + 8;
  if (length - start < channelBytes) return refused(type, `with channel length that exceeds total packet length (${length})`);
  if (length - start - channelBytes < messageBytes)
    return refused(type, `with message length that exceeds total packet length (${length})`);
  const expected = start + channelBytes + messageBytes;
  if (length !== expected) return refused(type, `of length ${length} but expected length ${expected}`);
  return {
    kind: 'publish',
    type,
    channel: bytes.subarray(start, start + channelBytes),
    message: bytes.subarray(start + channelBytes, expected),
  };
}

function decodePing(
  bytes: Uint8Array,
  fields: DataView,
  type: typeof PACKET_PING | typeof PACKET_PONG | typeof PACKET_MEET,
): PacketBody | DecodedPacket {
  const length = bytes.length;
  const count = fields.getUint16(14);
  const afterGossip = HEADER_BYTES + count * GOSSIP_BYTES;
  if (length < afterGossip) return refused(type, `with gossip count ${count} that exceeds total packet length (${length})`);
  const gossip: GossipEntry[] = [];
  for (let at = HEADER_BYTES; at < afterGossip; at += GOSSIP_BYTES) gossip.push(decodeGossip(bytes, fields, at));
  let extensions: Extensions = NO_EXTENSIONS;
  let expected = afterGossip;
  if (bytes[2253] & MESSAGE_EXTENSIONS) {
    const decoded = decodeExtensions(bytes, afterGossip, fields.getUint16(2214));
    if (typeof decoded === 'string')
      return decoded === 'padding'
        ? { ok: false, report: `Received a ${packetName(type)} packet without proper padding` }
        : refused(type, `with extension data that exceeds total packet length (${length})`);
    extensions = decoded.extensions;
    expected = decoded.end;
  }
  if (length !== expected) return refused(type, `of length ${length} but expected length ${expected}`);
  const invalidIds = gossip.filter(entry => !isNodeId(entry.id)).length;
  return { kind: 'ping', type, gossip, invalidIds, extensions };
}

function decodeGossip(bytes: Uint8Array, fields: DataView, at: number): GossipEntry {
  return {
    id: readText(bytes, at, 40),
    pingSentSeconds: fields.getUint32(at + 40),
    pongReceivedSeconds: fields.getUint32(at + 44),
    ip: readText(bytes, at + 48, 46),
    port: fields.getUint16(at + 94),
    busPort: fields.getUint16(at + 96),
    flags: fields.getUint16(at + 98),
    otherPort: fields.getUint16(at + 100),
  };
}
