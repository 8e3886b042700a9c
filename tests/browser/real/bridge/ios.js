// iOS: a global bridge, and an event when it is there. The library compares the error code with the text "0".
const bridge = {
  init() {},
  registerHandler() {},
  callHandler(method, params, callback) {
    client.answer(method, params).then((result) => callback({ errorCode: '0', result }), callback);
  },
};

function appear() {
  window.WebViewJavascriptBridge = bridge;
  document.dispatchEvent(new Event('WebViewJavascriptBridgeReady'));
}

client.start(appear, () => {
  bridge.init = () => { throw new Error('the bridge cannot be initialised'); };
  appear();
});
