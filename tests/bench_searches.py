"""The searches of `make bench`, each beside the same question in SQL or pandas."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tools.logstore.layout import column_name

START = 1_700_000_000
"""Time of the first event, epoch seconds."""
DAYS = 10
"""Days that the events spread over."""

LONG = r"""index=bench sourcetype=access action=blocked status IN (404, 500)
    NOT user IN ("svc-*", "root")
    src_ip=10.0.0.0/8
| rex field=path "/item/(?<item>\\d+)"
| eval kb=bytes/1024,
       big=if(kb > 80, "yes", "no"),
       hour=strftime(_time, "%H"),
       night=if(hour < 6 OR hour > 22, 1, 0)
| eval who=coalesce(user, "unknown"),
       net=case(cidrmatch("10.1.0.0/16", src_ip), "lab",
                cidrmatch("10.2.0.0/16", src_ip), "office",
                true(), "other")
| where isnotnull(item) AND kb > 1
| bin _time span=5m
| stats count
        dc(src_ip) AS sources
        values(status) AS statuses
        min(_time) AS first
        max(_time) AS last
        sum(kb) AS sent
        sum(night) AS at_night
    BY _time, who, net
| eventstats avg(count) AS mean
             stdev(count) AS spread
    BY net
| eval limit=mean + 3 * spread,
       score=round((count - mean) / if(spread > 0, spread, 1), 2)
| where count > limit OR sources >= 3
| streamstats count AS rank BY who
| search rank <= 5
| eval label=upper(substr(who, 1, 1)) . substr(who, 2),
       note=mvjoin(statuses, ", ")
| fillnull value=0 at_night
| rename sources AS "source addresses"
| sort - score, who
| dedup who, net
| eval shown=1
| head 50
| table _time, label, net, count, "source addresses",
        note, sent, at_night, score, first, last
