/** DingTalk's window has a title bar of its own, and other sites open in windows of their own. */
(function () {
  'use strict';

  if (h5.client.whereabouts() !== 'inside') return;
  const ours = [location.origin, document.documentElement.dataset.publicUrl];
  let opened = '';

  h5.client.tellTitle();

  document.addEventListener('click', (event) => {
    const link = event.target instanceof Element && event.target.closest('a');
    if (!link || event.defaultPrevented || !/^https?:$/.test(link.protocol) || ours.indexOf(link.origin) >= 0) return;
    event.preventDefault();
    // Two taps in a row mean one.
    if (opened === link.href) return;
    opened = link.href;
    setTimeout(() => { opened = ''; }, 1000);
    h5.client.call('biz.util.openLink', { url: link.href }).catch((failure) => {
      // A client that never answered has most likely opened it.
      if (failure.kind === 'refused') location.assign(link.href);
    });
  });
})();
