"""What the SDKs of PyPI make of the simulated DingTalk: one line of JSON for each call, with what came of a right and a wrong input."""

import asyncio
import http.server
import json
import logging
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

from alibabacloud_dingtalk.contact_1_0 import models as contact_models
from alibabacloud_dingtalk.contact_1_0.client import Client as ContactClient
from alibabacloud_dingtalk.oauth2_1_0 import models
from alibabacloud_dingtalk.oauth2_1_0.client import Client as OAuth2Client
from alibabacloud_tea_openapi.models import Config
from alibabacloud_tea_util.models import RuntimeOptions
import dingtalk_stream
from dingtalk.client import AppKeyClient, SecretClient
from dingtalk.client.base import BaseClient
from dingtalk.client.isv import ISVClient
from dingtalk.crypto import DingTalkCrypto

from cells import Refused, cell, post, read

URL = sys.argv[1]
CORP, OTHER = "dingsimulator0001", "dingsimulator0002"
APP, SECRET = "dingsimulatedapp1", "simulated-secret-not-for-production"
CUSTOM, CUSTOM_SECRET = "customsimulated01", "simulated-custom-secret-not-for-production"
SSO_SECRET = "simulated-sso-secret-not-for-production"
SUITE, SUITE_SECRET = "suitesimulated001", "simulated-suite-secret-not-for-production"
BaseClient.API_BASE_URL = URL + "/"
NONE = RuntimeOptions()
AGENT = 1000000001
SENDING = "message/corpconversation/asyncsend_v2"
logging.disable()


def pull(path, body):
    return post(URL + path, body)


def code():
    return pull("/client/authcode", {"corpId": CORP, "userId": "alice"})["code"]


def browser_code():
    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_):
            return None

    fields = {"redirect_uri": URL, "response_type": "code", "client_id": APP, "scope": "openid corpid", "person": f"{CORP} alice"}
    try:
        urllib.request.build_opener(Stay).open(URL + "/oauth2/auth", urllib.parse.urlencode(fields).encode())
    except urllib.error.HTTPError as redirect:
        query = urllib.parse.urlparse(redirect.headers["location"]).query
        return urllib.parse.parse_qs(query)["authCode"][0]


def written_down(endpoint, call):
    """Makes a call whose SDK keeps a refusal to itself, and tells of it as the ledger does."""
    before = read(URL + "/control/requests")["latest"]
    said = call()
    [status] = [entry["status"] for entry in read(f"{URL}/control/requests?after={before}")["entries"] if entry["endpoint"] == endpoint]
    if status >= 400:
        raise Refused(status)
    return said


def stream():
    """Listens until the suite ticket comes, which nobody else tells."""
    heard = {}
    done = threading.Event()

    class Listener(dingtalk_stream.EventHandler):
        async def process(self, event):
            heard[event.headers.event_type] = event.data
            if "org_suite_auth" in heard and "suite_ticket" in heard:
                done.set()
            return dingtalk_stream.AckMessage.STATUS_OK, "OK"

    client = dingtalk_stream.DingTalkStreamClient(dingtalk_stream.Credential(SUITE, SUITE_SECRET))
    client.register_all_event_handler(Listener())
    threading.Thread(target=lambda: asyncio.run(client.start()), daemon=True).start()
    pull("/control/organisation", {"corpId": CORP, "clientId": SUITE, "do": "authorise"})
    assert done.wait(30), "no events"
    wrong = dingtalk_stream.DingTalkStreamClient(dingtalk_stream.Credential(SUITE, "wrong"))
    cell("dingtalk-stream (PyPI)", "connections/open", lambda: heard["suite_ticket"]["suiteTicket"],
         lambda: written_down("POST /v1.0/gateway/connections/open", wrong.open_connection))
    cell("dingtalk-stream (PyPI)", "accessToken", lambda: dingtalk_stream.DingTalkStreamClient(
        dingtalk_stream.Credential(APP, SECRET)).get_access_token())
    return heard["suite_ticket"]["suiteTicket"]


