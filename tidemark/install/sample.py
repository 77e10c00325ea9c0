"""Load the generator of an area's sample data: `sql/<area>/sample/`, a package of the area's own.

Its function `seed(engine, *, progress, …)` fills the sample application's database,
`seed(folder, *, progress, …)` drops files, or `seed(inbox, *, progress, …)` posts events; its other
keyword parameters become the options of `tidemark seed`. So the package knows no area.
"""

from __future__ import annotations

import importlib.util
import inspect
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from traceback import extract_tb
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from tidemark.declare import extras
from tidemark.declare.config import Area
from tidemark.declare.project import Project
from tidemark.declare.reading import Files
from tidemark.errors import ConfigError, RefusedRowError, TidemarkError, UnknownNameError
from tidemark.install import servers
from tidemark.install.posting import Inbox
from tidemark.model import ServerName, url_variable
from tidemark.postgres import driver_errors, settings
from tidemark.postgres.sessions import Servers
from tidemark.sources.files import urls
from tidemark.sources.files.folders import Folder

if TYPE_CHECKING:
    from types import ModuleType

ProgressCallback = Callable[[str, int, int], None]
"""Called with a label, the work done, and the work in all; 0 if that is not known."""

Seed = Callable[..., dict[str, int]]

Once = Annotated[bool, typer.Option("--once", help="Do nothing when there are rows or files.")]

_OURS = {"engine", "folder", "inbox", "progress"}


def areas(project: Project, name: str | None = None) -> list[Area]:
    """Return the area of this name, or all that have sample data, the default one first.

    Raises:
        UnknownNameError: no area of this name has sample data.
        ConfigError: no area has sample data.
    """
    found = [area for area in project.areas if (project.sql / area / "sample").is_dir()]
    if name is not None and name not in found:
        raise UnknownNameError("area with a folder `sample`", name, found)
    if not found:
        raise ConfigError(
            "sql/: no area has sample data, and `seed` fills one. Make a folder sql/<area>/sample."
        )
    named = [name] if name else sorted(found, key=lambda one: one != project.settings.default_area)
    return [project.areas[one] for one in named]


def seeder(project: Project, area: Area) -> Seed:
    """Return the `seed` function of an area that has sample data."""
    seed: Seed = _module(project, area.area).seed
    return seed


def call(
    seed: Seed, dsn: str, server: ServerName, progress: ProgressCallback, **options: Any
) -> dict[str, int]:
    """Run a seeder on the database of a source; the options it is not given take its defaults.

    Raises:
        ConnectError: the server went away.
        StatementError: PostgreSQL refused a statement or a row.
        ConfigError: the seeder itself failed.
    """
    engine = servers.engine(dsn, server, values=settings.SAMPLE)
    with _explaining(seed, server):
        try:
            return dict(seed(engine, progress=progress, **options))
        finally:
            engine.dispose()


def drop(
    seed: Seed, folder: Path, server: ServerName, progress: ProgressCallback, **options: Any
) -> dict[str, int]:
    """Run a seeder on the folder of a source of files.

    Raises:
        ConfigError: the folder can't be written, or the seeder itself failed.
    """
    with _explaining(seed, server):
        try:
            return dict(seed(folder, progress=progress, **options))
        except OSError as error:
            raise ConfigError(
                f"seed: {error.filename or folder} can't be written: {error.strerror}. Let this "
                f"user write there, or let {url_variable(server)} name another folder."
            ) from None


def post(
    seed: Seed, opened: Servers, area: Area, progress: ProgressCallback, **options: Any
) -> dict[str, int]:
    """Run a seeder on the inbox of an area of events.

    Raises:
        ConnectError: MRR went away. What was posted before stays, and may be posted again.
        ConfigError: an event is not as area.yml declares it, or the seeder itself failed.
    """
    with _explaining(seed, "mrr"), opened.session("mrr", "seed") as mrr:
        return dict(seed(Inbox(mrr, area), progress=progress, **options))


def has_events(opened: Servers, area: Area) -> bool:
    """Whether the inbox has an event of an area, taken or not."""
    with opened.session("mrr", "seed") as mrr:
        return Inbox(mrr, area).greatest_id() is not None


