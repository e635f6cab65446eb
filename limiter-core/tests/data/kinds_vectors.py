"""Writes kinds-vectors.jsonl: random runs of the kinds of limits, with the answers of naive models.

The models keep lists and look through them. They share no code with the library, and follow the documentation only.
Run it beside the file, after a change of the contract:

    python3 kinds_vectors.py > kinds-vectors.jsonl
"""

import json
import random
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

MS = 1_000_000
START = 1_767_225_600_000
UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "year": 31_104_000}
STRATEGIES = [
    "fixed-window",
    "fixed-window-elastic-expiry",
    "moving-window",
    "sliding-window-counter",
    "token-bucket",
]


class Fixed:
    """One count, and the end of its window."""

    def __init__(self, window):
        self.window, self.used, self.end = window, 0, 0

    def see(self, now):
        if self.used == 0 or now >= self.end:
            self.used, self.end = 0, None

    def left(self, now, amount):
        self.see(now)
        return max(0, amount - self.used)

    def ends(self, now):
        return now + self.window

    def take(self, now, cost, amount):
        if self.used == 0:
            self.end = self.ends(now)
        self.used += cost
        return self.end

    def refused(self, now, cost, amount):
        return self.end - now

    def refund(self, now, cost, stamp):
        if self.end == stamp and self.end is not None:
            self.used = max(0, self.used - cost)


class Elastic(Fixed):
    """Its end moves with each hit. The start identifies it."""

    def __init__(self, window):
        super().__init__(window)
        self.start = None

    def see(self, now):
        if self.used == 0 or now >= self.end:
            self.used, self.start, self.end = 0, None, now

    def take(self, now, cost, amount):
        if self.start is None:
            self.start = now
        self.used += cost
        self.end = now + self.window
        return self.start

    def refused(self, now, cost, amount):
        self.end = now + self.window
        return self.window

    def refund(self, now, cost, stamp):
        if self.start == stamp:
            self.used = max(0, self.used - cost)


class Log:
    """All hits of the last window."""

    def __init__(self, window):
        self.window, self.hits = window, []

    def see(self, now):
        self.hits = [hit for hit in self.hits if hit[0] + self.window > now]

    def left(self, now, amount):
        self.see(now)
        return max(0, amount - sum(cost for _, cost in self.hits))

    def take(self, now, cost, amount):
        if self.hits and self.hits[-1][0] == now:
            self.hits[-1][1] += cost
        elif cost > 0:
            self.hits.append([now, cost])
        return now

    def refused(self, now, cost, amount):
        missing = sum(cost for _, cost in self.hits) + cost - amount
        for at, freed in self.hits:
            missing -= freed
            if missing <= 0:
                return at + self.window - now

    def refund(self, now, cost, stamp):
        for hit in self.hits:
            if hit[0] == stamp:
                hit[1] = max(0, hit[1] - cost)
        self.hits = [hit for hit in self.hits if hit[1] > 0]

    def renew(self, now, cost, stamp):
        self.see(now)
        for hit in self.hits:
            if hit[0] == stamp and hit[1] >= cost:
                self.refund(now, cost, stamp)
                return self.take(now, cost, None)
        return None


class Sliding:
    """Counts by the numbers of their windows since the epoch."""

    def __init__(self, window):
        self.window, self.counts = window, {}

    def used(self, now):
        number, left = now // self.window, self.window - now % self.window
        previous = self.counts.get(number - 1, 0) * left // self.window
        return self.counts.get(number, 0) + previous

    def left(self, now, amount):
        return max(0, amount - self.used(now))

    def take(self, now, cost, amount):
        number = now // self.window
        self.counts[number] = self.counts.get(number, 0) + cost
        return number

    def refused(self, now, cost, amount):
        early, late = 0, 2 * self.window + 1
        while late - early > 1:
            middle = (early + late) // 2
            if self.used(now + middle) + cost <= amount:
                late = middle
            else:
                early = middle
        return late

    def refund(self, now, cost, stamp):
        # Older windows no longer count, whatever they have.
        self.counts[stamp] = max(0, self.counts.get(stamp, 0) - cost)