def official(ticket):
    sdk = "alibabacloud-dingtalk"
    config = Config(protocol="http", region_id="central", endpoint=URL.removeprefix("http://"))
    oauth2, contact = OAuth2Client(config), ContactClient(config)
    token = oauth2.get_access_token(models.GetAccessTokenRequest(app_key=APP, app_secret=SECRET)).body.access_token

    cell(sdk, "accessToken", lambda: oauth2.get_access_token(models.GetAccessTokenRequest(app_key=APP, app_secret=SECRET)),
         lambda: oauth2.get_access_token(models.GetAccessTokenRequest(app_key=APP, app_secret="wrong")))
    unified = lambda secret: oauth2.get_token(CORP, models.GetTokenRequest(
        client_id=APP, client_secret=secret, grant_type="client_credentials"))
    cell(sdk, "{corpId}/token", lambda: unified(SECRET), lambda: unified("wrong"))
    headers = lambda token: models.CreateJsapiTicketHeaders(x_acs_dingtalk_access_token=token)
    cell(sdk, "jsapiTickets", lambda: oauth2.create_jsapi_ticket_with_options(headers(token), NONE),
         lambda: oauth2.create_jsapi_ticket_with_options(headers("dead"), NONE))
    corp = lambda key, secret, corp_id, ticket: oauth2.get_corp_access_token(models.GetCorpAccessTokenRequest(
        suite_key=key, suite_secret=secret, auth_corp_id=corp_id, suite_ticket=ticket))
    cell(sdk, "corpAccessToken, custom", lambda: corp(CUSTOM, CUSTOM_SECRET, CORP, "Test"), lambda: corp(CUSTOM, CUSTOM_SECRET, OTHER, "Test"))
    cell(sdk, "corpAccessToken, third-party", lambda: corp(SUITE, SUITE_SECRET, CORP, ticket), lambda: corp(SUITE, SUITE_SECRET, CORP, "old"))
    suite = lambda ticket: oauth2.get_suite_access_token(models.GetSuiteAccessTokenRequest(
        suite_key=SUITE, suite_secret=SUITE_SECRET, suite_ticket=ticket))
    cell(sdk, "suiteAccessToken", lambda: suite(ticket), lambda: suite("old"))
    authorisation = lambda corp_id: oauth2.get_auth_info_with_options(models.GetAuthInfoRequest(auth_corp_id=corp_id),
        models.GetAuthInfoHeaders(x_acs_dingtalk_access_token=suite(ticket).body.access_token), NONE)
    cell(sdk, "apps/authInfo", lambda: authorisation(CORP), lambda: authorisation(OTHER))
    user = lambda **more: oauth2.get_user_token(models.GetUserTokenRequest(client_id=APP, client_secret=SECRET, **more))
    granted = user(code=browser_code(), grant_type="authorization_code").body
    cell(sdk, "userAccessToken", lambda: user(code=browser_code(), grant_type="authorization_code"),
         lambda: user(code="none", grant_type="authorization_code"))
    cell(sdk, "userAccessToken, refresh", lambda: user(refresh_token=granted.refresh_token, grant_type="refresh_token"),
         lambda: user(refresh_token="none", grant_type="refresh_token"))
    me = lambda token, who: contact.get_user_with_options(who, contact_models.GetUserHeaders(x_acs_dingtalk_access_token=token), NONE)
    cell(sdk, "contact/users/me", lambda: me(granted.access_token, "me"), lambda: me("dead", "me"))
    cell(sdk, "contact/users/{unionId}", lambda: me(granted.access_token, "simulatedUnionBob"), lambda: me(granted.access_token, "none"))
    sso = lambda secret: oauth2.get_sso_access_token(models.GetSsoAccessTokenRequest(corpid=CORP, sso_secret=secret))
    cell(sdk, "ssoAccessToken", lambda: sso(SSO_SECRET), lambda: sso("wrong"))
    administrator = lambda code: oauth2.get_sso_user_info_with_options(models.GetSsoUserInfoRequest(code=code),
        models.GetSsoUserInfoHeaders(x_acs_dingtalk_access_token=sso(SSO_SECRET).body.access_token), NONE)
    cell(sdk, "ssoUserInfo", lambda: administrator(pull("/control/sso", {"userId": "zhangsan"})["code"]), lambda: administrator("none"))
    cell(sdk, "authRules/user", lambda: oauth2.get_personal_auth_rule_with_options(
        models.GetPersonalAuthRuleHeaders(x_acs_dingtalk_access_token=token), NONE))


def notification(agent_id):
    return {"agent_id": agent_id, "userid_list": "bob", "msg": {"msgtype": "text", "text": {"content": "Lunch is ready"}}}


