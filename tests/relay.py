"""A real SMTP server on loopback, which keeps what it is given."""

from types import TracebackType
from typing import Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


class _Keeper:
    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  # aiosmtpd's
        self.envelopes.append(envelope)
        return "250 kept"


class _OnAnyPort(Controller):
    """Port 0 asks the system for a free one, which only the listening socket knows."""

    def _trigger_server(self) -> None:
        (listening,) = self.server.sockets  # type: ignore[union-attr]  # it is there by now
        self.port = listening.getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]  # aiosmtpd leaves it untyped


class Relay:
    """Runs while the context is open; `envelopes` are what it accepted."""

    def __init__(self) -> None:
        keeper = _Keeper()
        self.envelopes = keeper.envelopes
        self._controller = _OnAnyPort(keeper, hostname="127.0.0.1", port=0)

    @property
    def port(self) -> int:
        return self._controller.port

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._controller.stop()
