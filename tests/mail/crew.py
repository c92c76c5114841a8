"""Workers that take turns by chance, one step at a time, so that a seed decides who does what when."""

import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from random import Random
from threading import Semaphore, Thread

from indiopay.testing import StoppedClock


class Killed(BaseException):
    """Ends a worker where it stands, as a signal would."""


class _Worker(Thread):
    """One that runs only while it is its turn."""

    def __init__(self, crew: "Crew", work: Callable[[], None], *, mortal: bool) -> None:
        super().__init__(daemon=True)
        self._crew, self._work, self.mortal = crew, work, mortal
        self.go, self.back = Semaphore(0), Semaphore(0)
        self.wakes: datetime | None = None
        self.is_done = False
        self.fault: BaseException | None = None

    def run(self) -> None:
        self.go.acquire()
        try:
            self._work()
        except Killed:
            self._crew.kills += 1
        except BaseException as fault:  # noqa: BLE001  # told to whoever drives the crew
            self.fault = fault
        self.is_done = True
        self.back.release()


class Crew:
    """Runs its workers in turns. A mortal one may be killed, or fall asleep, before any of its steps."""

    def __init__(self, random: Random, clock: StoppedClock, *, kill: float, sleep: float) -> None:
        self._random, self.clock, self._kill, self._sleep = random, clock, kill, sleep
        self._workers: list[_Worker] = []
        self.kills = self.sleeps = 0

    def hire(self, work: Callable[[], None], *, mortal: bool = True) -> None:
        worker = _Worker(self, work, mortal=mortal)
        self._workers.append(worker)
        worker.start()

    def run(self) -> None:
        """Until all are done, or asleep: those go on when it is run again, if it is time."""
        while awake := list(self._awake()):
            worker = self._random.choice(awake)
            worker.go.release()
            worker.back.acquire()
            if worker.is_done:
                worker.join()
                self._workers.remove(worker)
                if worker.fault:
                    raise worker.fault

    def wake(self) -> None:
        """Have time pass until nobody sleeps any more, and all are done."""
        while self._workers:
            wakes = min(worker.wakes or self.clock() for worker in self._workers)
            self.clock.advance(max(wakes - self.clock(), timedelta()))
            self.run()

    def _awake(self) -> Iterator[_Worker]:
        now = self.clock()
        return (worker for worker in self._workers if worker.wakes is None or worker.wakes <= now)

    def turn(self) -> None:
        """Let the others act: called by a worker between any two of its steps."""
        worker = threading.current_thread()
        if not isinstance(worker, _Worker):
            return
        if worker.mortal and self._random.random() < self._kill:
            raise Killed
        worker.wakes = self._nap() if worker.mortal and self._random.random() < self._sleep else None
        worker.back.release()
        worker.go.acquire()
        worker.wakes = None

    def _nap(self) -> datetime:
        self.sleeps += 1
        return self.clock() + timedelta(minutes=self._random.choice([1, 61, 90]))
