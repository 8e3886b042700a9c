/**
 * The JSAPI playground: configures the page, then runs one call per row and shows what came back.
 */
(function () {
  'use strict';

  const PEOPLE_NEED_TIME = 5 * 60 * 1000;
  const page = /** @type {HTMLElement} */ (document.querySelector('[data-jsapi]'));
  const script = /** @type {HTMLScriptElement} */ (document.currentScript);
  /** @type {Record<string, string>} */
  const words = JSON.parse(script.dataset.words || '');
  /** @type {ConfigValues} */
  const values = JSON.parse(page.dataset.jsapi || '{}');

  /** @type {Partial<Record<DingTalkApi, { params?: object, timeout?: number }>>} */
  const calls = {
    'device.connection.getNetworkType': {},
    'device.notification.alert': {
      params: { title: words.alert_title, message: words.alert, buttonName: words.button },
      timeout: PEOPLE_NEED_TIME,
    },
    'device.notification.toast': { params: { icon: 'success', text: words.toast, duration: 2 } },
    'device.notification.confirm': {
      params: {
        title: words.confirm_title,
        message: words.confirm,
        buttonLabels: [words.confirm_no, words.confirm_yes],
      },
      timeout: PEOPLE_NEED_TIME,
    },
    'device.notification.vibrate': { params: { duration: 300 } },
    'biz.navigation.setTitle': { params: { title: words.set_title } },
    'biz.util.openLink': { params: { url: 'https://open.dingtalk.com/' } },
    'biz.contact.choose': {
      params: { multiple: true, users: [], corpId: values.corpId },
      timeout: PEOPLE_NEED_TIME,
    },
    'device.geolocation.get': {
      params: { targetAccuracy: 200, coordinate: 1, withReGeocode: true, useCache: true },
    },
  };

  configure();
  page.querySelectorAll('[data-api]').forEach((row) => {
    const button = /** @type {HTMLButtonElement} */ (row.querySelector('button'));
    button.addEventListener('click', () => run(row, button));
    button.disabled = false;
  });

  function configure() {
    h5.client.configure(values).then(
      () => showConfig('accepted', words.accepted, words.accepted_text),
      (failure) => {
        // The client may still answer.
        if (failure.kind === 'timeout') showConfig('refused', words.unanswered, words.unanswered_text, failure);
        else if (failure.kind === 'refused') showConfig('refused', words.refused, words.refused_text, failure);
        else showConfig('refused', words.not_asked, h5.messages.explain(failure).next, failure);
      },
    );
  }

  /**
   * @param {'accepted' | 'refused'} state
   * @param {string} name
   * @param {string} text
   * @param {Failure} [failure]
   */
  function showConfig(state, name, text, failure) {
    part('config-state').dataset.state = state;
    part('config-name').textContent = name;
    part('config-text').textContent = failure ? h5.messages.explain(failure).happened : text;
    part('config-next').textContent = failure ? text : '';
    part('config-reason').textContent = failure ? reason(failure) : '';
    // The library configures a document once: another try takes a new one.
    part('config-retry').hidden = !failure;
  }

  /** @param {Failure} failure */
  function reason(failure) {
    return [failure.code, failure.text, failure.explanation].filter(Boolean).join(' · ');
  }

  /**
   * @param {Element} row
   * @param {HTMLButtonElement} button
   */
  function run(row, button) {
    const name = /** @type {DingTalkApi} */ (row.getAttribute('data-api'));
    const { params, timeout } = calls[name] || {};
    button.disabled = true;
    h5.client.call(name, params, timeout).then(
      (answer) => show(row, 'ok', words.ok, answer),
      (failure) => {
        if (failure.kind === 'cancelled') show(row, 'cancelled', words.cancelled, failure);
        else show(row, 'failed', words.failed + ' – ' + h5.messages.explain(failure).happened, failure);
      },
    ).then(() => {
      button.disabled = false;
      // A disabled button has lost the focus.
      if (document.activeElement === document.body) button.focus();
    });
  }

  /**
   * @param {Element} row
   * @param {'ok' | 'failed' | 'cancelled'} outcome
   * @param {string} title
   * @param {unknown} answer
   */
  function show(row, outcome, title, answer) {
    const output = /** @type {HTMLOutputElement} */ (row.querySelector('output'));
    const heading = document.createElement('strong');
    const json = document.createElement('pre');
    heading.textContent = title;
    json.textContent = JSON.stringify(answer, null, 2) || '';
    json.tabIndex = 0;
    output.textContent = '';
    output.appendChild(heading);
    if (json.textContent) output.appendChild(json);
    output.dataset.outcome = outcome;
  }

  /**
   * @param {string} id
   * @returns {HTMLElement}
   */
  function part(id) {
    return /** @type {HTMLElement} */ (document.getElementById(id));
  }

  part('config-retry').addEventListener('click', () => location.reload());
})();
