/**
 * One connection of the bus, ours to a node or a node's to us: cuts the byte stream into packets, and holds packets back until the
 * state they speak of is on the disk (`flush`).
 *
 * A stream that does not begin with a packet closes the link; what a packet says is judged elsewhere.
 */

import { PREFIX_BYTES, packetLength, packetType } from './bus-codec.ts';
import type { ClusterNode, NodeLink } from './cluster-node.ts';
import type { BusSocket } from './environment.ts';

const FIRST_BUFFER_BYTES = 4096;

export interface LinkOwner {
  /** A whole packet; `bytes` are valid during the call. The link may be closed when it returns. */
  packet(link: BusLink, bytes: Uint8Array): void;
  /** The bytes are no packets. */
  garbage(link: BusLink): void;
  /** Packets wait for `flush`. */
  queued(link: BusLink): void;
  /** `bytes` of type `type` were handed to the socket. */
  sent(type: number, bytes: number): void;
}

export class BusLink implements NodeLink {
  readonly createdAt: number;
  readonly inbound: boolean;
  /** The node at the other end, once it is known. */
  node: ClusterNode | undefined;
  /** The peer set the bit for extensions on this link. */
  knowsExtensions = false;
  /** Bytes can be sent: an outgoing connection stands. */
  open: boolean;
  closed = false;
  readonly #owner: LinkOwner;
  #socket: BusSocket | undefined;
  #buffer = new Uint8Array(FIRST_BUFFER_BYTES);
  #length = 0;
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;

  constructor(owner: LinkOwner, node: ClusterNode | undefined, inbound: boolean, now: number) {
    this.#owner = owner;
    this.node = node;
    this.inbound = inbound;
    this.open = inbound;
    this.createdAt = now;
  }

  attach(socket: BusSocket): void {
    this.#socket = socket;
  }

  get remoteAddress(): string {
    return this.#socket?.remoteAddress ?? '';
  }

  get remotePort(): number {
    return this.#socket?.remotePort ?? 0;
  }

  get localAddress(): string {
    return this.#socket?.localAddress ?? '';
  }

  /** Bytes that wait here and in the socket. */
  get sendBufferBytes(): number {
    return this.#queuedBytes + (this.#socket?.pendingBytes ?? 0);
  }

  /** Queues a whole packet; shared between links, so nobody changes it. */
  send(packet: Uint8Array): void {
    if (this.closed) return;
    this.#queue.push(packet);
    this.#queuedBytes += packet.length;
    this.#owner.queued(this);
  }

  flush(): void {
    if (this.closed || !this.open || this.#socket === undefined) return;
    const queue = this.#queue;
    this.#queue = [];
    this.#queuedBytes = 0;
    for (const packet of queue) {
      this.#socket.write(packet);
      this.#owner.sent(packetType(packet), packet.length);
    }
  }

  receive(bytes: Uint8Array): void {
    this.#append(bytes);
    let start = 0;
    while (!this.closed && this.#length - start >= PREFIX_BYTES) {
      const total = packetLength(this.#buffer.subarray(start, start + PREFIX_BYTES));
      if (total === undefined) {
        this.#length = 0;
        this.#owner.garbage(this);
        return;
      }
      if (this.#length - start < total) break;
      this.#owner.packet(this, this.#buffer.subarray(start, start + total));
      start += total;
    }
    this.#discard(start);
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#socket?.close();
  }

  #append(bytes: Uint8Array): void {
    const needed = this.#length + bytes.length;
    if (needed > this.#buffer.length) {
      const grown = new Uint8Array(Math.max(needed, this.#buffer.length * 2));
      grown.set(this.#buffer.subarray(0, this.#length));
      this.#buffer = grown;
    }
    this.#buffer.set(bytes, this.#length);
    this.#length = needed;
  }

  #discard(bytes: number): void {
    if (bytes === 0) return;
    this.#buffer.copyWithin(0, bytes, this.#length);
    this.#length -= bytes;
    if (this.#length === 0 && this.#buffer.length > 64 * FIRST_BUFFER_BYTES) this.#buffer = new Uint8Array(FIRST_BUFFER_BYTES);
  }
}
