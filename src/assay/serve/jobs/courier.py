"""Sends what is due in the outbox: to the checked address, signed, without following anybody elsewhere."""

from __future__ import annotations

import http.client
import logging
import socket
import ssl
from threading import Timer

from assay._version import __version__
from assay.errors import SettingsError, WebhookRefused
from assay.serve.jobs.addresses import Resolve, Target, addresses_of, resolve, target_of
from assay.serve.jobs.outbox import Outbox, Parcel
from assay.serve.jobs.webhooks import secrets_of, sign
from assay.settings import Settings

log = logging.getLogger("assay.serve.jobs")

TIMEOUT_S = 10.0


def check_secret(settings: Settings) -> tuple[bytes, ...]:
    """The secrets that sign webhooks.

    Raises:
        SettingsError: If hosts are allowed but there is no secret, or it is too short.
    """
    found = secrets_of(settings.serve_webhook_secret.get_secret_value())
    if settings.serve_webhook_hosts and not found:
        raise SettingsError(
            "serve_webhook_hosts allows webhooks, and serve_webhook_secret, which signs them, is empty. Set it."
        )
    return found


class Courier:
    """Sends webhooks; may be shared between threads.

    Args:
        outbox: What is due.
        settings: Those that begin with `serve_webhook_` are used.
        tls: For receivers whose certificate another authority signed; None trusts the system's.
        ask: Resolves names.

    Raises:
        SettingsError: If hosts are allowed but there is no secret, or it is too short.
    """

    def __init__(
        self, outbox: Outbox, settings: Settings, *, tls: ssl.SSLContext | None = None, ask: Resolve = resolve
    ) -> None:
        self._outbox, self._settings, self._ask = outbox, settings, ask
        self._tls = tls
        self._secrets = check_secret(settings)

    def send_all(self) -> None:
        """Send whatever is due."""
        while (parcel := self._outbox.take()) is not None:
            self.send(parcel)

    def send(self, parcel: Parcel) -> None:
        """One attempt; what comes of it is noted in the outbox."""
        try:
            status = self._post(parcel)
        except WebhookRefused as error:  # by settings that changed, or a name that leads elsewhere now
            log.warning("webhook %s: %s", parcel.id, error.message)
            self._outbox.failed(parcel, None, error.message)
        except (OSError, http.client.HTTPException, ValueError) as error:
            log.info("webhook %s: attempt %d: %s", parcel.id, parcel.attempts, error)
            self._outbox.failed(parcel, None, f"{type(error).__name__}: {error}")
        else:
            if 200 <= status < 300:
                self._outbox.delivered(parcel, status)
            else:
                self._outbox.failed(parcel, status, f"answered {status}; 2xx is wanted, and nothing else is followed")

    def _post(self, parcel: Parcel) -> int:
        """The status that the receiver answers; the rest of its answer is not read."""
        target = target_of(parcel.url, self._settings)
        address = addresses_of(target, private=self._settings.serve_webhook_private, ask=self._ask)[0]
        connection = _Pinned(target, address, self._tls)
        # A receiver that sends a byte now and then would outlast any timeout between two bytes.
        watchdog = Timer(TIMEOUT_S, connection.cut)
        watchdog.daemon = True
        watchdog.start()
        try:
            headers = {
                "content-type": "application/json",
                "user-agent": f"Assay/{__version__}",
                **sign(self._secrets, parcel.id, parcel.body),
            }
            connection.request("POST", target.path, body=parcel.body, headers=headers)
            return connection.getresponse().status
        finally:
            watchdog.cancel()
            connection.close()


class _Pinned(http.client.HTTPConnection):
    """Connects to an address that was checked, and asks the host's certificate of it."""

    def __init__(self, target: Target, address: str, tls: ssl.SSLContext | None) -> None:
        super().__init__(target.host, target.port, timeout=TIMEOUT_S)
        self._address, self._secure = address, target.secure
        self._context = (tls or ssl.create_default_context()) if target.secure else None
        if target.secure:
            self.default_port = 443  # leaves the usual port out of the header Host

    def connect(self) -> None:
        """As the class above does, but not by name."""
        sock = socket.create_connection((self._address, self.port), TIMEOUT_S)
        self.sock = sock
        if self._context is not None:
            # The handshake comes after the assignment, so that the watchdog can cut it.
            secured = self._context.wrap_socket(sock, server_hostname=self.host, do_handshake_on_connect=False)
            self.sock = secured
            secured.do_handshake()

    def cut(self) -> None:
        """End a conversation that takes too long."""
        sock = getattr(self, "sock", None)
        if sock is not None:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                log.debug("the connection was closed already")
