// The console of the simulated DingTalk: who is signed in, how it behaves, and what just happened between the four parties.
'use strict';

/**
 * @typedef {{userId: string, name: string, avatar?: string, title?: string}} Person
 * @typedef {{endpoint: string, times: number, fault: {kind: string, milliseconds?: number, status?: number, form?: string}}} QueuedFault
 * @typedef {{expiresAt: number, calls: number} | null} Lifetime
 * @typedef {{corpId: string, name: string, standing: string | null, home: string | null, signedIn: string | null, people: Person[]}} Organisation
 * @typedef {{people: number, coming: number, waiting: number, in: number, failed: number, failures: Record<string, number>,
 *   refusedCalls: number, seconds: number, over: boolean}} Crowd
 * @typedef {{now: number, clockOffsetSeconds: number, signedIn: string | null, people: Person[],
 *   organisations: Organisation[], events: {connections: number, url: string | null}, pushes: {eventType: string, corpId: string, attempts: number}[],
 *   app: {kind: string, corpId: string, clientId: string, agentId: string | null, name: string, url?: string},
 *   notifications: {app: string, text: string}[],
 *   client: {answers: string, outside: boolean}, faults: QueuedFault[], limits: {callsPerSecond: number | null}, crowd: Crowd | null,
 *   credentials: {accessToken: Lifetime, jsapiTicket: Lifetime}, notSimulated: string[]}} State
 * @typedef {{seq: number, at: number, durationMs?: number, from: string, to: string, endpoint: string | null, label: string,
 *   status?: number, code?: string | null, note?: string, client?: string}} Entry
 * @typedef {{client: string, entries: Entry[], last: number, login: Entry | null, done: boolean}} Group
 */

const byId = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** @param {string} tag @param {string} className @param {(Node | string)[]} children */
function element(tag, className, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children);
  return node;
}

// ---- The simulator ---------------------------------------------------------------------------------------------

/** @type {State} */
let state;
let stateAt = 0;

/** @param {string} path @param {object} [body] */
async function call(path, body) {
  const request = body && { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const response = await fetch(`/control/${path}`, request || {});
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error || `HTTP ${response.status}`);
  return answer;
}

/** Posts a change to the simulator's control API, and shows the state in the answer. */
async function pull(/** @type {string} */ path, /** @type {object} */ body) {
  try {
    show(await call(path, body));
    banner('');
    return true;
  } catch (error) {
    banner(String(error instanceof Error ? error.message : error));
    return false;
  }
}

function banner(/** @type {string} */ text) {
  byId('banner').textContent = text;
  byId('banner').hidden = text === '';
}

// ---- State -----------------------------------------------------------------------------------------------------

function show(/** @type {State} */ next) {
  const moved = !state || state.app.url !== next.app.url;
  state = next;
  stateAt = Date.now();
  showPeople();
  showLevers();
  showFaults();
  showFacts();
  showCrowd();
  showOrganisations();
  showEvents();
  showNotices();
  if (moved) loadFrames();
}

function showPeople() {
  // The first three people and whoever is signed in have a button each; the rest are in a list.
  const near = state.people.filter((person, i) => i < 3 || person.userId === state.signedIn);
  const faces = near.map((person) => {
    const face = person.avatar ? element('img', 'person-face') : element('span', 'person-face', person.name.slice(0, 1));
    if (face instanceof HTMLImageElement) Object.assign(face, { src: new URL(person.avatar || '', location.href).pathname, alt: '' });
    const words = element('span', '', element('span', 'person-name', person.name), element('span', 'person-title', person.title || person.userId));
    const button = element('button', 'person', face, words);
    button.dataset.user = person.userId;
    button.setAttribute('aria-pressed', String(person.userId === state.signedIn));
    return button;
  });
  const key = JSON.stringify([state.people, state.signedIn]);
  if (byId('people').dataset.key === key) return;
  const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.user : undefined;
  byId('people').dataset.key = key;
  byId('people').replaceChildren(...faces, ...others(state.people.filter((person) => !near.includes(person))));
  faces.filter((face) => face.dataset.user === focused && focused).forEach((face) => face.focus());
}