def community(ticket):
    sdk = "dingtalk-sdk"
    client, wrong = AppKeyClient(CORP, APP, SECRET), AppKeyClient(CORP, APP, "wrong")
    cell(sdk, "gettoken", lambda: client.get_access_token(), lambda: wrong.get_access_token())
    cell(sdk, "gettoken, corpid", lambda: SecretClient(CORP, SECRET).get_access_token(), lambda: SecretClient(CORP, "wrong").get_access_token())
    # With a token that died it would fetch another one.
    dead = AppKeyClient(CORP, APP, SECRET, auto_retry=False)
    dead.cache.access_token.set(value="dead", ttl=3600)
    cell(sdk, "get_jsapi_ticket", lambda: client.get_jsapi_ticket(), lambda: dead.get_jsapi_ticket())
    cell(sdk, "user/getuserinfo", lambda: client.user.getuserinfo(code()), lambda: client.user.getuserinfo("none"))
    cell(sdk, "user/get", lambda: client.user.get("alice"), lambda: client.user.get("none"))
    cell(sdk, "auth/scopes", lambda: client.user.auth_scopes())
    cell(sdk, "department/list", lambda: client.department.list(), lambda: client.department.list(77))
    cell(sdk, "v2/user/getuserinfo", lambda: client.post("/topapi/v2/user/getuserinfo", data={"code": code()}),
         lambda: client.post("/topapi/v2/user/getuserinfo", data={"code": "none"}))
    cell(sdk, "v2/user/get", lambda: client.post("/topapi/v2/user/get", data={"userid": "alice"}),
         lambda: client.post("/topapi/v2/user/get", data={"userid": "none"}))

    for path, right, wrong in [
        ("user/getbyunionid", {"unionid": "simulatedUnionBob"}, {"unionid": "none"}),
        ("v2/user/getbymobile", {"mobile": "13800000001"}, {"mobile": "1"}),
        ("v2/department/listsub", {"dept_id": 1}, {"dept_id": 77}),
        ("v2/department/get", {"dept_id": 1001}, {"dept_id": 77}),
        ("v2/department/listparentbyuser", {"userid": "alice"}, {"userid": "none"}),
        ("user/listid", {"dept_id": 1001}, {"dept_id": 77}),
        ("v2/user/list", {"dept_id": 1001, "size": 10}, {"dept_id": 1001, "size": 1000}),
        (SENDING, notification(AGENT), notification(1)),
    ]:
        call = lambda data: client.post(f"/topapi/{path}", data=data)
        cell(sdk, path, lambda: call(right), lambda: call(wrong))
    task = client.post(f"/topapi/{SENDING}", data=notification(AGENT))["task_id"]
    for path in ("getsendprogress", "getsendresult"):
        of = lambda task: client.post(f"/topapi/message/corpconversation/{path}", data={"agent_id": AGENT, "task_id": task})
        cell(sdk, f"message/corpconversation/{path}", lambda: of(task), lambda: of(1))

    def revoked():
        client.get_jsapi_ticket()
        pull("/control/faults", {"endpoint": "/user/get", "fault": {"kind": "revokedToken"}})
        return client.user.get("alice")

    cell(sdk, "recovers from a revoked token", revoked)
    suite = ISVClient(SUITE, SUITE_SECRET)
    # The library's own way to set a ticket does not work with the storage that it comes with.
    suite.cache.suite_ticket.set(value=ticket, ttl=3600)
    stale = ISVClient(SUITE, SUITE_SECRET)
    stale.cache.suite_ticket.set(value="old", ttl=3600)
    cell(sdk, "get_suite_token", lambda: suite.get_suite_access_token(), lambda: stale.get_suite_access_token())


def callback():
    """Its callback crypto and the simulator's read each other."""
    crypto = DingTalkCrypto("simulatedtoken1", "simulated1simulated1simulated1simulated1sim", APP)
    heard = []

    class Listener(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            query = {name: values[0] for name, values in urllib.parse.parse_qs(urllib.parse.urlparse(self.path).query).items()}
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            told = crypto.decrypt_message(body, query["signature"], query["timestamp"], query["nonce"])
            heard.append(json.loads(told)["EventType"])
            reply = json.dumps(crypto.encrypt_message("success")).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, *_):
            pass

    listener = http.server.HTTPServer(("127.0.0.1", 0), Listener)
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    pull("/control/events", {"clientId": APP, "url": f"http://127.0.0.1:{listener.server_port}/", "checkUrl": True})

    def acknowledged():
        until = time.monotonic() + 20
        while time.monotonic() < until:
            waiting = [push["eventType"] for push in pull("/control/events", {})["pushes"] if push["clientId"] == APP]
            if heard and not waiting:
                return {"heard": heard}
            time.sleep(0.05)
        return {}

    cell("dingtalk-sdk", "callback crypto, both ways", acknowledged)


def main():
    callback()
    ticket = stream()
    official(ticket)
    community(ticket)


main()
