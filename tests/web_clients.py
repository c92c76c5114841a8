"""Asks the apps of the examples, each with its framework's own client. Large: imported when it is needed."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, NamedTuple

import django.test
import fastapi_app
import flask_app
import starlette_app
from django.conf import settings
from django.http import StreamingHttpResponse
from django.test.utils import override_settings
from django.urls import include, path
from django_urls import payment_urls
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient
from werkzeug.exceptions import NotFound
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client

from indiopay import InvoiceDesk

from .processor_events import ADDRESS, SECRET


class Answer(NamedTuple):
    status: int
    headers: Any  # each framework's own: a mapping without regard to case
    body: bytes


Ask = Callable[..., Answer]


def asgi(app: Any) -> Ask:
    client = TestClient(app, follow_redirects=False)

    def ask(path: str, method: str = "GET", body: bytes = b"", **headers: str) -> Answer:
        answer = client.request(method, path, content=body, headers=headers)
        return Answer(answer.status_code, answer.headers, answer.content)

    return ask


def starlette(desk: InvoiceDesk, _: ExitStack, prefix: str = "") -> Ask:
    app = starlette_app.create_app(desk, page_url=ADDRESS, secret=SECRET)
    return asgi(Starlette(routes=[Mount(prefix, app)]) if prefix else app)


def fastapi(desk: InvoiceDesk, _: ExitStack, prefix: str = "") -> Ask:
    app = fastapi_app.create_app(desk, page_url=ADDRESS, secret=SECRET)
    return asgi(Starlette(routes=[Mount(prefix, app)]) if prefix else app)


def flask(desk: InvoiceDesk, _: ExitStack, prefix: str = "") -> Ask:
    app = flask_app.create_app(desk, page_url=ADDRESS, secret=SECRET)
    client = Client(DispatcherMiddleware(NotFound(), {prefix: app}) if prefix else app)

    def ask(path: str, method: str = "GET", body: bytes = b"", **headers: str) -> Answer:
        answer = client.open(path, method=method, data=body, headers=headers)
        return Answer(answer.status_code, answer.headers, answer.data)

    return ask


MIDDLEWARE = [  # a new project's, but for what needs a database
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]


def django_(desk: InvoiceDesk, stack: ExitStack, prefix: str = "") -> Ask:
    configure_django()
    urls = payment_urls(desk, page_url=ADDRESS, secret=SECRET)
    project = (path(f"{prefix[1:]}/", include(urls)),) if prefix else tuple(urls)
    changed = override_settings(
        ROOT_URLCONF=project, MIDDLEWARE=MIDDLEWARE, ALLOWED_HOSTS=["testserver"], USE_I18N=False
    )
    stack.enter_context(changed)
    client = django.test.Client(enforce_csrf_checks=True)

    def ask(path: str, method: str = "GET", body: bytes = b"", **headers: str) -> Answer:
        answer = client.generic(method, path, body, headers=headers)
        streamed = isinstance(answer, StreamingHttpResponse)
        return Answer(answer.status_code, answer.headers, b"".join(answer) if streamed else answer.content)

    return ask


def configure_django() -> None:
    if not settings.configured:
        settings.configure(EMAIL_HOST="127.0.0.1", EMAIL_TIMEOUT=10)


CLIENTS: dict[str, Callable[..., Ask]] = {
    "Starlette": starlette,
    "FastAPI": fastapi,
    "Flask": flask,
    "Django": django_,
}