class Bucket:
    """A level in nanoseconds of refilling. It may be below zero, by at most another burst."""

    def __init__(self, window, amount):
        self.interval = -(-window // amount)
        self.full = amount * self.interval
        self.level, self.at = self.full, 0

    def see(self, now):
        self.level, self.at = min(self.full, self.level + now - self.at), now

    def left(self, now, amount):
        self.see(now)
        return max(0, self.level) // self.interval

    def take(self, now, cost, amount):
        level = self.level - cost * self.interval
        self.level = max(level, min(self.level, -self.full))
        return now

    def refused(self, now, cost, amount):
        return cost * self.interval - self.level

    def refund(self, now, cost, stamp):
        self.see(now)
        self.level = min(self.full, self.level + max(0, cost * self.interval - (now - stamp)))


def model(strategy, seconds, amount):
    window = seconds * 1000 * MS
    makers = dict(zip(STRATEGIES, [Fixed, Elastic, Log, Sliding]))
    return Bucket(window, amount) if strategy == "token-bucket" else makers[strategy](window)


def millis(nanos):
    return None if nanos is None else -(-nanos // MS)


class Run:
    """A run under way: its operations, with the answers of a model."""

    def __init__(self, rng, counts, amount, start=START):
        self.rng, self.counts, self.amount = rng, counts, amount
        self.at, self.ops, self.expect = start + rng.randrange(10**9), [], []
        # What is taken: the number of the operation, its cost and its stamp.
        self.taken, self.wait = [], None

    def advance(self, usual):
        kind = self.rng.randrange(6)
        if kind == 0 and self.wait is not None:
            self.at += self.wait
        elif kind < 4:
            self.at += self.rng.choice([0, 1, self.rng.randrange(usual + 1), self.rng.randrange(3 * usual)])

    def hit(self, cost, needed=None, amount=None, moves=False):
        amount = self.amount if amount is None else amount
        needed = cost if needed is None else needed
        now, self.wait = self.at * MS, None
        left = self.counts.left(now, amount)
        op = [self.at, "hit", cost]
        self.ops.append(op if amount == self.amount else op + [amount])
        if cost > amount or needed > left:
            never = cost > amount
            self.wait = None if never else millis(self.counts.refused(now, needed, amount))
            self.expect.append([False, left, self.wait])
            return
        if cost > 0:
            self.taken.append([len(self.ops) - 1, cost, self.counts.take(now, cost, amount)])
        self.expect.append([True, self.counts.left(now, amount), None])

    def charge(self, cost):
        now = self.at * MS
        left = self.counts.left(now, self.amount)
        taken = min(cost, left) if isinstance(self.counts, Log) else cost
        if taken > 0:
            self.counts.take(now, taken, self.amount)
        self.ops.append([self.at, "charge", cost])
        self.expect.append([True, self.counts.left(now, self.amount), None])

    def refund(self, whole=False):
        if not self.taken:
            return
        number, cost, stamp = self.taken.pop(self.rng.randrange(len(self.taken)))
        part = cost if whole else self.rng.randint(1, cost)
        now = self.at * MS
        self.counts.left(now, self.amount)
        self.counts.refund(now, part, stamp)
        self.ops.append([self.at, "refund", number, part])
        self.expect.append([True, self.counts.left(now, self.amount), None])

    def renew(self):
        if not self.taken:
            return
        held = self.rng.choice(self.taken)
        number, cost, stamp = held
        renewed = self.counts.renew(self.at * MS, cost, stamp)
        if renewed is None:
            self.taken.remove(held)
        else:
            held[2] = renewed
        self.ops.append([self.at, "renew", number, cost])
        self.expect.append(renewed is not None)

    def line(self, **head):
        return json.dumps({**head, "ops": self.ops, "expect": self.expect}, separators=(",", ":"))


def metered(rng, strategy):
    unit = rng.choice(["minute", "hour", "day"])
    amount = rng.choice([1, 3, 10, 100])
    run = Run(rng, model(strategy, UNITS[unit], amount), amount)
    for _ in range(30):
        run.advance(UNITS[unit] * 1000 // max(1, amount // 2))
        kind = rng.randrange(10)
        if kind < 6:
            cost = rng.choice([0, 1, rng.randint(1, amount), rng.randint(1, amount), amount + 1])
            run.hit(cost, needed=min(1, cost))
        elif kind < 8:
            run.refund()
        else:
            run.charge(rng.choice([0, 1, rng.randint(1, 2 * amount), 5 * amount]))
    return run.line(kind="metered", strategy=strategy, limit=f"{amount}/{unit}")


class Concurrent(Log):
    def refused(self, now, cost, amount):
        return 1000 * MS


def concurrent(rng):
    amount, lease = rng.randint(1, 6), 30_000
    run = Run(rng, Concurrent(lease * MS), amount)
    for _ in range(40):
        # Instants are unique, so that what a storage merges is no matter of taste.
        run.at += 1
        run.advance(8_000)
        kind = rng.randrange(10)
        if kind < 5:
            run.hit(rng.choice([0, 1, 1, 1, 2, amount + 1]))
        elif kind < 7:
            run.refund(whole=True)
        else:
            run.renew()
    return run.line(kind="concurrent", strategy="fixed-window", limit=f"{amount} concurrent", lease=lease)


def keep_used(rng, strategy):
    unit = rng.choice(["minute", "hour", "day"])
    amount = rng.choice([3, 10, 30])
    run = Run(rng, model(strategy, UNITS[unit], amount), amount)
    for _ in range(30):
        run.advance(UNITS[unit] * 1000 // amount)
        changed = rng.choice([amount, amount, 2 * amount, amount // 2 + 1, 1])
        if rng.randrange(6) == 0 and changed == amount:
            run.refund()
        else:
            run.hit(rng.choice([0, 1, 1, 2, rng.randint(1, amount), 2 * amount]), amount=changed)
    return run.line(kind="keep_used", strategy=strategy, limit=f"{amount}/{unit}")


ZONES = ["UTC", "+05:45", "-09:30", "Europe/Berlin", "America/Havana", "Africa/Cairo", "Australia/Lord_Howe"]


def zone_of(name):
    if "/" in name:
        return ZoneInfo(name)
    if name == "UTC":
        return timezone.utc
    hours, minutes = name[1:].split(":")
    return timezone((1 if name[0] == "+" else -1) * timedelta(hours=int(hours), minutes=int(minutes)))


def next_date(date, unit):
    if unit == "day":
        return date + timedelta(days=1)
    if unit == "week":
        return date + timedelta(days=7 - date.weekday())
    if unit == "month":
        return date.replace(year=date.year + date.month // 12, month=date.month % 12 + 1, day=1)
    return date.replace(year=date.year + 1, month=1, day=1)


class Calendar(Fixed):
    """Ends at the first minute whose date in the zone is the next one."""

    def __init__(self, zone, unit):
        super().__init__(None)
        self.zone, self.unit = zone, unit

    def ends(self, now):
        def date(minute):
            return datetime.fromtimestamp(minute * 60, self.zone).date()

        minute = now // (60_000 * MS)
        # A date that was there before counts, though the clock was set back.
        seen = max(date(earlier) for earlier in range(minute - 180, minute + 1))
        following = next_date(seen, self.unit)
        end = int(datetime(following.year, following.month, following.day, tzinfo=timezone.utc).timestamp()) // 60
        end -= 16 * 60
        while date(end) < following:
            end += 1
        return end * 60_000 * MS


# Days around changes of clocks, leap days and ends of years, in UTC.
DAYS = [(2024, 2, 28), (2023, 2, 27), (2023, 12, 30), (2024, 3, 9), (2024, 3, 30), (2024, 10, 26), (2024, 11, 2)]
DAYS += [(2023, 4, 27), (2023, 10, 26), (2024, 4, 6), (2024, 10, 5), (2022, 11, 29)]


def calendar(rng, zone, unit):
    amount, day = rng.choice([1, 3, 10]), datetime(*rng.choice(DAYS), tzinfo=timezone.utc)
    start = int(day.timestamp()) * 1000 - 10**9 + rng.randrange(10**8)
    run = Run(rng, Calendar(zone_of(zone), unit), amount, start=start)
    for _ in range(40):
        run.advance({"day": 8, "week": 40, "month": 150, "year": 900}[unit] * 3_600_000)
        if rng.randrange(8) == 0:
            run.refund()
        else:
            run.hit(rng.choice([0, 1, 1, 2, rng.randint(1, amount), amount + 1]))
    return run.line(kind="calendar", strategy="fixed-window", limit=f"{amount} per calendar {unit}", zone=zone)


def bans(rng):
    """Bans are notes with an end, in a list of at most four."""
    at, notes, ops, expect = START + rng.randrange(10**9), {}, [], []
    for _ in range(30):
        at += rng.choice([0, 1, 1000, rng.randrange(60_000)])
        notes = {name: end for name, end in notes.items() if end > at}
        name, kind = rng.choice("abcdef"), rng.randrange(6)
        if kind < 3:
            ends_in = rng.choice([1, 1000, rng.randrange(1, 90_000)])
            fits = name in notes or len(notes) < 4
            if fits:
                notes[name] = at + ends_in
            ops.append([at, "put", name, ends_in])
            expect.append(fits)
        elif kind < 4:
            ops.append([at, "remove", name])
            expect.append(notes.pop(name, None) is not None)
        else:
            ops.append([at, "list"])
            expect.append([[name, end - at] for name, end in sorted(notes.items())])
    return json.dumps({"kind": "bans", "ops": ops, "expect": expect}, separators=(",", ":"))


def main():
    rng = random.Random(17)
    for strategy in STRATEGIES:
        for _ in range(12):
            print(metered(rng, strategy))
    for _ in range(24):
        print(concurrent(rng))
    for strategy in STRATEGIES[:4]:
        for _ in range(8):
            print(keep_used(rng, strategy))
    for zone in ZONES:
        for unit in ["day", "week", "month", "year"]:
            print(calendar(rng, zone, unit))
    for _ in range(12):
        print(bans(rng))


if __name__ == "__main__":
    main()
