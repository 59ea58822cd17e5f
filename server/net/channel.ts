/**
 * A channel: an accepted socket, read into one buffer that all connections share, written without the layers of a Node.js stream.
 *
 * `openChannel` takes the socket's handle and writes to it directly (`stream_wrap`): at one request a packet that is 10-20 % less CPU than
 * `socket.write`. That door is not public API; where it is closed (`--permission`, another runtime), the public one is used. Both are hidden here.
 */

import net from 'node:net';
import { addressText } from '../../lib/address-text.ts';

/** What the owner of a channel hears. */
export interface ChannelEvents {
  /** `length` bytes lie at the beginning of the shared buffer; they are valid during the call. False: read no more until `resume`. */
  read(length: number): boolean;
  closed(reason: string): void;
}

export interface Channel {
  readonly remoteAddress: string;
  readonly localAddress: string;
  readonly fileDescriptor: number;
  /** Writes the pieces. True: the system took all of them at once; else `done` is called when they are written or the channel is closed, and they must stay as they are until then. One write at a time. */
  write(pieces: readonly Uint8Array[], done: () => void): boolean;
  /** The same for one piece. */
  writeOne(piece: Uint8Array, done: () => void): boolean;
  setKeepAlive(seconds: number): void;
  resume(): void;
  /** Says that nothing more will be written; closes when the peer does so too. */
  end(): void;
  destroy(): void;
}

interface StreamHandle {
  readonly fd: number;
  writeBuffer(request: object, bytes: Uint8Array): number;
  writev(request: object, pieces: readonly Uint8Array[], allBuffers: boolean): number;
}

interface WriteRequest {
  oncomplete: ((status: number) => void) | undefined;
  handle: StreamHandle | undefined;
  buffer: unknown;
}

interface StreamBinding {
  readonly WriteWrap: new () => WriteRequest;
  readonly streamBaseState: Int32Array;
  readonly kLastWriteWasAsync: number;
}

/** Node.js's internal door to stream handles, undefined where it is closed. */
export function streamBinding(): StreamBinding | undefined {
  try {
    const { binding } = process as unknown as { binding?: (name: string) => StreamBinding };
    const found = binding?.('stream_wrap');
    return found?.WriteWrap !== undefined && found.streamBaseState !== undefined && found.kLastWriteWasAsync !== undefined
      ? found
      : undefined;
  } catch {
    return undefined;
  }
}

/** Takes over a socket that was accepted with `pauseOnConnect`. */
export function openChannel(socket: net.Socket, shared: Buffer, events: ChannelEvents, binding: StreamBinding | undefined): Channel {
  const inside = socket as unknown as { _handle: StreamHandle | null };
  const handle = inside._handle;
  if (binding === undefined || handle === null || typeof handle.writeBuffer !== 'function')
    return new StreamChannel(socket, shared, events);
  inside._handle = null;
  return new HandleChannel(handle, shared, events, binding);
}

class HandleChannel implements Channel {
  readonly remoteAddress: string;
  readonly localAddress: string;
  readonly fileDescriptor: number;
  private readonly socket: net.Socket;
  private readonly handle: StreamHandle;
  private readonly binding: StreamBinding;
  private request: WriteRequest;
  private done: (() => void) | undefined;
  private closed = false;
  private reason = 'Client closed connection';

  constructor(handle: StreamHandle, shared: Buffer, events: ChannelEvents, binding: StreamBinding) {
    this.handle = handle;
    this.binding = binding;
    this.request = this.newRequest();
    // The types know only what is documented; a handle is taken as the library itself takes it.
    const options = { handle, onread: { buffer: shared, callback: (length: number) => events.read(length) } };
    this.socket = new net.Socket(options as unknown as net.SocketConstructorOpts);
    this.remoteAddress = addressText(this.socket.remoteAddress, this.socket.remotePort);
    this.localAddress = addressText(this.socket.localAddress, this.socket.localPort);
    this.fileDescriptor = handle.fd;
    this.socket.on('error', error => {
      this.reason = error.message;
    });
    this.socket.on('close', () => {
      this.closed = true;
      this.completed();
      events.closed(this.reason);
    });
    this.socket.read(0);
  }

