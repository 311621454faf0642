"""Requests to the content API, and what its responses say."""

import json
from typing import Any

from django.test import Client

from content import links


def put(client: Client, story_id: str, kind: str, value: Any, **headers: str) -> Any:
    return client.put(
        links.api_key(story_id, kind), json.dumps({"value": value}), content_type="application/json", headers=headers
    )


def post(client: Client, act: str, kind: str, story_id: str, body: Any = None, **headers: str) -> Any:
    path = links.api_key(story_id, kind).replace("/kinds/", f"/{act}/")
    data = b"" if body is None else json.dumps(body).encode()
    headers |= {"Content-Length": str(len(data))}
    return client.post(path, data, content_type="application/json", headers=headers)


def rules(response: Any) -> list[tuple[str, str]]:
    assert response["Content-Type"] == "application/problem+json"
    return [(error["field"], error["rule"]) for error in response.json()["errors"]]


def body_of(response: Any) -> Any:
    return json.loads(b"".join(response) if response.streaming else response.content)
