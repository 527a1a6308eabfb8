"""What lies in a workspace folder, apart from decisions."""

from __future__ import annotations

from pathlib import Path

from air_core.dataset import Dataset
from air_core.errors import WorkspaceError
from air_core.images import load_rgb
from air_core.importer import PACK
from air_core.items import SourceInfo, read_items, read_manifest
from air_core.quarantine import QuarantinedImage, locate
from air_core.sources import local_path
from air_core.thumbnails import ThumbnailPack, encode_webp


class WorkspaceFolder:
    """The imported images, their thumbnails, and where later steps put what they make.

    Parameters
    ----------
    root : Path
        The workspace folder.

    Raises
    ------
    WorkspaceError
        If it is none, is damaged, or a newer version wrote it.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self._manifest = read_manifest(self.root)
        self._items = read_items(self.root, self._manifest)
        self._pack = ThumbnailPack(self.root / PACK)

    @property
    def dataset(self) -> Dataset:
        """The images that can be audited."""
        return self._items.dataset

    @property
    def info(self) -> SourceInfo:
        """Where the images came from."""
        return self._manifest.info

    @property
    def quarantined(self) -> tuple[QuarantinedImage, ...]:
        """What cannot be audited, and why."""
        return self._manifest.quarantined

    @property
    def notes(self) -> tuple[str, ...]:
        """What the import passed over."""
        return self._manifest.notes

    @property
    def features_dir(self) -> Path:
        """Folder of cached features."""
        return self._folder("features")

    @property
    def runs_dir(self) -> Path:
        """Folder of fitted models."""
        return self._folder("runs")

    @property
    def projections_dir(self) -> Path:
        """Folder of maps."""
        return self._folder("projections")

    def _folder(self, name: str) -> Path:
        path = self.root / name
        try:
            path.mkdir(exist_ok=True)
        except OSError as error:
            raise WorkspaceError(
                f"The folder {path} cannot be made: {error.strerror}.",
                hint="Allow writing to the workspace folder, or copy it to where you may write.",
            ) from error
        return path

    def thumbnail(self, item_id: str) -> bytes:
        """WebP of at most 192 pixels a side; SourceError for an unknown item."""
        row = self.dataset.row_of(item_id)
        return self._pack.read(int(self._items.offsets[row]), int(self._items.lengths[row]))

    def picture(self, item_id: str, max_side: int = 1024) -> bytes:
        """WebP made from the source file as it is now, turned upright.

        Raises
        ------
        SourceError
            For an unknown item, or a file that has gone or been damaged since the import.
        """
        root = Path(self._manifest.image_root)
        file = self.dataset.files[self.dataset.row_of(item_id)]
        # Located again: a link may have been put in its place since.
        image = load_rgb(locate(root, str(file.relative_to(root))))
        return encode_webp(image, max_side=max_side, quality=90)

    @property
    def source(self) -> Path:
        """The source on this machine: what was fetched or unpacked, or the place itself."""
        return local_path(self.info.source, self.root / "source")

    def source_places(self) -> list[Path]:
        """Files and folders of the source, in which nothing is ever written."""
        places = [Path(self._manifest.image_root), self.source]
        labels = self.info.labels_file
        return places if labels is None else [*places, Path(labels)]
