"""Aliases: names such as "champion" that stand for one version of a model. `promotion` moves them."""

import re

from synthoscope import names
from synthoscope.api.models.v1.models_pb2 import ModelAlias, ModelVersion
from synthoscope.models.promotion_log import PromotionLog
from synthoscope.objects import ObjectStore
from synthoscope.records import Page, Records, page_limit
from synthoscope.rpc.errors import InvalidInput, NotFound

_DIGEST = re.compile(r"[0-9a-f]{16}")
"""What versions are called."""


def check_alias(alias: str, field: str = "alias") -> None:
    """Raises InvalidInput, naming `field`, for what cannot be an alias's id."""
    names.check_id(alias, field)
    if not may_be_alias(alias):
        raise InvalidInput(field, f'must be neither "{names.LATEST}" nor 16 hexadecimal digits, which name versions')


def resolve(objects: ObjectStore, name: str) -> str:
    """The name of a model version, where it ends in `latest` or an alias that of the version it stands for.

    Raises InvalidInput when the name has not the form of one, NotFound when `latest` or the alias stands for none.
    """
    ids = names.MODEL_VERSION.parse(name)
    alias = ids["version"]
    if not may_be_alias(alias):
        return Records(objects, ModelVersion).resolve(name)
    model = names.MODEL.format(tenant=ids["tenant"], model=ids["model"])
    version = PromotionLog(objects, model).states().version(alias)
    if not version:
        raise NotFound(f"{model} has no version or alias {alias}")
    return version


def page(objects: ObjectStore, model: str, page_size: int = 0, page_token: str = "") -> Page[ModelAlias]:
    """One page of a model's aliases, by name; the token is the last alias of the page before.

    Raises InvalidInput for a page size outside [0, 1000].
    """
    size = page_limit(page_size)
    held = PromotionLog(objects, model).states().held
    found = [held[alias].alias for alias in sorted(held) if alias > page_token]
    return Page(found[:size], found[size - 1].name.rpartition("/")[2] if len(found) > size else "")


def may_be_alias(text: str) -> bool:
    """Whether an alias may have this id: "latest" and versions' ids are none."""
    return bool(names.ID.fullmatch(text)) and text != names.LATEST and not _DIGEST.fullmatch(text)
