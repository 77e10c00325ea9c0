"""What a failed login says."""

import psycopg2

from tidemark.postgres import login_errors

DSN = "postgresql://ada:secret@example.org/shop"


def test_a_full_disk_is_no_fault_of_the_dsn():
    said = (
        'connection to server at "example.org", port 5432 failed: FATAL:  could not write init '
        "file: No space left on device"
    )
    error = login_errors.of(psycopg2.OperationalError(said), DSN, "dwh", has_answered=True)
    assert str(error).endswith(
        "its disk is full: FATAL: could not write init file: No space left on device. Enlarge the "
        "disk, or delete from it what is not PostgreSQL's."
    )
    assert "secret" not in str(error)
