import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../test/simulate/virtual-time.ts';
import * as codec from './bus-codec.ts';
import { BusLink } from './bus-link.ts';
import {
  type Extensions,
  type GossipEntry,
  NO_EXTENSIONS,
  PACKET_AUTH_ACK,
  PACKET_PING,
  PACKET_PONG,
  PACKET_PUBLISH,
  type PacketHeader,
} from './bus-packet.ts';
import { isIpv4, isIpv6 } from './bus-text.ts';
import { addSlot } from './slot-bitmap.ts';

const id = (letter: string): string => letter.repeat(40);

function header(): PacketHeader {
  const slots = new Uint8Array(2048);
  for (const slot of [0, 1, 5460, 16_383]) addSlot(slots, slot);
  return {
    senderId: id('a'),
    port: 7001,
    otherPort: 7101,
    busPort: 17_001,
    ip: '10.0.0.1',
    flags: 0x1c11,
    messageFlags: 0,
    clusterFailed: true,
    currentEpoch: 0xffff_ffff_ffff_ffffn,
    configEpoch: 7n,
    replicationOffset: 123_456_789_012,
    slots,
    primaryId: id('b'),
  };
}

const entry: GossipEntry = {
  id: id('c'),
  pingSentSeconds: 1,
  pongReceivedSeconds: 1_795_450_912,
  ip: 'fe80::1',
  port: 7002,
  otherPort: 0,
  busPort: 17_002,
  flags: 2,
};

const extensions: Extensions = {
  hostname: 'node-1.example',
  humanName: 'shard-0-0',
  availabilityZone: 'zone-a',
  clientIpv4: '192.168.1.1',
  clientIpv6: '::1',
  clientPort: 6379,
  clientTlsPort: 6380,
  shardId: id('d'),
  forgotten: [{ id: id('e'), ttlSeconds: 59 }],
};

describe('packets of the bus', () => {
  test('a ping keeps header, gossip and extensions on its way', () => {
    const bytes = codec.encodePing(header(), PACKET_PING, [entry, entry], extensions);
    const decoded = codec.decodePacket(bytes);
    expect(decoded).toEqual({
      ok: true,
      packet: {
        header: { ...header(), messageFlags: 4 },
        body: { kind: 'ping', type: PACKET_PING, gossip: [entry, entry], invalidIds: 0, extensions },
      },
    });
  });

  test('a pong without gossip, with hostname, availability zone and shard id has the length that Valkey gives it', () => {
    const told = { ...NO_EXTENSIONS, hostname: 'h', availabilityZone: 'us-east-1a', shardId: id('d') };
    expect(codec.encodePing(header(), PACKET_PONG, [], told).length).toBe(2256 + 16 + 24 + 48);
  });

  test('FAIL, UPDATE, votes and messages keep what they say', () => {
    const { slots } = header();
    const bodyOf = (bytes: Uint8Array) => {
      const decoded = codec.decodePacket(bytes);
      return decoded.ok ? decoded.packet.body : decoded.report;
    };
    expect(bodyOf(codec.encodeFail(header(), id('f')))).toMatchObject({ kind: 'fail', nodeId: id('f') });
    expect(bodyOf(codec.encodeUpdate(header(), id('f'), 9n, slots))).toMatchObject({
      kind: 'update',
      nodeId: id('f'),
      configEpoch: 9n,
      slots,
    });
    expect(bodyOf(codec.encodeBare(header(), PACKET_AUTH_ACK))).toMatchObject({ kind: 'auth-ack' });
    const [channel, message] = [Buffer.from('news'), Buffer.from('hello')];
    for (const bytes of [
      codec.encodePublish(header(), PACKET_PUBLISH, channel, message),
      codec.encodeLightPublish(PACKET_PUBLISH, channel, message),
    ]) {
      const body = bodyOf(bytes);
      expect(
        typeof body === 'object' && body.kind === 'publish' && [Buffer.from(body.channel).toString(), Buffer.from(body.message).toString()],
      ).toEqual(['news', 'hello']);
    }
  });

  test('a packet whose length does not fit its content is refused with the reason', () => {
    const bytes = codec.encodePing(header(), PACKET_PING, [entry], extensions);
    new DataView(bytes.buffer).setUint16(14, 5000);
    expect(codec.decodePacket(bytes)).toEqual({
      ok: false,
      report: `Received invalid ping packet with gossip count 5000 that exceeds total packet length (${bytes.length})`,
    });
    const light = codec.encodeLightPublish(PACKET_PUBLISH, Buffer.from('c'), Buffer.from('m'));
    new DataView(light.buffer).setUint32(16, 0xffff_ffff);
    expect(codec.decodePacket(light)).toMatchObject({ ok: false, report: expect.stringContaining('channel length') });
  });

  test('no mutated packet makes the decoder throw', () => {
    const seed = Date.now() % 1_000_000;
    const random = seededRandom(seed);
    const samples = [
      codec.encodePing(header(), PACKET_PING, [entry, entry, entry], extensions),
      codec.encodeUpdate(header(), id('f'), 9n, header().slots),
      codec.encodePublish(header(), PACKET_PUBLISH, Buffer.from('news'), Buffer.from('hello')),
      codec.encodeLightPublish(PACKET_PUBLISH, Buffer.from('news'), Buffer.from('hello')),
    ];
    for (let round = 0; round < 20_000; round++) {
      const sample = samples[round % samples.length];
      const bytes = sample.slice(0, random() < 0.2 ? Math.max(16, Math.floor(random() * sample.length)) : sample.length);
      for (let i = 0; i < 4; i++) {
        // Beyond the signature and the length; mostly where lengths and counts stand.
        const at = random() < 0.5 ? 8 + Math.floor(random() * 8) : 2208 + Math.floor(random() * (bytes.length - 2208));
        if (at > 7 && at < bytes.length) bytes[at] = Math.floor(random() * 256);
      }
      expect(() => codec.decodePacket(bytes), `seed ${seed}, round ${round}`).not.toThrow();
    }
  });

  test('text that nodes.conf could not hold counts as absent', () => {
    const bad = { ...extensions, hostname: 'a b', humanName: 'x,y=z', clientIpv4: '1.2.3', shardId: 'short' };
    const decoded = codec.decodePacket(codec.encodePing(header(), PACKET_PING, [], bad));
    expect(decoded.ok && decoded.packet.body.kind === 'ping' && decoded.packet.body.extensions).toMatchObject({
      hostname: '',
      humanName: '',
      clientIpv4: '',
      shardId: '',
    });
  });
});