/** @param {Person[]} people */
function others(people) {
  if (people.length === 0) return [];
  const list = element('select', 'others', new Option('Somebody else…', ''), ...people.map((person) => new Option(person.name, person.userId)));
  list.setAttribute('aria-label', 'Sign in somebody else');
  list.addEventListener('change', async () => {
    if (await pull('user', { userId: /** @type {HTMLSelectElement} */ (list).value })) loadFrames();
  });
  return [list];
}

function showLevers() {
  const chosen = { answers: state.client.answers, outside: String(state.client.outside) };
  document.querySelectorAll('.segments input').forEach((input) => {
    if (input instanceof HTMLInputElement) input.checked = input.value === chosen[/** @type {'answers' | 'outside'} */ (input.name)];
  });
  const minutes = Math.floor(state.clockOffsetSeconds / 60);
  const parts = [[Math.floor(minutes / 1440), 'd'], [Math.floor(minutes / 60) % 24, 'h'], [minutes % 60, 'min'], [state.clockOffsetSeconds % 60, 's']];
  const ahead = parts.filter(([amount]) => amount).map(([amount, unit]) => `${amount} ${unit}`).join(' ');
  byId('offset').textContent = ahead && `is ${ahead} ahead`;
}

function showFaults() {
  byId('faults').replaceChildren(...state.faults.map(({ endpoint, times, fault: { kind, milliseconds, status, form } }) => {
    const details = [kind, status, form, milliseconds && `${milliseconds} ms`].filter(Boolean).join(' ');
    return element('li', '', `next ${times > 1 ? `${times} × ` : ''}${endpoint}: ${details}`);
  }));
}

function showFacts() {
  const facts = [['corpId', state.app.corpId], ['clientId', state.app.clientId], ['agentId', state.app.agentId], ['JSAPI', `${location.origin}/dd.js`]];
  byId('facts').replaceChildren(...facts.flatMap(([name, value]) => [element('dt', '', name || ''), element('dd', '', value || 'none')]));
  byId('setup').hidden = Boolean(state.app.url);
  const alive = Object.entries({ access_token: state.credentials.accessToken, jsapi_ticket: state.credentials.jsapiTicket })
    .map(([name, credential]) => `${name}: ${credential ? `good until ${clock(credential.expiresAt)}` : 'none yet'}`);
  byId('credentials').textContent = alive.join(' · ');
  byId('not-simulated').replaceChildren(...state.notSimulated.map((what) => element('li', '', what)));
}

/** A third-party app is opened in two organisations: one has the phone, the other the PC. */
const several = () => state.app.kind === 'third-party';
const places = () => state.organisations.filter(({ corpId, standing }) => (several() ? standing !== null : corpId === state.app.corpId));
const at = (/** @type {'phone' | 'pc'} */ device) => places()[several() && device === 'pc' ? 1 : 0];

function showOrganisations() {
  byId('people').hidden = several();
  if (!several()) return;
  /** @type {const} */ (['phone', 'pc']).forEach((device) => {
    const box = byId(`${device}-organisation`);
    const organisation = at(device);
    box.hidden = !organisation;
    const key = JSON.stringify(organisation);
    if (!organisation || box.dataset.key === key) return;
    box.dataset.key = key;
    box.replaceChildren(...describe(organisation, device));
  });
}

/** @type {Record<string, [string, string][]>} */
const DECISIONS = {
  absent: [['authorise', 'Authorise']],
  active: [['stop', 'Stop'], ['relieve', 'Relieve']],
  stopped: [['restore', 'Restore'], ['relieve', 'Relieve']]
};
/** @type {Record<string, string>} */
const STANDINGS = { absent: 'has not authorised the app', active: 'uses the app', stopped: 'has stopped the app' };

