"""Files in object storage: what a folder does, and what only a server can do wrong."""

from __future__ import annotations

import pytest

from tests.fix_buckets import Answering, partner, put_at_once
from tests.fix_files import Drop, csv_text
from tidemark.errors import ConnectError
from tidemark.postgres import retries
from tidemark.sources.files.buckets import Bucket
from tidemark.sources.files.stores import ReplacedError

NAMES = ["a b", 'it\'s "1" #?&+%', "a%20b", "ü\N{GRINNING FACE}"]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "not-to-be-shown",
        "AWS_SECRET_ACCESS_KEY": "not-to-be-shown",
    }.items():
        monkeypatch.setenv(name, value)


def failing(url: str) -> ConnectError:
    with pytest.raises(ConnectError) as caught:
        _ = [*Bucket(url, "files").files("things/")]
    assert "not-to-be-shown" not in str(caught.value)
    return caught.value


def test_objects_are_taken_once_and_again_when_they_are_replaced(
    dropped: Drop, s3: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3)
    theirs = partner(s3, "drops")
    etags = {
        f"things/{name}.csv": theirs.put(f"in/things/{name}.csv", csv_text((n, name)))
        for n, name in enumerate(NAMES)
    }
    theirs.put("in/things/", "")  # A folder, as consoles make them.
    area = dropped({}, url="s3://drops/in")
    area.run()
    assert area.mrr("v, _file") == sorted((name, f"things/{name}.csv") for name in NAMES)
    assert dict(area.files("path, etag")) == etags
    assert area.run().changed == 0
    again = theirs.put("in/things/a b.csv", csv_text((0, "again")))
    area.run()
    assert ("again",) in area.mrr("v")
    assert dict(area.files("path, etag"))["things/a b.csv"] == again
    theirs.put("in/things/bad.csv", b"id,v\n\xff")
    area.run()
    assert ("things/bad.csv", "set_aside") in area.files("path, status")


def test_a_listing_has_all_keys(s3: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3)
    partner(s3, "many")
    for number in range(1001):
        put_at_once("many", f"things/{number}.csv")
    assert len([*Bucket("s3://many", "files").files("things/")]) == 1001
    assert [*Bucket("s3://many/other", "files").files("")] == []


def test_an_object_that_is_replaced_or_gone_is_no_error(s3: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3)
    theirs, bucket = partner(s3, "moving"), Bucket("s3://moving", "files")
    theirs.put("a.csv", "one")
    (file,) = bucket.files("")
    theirs.put("a.csv", "two")
    with pytest.raises(ReplacedError):
        bucket.open(file)
    theirs.store.delete("a.csv")
    with pytest.raises(ReplacedError):
        bucket.open(file)


def test_what_can_not_be_listed_is_told(s3: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3)
    missing = failing("s3://nowhere/in")
    assert "404 Not Found NoSuchBucket. Correct `source.url`" in str(missing)
    assert not missing.is_transient
    partner(s3, "odd")
    put_at_once("odd", "things//a.csv")
    odd = failing("s3://odd")
    assert "the key 'things//a.csv' has an empty part" in str(odd)
    assert not odd.is_transient


def test_a_server_that_refuses_is_told_and_one_that_fails_is_asked_a_few_times(
    answering: Answering, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AWS_ENDPOINT_URL", answering.url)
    answering.fault = "403"
    refused = failing("s3://drops")
    assert "403 Forbidden AccessDenied. Let the keys (AWS_ACCESS_KEY_ID" in str(refused)
    assert (refused.is_transient, len(answering.asked)) == (False, 1)
    answering.fault = "500"
    failed = failing("s3://drops")
    assert "500 Internal Server Error" in str(failed)
    assert (failed.is_transient, len(answering.asked)) == (True, 1 + 4)


def test_no_keys_are_needed_where_anonymous_reads_are_allowed(
    answering: Answering, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AWS_ENDPOINT_URL", answering.url)
    assert [*Bucket("s3://drops", "files").files("")] == []
    monkeypatch.setenv("AWS_SKIP_SIGNATURE", "true")
    assert [*Bucket("s3://drops", "files").files("")] == []
    assert ["authorization" in headers for _, headers in answering.asked] == [True, False]


def test_where_no_keys_are_found_it_is_said_at_once(
    answering: Answering, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AWS_ENDPOINT_URL", answering.url)
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", answering.url)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    answering.fault = "403"
    told = failing("s3://drops")
    assert "there are no keys, and this machine has no role of its own" in str(told)
    assert "AWS_SKIP_SIGNATURE=true" in str(told)
    assert not told.is_transient


def test_a_body_that_breaks_off_moves_nothing_and_the_next_run_goes_on(
    dropped: Drop, answering: Answering, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AWS_ENDPOINT_URL", answering.url)
    monkeypatch.setattr(retries, "FIRST_WAIT", 0.01)
    answering.objects["things/1.csv"] = csv_text((1, "one"), (2, "two")).encode()
    area = dropped({}, url="s3://drops")
    answering.fault = "breaks"
    with pytest.raises(ConnectError, match=r"things/1\.csv broke off") as caught:
        area.run()
    assert caught.value.is_transient
    assert len(answering.asked) <= retries.ATTEMPTS * 6
    answering.fault = ""
    area.run()
    assert area.files() == [("things/1.csv", "taken", 2, 0)]
