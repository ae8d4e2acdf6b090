"""A small card whose power can be cut: an ext4 file system in a file; what was not synced is not in that file yet.

Needs the right to mount. The kernel keeps what a process writes until the process syncs it, or for some seconds: a copy
of the file under the mounted system is what a card holds when its power is cut; mounting the copy replays the journal.
"""

import shutil
import subprocess
from pathlib import Path

SIZE_MB = 24
"""As large as ext4's own journal and a store of some thousand samples need (our assumption)."""


class CannotMountError(Exception):
    """Nobody lets us."""


class Card:
    """Mounted while the context lasts."""

    def __init__(self, folder, number=0):
        self._folder = Path(folder)
        self._number = number
        self._image = self._folder / f"card{number}.img"
        self.at = self._folder / f"card{number}"

    def __enter__(self):
        if not self._image.exists():
            with self._image.open("wb") as file:
                file.truncate(SIZE_MB * 2**20)
            _run("mkfs.ext4", "-q", "-F", self._image)
        self.at.mkdir()
        _run("mount", "-o", "loop", self._image, self.at)
        return self

    def __exit__(self, *_):
        _run("umount", self.at)
        self.at.rmdir()
        self._image.unlink()

    def cut(self):
        """The card as it is without what was not synced; not mounted yet. Nobody may write meanwhile."""
        new = Card(self._folder, self._number + 1)
        shutil.copyfile(self._image, new._image)
        return new


def _run(*command):
    try:
        subprocess.run(list(map(str, command)), check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as fault:
        raise CannotMountError(f"{command[0]}: {getattr(fault, 'stderr', fault)}") from None