/** After these decisions the console opens the app. After the others it does not: the next click in the page shows their effect. */
const OPENS = ['authorise', 'restore'];

/** Waits, about a second at most, until the events about an organisation have been delivered to the app. */
async function told(/** @type {string} */ corpId) {
  for (let looks = 0; looks < 20 && state.pushes.some((push) => push.corpId === corpId); looks += 1) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    show(await call('state'));
  }
}

/** @param {Organisation} organisation @param {'phone' | 'pc'} device */
function describe({ corpId, name, standing, signedIn, people }, device) {
  const list = element('select', '', ...people.map(({ userId, name: who }) => new Option(who, userId, false, userId === signedIn)));
  list.setAttribute('aria-label', `Who is signed in at ${name}`);
  list.addEventListener('change', async () => {
    if (await pull('user', { corpId, userId: /** @type {HTMLSelectElement} */ (list).value })) devices[device].src = home(device);
  });
  const buttons = DECISIONS[standing || 'absent'].map(([decision, label]) => {
    const button = element('button', 'quiet', label);
    button.addEventListener('click', async () => {
      if (await pull('organisation', { corpId, do: decision }) && OPENS.includes(decision)) {
        await told(corpId);
        devices[device].src = home(device);
      }
    });
    return button;
  });
  const words = element('span', 'organisation-words', element('strong', '', name), element('span', `standing standing-${standing}`, STANDINGS[standing || 'absent']));
  return [words, list, ...buttons];
}

/** Shows the work notifications to the person with the phone; a click removes one. */
function showNotices() {
  const key = JSON.stringify(state.notifications);
  if (byId('notices').dataset.key === key) return;
  byId('notices').dataset.key = key;
  byId('notices').replaceChildren(...state.notifications.map(({ app, text }) => {
    const notice = element('li', '', element('strong', '', app), text);
    notice.addEventListener('click', () => notice.remove());
    return notice;
  }));
}

function showEvents() {
  const { connections, url } = state.events;
  const ways = [connections && `${connections} Stream connection${connections > 1 ? 's' : ''}`, url].filter(Boolean).join(' · ');
  byId('listening').textContent = ways ? `Your app listens: ${ways}` : 'Your app does not listen yet, by Stream or at an address.';
  byId('suite').hidden = !several();
  byId('pushes').replaceChildren(...state.pushes.slice(0, 6).map(({ eventType, attempts }) => (
    element('li', '', `${eventType} waits${attempts ? `, told ${attempts} time${attempts > 1 ? 's' : ''} in vain` : ''}`)
  )));
  const list = /** @type {HTMLSelectElement} */ (byId('moves').querySelector('select'));
  const people = places().flatMap(({ corpId, name, people: some }) => some.map((person) => ({ corpId, organisation: name, ...person })));
  const key = JSON.stringify(people.map(({ userId }) => userId));
  if (list.dataset.key === key) return;
  list.dataset.key = key;
  // Who has left stays in the list, so that they can come back.
  const known = new Map([...list.options].map((option) => [option.value, option]));
  people.forEach(({ corpId, organisation, userId, name }) => {
    known.set(`${corpId} ${userId}`, new Option(several() ? `${name}, ${organisation}` : name, `${corpId} ${userId}`));
  });
  list.replaceChildren(...known.values());
}

