"""Files that need statements which no table of a database does."""

from tests import fix_files
from tests.fix_files import csv_text
from tests.fix_retail import Retail
from tidemark.batch import pipeline
from tidemark.declare.project import Project
from tidemark.install import migrate
from tidemark.model import Overrides
from tidemark.trust import verify

CHECKS = [
    {"unique": "id", "on": "mrr", "severity": "warn"},
    {"not_null": "id", "on": "mrr", "severity": "warn"},
    {"row_count": {"min": 99}, "on": "mrr", "severity": "warn"},
]


def take_files(retail: Retail) -> None:
    """Take two files of a day, of which one has rows that are none; then all of them again."""
    declared = {
        "dropped": {"source": "dropped/*.csv", "key": ["id"], "checks": CHECKS},
        "typed": {"source": "dropped/*.csv", "key": ["id"]},
        "whole": {"source": "whole/*.csv", "key": ["id"], "deletes": "detect", "checks": CHECKS},
        "single": {"source": "whole/1.csv", "key": ["id"]},
        "records": {"source": "whole/*.csv", "key": ["_file", "_line"]},
    }
    typed = """
    create table mrr_typed (id integer, v text, _file text, _line bigint);
    select tidemark.create_mirror('mrr_typed', array['id']);
    """
    sql = {"mrr/01_typed.sql": typed}
    fix_files.declare(retail.home, declared, area="dropped", sql=sql)
    for number in (1, 2):
        fix_files.written(retail.home / f"drops/whole/{number}.csv", csv_text((1, "a")))
        rows = csv_text((1, "a"), (1, "b"), (None, "no key"))
        fix_files.written(retail.home / f"drops/dropped/{number}.csv", rows)
    project = Project(retail.home)
    migrate.migrate(project, retail.servers)
    area = project.area("dropped")
    pipeline.run(retail.servers, area)
    refresh = Overrides(refresh=frozenset({"dropped"}))
    pipeline.run(retail.servers, area, overrides=refresh)
    verify.run(retail.servers, area)
