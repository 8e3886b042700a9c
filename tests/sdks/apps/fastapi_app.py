"""A small app as people write it: FastAPI, and dingtalk-sdk, which fetches another token by itself when one was revoked."""

import os
import socket

import uvicorn
from dingtalk.client import AppKeyClient
from dingtalk.client.base import BaseClient
from dingtalk.core.exceptions import DingTalkClientException
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

BaseClient.API_BASE_URL = os.environ["DINGTALK_URL"] + "/"
dingtalk = AppKeyClient(os.environ["CORP_ID"], os.environ["APP_KEY"], os.environ["APP_SECRET"])
app = FastAPI()


class Login(BaseModel):
    code: str


@app.post("/login")
def login(body: Login):
    user = dingtalk.user.getuserinfo(body.code)
    return {"userid": user["userid"], "name": user["name"]}


@app.get("/config")
def config(url: str):
    return {"agentId": os.environ["AGENT_ID"], **dingtalk.get_jsapi_params(url)}


@app.get("/people/{user_id}")
def person(user_id: str):
    return dingtalk.user.get(user_id)


@app.exception_handler(DingTalkClientException)
def refused(_: Request, error: DingTalkClientException):
    return JSONResponse({"code": error.errcode}, 401 if error.errcode == 40078 else 502)


if __name__ == "__main__":
    listener = socket.create_server(("127.0.0.1", 0))
    print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="critical")).run([listener])
