"""Cut the power at every moment of a run: whatever was not synced may be gone, and nothing that was promised is lost.

    python benchmarks/reliability/power.py

A run is recorded: each new file with its bytes when it is synced, each rename, each sync of a folder. A power cut after
any of these leaves what was synced for sure; of the rest any part may be there or not, files without a sync being empty
or cut off. For each moment several such disks are made up, from the poorest to the luckiest, and read as a store: an
entry is whole or absent, and all that the run counted as written is there.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import random
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from faults import SPEC

from fusebench import api, io
from fusebench.engine.execute import _supervisor
from fusebench.engine.execute._writer import Writer
from fusebench.engine.store import CorruptEntryError, decode_entry

LUCKS = 4  # made-up disks a moment, besides the poorest and the luckiest


@dataclass
class Recorder:
    """What a run did to its disk, in order: (kind, path, more)."""

    events: list[tuple[str, Path, Any]] = field(default_factory=list)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Record what `fusebench.io` and the writer do meanwhile."""
        fsync, rename, written = os.fsync, io.rename, Writer.written

        def noted_fsync(descriptor: int) -> None:
            path = Path(f"/proc/self/fd/{descriptor}").readlink()
            fsync(descriptor)
            self.events.append(("sync", path, None if path.is_dir() else path.read_bytes()))

        def noted_rename(aside: Path | str, path: Path | str) -> None:
            aside, path = Path(aside), Path(path)
            folder = {one.name: one.read_bytes() for one in aside.iterdir()} if aside.is_dir() else None
            rename(aside, path)
            self.events.append(("rename", path.resolve(), (aside.resolve(), folder)))

        def noted_written(writer: Writer) -> Iterator[str]:
            for key in written(writer):
                self.events.append(("promise", Path(key), None))
                yield key

        os.fsync, io.rename, Writer.written = noted_fsync, noted_rename, noted_written
        try:
            yield
        finally:
            os.fsync, io.rename, Writer.written = fsync, rename, written


def record(folder: Path) -> tuple[list[tuple[str, Path, Any]], Path]:
    """Run a small benchmark and return what it did to its disk, and its store."""
    _supervisor.start_fork_server = lambda preload: multiprocessing.get_context("fork")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    spec = folder / "small.yaml"
    spec.write_text(SPEC)
    store = (folder / "store").resolve()
    recorder = Recorder()
    with recorder.watching():
        api.run(spec, store=store, n_jobs=1, out=folder / "out")
    return recorder.events, store


@dataclass
class Disk:
    """What survives a power cut.

    Parameters
    ----------
    synced : dict of Path to bytes
        Bytes of files that were synced, by the name under which they were.
    sure : dict of Path to (source name)
        Names whose folder was synced after they were given.
    pending : list of (Path, source name)
        Names whose folder was not.
    """

    synced: dict[Path, bytes] = field(default_factory=dict)
    folders: dict[Path, dict[str, bytes]] = field(default_factory=dict)
    sure: dict[Path, Path] = field(default_factory=dict)
    pending: list[tuple[Path, Path]] = field(default_factory=list)
    promised: set[str] = field(default_factory=set)

    def take(self, event: tuple[str, Path, Any]) -> None:
        """Note one more event."""
        kind, path, more = event
        if kind == "promise":
            self.promised.add(str(path))
        elif kind == "rename":
            aside, folder = more
            if folder is not None:
                self.folders[aside] = folder
            self.pending.append((path, aside))
        elif more is not None:
            self.synced[path] = more
        else:
            now = [one for one in self.pending if one[0].parent == path]
            self.pending = [one for one in self.pending if one[0].parent != path]
            self.sure.update(now)

    def after_a_cut(self, rng: random.Random, luck: float) -> dict[Path, Path]:
        """Return the names that exist after a cut."""
        return {**self.sure, **dict(one for one in self.pending if rng.random() < luck)}

    def content(self, aside: Path, rng: random.Random) -> bytes:
        """Return a file's bytes after a cut; without a sync any beginning of them."""
        if aside in self.synced:
            return self.synced[aside]
        return b"" if rng.random() < 0.5 else os.urandom(rng.randint(1, 500))


@dataclass
class Tally:
    """What came of many power cuts."""

    moments: int = 0
    disks: int = 0
    torn: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)

    def judge(self, disk: Disk, store: Path) -> None:
        """Read the disks that a power cut may leave."""
        self.moments += 1
        for n in range(LUCKS + 2):
            rng = random.Random(n)
            names = disk.after_a_cut(rng, 0.0 if n == 0 else 1.0 if n == 1 else 0.5)
            self.disks += 1
            self._read(disk, names, store, rng)

    def _read(self, disk: Disk, names: dict[Path, Path], store: Path, rng: random.Random) -> None:
        found = set()
        for path, aside in names.items():
            if path.is_relative_to(store / "objects"):
                try:
                    decode_entry(disk.content(aside, rng))
                    found.add(path.parent.name + path.name)
                except CorruptEntryError:
                    self.torn.append(str(path))
            elif path.is_relative_to(store / "data") and not _folder_is_sound(disk, aside):
                self.torn.append(str(path))
        self.lost.extend(disk.promised - found)


def _folder_is_sound(disk: Disk, aside: Path) -> bool:
    """Whether every file of a saved dataset was synced, with the bytes that its checksums say."""
    names = disk.folders[aside]
    content = {name: disk.synced.get(aside / name) for name in names}
    if any(content[name] != raw for name, raw in names.items()):
        return False
    sums = dict(reversed(line.split("  ", 1)) for line in names["SHA256SUMS"].decode().splitlines())
    return sums == {name: hashlib.sha256(raw).hexdigest() for name, raw in names.items() if name != "SHA256SUMS"}


def run(folder: Path) -> Tally:
    """Cut the power after every event of a run."""
    events, store = record(folder)
    disk, tally = Disk(), Tally()
    tally.judge(disk, store)
    for event in events:
        disk.take(event)
        tally.judge(disk, store)
    if not disk.promised:
        raise RuntimeError("the run promised nothing: it was not recorded")
    return tally


def main() -> None:
    """Print what came of it as JSON; exit 1 when a promise is broken."""
    with tempfile.TemporaryDirectory() as folder:
        tally = run(Path(folder) / "run")
    counts = {"moments": tally.moments, "disks": tally.disks, "torn": len(tally.torn), "lost": len(tally.lost)}
    print(json.dumps(counts))
    raise SystemExit(bool(tally.torn or tally.lost))


if __name__ == "__main__":
    main()
