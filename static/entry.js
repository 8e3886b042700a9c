/** The entry page logs in and then loads itself again, now with a session. It never goes in circles. */
(function () {
  'use strict';

  const LOGINS_KEY = 'h5.logins-without-a-page';
  const LOGINS_ALLOWED = 2;
  const LOGINS_WINDOW = 60000;

  /** @type {HTMLElement | null} */
  const entry = document.querySelector('#entry');
  if (entry) {
    openEntry(entry);
  } else {
    rememberLogins([]);
    if (document.querySelector('[data-user-id]')) neverShowAgain();
  }

  /**
   * The browser may keep a page for the back button, and the phone may have changed hands by then: a page that comes
   * back is hidden and loaded again. Not every WebView says that it comes back, but its timers go on.
   */
  function neverShowAgain() {
    const { style } = document.documentElement;
    window.addEventListener('pagehide', () => {
      style.visibility = 'hidden';
      setTimeout(() => location.reload(), 500);
    });
    window.addEventListener('pageshow', (event) => {
      if (event.persisted) location.reload();
      else style.visibility = '';
    });
  }

  /** @param {HTMLElement} entry */
  function openEntry(entry) {
    const retry = /** @type {HTMLButtonElement} */ (part('retry'));
    const publicUrl = document.documentElement.dataset.publicUrl || location.origin;
    const publicAddress = publicUrl + location.pathname + location.search + location.hash;
    const cameByReload = performance.navigation.type === performance.navigation.TYPE_RELOAD;
    let hadTrouble = false;
    let takesNewPage = false;

    retry.addEventListener('click', () => {
      if (takesNewPage) startOver();
      else logIn(true);
    });

    ['load-again', 'look-again'].forEach((id) => part(id).addEventListener('click', (event) => {
      event.preventDefault();
      startOver();
    }));

    if (h5.client.whereabouts() === 'outside') {
      showHowToOpen();
    } else if (location.origin !== publicUrl) {
      showTrouble(h5.session.problem('wrong_address'));
      showPublicAddress();
    } else if (recentLogins().length >= LOGINS_ALLOWED) {
      showTrouble(h5.session.problem('session_lost'));
    } else {
      logIn(false);
    }

    /** @param {boolean} isAskedFor A person has asked for it, so it goes in no circle. */
    function logIn(isAskedFor) {
      fill('wait', '');
      part('slow').hidden = false;
      showFace('signing-in');
      retry.disabled = true;
      h5.session.logIn(entry.dataset.state || '', showWait).then(makeSureItComesBack).then(loadAgain).catch((failure) => {
        if (failure.code === 'state_rejected' && (isAskedFor || !cameByReload)) startOver();
        else showTrouble(failure);
      });
    }

    /** @param {number} milliseconds */
    function showWait(milliseconds) {
      const seconds = Math.ceil(milliseconds / 10000) * 10 || 10;
      const words = seconds < 100 ? h5.messages.queued_seconds : h5.messages.queued_minutes;
      fill('wait', words.replace('{}', String(seconds < 100 ? seconds : Math.ceil(seconds / 60))));
      // To load the page again would lose the place in the line.
      part('slow').hidden = true;
    }

    /** @param {Failure} failure */
    function showTrouble(failure) {
      const { happened, next, said } = h5.messages.explain(failure);
      takesNewPage = needsNewPage(failure, hadTrouble);
      fill('trouble-text', happened);
      fill('trouble-next', next);
      fill('trouble-said', said);
      fill('trouble-reference', failure.requestId ? h5.messages.request_id + failure.requestId : '');
      showFace('trouble');
      retry.disabled = false;
      if (hadTrouble) retry.focus();
      hadTrouble = true;
    }

    function showPublicAddress() {
      const link = /** @type {HTMLAnchorElement} */ (part('public-address'));
      link.href = publicAddress;
      link.textContent = publicUrl;
      link.hidden = false;
      retry.hidden = true;
    }

    function showHowToOpen() {
      const address = /** @type {HTMLInputElement} */ (part('address'));
      const link = /** @type {HTMLAnchorElement} */ (part('open-link'));
      address.value = publicAddress;
      link.href = 'dingtalk://dingtalkclient/page/link?url=' + encodeURIComponent(publicAddress) + '&pc_slide=true';
      part('copy').addEventListener('click', () => {
        // iPhones select by range only. The clipboard API needs https and a permission.
        address.select();
        address.setSelectionRange(0, publicAddress.length);
        const isCopied = document.execCommand('copy');
        if (isCopied) part('copy').focus();
        fill('copy-result', h5.messages[isCopied ? 'copied' : 'copy_by_hand']);
      });
      // On a PC DingTalk may show itself only after the library has looked for it.
      part('look-again').hidden = !/DingTalk/.test(navigator.userAgent);
      showFace('open-in-dingtalk');
    }

    /** @param {string} name */
    function showFace(name) {
      entry.dataset.face = name;
      entry.querySelectorAll('[data-shown-for]').forEach((face) => {
        /** @type {HTMLElement} */ (face).hidden = face.getAttribute('data-shown-for') !== name;
      });
      const [heading, app] = [`[data-shown-for="${name}"] h1`, '.brand-name'].map((selector) => document.querySelector(selector));
      if (heading && app) document.title = `${heading.textContent} · ${app.textContent}`;
      h5.client.tellTitle();
    }
  }

  /** Counts a login that has yet to lead to a page. Without storage the session itself is asked for. */
  async function makeSureItComesBack() {
    if (rememberLogins(recentLogins().concat(Date.now()))) return;
    const me = await fetch('/api/me', { credentials: 'same-origin' }).catch(() => null);
    if (me && me.ok) return;
    throw me && me.status === 401 ? h5.session.problem('session_lost') : { kind: 'network' };
  }

  /** The frames of a tab share this list; a page in any of them shows that sessions do come back. */
  function recentLogins() {
    try {
      /** @type {number[]} */
      const logins = JSON.parse(sessionStorage.getItem(LOGINS_KEY) || '[]');
      return logins.filter((at) => Math.abs(Date.now() - at) < LOGINS_WINDOW);
    } catch (error) {
      return [];
    }
  }

  /** @param {number[]} logins */
  function rememberLogins(logins) {
    try {
      sessionStorage.setItem(LOGINS_KEY, JSON.stringify(logins));
      return true;
    } catch (error) {
      return false;
    }
  }

  /**
   * Loads this page again, as from outside. A plain reload would count as from within, and could be answered from
   * somebody else's session.
   */
  function startOver() {
    const outside = part('load-again').getAttribute('href');
    if (outside) location.replace(outside + location.hash);
    else location.reload();
  }

  function loadAgain() {
    const address = location.href.replace(/^([^?#]*)\?sign-in(?=#|$)|^([^?#]*\?)sign-in&/, '$1$2');
    // Then replace would only scroll.
    if (address === location.href && /#/.test(address)) location.reload();
    else location.replace(address);
  }

  /**
   * Whether only a new page helps: it gets a fresh state, and the library, which keeps a failed bridge, starts again.
   * @param {Failure} failure
   * @param {boolean} again
   */
  function needsNewPage({ code, kind }, again) {
    return code === 'state_rejected' || kind === 'no_library' || (again && /timeout|refused/.test(kind));
  }

  /** @param {string} id */
  function part(id) {
    return /** @type {HTMLElement} */ (document.getElementById(id));
  }

  /**
   * @param {string} id
   * @param {string} text Empty hides it.
   */
  function fill(id, text) {
    part(id).textContent = text;
    part(id).hidden = !text;
  }
})();
