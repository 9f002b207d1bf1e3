"""Resources kept as records: a resource's protobuf message as JSON, under `{name}/manifest.json`.

The contract is the schema: what `buf breaking` lets pass in proto/ can still be read from the store. A record is
written last, after the objects it speaks of, so what can be seen is whole.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from google.protobuf import json_format
from google.protobuf.message import Message

from synthoscope import names
from synthoscope.objects import ObjectStore
from synthoscope.rpc.errors import DataLoss, InvalidInput, NotFound

MANIFEST = "manifest.json"
DEFAULT_PAGE_SIZE = 100
LARGEST_PAGE = 1000

M = TypeVar("M", bound=Message)


@dataclass(frozen=True)
class Page(Generic[M]):
    """One page of records; an empty token ends the listing."""

    records: Sequence[M]
    next_page_token: str


@dataclass(frozen=True)
class Records(Generic[M]):
    """The records of one message type. Those below a resource of another type have a `file` name of their own."""

    objects: ObjectStore
    message_type: type[M]
    file: str = MANIFEST

    def put(self, name: str, record: M) -> None:
        """Stores a record, replacing one that is there."""
        self.objects.put(self._key(name), _to_json(record))

    def create(self, name: str, record: M) -> bool:
        """Stores a record unless there is one of this name; returns whether it was stored."""
        return self.objects.put_if_absent(self._key(name), _to_json(record))

    def get(self, name: str) -> M:
        """The record of a name, `…/versions/latest` resolved. Raises NotFound, or DataLoss when it cannot be read."""
        name = self.resolve(name)
        try:
            return self._parse(self.objects.get(self._key(name)), name)
        except NotFound:
            raise NotFound(f"{name} does not exist") from None

    def delete(self, name: str) -> None:
        """Removes a record; nothing happens when there is none."""
        self.objects.delete(self._key(name))

    def set_latest(self, name: str) -> None:
        """Makes a version the one that `latest` stands for."""
        parent, _, version = name.rpartition("/versions/")
        self.objects.put(f"{parent}/{names.LATEST}", version.encode())

    def unset_latest(self, parent: str) -> None:
        """Makes `latest` stand for nothing below `parent`."""
        self.objects.delete(f"{parent}/{names.LATEST}")

    def resolve(self, name: str) -> str:
        """The name with `latest` replaced by the version it stands for. Raises NotFound when there is none."""
        parent, versions, version = name.rpartition("/versions/")
        if not versions or version != names.LATEST:
            return name
        try:
            return f"{parent}/versions/{self.objects.get(f'{parent}/{names.LATEST}').decode()}"
        except NotFound:
            raise NotFound(f"{parent} has no versions") from None

    def page(self, prefix: str, page_size: int = 0, page_token: str = "") -> Page[M]:
        """The records whose name starts with `prefix/`, by name.

        Raises InvalidInput for a page size outside [0, 1000] or a token that is not of this listing.
        """
        size = page_limit(page_size)
        if page_token and not page_token.startswith(f"{prefix}/"):
            raise InvalidInput("page_token", "must be the next_page_token of the same listing's page before")
        records: list[M] = []
        last = ""
        for info in self.objects.list(f"{prefix}/", start_after=page_token):
            if not info.key.endswith(f"/{self.file}"):
                continue
            if len(records) == size:
                return Page(records, last)
            records.append(self._parse(self.objects.get(info.key), info.key))
            last = info.key
        return Page(records, "")

    def all(self, prefix: str) -> Iterator[M]:
        """All records whose name starts with `prefix/`, by name."""
        token = ""
        while True:
            page = self.page(prefix, LARGEST_PAGE, token)
            yield from page.records
            token = page.next_page_token
            if not token:
                return

    def _key(self, name: str) -> str:
        return f"{name}/{self.file}"

    def _parse(self, data: bytes, name: str) -> M:
        try:
            return json_format.Parse(data, self.message_type(), ignore_unknown_fields=True)
        except (json_format.ParseError, UnicodeDecodeError) as error:
            raise DataLoss(f"the record {name} cannot be read") from error


def page_limit(page_size: int) -> int:
    """How many a page holds at most. Raises InvalidInput for a page size outside [0, 1000]."""
    if not 0 <= page_size <= LARGEST_PAGE:
        raise InvalidInput("page_size", f"must be in [0, {LARGEST_PAGE}]; 0 means {DEFAULT_PAGE_SIZE}")
    return page_size or DEFAULT_PAGE_SIZE


def _to_json(record: Message) -> bytes:
    return json_format.MessageToJson(record).encode()
