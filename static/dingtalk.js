/**
 * DingTalk's client, as this app sees it. The only file that names `window.dd`.
 *
 * The library answers in many shapes, or never. From this file come promises that always settle, and failures of
 * one shape.
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
 * @typedef {NonNullable<Window['dd']>} Library
 */
var h5 = {};

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

  /** @returns {Record<string, string>} What the library says about its container. */
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
      .then((answer) => {
        const code = read(answer, ['code', 'authCode']);
        if (/^(?!-\d+$)[\w+/=-]{1,512}$/.test(code)) return code;
        // A bare text may be a code: it is not shown.
        throw Object.assign(failure(Object(answer)), { code: 'no_auth_code' });
      })
      .catch((failure) => {
        authCodeTimeout = 24000;
        return neverCancelled(failure);
      });
  }

  /**
   * Nobody is asked, so nobody has cancelled.
   * @param {Failure} failure
   * @returns {never}
   */
  function neverCancelled(failure) {
    throw Object.assign(failure, failure.kind === 'cancelled' && { kind: 'refused' });
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
      configured = ask(CONFIG_TIMEOUT, (dd) => new Promise((resolve, reject) => {
        dd.config(Object.assign({}, values, { onSuccess: () => resolve(undefined) }));
        dd.error(reject);
      })).catch(neverCancelled);
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
    return ask(timeout || CALL_TIMEOUT, (dd) => {
      const path = name.split('.');
      const method = String(path.pop());
      const owner = path.reduce((object, key) => Object(object[key]), /** @type {any} */ (dd));
      if (typeof owner[method] !== 'function') throw { code: 4050 }; // As the library says it.
      return owner[method](params || {});
    });
  }

  /** Some clients keep the title of the page before. */
  function tellTitle() {
    call('biz.navigation.setTitle', { title: document.title }).catch(() => {});
  }

  /**
   * Outside DingTalk every call of the library fails in a way of its own: do not call. Inside, the library has no
   * time-outs: a lost bridge would leave the page waiting for ever.
   * @param {number} milliseconds
   * @param {(dd: Library) => any} question
   * @returns {Promise<any>}
   */
  function ask(milliseconds, question) {
    const where = whereabouts();
    if (where !== 'inside') return Promise.reject(failure({}, where));
    return new Promise((resolve, reject) => {
      giveUpAfter(milliseconds, () => reject({ code: 408 }));
      Promise.resolve(question(/** @type {Library} */ (window.dd))).then(resolve, reject);
    }).catch((said) => { throw failure(said); });
  }

  /**
   * When a page was suspended, as on a locked phone, its timers run before the answers that have come. So a timer that
   * is much too late starts again.
   * @param {number} milliseconds
   * @param {() => void} giveUp
   */
  function giveUpAfter(milliseconds, giveUp) {
    const due = Date.now() + milliseconds;
    setTimeout(() => (Date.now() - due > 1000 ? giveUpAfter(milliseconds, giveUp) : giveUp()), milliseconds);
  }

  /**
   * @param {any} said
   * @param {Failure['kind']} [kind]
   * @returns {Failure}
   */
  function failure(said, kind) {
    // Our own codes are words. A client's word is quoted, and so never taken for one of them.
    const code = read(said, ['errorCode', 'errCode', 'code']).slice(0, 30).replace(/^[a-z_]+$/, '"$&"');
    const text = read(Object(said) === said ? said : { message: said }, ['errorMessage', 'message', 'errMsg', 'errorMsg', 'reason']);
    // A refused signature comes back with the tickets that it was checked against.
    const shown = text.replace(/ticket\w*[\\"'\s]*[:=：][\\"'\s]*(\[[^\]]*\]?|\S+)/gi, 'ticketList:[hidden]');
    return Object.defineProperty({ kind: kind || kindOf(code, text), code, text: shown }, 'raw', { value: text });
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
   * The first of these fields that is there, as text that a report can carry.
   * @param {unknown} said
   * @param {string[]} names
   */
  function read(said, names) {
    const fields = Object(said);
    const name = names.find((candidate) => fields[candidate] !== undefined && fields[candidate] !== null);
    return name ? String(fields[name]).replace(/[\0-\x1f\ud800-\udfff]/gu, ' ') : '';
  }

  return { whereabouts, describe, requestAuthCode, configure, tryConfigure, tellTitle, call, giveUpAfter };
})();
