"""One query of a server, streamed into a landing table of another one."""

from tidemark.postgres import transfer
from tidemark.postgres.db import Session
from tidemark.postgres.inlet import Inlet
from tidemark.postgres.transfer import Job, Task


def stream(sender: Session, receiver: Session, job: Job) -> int:
    """Do one job in a transaction on the receiving server; returns the number of rows."""

    def sending(out: Inlet) -> None:
        transfer.send(sender, job.query, out, job.landing.columns, binary=job.binary)

    return transfer.land(receiver, Task(job.landing, sending)).rows