/** Draws a crowd as a bar: from the left those who are logged in, who failed and who wait. Those who are still coming are not drawn. */
function showCrowd() {
  const { crowd } = state;
  byId('crowd').hidden = !crowd;
  /** @type {HTMLButtonElement} */ (byId('crowd-come')).disabled = !state.app.url || Boolean(crowd && !crowd.over);
  if (!crowd) return;
  const counts = { waiting: crowd.waiting, in: crowd.in, failed: crowd.failed, refused: crowd.refusedCalls };
  Object.entries(counts).forEach(([name, count]) => { byId(`crowd-${name}`).textContent = String(count); });
  let from = 0;
  const parts = /** @type {const} */ (['in', 'failed', 'waiting']).map((name) => {
    const part = svg('rect', { class: `crowd-${name}`, x: from, y: 0, width: crowd[name], height: 1 });
    from += crowd[name];
    return part;
  });
  byId('crowd-line').setAttribute('viewBox', `0 0 ${crowd.people} 1`);
  byId('crowd-line').replaceChildren(...parts);
  const { callsPerSecond } = state.limits;
  const limit = callsPerSecond ? `DingTalk takes ${callsPerSecond} calls of one API in a second.` : 'DingTalk takes any number of calls.';
  const why = Object.entries(crowd.failures).map(([reason, count]) => `${count} × ${reason}`).join(', ');
  const going = crowd.over ? `It took ${crowd.seconds} s.` : `${crowd.coming ? `${crowd.coming} are still coming. ` : ''}${crowd.seconds} s so far.`;
  byId('crowd-said').textContent = [`${crowd.people} people.`, going, limit, why && `Failed: ${why}.`].filter(Boolean).join(' ');
}

const clock = (/** @type {number} */ at) => new Date(at).toLocaleTimeString([], { hour12: false });

function tick() {
  if (!state) return;
  const now = state.now + Date.now() - stateAt;
  byId('clock').textContent = clock(now);
  byId('clock').title = new Date(now).toLocaleString();
  byId('phone-time').textContent = clock(now).slice(0, 5);
}

// ---- The two clients -------------------------------------------------------------------------------------------

const devices = { phone: /** @type {HTMLIFrameElement} */ (byId('phone')), pc: /** @type {HTMLIFrameElement} */ (byId('pc')) };
let loading = 0;

/** The URL that a device opens, without a corpId if no organisation can have the app. */
function home(/** @type {'phone' | 'pc'} */ device) {
  const place = at(device) || at('phone');
  return place && place.home || state.app.url || '';
}

/**
 * The PC opens the app when the phone has logged in, so that the diagram shows one login after the other. In browsers that support
 * credentialless frames the PC has cookies of its own; in others both devices have the session of the last login.
 */
function loadFrames() {
  const turn = ++loading;
  document.querySelectorAll('.app input').forEach((input) => input instanceof HTMLInputElement && (input.value = state.app.url || ''));
  if (!state.app.url) return;
  let loads = 0;
  const thenPc = () => {
    if (turn !== loading || loads < 0) return;
    loads = -1;
    devices.pc.src = home('pc');
  };
  devices.phone.onload = () => {
    if (loads < 0) return;
    loads += 1;
    if (loads === 2) thenPc();
    else setTimeout(thenPc, 1500);
  };
  devices.pc.removeAttribute('src');
  devices.phone.src = home('phone');
}

window.addEventListener('message', (event) => {
  const client = event.source === devices.phone.contentWindow ? 'phone' : event.source === devices.pc.contentWindow ? 'pc' : null;
  if (client && event.data && event.data.simulatedDingTalk === 'title') byId(`${client}-title`).textContent = String(event.data.title);
});

// ---- What happened: calls, in groups -----------------------------------------------------------------------------

/** @type {Entry[]} */
let entries = [];
/** The number of the world that the entries belong to. @type {number | null} */
let world = null;
let latest = 0;
let drawn = 0;
const SHOWN = 400;
const QUIET = 4000;

async function follow() {
  /** @type {{world: number, counts: Record<string, number>, latest: number, entries: Entry[]}} */
  const ledger = await call(`requests?after=${latest}`);
  if (ledger.world !== world) {
    // Somebody has reset the simulator, or it was started again.
    world = ledger.world;
    entries = [];
    latest = drawn = 0;
    byId('counts').replaceChildren();
    drawCalls();
    await follow();
    return;
  }
  if (ledger.entries.length === 0) return;
  latest = ledger.latest;
  entries = entries.concat(ledger.entries.filter((entry) => !ofTheCrowd(entry))).sort((a, b) => a.at - b.at || a.seq - b.seq).slice(-SHOWN);
  byId('counts').replaceChildren(...Object.entries(ledger.counts).map(([endpoint, count]) => (
    element('tr', '', element('td', '', endpoint), element('td', '', String(count)))
  )));
  drawCalls();
}

