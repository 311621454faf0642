"""Requests about reviews of denials, and their answers."""

from typing import Final
from urllib.parse import quote

import msgspec

from enhancelog.client.endpoint import Endpoint
from enhancelog.client.exchange import Answer, Call, Request, json_of, problem_of
from enhancelog.domain import records
from enhancelog.domain.errors import NO_SUCH_RUN, NotFound
from enhancelog.domain.reviews import NewReview, Review, ReviewQueue

_JSON: Final = (("Content-Type", "application/json"),)


class ReviewCalls:
    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    def reviews(self, issue_id: str, axis: str | None) -> Call[list[Review]]:
        answer = yield Request("GET", _path(issue_id), params=_params(axis, None))
        return json_of(self._found(issue_id, answer, 200), _reviews, self._endpoint.url)

    def review(self, issue_id: str, axis: str, new: NewReview, seed: int | None) -> Call[Review]:
        body = msgspec.json.encode(new)
        answer = yield Request("PUT", _path(issue_id), params=_params(axis, seed), body=body, headers=_JSON)
        return json_of(self._found(issue_id, answer, 200, 201), _review, self._endpoint.url)

    def queue(self, axis: str, seed: int | None) -> Call[ReviewQueue]:
        answer = yield Request("GET", "/v1/enhance/review-queue", params=_params(axis, seed))
        return json_of(self._endpoint.expect(answer, 200), _queue, self._endpoint.url)

    def _found(self, issue_id: str, answer: Answer, *statuses: int) -> Answer:
        if answer.status == 404 and problem_of(answer).detail.startswith(NO_SUCH_RUN):
            raise NotFound(issue_id)
        return self._endpoint.expect(answer, *statuses)


def _path(issue_id: str) -> str:
    if not records.is_id(issue_id):
        raise NotFound(issue_id)
    return f"/v1/enhance/reviews/{quote(issue_id, safe='')}"


def _params(axis: str | None, seed: int | None) -> tuple[tuple[str, str], ...]:
    given = {"axis": axis, "seed": None if seed is None else str(seed)}
    return tuple((name, value) for name, value in given.items() if value is not None)


_reviews = msgspec.json.Decoder(list[Review])
_review = msgspec.json.Decoder(Review)
_queue = msgspec.json.Decoder(ReviewQueue)
