// What the SDKs of npm make of the simulated DingTalk: one line of JSON for each call, with what came of a right and a wrong input.
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const url = process.argv[2];
const corpid = 'dingsimulator0001';
const [clientId, clientSecret] = ['dingsimulatedapp1', 'simulated-secret-not-for-production'];

async function post(path, body) {
  const response = await fetch(url + path, { method: 'POST', body: JSON.stringify(body) });
  return response.json();
}

const code = async () => (await post('/client/authcode', { corpId: corpid, userId: 'alice' })).code;

async function outcome(call) {
  try {
    const said = await call();
    const body = (said && said.body) || said;
    return body && Object.keys(body).length > 0 ? 'ok' : 'empty';
  } catch (error) {
    const response = error.response && (error.response.data.code || error.response.status);
    const refusal = response || error.code;
    return refusal && !/^E[A-Z]/.test(refusal) ? `refused ${refusal}` : `broke: ${error.message}`.slice(0, 120);
  }
}

async function cell(sdk, call, right, wrong) {
  console.log(JSON.stringify({ sdk, call, right: await outcome(right), wrong: wrong ? await outcome(wrong) : null }));
}

async function community() {
  const DingTalk = require('node-dingtalk');
  const client = new DingTalk({ corpid, corpsecret: clientSecret, host: url });
  const wrong = new DingTalk({ corpid, corpsecret: 'wrong', host: url });
  const sdk = 'node-dingtalk';
  await cell(sdk, 'gettoken, corpid', () => client.client.getAccessToken(), () => wrong.client.getAccessToken());
  const cache = { get: (key) => (key.startsWith('accessToken') ? 'dead' : null), set: () => {} };
  const dead = new DingTalk({ corpid, corpsecret: clientSecret, host: url, cache });
  await cell(sdk, 'get_jsapi_ticket', () => client.client.getJSApiTicket(), () => dead.client.getJSApiTicket());
  await cell(sdk, 'user/getuserinfo', async () => client.user.getUserInfoByCode(await code()), () => client.user.getUserInfoByCode('none'));
  // The library makes undefined of whatever goes wrong here.
  const missing = async () => { if (!await client.user.get('none')) throw Object.assign(new Error(), { code: 'as undefined' }); };
  await cell(sdk, 'user/get', () => client.user.get('alice'), missing);
  await cell(sdk, 'department/list', () => client.department.list(), () => client.department.list({ id: 77 }));
}

async function official() {
  const sdk = '@alicloud/dingtalk';
  const { default: OAuth2, GetAccessTokenRequest, CreateJsapiTicketHeaders, GetCorpAccessTokenRequest } = require('@alicloud/dingtalk/oauth2_1_0');
  const { Config } = require('@alicloud/openapi-client');
  const { RuntimeOptions } = require('@alicloud/tea-util');
  const client = new OAuth2(new Config({ protocol: 'http', regionId: 'central', endpoint: url.replace('http://', '') }));
  const token = (appSecret) => client.getAccessToken(new GetAccessTokenRequest({ appKey: clientId, appSecret }));
  await cell(sdk, 'accessToken', () => token(clientSecret), () => token('wrong'));
  const { accessToken } = (await token(clientSecret)).body;
  const ticket = (xAcsDingtalkAccessToken) => (
    client.createJsapiTicketWithOptions(new CreateJsapiTicketHeaders({ xAcsDingtalkAccessToken }), new RuntimeOptions({}))
  );
  await cell(sdk, 'jsapiTickets', () => ticket(accessToken), () => ticket('dead'));
  const corp = (authCorpId) => client.getCorpAccessToken(new GetCorpAccessTokenRequest({
    suiteKey: 'customsimulated01', suiteSecret: 'simulated-custom-secret-not-for-production', authCorpId, suiteTicket: 'Test'
  }));
  await cell(sdk, 'corpAccessToken, custom', () => corp(corpid), () => corp('dingsimulator0002'));
}

async function stream() {
  const sdk = 'dingtalk-stream (npm)';
  const { DWClient } = await import('dingtalk-stream');
  // The library has DingTalk's addresses in its source, and no setting for them.
  const { default: axios } = await import('axios');
  axios.interceptors.request.use((config) => ({ ...config, url: config.url.replace(/^https:\/\/(o?api)\.dingtalk\.com/, url) }));
  const listen = (secret) => new DWClient({ clientId, clientSecret: secret, keepAlive: false });
  const client = listen(clientSecret);
  const heard = new Promise((resolve) => client.registerAllEventListener((event) => {
    resolve(event.headers.eventType);
    return { status: 'SUCCESS' };
  }));
  await cell(sdk, 'connections/open', async () => {
    await client.connect();
    // The library does not say when it is connected.
    while ((await (await fetch(`${url}/control/state`)).json()).events.connections === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    await post('/control/person', { userId: 'bob', do: 'leave' });
    return heard;
  }, () => listen('wrong').getEndpoint());
}

console.debug = console.info = () => {};
const { log } = console;
console.log = (line) => { if (typeof line === 'string' && line.startsWith('{"sdk"')) log(line); };
await community();
await official();
await stream();
process.exit(0);