/** Whether an entry belongs to a crowd: hundreds of logins are counted, not drawn. */
const ofTheCrowd = (/** @type {Entry} */ { note = '' }) => (
  /^visitor\d/.test(note) || Boolean(state && state.crowd && !state.crowd.over && note.startsWith('too many calls'))
);
const upstream = (/** @type {Entry} */ entry) => entry.from === 'app' && entry.to === 'dingtalk';
/** A call to DingTalk whose answer has no code was lost, cut, or answered by somebody else. */
const unanswered = (/** @type {Entry} */ entry) => upstream(entry) && !entry.code;
const refused = (/** @type {Entry} */ entry) => unanswered(entry) || Boolean(entry.code && entry.code !== '0') || (entry.status || 0) >= 400 || entry.label.includes('✕');
const navigates = (/** @type {Entry} */ entry) => entry.from === 'page' && entry.to === 'app' && entry.label.startsWith('GET ');

/** The client that an entry belongs to. A call from the app belongs to the client whose request was in flight at that time. */
function clientOf(/** @type {Entry} */ entry) {
  if (entry.client) return entry.client;
  const cause = entries.find((other) => other.client && other.to === 'app' && other.at <= entry.at && entry.at <= other.at + (other.durationMs || 0));
  return cause && cause.client || 'app';
}

/** Groups the calls of one client that follow each other. The group of a login includes the navigation after it. */
function groups() {
  /** @type {Group[]} */
  const all = [];
  /** @type {Record<string, Group>} */
  const open = {};
  entries.forEach((entry) => {
    const client = clientOf(entry);
    let group = open[client];
    const fresh = navigates(entry) && group && (!group.login || group.done);
    if (!group || fresh || entry.at - group.last > QUIET) {
      group = open[client] = { client, entries: [], last: 0, login: null, done: false };
      all.push(group);
    }
    if (navigates(entry) && group.login) group.done = true;
    if (upstream(entry) && entry.label === 'exchange authCode') group.login = entry;
    group.entries.push(entry);
    group.last = Math.max(group.last, entry.at + (entry.durationMs || 0));
  });
  return all;
}

/** @type {Record<string, string>} */
const CLIENTS = { phone: 'Phone', pc: 'PC', browser: 'Browser', app: 'Your server' };

function headline(/** @type {Group} */ group) {
  const { client, login } = group;
  if (login && refused(login)) return `${CLIENTS[client]}: login ${unanswered(login) ? 'failed' : 'refused'}`;
  const [userId] = (login && login.note || '').split('; ');
  const person = several() ? { name: userId } : state.people.find((someone) => someone.userId === userId);
  if (login) return `${CLIENTS[client]}: ${person ? person.name : 'somebody'} is logged in`;
  const page = group.entries.find(navigates);
  return page ? `${CLIENTS[client]}: opens ${page.label.slice(4)}` : CLIENTS[client];
}

// ---- The drawing -------------------------------------------------------------------------------------------------

/** @type {Record<string, string | number>[]} */
const LANES = [
  { id: 'page', name: 'page', note: 'your H5 page' }, { id: 'dd', name: 'dd', note: 'JSAPI' },
  { id: 'app', name: 'app', note: 'your server' }, { id: 'dingtalk', name: 'DingTalk', note: 'simulated' }
];
/** @type {Record<string, string>} */
const MARKS = {
  phone: 'M4 1h6a1.5 1.5 0 0 1 1.5 1.5v9A1.5 1.5 0 0 1 10 13H4a1.5 1.5 0 0 1-1.5-1.5v-9A1.5 1.5 0 0 1 4 1zM6 11h2',
  pc: 'M1 2h12v8H1zM4 13h6M7 10v3',
  browser: 'M1 2h12v10H1zM1 5h12',
  app: 'M2 2h10v4H2zM2 8h10v4H2zM4 4h1M4 10h1'
};
const ROW = 38;
const BAND = 34;