def folder(project: Project, area: Area) -> Path:
    """Return the folder of an area whose source is files.

    Raises:
        ConfigError: they are elsewhere, such as in a bucket.
    """
    source = area.source
    assert isinstance(source, Files), "an area whose source is files"
    url = servers.configured_urls(project, os.environ).get(source.name) or source.url
    store = urls.store(url, home=project.home, source=source.name)
    if not isinstance(store, Folder):
        raise ConfigError(
            f"seed: the files of {source.name} are at {store.url}, and the sample is dropped into "
            f"a folder. Let {url_variable(source.name)} name one."
        )
    return store.path


def has_files(project: Project, area: Area) -> bool:
    """Whether the folder of an area has a file of any of its entities."""
    path = folder(project, area)
    declared = [one.files.pattern for one in area.entities.values() if one.files]
    return any(
        pattern.matches(one.relative_to(path).as_posix())
        for pattern in declared
        for one in path.joinpath(pattern.folder).rglob("*")
    )


@contextmanager
def _explaining(seed: Seed, server: ServerName) -> Iterator[None]:
    try:
        yield
    except (TidemarkError, typer.TyperException):
        raise
    except Exception as error:
        # Neither its message nor its traceback is kept: both may show rows.
        raise _explained(error, Path(inspect.getfile(seed)).parent, server) from None


def _explained(error: Exception, folder: Path, server: ServerName) -> TidemarkError:
    """Say what ended a seeder, and where, without any value that it worked on."""
    where = f"sql/{folder.parent.name}/sample"
    if lacking := _lacking(error):
        return lacking
    if driver_error := driver_errors.within(error):
        told = driver_errors.of_statement(driver_error, server)
        if isinstance(told, RefusedRowError):
            return told.of("seed", f"Correct {where}, which made the row.")
        return told
    return ConfigError(
        f"seed: {where}{_place(error, folder)} raised {type(error).__name__}. Correct it there."
    )


def _lacking(error: Exception) -> ConfigError | None:
    """Say which package of an extra a seeder lacks, if that is what the error is about."""
    if not isinstance(error, ModuleNotFoundError) or error.name not in extras.EXTRAS:
        return None
    return ConfigError(f"seed: {extras.lacking(error.name)}.")


def _place(error: Exception, folder: Path) -> str:
    """Return the last file and line of the seeder's own that the error passed."""
    steps = [
        step for step in extract_tb(error.__traceback__) if folder in Path(step.filename).parents
    ]
    return "".join(f"/{Path(s.filename).relative_to(folder)}:{s.lineno}" for s in steps[-1:])


def as_command(seed: Seed, run: Callable[[bool, dict[str, Any]], None]) -> Callable[..., None]:
    """Make a function with `--once` and the options of `seed`, which calls `run` with both."""

    def command(once: bool, **options: Any) -> None:
        run(once, options)

    signature = inspect.signature(seed)
    hints = get_type_hints(seed, include_extras=True)
    once = inspect.Parameter("once", inspect.Parameter.KEYWORD_ONLY, default=False)
    for name in signature.parameters.keys() - _OURS - hints.keys():
        raise ConfigError(
            f"seed: its parameter {name} has no annotation. Write one, as an option's."
        )
    options = [p for name, p in signature.parameters.items() if name not in _OURS] + [once]
    hints["once"] = Once
    command.__doc__ = (seed.__doc__ or "").partition("\n\n")[0]
    command.__annotations__ = {p.name: hints[p.name] for p in options}
    command.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [p.replace(annotation=hints[p.name]) for p in options]
    )
    return command


def _module(project: Project, area: str) -> ModuleType:
    name = f"tidemark_sample_{area}"
    folder = project.sql / area / "sample"
    spec = importlib.util.spec_from_file_location(
        name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise ConfigError(f"sql/{area}/sample: there is no __init__.py to load.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except TidemarkError:
        raise
    except Exception as error:
        raise _lacking(error) or ConfigError(
            f"sql/{area}/sample: it can't be imported: {type(error).__name__}: {error}. Mend that "
            "there, or install what it needs."
        ) from error
    if not callable(getattr(module, "seed", None)):
        raise ConfigError(f"sql/{area}/sample: it has no function `seed`. Write one.")
    return module