describe('a link', () => {
  function linkWith(received: number[]) {
    const garbage: string[] = [];
    const link = new BusLink(
      { packet: (_link, bytes) => received.push(bytes.length), garbage: () => garbage.push('garbage'), queued() {}, sent() {} },
      undefined,
      true,
      0,
    );
    return { link, garbage };
  }

  test('cuts packets out of the stream however it is chopped', () => {
    const packets = [
      codec.encodeFail(header(), id('f')),
      codec.encodeBare(header(), PACKET_AUTH_ACK),
      codec.encodeLightPublish(PACKET_PUBLISH, Buffer.from('c'), Buffer.alloc(9000)),
    ];
    const stream = Buffer.concat(packets);
    for (const step of [1, 7, 1000, stream.length]) {
      const received: number[] = [];
      const { link } = linkWith(received);
      for (let at = 0; at < stream.length; at += step) link.receive(stream.subarray(at, at + step));
      expect(received).toEqual(packets.map(packet => packet.length));
    }
  });

  test('tells garbage from packets', () => {
    const received: number[] = [];
    const { link, garbage } = linkWith(received);
    link.receive(Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'));
    expect([received, garbage]).toEqual([[], ['garbage']]);
  });
});

test('IPv4 and IPv6 literals are told from other text', () => {
  expect(['1.2.3.4', '255.255.255.255', '0.0.0.0'].map(isIpv4)).toEqual([true, true, true]);
  expect(['256.1.1.1', '1.2.3', 'a.b.c.d', ''].map(isIpv4)).toEqual([false, false, false, false]);
  expect(['::', '::1', 'fe80::1', '1:2:3:4:5:6:7:8', '::ffff:1.2.3.4'].map(isIpv6)).toEqual([true, true, true, true, true]);
  expect(['1:2:3', '1::2::3', ':::', '12345::', '1.2.3.4'].map(isIpv6)).toEqual([false, false, false, false, false]);
});