/** @param {string} tag @param {Record<string, string | number>} attributes @param {(Node | string)[]} children */
function svg(tag, attributes, ...children) {
  const node = document.createElementNS('http://www.w3.org/2000/svg', tag);
  Object.entries(attributes).forEach(([name, value]) => node.setAttribute(name, String(value)));
  node.append(...children);
  return node;
}

/** The positions in the diagram for its current width: with columns for time and result, or on a small screen without them. */
function layout() {
  const width = byId('scroller').clientWidth;
  const narrow = width < 600;
  const first = narrow ? 40 : 104;
  const last = width - (narrow ? 46 : 148);
  const lane = (/** @type {string} */ party) => first + LANES.findIndex(({ id }) => id === party) * (last - first) / 3;
  return { width, narrow, lane };
}

function drawCalls() {
  const place = layout();
  const rows = groups().reverse();
  byId('waiting').hidden = rows.length > 0;
  byId('lanes').replaceChildren(...LANES.flatMap(({ id, name, note }) => [
    svg('text', { class: 'lane-name', x: place.lane(String(id)), y: 23 }, String(name)),
    svg('text', { class: 'lane-note', x: place.lane(String(id)), y: 40 }, String(note))
  ]));
  /** @type {Node[]} */
  const parts = [];
  let y = 0;
  rows.forEach((group) => {
    parts.push(drawBand(group, y, place));
    y += BAND + 4;
    group.entries.forEach((entry) => {
      parts.push(drawCall(entry, group.entries[0].at, y, place));
      y += ROW;
    });
    y += 8;
  });
  const scroller = byId('scroller');
  const lifelines = LANES.map(({ id }) => svg('line', { class: 'lifeline', x1: place.lane(String(id)), x2: place.lane(String(id)), y1: 0, y2: Math.max(y, scroller.clientHeight) }));
  const calls = byId('calls');
  calls.setAttribute('height', String(y));
  calls.replaceChildren(...lifelines, ...parts);
  if (rows.length > 0 && latest > drawn) byId('announcement').textContent = headline(rows[0]);
  drawn = latest;
}

/** @param {Group} group @param {number} y @param {ReturnType<typeof layout>} place */
function drawBand(group, y, { width }) {
  const calls = group.entries.filter(upstream).length;
  const took = `${Math.round(group.last - group.entries[0].at)} ms`;
  const note = width < 440 ? took : `${calls} call${calls === 1 ? '' : 's'} to DingTalk · ${took}`;
  return svg('g', {},
    svg('rect', { class: 'group-band', x: 0, y, width, height: BAND }),
    svg('path', { class: 'group-mark', d: MARKS[group.client], transform: `translate(14 ${y + 10})` }),
    svg('text', { class: 'group-name', x: 38, y: y + 22 }, headline(group)),
    svg('text', { class: 'group-note', x: width - 14, y: y + 22 }, note));
}

