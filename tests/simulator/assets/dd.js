/*
 * The JSAPI of a SIMULATED DingTalk, for development and tests. This is not DingTalk.
 *
 * `window.dd` as an H5 app meets it: the names, the order of events and the errors of DingTalk's own library (3.2.9).
 * What a real client decides natively is requested from the simulator; what it would draw natively is drawn into the page.
 * Parses as ES2017 and runs in Chrome 69, so that it never hides an engine problem of the page under test.
 */
(function () {
  'use strict';

  var SIMULATOR = null; // filled in by the server

  // ---- Where the page runs: decided once, as in the library ------------------------------------------------------

  /** What a PC client leaves in window.name. */
  function pcHost() {
    try {
      return JSON.parse(window.name) || {};
    } catch (notJson) {
      return {};
    }
  }

  /** Any browser counts as the client: an Android one, unless its window or its user agent says otherwise. */
  function detectEnv() {
    const ua = navigator.userAgent;
    const host = pcHost();
    const inUa = /DingTalk\/([\w.-]+)/.exec(ua);
    const env = { platform: 'notInDingTalk', platformSub: 'noSub', version: inUa ? inUa[1] : undefined, appType: 'WEB', language: '*' };
    if (SIMULATOR.client.outside) return env;
    env.version = host.hostVersion || env.version || '7.6.30';
    env.platform = host.containerId ? 'pc' : /iPhone|iPad|iPod/.test(ua) ? 'ios' : 'android';
    if (env.platform !== 'pc') return env;
    env.platformSub = ua.includes('Macintosh; Intel Mac OS') ? 'mac' : 'win';
    env.language = host.language || navigator.language || '*';
    return env;
  }

  const env = detectEnv();
  const framed = window.parent !== window;
  const outside = env.platform === 'notInDingTalk';
  const text = (value) => (value === undefined || value === null ? '' : String(value));

  /** Whether a version is at least the wanted one, as the library compares: Android's 6.0.0.5 does not reach 6.0.0, a shorter one. */
  function reaches(version, wanted) {
    const parts = (text) => text.split('.').map((part) => parseInt(part, 10) || 0);
    const wantedParts = parts(wanted);
    const differs = parts(version).map((part, i) => part - wantedParts[i]).find((difference) => difference !== 0);
    return differs === undefined || differs > 0;
  }

  // ---- What the page does, reported for the console's sequence diagram -------------------------------------------

  const client = pcHost().containerId ? 'pc' : framed || /Mobile/.test(navigator.userAgent) ? 'phone' : 'browser';
  const reports = [];

  function flush() {
    while (reports.length > 0) navigator.sendBeacon(`${SIMULATOR.url}/client/trace`, JSON.stringify(reports.splice(0, 100)));
  }

  function report(from, to, label, began, lasted, status) {
    reports.push({ from, to, label: label.slice(0, 60), at: began, durationMs: lasted, status: status || undefined, client });
    setTimeout(flush, 200);
  }

  /** Reports a call to dd, and its failure. A success is not reported: what the page does next shows when it came. */
  function reported(label, answer) {
    report('page', 'dd', label, Date.now(), 0);
    return answer.catch((error) => {
      report('dd', 'page', `${label} ✕ ${error.errorCode || 'not in DingTalk'}`, Date.now(), 0);
      throw error;
    });
  }

  /** Reports a navigation or a call of /api/ on the page's own origin, without the query, which is private. */
  function reportRequest(entry) {
    const url = new URL(entry.name, location.href);
    const navigation = entry.entryType === 'navigation';
    if (url.origin !== location.origin || !(navigation || url.pathname.startsWith('/api/'))) return;
    const began = performance.timeOrigin + entry.startTime;
    const label = (navigation ? 'GET ' : '') + url.pathname;
    report('page', 'app', label, began, entry.responseEnd - entry.startTime, entry.responseStatus);
  }

  const requests = new PerformanceObserver((list) => list.getEntries().forEach(reportRequest));
  requests.observe({ entryTypes: ['resource'] });
  window.addEventListener('pagehide', () => {
    requests.takeRecords().forEach(reportRequest);
    flush();
  });
  function onceParsed(then) {
    if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', then);
    else then();
  }
  onceParsed(() => performance.getEntriesByType('navigation').forEach(reportRequest));

  // ---- What the client draws: native-looking dialogs, styled through the CSSOM, which every CSP allows -----------

  const dark = window.matchMedia('(prefers-color-scheme: dark)').matches;
  const [INK, CARD, BLUE, GREY] = dark ? ['#f2f3f5', '#2a2d33', '#4dabff', '#44484f'] : ['#171a1d', '#ffffff', '#0068c4', '#e3e4e8'];
  const LINE = `1px solid ${GREY}`;
  const FONT = '-apple-system, BlinkMacSystemFont, "PingFang SC", "Noto Sans SC", "Segoe UI", Roboto, sans-serif';

  function draw(tag, id, parent, style, words) {
    const node = document.createElement(tag);
    node.style.all = 'initial';
    Object.assign(node.style, { display: 'block', boxSizing: 'border-box', fontFamily: FONT, fontSize: '16px', color: INK }, style);
    node.textContent = words || '';
    node.id = id;
    return parent.appendChild(node);
  }

  /** A label that floats over the page, one per id. */
  function float(id, place, words) {
    erase(id);
    const look = { position: 'fixed', zIndex: '2147483647', borderRadius: '10px', padding: '12px 18px', background: '#14161a', color: '#fff' };
    const node = draw('div', id, document.body, Object.assign(look, place), words);
    node.setAttribute('role', 'status');
    return node;
  }

  function erase(id) {
    const node = document.getElementById(id);
    if (node) node.remove();
    return {};
  }

  /** Resolves to the button that was pressed and the text that was typed. Several dialogs are shown one after the other. */
  let lastDialog = Promise.resolve();
  function dialog(asked) {
    lastDialog = lastDialog.then(() => new Promise((resolve) => drawDialog(asked, resolve)));
    return lastDialog;
  }

  function drawDialog(asked, resolve) {
    const overlay = draw('dialog', 'dd-dialog', document.body, {
      position: 'fixed', left: '0', top: '0', width: '100%', height: '100%', maxWidth: 'none', maxHeight: 'none', padding: '20px',
      display: 'flex', alignItems: 'center', justifyContent: 'center', background: 'rgba(0,0,0,.45)'
    });
    overlay.setAttribute('aria-label', asked.title || 'DingTalk (simulated)');
    const card = draw('div', '', overlay, { width: '290px', maxHeight: '100%', overflow: 'auto', background: CARD, borderRadius: '14px' });
    const line = (style, words) => words && draw('div', '', card, Object.assign({ padding: '8px 18px 0', textAlign: 'center' }, style), words);
    line({ fontSize: '11px', opacity: '.65' }, 'simulated DingTalk');
    line({ fontSize: '17px', fontWeight: '600' }, asked.title);
    line({ lineHeight: '1.45', whiteSpace: 'pre-wrap', overflowWrap: 'break-word' }, asked.message);
    let input = null;
    if (asked.input !== undefined) {
      const style = { width: '254px', margin: '12px 18px 0', padding: '9px 11px', border: LINE, borderRadius: '8px' };
      input = draw('input', 'dd-dialog-input', card, style);
      input.value = asked.input;
      input.setAttribute('aria-label', asked.message || asked.title || 'text');
    }
    const close = (pressed) => {
      overlay.remove();
      resolve({ pressed, value: input ? input.value : '' });
    };
    const bar = draw('div', '', card, { display: 'flex', flexDirection: asked.stacked ? 'column' : 'row', marginTop: '16px' });
    asked.buttons.forEach((label, i) => {
      const cancels = i === 0 && asked.buttons.length > 1;
      const id = cancels ? 'dd-dialog-cancel' : asked.stacked ? `dd-dialog-choice-${i - 1}` : 'dd-dialog-ok';
      const look = { flex: '1 1 0', minHeight: '46px', textAlign: 'center', cursor: 'pointer', borderTop: LINE, outline: 'revert' };
      const place = { color: cancels ? INK : BLUE, order: cancels && asked.stacked ? '1' : '0' };
      draw('button', id, bar, Object.assign(look, place), label).onclick = () => close(i);
    });
    overlay.oncancel = () => close(0);
    overlay.showModal();
    (input || bar.lastChild).focus();
  }

  const done = () => ({});
  const show = (title, message, button) => dialog({ title, message, buttons: [button || '确定'] }).then(done);
  const orCancelled = (answer) => {
    if (answer.pressed === 0) throw { errorCode: '-1', errorMessage: 'cancelled' };
    return answer;
  };

  /** A list in which one tap picks one item. */
  async function pick(title, list) {
    const buttons = ['取消'].concat(list.map((item) => item.name));
    return [list[orCancelled(await dialog({ title, buttons, stacked: true })).pressed - 1]];
  }

  /** The title bar belongs to the client: the console draws it around its frames, a plain browser has its tab. */
  function showTitle(title) {
    document.title = title;
    if (framed) window.parent.postMessage({ simulatedDingTalk: 'title', title }, SIMULATOR.url);
    return {};
  }
  if (framed) onceParsed(() => showTitle(document.title));

  // ---- What only the client knows: asked of the simulator --------------------------------------------------------

  /** Posts to the simulator. If there is no answer in five seconds, the connection is closed and the promise stays pending. */
  async function ask(path, question) {
    const patience = new AbortController();
    setTimeout(() => patience.abort(), 5000);
    const body = JSON.stringify(Object.assign({ url: location.href.split('#')[0], platform: client }, question));
    const request = { method: 'POST', body, credentials: 'omit', signal: patience.signal };
    try {
      return await (await fetch(SIMULATOR.url + path, request)).json();
    } catch (unreachable) {
      if (patience.signal.aborted) await new Promise(() => {});
      // When the page is left, its requests fail as well; it ends before the next task, and so reports nothing.
      await new Promise((resolve) => setTimeout(resolve));
      const errorMessage = `no answer from the simulated DingTalk at ${SIMULATOR.url}: is it running, and in the page's connect-src?`;
      console.error(errorMessage);
      throw { errorCode: '3', errorMessage };
    }
  }

  async function authCode(params) {
    const answer = await ask('/client/authcode', { corpId: text(params.corpId), clientId: params.clientId });
    if (answer.code) return { code: answer.code };
    throw { errorCode: text(answer.errorCode || 3), errorMessage: text(answer.errorMessage || answer.error) };
  }

  async function verifyConfig(params) {
    const question = { jsApiList: config.apis };
    ['corpId', 'agentId', 'nonceStr', 'timeStamp', 'signature'].forEach((name) => { question[name] = text(params[name]); });
    const answer = await ask('/client/config', question);
    if (answer.errcode === 0) return {};
    if (answer.explanation) console.warn(`[simulated DingTalk] dd.config refused. ${answer.explanation}`);
    const errorMessage = `Code:${answer.errcode} - Message: ${text(answer.errmsg || answer.error)}`;
    if (env.platform === 'android') throw { errorCode: 3, message: `权限校验失败 ${errorMessage}` };
    throw { errorCode: env.platform === 'ios' ? '3' : 3, errorMessage };
  }

  // ---- The APIs --------------------------------------------------------------------------------------------------

  const message = (p) => text(p.message || p.content || p.text);
  const labels = (p) => p.buttonLabels || [p.cancelButtonText || '取消', p.confirmButtonText || p.okButtonText || '确定'];
  const asks = (p, more) => dialog(Object.assign({ title: p.title, message: message(p), buttons: labels(p) }, more));

  /** The contacts of the organisation that dd.config named. */
  const contacts = () => SIMULATOR.contacts[config.corpId] || { people: [], departments: [] };

  const CENTRE = { top: '42%', left: '50%', transform: 'translateX(-50%)' };
  function toast(p) {
    const drawn = float('dd-toast', CENTRE, message(p));
    setTimeout(() => drawn.remove(), p.duration > 100 ? p.duration : (p.duration || 3) * 1000); // dd.showToast counts milliseconds
    return {};
  }

  async function actionSheet(p) {
    const buttons = [p.cancelButton || p.cancelButtonText || '取消'].concat(p.otherButtons || p.items || []);
    const buttonIndex = (await dialog({ title: p.title, buttons, stacked: true })).pressed - 1;
    return { buttonIndex, index: buttonIndex };
  }

  const pickPeople = (p) => pick(p.title || '选人', contacts().people);

  /** The two APIs of a navigation button call onSuccess at each click. */
  const navigationButton = (side) => (p, clicked) => {
    erase(`dd-nav-${side}`);
    if (p.show === false || !p.text) return {};
    float(`dd-nav-${side}`, { top: '8px', [side]: '8px', cursor: 'pointer' }, p.text).onclick = () => { if (p.control) clicked({}); };
    return {};
  };

  function networkType() {
    if (env.platform === 'pc') return { netWorkAvailable: navigator.onLine };
    return navigator.onLine ? { netWorkAvailable: true, netWorkType: 'wifi' } : { newWorkAvailable: false }; // sic, as in the library
  }

  const PHONE = { screenWidth: screen.width, screenHeight: screen.height, brand: 'simulated', model: 'simulated', version: env.version };
  const PLACE = { longitude: 120.026, latitude: 30.279, accuracy: 40, address: '浙江省杭州市余杭区', province: '浙江省', city: '杭州市' };

  const OPEN = false, GATED = true, NONE = undefined;
  const API = [
    // native method (*: flat names only), flat names (*: not for jsApiList), version that has it (phone, PC), gated?, what it does
    ['runtime.permission.requestAuthCode', 'getAuthCode', '6.0.0', '6.0.0', OPEN, authCode],
    ['runtime.permission.requestAuthCodeV2*', 'requestAuthCode getAuthCodeV2', '7.0.45', '7.0.50', OPEN, authCode],
    ['device.notification.alert', 'alert*', '2.4.0', '2.5.0', OPEN, (p) => show(p.title, message(p), p.buttonName || p.buttonText)],
    ['device.notification.confirm', 'confirm*', '2.4.0', '2.5.0', OPEN, (p) => asks(p).then(({ pressed }) => ({ buttonIndex: pressed }))],
    ['device.notification.prompt', 'prompt*', '6.0.0', '2.7.0', OPEN,
      (p) => asks(p, { input: text(p.defaultText || p.placeholder) }).then(({ pressed, value }) => ({ buttonIndex: pressed, value }))],
    ['device.notification.actionSheet', 'showActionSheet*', '7.0.10', '7.0.10', OPEN, actionSheet],
    ['device.notification.toast', 'showToast*', '7.0.10', '7.0.10', OPEN, toast],
    ['device.notification.hideToast*', 'hideToast*', '7.0.10', '7.0.10', OPEN, () => erase('dd-toast')],
    ['device.notification.showPreloader', 'showLoading*', '7.0.10', '7.0.10', OPEN,
      (p) => { float('dd-preloader', CENTRE, `◌ ${message(p)}`); return {}; }],
    ['device.notification.hidePreloader', 'hideLoading*', '7.0.10', '7.0.10', OPEN, () => erase('dd-preloader')],
    ['device.notification.vibrate', 'vibrate', '6.0.0', NONE, OPEN, done],
    ['device.connection.getNetworkType', 'getNetworkType', '6.0.0', '6.5.60', OPEN, networkType],
    ['device.base.getPhoneInfo', 'getSystemInfo', '6.0.0', NONE, OPEN, () => PHONE],
    ['device.geolocation.get', 'getLocation', '6.0.0', NONE, GATED, () => PLACE],
    ['biz.navigation.setTitle', 'setNavigationTitle*', '6.0.0', '6.0.0', OPEN, (p) => showTitle(text(p.title))],
    ['biz.navigation.setLeft', 'setNavigationLeft*', '6.0.0', '6.0.0', OPEN, navigationButton('left')],
    ['biz.navigation.setRight', '', '2.4.0', NONE, OPEN, navigationButton('right')],
    ['biz.navigation.goBack', 'goBackPage*', '6.0.0', '6.0.0', OPEN, () => { history.back(); return {}; }],
    ['biz.navigation.close', 'closePage*', '6.0.0', '4.3.5', OPEN, () => show('', 'DingTalk would close this page now.')],
    ['biz.navigation.replace', 'replacePage*', '6.0.0', '6.0.0', OPEN, (p) => { location.replace(p.url); return {}; }],
    ['biz.util.openLink', 'openLink', '6.0.0', '6.0.0', OPEN, (p) => { window.open(p.url, '_blank', 'noopener'); return {}; }],
    ['biz.util.open', 'openPageInMicroApp', '6.0.0', '6.0.0', OPEN, (p) => show('DingTalk would open', text(p.name))],
    ['biz.util.share', 'share', '6.0.0', '4.6.37', OPEN, (p) => show('DingTalk would share', `${text(p.title)}\n${text(p.url)}`)],
    ['biz.util.scan', 'scan', '6.0.0', NONE, OPEN,
      () => asks({ title: '扫一扫', content: 'Simulated camera' }, { input: '' }).then(orCancelled).then(({ value }) => ({ text: value }))],
    ['biz.contact.choose', 'chooseStaffForPC', '2.4.0', '6.0.0', GATED, pickPeople],
    ['biz.contact.complexPicker', 'complexChoose', '6.0.0', '6.0.0', GATED,
      (p) => pickPeople(p).then((users) => ({ selectedCount: users.length, users, departments: [] }))],
    ['biz.contact.departmentsPicker', 'chooseDepartments', '6.0.0', '6.0.0', GATED,
      (p) => pick(p.title || '选部门', contacts().departments).then((departments) => (
        { userCount: departments[0].number, departmentsCount: 1, departments }
      ))],
    ['biz.ding.create', 'createDing', '6.0.0', '4.5.9', GATED, (p) => show(`DingTalk would send a DING to ${p.users}`, text(p.text))],
    ['biz.clipboardData.setData', 'setClipboard', '6.0.0', '6.5.60', GATED, (p) => navigator.clipboard.writeText(text(p.text)).then(done)]
  ];

  const apis = {}, nativeNames = {};
  const nativeName = (api) => nativeNames[api] || api;

  // ---- Calls -----------------------------------------------------------------------------------------------------

  const config = { state: 'none', apis: [] };
  config.done = new Promise((resolve, reject) => Object.assign(config, { grant: resolve, refuse: reject }));

  const diagnostic = (code, words) => `[DINGTALK-JSAPI] ERROR ${code}: ${words}`;
  let bridge = null;
  function bridgeReady() {
    const notHere = () => new Error(diagnostic(4040, "Do not support the current environment：'notInDingTalk'"));
    if (bridge === null) bridge = outside ? Promise.reject(notHere()) : new Promise((resolve) => setTimeout(resolve, 0));
    return bridge;
  }

  /** One native call, with its callbacks and its promise. On iOS a cancellation has a callback of its own. */
  async function callNative(api, method, params) {
    const given = (one, other) => [params[one], params[other], done].find((callback) => typeof callback === 'function');
    const onSuccess = given('success', 'onSuccess');
    try {
      const granted = config.state === 'granted' && config.apis.includes(method);
      if (api.gated && !granted) throw { errorCode: '7', errorMessage: `${method} needs dd.config: not authorised, or not in its jsApiList` };
      const result = await api.answer(params, onSuccess);
      if (!/navigation\.set(Left|Right)$/.test(method)) Promise.resolve(result).then(onSuccess);
      return result;
    } catch (error) {
      const failed = is('ios') && error.errorCode === '-1' ? given('cancel', 'onCancel') : given('fail', 'onFail');
      failed(...(is('ios') ? [error, error.errorCode] : [error]));
      throw error;
    }
  }

  /** Waits for the bridge, refuses what the platform lacks, and calls again after dd.config when the first call came too early for it. */
  async function invoke(method, params) {
    await bridgeReady();
    const api = apis[method];
    const since = api.since[env.platform];
    if (!since) throw { errorCode: 4050, errorMessage: diagnostic(4050, `'${method}' do not support the current platform ('${env.platform}')`) };
    try {
      return await callNative(api, method, params);
    } catch (error) {
      const early = config.state === 'asked' && config.apis.includes(method);
      const retried = error.errorCode === '7' || (env.platform === 'pc' && error.errorCode !== '-1' && reaches(env.version, since));
      if (!early || !retried) throw error;
      await config.done;
      return callNative(api, method, params);
    }
  }

  // ---- window.dd -------------------------------------------------------------------------------------------------

  const is = (platform) => env.platform === platform;
  const dd = {
    env, version: env.version, language: env.language,
    ios: is('ios'), android: is('android'), pc: is('pc'), harmony: false, other: outside,

    /** Takes effect once per document: a second call is ignored without an error, even if the first was refused. */
    config(params = {}) {
      const onlySwitches = Object.keys(params).every((key) => key === 'debug' || key === 'usePromise');
      if (onlySwitches || config.state !== 'none') return;
      config.state = 'asked';
      config.corpId = text(params.corpId);
      config.apis = (params.jsApiList || []).map(nativeName);
      const answer = bridgeReady().then(() => callNative({ answer: verifyConfig }, 'config', params));
      reported('config', answer).then(
        (result) => { config.state = 'granted'; config.grant(result); },
        (error) => { config.state = 'refused'; config.refuse(error); }
      );
    },

    /** Before dd.config it waits for the bridge, after it for the permission; a failure stays unhandled, as in the library. */
    ready(callback) {
      (config.state === 'none' ? bridgeReady() : config.done).then(() => callback());
    },
    error(callback) { config.done.catch((error) => callback(error)); },

    /** Looks only into the table of versions, not at permissions. */
    async checkJsApi(params = {}) {
      const since = (name) => (apis[nativeName(name)] || { since: {} }).since[env.platform];
      const supported = (name) => Boolean(since(name)) && reaches(env.version, since(name));
      return (params.jsApiList || []).reduce((answer, name) => Object.assign(answer, { [name]: supported(name) }), {});
    },

    on(event, handler) { bridgeReady().then(() => is('pc') || document.addEventListener(event, handler)); }, // a PC client sends no events
    off(event, handler) { bridgeReady().then(() => document.removeEventListener(event, handler)); }
  };

  API.forEach(([name, flatNames, phone, pc, gated, answer]) => {
    const method = name.replace('*', '');
    const parents = method.split('.'), label = parents.pop();
    const call = (params = {}) => reported(label, invoke(method, Object.assign({}, params)));
    apis[method] = { since: { android: phone, ios: phone, pc }, gated, answer };
    if (name === method) parents.reduce((parent, part) => (parent[part] = parent[part] || {}), dd)[label] = call;
    flatNames.split(' ').filter(Boolean).forEach((flat) => { nativeNames[flat] = method; dd[flat.replace('*', '')] = call; });
  });

  window.dd = dd;
})();
