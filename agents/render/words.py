"""Fixed words of a rendered report, in Japanese and English."""

from __future__ import annotations

from typing import Literal

Language = Literal["ja", "en"]

WORDS: dict[str, tuple[str, str]] = {
    "report": ("監視報告", "Monitoring report"),
    "window": ("対象期間", "Window"),
    "zone": ("時刻のタイムゾーン", "Time zone"),
    "procedure": ("手順書", "Procedure"),
    "version": ("版", "version"),
    "digest": ("ダイジェスト", "Digest"),
    "round": ("監視回", "Round"),
    "status": ("状態", "Status"),
    "open": ("レビュー中", "under review"),
    "reviewed": ("レビュー済み", "reviewed"),
    "signed": ("署名済み", "signed"),
    "superseded": ("新しい監視回に置き換え済み", "superseded"),
    "withdrawn": ("取り下げ済み", "withdrawn"),
    "withdrawn_round": ("この監視回は取り下げられた", "This round was withdrawn"),
    "superseded_items": (
        "次の項目は新しい監視回に置き換えられ、ここでは判断しない。監視回",
        "A newer round stands in the place of these items, which are not decided here. Round",
    ),
    "unfinished": ("完了しなかった検索", "Searches that did not finish"),
    "unfinished_hint": (
        "SIEM の失敗によりデータを得られなかった検索。判断がまだなければ、同じコマンドの再実行でやり直せる",
        "Searches whose data could not be had from the SIEM. Where nobody has decided yet, the same command repeats them",
    ),
    "server_words": ("SIEM の応答", "What the SIEM said"),
    "earlier_runs": (
        "検索の失敗により実行し直した項目。先の実行の報告",
        "The item ran anew because searches had failed; reports of its earlier runs",
    ),
    "model": ("モデル", "Model"),
    "no_model": (
        "モデル不使用(判断と文章はすべて手順書とプログラムによる)",
        "No model was used; every judgement and sentence comes from the procedure and from code",
    ),
    "model_use": ("モデルの使用", "Use of the model"),
    "agent": ("エージェント", "Agent"),
    "judge": ("判断", "judge"),
    "drill_down": ("深掘り", "drill-down"),
    "reporter": ("報告", "reporter"),
    "requests": ("要求", "Requests"),
    "tokens_in": ("入力トークン", "Tokens in"),
    "tokens_cached": ("うちキャッシュ", "of them cached"),
    "tokens_out": ("出力トークン", "Tokens out"),
    "cost": ("費用", "Cost"),
    "sum": ("合計", "Total"),
    "estimated": ("推定", "estimated"),
    "written_by_model": (
        "モデル {model} による文章。数値と対象は証跡の値をプログラムが埋めた",
        "In the words of the model {model}; figures and entities were filled in by code from the evidence",
    ),
    "written_by_code": (
        "モデルの文章は使っていない(定型文)",
        "No words of the model were taken over; the wording is fixed",
    ),
    "answered": ("回答", "answered"),
    "timeout": ("時間切れ", "timed out"),
    "rate_limited": ("要求の制限", "rate limited"),
    "server_error": ("サーバの誤り", "server error"),
    "unreachable": ("接続できない", "not reachable"),
    "unauthorised": ("認証できない", "not authorised"),
    "unknown_model": ("モデルがない", "unknown model"),
    "bad_request": ("要求が受け付けられない", "request not accepted"),
    "too_long": ("入力が長すぎる", "prompt too long"),
    "cut_off": ("出力が途中で切れた", "answer cut off"),
    "malformed": ("形式の誤り", "malformed answer"),
    "budget_tokens": ("トークンの予算", "token budget used up"),
    "budget_seconds": ("時間の予算", "time budget used up"),
    "given_up": ("先の失敗により中止", "given up after an earlier failure"),
    "ad_hoc": (
        "臨時の期間: しきい値は手順書の周期に合わせたものであり、そのまま比べられない",
        "Ad hoc window: the thresholds belong to the period of the procedure and do not compare directly",
    ),
    "overdue": ("手順書の見直し期限を過ぎている", "The review of the procedure is overdue"),
    "corrected": (
        "要訂正: レビューで報告の不備が指摘されている",
        "To be corrected: a reviewer found a defect in this report",
    ),
    "check_failed": (
        "品質チェックに不合格がある。確認済みとして署名できない",
        "A check failed; this report cannot be signed as checked",
    ),
    "verdict": ("一次判断", "Verdict"),
    "completeness": ("充足性", "Completeness"),
    "complete": ("完全", "complete"),
    "incomplete": ("不完全", "incomplete"),
    "summary": ("監視概要・サマリ", "Overview and summary"),
    "item": ("監視項目", "Item"),
    "findings": ("検知(不要を超えるもの)", "Findings above none"),
    "no_rows": ("表に載せる検知はない。", "No finding to show."),
    "decision": ("判断", "Decision"),
    "entities": ("対象 × 監視項目", "Entity × items"),
    "entity": ("対象", "Entity"),
    "state": ("新規・継続", "New or recurring"),
    "new": ("新規", "new"),
    "recurring": ("継続", "recurring"),
    "reasons": ("根拠", "Reasons"),
    "details": ("詳細結果", "Detailed results"),
    "attached": ("添付: 表に載せなかった検知", "Attached: findings not in the table"),
    "timeline": ("時系列", "Timeline"),
    "first": ("初回", "First"),
    "last": ("最終", "Last"),
    "lanes": ("検知を一行ずつ、初回から最終まで", "one lane a finding, from first to last"),
    "checks": ("品質チェック", "Checks"),
    "passed": ("合格", "passed"),
    "not_passed": ("不合格", "failed"),
    "not_checked": ("未確認", "not checked"),
    "check_details": ("確認した内容", "What was looked at"),
    "decisions": ("判断の記録", "Decisions"),
    "who": ("判断者", "Reviewer"),
    "when": ("日時", "Time"),
    "reason": ("理由", "Reason"),
    "pending": ("未判断", "pending"),
    "not_needed": ("レビュー不要", "no review needed"),
    "searches": ("調査ログ", "Search log"),
    "purpose": ("目的", "Purpose"),
    "rows": ("行数", "Rows"),
    "scanned": ("走査したイベント", "Events scanned"),
    "seconds": ("秒", "Seconds"),
    "evidence": ("証跡", "Evidence"),
    "taken_round": ("同じ回の検索と共有、{time} 実行", "shared within this round, ran {time}"),
    "taken_earlier": ("以前の回の証跡を使用、{time} 実行", "evidence of an earlier round, ran {time}"),
    "search": ("検索", "Search"),
    "result": ("結果", "Result"),
    "sign_here": ("署名", "Signature"),
    "signer": ("署名者", "Signed by"),
    "signed_when": ("署名日時", "Signed at"),
    "unsigned": ("未署名", "not signed"),
    "item_failed": ("この項目は実行に失敗した", "This item failed to run"),
    "not_run": ("この項目はまだ実行されていない", "This item has not run yet"),
    "against": ("対", "against"),
    "before": ("以前", "before"),
    "would_be": ("静観対象がなければ", "without the exception"),
    "suppressed_by": ("静観対象", "known benign"),
    "attack": ("ATT&CK", "ATT&CK"),
    "gaps": ("データの欠測・制約", "Gaps and limits"),
    "told": ("補足(一次判断には影響しない)", "For information; the verdict does not change"),
    "differs": ("前回と異なる", "another answer than before"),
    "not_countable": (
        "この検索の行は別の方法で数え直せない",
        "the rows of this search cannot be counted in another way",
    ),
    "too_many_events": (
        "元のイベントが多く、取り直せない",
        "there are too many events to fetch them again",
    ),
    "item_criteria": ("項目全体の判断基準", "Criteria of the whole item"),
    "fired": ("該当", "fired"),
    "not_fired": ("非該当", "not fired"),
    "undecided": ("判定不能", "undecided"),
    "ok": ("正常", "ok"),
    "no_data": ("データなし", "no data"),
    "partial": ("部分的", "partial"),
    "truncated": ("打ち切り", "truncated"),
    "refused": ("拒否", "refused"),
    "failed": ("失敗", "failed"),
    "timed_out": ("時間切れ", "timed out"),
    "investigate": ("調査必須", "Investigate"),
    "undetermined": ("判定不能", "Undetermined"),
    "observe": ("観察", "Observe"),
    "none": ("不要", "None"),
    "deep_dive": ("深掘りする", "deep dive"),
    "no_deep_dive": ("深掘り不要", "no deep dive"),
    "need_more_evidence": ("追加の証跡が必要", "more evidence needed"),
    "report_defect": ("報告の不備", "report defect"),
    "incident": ("インシデント", "incident"),
    "not_incident": ("インシデントではない", "not an incident"),
    "inconclusive": ("結論が出ない", "inconclusive"),
    "outcome": ("最終判断", "Outcome"),
    "correction": ("訂正", "Correction"),
    "case": ("案件", "case"),
    "question": ("レビューからの問い", "Question"),
    "knowledge": ("手順書への提案", "Proposed for the procedure"),
}

