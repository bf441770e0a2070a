"""Random events, conditions and steps out of small alphabets."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any, TypeVar

from . import spec
from .spec import Atom, Cond, Event, Expr, Head, Quantifier

T = TypeVar("T")
TYPES = ("a", "b", "c", "d")
ABSENT = object()
ODD_KEYS: tuple[Any, ...] = ("u1", "1", 1, 1.0, True, False, None, ABSENT, "u2", 2)
NUMBERS: tuple[Any, ...] = (0, 1, 1, 2, 2, 3, 4, 1.5, 2.0, -1)
STRINGS: tuple[Any, ...] = ("x", "x", "y", "Xy", "xyz", "", "x*z")
MIXED: tuple[Any, ...] = (1, 1.0, "1", True, False, 2, 2.5, "x", None, ABSENT, 0, "")
STEPS_MS = (0, 0, 0, 1000, 1000, 1000, 1000, 2000, 2000, 3000, 5000, 1, 999)
DURATIONS_MS = (1000, 2000, 3000, 3000, 4000, 5000, 5000, 6000, 10_000, 1500)
BASES_MS = (0, 0, 1000, 1_600_000_000_000, 1_599_999_999_000)


@dataclass(frozen=True)
class Shares:
    """How often a step has a gap, `immediately`, a `without`, a `where`."""

    gap: float = 0.0
    immediate: float = 0.0
    without: float = 0.0
    where: float = 0.3


PLAIN = Shares()


class Draw:
    """A source of random parts; `aliases` maps what is bound so far to "is it a list"."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.aliases: dict[str, bool] = {}
        self._names = iter("fghpqruwyz")

    def one(self, *choices: T) -> T:
        """One of the choices."""
        return self.rng.choice(choices)

    def chance(self, share: float) -> bool:
        """True in this share of cases."""
        return self.rng.random() < share

    def duration(self) -> int:
        """A duration in ms, often an exact sum of the steps between events."""
        return self.one(*DURATIONS_MS)

    # --- events -----------------------------------------------------------------------

    def events(
        self,
        least: int = 8,
        most: int = 40,
        types: tuple[str, ...] = TYPES,
        odd: bool | None = None,
        keys: int | None = None,
        factor: int = 1,
    ) -> list[Event]:
        """A stream in order of time, with many ties."""
        time = self.one(*BASES_MS)
        odd = self.chance(0.15) if odd is None else odd
        pool: tuple[Any, ...] = ("u1", "u2", "u3")[: keys or self.one(1, 1, 2, 3)]
        if odd:
            pool = ODD_KEYS
        events = []
        for i in range(self.rng.randint(least, most)):
            time += self.one(*STEPS_MS) * factor
            events.append(Event(f"e{i}", self.one(*types), time, self.fields(pool)))
        return events

    def fields(self, keys: tuple[Any, ...]) -> dict[str, Any]:
        """The fields of one event."""
        drawn = {
            "k": self.one(*keys),
            "j": self.one("u1", "u1", "u2"),
            "n": self.one(*NUMBERS) if self.chance(0.85) else self.one(None, ABSENT),
            "s": self.one(*STRINGS) if self.chance(0.85) else self.one(None, ABSENT),
            "v": self.one(*MIXED),
        }
        return {name: value for name, value in drawn.items() if value is not ABSENT}

    # --- conditions -------------------------------------------------------------------

    def where(self, share: float = 0.3, own: str | None = None) -> Cond | None:
        """A condition on one event, sometimes against what was taken before."""
        if not self.chance(share):
            return None
        if own and self.chance(0.4):
            # Section 11: inside its own `where` an alias is what was taken so far.
            empty = spec.Cmp("==", spec.Agg("count", alias=own), spec.Lit(0))
            ref = spec.AliasRef(own, "n", "first" if self.chance(0.5) else "last")
            return spec.Or((empty, spec.Cmp(self.order(), spec.Field("n"), ref)))
        if self.aliases and self.chance(0.5):
            return self._against()
        return self.simple()

    def order(self) -> str:
        """A comparison operator."""
        return self.one("<", "<=", ">", ">=", "!=", "==")

    def ref(self, path: str) -> spec.AliasRef:
        """A field of an alias that is bound."""
        alias = self.one(*self.aliases)
        pick: str | int | None = None
        if self.aliases[alias]:
            picks: tuple[str | int, ...] = ("first", "last", 0, 1)
            pick = self.one(*picks)
        return spec.AliasRef(alias, path, pick)

    def _against(self) -> Cond:
        kind = self.rng.randrange(5)
        if kind == 0:
            return spec.Cmp(self.one("==", "!="), spec.Field("s"), self.ref("s"))
        if kind == 1:
            age = spec.Arith("-", spec.Attr("time"), self.ref("@time"))
            return spec.Cmp(self.one("<=", ">=", "<"), age, spec.Dur(self.duration()))
        if kind == 2:
            return spec.Cmp(self.one("==", "!="), spec.Field("v"), self.ref("v"))
        return spec.Cmp(self.one("<=", ">=", "!=", "<"), spec.Field("n"), self.ref("n"))

    def simple(self, depth: int = 0) -> Cond:
        """A condition on the event alone, true more often than not."""
        n, s, v = spec.Field("n"), spec.Field("s"), spec.Field("v")
        kind = self.rng.randrange(9 if depth == 0 else 6)
        if kind == 0:
            return spec.Cmp(self.one(">=", ">", "!="), n, spec.Lit(self.one(0, 1, 2)))
        if kind == 1:
            return spec.Cmp("<", n, spec.Lit(self.one(2, 3, 2.5)))
        if kind == 2:
            return spec.In(s, (spec.Lit("x"), spec.Lit("y"), spec.Lit("")), self.chance(0.3))
        if kind == 3:
            return spec.Presence(self.one("exists", "missing", "null", "exists"), self.one(s, v))
        if kind == 4:
            return spec.Text(self.one("contains", "starts with"), s, "x", self.chance(0.5))
        if kind == 5:
            literals: tuple[int | str, ...] = (1, "1", True)
            return spec.Cmp(self.one("==", "!=", "!="), v, spec.Lit(self.one(*literals)))
        parts = (self.simple(1), self.simple(1))
        compound: tuple[Cond, ...] = (spec.Or(parts), spec.And(parts), spec.Not(parts[0]))
        return self.one(*compound)

    def having(self) -> Cond | None:
        """A condition over aliases."""
        if not self.aliases:
            return None
        alias = self.one(*self.aliases)
        agg = spec.Agg(self.one("sum", "max", "avg", "min"), spec.Field("n"), alias)
        count = spec.Agg("count", alias=alias)
        options: tuple[Cond, ...] = (
            spec.Cmp(self.one(">=", "<="), count, spec.Lit(self.one(1, 2, 3))),
            spec.Cmp(self.one(">=", "<"), agg, spec.Lit(self.one(1, 2, 3))),
            spec.Cmp(self.one("<=", "!=", ">="), self.ref("n"), self.ref("n")),
            spec.Cmp(">=", spec.Agg("distinct", spec.Field("s"), alias), spec.Lit(self.one(1, 2))),
            spec.Presence(self.one("exists", "exists", "missing"), self.ref("n")),
        )
        return self.one(*options)

    def select(self) -> tuple[tuple[str, Expr], ...]:
        """Values of a sequence match."""
        if not self.aliases or self.chance(0.4):
            return ()
        exprs: list[Expr] = []
        for _ in range(self.one(1, 2, 3)):
            alias = self.one(*self.aliases)
            function = self.one("sum", "min", "max", "avg", "median", "distinct", "stddev")
            options: tuple[Expr, ...] = (
                spec.Agg("count", alias=alias),
                spec.Agg(function, spec.Field("n"), alias),
                self.ref(self.one("n", "s", "v", "@time", "@id")),
            )
            exprs.append(self.one(*options))
        return tuple((f"x{i}", e) for i, e in enumerate(exprs))

    # --- steps ------------------------------------------------------------------------

    def alias(self, share: float = 0.7) -> str | None:
        """A fresh alias, or none."""
        return next(self._names) if self.chance(share) else None

    def head(self, type_: str | None = None, where: float = 0.3, as_: float = 0.0) -> Head:
        """One head; an alias that it takes is bound by the caller."""
        return Head(type_ or self.type(), self.where(where), self.alias(as_))

    def type(self) -> str:
        """A type of the alphabet, now and then all of them."""
        return "any" if self.chance(0.04) else self.one(*TYPES)

    def quantifier(self, is_edge: bool, is_closed: bool = False) -> Quantifier:
        """How many; `is_edge` asks for at least one, `is_closed` for an upper bound."""
        q: list[tuple[int, int | None]] = [(2, 2), (1, 2), (1, 3), (2, 3), (3, 3)]
        if not is_closed:
            q += [(1, None), (2, None), (2, None)]
        if not is_edge:
            q += [(0, 1), (0, 2), (0, 1)]
            if not is_closed:
                q.append((0, None))
        least, most = self.one(*q)
        return Quantifier(least, most, least > 0 and least != most and self.chance(0.25))

    def step(
        self,
        quantifier: Quantifier | None = None,
        shares: Shares = PLAIN,
        is_list: bool = False,
        type_: str | None = None,
    ) -> Atom:
        """A plain step."""
        alias = self.alias()
        own = alias if quantifier or is_list else None
        condition = self.where(shares.where, own)
        withouts = tuple(
            Head(self.one(*TYPES), self.where(0.3)) for _ in range(2) if self.chance(shares.without)
        )
        if alias:
            self.aliases[alias] = quantifier is not None or is_list
        return Atom(
            "step",
            (Head(type_ or self.type(), condition, alias),),
            quantifier,
            withouts,
            self.duration() if self.chance(shares.gap) else None,
            self.chance(shares.immediate),
        )

    def branches(self, kind: str, quantifier: Quantifier | None = None, gap: float = 0.0) -> Atom:
        """An `any of` or `all of` with two or three branches."""
        heads = []
        for type_ in self.rng.sample(TYPES, self.one(2, 2, 3)):
            heads.append(Head(type_, self.where(0.2), self.alias(0.6)))
        self.aliases.update({h.alias: quantifier is not None for h in heads if h.alias})
        gap_ms = self.duration() if self.chance(gap) else None
        if kind == "all of":
            return Atom("all of", tuple(heads), None, (), gap_ms)
        return Atom("any of", tuple(heads), quantifier, (), gap_ms)
