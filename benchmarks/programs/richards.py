"""Richards: the kernel of a small operating system, after Martin Richards' description.

Six tasks (an idler, a worker, two handlers, two devices) pass packets to each other under a scheduler that runs the one
with the highest priority that can run. What is counted is how often a packet was queued and a task was held.
"""

from __future__ import annotations

from typing import Any

from benchmarks.programs.prototypes import Plain


class Packet(Plain):
    link = None
    task = 0
    kind = 0
    datum = 0
    letters = ()

    def last_of(self, first: Any) -> Any:
        """Stand at the end of the queue that begins with `first`; the queue's first packet."""
        self.link = None
        if first is None:
            return self
        packet = first
        while packet.link is not None:
            packet = packet.link
        packet.link = self
        return first


class Task(Plain):
    link = None
    number = 0
    priority = 0
    queue = None
    pending = False
    waiting = False
    held = False

    def is_stopped(self) -> bool:
        return self.held or (self.waiting and not self.pending)

    def begin(self, scheduler: Any) -> Any:
        """Take the first packet if one was waited for, and go on; the task to run next."""
        packet = None
        if self.waiting and self.pending:
            packet = self.queue
            self.queue = packet.link
            self.waiting = False
            self.pending = self.queue is not None
        return self.work(scheduler, packet)

    def wait(self) -> Any:
        self.waiting = True
        return self

    def take(self, packet: Any, current: Any) -> Any:
        """Queue `packet` here; whoever of this task and `current` comes first."""
        if self.queue is None:
            self.queue = packet.last_of(None)
            self.pending = True
            if self.priority > current.priority:
                return self
        else:
            self.queue = packet.last_of(self.queue)
        return current


class Idler(Task):
    seed = 1
    count = 0

    def work(self, scheduler: Any, packet: Any) -> Any:
        self.count = self.count - 1
        if self.count == 0:
            return scheduler.hold()
        if self.seed % 2 == 0:
            self.seed = self.seed // 2
            return scheduler.release(4)
        self.seed = (self.seed // 2) ^ 0xD008
        return scheduler.release(5)


class Worker(Task):
    destination = 2
    letter = 0

    def work(self, scheduler: Any, packet: Any) -> Any:
        if packet is None:
            return self.wait()
        self.destination = 3 if self.destination == 2 else 2
        packet.task = self.destination
        packet.datum = 0
        letters = []
        for _ in range(4):
            self.letter = self.letter % 26 + 1
            letters.append(64 + self.letter)
        packet.letters = tuple(letters)
        return scheduler.send_on(packet)


class Handler(Task):
    to_do = None
    free = None

    def work(self, scheduler: Any, packet: Any) -> Any:
        if packet is not None:
            if packet.kind == 1:
                self.to_do = packet.last_of(self.to_do)
            else:
                self.free = packet.last_of(self.free)
        job = self.to_do
        if job is None:
            return self.wait()
        if job.datum >= 4:
            self.to_do = job.link
            return scheduler.send_on(job)
        letter = self.free
        if letter is None:
            return self.wait()
        self.free = letter.link
        letter.datum = job.letters[job.datum]
        job.datum = job.datum + 1
        return scheduler.send_on(letter)


class Device(Task):
    loaded = None

    def work(self, scheduler: Any, packet: Any) -> Any:
        if packet is None:
            if self.loaded is None:
                return self.wait()
            packet = self.loaded
            self.loaded = None
            return scheduler.send_on(packet)
        self.loaded = packet
        return scheduler.hold()


class Program(Plain):
    """The scheduler. Tasks are linked, the latest first, which is also the order of their priorities."""

    tasks = ()
    first = None
    current = None
    queued = 0
    holds = 0

    def run(self, count: int) -> list[int]:
        self.queued = 0
        self.holds = 0
        self.first = None
        works = [self.packet(None, 1, 1), self.packet(None, 1, 1)]
        works[1].link = works[0]
        self.tasks = (
            self.task("Idler", 0, 0, None, count),
            self.task("Worker", 1, 1000, works[1], 0),
            self.task("Handler", 2, 2000, self.three_packets(4), 0),
            self.task("Handler", 3, 3000, self.three_packets(5), 0),
            self.task("Device", 4, 4000, None, 0),
            self.task("Device", 5, 5000, None, 0),
        )
        self.schedule()
        return [self.queued, self.holds]

    def packet(self, link: Any, task: int, kind: int) -> Any:
        return self.fresh("Packet", link=link, task=task, kind=kind)

    def three_packets(self, task: int) -> Any:
        packet = None
        for _ in range(3):
            packet = self.packet(packet, task, 0)
        return packet

    def task(self, kind: str, number: int, priority: int, queue: Any, count: int) -> Any:
        made = self.fresh(kind, link=self.first, number=number, priority=priority, queue=queue)
        made.pending = queue is not None
        made.waiting = kind != "Idler"
        if kind == "Idler":
            made.count = count
        self.first = made
        return made

    def schedule(self) -> None:
        self.current = self.first
        while self.current is not None:
            if self.current.is_stopped():
                self.current = self.current.link
            else:
                self.current = self.current.begin(self)

    def send_on(self, packet: Any) -> Any:
        """Give `packet` to the task it names, in the name of the current one."""
        self.queued = self.queued + 1
        task = self.tasks[packet.task]
        packet.task = self.current.number
        packet.link = None
        return task.take(packet, self.current)

    def hold(self) -> Any:
        self.holds = self.holds + 1
        self.current.held = True
        return self.current.link

    def release(self, number: int) -> Any:
        task = self.tasks[number]
        task.held = False
        return task if task.priority > self.current.priority else self.current
