/** Sends fuzzed requests to a server of this process and watches that it neither crashes nor hangs, and that no handler throws. */

import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer } from '../../server/server.ts';
import type { Directives } from '../../server/server.ts';
import { RequestFuzzer } from './request-fuzzer.ts';

/** A PING must be answered within this time, whatever the other client sends. */
const PATIENCE_MS = 5000;
const BATCH = 50;

export interface FuzzResult {
  readonly sent: number;
  /** What handlers threw: bugs. */
  readonly bugs: readonly string[];
}

/** @param directives of the server; cluster mode finds other paths. */
export async function fuzz(seed: number, requests: number, directives: Directives): Promise<FuzzResult> {
  const bugs: string[] = [];
  const note = (message: string): void => {
    if (message.includes('failed by a bug')) bugs.push(message);
  };
  const log = { write: () => {}, debug: () => {}, verbose: () => {}, notice: () => {}, warning: note };
  // SAVE is among the commands that are fuzzed.
  const dir = mkdtempSync(join(tmpdir(), 'slotkeeper-fuzz-'));
  const server = await createServer({ directives: { dir, ...directives }, log });
  const fuzzer = new RequestFuzzer(server.ports.commands.all, seed);
  const control = net.connect(server.port, '127.0.0.1');
  let sent = 0;
  try {
    while (sent < requests && bugs.length < 20) {
      const whole = fuzzer.random() < 0.5;
      let batch = '';
      for (let i = 0; i < BATCH; i++) batch += fuzzer.request(whole);
      sent += BATCH;
      await sendAndForget(server.port, batch);
      await answersPing(control);
    }
  } finally {
    control.destroy();
    await server.close();
    rmSync(dir, { recursive: true, force: true });
  }
  return { sent, bugs };
}

/** Sends, reads until the server closes or has taken all, and leaves. */
function sendAndForget(port: number, batch: string): Promise<void> {
  return new Promise(resolve => {
    const socket = net.connect(port, '127.0.0.1');
    socket.on('data', () => {});
    socket.on('error', () => {});
    socket.on('close', () => resolve());
    socket.end(Buffer.from(batch, 'latin1'));
  });
}

function answersPing(socket: net.Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('The server hangs: PING was not answered')), PATIENCE_MS);
    socket.once('data', () => {
      clearTimeout(timer);
      resolve();
    });
    socket.write('PING\r\n');
  });
}
