"""The tree of a rule file above expressions and patterns: clauses, declarations, tests."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from typing import Literal as Lit

from sluice.errors import Diagnostic, Span
from sluice.lang.syntax import NOWHERE, Argument, Expr, ObjectLiteral, Pattern, Regex, Step, String
from sluice.model import Kind


def _span() -> Any:
    return field(default=NOWHERE, compare=False, repr=False, kw_only=True)


# ---------------------------------------------------------------- clauses


@dataclass(frozen=True, slots=True)
class When:
    """`when PATTERN`."""

    pattern: Pattern
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class KeyPart:
    """`user`, `net = prefix(source_ip, 24)`, `user?`; `name` is None for a bare path."""

    expr: Expr
    name: str | None = None
    nullable: bool = False
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class By:
    """`by KEY, …`."""

    keys: tuple[KeyPart, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Within:
    """`within D`."""

    duration: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Window:
    """`window KIND SIZE …`; `every`, `offset`, `maximum` where the kind has them."""

    kind: Lit["tumbling", "hopping", "sliding", "session", "last"]
    size: Expr
    every: Expr | None = None
    offset: Expr | None = None
    maximum: Expr | None = None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Having:
    """`having CONDITION [for D] [each]`."""

    condition: Expr
    duration: Expr | None = None
    each: bool = False
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Unseen:
    """`unseen KEY, … for D [after D]`."""

    keys: tuple[Expr, ...]
    duration: Expr
    after: Expr | None = None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class ExpectKeys:
    """`expect KEY in LIST` of a rule."""

    key: Expr
    container: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Binding:
    """`name = expr` of a `select`, or a bare path (`name` is None)."""

    expr: Expr
    name: str | None = None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Select:
    """`select NAME = EXPR, …`."""

    items: tuple[Binding, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Meta:
    """A metadata clause: severity, tags, doc, reference, status, disabled, priority, overlap;
    `unbounded` too, which says that no bound is meant.

    `values` are the words, strings or the number as text, in the order written.
    """

    name: Lit[
        "severity", "tags", "doc", "reference", "status", "disabled", "priority", "overlap",
        "unbounded",
    ]  # fmt: skip
    values: tuple[str, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Emit:
    """`emit TYPE { field: EXPR, … }`."""

    type: str
    fields: ObjectLiteral
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class NoteClause:
    """`note KIND "title" ["body"]`."""

    kind: str
    title: String
    body: String | None = None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Mitigate:
    """`mitigate ACTION(args) [for D] [simulate|ask|auto]`."""

    action: str
    args: tuple[Argument, ...]
    duration: Expr | None = None
    mode: str | None = None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class CallAction:
    """`call PLUGIN.ACTION(args)`."""

    action: str
    args: tuple[Argument, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Cooldown:
    """`cooldown D [per NAME, …]`."""

    duration: Expr
    per: tuple[str, ...] | None = None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Until:
    """`until STEP`."""

    step: Step
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Except:
    """`except where COND ["why"]` of a `tune`."""

    condition: Expr
    why: String | None = None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class SetParam:
    """`set PARAM = VALUE` of a `tune`."""

    name: str
    value: Expr
    span: Span = _span()


Clause = (
    When | By | Within | Window | Having | Unseen | ExpectKeys | Select | Meta | Emit
    | NoteClause | Mitigate | CallAction | Cooldown | Until | Except | SetParam
)  # fmt: skip

# ---------------------------------------------------------------- declarations


@dataclass(frozen=True, slots=True)
class Pack:
    """`pack NAME [{ … }]`."""

    name: str
    clauses: tuple[Clause, ...] = ()
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Import:
    """`import "path"`."""

    path: str
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class TypeExpr:
    """`string`, `enum("a", …)`, `list<T>`, `{ … }`; with `?` it may be missing or null."""

    name: Kind
    optional: bool = False
    values: tuple[str, ...] = ()
    item: TypeExpr | None = None
    fields: tuple[FieldDecl, ...] = ()
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class FieldDecl:
    """`name: type`."""

    name: str
    type: TypeExpr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class EventDecl:
    """`event TYPE { field: type … }`."""

    name: str
    fields: tuple[FieldDecl, ...]
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class ExtractLine:
    """`PATH matches /re/ [{ field: EXPR, … }]`."""

    path: Expr
    regex: Regex
    fields: ObjectLiteral | None = None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Extract:
    """`extract TYPE from TYPE [where COND] { … }`; `source_span` is for carets."""

    type: str
    source: str
    where: Expr | None
    lines: tuple[ExtractLine, ...]
    source_span: Span = field(default=NOWHERE, compare=False, repr=False)
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class ListDecl:
    """`list NAME [: type] = [ … ]` (`items`) or `from "path"` (`path`)."""

    name: str
    type: str | None
    items: tuple[Expr, ...] | None
    path: str | None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class TableDecl:
    """`table NAME { key: type … } from "path.csv"`."""

    name: str
    fields: tuple[FieldDecl, ...]
    path: str
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Param:
    """`param NAME = VALUE`."""

    name: str
    value: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Let:
    """`let NAME[(p, …)] = step`."""

    name: str
    params: tuple[str, ...] | None
    step: Step
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Def:
    """`def NAME[(p, …)] = EXPR`."""

    name: str
    params: tuple[str, ...] | None
    expr: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Rule:
    """`rule NAME ["title"] { clauses }`; `name_span` is for carets."""

    name: str
    title: str | None
    clauses: tuple[Clause, ...]
    name_span: Span = field(default=NOWHERE, compare=False, repr=False)
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Tune:
    """`tune PACK.RULE { … }` or `PACK.*`."""

    target: str
    clauses: tuple[Clause, ...]
    span: Span = _span()


# ---------------------------------------------------------------- tests


@dataclass(frozen=True, slots=True)
class Start:
    """`start "2026-10-25T00:30:00Z"`."""

    text: str
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class LatenessStatement:
    """`lateness D`."""

    duration: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class At:
    """`at T TYPE { … } [x N [every D]] [late]`."""

    at: Expr
    type: str
    fields: ObjectLiteral
    times: int = 1
    every: Expr | None = None
    late: bool = False
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Advance:
    """`advance to T`."""

    to: Expr
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Given:
    """`given NAME = VALUE`, `given plugin.fn("x") = VALUE` (`args` is not None)."""

    name: str
    value: Expr
    args: tuple[Expr, ...] | None = None
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class Expect:
    """One expectation of a test.

    kind        uses
    match       at, fields
    count       number (`expect N matches`)
    nothing     –
    suppressed  number
    note        name (kind of note), text (title or None)
    mitigation  name (action), fields
    event       name (type), at, fields
    pending     –
    """

    kind: Lit["match", "count", "nothing", "suppressed", "note", "mitigation", "event", "pending"]
    name: str | None = None
    at: Expr | None = None
    fields: ObjectLiteral | None = None
    number: int | None = None
    text: str | None = None
    span: Span = _span()


TestStatement = Start | LatenessStatement | At | Advance | Given | Expect


@dataclass(frozen=True, slots=True)
class Test:
    """`test RULE ["claim"] { … }`."""

    rule: str
    claim: str | None
    statements: tuple[TestStatement, ...]
    span: Span = _span()


Declaration = (
    Pack | Import | EventDecl | Extract | ListDecl | TableDecl | Param | Let | Def | Rule | Tune
    | Test
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Comment:
    """`# …` with its place; `text` starts with `#`. `own_line` says that nothing precedes it."""

    text: str
    own_line: bool
    span: Span = _span()


@dataclass(frozen=True, slots=True)
class File:
    """A whole rule file."""

    path: str
    declarations: tuple[Declaration, ...]
    comments: tuple[Comment, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Lost:
    """A declaration that an error of syntax hides; `span` is its text.

    kind    declares
    rule    a rule
    test    a test, of the rule `name`
    event   a type of events (`event`, `extract`)
    name    a name for expressions and steps (`let`, `def`, `param`, `list`, `table`)
    """

    kind: Lit["rule", "test", "event", "name"]
    name: str
    span: Span


@dataclass(frozen=True, slots=True)
class Parsed:
    """What parsing gave: the file (declarations that parsed), the text, and all syntax errors.

    `lost` says what is written in the file and still not among the declarations.
    """

    file: File
    text: str
    diagnostics: tuple[Diagnostic, ...] = ()
    lost: tuple[Lost, ...] = ()
