/**
 * Tells our server what DingTalk's client refused, so that its log says what to change. A report is sent once per page.
 */
h5.report = (function () {
  'use strict';

  /** 600 characters are 1.8 KB in Chinese. The server takes 4 KB, and a long address needs two of them. */
  const TOO_LONG = /^([^]{600})[^]+/u;
  const PATIENCE = 3000;

  /** @type {Promise<void> | null} */
  let configReport = null;
  let authCodeReported = false;

  /**
   * Gives the failure the server's explanation, where there is one.
   * @param {Failure} failure
   * @param {ConfigValues} values
   */
  function refusedConfig(failure, values) {
    if (failure.kind !== 'refused') return Promise.resolve();
    if (!configReport) {
      const { nonceStr, timeStamp, signature } = values;
      const url = document.documentElement.dataset.pageUrl || address();
      // A long address fits only once.
      const signed = { url: url[999] && url === address() ? undefined : url, nonceStr, timeStamp, signature };
      configReport = send(h5.session.fetch, failure, { signed }).then((told) => {
        if (told) failure.explanation = told.explanation;
      });
    }
    return configReport;
  }

  /**
   * Nobody is logged in yet: the login's state shows that this page came from the server.
   * @param {Failure} failure
   * @param {string} state
   */
  function refusedAuthCode(failure, state) {
    if (failure.kind !== 'refused' || authCodeReported) return;
    authCodeReported = true;
    send(fetch, failure, { call: 'requestAuthCode', state });
  }

  /**
   * @param {typeof h5.session.fetch} ask
   * @param {Failure} failure
   * @param {object} more
   * @returns {Promise<{ explanation: string } | null>} What the server found, if it says so in time.
   */
  function send(ask, failure, more) {
    const text = (failure.raw || failure.text).replace(TOO_LONG, '$1…');
    const answer = ask('/api/jsapi/report', {
      method: 'POST',
      credentials: 'same-origin',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(Object.assign({ code: failure.code, text, url: address() }, more)),
    }).then((response) => (response.status === 200 ? response.json() : null));
    const tooLate = new Promise((resolve) => setTimeout(() => resolve(null), PATIENCE));
    return Promise.race([answer, tooLate]).catch(() => null);
  }

  /** Where the page is, as DingTalk signs it. */
  function address() {
    return location.href.split('#')[0];
  }

  return { refusedConfig, refusedAuthCode };
})();
