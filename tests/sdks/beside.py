"""The official client for Stream beside the app of this repository, both of one registered app: each event reaches one of them, once.

<simulator> <metrics of the app>
"""

import asyncio
import logging
import re
import sys
import threading
import time
import urllib.request

import dingtalk_stream

from cells import cell, post

URL, METRICS = sys.argv[1], sys.argv[2]
APP, SECRET = "dingsimulatedapp1", "simulated-secret-not-for-production"
EVENTS = 40
logging.disable()


def until(what, met):
    gives_up = time.monotonic() + 30
    while not met():
        assert time.monotonic() < gives_up, what
        time.sleep(0.02)


def heard_by_ours():
    metrics = urllib.request.urlopen(METRICS).read().decode()
    return sum(int(count) for count in re.findall(r'^dingtalk_events_total\{.*kept="yes"\} (\d+)$', metrics, re.MULTILINE))


def both_hear():
    heard = []

    class Listener(dingtalk_stream.EventHandler):
        async def process(self, event):
            heard.append(event.headers.event_id)
            return dingtalk_stream.AckMessage.STATUS_OK, "OK"

    client = dingtalk_stream.DingTalkStreamClient(dingtalk_stream.Credential(APP, SECRET))
    client.register_all_event_handler(Listener())
    threading.Thread(target=lambda: asyncio.run(client.start()), daemon=True).start()
    until("both are connected", lambda: post(URL + "/control/events", {"clientId": APP})["events"]["connections"] == 2)
    for _ in range(EVENTS // 2):
        for move in ("leave", "comeBack"):
            post(URL + "/control/person", {"userId": "lisi", "do": move})
    until("all were told", lambda: len(heard) + heard_by_ours() >= EVENTS)
    ours = heard_by_ours()
    assert len(set(heard)) == len(heard) == EVENTS - ours and heard and ours, (len(heard), ours)
    return {"theirs": len(heard), "ours": ours}


cell("dingtalk-stream (PyPI)", "events, beside the app of this repository", both_hear)
