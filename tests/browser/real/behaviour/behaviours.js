// What a page can observe of a DingTalk library. Each entry runs in a document of its own, against dd.js and against the real one,
// and both must come to the same. No test data of its own: VALUES are good for dd.config, `person` answers dialogs.

const unhandled = [];
addEventListener('unhandledrejection', (event) => {
  event.preventDefault();
  unhandled.push(shape(event.reason));
});

/** An error without its words, which are the client's own; its code and the types around it are what pages read. */
function shape(said) {
  if (said instanceof Error) return { Error: said.message };
  if (said === null || typeof said !== 'object') return String(said);
  const fields = Object.keys(said).sort().map((key) => [key, key === 'errorCode' ? said[key] : typeof said[key]]);
  return fields.reduce((all, [key, value]) => Object.assign(all, { [key]: value }), {});
}

const VALUES = () => Object.assign({}, parent.VALUES, { jsApiList: ['biz.contact.choose'] });
const REFUSED = () => Object.assign(VALUES(), { signature: 'bad' });
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

let asking = 0;
// By another name: a constant that is called fetch would be what everybody's plain `fetch` means, and nothing would be counted.
const fetchUncounted = window.fetch;
let lastQuestion;
window.fetch = (...question) => {
  lastQuestion = JSON.parse(question[1].body);
  const done = () => { asking -= 1; };
  const answer = fetchUncounted.apply(window, question);
  asking += 1;
  answer.then((response) => response.clone().text()).then(done, done);
  return answer;
};

/** Waits until nobody is asked any more: what has not happened by then will not happen. */
async function quiet() {
  for (let calm = 0; calm < 6; calm = asking > 0 ? 0 : calm + 1) await pause(50);
}

const settled = (promise) => promise.then((result) => ({ resolved: shape(result) }), (said) => ({ rejected: shape(said) }));
const nativeCalls = (path) => performance.getEntriesByType('resource').filter(({ name }) => name.endsWith(path)).length;

/** Callbacks of all names, which write down that they were called, with how many arguments and what came first. */
function callbacks(events) {
  const names = ['onSuccess', 'onFail', 'onCancel', 'success', 'fail', 'cancel', 'complete'];
  return names.reduce((all, name) => Object.assign(all, {
    [name]: (...said) => events.push([name, said.length, shape(said[0])]),
  }), {});
}

/** The person in front of the dialog that a call opens. */
async function person(presses) {
  if (!location.search.endsWith('/dd.js')) {
    window.simulatedClient.wishes.choose = presses;
    return;
  }
  while (!document.getElementById('dd-dialog')) await pause(10);
  document.getElementById(presses === 'cancel' ? 'dd-dialog-cancel' : 'dd-dialog-choice-0').click();
}

/** All names of APIs in dd.js, and one that nobody has. */
const NAMES = [
  'corpId', 'agentId', 'runtime.permission.requestAuthCode', 'getAuthCode', 'runtime.permission.requestAuthCodeV2',
  'requestAuthCode', 'getAuthCodeV2', 'device.notification.alert', 'alert', 'device.notification.confirm', 'confirm',
  'device.notification.prompt', 'prompt', 'device.notification.actionSheet', 'showActionSheet', 'device.notification.toast',
  'showToast', 'device.notification.hideToast', 'hideToast', 'device.notification.showPreloader', 'showLoading',
  'device.notification.hidePreloader', 'hideLoading', 'device.notification.vibrate', 'vibrate',
  'device.connection.getNetworkType', 'getNetworkType', 'device.base.getPhoneInfo', 'getSystemInfo', 'device.geolocation.get',
  'getLocation', 'biz.navigation.setTitle', 'setNavigationTitle', 'biz.navigation.setLeft', 'setNavigationLeft',
  'biz.navigation.setRight', 'biz.navigation.goBack', 'goBackPage', 'biz.navigation.close', 'closePage',
  'biz.navigation.replace', 'replacePage', 'biz.util.openLink', 'openLink', 'biz.util.open', 'openPageInMicroApp',
  'biz.util.share', 'share', 'biz.util.scan', 'scan', 'biz.contact.choose', 'chooseStaffForPC', 'biz.contact.complexPicker',
  'complexChoose', 'biz.contact.departmentsPicker', 'chooseDepartments', 'biz.ding.create', 'createDing',
  'biz.clipboardData.setData', 'setClipboard',
  'biz.no.such',
];

/** Configures, and writes down what dd.ready and dd.error say. */
async function configure(values, events) {
  dd.config(values);
  dd.ready(() => events.push('ready'));
  dd.error((said) => events.push(['error', shape(said)]));
  while (events.length === 0) await pause(10);
}

