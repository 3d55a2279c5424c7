"""Words and signs that a model's prose must not hold, in English and Japanese, as patterns."""

from __future__ import annotations

import re

EN_NUMBERS = re.compile(
    r"\b(?:zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen|twenty|thirty|forty|fifty|"
    r"sixty|seventy|eighty|ninety|single|pair|hundreds?|thousands?|millions?|billions?|dozens?|half|twice|thrice|double|triple|"
    r"quarter|percent)\b",
    re.IGNORECASE,
)
EN_HARMLESS = re.compile(r"\b(?:no one|one or more)\b", re.IGNORECASE)
JA_NUMBERS = re.compile(
    r"[〇零一二三四五六七八九十百千万億半数]+\s*(?:件|回|人|名|台|個|種|分|秒|時|日|週|月|年|割|倍|度|通|本|つ|社|国|地点|行|%|パーセント)"
)
JA_HARMLESS = re.compile(
    r"一次判断|一件ずつ|一度(?!に)|一つ(?:ずつ|ひとつ)|同一|統一|唯一|万一|一部|一般|一時|第三者|二次|二要素|多要素"
)
CALENDAR = re.compile(
    r"\b(?:mon|tues|wednes|thurs|fri|satur|sun)days?\b|\b(?:January|February|March|April|June|July|August|September|"
    r"October|November|December)\b|\b(?:midnight|noon|yesterday|tomorrow|o'clock)\b|[月火水木金土日]曜|昨日|明日|正午|深夜零時",
    re.IGNORECASE,
)
HEDGE = re.compile(
    r"\b(?:about|around|approximately|approx|roughly|nearly|almost|over|under|more than|less than|fewer than|at least|"
    r"at most|up to|exceed(?:s|ed|ing)?|below|above|some|several)\s*(?:\{\{|$)|[~≈><≥≤+\-−±]\s*\{\{|(?:約|およそ|ほぼ|最大|最低|少なくとも)\s*\{\{",
    re.IGNORECASE,
)
SCALED = re.compile(
    r"\}\}\s*(?:%|％|percent|hundred|thousand|million|billion|dozen|times (?:more|higher|as|the)|fold|[kKMG]\b|以上|以下|未満|超|前後|程度|"
    r"ほど|余り|あまり|弱|強|[十百千万億割倍]|or (?:more|less)|plus\b|\+)",
    re.IGNORECASE,
)
JOINED = re.compile(r"\}\}[.,:/xX×*^\-]?\{\{")
COUNTLESS = re.compile(
    r"\b(?:several|numerous|countless|dozens|hundreds|thousands|a (?:few|couple|handful))\b|数(?:件|回|名|人|台|十|百|千|万|時間|分|日)|多数|無数|大量",
    re.IGNORECASE,
)
QUOTED = re.compile(r"[\"“”`«»]|(?<!\w)'|'(?!\w)|[「」『』]")
TECHNICAL = re.compile(
    r"\w+(?:[.@/\\:=_]+\w+)+|[A-Za-z]:\\|/\w+|\[[.:@]\]|\b(?=[a-f]*\d)[0-9a-f]{6,}\b|\b\w+\$|\bhxxps?\b",
    re.IGNORECASE,
)
MARKUP = re.compile(r"[<>|*#\[\]{}\\~^]|https?:")
LATIN = re.compile(r"[A-Za-z][A-Za-z'&+-]*")
CAPITALISED = re.compile(
    r"(?<![.!?。:\s])\s+([A-Z][A-Za-z]+)|\b([A-Za-z]*[a-z][A-Z][A-Za-z]*)\b|\b([A-Z]{2,})\b"
)
NAMED = re.compile(
    r"\b(?:users?|accounts?|hosts?|machines?|servers?|roles?|buckets?|process(?:es)?|named|called|domains?)\s+([a-z][\w-]*)"
)
FOLLOWS = frozenset(
    [
        "a",
        "an",
        "the",
        "and",
        "or",
        "of",
        "in",
        "on",
        "to",
        "for",
        "from",
        "with",
        "by",
        "was",
        "were",
        "is",
        "are",
        "be",
        "been",
        "has",
        "have",
        "had",
        "did",
        "does",
        "do",
        "not",
        "that",
        "this",
        "these",
        "those",
        "it",
        "its",
        "which",
        "who",
        "whom",
        "as",
        "at",
        "after",
        "before",
        "into",
        "if",
        "may",
        "must",
        "can",
        "could",
        "should",
        "shows",
        "show",
        "logged",
        "log",
        "attempted",
        "tried",
        "made",
        "used",
        "name",
        "names",
        "account",
        "accounts",
        "activity",
        "access",
        "login",
        "logins",
        "behavior",
        "behaviour",
        "management",
        "owner",
        "so",
        "also",
        "then",
        "but",
        "while",
        "whose",
        "there",
        "where",
        "when",
        "owned",
        "involved",
        "concerned",
        "under",
        "during",
        "without",
        "within",
        "across",
        "failed",
        "succeeded",
        "accepted",
        "seen",
        "found",
        "listed",
        "itself",
        "themselves",
        "needs",
        "requires",
        "because",
        "since",
        "all",
        "any",
        "more",
        "data",
        "calls",
        "call",
        "team",
        "side",
        "level",
        "logs",
    ]
)
REASSURANCE = re.compile(
    r"\b(?:benign|harmless|safe(?:ly)?|legitimate|legitimately|authori[sz]ed|false[ -]positives?|not (?:un|ab)\w+al|not (?:uncommon|strange|anomalous)|no (?:further )?(?:action|threat|risk|problem|issue|concern|"
    r"danger|need|investigation|reason|evidence|sign|indication|malicious|incident)\w*|not (?:malicious|suspicious|an? (?:threat|risk|incident|problem|concern|attack|issue))|"
    r"nothing (?:to|wrong|suspicious|unusual|malicious)|(?:is|are|was|were|looks?|seems?|appears?|be) (?:normal|fine|ok|okay|expected|routine|planned|clean|trusted)|"
    r"ignore[ds]?|dismiss\w*|close (?:the|this)|can be (?:closed|ignored)|need(?:s)? not|do(?:es)? not (?:need|require|pose)|unnecessary|not (?:necessary|needed|required))\b|"
    r"(?:問題|異常|脅威|危険|リスク|懸念|疑い|心配|不審な点|被害|侵害|影響)(?:は|が|も)?(?:特に)?(?:な(?:い|し|く)|あり(?:ません|得ない)|見られ(?:ない|ません)|認められ(?:ない|ません)|確認され(?:ない|ません|ていない|ておらず))|"
    r"正常(?:な|で|と|の)|無害|安全(?:で|な|と|だ|です)|誤検知|正当|許可され|承認済|想定内|計画的|計画された|(?:対応|調査|確認|深掘り|措置)(?:は|の必要は|も)?(?:不要|必要(?:は)?(?:ない|ありません|なし))|必要(?:は)?(?:ない|ありません|なし)|"
    r"無視(?:して|で|する|しても)|静観|クローズ|見送",
    re.IGNORECASE,
)
ABBREVIATIONS = frozenset(
    [
        "Access",
        "Management",
        "Console",
        "Identity",
        "CloudTrail",
        "Linux",
        "Windows",
        "SSH",
        "IP",
        "URL",
        "HTTP",
        "HTTPS",
        "MFA",
        "IAM",
        "AWS",
        "API",
        "SOC",
        "SIEM",
        "DNS",
        "VPN",
        "TLS",
        "EDR",
        "CVE",
        "ID",
        "OS",
        "MITRE",
        "ATT&CK",
    ]
)
