/**
 * The dashboard in a real browser: Debian's Chromium over its own protocol, against the server that the operator runs, with made-up turns.
 *
 * SLOTKEEPER_CHROMIUM names another browser of the kind. SLOTKEEPER_SCREENSHOTS is a folder to leave pictures in.
 */
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Dashboard, type DashboardState } from '../../operator/dashboard/dashboard.ts';
import { type DashboardServer, startDashboardServer } from '../../operator/dashboard/dashboard-server.ts';
import { turnOf } from '../support/dashboard-turns.ts';

const CHROMIUM = process.env['SLOTKEEPER_CHROMIUM'] ?? '/usr/bin/chromium';
const missing = !existsSync(CHROMIUM);
const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
/** A machine that does other things too. */
const LIMIT_MS = 30_000;
const HOT = [5, 700, 701, 2_000, 3_333, 4_100, 4_101, 4_102, 5_000];

describe.skipIf(missing)(
  `the dashboard in a browser${missing ? ` (skipped: ${CHROMIUM} is missing, apt-get install chromium)` : ''}`,
  () => {
    const dashboard = new Dashboard();
    let server: DashboardServer;
    let browser: Browser;
    let atMs = Date.now() - 60_000;
    let turns = 0;

    /** Nine slots of shard 0 are hot, the others have a little of everything. */
    function turn(name?: string): void {
      turns++;
      atMs += 10_000;
      dashboard.turned(
        turnOf({
          ...(name === undefined ? {} : { name }),
          atMs,
          counted: slot => {
            const share = HOT.includes(slot) ? 80_000 : 5 + ((slot * 7919) % 97) / 3;
            return { keys: (slot * 31) % 60, cpuMicroseconds: Math.round(share * turns * 10), bytes: Math.round(share * turns * 40) };
          },
          cpuSeconds: shard => turns * (shard === 0 ? 8.8 : 1.4 + shard),
        }),
      );
    }

    beforeAll(async () => {
      dashboard.leads(true);
      server = await startDashboardServer(dashboard, { port: 0, host: '127.0.0.1' });
      browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGUMENTS, timeout: 60_000 });
    }, 90_000);

    afterAll(async () => {
      await browser?.close();
      await server?.close();
    });

    async function open(colorScheme: 'light' | 'dark', width = 1360): Promise<{ page: Page; problems: string[] }> {
      const page = await browser.newPage({ colorScheme, viewport: { width, height: 1050 } });
      page.setDefaultTimeout(LIMIT_MS);
      const problems: string[] = [];
      page.on('pageerror', error => problems.push(error.message));
      page.on('console', message => {
        if (message.type() === 'error') problems.push(message.text());
      });
      await page.goto(`http://127.0.0.1:${server.port}/`);
      return { page, problems };
    }

    async function picture(page: Page, name: string): Promise<void> {
      const folder = process.env['SLOTKEEPER_SCREENSHOTS'];
      if (folder === undefined) return;
      mkdirSync(folder, { recursive: true });
      await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
    }

    it('says that there is nothing, then shows the cluster that comes without being loaded again', async () => {
      const { page, problems } = await open('light');
      await page.getByText('There are no Valkey clusters yet.').waitFor();
      turn();
      turn();
      dashboard.decided('default/shop', { type: 'Normal', reason: 'ClusterFormed', note: 'The nodes form one cluster' }, atMs - 9_000);
      dashboard.decided('default/shop', { type: 'Warning', reason: 'PrimaryLost', note: 'shop-1-0 does not answer' }, atMs);
      await page.getByRole('heading', { name: 'Shards' }).waitFor();
      expect(await page.locator('#summary').textContent()).toContain('Ready');
      expect(await page.title()).toBe('shop: Ready · Slotkeeper');
      await page.getByText('shop-1-0 does not answer').waitFor();
      expect(await page.locator('#decisions li').allTextContents()).toEqual([
        expect.stringContaining('PrimaryLost'),
        expect.stringContaining('ClusterFormed'),
      ]);
      expect(await page.locator('#conditions li').count()).toBe(4);
      expect(await page.locator('#moves-card').isVisible()).toBe(false);
      await page.close();
      expect(problems).toEqual([]);
    });

    it('draws load: the hot slots stand out, are listed, and their shard is far above the mean', async () => {
      const { page, problems } = await open('light');
      await page.getByText('CPU', { exact: true }).first().click();
      await page.locator('#hottest tbody tr').first().waitFor();
      const hottest = await page.locator('#hottest tbody tr td:first-child').allTextContents();
      expect(hottest).toEqual(HOT.slice(0, 8).map(String));
      expect(await page.locator('#shards tbody tr').first().textContent()).toContain('88 %');
      expect(await page.locator('#shards tbody tr').first().textContent()).toMatch(/1\.81×/);
      expect(page.url()).toContain('show=cpu');
      const colour = (slot: number): Promise<number> =>
        page.locator('#map').evaluate((canvas, which) => {
          const cell = (canvas as unknown as { width: number }).width / 128;
          const context = (
            canvas as unknown as { getContext(kind: string): { getImageData(...box: number[]): { data: number[] } } }
          ).getContext('2d');
          const { data } = context.getImageData((which % 128) * cell + cell / 2, Math.floor(which / 128) * cell + cell / 2, 1, 1);
          return data[0] + data[1] + data[2];
        }, slot);
      // Dark is much, on a light page.
      expect(await colour(4_101)).toBeLessThan((await colour(6_000)) - 150);
      await picture(page, 'light-cpu');
      await page.close();
      expect(problems).toEqual([]);
    });

    it('tells of a slot under the pointer and by keys, and shows one shard alone', async () => {
      const { page, problems } = await open('dark');
      const map = page.locator('#map');
      await page.locator('#hottest tbody tr').first().waitFor();
      await map.focus();
      await page.keyboard.press('ArrowRight');
      await page.keyboard.press('ArrowDown');
      await page.keyboard.press('ArrowRight');
      expect(await page.locator('#readout').textContent()).toMatch(
        /^Slot 129, shard 0 \(shop-0-0\)Keys 39 · CPU .* · Network .*\/s · Memory .*B$/,
      );
      await page.locator('#metrics label', { hasText: 'Network' }).click();
      const box = await map.boundingBox();
      await page.mouse.move((box?.x ?? 0) + ((box?.width ?? 0) * 100.5) / 128, (box?.y ?? 0) + ((box?.height ?? 0) * 64.5) / 128);
      expect(await page.locator('#readout').textContent()).toContain(`Slot ${64 * 128 + 100}, shard 1 (shop-1-0)`);
      await picture(page, 'dark-network');
      await page.getByRole('button', { name: '2', exact: true }).click();
      expect(await page.locator('#shards tr.chosen').textContent()).toContain('shop-2-0');
      await picture(page, 'dark-one-shard');
      await page.close();
      expect(problems).toEqual([]);
    });

    it('shows slots on their way with their progress, and nothing of it when there are none', async () => {
      const moves: DashboardState['clusters'][number]['moves'] = [
        { from: 0, to: 2, slots: '700-701', someSlots: '700-701', state: 'replicating', progress: 0.4 },
        { from: 0, to: null, slots: '5', someSlots: '5', state: 'connecting', progress: null },
      ];
      const { page } = await open('light');
      await page.route('**/api/state', async route => {
        const state = (await (await route.fetch()).json()) as DashboardState;
        await route.fulfill({ json: { ...state, clusters: state.clusters.map(cluster => ({ ...cluster, moves })) } });
      });
      await page.getByRole('heading', { name: 'Slots on their way' }).waitFor();
      expect(await page.locator('#moves li').allTextContents()).toEqual([
        'shard 0 → shard 2: slots 700-701replicating, 40 %',
        'shard 0 → elsewhere: slots 5connecting',
      ]);
      expect(await page.locator('#moves progress').first().getAttribute('value')).toBe('0.4');
      await picture(page, 'light-moves');
      await page.unroute('**/api/state');
      await page.locator('#moves-card').waitFor({ state: 'hidden' });
      await page.close();
    });

    it('stays in one column on a small screen, and says when nobody answers any more', async () => {
      turn('other');
      const { page } = await open('light', 400);
      await page.locator('#hottest tbody tr').first().waitFor();
      expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
      expect(await page.locator('#clusters option').allTextContents()).toEqual(['default/other', 'default/shop']);
      await page.locator('#clusters').selectOption('default/shop');
      await page.locator('#summary', { hasText: 'shop' }).waitFor();
      await picture(page, 'small');
      await server.close();
      await page.getByText('No answer from Slotkeeper').waitFor();
      await page.close();
    });
  },
);