  writeOne(piece: Uint8Array, done: () => void): boolean {
    if (this.closed || this.socket.destroyed) return true;
    return this.taken(this.handle.writeBuffer(this.request, piece), piece, done);
  }

  write(pieces: readonly Uint8Array[], done: () => void): boolean {
    if (this.closed || this.socket.destroyed) return true;
    if (pieces.length === 1) return this.writeOne(pieces[0], done);
    return this.taken(this.handle.writev(this.request, pieces, true), pieces, done);
  }

  private taken(error: number, memory: unknown, done: () => void): boolean {
    const { request, binding } = this;
    if (error !== 0) {
      this.reason = 'write failed';
      this.socket.destroy();
      return true;
    }
    if (binding.streamBaseState[binding.kLastWriteWasAsync] === 0) return true;
    // The system reads from this memory until the request is complete.
    request.buffer = memory;
    this.done = done;
    this.request = this.newRequest();
    return false;
  }

  setKeepAlive(seconds: number): void {
    this.socket.setKeepAlive(seconds > 0, seconds * 1000);
  }

  resume(): void {
    this.socket.resume();
    this.socket.read(0);
  }

  end(): void {
    this.socket.end();
    this.socket.resume();
  }

  destroy(): void {
    this.socket.destroy();
  }

  private newRequest(): WriteRequest {
    const request = new this.binding.WriteWrap();
    request.handle = this.handle;
    request.oncomplete = status => {
      request.buffer = undefined;
      if (status < 0) this.socket.destroy();
      this.completed();
    };
    return request;
  }

  private completed(): void {
    const done = this.done;
    this.done = undefined;
    done?.();
  }
}

/** The same over the public API: reads are copied into the shared buffer. */
class StreamChannel implements Channel {
  readonly remoteAddress: string;
  readonly localAddress: string;
  readonly fileDescriptor = -1;
  private readonly socket: net.Socket;
  private reason = 'Client closed connection';
  private done: (() => void) | undefined;

  constructor(socket: net.Socket, shared: Buffer, events: ChannelEvents) {
    this.socket = socket;
    this.remoteAddress = addressText(socket.remoteAddress, socket.remotePort);
    this.localAddress = addressText(socket.localAddress, socket.localPort);
    socket.on('data', (chunk: Buffer) => {
      for (let from = 0; from < chunk.length; from += shared.length) {
        const length = Math.min(shared.length, chunk.length - from);
        chunk.copy(shared, 0, from, from + length);
        if (!events.read(length)) socket.pause();
      }
    });
    socket.on('error', error => {
      this.reason = error.message;
    });
    socket.on('close', () => {
      this.completed();
      events.closed(this.reason);
    });
    socket.resume();
  }

  writeOne(piece: Uint8Array, done: () => void): boolean {
    return this.write([piece], done);
  }

  write(pieces: readonly Uint8Array[], done: () => void): boolean {
    if (this.socket.destroyed) return true;
    this.done = done;
    this.socket.cork();
    // A stream keeps what it is given: the caller's memory is in use until the last piece is written.
    pieces.forEach((piece, index) => this.socket.write(piece, index === pieces.length - 1 ? () => this.completed() : undefined));
    this.socket.uncork();
    return false;
  }

  setKeepAlive(seconds: number): void {
    this.socket.setKeepAlive(seconds > 0, seconds * 1000);
  }

  resume(): void {
    this.socket.resume();
  }

  end(): void {
    this.socket.end();
  }

  destroy(): void {
    this.socket.destroy();
  }

  private completed(): void {
    const done = this.done;
    this.done = undefined;
    done?.();
  }
}
