"""The wording of deterministic reports; `{name}` places take references to facts, never values."""

from __future__ import annotations

from typing import Literal

Language = Literal["ja", "en"]

SECTION_TITLES: dict[str, dict[Language, str]] = {
    "overview": {"ja": "監視概要・サマリ", "en": "Overview and summary"},
    "details": {"ja": "詳細結果", "en": "Detailed results"},
    "assessment": {"ja": "総合所見", "en": "Assessment"},
    "recommendation": {"ja": "推奨対応", "en": "Recommendation"},
    "exceptions": {"ja": "静観対象", "en": "Known benign"},
    "completeness": {"ja": "データの充足性", "en": "Completeness"},
    "not_covered": {"ja": "対象外", "en": "Not covered"},
}

SENTENCES: dict[str, dict[Language, str]] = {
    "purpose": {"ja": "監視目的: {purpose}", "en": "Purpose: {purpose}"},
    "window": {
        "ja": "対象期間は {start} 以上 {end} 未満。検索期間は {earliest} 以上 {latest} 未満。",
        "en": "The window is from {start} up to, not including, {end}. The search ran from {earliest} to {latest}.",
    },
    "counts": {
        "ja": "検知は {findings} 件、うち一次判断が不要を超えるものは {above} 件(新規 {new} 件、継続 {recurring} 件)。",
        "en": "There are {findings} findings, {above} of them above none ({new} new, {recurring} recurring).",
    },
    "denominator": {
        "ja": "母数: データソース {source} のイベント {events} 件。",
        "en": "Denominator: {events} events of the data source {source}.",
    },
    "verdict": {"ja": "この項目の一次判断は {verdict}。", "en": "The verdict of this item is {verdict}."},
    "nearest": {
        "ja": "最も近かった判断基準は {criterion}(観測 {observed}、基準 {threshold})。",
        "en": "The nearest criterion was {criterion} (observed {observed}, threshold {threshold}).",
    },
    "outside": {
        "ja": "時刻が対象期間の外にある行 {outside} 件は、この監視回の検知に数えない。",
        "en": "{outside} rows lie outside the window by their time and are no findings of this round.",
    },
    "finding": {
        "ja": "{entity} の一次判断は {verdict}。",
        "en": "{entity} is judged {verdict}.",
    },
    "fired": {
        "ja": "判断基準 {criterion} に該当({why})。",
        "en": "Criterion {criterion} fired ({why}).",
    },
    "fired_margin": {
        "ja": "判断基準 {criterion} に該当({why}): 観測 {observed}、基準 {threshold}。",
        "en": "Criterion {criterion} fired ({why}): observed {observed} against {threshold}.",
    },
    "undecided": {
        "ja": "判断基準 {criterion} は判定できない({why})。",
        "en": "Criterion {criterion} cannot be decided ({why}).",
    },
    "item_fired": {
        "ja": "項目全体の判断基準 {criterion} に該当({why})。",
        "en": "The item's criterion {criterion} fired ({why}).",
    },
    "more": {
        "ja": "ほか {omitted} 件は表に載せず、添付に示す。判断は全件について行った。",
        "en": "{omitted} more are not in the table but attached; every one of them was judged.",
    },
    "gone": {
        "ja": "前回の監視回にあり今回はないもの: {key}。",
        "en": "Found in the previous round and not in this one: {key}.",
    },
    "clean": {
        "ja": "判断基準に該当する検知はない。",
        "en": "No finding meets a criterion.",
    },
    "clean_but_exceptions": {
        "ja": "静観対象により除いたもののほかに、判断基準に該当する検知はない。",
        "en": "No finding meets a criterion but those taken out by an exception.",
    },
    "act_investigate": {
        "ja": "調査必須の検知がある。深掘り調査の要否を判断し、手順書の引き継ぎに従う。",
        "en": "There are findings that must be investigated. Decide on the deep dive and follow the hand-over of the procedure.",
    },
    "act_undetermined": {
        "ja": "判定不能の部分がある。「問題なし」とはみなさず、不足する証跡を補うか深掘り調査を行う。",
        "en": "Part of this could not be determined. Do not read it as no problem: supply the missing evidence or investigate.",
    },
    "act_observe": {
        "ja": "観察とする。次の監視回で推移を確認する。",
        "en": "Keep under observation and look at the trend in the next round.",
    },
    "act_none": {"ja": "対応は不要。", "en": "No action is needed."},
    "handover": {"ja": "引き継ぎ(手順書): {handover}", "en": "Hand-over (from the procedure): {handover}"},
    "suppressed": {
        "ja": "静観対象 {entry} により判断から除いた検知: {count} 件。",
        "en": "Findings taken out of the verdict by the known-benign entry {entry}: {count}.",
    },
    "lapsed": {
        "ja": "静観対象 {entry} は期限切れのため適用していない。",
        "en": "The known-benign entry {entry} has expired and was not applied.",
    },
    "no_exceptions": {
        "ja": "静観対象による除外はない。",
        "en": "No finding was taken out of the verdict by an exception.",
    },
    "complete": {"ja": "欠測は認められない。", "en": "No gap was found."},
    "fields_lost": {
        "ja": "データソース {source} のイベントに、判定に要るフィールド {fields} がない。このため判定不能であり、「なし」とはみなさない。",
        "en": "No event of {source} holds {fields}, which the verdict needs: it is undetermined, not none.",
    },
    "fields_absent": {
        "ja": "データソース {source} で、期間中に値のないフィールド: {fields}。",
        "en": "Fields of {source} without a value in the window: {fields}.",
    },
    "field_last": {"ja": "{field}(最終 {last})", "en": "{field} (last on {last})"},
    "fields_unseen": {
        "ja": "データソース {source} で、期間中にも以前にも値のないフィールド: {fields}。値のないことにも意味がある条件か、該当するイベントがない。",
        "en": "Fields of {source} without a value in the window or before: {fields}. The searches have a meaning for events "
        "without them, or no event asks for them.",
    },
    "source_ok": {
        "ja": "データソース {source} の最長の無通信は {gap}(許容 {limit})。",
        "en": "The longest silence of the data source {source} is {gap} (tolerated {limit}).",
    },
    "source_quietest": {
        "ja": "最も長く途切れた送信元はデータソース {source} で、無通信は {gap}(許容 {limit})。",
        "en": "The sender that was silent longest is {source}, for {gap} (tolerated {limit}).",
    },
    "source_steady": {
        "ja": "データソース {source} は {limit} を超えて途切れていない。",
        "en": "The data source {source} was never silent for longer than {limit}.",
    },
    "not_checked_total": {
        "ja": "件数の独立した検算は手順書に定めがなく、行っていない。",
        "en": "The counts were not independently checked: the procedure gives no total.",
    },
    "total_agrees": {
        "ja": "検算: {column} の合計 {found} は独立に求めた {expected} と一致。",
        "en": "Independent total: the sum of {column}, {found}, equals {expected}.",
    },
    "total_differs": {
        "ja": "検算: {column} の合計 {found} は独立に求めた {expected} と一致しない。",
        "en": "Independent total: the sum of {column}, {found}, differs from {expected}.",
    },
    "not_covered": {"ja": "{text}", "en": "{text}"},
    "labelled": {"ja": "{figure}〔{label}〕", "en": "{figure} [{label}]"},
    "model_answer": {
        "ja": "{entity} の問い {criterion}({question})へのモデルの回答: {answer}。根拠: {facts}。{reason}",
        "en": "The model's answer to question {criterion} ({question}) about {entity}: {answer}. It rests on: {facts}. {reason}",
    },
    "model_concern": {
        "ja": "{entity} についてのモデルの懸念(一次判断を {verdict} 以上とする)。根拠: {facts}。{reason}",
        "en": "The model's concern about {entity} (verdict at least {verdict}). It rests on: {facts}. {reason}",
    },
    "model_no_reason": {
        "ja": "理由の文は、事実への参照でないものを含むか空のため載せない。",
        "en": "Its reason is left out: it is empty or holds what is no reference to a fact.",
    },
    "model_search": {
        "ja": "モデルが求めた追加検索 {search}({entity}): {rows} 行。{cells}",
        "en": "Search {search} that the model asked for ({entity}): {rows} rows. {cells}",
    },
    "answer_yes": {"ja": "はい", "en": "yes"},
    "answer_no": {"ja": "いいえ(一次判断は下げない)", "en": "no (which lowers no verdict)"},
    "answer_cannot_tell": {"ja": "判断できない", "en": "cannot tell"},
}

LABELS: dict[str, str] = {
    "findings": "検知の数",
    "above none": "不要を超える検知の数",
    "new": "新規の数",
    "recurring": "継続の数",
    "observed": "観測値",
    "threshold": "基準値",
    "events": "イベント数",
    "omitted": "表に載せない数",
}
"""Japanese for the labels that code gives to facts; those of the procedure are in its own language."""


def fact_label(label: str, language: Language) -> str:
    """Return the label of a fact as a reader sees it."""
    return LABELS.get(label, label) if language == "ja" else label


def sentence(code: str, language: Language, **references: str) -> str:
    """Return the sentence `code` with its places filled by fact references.

    >>> sentence("verdict", "en", verdict="{{f1}}")
    'The verdict of this item is {{f1}}.'
    """
    return SENTENCES[code][language].format(**references)
