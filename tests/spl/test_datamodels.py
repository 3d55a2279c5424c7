"""A dataset of a virtual data model gives the CIM fields of the events that feed it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spl.datamodels import DataModelFileError, UnknownDatasetError, find_dataset, load_datasets
from spl.errors import SplError, SplSyntaxError, UnsupportedError
from spl.parse import parse_search

CIM = {
    "Endpoint.Processes": "process process_name parent_process_name user dest process_id original_file_name",
    "Endpoint.Registry": "registry_path registry_key_name registry_value_name registry_value_data action dest user",
    "Endpoint.Filesystem": "file_name file_path file_hash action dest process_id process_guid user",
    "Endpoint.Services": "service service_name service_path start_mode status dest",
    "Endpoint.Ports": "dest_port transport state",
    "Network_Traffic": "src dest src_ip dest_port transport bytes_in bytes_out action app dvc",
    "Network_Resolution": "query answer reply_code record_type src dest message_type",
    "Web": "url http_method http_user_agent status src dest uri_path url_length http_referrer user",
    "Change": "action object object_category command result_id user src vendor_product",
    "Change.All_Changes.Account_Management": "src_user src_nt_domain dest_nt_domain",
    "Authentication": "action app src dest user src_user signature_id authentication_method src_category",
    "Authentication.Failed_Authentication": "action user",
    "Risk": "risk_object risk_score calculated_risk_score annotations.mitre_attack.mitre_technique_id",
    "Web.Proxy": "url category",
    "Intrusion_Detection": "signature severity category src dest",
    "Malware.Malware_Attacks": "signature file_name dest",
    "Updates": "signature status dest",
    "Certificates.All_Certificates": "src dest",
    "Email.All_Email": "recipient src_user subject",
    "Alerts": "signature severity",
    "Vulnerabilities": "cve cvss dest",
}
NINE = [
    "Endpoint.Processes",
    "Endpoint.Registry",
    "Endpoint.Filesystem",
    "Risk",
    "Network_Traffic",
    "Web",
    "Change",
    "Authentication",
    "Network_Resolution",
]


@pytest.mark.parametrize("name", CIM)
def test_the_datasets_that_searches_use_have_their_fields(name: str) -> None:
    assert set(CIM[name].split()) <= set(find_dataset(name).fields)
    assert find_dataset(name.upper()) is find_dataset(name)


@pytest.mark.parametrize("name", NINE)
def test_the_nine_have_sources(name: str) -> None:
    assert find_dataset(name).sources


SYSMON: dict[str, Any] = {"sourcetype": "XmlWinEventLog", "Channel": "Microsoft-Windows-Sysmon/Operational"}
SYSMON |= {"Computer": "pc1", "User": "D\\ann", "Image": "C:\\W\\net.exe", "ProcessGuid": "{7}"}
SECURITY: dict[str, Any] = {"sourcetype": "nxlog:winevent:json", "Channel": "security", "Hostname": "dc1"}
CLOUD: dict[str, Any] = {"sourcetype": "aws:cloudtrail", "sourceIPAddress": "192.0.2.3", "awsRegion": "eu-1"}
EVE: dict[str, Any] = {
    "sourcetype": "suricata",
    "src_ip": "192.0.2.1",
    "dest_ip": "192.0.2.2",
    "proto": "TCP",
}
OFFICE: dict[str, Any] = {
    "sourcetype": "o365:management:activity",
    "UserId": "ann@x",
    "ClientIP": "192.0.2.4",
}

CASES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        "Endpoint.Processes",
        SYSMON
        | {
            "EventCode": "1",
            "CommandLine": "net use",
            "ParentImage": "C:/W/cmd.exe",
            "IntegrityLevel": "High",
        },
        {"process": "net use", "process_name": "net.exe", "parent_process_name": "cmd.exe", "dest": "pc1"}
        | {"user": "D\\ann", "process_integrity_level": "high", "parent_process": "C:/W/cmd.exe"},
    ),
    (
        "Endpoint.Processes",
        SECURITY
        | {
            "EventCode": "4688",
            "NewProcessName": "C:\\W\\sc.exe",
            "TargetUserName": "-",
            "SubjectUserName": "bob",
        },
        {"process": "C:\\W\\sc.exe", "process_name": "sc.exe", "user": "bob", "parent_process_name": None},
    ),
    (
        "Endpoint.Processes",
        {"sourcetype": "linux_secure", "COMMAND": "/usr/bin/cat /etc/shadow", "user": "eve", "pwd": "/root"},
        {
            "process_name": "cat",
            "process_path": "/usr/bin/cat",
            "process": "/usr/bin/cat /etc/shadow",
            "user": "eve",
        },
    ),
    (
        "Endpoint.Registry",
        SYSMON | {"EventCode": "13", "TargetObject": "HKLM\\Run\\x", "Details": "DWORD (0x00000001)"},
        {"registry_key_name": "HKLM\\Run", "registry_value_name": "x", "registry_value_data": "0x00000001"}
        | {"registry_value_type": "REG_DWORD", "registry_hive": "HKEY_LOCAL_MACHINE", "action": "modified"},
    ),
    (
        "Endpoint.Registry",
        SYSMON | {"EventCode": "12", "TargetObject": "HKU\\a\\b", "EventType": "DeleteKey"},
        {"registry_key_name": "HKU\\a\\b", "action": "deleted", "registry_value_name": None},
    ),
    (
        "Endpoint.Filesystem",
        SYSMON | {"EventCode": "11", "TargetFilename": "C:\\Temp\\a b.exe"},
        {
            "file_name": "a b.exe",
            "file_path": "C:\\Temp\\a b.exe",
            "action": "created",
            "process_name": "net.exe",
        },
    ),
    (
        "Endpoint.Services",
        {"sourcetype": "XmlWinEventLog", "EventCode": "7045", "ServiceName": "x", "ImagePath": "C:\\x.exe"}
        | {"StartType": "demand start"},
        {"service_name": "x", "service_exec": "x.exe", "start_mode": "manual", "status": "installed"},
    ),
    (
        "Authentication",
        SECURITY
        | {"EventCode": "4625", "TargetUserName": "eve", "IpAddress": "::ffff:192.0.2.9", "SubStatus": "0xc"},
        {"action": "failure", "user": "eve", "src": "192.0.2.9", "reason": "0xc", "signature_id": "4625"},
    ),
    (
        "Authentication",
        SECURITY | {"EventCode": "4768", "TargetUserName": "bob", "Status": "0x0"},
        {"action": "success", "user": "bob", "reason": None},
    ),
    (
        "Authentication",
        CLOUD
        | {
            "eventName": "ConsoleLogin",
            "userIdentity.type": "Root",
            "responseElements.ConsoleLogin": "Failure",
        },
        {
            "action": "failure",
            "user": "root",
            "src": "192.0.2.3",
            "tag": "privileged",
            "vendor_region": "eu-1",
        },
    ),
    (
        "Authentication",
        OFFICE | {"Operation": "UserLoginFailed", "LogonError": "Bad"},
        {"action": "failure", "user": "ann@x", "src": "192.0.2.4", "reason": "Bad"},
    ),
    (
        "Change.Account_Management",
        SECURITY
        | {"EventCode": "4720", "TargetUserName": "new", "SubjectUserName": "adm", "TargetDomainName": "D"},
        {"action": "created", "object": "new", "user": "new", "src_user": "adm", "dest_nt_domain": "D"},
    ),
    (
        "Change",
        CLOUD
        | {"eventName": "DeleteBucket", "readOnly": "false", "eventSource": "s3.amazonaws.com"}
        | {"requestParameters.bucketName": "b", "userIdentity.userName": "ann"},
        {
            "action": "deleted",
            "object": "b",
            "object_category": "storage",
            "status": "success",
            "change_type": "s3",
        },
    ),
    (
        "Change",
        OFFICE | {"Operation": "Add user.", "Workload": "AzureActiveDirectory", "ResultStatus": "Success"},
        {"action": "created", "object_category": "user", "src_user": "ann@x", "status": "success"},
    ),
    (
        "Network_Traffic",
        EVE
        | {"event_type": "flow", "flow.bytes_toserver": "10", "flow.bytes_toclient": "5", "dest_port": "443"},
        {
            "bytes": 15,
            "bytes_in": "5",
            "bytes_out": "10",
            "dest_port": "443",
            "transport": "tcp",
            "action": "allowed",
        },
    ),
    (
        "Network_Traffic",
        SYSMON | {"EventCode": "3", "DestinationIp": "192.0.2.2", "DestinationPort": "80", "Protocol": "tcp"},
        {"dest": "192.0.2.2", "dest_port": "80", "app": "C:\\W\\net.exe", "dvc": "pc1"},
    ),
    (
        "Network_Resolution",
        SYSMON | {"EventCode": "22", "QueryName": "x.example", "QueryStatus": "9003"},
        {"query": "x.example", "reply_code": "NXDomain", "reply_code_id": "3", "src": "pc1"},
    ),
    (
        "Network_Resolution",
        EVE | {"event_type": "dns", "dns.rrname": "y.example", "dns.type": "query", "dns.rrtype": "A"},
        {"query": "y.example", "message_type": "Query", "record_type": "A", "src": "192.0.2.1"},
    ),
    (
        "Web",
        {
            "sourcetype": "access_combined",
            "status": "404",
            "uri": "/a?b",
            "method": "GET",
            "clientip": "192.0.2.5",
        }
        | {"referer": "https://x.example/y", "user": "-", "uri_path": "/a", "uri_query": "b", "bytes": "7"},
        {
            "url": "/a?b",
            "src": "192.0.2.5",
            "http_referrer_domain": "x.example",
            "user": None,
            "url_length": "4",
        }
        | {"action": "failure", "uri_path": "/a", "uri_query": "b"},
    ),
    (
        "Web",
        EVE | {"event_type": "http", "http.hostname": "h", "http.url": "/p?q=1", "http.status": "200"},
        {"url": "http://h/p?q=1", "uri_path": "/p", "uri_query": "q=1", "site": "h", "status": "200"},
    ),
    (
        "Intrusion_Detection",
        EVE
        | {"event_type": "alert", "alert.signature": "s", "alert.severity": "1", "alert.action": "allowed"},
        {"signature": "s", "severity": "high", "action": "allowed", "ids_type": "network"},
    ),
    (
        "Certificates.SSL",
        EVE | {"event_type": "tls", "tls.subject": "C=JP, CN=a.example", "tls.sni": "a.example"},
        {"ssl_subject_common_name": "a.example", "ssl_name": "a.example", "dest": "192.0.2.2"},
    ),
    (
        "Risk",
        {"sourcetype": "stash", "risk_object": "pc1", "risk_score": "20", "risk_factor_mult": "1.5"},
        {"risk_object": "pc1", "calculated_risk_score": 30, "normalized_risk_object": "pc1"},
    ),
]


@pytest.mark.parametrize(
    ("name", "event", "expected"), CASES, ids=[f"{c[0]}-{n}" for n, c in enumerate(CASES)]
)
def test_a_source_gives_its_fields(
    name: str, event: dict[str, Any], expected: dict[str, Any], over: Callable[..., Any]
) -> None:
    """Every case stands beside all the others, so that no event is taken for one of another source."""
    others = [other | {"mark": "other"} for _, other, _ in CASES if other is not event]
    bench = over([event | {"mark": "this", "_raw": "this"}, *others])
    rows = bench.rows(f'| from datamodel:"{name}" | search _raw=this')
    assert len(rows) == 1
    got = {field: rows[0].get(field) for field in expected}
    assert {k: str(v) if v is not None else None for k, v in got.items()} == {
        k: str(v) if v is not None else None for k, v in expected.items()
    }


LOGINS: list[dict[str, Any]] = [
    {"sourcetype": "linux_secure", "action": "failure", "user": "eve", "src_ip": "192.0.2.1"},
    {"sourcetype": "linux_secure", "action": "success", "user": "root", "src_ip": "192.0.2.2"},
    {"sourcetype": "linux_secure", "user": "bob"},
    {"sourcetype": "other", "action": "failure", "user": "nobody"},
]


def test_a_nested_dataset_narrows_all_that_it_is_nested_in(over: Callable[..., Any]) -> None:
    bench = over(LOGINS)

    def users(name: str) -> list[str]:
        return [row["user"] for row in bench.rows(f'| from datamodel:"Authentication.{name}" | sort user')]

    assert users("Authentication") == ["eve", "root"]
    assert users("Failed_Authentication") == ["eve"]
    assert users("Successful_Privileged_Authentication") == ["root"]
    assert users("Failed_Privileged_Authentication") == []


def test_every_dataset_can_be_searched_for_all_its_fields(over: Callable[..., Any]) -> None:
    bench = over([event for _, event, _ in CASES])
    for dataset in sorted({f"{one.model}.{one.name}" for one in load_datasets().values()}):
        found = bench.search(f'| from datamodel:"{dataset}"')
        assert not [text for text in found.messages if "has no field" in text], dataset


def model_file(folder: Path, text: str) -> Path:
    (folder / "own.toml").write_text(text, encoding="utf-8")
    return folder


OWN = """
model = "Own"
[datasets.Things]
fields = ["a", "b", "c"]
identities = ["user"]
[[datasets.Things.sources]]
sourcetypes = ["t*"]
same = ["a"]
fields = { b = "a", c = '"" . a . b' }
[datasets.Some]
parent = "Things"
where = 'a=1'
[datasets.Few]
parent = "Some"
where = 'b=2'
"""
VPN = """
model = "Authentication"
[datasets.Authentication]
[[datasets.Authentication.sources]]
sourcetypes = ["vpn"]
where = "event=login"
same = ["user"]
fields = { action = '"success"' }
"""


def test_a_file_of_ones_own_adds_models(tmp_path: Path) -> None:
    own = load_datasets([model_file(tmp_path, OWN)])
    few = own["own.few"]
    assert (few.root, few.fields) == (
        "Things",
        ("a", "b", "c", "user_bunit", "user_category", "user_priority"),
    )
    assert set(few.sources[0].fields) == {"a", "b", "c"}
    assert own.keys() > load_datasets().keys()


def test_a_file_of_ones_own_adds_sources_also_for_nested_datasets(tmp_path: Path) -> None:
    extended = load_datasets([model_file(tmp_path, VPN)])
    for name in ("authentication", "authentication.failed_authentication"):
        assert extended[name].sources[-1].sourcetypes == ("vpn",)
        assert len(extended[name].sources) == len(load_datasets()[name].sources) + 1


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("model=", "cannot be read"),
        ('model = "M"\n[datasets.D]\nfield = []', "datasets.D.field"),
        ('model = "M"\n[datasets.D]\nparent = "E"', "parent 'E'"),
        (OWN.replace('"a", "b", "c"', '"a", "b"'), "gives c"),
        (OWN.replace("where = 'a=1'", "where = 'a=(1'"), "dataset 'Some' has a faulty text 'a=(1'"),
        (OWN.replace('"" . a . b', "nope(a)"), "dataset 'Things' has a faulty text 'nope(a)'"),
    ],
)
def test_a_faulty_file_is_named_with_its_fault(text: str, fault: str, tmp_path: Path) -> None:
    with pytest.raises(DataModelFileError, match=re.escape(fault)) as caught:
        load_datasets([model_file(tmp_path, text)])
    assert "own.toml" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Endpoint.Proceses", "Did you mean 'Endpoint.Processes'"),
        ("Network_Traffic.DNS", "Did you mean 'Network_Resolution.DNS'"),
        ("qwerty", "Supported: Alerts.Alerts"),
    ],
)
def test_an_unknown_dataset_names_those_that_are_near(name: str, hint: str) -> None:
    with pytest.raises(UnknownDatasetError, match=re.escape(hint)):
        find_dataset(name)


SAME_QUESTIONS = {
    "| tstats count FROM datamodel=Endpoint.Processes": "index=* EventCode=4688 OR (EventCode=1 Image=*) | stats count",
    "| tstats count FROM datamodel=Endpoint.Registry BY Registry.action": "index=* EventCode IN (12, 13, 14) "
    'TargetObject=* | eval action=if(EventCode=13, "modified", "other") | stats count BY action',
    "| tstats count FROM datamodel=Endpoint.Processes WHERE Processes.process_name IN (net.exe, net1.exe) "
    'Processes.user="THESHIRE*" BY Processes.user': 'index=* (EventCode=1 Image IN ("*\\\\net.exe", "*\\\\net1.exe")) '
    'User="THESHIRE*" | stats count BY User',
    "| tstats count FROM datamodel=Authentication.Failed_Authentication WHERE "
    "Authentication.signature_id=4625 BY Authentication.user": "index=* EventCode=4625 | stats count BY TargetUserName",
    "| tstats count FROM datamodel=Change WHERE nodename=All_Changes.Account_Management All_Changes.action=created "
    "BY All_Changes.object": "index=* EventCode=4720 | stats count BY TargetUserName",
}


@pytest.mark.shared
def test_datasets_of_real_events_hold_what_plain_searches_find(
    shared_dir: Path, over: Callable[..., Any], read_events: Callable[[Path], list[dict[str, Any]]]
) -> None:
    bench = over(read_events(shared_dir / "data" / "windows_ad" / "events.ndjson.gz"))
    for dataset, plain in SAME_QUESTIONS.items():
        expected = [tuple(row.values()) for row in bench.rows(plain)]
        assert [tuple(row.values()) for row in bench.rows(dataset)] == expected, dataset
        assert expected


def test_prestats_rows_of_several_datasets_give_one_statistic(over: Callable[..., Any]) -> None:
    web = {"sourcetype": "access_combined", "method": "GET", "uri": "/", "status": "404"}
    bench = over([web | {"clientip": "192.0.2.1"}, web | {"clientip": "192.0.2.2", "status": "500"}, *LOGINS])
    search = (
        "| tstats prestats=t count from datamodel=Web where Web.status=404 by Web.src"
        " | tstats prestats=t append=t count from datamodel=Web where Web.status=500 by Web.src"
        " | stats count by Web.src"
    )
    assert bench.rows(search) == [
        {"Web.src": "192.0.2.1", "count": 1},
        {"Web.src": "192.0.2.2", "count": 1},
    ]
    with pytest.raises(UnsupportedError, match="without a command that aggregates"):
        bench.rows("| tstats prestats=t count from datamodel=Web by Web.src | table Web.src")
    for later in ("tstats append=t count from datamodel=Web", "tstats count from datamodel=Web"):
        with pytest.raises(SplSyntaxError, match="prestats=t"):
            bench.rows(f"| tstats prestats=t count from datamodel=Web | {later} | stats count")


def test_inline_times_of_a_search_right_behind_from_set_the_window() -> None:
    search = parse_search(
        '| from datamodel Risk.All_Risk | search risk_object IN ("a") starthoursago=168 | stats count'
    )
    assert (search.earliest, search.latest) == ("-168h", None)
    with pytest.raises(UnsupportedError, match="after the first command"):
        parse_search("| from datamodel Risk | head 5 | search starthoursago=168")


def test_inline_times_and_subsearches_of_tstats_count(over: Callable[..., Any]) -> None:
    bench = over([{"_time": 1000.0 + 100 * place, "user": name} for place, name in enumerate("abc")])
    assert bench.rows("| tstats count where index=main earliest=1050 latest=1150") == [{"count": 1}]
    search = "| tstats count where index=main [search index=main user=b | fields user]"
    assert bench.rows(search) == [{"count": 1}]
    with pytest.raises(SplError, match="nowhere"):
        bench.rows("| tstats count where index=main [| inputlookup nowhere | fields user]")
