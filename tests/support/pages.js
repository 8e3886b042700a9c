(() => {
  const page = document.querySelector('[data-jsapi]');
  const part = (id) => document.getElementById(id);

  function showConfig(state, failure) {
    part('config-state').dataset.state = state;
    part('config-reason').textContent = [failure.code, failure.text, failure.explanation].filter(Boolean).join(' · ');
  }

  h5.client.configure(JSON.parse(page.dataset.jsapi)).then(
    () => showConfig('accepted', {}),
    (failure) => showConfig('refused', failure),
  );

  page.querySelectorAll('[data-api]').forEach((row) => {
    const output = row.querySelector('output');
    const show = (outcome, answer) => {
      output.textContent = JSON.stringify(answer, null, 2);
      output.dataset.outcome = outcome;
    };
    row.querySelector('button').addEventListener('click', () => {
      h5.client.call(row.dataset.api, { title: 'A new title', corpId: document.documentElement.dataset.corpId }).then(
        (answer) => show('ok', answer),
        (failure) => show(failure.kind === 'cancelled' ? 'cancelled' : 'failed', failure),
      );
    });
  });
})();
