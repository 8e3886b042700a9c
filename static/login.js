/**
 * The session with our own server: log in silently, stay logged in while working, log out.
 *
 * @typedef {{ userId: string, name: string, corpId: string }} User
 *
 * @typedef {object} Session
 * @property {(state: string) => Promise<User>} logIn
 * @property {() => Promise<void>} logOut
 * @property {(path: string, init?: RequestInit) => Promise<Response>} fetch
 */
h5.session = (function () {
  'use strict';

  const LOGIN_TIMEOUT = 15000;
  const CROSSING_TIMEOUT = 1000;

  /** @type {Promise<User> | null} */
  let pendingLogin = null;
  let loginsDone = 0;
  let latestState = '';
  /** @type {User | null} */
  let latestUser = null;
  /** @type {Set<Promise<void>>} */
  const underway = new Set();

  /**
   * DingTalk's authCode becomes a session.
   * @param {string} state The server's word that this page came from it.
   * @returns {Promise<User>}
   */
  function logIn(state) {
    if (!pendingLogin) {
      const forget = () => { pendingLogin = null; };
      pendingLogin = exchangeAuthCode(state);
      pendingLogin.then(forget, forget);
    }
    return pendingLogin;
  }

  /**
   * A code lives five minutes and works once, so a stale one is nobody's fault: one fresh code, then no more.
   * @param {string} state
   * @returns {Promise<User>}
   */
  function exchangeAuthCode(state) {
    return exchangeOnce(state).catch((failure) => {
      if (failure.code !== 'code_rejected' && failure.code !== 'retry_with_new_code') throw failure;
      return exchangeOnce(state);
    });
  }

  /**
   * @param {string} state
   * @returns {Promise<User>}
   */
  async function exchangeOnce(state) {
    const authCode = await requestAuthCode(state);
    const user = await post('/api/login', { authCode, state });
    loginsDone += 1;
    latestUser = user;
    return user;
  }

  /**
   * @param {string} state
   * @returns {Promise<string>}
   */
  function requestAuthCode(state) {
    return h5.client.requestAuthCode(document.documentElement.dataset.corpId || '').catch((failure) => {
      h5.report.refusedAuthCode(failure, state);
      throw failure;
    });
  }

  /**
   * Ends the session on the server, then leaves.
   * @returns {Promise<void>}
   */
  async function logOut() {
    await post('/api/logout', {});
    location.replace('/signed-out');
  }

  /**
   * `fetch` for our own API. When the session has ended it logs in again, unseen, and repeats the request once.
   * @param {string} path
   * @param {RequestInit} [init] A body that can be sent twice.
   * @returns {Promise<Response>}
   */
  async function fetchWithSession(path, init) {
    stayTheSame();
    const loginsBefore = loginsDone;
    const response = await request(path, init);
    if (response.status !== 401) return response;
    latestState = stateIn(response);
    // Each 401 may replace the cookie that its state belongs to: let those that are under way arrive, use the last.
    await Promise.race([Promise.all(underway), pause(CROSSING_TIMEOUT)]);
    if (loginsDone === loginsBefore) await logIn(latestState);
    stayTheSame();
    return request(path, init);
  }

  /**
   * @param {string} path
   * @param {RequestInit} [init]
   * @returns {Promise<Response>}
   */
  function request(path, init) {
    const answer = fetch(path, init).catch(networkFailure);
    const arrival = answer.then(() => {}, () => {}).then(() => { underway.delete(arrival); });
    underway.add(arrival);
    return answer;
  }

  /** @param {number} milliseconds */
  function pause(milliseconds) {
    return new Promise((resolve) => setTimeout(resolve, milliseconds));
  }

  /** @param {Response} response */
  function stateIn(response) {
    const found = /\bstate="([^"]*)"/.exec(response.headers.get('WWW-Authenticate') || '');
    return found ? found[1] : '';
  }

  /**
   * DingTalk may belong to somebody else by now. Their data has no place on this page, and its requests none in their
   * name.
   */
  function stayTheSame() {
    const shown = document.querySelector('[data-user-id]');
    if (!shown || !latestUser || shown.getAttribute('data-user-id') === latestUser.userId) return;
    location.reload();
    /** @type {Failure} */
    const failure = { kind: 'problem', code: 'user_changed', text: '' };
    throw failure;
  }

  /**
   * @param {string} path
   * @param {object} body
   * @returns {Promise<any>} What the server said; any answer but success is a rejection.
   */
  async function post(path, body) {
    const patience = new AbortController();
    const timer = setTimeout(() => patience.abort(), LOGIN_TIMEOUT);
    try {
      const response = await fetch(path, {
        method: 'POST',
        credentials: 'same-origin',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(body),
        signal: patience.signal,
      }).catch(networkFailure);
      if (!response.ok) throw await problemIn(response);
      return response.status === 204 ? null : await response.json().catch(networkFailure);
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * @param {Response} response
   * @returns {Promise<Failure>}
   */
  async function problemIn(response) {
    const problem = Object(await response.json().catch(() => null));
    return {
      kind: 'problem',
      code: problem.code || 'internal',
      text: problem.title || '',
      next: problem.detail || '',
      requestId: problem.requestId || response.headers.get('X-Request-Id') || '',
    };
  }

  /**
   * @param {Error} error
   * @returns {never}
   */
  function networkFailure(error) {
    /** @type {Failure} */
    const failure = { kind: 'network', code: '', text: error.message };
    throw failure;
  }

  /** @param {HTMLButtonElement} button */
  function wireLogOut(button) {
    button.addEventListener('click', () => {
      button.disabled = true;
      logOut().catch((failure) => {
        const trouble = document.getElementById('log-out-trouble');
        if (trouble) trouble.textContent = h5.messages.explain(failure).happened;
        button.disabled = false;
      });
    });
  }

  document.querySelectorAll('[data-action="log-out"]').forEach((button) => {
    wireLogOut(/** @type {HTMLButtonElement} */ (button));
  });

  return { logIn, logOut, fetch: fetchWithSession };
})();

