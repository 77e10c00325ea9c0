"""Copy the checkout as a fresh clone of it would be."""

import shutil
from pathlib import Path

from tests.commands import run
from tests.fix_servers import HOME


def copy(folder: Path) -> None:
    """Fill a folder with what git keeps, or would keep with the next commit."""
    folder.chmod(0o711)  # as root, what it is for runs as a user that has to get in
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in run(listing).out.split("\0")[:-1]:
        if (HOME / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(HOME / name, folder / name)
