/** Before and after all end-to-end tests: the local Kubernetes runs, unless SLOTKEEPER_CONTEXT names another; SLOTKEEPER_KEEP=1 leaves it running. */
import { down, isUp, up } from '../cluster/main.ts';
import { tell } from '../cluster/progress.ts';
import { connectKubernetes } from './kubernetes.ts';

let startedHere = false;
let endProxy = (): void => {};

export async function setup(): Promise<void> {
  await prepareKubernetes();
  endProxy = await connectKubernetes().readOverProxy();
}

async function prepareKubernetes(): Promise<void> {
  if (process.env['SLOTKEEPER_CONTEXT']) return;
  if (isUp() && !process.env['CI']) {
    tell('The local Kubernetes runs already, with the images it has; "node test/cluster/main.ts load" brings those of this checkout.');
    return;
  }
  // CI begins with a new one: an older one holds an older operator and its images.
  if (isUp()) await down();
  startedHere = true;
  await up();
}

export async function teardown(): Promise<void> {
  endProxy();
  if (startedHere && !process.env['SLOTKEEPER_KEEP']) await down();
}
