"""The checkout as a fresh clone of it would be."""

import shutil
from pathlib import Path

from tests.commands import run
from tests.fix_servers import HOME


def names() -> list[str]:
    """Name the files that git keeps, or would keep with the next commit."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    return [name for name in run(listing).out.split("\0")[:-1] if (HOME / name).exists()]


def copy(folder: Path) -> None:
    """Fill a folder with them."""
    folder.chmod(0o711)  # as root, what it is for runs as a user that has to get in
    for name in names():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(HOME / name, folder / name)
