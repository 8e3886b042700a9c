"""Walks a small app through a login, a signature and a revoked token: <simulator> <name of the app> <command that starts it>…"""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.parse

from cells import Refused, cell, post, read

URL, NAME, COMMAND = sys.argv[1], sys.argv[2], sys.argv[3:]
CORP, AGENT = "dingsimulator0001", "1000000001"
REGISTERED = {"CORP_ID": CORP, "APP_KEY": "dingsimulatedapp1", "APP_SECRET": "simulated-secret-not-for-production", "AGENT_ID": AGENT}


def calls(endpoint):
    return read(URL + "/control/requests")["counts"].get(endpoint, 0)


def code():
    return post(URL + "/client/authcode", {"corpId": CORP, "userId": "alice"})["code"]


def logged_in(app, with_code):
    try:
        user = post(app + "/login", {"code": with_code})
    except urllib.error.HTTPError as error:
        assert error.code == 401, error
        raise Refused(json.load(error)["code"]) from error
    assert user == {"userid": "alice", "name": "Alice Chen"}, user
    return user


def signed(app, page, opened):
    """Whether the client accepts what was signed for one page on another."""
    config = read(f"{app}/config?url={urllib.parse.quote(page, safe='')}")
    question = {name: str(value) for name, value in config.items()}
    verdict = post(URL + "/client/config", {**question, "url": opened, "jsApiList": ["biz.contact.choose"]})
    if verdict["errcode"]:
        raise Refused(verdict["errcode"])
    return verdict


def recovered(app):
    """The next call finds its token revoked: there is one more for another token, and one more of its own."""
    person, token = "GET /user/get", "GET /gettoken"
    assert read(app + "/people/alice")["userid"] == "alice"
    before = calls(person), calls(token)
    post(URL + "/control/faults", {"endpoint": "/user/get", "fault": {"kind": "revokedToken"}})
    user = read(app + "/people/alice")
    assert user["userid"] == "alice" and (calls(person), calls(token)) == (before[0] + 2, before[1] + 1)
    return user


def main():
    app = subprocess.Popen(COMMAND, stdout=subprocess.PIPE, text=True, env={**os.environ, **REGISTERED, "DINGTALK_URL": URL})
    try:
        url = app.stdout.readline().strip()
        page = url + "/page?corpid=" + CORP
        cell(NAME, "an app: logs in", lambda: logged_in(url, code()), lambda: logged_in(url, "none"))
        cell(NAME, "an app: signs a page", lambda: signed(url, page, page), lambda: signed(url, page, page + "&other"))
        cell(NAME, "an app: goes on after a revoked token", lambda: recovered(url))
    finally:
        app.kill()


main()
