"""The engine service."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import ssl
import sys
from concurrent.futures import ThreadPoolExecutor
from logging.handlers import RotatingFileHandler
from typing import TYPE_CHECKING

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application

from .. import conf, paths, service
from .handlers import Api, Elsewhere, Engine, Health, Logout, Pki, Token
from .store import Store
from .strictxml import LIMIT
from .tokens import Tokens

if TYPE_CHECKING:
    from tornado.web import RequestHandler

log = logging.getLogger("engine")


def application(engine: Engine) -> Application:
    """Return the routes."""
    shared = {"engine": engine}
    base = "/ovirt-engine"
    return Application(
        [
            (f"{base}/services/health", Health, shared),
            (f"{base}/services/pki-resource", Pki, shared),
            (f"{base}/sso/oauth/token", Token, shared),
            (f"{base}/services/sso-logout", Logout, shared),
            (f"{base}/api(?:/(.*))?", Api, shared),
        ],
        default_handler_class=Elsewhere,
        default_handler_args=shared,
        log_function=_access,
    )


def _access(handler: RequestHandler) -> None:
    # The path alone: what follows the question mark is the caller's business.
    request = handler.request
    level = logging.DEBUG if request.path.endswith("/services/health") else logging.INFO
    log.log(
        level,
        "%s %s %d %.0f ms %s",
        request.method,
        request.path[:300],
        handler.get_status(),
        request.request_time() * 1000,
        request.remote_ip,
    )


def tls() -> ssl.SSLContext:
    """Return the context with the engine's certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(paths.SERVER_CERT, paths.SERVER_KEY)
    return context


async def serve() -> None:
    """Answer requests until asked to stop."""
    database = conf.database(conf.ENGINE)
    if database is None:
        sys.exit("the engine is not set up: run engine-setup")
    settings = conf.load_folder(paths.ENGINE_CONF_D)
    with ThreadPoolExecutor(8, "worker") as workers, ThreadPoolExecutor(4, "health") as health_workers:
        engine = Engine(Store(database), Tokens(), workers, health_workers)
        server = HTTPServer(
            application(engine),
            ssl_options=tls(),
            max_body_size=LIMIT,
            max_buffer_size=2 * LIMIT,
            max_header_size=16 * 1024,
            idle_connection_timeout=60,
            body_timeout=30,
        )
        port = int(settings.get("ENGINE_HTTPS_PORT", "443"))
        server.add_sockets(bind_sockets(port, settings.get("ENGINE_HTTPS_ADDRESS") or None))
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        log.info("version %s is up on port %d", paths.VERSION, port)
        notify("READY=1")
        await stop.wait()
        notify("STOPPING=1")
        server.stop()
        await server.close_all_connections()
    log.info("stopped")


def notify(state: str) -> None:
    """Tell the service manager, if one started us."""
    address = os.environ.get("NOTIFY_SOCKET")
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
            link.connect(f"\0{address[1:]}" if address.startswith("@") else address)
            link.sendall(state.encode())


def main() -> int:
    """Run the service; only one at a time."""
    os.umask(0o027)
    paths.LOGS.mkdir(parents=True, exist_ok=True)
    handler = RotatingFileHandler(paths.LOGS / "engine.log", maxBytes=10 << 20, backupCount=5)
    form = "%(asctime)s %(levelname)-5s [%(name)s] (%(threadName)s) %(message)s"
    logging.basicConfig(level=logging.INFO, handlers=[handler], format=form)
    lock = service.hold_lock()
    if lock is None:
        sys.exit("another engine is running")
    with lock:
        asyncio.run(serve())
    return 0


if __name__ == "__main__":
    sys.exit(main())
