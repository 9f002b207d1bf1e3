"""Gives versions their aliases, if named checks pass, and takes them back.

Every attempt is recorded, with what all checks found. A rollback goes back by one promotion, so a second one goes
further back; a promotion after a rollback follows on the version that the rollback went back to.
"""

import secrets
from collections.abc import Sequence
from typing import Protocol

import structlog

from synthoscope import names
from synthoscope.api.models.v1.models_pb2 import ModelVersion, Promotion, PromotionCheck
from synthoscope.models import versions
from synthoscope.models.aliases import check_alias
from synthoscope.models.promotion_log import MOST_TRIES, PromotionLog
from synthoscope.objects import ObjectStore
from synthoscope.rpc.errors import DeadlineExceeded, FailedPrecondition, NotFound, SynthoscopeError, Unavailable

_log = structlog.get_logger()


class Check(Protocol):
    """Something that a version must pass before it gets an alias. A service lists those that it asks for."""

    @property
    def name(self) -> str:
        """What it is called ("not_worse")."""

    def check(self, objects: ObjectStore, candidate: ModelVersion, incumbent: ModelVersion | None) -> PromotionCheck:
        """What it finds; `incumbent` has the alias now, and is None when none has.

        A SynthoscopeError that it raises is a reason not to let the version pass; only Unavailable and
        DeadlineExceeded end the attempt as if it had not been made.
        """


def promote(
    objects: ObjectStore, model_version: str, alias: str, checks: Sequence[Check], validate_only: bool = False
) -> Promotion:
    """Gives a version an alias of its model, and returns the record of it.

    A version that has the alias keeps it, and gets the record that gave it: asking again is the same as asking once.
    With `validate_only` the checks run and nothing is recorded: what is returned has no name and is not accepted.

    Raises InvalidInput for an alias that can be none, NotFound for an unknown version, FailedPrecondition with the
    reasons of all checks that do not pass: then the alias stays as it was.
    """
    check_alias(alias)
    candidate = versions.get(objects, model_version)
    log = PromotionLog(objects, candidate.name.partition("/versions/")[0])
    for _ in range(MOST_TRIES):
        held = log.states().held.get(alias)
        if held and held.alias.model_version == candidate.name and not validate_only:
            return log.get(held.alias.promotion)
        attempt = _judged(objects, candidate, held.alias.model_version if held else "", alias, checks)
        if validate_only:
            _refuse_unless_passed(attempt)
            attempt.accepted = False
            return attempt
        # None: another version got the alias while the checks ran, and is the one to compare with.
        if (promotion := log.append(attempt, held)) is not None:
            _refuse_unless_passed(promotion)
            return promotion
    raise Unavailable(f"{alias} changes too often: try again later")


def roll_back(objects: ObjectStore, alias_name: str) -> Promotion:
    """Gives an alias, `tenants/{tenant}/models/{model}/aliases/{alias}`, back to the version that had it before.

    No checks are run. Raises InvalidInput when the name has not the form of one, NotFound for an unknown alias,
    FailedPrecondition when no version had it before, or when it is moved by somebody else at the same time.
    """
    ids = names.MODEL_ALIAS.parse(alias_name, "alias")
    log = PromotionLog(objects, names.MODEL.format(tenant=ids["tenant"], model=ids["model"]))
    held = log.states().held.get(ids["alias"])
    if held is None:
        raise NotFound(f"{alias_name} does not exist")
    current = held.alias.model_version
    if not held.earlier:
        raise FailedPrecondition(f"no version had {ids['alias']} before {current}: there is none to go back to")
    attempt = Promotion(
        alias=ids["alias"], model_version=held.earlier[-1], previous=current, accepted=True, rollback=True
    )
    attempt.create_time.GetCurrentTime()
    promotion = log.append(attempt, held)
    if promotion is None:
        raise FailedPrecondition(f"{alias_name} no longer stands for {current}: look at what it stands for now")
    return promotion


def _judged(
    objects: ObjectStore, candidate: ModelVersion, previous: str, alias: str, checks: Sequence[Check]
) -> Promotion:
    """The attempt to give a version an alias that `previous` has, with what all checks find."""
    incumbent = versions.get(objects, previous) if previous else None
    found = [_found(check, objects, candidate, incumbent) for check in checks]
    passed = all(item.passed for item in found)
    attempt = Promotion(alias=alias, model_version=candidate.name, previous=previous, checks=found, accepted=passed)
    attempt.create_time.GetCurrentTime()
    return attempt


def _found(
    check: Check, objects: ObjectStore, candidate: ModelVersion, incumbent: ModelVersion | None
) -> PromotionCheck:
    try:
        found = check.check(objects, candidate, incumbent)
        return PromotionCheck(name=check.name, passed=found.passed, reason=found.reason)
    except (Unavailable, DeadlineExceeded):
        raise
    except SynthoscopeError as error:
        return PromotionCheck(name=check.name, reason=error.message)
    except Exception:  # of a part that is not known here: nothing may pass for a check that did not end
        error_id = secrets.token_hex(8)
        _log.error("a promotion check failed unexpectedly", check=check.name, error_id=error_id, exc_info=True)
        return PromotionCheck(name=check.name, reason=f"could not be made: internal error {error_id}")


def _refuse_unless_passed(attempt: Promotion) -> None:
    failed = [f"{check.name}: {check.reason}" for check in attempt.checks if not check.passed]
    if failed:
        recorded = f" ({attempt.name})" if attempt.name else ""
        raise FailedPrecondition(f"{attempt.model_version} does not get {attempt.alias}{recorded}: {'; '.join(failed)}")
