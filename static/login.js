/**
 * The session with our own server: log in silently, stay logged in while working, log out.
 *
 * @typedef {{ userId: string, name: string, corpId: string }} User
 *
 * @typedef {(milliseconds: number) => void} TellWait  Others are first for about so long.
 */
h5.session = (function () {
  'use strict';

  /** The server lets a login wait twenty seconds for its turn, and may take fifteen for the rest. */
  const LOGIN_TIMEOUT = 35000;
  /** A code lives five minutes. */
  const CODE_GROWS_OLD = 240000;
  const LONGEST_WAIT = 600000;
  const BEFORE_ASKING_AGAIN = 2000;
  const CROSSING_TIMEOUT = 1000;
  const SIGNED_OUT_KEY = 'h5.signed-out';

  /** @type {Promise<User> | null} */
  let pendingLogin = null;
  /** @type {Set<TellWait>} */
  const tellers = new Set();
  let othersUntil = 0;
  let loginsDone = 0;
  let latestState = '';
  /** @type {User | null} */
  let latestUser = null;
  /** @type {string | undefined} What keeps this page's order in the line. */
  let place;
  let postedLogin = new AbortController();
  let hasLeft = false;
  /** @type {Set<Promise<void>>} */
  const underway = new Set();

  /**
   * DingTalk's authCode becomes a session.
   * @param {string} state The server's word that this page came from it.
   * @param {TellWait} [tellWait]
   */
  function logIn(state, tellWait) {
    if (tellWait) tellers.add(tellWait);
    tellWaits();
    if (!pendingLogin) {
      const forget = () => {
        pendingLogin = null;
        tellers.clear();
      };
      pendingLogin = exchangeAuthCode(state);
      pendingLogin.then(forget, forget);
    }
    return pendingLogin;
  }

  function tellWaits() {
    const wait = othersUntil - Date.now();
    if (wait >= 0) tellers.forEach((tell) => setTimeout(tell, 0, wait)); // One that throws ends no login.
  }

  /**
   * Posts a code, and again while others are ahead in the line; one fresh code if it is rejected.
   * @param {string} state
   */
  async function exchangeAuthCode(state) {
    const began = Date.now();
    let code = { text: '', taken: 0 };
    let mayBeRejected = true;
    let isWaiting = false;
    for (;;) {
      try {
        if (Date.now() - code.taken > CODE_GROWS_OLD) code = await takeCode(state);
        if (hasLeft) throw problem('signed_out');
        postedLogin = new AbortController();
        latestUser = /** @type {User} */ (await post('/api/login', { authCode: code.text, state, place }, postedLogin));
        loginsDone += 1;
        place = undefined;
        return latestUser;
      } catch (caught) {
        /** @type {Failure} */
        const failure = Object(caught);
        place = failure.place || place;
        if (mayBeRejected && (failure.code === 'code_rejected' || failure.code === 'retry_with_new_code')) {
          mayBeRejected = false;
          code.taken = 0;
        } else if (failure.code === 'login_queued' || failure.code === 'crowded') {
          isWaiting = place !== undefined;
          const retryAfter = failure.retryAfter || 0;
          othersUntil = Date.now() + (failure.waitMs || retryAfter);
          tellWaits();
          await pause(retryAfter);
        } else if (failure.code === 'code_in_use' || (isWaiting && isNobodyThere(failure))) {
          // A post is under way, its server was replaced, or the network is away: the place keeps the order.
          code.taken = 0;
          await pause(BEFORE_ASKING_AGAIN * (1 + Math.random()));
        } else {
          place = undefined;
          throw failure;
        }
        if (Date.now() - began > LONGEST_WAIT) throw isNobodyThere(failure) ? failure : problem('queue_too_long');
      }
    }
  }

  /** @param {Failure} failure The server's, or the client's, which needs the same network. */
  function isNobodyThere(failure) {
    return /network|timeout|refused/.test(failure.kind) || (failure.code === 'internal' && failure.status !== 500);
  }

  /** @param {string} state */
  async function takeCode(state) {
    const text = await h5.client.requestAuthCode(document.documentElement.dataset.corpId || '').catch((failure) => {
      h5.report.refusedAuthCode(failure, state);
      throw failure;
    });
    return { text, taken: Date.now() };
  }

  /** Ends the session on the server, then leaves. */
  async function logOut() {
    // The session ends before the answer comes: nothing may begin another one.
    hasLeft = true;
    postedLogin.abort();
    await post('/api/logout', {}).catch((failure) => {
      hasLeft = false;
      throw failure;
    });
    try {
      localStorage.setItem(SIGNED_OUT_KEY, String(Date.now()));
      localStorage.removeItem(SIGNED_OUT_KEY);
    } catch (error) {
      // Without storage other windows are not told.
    }
    leave();
  }

  // When one page logs out, no other may log in again by itself.
  window.addEventListener('storage', (event) => {
    if (event.key === SIGNED_OUT_KEY && event.newValue && (shownUser() || pendingLogin)) leave();
  });

  function leave() {
    hasLeft = true;
    postedLogin.abort();
    location.replace('/signed-out?corpid=' + encodeURIComponent(document.documentElement.dataset.corpId || ''));
  }

  /**
   * `fetch` for our own API. Without a session it logs in and repeats the request, thrice at most.
   * @param {string} path
   * @param {RequestInit} [init] A body that can be sent twice.
   * @param {TellWait} [tellWait]
   */
  async function fetchWithSession(path, init, tellWait) {
    for (let attempt = 0; ; attempt += 1) {
      stayTheSame();
      const loginsBefore = loginsDone;
      const response = await request(path, init);
      // An app's own 401, or a proxy's, has no state.
      const state = response.status === 401 && stateIn(response);
      if (!state || hasLeft || attempt > 2) return response;
      latestState = state;
      // Each 401 may set a new pre-session: wait for the requests under way, then use the last state.
      await Promise.race([Promise.all(underway), pause(CROSSING_TIMEOUT)]);
      if (loginsDone === loginsBefore) await logIn(latestState, tellWait).catch((failure) => {
        // Another page was faster.
        if (attempt || failure.code !== 'state_rejected') throw failure;
      });
    }
  }

  /**
   * @param {string} path
   * @param {RequestInit} [init]
   */
  function request(path, init) {
    const headers = new Headers(init && init.headers);
    const shown = shownUser();
    if (shown) headers.set('X-Page-User', shown);
    const answer = fetch(path, Object.assign({ credentials: 'same-origin' }, init, { headers })).catch((error) => {
      if (init && init.signal && init.signal.aborted) throw error;
      return networkFailure(error);
    });
    const arrival = answer.then(() => {}, () => {}).then(() => { underway.delete(arrival); });
    underway.add(arrival);
    return answer.then(stopIfOutdated);
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

  function shownUser() {
    const shown = document.querySelector('[data-user-id]');
    const userId = shown && shown.getAttribute('data-user-id');
    return userId && nameOf({ corpId: document.documentElement.dataset.corpId || '', userId });
  }

  /**
   * Two organisations may have people of the same userId.
   * @param {{ corpId: string, userId: string }} user
   */
  function nameOf({ corpId, userId }) {
    return [corpId, userId].map(encodeURIComponent).join(' ');
  }

  /** Somebody else may have logged in by now, whose data has no place on this page. */
  function stayTheSame() {
    const shown = shownUser();
    if (shown && latestUser && shown !== nameOf(latestUser)) startAgain();
  }

  /**
   * The session may have been begun by a page that shows another person: then the server says so.
   * @param {Response} response
   */
  async function stopIfOutdated(response) {
    const told = response.status === 409 && Object(await response.clone().json().catch(() => null));
    if (told && told.code === 'user_changed') startAgain();
    return response;
  }

  /** @returns {never} */
  function startAgain() {
    location.reload();
    throw problem('user_changed');
  }

  /**
   * @param {string} code
   * @returns {Failure}
   */
  function problem(code) {
    return { kind: 'problem', code, text: '' };
  }

  /**
   * @param {string} path
   * @param {object} body
   * @param {AbortController} [patience]
   */
  async function post(path, body, patience = new AbortController()) {
    h5.client.giveUpAfter(LOGIN_TIMEOUT, () => patience.abort());
    const response = await fetch(path, {
      method: 'POST',
      credentials: 'same-origin',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
      signal: patience.signal,
    }).catch(networkFailure);
    if (!response.ok) throw await problemIn(response);
    return response.status === 204 ? null : await response.json().catch(networkFailure);
  }

  /**
   * @param {Response} response
   * @returns {Promise<Failure>}
   */
  async function problemIn(response) {
    const told = Object(await response.json().catch(() => null));
    return {
      kind: 'problem',
      status: response.status,
      code: told.code || 'internal',
      text: told.title || '',
      next: told.detail || '',
      requestId: told.requestId || response.headers.get('X-Request-Id') || '',
      place: told.place,
      waitMs: told.waitMs,
      retryAfter: Number(response.headers.get('Retry-After')) * 1000,
    };
  }

  /**
   * @param {Error} error
   * @returns {never}
   */
  function networkFailure(error) {
    throw { kind: 'network', code: '', text: error.message };
  }

  /** @type {NodeListOf<HTMLButtonElement>} */
  (document.querySelectorAll('[data-action="log-out"]')).forEach((button) => {
    button.disabled = false;
    button.addEventListener('click', () => {
      button.disabled = true;
      logOut().catch((failure) => {
        const trouble = document.getElementById('log-out-trouble');
        if (trouble) trouble.textContent = h5.messages.explain(failure).happened;
        button.disabled = false;
        button.focus();
      });
    });
  });

  return { logIn, logOut, fetch: fetchWithSession, problem, problemIn };
})();

