"""What a model's prose may hold: plain words and references, and nothing that could be a wrong figure."""

from __future__ import annotations

import pytest

from agents.narrative import Language
from agents.prose import Vocabulary, faults_of, words_of
from tools.records.fact import Fact

FACTS = {
    name: Fact(id=name, label="x", value=1, kind="integer", evidence="", derivation="x")
    for name in ("f1", "f2")
}
WORDS = Vocabulary(
    trusted=words_of(["SSH guessing by sources of the bastion"]),
    names=frozenset({"tanaka", "192.0.2.1", "192[.]0[.]2[.]1"}),
    values=frozenset({"sshd", "guessing", "/etc/passwd"}),
)


def faults(text: str, language: Language = "en") -> tuple[str, ...]:
    return faults_of(text, facts=FACTS, language=language, vocabulary=WORDS)


@pytest.mark.parametrize(
    "text",
    [
        "The source {{f1}} failed to log in {{f2}} times and met the criterion.",
        "Guessing by {{f1}} went on over the whole day. Ask the owner of the account.",
        "SSH logins of {{f1}} were accepted after the failures, which points to a way in.",
    ],
)
def test_plain_english_with_references_is_fine(text: str) -> None:
    assert faults(text) == ()


def test_words_before_a_name_are_no_hedge() -> None:
    entity = Fact(id="f3", label="x", value="a", kind="entity", evidence="", derivation="x")
    text = "Ask the owner about {{f3}} and look at what came over {{f3}} next."
    assert faults_of(text, facts={"f3": entity}, language="en", vocabulary=WORDS) == ()


@pytest.mark.parametrize(
    "text",
    [
        "送信元 {{f1}} から {{f2}} 回の失敗があり、判断基準に該当した。",
        "{{f1}} の利用者と上長に、当日の操作を確認する。",
        "総当たりのあとにログインが成功しており、侵入のおそれがある。",
    ],
)
def test_plain_japanese_with_references_is_fine(text: str) -> None:
    assert faults(text, "ja") == ()


@pytest.mark.parametrize(
    "text",
    [
        "There were 12 failures.", "There were １２ failures.", "There were ١٢ failures.", "There were ⅻ failures.",
        "There were twelve failures.", "There were dozens of failures.", "It doubled; half of them failed.",
        "It began on Monday.", "It began at midnight.", "It began in November.",
        "The unknown {{f99}} did it.", "{{f1}}{{f2}} failures.", "{{f1}}.{{f2}} failures.", "{{f1}}% failed.",
        "About {{f1}} failures.", "More than {{f1}} failures.", "{{f1}} thousand failures.", "-{{f1}} failures.",
        "{{f1}} or more failures.", "{{f1}}k failures.",
        "It came from 192.0.2.1 again.", "It came from 192[.]0[.]2[.]1 again.", "It came from evil.example again.",
        "The user tanaka did it.", "The identity ta-naka did it.", "There was a single login.", "The user bob did it.", "Then Alice logged in.", "The host dbserver was used.",
        "It read /etc/passwd again.", "It used deadbeef01 as a hash.", 'It said "hello" to us.', "It ran `ls` there.",
        "The process sshd failed.", "Mail to root@evil.example now.", "See [this](x) now.", "<b>bold</b> words.",
        "This is benign.", "No action is needed.", "The activity is authorised.", "It is a false positive.",
        "The login was expected and can be ignored.", "There is no evidence of an attack.", "It is not unusual to see this.",
        "これは日本語である。", "", "a\nb", "x" * 800,
        "The source failed again today. The source failed again today.",
        "The traffic was blocked with ets ets ets in the log.",
    ],
)  # fmt: skip
def test_what_is_no_fact_is_found(text: str) -> None:
    assert faults(text)


@pytest.mark.parametrize(
    "text",
    [
        "失敗が 12 回あった。", "失敗が１２回あった。", "失敗が十二回あった。", "失敗が数件あった。", "約 {{f1}} 件の失敗。",
        "{{f1}} 件以上の失敗。".replace(" 件以上", "以上"), "{{f1}}万の失敗がある。", "半数がここで失敗した。".replace("半数", "半分の半数件"),
        "月曜に始まった。", "利用者 tanaka が行った。", "利用者 bob が行った。", "「侵入」である。",
        "見せてはならない応答が見せてはならない応答が見せてはならない応答。", "問題はない。", "対応は不要である。", "正常な操作である。", "これは誤検知である。", "特に異常は認められない。",
        "計画された作業である。", "調査の必要はない。", "The source failed.",
    ],
)  # fmt: skip
def test_what_is_no_fact_is_found_in_japanese(text: str) -> None:
    assert faults(text, "ja")
