/**
 * The dashboard: asks for the state every two seconds while somebody looks, and for the columns of the heat map when there are new ones.
 * The choices (cluster, what the colour shows) stand in the address, so that a link shows the same.
 */

import { clock, METRICS } from './format.js';
import { HeatMap } from './heat-map.js';
import { element, showConditions, showDecisions, showHottest, showMoves, showShards, showSummary } from './parts.js';

const ASK_EVERY_MS = 2000;
const SLOTS = 16384;

const at = id => document.getElementById(id);
const chosen = new URLSearchParams(location.hash.slice(1));
let metric = METRICS.find(({ name }) => name === chosen.get('show')) ?? METRICS[0];
let key = chosen.get('cluster') ?? '';
let cluster;
/** The columns as they came, and what they belong to. */
let columns;
let columnsOf = '';
let slot = -1;
let shard = -1;
const map = new HeatMap(at('map'), which => {
  slot = which;
  showReadout();
});

for (const each of METRICS) {
  const input = element('input', { type: 'radio', name: 'metric', value: each.name });
  input.checked = each === metric;
  input.addEventListener('change', () => {
    metric = each;
    remember();
    showSlots();
  });
  at('metrics').append(element('label', {}, input, each.title));
}
at('clusters').addEventListener('change', event => {
  key = event.target.value;
  shard = -1;
  remember();
  void ask();
});
at('shards').addEventListener('click', event => {
  const button = event.target.closest('button[data-shard]');
  if (button === null) return;
  shard = Number(button.dataset.shard) === shard ? -1 : Number(button.dataset.shard);
  map.highlight(shard);
  showShards(cluster.shards, shard);
});
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) void ask();
});

function remember() {
  history.replaceState(null, '', `#${new URLSearchParams({ cluster: key, show: metric.name })}`);
}

let asking = false;
async function ask() {
  if (asking || document.hidden) return;
  asking = true;
  try {
    show(await (await get('api/state')).json());
    await askColumns();
    say(`Live, ${clock(Date.now())}`, 'live');
  } catch (error) {
    say(`No answer from Slotkeeper: ${error.message}`, 'lost');
  }
  asking = false;
}

async function get(path) {
  const answer = await fetch(path, { signal: AbortSignal.timeout(10_000) });
  if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`);
  return answer;
}

function say(text, tone) {
  const connection = at('connection');
  connection.className = tone;
  // A live clock would be read out every two seconds.
  connection.setAttribute('aria-live', tone === 'live' ? 'off' : 'polite');
  connection.textContent = text;
}

function show({ leads, clusters }) {
  cluster = clusters.find(each => each.key === key) ?? clusters[0];
  key = cluster?.key ?? key;
  at('content').hidden = cluster === undefined;
  at('empty').hidden = cluster !== undefined;
  at('empty').textContent = leads
    ? 'There are no Valkey clusters yet.'
    : 'This operator waits: another one works, and its dashboard shows the clusters.';
  at('chooser').hidden = clusters.length < 2;
  const names = clusters.map(each => each.key).join('\n');
  const select = at('clusters');
  if (select.dataset.names !== names) {
    select.dataset.names = names;
    select.replaceChildren(...clusters.map(each => element('option', { value: each.key }, each.key)));
  }
  select.value = key;
  if (cluster === undefined) return;
  document.title = `${cluster.name}: ${cluster.state} · Slotkeeper`;
  showSummary(cluster);
  showShards(cluster.shards, shard);
  showMoves(cluster.moves);
  showConditions(cluster.conditions);
  showDecisions(cluster.decisions);
  at('sampled').textContent =
    cluster.sampledAtMs === null ? 'The nodes tell no slot statistics yet.' : `Counted at ${clock(cluster.sampledAtMs)}.`;
}

async function askColumns() {
  if (cluster === undefined) return;
  const wanted = `${key} ${cluster.sampledAtMs} ${cluster.shards.map(({ index, ranges }) => `${index}:${ranges}`).join(' ')}`;
  if (wanted === columnsOf) return;
  const buffer = await (await get(`api/slots?cluster=${encodeURIComponent(key)}`)).arrayBuffer();
  columns = Array.from({ length: buffer.byteLength / 4 / SLOTS }, (_, i) => new Float32Array(buffer, i * SLOTS * 4, SLOTS));
  columnsOf = wanted;
  showSlots();
}

function showSlots() {
  if (columns === undefined) return;
  const values = columns[metric.column];
  map.show(values, columns[0]);
  at('most').textContent = metric.show(map.most);
  showHottest(values, columns[0], metric);
  showReadout();
}

function showReadout() {
  const readout = at('readout');
  if (slot < 0 || columns === undefined) {
    readout.replaceChildren('Point at a slot, or move with the arrow keys.');
    return;
  }
  const owner = columns[0][slot];
  const primary = cluster.shards.find(({ index }) => index === owner)?.primary;
  const figures = METRICS.map(({ title, column, show: text }) => {
    const value = columns[column][slot];
    return `${title} ${Number.isNaN(value) ? 'not known yet' : text(value)}`;
  });
  readout.replaceChildren(
    element('b', {}, `Slot ${slot}`),
    owner < 0 ? ', served by nobody' : `, shard ${owner} (${primary || 'no primary'})`,
    element('small', {}, figures.join(' · ')),
  );
}

void ask();
setInterval(() => void ask(), ASK_EVERY_MS);
