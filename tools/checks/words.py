"""What each check looked at, in the report's language."""

from __future__ import annotations

LOOKED_AT: dict[str, tuple[str, str]] = {
    "figures": (
        "文章中の数値・時刻・対象がすべて事実への参照であるか",
        "every figure in prose is a reference to a fact",
    ),
    "derivations": (
        "文章の事実を、手順書・判定・証跡からもう一度導いた",
        "every fact derived again from the procedure, the judgement and the evidence",
    ),
    "rendered": (
        "でき上がった文面から数値・時刻・対象・判断を読み取り、保存した値と突き合わせた",
        "figures, times, names and verdicts read back from the finished text and compared with stored values",
    ),
    "cells": (
        "表と文章の値を、保存した証跡の行ともう一度突き合わせた",
        "values in tables and prose against the stored rows",
    ),
    "counts": (
        "検知と合計の件数を、保存した行から数え直した",
        "counts and totals recounted from the stored rows",
    ),
    "criteria": (
        "判断基準を、別の計算方法(SQL)で評価し直した",
        "criteria evaluated again by the other backend (SQL)",
    ),
    "times": ("検知の時刻が検索期間の中にあるか", "times of findings lie inside the searched window"),
    "zone": ("タイムゾーンが明記されているか", "the time zone is stated"),
    "search_log": ("調査ログと証跡が過不足なく対応しているか", "search log and evidence name each other"),
    "sections": ("必須の節が順にあるか", "the mandatory sections are there, in order"),
    "indicators": ("無害化されていない URL・アドレスがないか", "no live indicator outside code"),
    "gaps": ("完了しなかった検索と欠測が述べられているか", "unfinished searches and gaps are mentioned"),
    "exceptions": (
        "静観対象による除外と期限切れが述べられているか",
        "suppressed and lapsed exceptions are mentioned",
    ),
    "omissions": (
        "不要を超える検知がすべて表か添付にあるか",
        "every finding above none is in the table or attached",
    ),
    "order": (
        "検知が重い順に並び、表と時系列が判定と同じ順・同じ判断を示すか",
        "findings stand worst first, in the table and in the timeline, with the verdicts that were given",
    ),
    "drill_downs": ("該当した判断基準の深掘りがすべて行われたか", "every drill-down that fired has run"),
    "total": ("検算と検知の合計が一致するか", "the independent total agrees with the findings"),
    "recount": (
        "集計の元になったイベントを SIEM から取り直し、件数・合計・最初と最後を別に数えた",
        "the events behind the figures fetched again from the SIEM and counted in another way",
    ),
    "recheck": (
        "判断の元になった検索をもう一度実行し、遅れて届いたイベントを差分として示した",
        "the searches behind the verdict run again; late events are shown as a difference",
    ),
    "second_look": (
        "再検索の失敗と、別の検索で確かめていない 0 件が、述べられているか",
        "a second search that failed, and a zero that no second search confirms, are mentioned",
    ),
    "items": (
        "手順書のすべての監視項目が、この監視回に一度ずつあるか",
        "every item of the procedure is in the round, once",
    ),
    "round_verdict": (
        "監視回の一次判断と充足性が、どの項目よりも良く見えていないか",
        "the round looks no better than its worst item",
    ),
}
"""Check ids with what they looked at, in the order in which they run."""
