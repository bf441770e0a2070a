"""Know functions by the names that other languages give them, and say how it is written here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

#: What is written here, and what SQL, query languages of log stores and others call it, in lower
#: case and without `_` and `.`.
_WRITTEN: tuple[tuple[str, str], ...] = (
    ("count()", "cnt countall numberof"),
    ("avg(x)", "mean average"),
    ("sum(x)", "total"),
    ("stddev(x)", "std stdev stddevsamp standarddeviation"),
    ("distinct(x)", "uniq unique nunique dcount dc countdistinct distinctcount cardinality"),
    ("percentile(x, 95)", "quantile perc pct percentilecont"),
    ("list(x)", "values collect collectlist makelist arrayagg grouparray"),
    ("topk(x, 3)", "top topn mode"),
    ("first(x)", "earliest"),
    ("last(x)", "latest"),
    ("length(x)", "len strlen size charlength arraylength"),
    ("lower(x)", "tolower lcase lowercase"),
    ("upper(x)", "toupper ucase uppercase"),
    ("trim(x)", "strip"),
    ("substring(x, 0, 5)", "substr mid left"),
    ("substring(x, -5)", "right"),
    ("index_of(x, part)", "strpos position instr locate find"),
    ("concat(a, b)", "strcat concatws concatenate"),
    ('split(x, ",")[0]', "splitpart"),
    ('between(x, "from ", " to")', "extract regexextract parse"),
    ("ceil(x)", "ceiling"),
    ("mod(a, b)", "modulo remainder"),
    ("log(x, 2)", "log2"),
    ("log(x, 10)", "log10"),
    ("log(x)", "ln"),
    ("coalesce(a, b)", "ifnull nvl isnullor firstnonnull"),
    ("if(condition, a, b)", "iff iif case ternary cond"),
    ("int(x)", "toint tointeger parseint tolong"),
    ("float(x)", "tofloat todouble tonumber parsefloat number double"),
    ("string(x)", "tostring str text tochar"),
    ("now()", "currenttimestamp getdate sysdate systime"),
    ("age(t)", "timesince since elapsed"),
    ('date_trunc("hour", t)', "bin timebucket tumble"),
    ("hour(t)", "hourofday extracthour"),
    ("weekday(t)", "dayofweek dow"),
    ("prefix(ip, 24)", "subnet ipprefix ipmask ipsubnet"),
    ("is_private(ip)", "isprivateip ipv4isprivate isinternal"),
    ("ip in 10.0.0.0/8", "cidrmatch incidr cidr ipinrange ipv4isinrange inipnet"),
    ("distance_km(lat, lon, lat, lon)", "haversine geodistance geodistance2points distance"),
    ("base64_decode(x)", "frombase64 b64decode base64decodetostring"),
    ("sha256(x)", "sha2 hashsha256"),
    ("levenshtein(a, b)", "editdistance"),
    ('x starts with "a"', "startswith beginswith hasprefix startsw"),
    ('x ends with "a"', "endswith hassuffix"),
    ('x contains "a"', "contains stringcontains strcontains has includes"),
    ("x matches /a/", "match regex regexp rlike regexpmatch regexmatch regexplike"),
    ('x like "a*"', "wildcard glob like"),
    ("x is null", "isnull"),
    ("exists x", "isnotnull isnotempty ispresent defined"),
)

_BY_NAME: Mapping[str, str] = MappingProxyType(
    {name: written for written, names in _WRITTEN for name in names.split()}
)


def written_here(name: str) -> str | None:
    """Return how a function of another language is written, or None."""
    return _BY_NAME.get(name.lower().replace("_", "").replace(".", ""))
