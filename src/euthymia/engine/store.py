"""Chunks of results on disk, named by the content of what made them: a run that was cut off goes on where it was.

In: a key (any JSON-able description) and an array.  Out: the array, or None where the chunk is absent.  A chunk is
written under a temporary name and renamed when complete, so that two processes may share a folder; a damaged
chunk is refused, never read as data.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from euthymia.errors import StoreError


def digest(key: Any) -> str:
    """The name of a content: 32 hexadecimal digits of any JSON-able description."""
    return hashlib.sha256(json.dumps(key, sort_keys=True, default=_described).encode()).hexdigest()[:32]


def _described(value: Any) -> Any:
    """Arrays by all their bytes (their text leaves the middle out), other things by their text."""
    if isinstance(value, np.ndarray):
        return [
            value.shape,
            str(value.dtype),
            hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest(),
        ]
    if isinstance(value, np.generic):
        return value.item()
    return dict(value) if isinstance(value, Mapping) else str(value)


class ChunkStore:
    """A folder of arrays.

    Parameters
    ----------
    folder : path
        Made where absent.

    Raises
    ------
    StoreError
        The folder cannot be made.
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{self.folder}: cannot be made a folder of results: {error}") from error

    def path(self, key: Any) -> Path:
        """Where the chunk of a key lies."""
        return self.folder / f"{digest(key)}.chunk"

    def put(self, key: Any, values: np.ndarray) -> None:
        """Write a chunk; an earlier one of the same key is replaced."""
        buffer = io.BytesIO()
        np.save(buffer, values, allow_pickle=False)
        body = buffer.getvalue()
        handle, name = tempfile.mkstemp(dir=self.folder, suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(hashlib.sha256(body).digest() + body)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, self.path(key))
        except OSError as error:
            Path(name).unlink(missing_ok=True)
            raise StoreError(f"{self.folder}: a chunk cannot be written: {error}") from error

    def get(self, key: Any) -> np.ndarray | None:
        """The chunk of a key; None where there is none.

        Raises
        ------
        StoreError
            The file is cut off or damaged.
        """
        path = self.path(key)
        try:
            raw = path.read_bytes()
        except FileNotFoundError:
            return None
        if len(raw) < 33 or hashlib.sha256(raw[32:]).digest() != raw[:32]:
            raise StoreError(
                f"{path}: the chunk is cut off or damaged; delete this file and run again to remake it"
            )
        return np.load(io.BytesIO(raw[32:]), allow_pickle=False)