NOTES: dict[str, tuple[str, str]] = {
    "search_failed": (
        "検索「{purpose}」が完了していない({status})",
        "search {purpose} did not finish ({status})",
    ),
    "search_truncated": (
        "検索「{purpose}」の結果は {rows} 行で打ち切られた",
        "search {purpose} was cut off at {rows} rows",
    ),
    "no_data": (
        "検索「{purpose}」の対象にイベントが一件もない",
        "search {purpose} had no event at all in scope",
    ),
    "partial": ("検索「{purpose}」は部分的な結果にとどまる", "search {purpose} is partial"),
    "source_silent": (
        "データソース {source}{value} は期間中に一件も届いていない",
        "data source {source}{value} was silent for the whole window",
    ),
    "source_gap": (
        "データソース {source}{value} は {gap_start} から {gap_s} の間届いていない(許容 {max_silence_s})",
        "data source {source}{value} was silent for {gap_s} from {gap_start} (tolerated {max_silence_s})",
    ),
    "source_unknown": (
        "データソース {source} の充足性を確かめられない",
        "the completeness of data source {source} could not be established",
    ),
    "source_fields": (
        "データソース {source} のイベントに、判定に要るフィールドがない: {fields}。取り込みの設定(アドオン、フィールド抽出)を確かめる",
        "no event of data source {source} holds fields that the verdict needs: {fields}. Look at how its fields are extracted",
    ),
    "source_set_aside": (
        "データソース {source} の期間中の {lines} 行は、イベントとして読めず検索の対象に入っていない。取り込みの記録でその行を確かめる",
        "{lines} lines of data source {source} in the window are unreadable as events and were not searched; look at them",
    ),
    "baseline_incomplete": (
        "比較する過去の期間 {periods} のデータが揃っていない",
        "the earlier periods {periods} are incomplete",
    ),
    "null_criterion": (
        "判断基準 {criterion} は必要な値がなく判定できない",
        "criterion {criterion} lacks a value",
    ),
    "question_without_model": (
        "判断基準 {criterion} は文章の問いであり、モデルを使わないため人の判断を要する",
        "criterion {criterion} is a question in prose; without a model a person must answer it",
    ),
    "drill_down_failed": (
        "深掘り {drill_down} が完了していない({status})",
        "drill-down {drill_down} did not finish ({status})",
    ),
    "drill_down_not_reached": (
        "深掘り {drill_down} は予算内に実行できなかった",
        "drill-down {drill_down} was not reached within the budget",
    ),
    "drill_down_refused": (
        "深掘り {drill_down} は実行していない。{token} の値は検索文に安全に書けない",
        "drill-down {drill_down} was not run: the value of {token} cannot be written safely into a search",
    ),
    "drill_down_partial": (
        "深掘り {drill_down} の期間は現在を越えており、部分的",
        "drill-down {drill_down} reaches past now and is partial",
    ),
    "budget_searches": ("検索回数の予算 {limit} を使い切った", "the budget of {limit} searches is used up"),
    "budget_seconds": ("検索時間の予算 {limit} 秒を使い切った", "the budget of {limit} seconds is used up"),
    "recount_failed": (
        "「{purpose}」を確かめるための再検索: {status}",
        "the second look at the search {purpose}: {status}",
    ),
    "no_second_look": (
        "検知 0 件を別の検索で確かめていない({cause})。手順書に検算を書くか、SIEM で確かめてから判断する",
        "no finding, and no second search confirms that ({cause}); give the procedure a total, or look in the SIEM and decide",
    ),
    "late_events": (
        "「{purpose}」: 検索のあとに届いたイベントがある。{rows} 行が、再検索では {rows_now} 行({changed} 行が新規または増加)",
        "search {purpose}: events came late. It had {rows} rows, {rows_now} when it ran again ({changed} new or larger)",
    ),
    "late_verdict": (
        "あとから届いたイベントを含めると一次判断は{verdict}から{verdict_now}になる。この監視回をもう一度実行する(--again)",
        "with the events that came late, the verdict would be {verdict_now} instead of {verdict}; run the round anew (--again)",
    ),
    "zone_mismatch": (
        "SIEM の利用者の時間帯は {siem} で、手順書の {procedure} と異なる。利用者の設定を合わせること",
        "the SIEM user's zone is {siem}, the procedure's is {procedure}; set the user's zone to match",
    ),
    "total_differs": (
        "検算の {column} は {expected}、検知の合計は {found} で一致しない",
        "the independent total of {column} is {expected}, the findings sum up to {found}",
    ),
    "too_early": (
        "監視回の開始が早く、{settle_until} までに届くイベントを含まない",
        "the round began before {settle_until}, so late events are missing",
    ),
    "enrichment_missing": (
        "参照表 {lookup} が手順書に添えられていない",
        "lookup {lookup} is not beside the procedure",
    ),
    "lookup_lapsed": (
        "参照表 {lookup} の {entry} は期限切れ({expires})のため使っていない",
        "lookup {lookup}: the line of {entry} expired on {expires} and was not used",
    ),
    "rows_omitted": ("ほか {count} 行は載せていない", "{count} more rows are not shown"),
    "known_benign": (
        "静観対象 {entry} により判断から除いた",
        "taken out of the verdict by the known-benign entry {entry}",
    ),
    "lapsed": (
        "静観対象 {entry} は期限切れのため適用していない",
        "the known-benign entry {entry} has expired and was not applied",
    ),
    "model_says_no": (
        "判断基準 {criterion} の問いにモデルは「いいえ」と答えたが、一次判断は下げない。人の判断を要する",
        "the model answers no to criterion {criterion}, which lowers no verdict; a person must settle it",
    ),
    "model_cannot_tell": (
        "判断基準 {criterion} の問いをモデルは判断できず、人の判断を要する",
        "the model cannot tell about criterion {criterion}; a person must answer it",
    ),
    "model_failed": (
        "モデル({agent})の回答を得られず、プログラムによる処理とした({failure})",
        "no answer of the model ({agent}), so code did it alone ({failure})",
    ),
    "narrative_rejected": (
        "「{section}」のモデルの文章は、事実への参照でないものなど {count} 箇所のため採用せず、定型文とした",
        "the model's words for {section} were not taken over ({count} faults, such as figures that are no facts); fixed wording stands instead",
    ),
    "narrative_shortened": (
        "「{section}」のモデルの文章から、事実への参照でないものなどを含む {count} 段落を除いた",
        "{count} paragraphs of the model's words for {section} were left out: they hold faults, such as figures that are no facts",
    ),
    "model_chose": (
        "深掘り {drill_down} は、モデルが手順書の一覧から選んで実行した",
        "drill-down {drill_down} ran because the model chose it from the procedure",
    ),
    "extra_search_refused": (
        "モデルの追加検索 {search} は送らなかった: {reason}",
        "the model's extra search {search} was not sent: {reason}",
    ),
    "extra_search_failed": (
        "モデルの追加検索 {search} は完了していない({status})",
        "the model's extra search {search} did not finish ({status})",
    ),
    "looks_like_instruction": (
        "列 {field} の値は指示文のように読めるが、データとして扱った",
        "the value of {field} reads like an instruction; it was treated as data",
    ),
    "report_defect": ("{by} が報告の不備を指摘した", "{by} found a defect in this report"),
    "question": (
        "この場では答えられない問い: {question}",
        "a question that cannot be answered here: {question}",
    ),
}
"""Texts of `Note` codes."""