const BEHAVIOURS = {
  env() {
    const { platform, platformSub, version, appType, language } = dd.env;
    const { ios, android, pc, harmony, other } = dd;
    return { platform, platformSub, version, appType, language, ios, android, pc, harmony, other, v: dd.version, l: dd.language };
  },

  async 'ready before config'() {
    const events = [];
    dd.ready(() => events.push('ready'));
    await quiet();
    dd.config(REFUSED());
    await quiet();
    return { events, unhandled };
  },

  async 'config accepted'() {
    const events = [];
    dd.ready(() => events.push('ready before'));
    dd.config(VALUES());
    dd.ready(() => events.push('ready after'));
    dd.error(() => events.push('error'));
    await quiet();
    return { events, unhandled };
  },

  async 'config refused, with ready and error'() {
    const events = [];
    dd.config(REFUSED());
    dd.error((said) => events.push(['error', shape(said)]));
    dd.ready(() => events.push('ready'));
    await quiet();
    return { events, unhandled };
  },

  async 'config refused, with error alone'() {
    const events = [];
    dd.config(REFUSED());
    dd.error((said) => events.push(['error', shape(said)]));
    await quiet();
    return { events, unhandled };
  },

  async 'config refused, without error'() {
    dd.config(REFUSED());
    await quiet();
    return { unhandled };
  },

  async 'config with onSuccess'() {
    const events = [];
    dd.config(Object.assign(VALUES(), { onSuccess: () => events.push('onSuccess') }));
    dd.error(() => events.push('error'));
    await quiet();
    return { events, unhandled };
  },

  async 'config with onSuccess, refused'() {
    const events = [];
    dd.config(Object.assign(REFUSED(), { onSuccess: () => events.push('onSuccess') }));
    dd.error((said) => events.push(['error', shape(said)]));
    await quiet();
    return { events, unhandled };
  },

  async 'error after the refusal'() {
    const events = [];
    dd.config(REFUSED());
    await quiet();
    dd.error((said) => events.push(['error', shape(said)]));
    await pause(50);
    return events;
  },

  async 'error before config'() {
    const events = [];
    dd.error((said) => events.push(['error', shape(said)]));
    dd.config(REFUSED());
    await quiet();
    return { events, unhandled };
  },

  async 'second config'() {
    const events = [];
    dd.config(REFUSED());
    dd.config(VALUES());
    dd.error(() => events.push('error'));
    await quiet();
    dd.config(VALUES());
    await quiet();
    return { events, calls: nativeCalls('/client/config') };
  },

  async 'config with debug only'() {
    dd.config({ debug: true });
    const events = [];
    await configure(VALUES(), events);
    return { events, calls: nativeCalls('/client/config') };
  },

  async requestAuthCode() {
    const events = [];
    const question = Object.assign({ corpId: VALUES().corpId }, callbacks(events));
    const outcome = await settled(dd.runtime.permission.requestAuthCode(question));
    await pause(50);
    return { outcome, events, unhandled };
  },

  async getAuthCode() {
    return settled(dd.getAuthCode({ corpId: VALUES().corpId }));
  },

  async 'requestAuthCode of another organisation'() {
    return settled(dd.runtime.permission.requestAuthCode({ corpId: 'ding1' }));
  },

  async 'gated call without config'() {
    const events = [];
    const outcome = await settled(dd.biz.contact.choose(callbacks(events)));
    await pause(50);
    return { outcome, events, unhandled };
  },

  async 'gated call too early'() {
    person('pick');
    dd.config(VALUES());
    const events = [];
    const outcome = await settled(dd.biz.contact.choose(callbacks(events)).then(() => 'chosen'));
    return { outcome, events: events.map(([name]) => name) };
  },

  async 'gated call too early, config refused'() {
    dd.config(REFUSED());
    const events = [];
    const call = settled(dd.biz.contact.choose(callbacks(events)).then(() => 'chosen'));
    const outcome = await Promise.race([call, quiet().then(() => 'nothing')]);
    await pause(50);
    return { outcome, events, unhandled };
  },

  async 'gated call that is not in the list'() {
    const events = [];
    await configure(VALUES(), events);
    return settled(dd.device.geolocation.get({ targetAccuracy: 200 }));
  },

  async 'gated call, cancelled'() {
    const log = [];
    await configure(VALUES(), log);
    const events = [];
    const call = settled(dd.biz.contact.choose(callbacks(events)));
    person('cancel');
    const outcome = await call;
    await pause(50);
    return { outcome, events };
  },

  async 'open call, all callbacks'() {
    const events = [];
    const outcome = await settled(dd.biz.navigation.setTitle(Object.assign({ title: 'a' }, callbacks(events))));
    await pause(50);
    return { outcome, events };
  },

  async 'open call, onSuccess alone'() {
    const events = [];
    const { onSuccess } = callbacks(events);
    await dd.biz.navigation.setTitle({ title: 'a', onSuccess });
    await pause(50);
    return { events };
  },

  async 'open call, by its flat name'() {
    const events = [];
    const { success } = callbacks(events);
    const outcome = await settled(dd.setNavigationTitle({ title: 'a', success }));
    await pause(50);
    return { outcome, events };
  },

  async 'failing call without catch'() {
    dd.biz.contact.choose({ onFail() {} });
    await quiet();
    return { unhandled };
  },

  async 'call that the platform lacks'() {
    if (dd.env.platform !== 'pc') return 'phones lack nothing that a PC has';
    const events = [];
    const outcome = await settled(dd.biz.navigation.setRight(callbacks(events)));
    await pause(50);
    return { outcome, events, unhandled };
  },

  async checkJsApi() {
    const answer = await dd.checkJsApi({ jsApiList: NAMES });
    return NAMES.filter((name) => answer[name]);
  },

  names() {
    const find = (name) => name.split('.').reduce((owner, part) => Object(owner)[part], dd);
    return NAMES.filter((name) => typeof find(name) === 'function');
  },

  async 'flat names in jsApiList'() {
    const jsApiList = ['chooseStaffForPC', 'getLocation', 'alert', 'biz.contact.complexPicker'];
    dd.config(Object.assign(VALUES(), { jsApiList }));
    await quiet();
    return lastQuestion && lastQuestion.jsApiList;
  },

  async 'document event'() {
    const events = [];
    const handler = () => events.push('resume');
    dd.on('resume', handler);
    await pause(50);
    document.dispatchEvent(new Event('resume'));
    dd.off('resume', handler);
    await pause(50);
    document.dispatchEvent(new Event('resume'));
    return events;
  },
};

window.BEHAVIOURS = BEHAVIOURS;
