/** Before and after all end-to-end tests: the local Kubernetes runs, unless SLOTKEEPER_CONTEXT names another; SLOTKEEPER_KEEP=1 leaves it running. */
import { down, isUp, up } from '../cluster/main.ts';

let startedHere = false;

export async function setup(): Promise<void> {
  if (process.env['SLOTKEEPER_CONTEXT'] || isUp()) return;
  startedHere = true;
  await up();
}

export async function teardown(): Promise<void> {
  if (startedHere && !process.env['SLOTKEEPER_KEEP']) await down();
}