/** @param {Entry} entry @param {number} began @param {number} y @param {ReturnType<typeof layout>} place */
function drawCall(entry, began, y, { width, narrow, lane }) {
  const [from, to] = [lane(entry.from), lane(entry.to)];
  const direction = Math.sign(to - from);
  const line = y + 27;
  const took = entry.durationMs ? `${Math.round(entry.durationMs)} ms` : '';
  const code = entry.code && entry.code !== '0' ? `error ${entry.code}` : entry.status || (upstream(entry) ? 'no answer' : '');
  const result = [code, took].filter(Boolean).join(' · ');
  const words = narrow && result ? `${entry.label} · ${result}` : entry.label;
  const half = words.length * 3.4 + 6;
  const middle = Math.min(Math.max((from + to) / 2, half), width - half);
  const kind = [upstream(entry) && 'upstream', refused(entry) && 'refused', entry.seq > drawn && 'fresh'].filter(Boolean).join(' ');
  const parts = [
    svg('title', {}, [entry.endpoint || entry.label, result, entry.note].filter(Boolean).join(' · ')),
    svg('line', { class: 'call-line', x1: from, x2: to - direction * 7, y1: line, y2: line }),
    svg('path', { class: 'call-tip', d: `M${to} ${line}l${-direction * 9} -4.5v9z` }),
    svg('text', { class: 'call-label', x: middle, y: y + 19 }, words)
  ];
  if (!narrow) {
    parts.push(svg('text', { class: 'call-time', x: 14, y: line + 4 }, `+${Math.round(entry.at - began)} ms`));
    parts.push(svg('text', { class: 'call-result', x: width - 14, y: line + 4, 'text-anchor': 'end' }, result));
  }
  return svg('g', { class: kind }, ...parts);
}

// ---- What the visitor does ---------------------------------------------------------------------------------------

document.addEventListener('click', async (event) => {
  const button = event.target instanceof Element && event.target.closest('button');
  if (!button) return;
  const { user, advance, reload, events } = button.dataset;
  if (user && await pull('user', { userId: user })) loadFrames();
  if (events) pull('events', JSON.parse(events));
  if (advance) pull('clock', { advanceSeconds: Number(advance) });
  if (reload && state.app.url) devices[/** @type {'phone' | 'pc'} */ (reload)].src = home(/** @type {'phone' | 'pc'} */ (reload));
  if (button.id === 'crowd-come') pull('crowd', { people: 300, seconds: 5 });
  if (button.id === 'reset' && await pull('reset', {})) loadFrames();
});

document.querySelectorAll('.segments input').forEach((input) => input.addEventListener('change', async () => {
  const { name, value } = /** @type {HTMLInputElement} */ (input);
  if (await pull('client', { [name]: name === 'outside' ? value === 'true' : value })) loadFrames();
}));

const faultForm = /** @type {HTMLFormElement} */ (byId('fault'));
faultForm.addEventListener('change', () => faultForm.querySelectorAll('fieldset').forEach((more) => {
  more.hidden = more.disabled = more.dataset.of !== new FormData(faultForm).get('kind');
}));
faultForm.addEventListener('submit', (event) => {
  event.preventDefault();
  const asked = [...new FormData(faultForm)].map(([name, value]) => [name, /^\d+$/.test(String(value)) ? Number(value) : value]);
  const { endpoint, times, ...fault } = Object.fromEntries(asked);
  pull('faults', { endpoint, times, fault });
});

byId('moves').addEventListener('submit', (event) => {
  event.preventDefault();
  const { submitter } = /** @type {SubmitEvent} */ (event);
  const [corpId, userId] = String(new FormData(/** @type {HTMLFormElement} */ (byId('moves'))).get('person')).split(' ');
  pull('person', { corpId, userId, do: /** @type {HTMLButtonElement} */ (submitter).value });
});

document.querySelectorAll('form.app').forEach((form) => form.addEventListener('submit', (event) => {
  event.preventDefault();
  pull('app', { url: String(new FormData(/** @type {HTMLFormElement} */ (form)).get('url')) });
}));

/** Fetches the ledger twice a second, and the state every two seconds, or as often while a crowd comes; says when nothing answers. */
async function poll(/** @type {number} */ turn) {
  try {
    const crowded = state && state.crowd && !state.crowd.over;
    if (!document.hidden && (crowded || turn % 4 === 0)) show(await call('state'));
    if (!document.hidden) await follow();
    if (byId('banner').dataset.gone) banner('');
    delete byId('banner').dataset.gone;
  } catch (error) {
    banner('The simulator does not answer. Is it still running?');
    byId('banner').dataset.gone = 'yes';
  }
  setTimeout(poll, 500, turn + 1);
}

new ResizeObserver(drawCalls).observe(byId('scroller'));
setInterval(tick, 500);
poll(0);
