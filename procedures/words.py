"""The one table that maps English and Japanese headings, table columns and verdicts to what they mean."""

from __future__ import annotations

from procedures.verdict import Verdict

CHAPTERS: dict[str, tuple[str, ...]] = {
    "role": ("役割", "Role"),
    "prerequisites": ("前提条件", "Prerequisites"),
    "parameters": ("パラメータ", "Parameters"),
    "known_benign": ("静観対象", "Known benign"),
    "items": ("監視項目", "Monitoring items"),
    "shared_drill_downs": ("共通深掘り", "Shared drill-downs"),
    "report_format": ("出力フォーマット", "Report format"),
    "notes": ("注意事項", "Notes"),
}
"""Headings of the document: level 1, or level 2 below another of them."""

ITEM_PARTS: dict[str, tuple[str, ...]] = {
    "purpose": ("監視目的", "Purpose"),
    "query": ("クエリ", "Query"),
    "criteria": ("判断基準", "Criteria"),
    "drill_downs": ("深掘り手順", "Drill-downs"),
    "output": ("出力要件", "Output"),
    "handover": ("引き継ぎ", "Hand-over"),
    "total": ("検算", "Independent total"),
    "not_covered": ("対象外", "Not covered"),
}
"""Headings below an item, level 3."""

COLUMNS: dict[str, tuple[str, ...]] = {
    "id": ("id", "ID"),
    "scope": ("scope", "範囲"),
    "verdict": ("verdict", "一次判断"),
    "when": ("when", "条件"),
    "if": ("if", "前提"),
    "why": ("why", "理由"),
    "name": ("name", "名前"),
    "default": ("default", "既定値"),
    "covers": ("covers", "対象"),
    "match": ("match", "一致条件"),
    "reason": ("reason", "根拠"),
    "owner": ("owner", "担当"),
    "approver": ("approver", "承認者"),
    "starts": ("starts", "開始"),
    "expires": ("expires", "期限"),
    "column": ("column", "列"),
    "from": ("from", "元"),
    "format": ("format", "書式"),
}
"""Columns of tables. A parameter table may have further columns, one per environment."""

VERDICTS: dict[Verdict, tuple[str, ...]] = {
    Verdict.INVESTIGATE: ("調査必須", "investigate"),
    Verdict.UNDETERMINED: ("判定不能", "undetermined"),
    Verdict.OBSERVE: ("観察", "observe"),
    Verdict.NONE: ("不要", "none"),
}
"""Verdicts as written in a criteria table."""


def _lookup(table: dict[str, tuple[str, ...]]) -> dict[str, str]:
    return {word.casefold(): key for key, words in table.items() for word in words}


CHAPTER_OF = _lookup(CHAPTERS)
ITEM_PART_OF = _lookup(ITEM_PARTS)
COLUMN_OF = _lookup(COLUMNS)
VERDICT_OF = {word.casefold(): verdict for verdict, words in VERDICTS.items() for word in words}