"""
"""Forty lines, to measure parsing and planning."""

ELSEWHERE: list[tuple[str, str, str, Callable[[Any], Any]]] = [
    (
        "count by",
        "index=bench | stats count BY status",
        "SELECT status, count(*) FROM events GROUP BY 1 ORDER BY 1",
        lambda frame: frame.groupby("status").size(),
    ),
    (
        "filter, any case",
        "index=bench action=blocked status=404 | stats count BY host",
        "SELECT host, count(*) FROM events WHERE lower(action) = 'blocked' AND status = '404' GROUP BY 1 ORDER BY 1",
        lambda frame: (
            frame[(frame.action.str.lower() == "blocked") & (frame.status == "404")].groupby("host").size()
        ),
    ),
]
"""Name, SPL, SQL, and the counts by key of the file as a data frame."""


def searches(relation: str) -> list[tuple[str, str, str]]:
    """Return name, SPL and hand-written SQL of each compared search."""
    user, ip, status, size, action, path = (
        column_name(name) for name in ("user", "src_ip", "status", "bytes", "action", "path")
    )
    day = f"_time >= {START + 86400} AND _time < {START + 2 * 86400}"
    return [
        ("count by", "index=bench | stats count BY status", f"SELECT {status}, count(*) FROM {relation} WHERE {status} IS NOT NULL GROUP BY 1 ORDER BY 1"),
        (
            "filter, any case",
            "index=bench action=blocked status=404 | stats count BY host",
            f"SELECT host, count(*) FROM {relation} WHERE lower({action}) = 'blocked' AND {status} = '404' AND host IS NOT NULL GROUP BY 1 ORDER BY 1",
        ),
        ("one day", "DAY index=bench status=500 | stats count", f"SELECT count(*) FROM {relation} WHERE {day} AND {status} = '500'"),
        (
            "distinct, top",
            "index=bench | stats dc(src_ip) AS ips count BY user | where count >= 240 | sort - count, user | head 20",
            f"SELECT {user}, count(DISTINCT {ip}) ips, count(*) n FROM {relation} WHERE {user} IS NOT NULL GROUP BY 1 HAVING n >= 240 ORDER BY n DESC, 1 LIMIT 20",
        ),
        (
            "numeric sum",
            "index=bench bytes>=80000 | stats sum(bytes) AS sent BY action",
            f"SELECT {action}, sum(TRY_CAST({size} AS DOUBLE)) FROM {relation} WHERE TRY_CAST({size} AS DOUBLE) >= 80000 AND {action} IS NOT NULL GROUP BY 1 ORDER BY 1",
        ),
        (
            "word in raw text",
            'index=bench "item/777" | stats count',
            f"SELECT count(*) FROM {relation} WHERE contains(lower(_raw), 'item/777') AND regexp_matches(lower(_raw), '(^|[^a-z0-9])item/777($|[^a-z0-9])')",
        ),
        (
            "extract and count",
            'index=bench status=404 | rex field=path "/item/(?<item>\\d)" | stats count BY item',
            f"SELECT nullif(regexp_extract({path}, '/item/(\\d)', 1), '') item, count(*) FROM {relation} WHERE {status} = '404' AND item IS NOT NULL GROUP BY 1 ORDER BY 1",
        ),
        (
            "five minutes",
            "index=bench action=blocked | bin _time span=5m | stats count BY _time | where count >= 140",
            f"SELECT floor(_time / 300) * 300 t, count(*) n FROM {relation} WHERE lower({action}) = 'blocked' GROUP BY 1 HAVING n >= 140 ORDER BY 1",
        ),
        (
            "threshold per user",
            "index=bench status=500 | stats count dc(src_ip) AS ips BY user | where count >= 9 | sort - count, user | head 20",
            f"SELECT {user}, count(*) n, count(DISTINCT {ip}) FROM {relation} WHERE {status} = '500' AND {user} IS NOT NULL GROUP BY 1 HAVING n >= 9 ORDER BY n DESC, 1 LIMIT 20",
        ),
        (
            "per hour",
            "index=bench status=404 | timechart span=1h count",
            f"SELECT floor(_time / 3600) * 3600 t, CAST(count(*) AS DOUBLE) n FROM {relation} WHERE {status} = '404' GROUP BY 1 ORDER BY 1",
        ),
        (
            "most frequent",
            "index=bench status=404 | top limit=10 showperc=f path",
            f"SELECT {path}, count(*) n FROM {relation} WHERE {status} = '404' AND {path} IS NOT NULL GROUP BY 1 ORDER BY n DESC, 1 LIMIT 10",
        ),
        (
            "above the average",
            "index=bench status=500 | stats count BY user | eventstats avg(count) AS mean | where count > mean * 1.5 | stats count",
            f"WITH t AS (SELECT {user}, count(*) n FROM {relation} WHERE {status} = '500' AND {user} IS NOT NULL GROUP BY 1) SELECT count(*) FROM t WHERE n > (SELECT avg(n) FROM t) * 1.5",
        ),
        (
            "calculated field",
            "index=bench | eval kb=bytes/1024 | where kb > 80 | stats count BY host",
            f"SELECT host, count(*) FROM {relation} WHERE TRY_CAST({size} AS DOUBLE) / 1024 > 80 AND host IS NOT NULL GROUP BY 1 ORDER BY 1",
        ),
        (
            "network block",
            "index=bench src_ip=10.1.0.0/16 | stats count BY status",
            f"SELECT {status}, count(*) FROM {relation} WHERE starts_with({ip}, '10.1.') AND {status} IS NOT NULL GROUP BY 1 ORDER BY 1",
        ),
        (
            "list of values",
            "index=bench status IN (404, 500) | stats count BY host, status",
            f"SELECT host, {status}, count(*) FROM {relation} WHERE {status} IN ('404', '500') AND host IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2",
        ),
        (
            "negation",
            "index=bench NOT status=200 | stats count BY status",
            f"SELECT {status}, count(*) FROM {relation} WHERE NOT coalesce({status} = '200', FALSE) AND {status} IS NOT NULL GROUP BY 1 ORDER BY 1",
        ),
        (
            "wildcard",
            'index=bench path="/item/77*" | stats count BY action',
            f"SELECT {action}, count(*) FROM {relation} WHERE lower({path}) LIKE '/item/77%' AND {action} IS NOT NULL GROUP BY 1 ORDER BY 1",
        ),
        (
            "first and last seen",
            "index=bench user=user77 | stats min(_time) AS first max(_time) AS last count",
            f"SELECT min(_time), max(_time), count(*) FROM {relation} WHERE lower({user}) = 'user77'",
        ),
        (
            "one row per user",
            "index=bench status=500 | dedup user | stats count",
            f"SELECT count(DISTINCT {user}) FROM {relation} WHERE {status} = '500'",
        ),
        (
            "two dimensions",
            "index=bench status=500 | chart count OVER host BY action",
            f"SELECT host, count(*) FILTER (WHERE {action} = 'Allowed'), count(*) FILTER (WHERE {action} = 'Blocked'), count(*) FILTER (WHERE {action} = 'allowed') FROM {relation} WHERE {status} = '500' AND host IS NOT NULL AND {action} IS NOT NULL GROUP BY 1 ORDER BY 1",
        ),
    ]  # fmt: skip
