/** The parts of the page beside the heat map: each is drawn anew from the state. Only text is put in, never markup. */

import { count, METRICS, moment, share } from './format.js';

const HOTTEST = 8;

/** @param {string} tag @param {Record<string, string>} attributes @param {...(Node | string)} children */
export function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** Replaces the children only when they differ: what is focused or selected stays so. */
function fill(id, children) {
  const parent = document.getElementById(id);
  const next = element('div', {}, ...children);
  if (parent.innerHTML !== next.innerHTML) parent.replaceChildren(...next.childNodes);
}

function fillTable(id, titles, rows) {
  const head = element('tr', {}, ...titles.map(title => element('th', { scope: 'col' }, title)));
  const [thead, tbody] = document.getElementById(id).children;
  if (thead.textContent !== head.textContent) thead.replaceChildren(head);
  const next = element('tbody', {}, ...rows);
  if (tbody.innerHTML !== next.innerHTML) tbody.replaceChildren(...next.childNodes);
}

export function showSummary(cluster) {
  const tone = { Ready: 'good', Degraded: 'bad', Failed: 'bad' }[cluster.state] ?? 'busy';
  fill('summary', [
    element('b', {}, cluster.name),
    element('span', {}, cluster.namespace),
    element('span', { class: `state ${tone}` }, cluster.state),
    element('span', {}, `${cluster.ready} nodes`),
    element('span', {}, cluster.version === '' ? '' : `Valkey ${cluster.version}`),
    element('span', {}, cluster.connection),
  ]);
}

/** A row a shard: what it carries, against the mean of all. @param {number} chosen index of the shard that is shown alone */
export function showShards(shards, chosen) {
  const metrics = METRICS.map(metric => ({ ...metric, of: shard => shard.load[metric.name === 'memory' ? 'memoryBytes' : metric.name] }));
  const scales = metrics.map(({ of }) => scaleOf(shards.map(of)));
  const rows = shards.map(shard => {
    const replicas = shard.nodes.filter(node => node.name !== shard.primary);
    const ready = replicas.filter(node => node.ready).length;
    return element(
      'tr',
      shard.index === chosen ? { class: 'chosen' } : {},
      element(
        'td',
        {},
        element('button', { type: 'button', 'data-shard': String(shard.index), 'aria-pressed': String(shard.index === chosen) }, String(shard.index)),
      ),
      element(
        'td',
        {},
        shard.primary === '' ? 'no primary' : shard.primary,
        element('small', {}, replicas.length === 0 ? 'no replicas' : `${ready} of ${replicas.length} replicas ready`),
      ),
      element('td', {}, count(shard.slots)),
      ...metrics.map((metric, i) => loadCell(metric.of(shard), scales[i], metric.show)),
    );
  });
  fillTable('shards', ['Shard', 'Primary', 'Slots', ...METRICS.map(metric => metric.title)], rows);
}

function scaleOf(values) {
  const known = values.filter(value => value !== null);
  return { most: Math.max(0, ...known), mean: known.length === 0 ? 0 : known.reduce((sum, value) => sum + value, 0) / known.length };
}

function loadCell(value, { most, mean }, show) {
  if (value === null) return element('td', { class: 'load' }, '–');
  const against = mean > 0 ? `${(value / mean).toFixed(2)}×` : '';
  const width = part => `${most > 0 ? Math.round((part / most) * 1000) / 10 : 0}%`;
  const bar = element('i', {});
  const mark = element('b', {});
  // The page's policy allows no style in markup; the object model sets it.
  bar.style.width = width(value);
  mark.style.left = width(mean);
  return element('td', { class: 'load' }, show(value), element('small', {}, against), element('span', { class: 'track', 'aria-hidden': 'true' }, bar, mark));
}

/** @param {Float32Array} values @param {Float32Array} shards */
export function showHottest(values, shards, metric) {
  const order = Array.from(values.keys()).filter(slot => values[slot] > 0);
  order.sort((a, b) => values[b] - values[a] || a - b);
  const sum = order.reduce((total, slot) => total + values[slot], 0);
  const rows = order
    .slice(0, HOTTEST)
    .map(slot =>
      element(
        'tr',
        {},
        element('td', {}, String(slot)),
        element('td', {}, String(shards[slot])),
        element('td', {}, metric.show(values[slot])),
        element('td', {}, share(values[slot] / sum)),
      ),
    );
  const nothing = element('tr', {}, element('td', { colspan: '4' }, `No slot has any ${metric.title === 'CPU' ? 'CPU time' : metric.title.toLowerCase()} now.`));
  fillTable('hottest', ['Slot', 'Shard', metric.title, 'Of all'], rows.length === 0 ? [nothing] : rows);
}

export function showMoves(moves) {
  document.getElementById('moves-card').hidden = moves.length === 0;
  const shard = index => (index === null ? 'elsewhere' : `shard ${index}`);
  fill(
    'moves',
    moves.map(({ from, to, slots, someSlots, state, progress }) =>
      element(
        'li',
        {},
        element('span', { title: slots }, `${shard(from)} → ${shard(to)}: slots ${someSlots}`),
        element('progress', progress === null ? { 'aria-label': state } : { value: String(progress), max: '1', 'aria-label': state }),
        element('small', {}, progress === null ? state : `${state}, ${Math.round(progress * 100)} %`),
      ),
    ),
  );
}

/** Conditions that tell of work: there is some, or there is none, and both are well. */
const WORK = new Set(['Progressing', 'Rebalancing', 'Autoscaling']);

export function showConditions(conditions) {
  fill(
    'conditions',
    conditions.map(({ type, status, reason, message, since }) => {
      const good = status === (WORK.has(type) || type === 'Degraded' ? 'False' : 'True');
      const tone = good ? 'good' : WORK.has(type) || status === 'Unknown' ? 'busy' : 'bad';
      return element(
        'li',
        {},
        element('span', { class: `state ${tone}` }, `${type}: ${status}`),
        element('span', {}, message, element('small', {}, `${reason}, since ${moment(Date.parse(since))}`)),
      );
    }),
  );
}

export function showDecisions(decisions) {
  const none = element('li', {}, element('span', {}), element('span', {}, 'Nothing was decided since this operator started to work.'));
  fill(
    'decisions',
    decisions.length === 0
      ? [none]
      : decisions.map(({ atMs, type, reason, note }) =>
          element(
            'li',
            {},
            element('time', { datetime: new Date(atMs).toISOString() }, moment(atMs)),
            element('span', type === 'Warning' ? { class: 'warning' } : {}, reason, element('small', {}, note)),
          ),
        ),
  );
}