PURPOSES: dict[str, tuple[str, str]] = {
    "query": ("項目の検索", "item search"),
    "completeness": ("充足性の確認", "completeness"),
    "seen_before": ("それまでの送信元", "senders seen before"),
    "baseline": ("過去の期間", "baseline"),
    "fields": ("フィールドの有無", "presence of fields"),
    "fields_before": ("それまでのフィールド", "fields seen before"),
    "total": ("検算", "independent total"),
    "drill_down": ("深掘り", "drill-down"),
    "recount": ("件数の数え直し", "recount"),
    "model": ("モデルの追加検索", "model's extra search"),
}


def word(key: str, language: Language) -> str:
    """Return a fixed word."""
    return WORDS[key][language == "en"]


def purpose_words(purpose: str, language: Language) -> str:
    """Return the purpose of a search: `drill_down:success-after` → 深掘り success-after."""
    head, _, rest = purpose.partition(":")
    name = PURPOSES[head][language == "en"] if head in PURPOSES else head
    return f"{name} {rest}".strip()


def search_status(status: str, language: Language) -> str:
    """Return how a search ended, by its `SearchStatus`."""
    return word(status, language)


def check_status(status: str, language: Language) -> str:
    """Return how a check ended; a failed check and a failed search are different words in Japanese."""
    return word("not_passed" if status == "failed" else status, language)
