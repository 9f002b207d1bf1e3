"""Removing a dataset version, and those of its images that nothing else refers to.

A version that something refers to stays. Otherwise its record goes first, so that nothing new can refer to it; then
what lies below its name; then its images, unless the tenant still needs them: every JSON object of the tenant is
searched for their digests, which also finds the list of an import that has not ended. An image that was stored less
than a day ago stays as well, for an upload in progress may count on it. What stays for that reason alone is noted
under `tenants/{tenant}/leftImages`, and goes with the tenant's next deletion.
"""

import json
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import islice

from synthoscope import names
from synthoscope.api.datasets.v1.datasets_pb2 import DatasetVersion
from synthoscope.api.models.v1.models_pb2 import ModelVersion
from synthoscope.api.tuning.v1.tuning_pb2 import Study
from synthoscope.datasets import manifest
from synthoscope.jobs.job import JobState
from synthoscope.jobs.specification import read_specification
from synthoscope.jobs.submission import Jobs
from synthoscope.objects import ObjectStore
from synthoscope.records import Records
from synthoscope.rpc.errors import FailedPrecondition, InvalidInput, NotFound

YOUNG = timedelta(days=1)
"""Images stored later than this ago stay."""

MOST_NAMED = 5
THREADS = 16

_UNFINISHED = [state for state in JobState if not state.ended]
_DIGEST = re.compile(rb"[0-9a-f]{64}")


def delete_version(objects: ObjectStore, jobs: Jobs, name: str, now: datetime | None = None) -> None:
    """Removes a version. One whose removal was interrupted can be removed again.

    Raises InvalidInput when `name` is not one version's, NotFound, and FailedPrecondition, naming them, while models,
    studies, derived versions or unfinished jobs refer to it.
    """
    ids = names.DATASET_VERSION.parse(name)
    if ids["version"] == names.LATEST:
        raise InvalidInput("name", "must name the version itself, not `latest`")
    if not any(objects.list(f"{name}/")):
        raise NotFound(f"{name} does not exist")
    _note_images(objects, name)
    _remove_record(objects, jobs, name)
    for info in list(objects.list(f"{name}/")):
        objects.delete(info.key)
    _sweep(objects, ids["tenant"], now or datetime.now(UTC))


def references(objects: ObjectStore, jobs: Jobs, name: str) -> Iterator[str]:
    """Names of what refers to a version: models trained on it, studies, versions derived of it, unfinished jobs."""
    tenant = names.TENANT.format(tenant=names.tenant_of(name))
    for model in Records(objects, ModelVersion).all(f"{tenant}/models"):
        if model.lineage.dataset_version == name:
            yield model.name
    for version in Records(objects, DatasetVersion).all(f"{tenant}/datasets"):
        if name in version.derivation.parents:
            yield version.name
    for study in Records(objects, Study).all(f"{tenant}/studies"):
        if study.dataset_version == name:
            yield study.name
    yield from _unfinished_jobs(jobs, name)


def _unfinished_jobs(jobs: Jobs, name: str) -> Iterator[str]:
    token = ""
    while True:
        page = jobs.store.list(names.tenant_of(name), states=_UNFINISHED, page_token=token)
        for job in page.jobs:
            specification = read_specification(jobs.objects, job.name)
            if json.dumps(name) in json.dumps([specification.request, specification.resolved]):
                yield job.name
        token = page.next_page_token
        if not token:
            return


def _note_images(objects: ObjectStore, name: str) -> None:
    """Notes the version's images before anything is removed, so that none is forgotten when this is interrupted."""
    ids = names.DATASET_VERSION.parse(name)
    try:
        digests = _digests(objects.get(manifest.key(name)))
    except NotFound:
        return
    _put_note(objects, f"{_notes(ids['tenant'])}{ids['dataset']}-{ids['version']}.json", digests)


def _remove_record(objects: ObjectStore, jobs: Jobs, name: str) -> None:
    """Removes the record, and asks again what refers to it: something may have begun to while it was asked."""
    records = Records(objects, DatasetVersion)
    _refuse(name, references(objects, jobs, name))
    try:
        record = records.get(name)
    except NotFound:
        return
    records.delete(name)
    try:
        _refuse(name, references(objects, jobs, name))
    except FailedPrecondition:
        records.put(name, record)
        raise
    _move_latest(records, name)


def _refuse(name: str, found: Iterable[str]) -> None:
    first = list(islice(found, MOST_NAMED + 1))
    if first:
        others = " and others" if len(first) > MOST_NAMED else ""
        raise FailedPrecondition(f"{name} is referred to by {', '.join(first[:MOST_NAMED])}{others}")


def _move_latest(records: Records[DatasetVersion], name: str) -> None:
    """When the version was the latest, the newest of those that remain becomes it."""
    dataset = name.rpartition("/versions/")[0]
    try:
        if records.resolve(f"{dataset}/versions/{names.LATEST}") != name:
            return
    except NotFound:
        return
    remaining = sorted(records.all(f"{dataset}/versions"), key=lambda version: version.create_time.ToNanoseconds())
    if remaining:
        records.set_latest(remaining[-1].name)
    else:
        records.unset_latest(dataset)


def _sweep(objects: ObjectStore, tenant: str, now: datetime) -> None:
    """Removes the noted images that nothing refers to and that are not young."""
    notes = {info.key: _digests(objects.get(info.key)) for info in list(objects.list(_notes(tenant)))}
    noted: set[str] = set().union(*notes.values())
    images = f"{names.TENANT.format(tenant=tenant)}/images/"
    stored: dict[str, datetime | None] = {}
    documents = []
    for info in objects.list(f"{names.TENANT.format(tenant=tenant)}/"):
        if info.key.startswith(images):
            stored[info.key.removeprefix(images)] = info.modified
        elif info.key.endswith(".json") and info.key not in notes:
            documents.append(info.key)
    needed = _mentioned(objects, documents, noted)
    kept = {digest for digest in noted & stored.keys() if digest in needed or _is_young(stored[digest], now)}
    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(lambda digest: objects.delete(f"{images}{digest}"), sorted(noted & stored.keys() - kept)))
    for key, digests in notes.items():
        _put_note(objects, key, digests & kept)


def _mentioned(objects: ObjectStore, keys: Iterable[str], digests: set[str]) -> set[str]:
    """Those of the digests that occur in these objects; an object that is gone by now mentions none."""

    def read(key: str) -> set[str]:
        try:
            return _digests(objects.get(key)) & digests
        except NotFound:
            return set()

    with ThreadPoolExecutor(THREADS) as threads:
        return set().union(*threads.map(read, keys))


def _digests(data: bytes) -> set[str]:
    return {digest.decode() for digest in _DIGEST.findall(data)}


def _is_young(modified: datetime | None, now: datetime) -> bool:
    return modified is None or now - modified < YOUNG


def _notes(tenant: str) -> str:
    return f"{names.TENANT.format(tenant=tenant)}/leftImages/"


def _put_note(objects: ObjectStore, key: str, digests: set[str]) -> None:
    if digests:
        objects.put(key, json.dumps(sorted(digests)).encode())
    else:
        objects.delete(key)
