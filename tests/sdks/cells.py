"""A cell of the table: what an SDK makes of a call, with a right and a wrong input."""

import json
import urllib.request


def post(url, body):
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
    return json.load(urllib.request.urlopen(request))


def read(url):
    return json.load(urllib.request.urlopen(url))


class Refused(Exception):
    """A refusal of which an SDK or an app tells in a way of its own."""

    def __init__(self, code):
        super().__init__(code)
        self.code = code


def outcome(call):
    try:
        said = call()
    except Exception as error:  # each SDK has its own
        code = getattr(error, "code", None) or getattr(error, "errcode", None)
        return f"refused {code}" if code else f"broke: {type(error).__name__}: {error}"[:120]
    told = said if said is None or isinstance(said, (dict, list, str)) else said.body.to_map()
    return "ok" if told else "empty"


def cell(sdk, call, right, wrong=None):
    print(json.dumps({"sdk": sdk, "call": call, "right": outcome(right), "wrong": outcome(wrong) if wrong else None}))
