"""A mailer that answers as it is told, and tells the driver when a letter comes and when it is answered."""

import re
from typing import Protocol
from uuid import UUID

from .machine_input import ERRORS, Answer
from .model import Book
from .model_mail import Mail

_MESSAGE_ID = re.compile(rb"Message-ID: <([0-9a-f]{32})@exemple\.ca>")


class Listener(Protocol):
    def hears_of_letter(self, book: Book, mail_id: UUID, message: bytes, *, in_turn: bool) -> tuple[Mail, int]: ...

    def hears_of_event(self, book: Book, mail: Mail, event: str) -> None: ...

    def hears_of_answer(self, book: Book, mail: Mail, worker: int, said: str) -> str: ...


class TellingMailer:
    """`in_turn` says that whoever uses it takes letters in turn, and not one that it names."""

    def __init__(self, listener: Listener, book: Book, answers: list[Answer], *, in_turn: bool) -> None:
        self._listener, self._book, self._answers, self._in_turn = listener, book, list(answers), in_turn
        self.outcomes: list[str] = []
        self.said: list[str] = []
        self.fault: Exception | None = None

    def send(self, *, sender: str, recipient: str, message: bytes) -> None:
        answer = self._answers.pop(0) if self._answers else Answer("accept")
        self.said.append(answer.said)
        try:
            self.outcomes.append(self._told(message, answer))
        except Exception as error:  # noqa: BLE001  # a desk survives any mailer: whoever opened the desk raises it later
            self.fault = error
        if answer.said in ERRORS:
            raise ERRORS[answer.said]

    def _told(self, message: bytes, answer: Answer) -> str:
        found = _MESSAGE_ID.search(message)
        assert found, "a letter without its Message-ID"
        mail_id = UUID(found[1].decode())
        mail, worker = self._listener.hears_of_letter(self._book, mail_id, message, in_turn=self._in_turn)
        if answer.meanwhile:
            self._listener.hears_of_event(self._book, mail, answer.meanwhile)
        return self._listener.hears_of_answer(self._book, mail, worker, answer.said)
