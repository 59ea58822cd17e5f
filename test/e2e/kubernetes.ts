/**
 * The Kubernetes that the end-to-end tests and the demo run on: the current or a named context of the user's kubeconfig
 * (SLOTKEEPER_CONTEXT, or --context of the demo), else the local one of test/cluster, which is started when it does not run.
 *
 * Images have to be there already on a cluster of one's own: SLOTKEEPER_IMAGE names ours (default localhost/slotkeeper:dev),
 * SLOTKEEPER_REFERENCE_IMAGE upstream's. `<image>` and its tag `next` are the two sides of an image change.
 */
import { join, normalize } from 'node:path';
import type { ApiObject } from './api-object.ts';
import { ApiReader, startApiProxy } from './api-reader.ts';
import { referenceFolder, referenceImage, referenceNextImage, slotkeeperImage, slotkeeperNextImage } from '../cluster/images.ts';
import { helm as localHelm, kubeconfig as localKubeconfig, kubectl as localKubectlProgram } from '../cluster/places.ts';
import { command } from '../cluster/progress.ts';

export const CHECKOUT = normalize(join(import.meta.dirname, '../..'));
export const OPERATOR_NAMESPACE = 'slotkeeper-system';
export const RELEASE = 'slotkeeper';

export type NodeImage = { readonly title: string; readonly ours: boolean; readonly current: string; readonly next: string };

export class Kubernetes {
  /** The context of the user's kubeconfig; undefined for the local Kubernetes of test/cluster. */
  readonly context: string | undefined;

  constructor(context: string | undefined) {
    this.context = context === '' ? undefined : context;
  }

  get isLocal(): boolean {
    return this.context === undefined;
  }

  /** From here on objects are read over one proxy instead of a kubectl for each look; resolves to what ends that. */
  readOverProxy(): Promise<() => void> {
    return startApiProxy(this.isLocal ? localKubectlProgram : 'kubectl', this.#selection('--context'));
  }

  kubectl(
    args: readonly string[],
    options: { readonly input?: string; readonly allowFailure?: boolean; readonly timeoutMs?: number } = {},
  ): Promise<string> {
    const program = this.isLocal ? localKubectlProgram : 'kubectl';
    return command(program, [...this.#selection('--context'), ...args], { timeoutMs: 120_000, ...options });
  }

  helm(args: readonly string[]): Promise<string> {
    return command(this.isLocal ? localHelm : 'helm', [...this.#selection('--kube-context'), ...args], { timeoutMs: 300_000 });
  }

  #selection(contextFlag: string): readonly string[] {
    return this.isLocal ? ['--kubeconfig', localKubeconfig] : [contextFlag, this.context ?? ''];
  }

  apply(manifest: object): Promise<string> {
    return this.kubectl(['apply', '-f', '-'], { input: JSON.stringify(manifest) });
  }

  async get(kind: string, name: string, namespace: string): Promise<ApiObject | undefined> {
    const reader = ApiReader.running();
    if (reader !== undefined && ApiReader.knows(`${kind}s`)) return reader.get(`${kind}s`, name, namespace);
    const text = await this.kubectl(['get', kind, name, '-n', namespace, '-o', 'json', '--ignore-not-found']);
    return text.trim() === '' ? undefined : (JSON.parse(text) as ApiObject);
  }

  async list(kinds: string, namespace: string, selector = ''): Promise<readonly ApiObject[]> {
    const reader = ApiReader.running();
    const plurals = kinds.split(',');
    if (reader !== undefined && plurals.every(plural => ApiReader.knows(plural)))
      return (await Promise.all(plurals.map(plural => reader.list(plural, namespace, selector)))).flat();
    const labels = selector === '' ? [] : ['-l', selector];
    const text = await this.kubectl(['get', kinds, '-n', namespace, '-o', 'json', ...labels]);
    return (JSON.parse(text) as { items: ApiObject[] }).items;
  }

  /** Installs the operator by its Helm chart, or upgrades it, and waits until it runs. */
  async installOperator(): Promise<void> {
    const image = imageParts(process.env['SLOTKEEPER_IMAGE'] ?? slotkeeperImage);
    const values = [`image.repository=${image.repository}`, `image.tag=${image.tag}`, 'image.pullPolicy=IfNotPresent'];
    await this.helm([
      'upgrade',
      '--install',
      RELEASE,
      join(CHECKOUT, 'charts/slotkeeper'),
      '--namespace',
      OPERATOR_NAMESPACE,
      '--create-namespace',
      ...values.flatMap(value => ['--set', value]),
    ]);
    await this.kubectl([
      'rollout',
      'status',
      'deployment',
      '-n',
      OPERATOR_NAMESPACE,
      '--timeout=90s',
      '-l',
      `app.kubernetes.io/instance=${RELEASE}`,
    ]);
  }

  async uninstallOperator(): Promise<void> {
    await this.helm(['uninstall', RELEASE, '--namespace', OPERATOR_NAMESPACE, '--ignore-not-found', '--wait']);
  }

  operatorPods(): Promise<readonly ApiObject[]> {
    return this.list('pods', OPERATOR_NAMESPACE, `app.kubernetes.io/instance=${RELEASE}`);
  }

  /** Kills the operator's pods at once, without a grace period; others take their place. */
  async killOperator(): Promise<void> {
    const names = (await this.operatorPods()).map(pod => pod.metadata.name);
    if (names.length > 0)
      await this.kubectl(['delete', 'pod', '-n', OPERATOR_NAMESPACE, '--grace-period=0', '--force', '--wait=false', ...names], {
        allowFailure: true,
      });
  }
}

export const connectKubernetes = (): Kubernetes => new Kubernetes(process.env['SLOTKEEPER_CONTEXT']);

/** The whole matrix instead of each scenario once. */
export const FULL = (process.env['SLOTKEEPER_FULL'] ?? '') !== '';

const OURS: NodeImage = {
  title: "Slotkeeper's server",
  ours: true,
  current: process.env['SLOTKEEPER_IMAGE'] ?? slotkeeperImage,
  next: process.env['SLOTKEEPER_NEXT_IMAGE'] ?? slotkeeperNextImage,
};
const REFERENCE: NodeImage = {
  title: 'the reference server',
  ours: false,
  current: process.env['SLOTKEEPER_REFERENCE_IMAGE'] ?? referenceImage,
  next: process.env['SLOTKEEPER_REFERENCE_NEXT_IMAGE'] ?? referenceNextImage,
};

/**
 * The images that a scenario runs with: both in a full run; else one, in turn, by the scenario's number. The reference image needs a build of
 * the reference server, or its name in SLOTKEEPER_REFERENCE_IMAGE. SLOTKEEPER_E2E_IMAGES=ours|reference|both chooses by hand.
 */
export function imagesFor(scenario: number): readonly NodeImage[] {
  const choice = process.env['SLOTKEEPER_E2E_IMAGES'] ?? (FULL ? 'both' : 'turn');
  const referenceAvailable = process.env['SLOTKEEPER_REFERENCE_IMAGE'] !== undefined || referenceFolder() !== undefined;
  const ours = choice === 'ours' || !referenceAvailable;
  if (ours) return [OURS];
  if (choice === 'reference') return [REFERENCE];
  if (choice === 'both') return [OURS, REFERENCE];
  return [scenario % 2 === 0 ? OURS : REFERENCE];
}

function imageParts(image: string): { readonly repository: string; readonly tag: string } {
  const colon = image.lastIndexOf(':');
  return { repository: image.slice(0, colon), tag: image.slice(colon + 1) };
}
