"""What a comparison of all layers has found, and what a batch has to do to mend it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from tidemark.model import LAYERS, Hop, Key, Layer, Repair
from tidemark.star.audits import Audit
from tidemark.trust import compare
from tidemark.trust.compare import Compared, Difference

REJECTED = ("reject_reasons",)
"""The columns of a difference between rejects."""

REFUSED = ("refused by mrr",)
"""Those of one between rows that MRR has refused and STG's rejects of them. A rebuild mends it."""

_LAYERS: dict[Hop, tuple[str, str]] = {
    "extract": ("{source}", "mrr"),
    "stage": ("mrr", "stg + rejects"),
    "publish": ("stg", "dwh"),
}
_SAID: dict[compare.Kind, str] = {
    "missing": "is missing in {1}",
    "surplus": "is in {1} and not in {0}",
    "changed": "differs in {1}",
}

_RECEIVER: dict[Hop, Layer] = {"extract": "mrr", "stage": "stg", "publish": "dwh"}


@dataclass(frozen=True, slots=True)
class Checked:
    """The result of comparing one entity before and after one hop, or of an aggregate."""

    hop: Hop
    entity: str
    compared: Compared
    is_aggregate: bool = False
    """Whether it is an aggregate, compared with what its facts say."""

    @property
    def of_rows(self) -> list[Difference]:
        """Differences of rows, under the receiver's keys."""
        others = (REJECTED, REFUSED)
        return [one for one in self.compared.differences if one.columns not in others]

    @property
    def of_rejects(self) -> list[Difference]:
        """Differences of rejects, under MRR's keys."""
        return [one for one in self.compared.differences if one.columns == REJECTED]


@dataclass(frozen=True, slots=True)
class Origin:
    """A key of STG and the DWH that MRR has in another form."""

    entity: str
    key: Key
    mrr_key: Key


@dataclass(frozen=True, slots=True)
class Verification:
    """The result of comparing all layers of an area."""

    area: str
    source: str
    clock: datetime
    """The source's clock when its snapshot was taken."""
    checks: list[Checked]
    audits: list[Audit]
    origins: list[Origin]
    """The keys that differ and that cleansing changed."""
    notes: list[str]
    """What a person should know although it is no difference."""

    @property
    def is_equal(self) -> bool:
        """Whether every layer has what it should."""
        return not self.audits and not any(check.compared.differences for check in self.checks)

    def sides(self, check: Checked) -> tuple[str, str]:
        """Return the names of the two layers that a check compared."""
        before, behind = ("its facts", "dwh") if check.is_aggregate else _LAYERS[check.hop]
        return before.format(source=self.source), behind

    def lines(self) -> Iterator[str]:
        """Yield a line of text for each key in which layers differ."""
        for check in self.checks:
            for one in check.compared.differences:
                key = ", ".join(map(str, one.key))
                columns = f": {', '.join(one.columns)}" if one.columns else ""
                said = _SAID[one.kind].format(*self.sides(check))
                yield f"{check.entity} {key} {said}{columns}"

    def repair(self) -> Repair:
        """Return the keys that a batch has to send again, and those that it has to delete."""
        mirrored = {(one.entity, one.key): one.mrr_key for one in self.origins}
        resent: dict[str, set[Key]] = defaultdict(set)
        surplus: dict[Layer, dict[str, list[Key]]] = {layer: {} for layer in LAYERS}
        rejected: dict[str, list[Key]] = {}
        for check in self.checks:
            if check.is_aggregate:
                continue
            name = check.entity
            rows, others = check.of_rows, check.of_rejects
            # A repair starts at MRR, so it names MRR's keys. Rejects have them already. Rows of STG
            # and the DWH have the key that cleansing made.
            resent[name].update(one.key for one in others)
            if check.hop == "extract":
                resent[name].update(one.key for one in rows)
            else:
                resent[name].update(mirrored.get((name, one.key), one.key) for one in rows)
            surplus[_RECEIVER[check.hop]][name] = _surplus(rows)
            rejected[name] = rejected.get(name, []) + _surplus(others)
        for audit in self.audits:
            resent[audit.entity].update(mirrored.get((audit.entity, k), k) for k in audit.keys)
        return Repair(
            self.clock,
            {
                name: sorted(key for key in keys if None not in key)
                for name, keys in resent.items()
                if any(None not in key for key in keys)
            },
            {layer: {n: k for n, k in found.items() if k} for layer, found in surplus.items()},
            {name: keys for name, keys in rejected.items() if keys},
            [one.entity for one in self.checks if one.is_aggregate and one.compared.differences],
        )


def _surplus(differences: Iterable[Difference]) -> list[Key]:
    return [one.key for one in differences if one.kind == "surplus"]
