// HarmonyOS: as on iOS, with other names.
const bridge = {
  init() {},
  call(method, params, callback) {
    const done = (success) => (body) => callback({ success, body });
    client.answer(method, params).then(done(true), done(false));
  },
};

function appear() {
  window.DingTalkJSBridge = bridge;
  document.dispatchEvent(new Event('DingTalkJSBridgeReady'));
}

client.start(appear, () => {
  bridge.init = () => { throw new Error('the bridge cannot be initialised'); };
  appear();
});
