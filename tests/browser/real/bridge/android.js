// Android: `nuva` gives a function to call natively with; the document hears when it does.
const tell = (name, detail) => document.dispatchEvent(new CustomEvent(name, { detail }));

function exec(success, fail, service, action, args) {
  client.answer(`${service}.${action}`, args).then(success, ({ errorCode, errorMessage }) => {
    const refused = action === 'requestJsApis';
    fail(refused ? { message: `权限校验失败 ${errorMessage}`, errorCode: Number(errorCode) } : { errorCode, errorMessage });
  });
}

window.nuva = { isReady: false, require: () => exec };
client.start(
  () => {
    window.nuva.isReady = true;
    tell('runtimeready');
  },
  () => tell('runtimefailed', { errorCode: '2', errorMessage: 'nuvajs bootstrap error' }),
);
