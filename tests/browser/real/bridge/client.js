// What DingTalk's client does natively, whichever container carries the question: a container's file translates.
// SETUP comes from the test: { desk, ready, wishes }.
const client = (() => {
  const LATE = 300;
  const GATED = ['biz.contact.choose', 'device.geolocation.get'];
  // What the client does about a method: 'refuse', 'cancel', 'never'; anything else is the normal answer.
  const wishes = Object.assign({}, SETUP.wishes);
  const calls = [];
  let granted = [];
  let isReady = false;
  let becomeReady = () => {};

  const failure = (errorCode, errorMessage) => ({ errorCode, errorMessage });
  const pageUrl = () => location.href.split('#')[0];

  async function ask(path, question) {
    const body = JSON.stringify(Object.assign({ platform: SETUP.window }, question));
    return (await fetch(SETUP.desk + path, { method: 'POST', body, credentials: 'omit' })).json();
  }

  async function authCode({ corpId, url }) {
    const answer = await ask('/client/authcode', { corpId, url: url || pageUrl() });
    if (!answer.code) throw failure('3', answer.errorMessage);
    return { code: answer.code };
  }

  /** A phone decides by itself which page it is on; only on a PC does the library say. A refused page is on another. */
  async function config(params) {
    const url = (params.url || pageUrl()) + (wishes.config === 'refuse' ? '?elsewhere' : '');
    const answer = await ask('/client/config', Object.assign({}, params, { url }));
    if (answer.errcode !== 0) throw failure(SETUP.window === 'pc' ? 3 : '3', `Code:${answer.errcode} - Message: ${answer.errmsg}`);
    granted = params.jsApiList;
    return {};
  }

  const METHODS = {
    'runtime.permission.requestAuthCode': ['authCode', authCode],
    'runtime.permission.requestJsApis': ['config', config],
    config: ['config', config],
    'biz.contact.choose': ['choose', () => [{ emplId: 'alice', name: 'Alice Chen' }]],
    'device.geolocation.get': ['location', () => ({ longitude: 120.026, latitude: 30.279 })],
    'device.connection.getNetworkType': ['network', () => ({ result: 'wifi' })],
    'biz.navigation.setTitle': ['title', () => ({})],
    'biz.util.openLink': ['link', () => ({})],
  };

  /** Resolves to the result, or rejects with { errorCode, errorMessage }. */
  async function answer(method, params) {
    calls.push(method);
    const [name, act] = METHODS[method] || [];
    if (!act) throw failure('1', `${method} is not exist`);
    if (wishes[name] === 'never') await new Promise(() => {});
    if (GATED.includes(method) && !granted.includes(method)) throw failure('7', 'permission denied');
    if (wishes[name] === 'cancel') throw failure('-1', 'cancelled');
    return act(params);
  }

  /**
   * Calls `appear` or `failed` when SETUP.ready says: 'at once', 'late' (after the page and its library were loaded), 'never',
   * 'failed early' (before the library was loaded), 'failed' (after that).
   */
  function start(appear, failed) {
    const ready = () => {
      isReady = true;
      appear();
    };
    const afterLoad = (then) => addEventListener('load', () => setTimeout(then, LATE));
    const times = {
      'at once': () => ready(),
      late: () => afterLoad(ready),
      never: () => { becomeReady = ready; },
      'failed early': () => failed(),
      failed: () => afterLoad(failed),
    };
    times[SETUP.ready]();
  }

  return { answer, start, wishes, calls, wake: () => becomeReady(), isReady: () => isReady };
})();
window.simulatedClient = client;
