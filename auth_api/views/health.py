"""`/healthz`, `/readyz`, `/metrics`."""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from auth_api.errors import BrokerAwayError
from auth_api.openapi import answers, plain, resource
from auth_api.queries.health import answers_queries
from auth_api.schemas.service import Alive, Ready
from auth_api.services import services
from auth_api.views.answers import Json

_METRICS = plain(200, "Prometheus' text format.", "text/plain", {"type": "string"})


def blueprints() -> list[APIBlueprint]:
    """Make the resource's blueprints."""
    api = resource("health", "Whether the service lives, and how it does.", prefix="", private=False)
    api.get("/healthz", responses=answers({200: Alive}))(alive)
    api.get("/readyz", responses=answers({200: Ready}))(ready)
    api.get("/metrics", responses=answers({}) | _METRICS)(metrics)
    return [api]


def alive() -> Json:
    """Say that the process answers."""
    return {"status": "alive"}


def ready() -> Json:
    """Say that the database and the broker are within reach; 503 names what is not.

    While messages pile up at the broker it is still a 200, with the status `degraded` and the reason.
    """
    with services().pool.reading() as cur:
        answers_queries(cur)
    if not services().link.is_up:
        raise BrokerAwayError
    reason = services().backlog.reason()
    return {"status": "degraded", "reason": reason} if reason else {"status": "ready"}


def metrics() -> Response:
    """Show the metrics of all workers."""
    services().follow_backlog()
    return Response(services().metrics.exposition(), content_type="text/plain; version=0.0.4; charset=utf-8")
