/**
 * DingTalk's client, as this app sees it. The only file that names `window.dd`.
 *
 * The library answers in many shapes and sometimes not at all. What leaves this file is a promise that
 * always settles, and a failure that always has one shape.
 *
 * @typedef {object} Failure
 * @property {'timeout' | 'outside' | 'no_library' | 'cancelled' | 'refused' | 'problem' | 'network'} kind
 * @property {string} code  The library's or the server's; empty when there is none.
 * @property {string} text
 * @property {string} [raw]  The same with tickets, for the server only: not enumerable.
 * @property {string} [next]  What to do, in the server's words.
 * @property {string} [explanation]  What the server found wrong; it says so in development only.
 * @property {string} [requestId]
 * @property {number} [status]
 * @property {string} [place]  What keeps a login's order when it has to post again.
 * @property {number} [waitMs]  About how long others are first.
 * @property {number} [retryAfter]  Milliseconds.
 *
 * @typedef {object} Client
 * @property {() => 'inside' | 'outside' | 'no_library'} whereabouts
 * @property {() => Record<string, string>} describe
 * @property {(corpId: string) => Promise<string>} requestAuthCode
 * @property {(values: ConfigValues) => Promise<void>} configure
 * @property {(values: ConfigValues) => Promise<void>} tryConfigure
 * @property {() => void} tellTitle
 * @property {(name: DingTalkApi, params?: object, timeout?: number) => Promise<any>} call
 *
 * @typedef {NonNullable<Window['dd']>} Library
 *
 * @typedef {{ client: Client, session: Session, messages: Messages, report: Reports }} H5
 */
var h5 = /** @type {H5} */ ({});

h5.client = (function () {
  'use strict';

  const CONFIG_TIMEOUT = 10000;
  const CALL_TIMEOUT = 30000;

  /** @type {Promise<void> | null} */
  let configured = null;
  /** Whoever asks again waits longer: the network may be slow. */
  let authCodeTimeout = 8000;

  /** @returns {'inside' | 'outside' | 'no_library'} */
  function whereabouts() {
    const dd = window.dd;
    if (!dd || !dd.env) return 'no_library';
    return dd.env.platform === 'notInDingTalk' ? 'outside' : 'inside';
  }

  /** What the library says about its container. */
  function describe() {
    return Object(Object(window.dd).env);
  }

  /**
   * The one-time code that the server turns into a session. It needs no `configure`.
   * @param {string} corpId
   */
  function requestAuthCode(corpId) {
    // The one spelling that every version of the library has.
    return call('runtime.permission.requestAuthCode', { corpId }, authCodeTimeout)
      .then((answer) => read(answer, ['code', 'authCode']) || Promise.reject(failure({ code: 'no_auth_code' })))
      .catch((failure) => {
        authCodeTimeout = 24000;
        // Nobody is asked, so nobody has cancelled.
        throw Object.assign(failure, failure.kind === 'cancelled' && { kind: 'refused' });
      });
  }

  /**
   * Opens the gated calls. A refusal is reported first: only the server can tell which part of its
   * signature DingTalk did not like.
   * @param {ConfigValues} values
   */
  function configure(values) {
    return tryConfigure(values).catch((failure) => h5.report.refusedConfig(failure, values).then(() => { throw failure; }));
  }

  /**
   * The same without a report. The library ignores a second `dd.config` in a document, even after a failure, so there
   * is one answer for the life of the page.
   *
   * No `dd.ready`: when `dd.config` fails, a promise of its own rejects where nobody can catch it. Every bridge calls
   * `onSuccess`.
   * @param {ConfigValues} values
   */
  function tryConfigure(values) {
    if (!configured) {
      configured = inside().then((dd) => within(CONFIG_TIMEOUT, new Promise((resolve, reject) => {
        dd.config(Object.assign({}, values, { onSuccess: () => resolve() }));
        dd.error(reject);
      })));
    }
    return configured;
  }

  /**
   * `call('biz.contact.choose', params)` is `dd.biz.contact.choose(params)`. Give pickers, which wait for a person,
   * a longer time-out.
   * @param {DingTalkApi} name
   * @param {object} [params]
   * @param {number} [timeout] In milliseconds.
   * @returns {Promise<any>}
   */
  function call(name, params, timeout) {
    return inside().then((dd) => {
      const path = name.split('.');
      const method = String(path.pop());
      const owner = path.reduce((object, key) => Object(object[key]), /** @type {any} */ (dd));
      if (typeof owner[method] !== 'function') {
        throw failure({ code: 'no_such_api' });
      }
      return within(timeout || CALL_TIMEOUT, owner[method](params || {}));
    }).catch((said) => { throw failure(said); });
  }

  /** Some clients keep the title of the page before. Without its own the page is still of use. */
  function tellTitle() {
    call('biz.navigation.setTitle', { title: document.title }).catch(() => {});
  }

  /** Outside DingTalk every call of the library fails in a way of its own: do not call. */
  function inside() {
    const place = whereabouts();
    if (place !== 'inside') return Promise.reject(failure({}, place));
    return Promise.resolve(/** @type {Library} */ (window.dd));
  }

  /**
   * The library has no time-outs: a lost bridge would leave the page waiting for ever.
   * @template T
   * @param {number} milliseconds
   * @param {Promise<T>} answer
   * @returns {Promise<T>}
   */
  function within(milliseconds, answer) {
    return new Promise((resolve, reject) => {
      const giveUp = () => reject(failure({ code: 408 }));
      const timer = setTimeout(giveUp, milliseconds);
      Promise.resolve(answer)
        .then(resolve, (said) => reject(failure(said)))
        .then(() => clearTimeout(timer));
    });
  }

  /**
   * Takes an object, an Error, a string, or nothing.
   * @param {any} said
   * @param {Failure['kind']} [kind]
   * @returns {Failure}
   */
  function failure(said, kind) {
    if (said && said.kind) return said;
    const code = read(said, ['errorCode', 'errCode', 'code']);
    const text = typeof said === 'string' ? said : read(said, ['errorMessage', 'message', 'errMsg', 'reason']);
    const shown = { kind: kind || kindOf(code, text), code, text: withoutTickets(text) };
    return Object.defineProperty(shown, 'raw', { value: text });
  }

  /**
   * @param {string} code
   * @param {string} text
   * @returns {Failure['kind']}
   */
  function kindOf(code, text) {
    if (code === '-1') return 'cancelled';
    if (code === '408') return 'timeout';
    return text.indexOf('notInDingTalk') >= 0 ? 'outside' : 'refused';
  }

  /**
   * A refused signature comes back with the tickets that it was checked against.
   * @param {string} text
   */
  function withoutTickets(text) {
    return text.replace(/ticket\w*[\\"'\s]*[:=：][\\"'\s]*(\[[^\]]*\]?|\S+)/gi, 'ticketList:[hidden]');
  }

  /**
   * The first of these fields that was filled in, as text.
   * @param {unknown} said
   * @param {string[]} names
   */
  function read(said, names) {
    const fields = Object(said);
    const name = names.find((candidate) => fields[candidate] !== undefined && fields[candidate] !== null);
    return name ? String(fields[name]) : '';
  }

  return { whereabouts, describe, requestAuthCode, configure, tryConfigure, tellTitle, call };
})();
