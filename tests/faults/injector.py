"""Carries out a schedule of faults, two at a time at most, and logs each: when, what, on what, for how long."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import psycopg2

from tests.faults import damage_links, damage_postgres, damage_processes, damage_valkey
from tests.faults.schedule import Planned
from tests.faults.system import System

AT_A_TIME = 2
Damage = Callable[[System, Planned], str]

DAMAGE: dict[str, Damage] = {
    "kill-relay": damage_processes.kill_relay,
    "freeze-relay": damage_processes.freeze_relay,
    "kill-worker": damage_processes.kill_worker,
    "freeze-worker": damage_processes.freeze_worker,
    "kill-writer": damage_processes.kill_writer,
    "kill-consumer": damage_processes.kill_consumer,
    "freeze-consumer": damage_processes.freeze_consumer,
    "kill-valkey": damage_valkey.kill_valkey,
    "lose-second-of-valkey": damage_valkey.lose_second_of_valkey,
    "wipe-valkey": damage_valkey.wipe_valkey,
    "roll-back-valkey": damage_valkey.roll_back_valkey,
    "freeze-valkey": damage_valkey.freeze_valkey,
    "crash-postgres": damage_postgres.crash_postgres,
    "kill-backend": damage_postgres.kill_backend,
    "terminate-backends": damage_postgres.terminate_backends,
    "freeze-backend": damage_postgres.freeze_backend,
    "long-transaction": damage_postgres.long_transaction,
    "cut-redis": damage_links.cut,
    "cut-postgres": damage_links.cut,
    "refuse-redis": damage_links.refuse,
    "refuse-postgres": damage_links.refuse,
    "stall-redis": damage_links.stall,
    "stall-postgres": damage_links.stall,
    "delay-redis": damage_links.delay,
    "delay-postgres": damage_links.delay,
}


@dataclass(frozen=True)
class Done:
    """A fault that was: seconds after the start, and how long it lasted; `missed` says why it could not be done."""

    at_s: float
    kind: str
    target: str
    lasted_s: float
    missed: str = ""

    def line(self) -> str:
        """As it is logged."""
        what = f"missed: {self.missed}" if self.missed else self.target
        return f"{self.at_s:7.1f} s  {self.kind:<22} {self.lasted_s:5.1f} s  {what}"


class Injector:
    """Does what the schedule says; `say` gets a line for each fault when it is over."""

    def __init__(self, system: System, plan: list[Planned], say: Callable[[str], None]) -> None:
        self.system, self.plan, self.say = system, plan, say
        self.done: list[Done] = []
        self._broken: list[Exception] = []
        self._room = threading.Semaphore(AT_A_TIME)

    def run(self, began: float, seconds: float) -> None:
        """Returns when the time and all faults are over. Raises where a fault could not be undone: then the campaign says nothing."""
        threads = []
        for planned in self.plan:
            time.sleep(max(0.0, began + planned.at_s - time.monotonic()))
            self._room.acquire()
            threads.append(threading.Thread(target=self._carry_out, args=(planned, began), daemon=True))
            threads[-1].start()
            if self._broken:
                break
        for thread in threads:
            thread.join()
        if self._broken:
            raise self._broken[0]
        time.sleep(max(0.0, began + seconds - time.monotonic()))

    def _carry_out(self, planned: Planned, began: float) -> None:
        at, target, missed = time.monotonic(), "", ""
        try:
            target = DAMAGE[planned.kind](self.system, planned)
        except (psycopg2.Error, ProcessLookupError) as trouble:  # another fault was there first
            missed = str(trouble).strip().partition("\n")[0]
        except Exception as error:  # noqa: BLE001 -- raised by `run`, in the thread that can say so
            self._broken.append(error)
        finally:
            self._room.release()
        done = Done(at - began, planned.kind, target, time.monotonic() - at, missed)
        self.done.append(done)
        self.say(done.line())
