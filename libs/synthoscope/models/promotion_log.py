"""A model's promotions as a log, and what its aliases stand for after each.

Promotions are numbered from 1 without a gap. Each takes the next number with the store's If-None-Match, so of two at
once both are kept, one after the other, and is never changed. What an alias stands for follows from the log alone: an
accepted promotion puts its version on top of those that had the alias, a rollback takes the top one off.

`aliases.json` keeps what followed from the log up to some number, so that an alias is read with two requests, however
long the log. It is written after the promotion. When that write is lost, or an older one comes after it, a little more
of the log is read, and nothing else changes.
"""

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from google.protobuf import json_format

from synthoscope import names
from synthoscope.api.models.v1.models_pb2 import ModelAlias, Promotion
from synthoscope.objects import ObjectStore
from synthoscope.records import Page, Records
from synthoscope.rpc.errors import NotFound, Unavailable

MOST_TRIES = 50
"""Numbers that others may take first."""


@dataclass(frozen=True)
class Held:
    """An alias, and the versions that had it before the one that it stands for, the oldest first."""

    alias: ModelAlias
    earlier: tuple[str, ...] = ()


@dataclass(frozen=True)
class AliasStates:
    """A model's aliases by id, after its promotions up to a number."""

    number: int = 0
    held: Mapping[str, Held] = field(default_factory=dict)

    def version(self, alias: str) -> str:
        """The version that an alias stands for; empty for none."""
        return self.held[alias].alias.model_version if alias in self.held else ""

    def after(self, promotion: Promotion) -> "AliasStates":
        """The states after the promotion of the next number."""
        if not promotion.accepted:
            return AliasStates(self.number + 1, self.held)
        ids = names.PROMOTION.parse(promotion.name)
        name = names.MODEL_ALIAS.format(tenant=ids["tenant"], model=ids["model"], alias=promotion.alias)
        alias = ModelAlias(name=name, model_version=promotion.model_version, promotion=promotion.name)
        alias.update_time.CopyFrom(promotion.create_time)
        earlier = self.held[promotion.alias].earlier if promotion.alias in self.held else ()
        if promotion.rollback:
            earlier = earlier[:-1]
        elif promotion.previous:
            earlier = (*earlier, promotion.previous)
        return AliasStates(self.number + 1, {**self.held, promotion.alias: Held(alias, earlier)})

    def to_json(self) -> bytes:
        """What `from_json` reads."""
        held = [
            {"alias": json_format.MessageToDict(item.alias), "earlier": item.earlier} for item in self.held.values()
        ]
        return json.dumps({"number": self.number, "held": held}).encode()

    @classmethod
    def from_json(cls, data: bytes) -> "AliasStates":
        """What `to_json` wrote."""
        content = json.loads(data)
        held = [
            Held(json_format.ParseDict(item["alias"], ModelAlias(), ignore_unknown_fields=True), tuple(item["earlier"]))
            for item in content["held"]
        ]
        return cls(content["number"], {item.alias.name.rpartition("/")[2]: item for item in held})


class PromotionLog:
    """The promotions of one model, `tenants/{tenant}/models/{model}`."""

    def __init__(self, objects: ObjectStore, model: str) -> None:
        self._objects = objects
        self._model = model
        # Not `manifest.json`: what ends so below a model is one of its versions.
        self._records = Records(objects, Promotion, "promotion.json")

    def states(self) -> AliasStates:
        """What the aliases stand for now."""
        states = self._kept()
        while (promotion := self._numbered(states.number + 1)) is not None:
            states = states.after(promotion)
        return states

    def append(self, attempt: Promotion, held: Held | None) -> Promotion | None:
        """Records an attempt, which gets its name and number here.

        None, and nothing is recorded, when its alias is no longer `held` as it was when the attempt was made. Raises
        Unavailable when others were faster too often, or when the store cannot be reached.
        """
        promotion = Promotion()
        promotion.CopyFrom(attempt)
        for _ in range(MOST_TRIES):
            states = self.states()
            if states.held.get(attempt.alias) != held:
                return None
            promotion.name = self._name(states.number + 1)
            if self._take_number(promotion):
                with contextlib.suppress(Unavailable):  # the promotion is made: this would only be read faster
                    self._objects.put(self._states_key, states.after(promotion).to_json())
                return promotion
        raise Unavailable(f"too many promotions of {self._model} at once: try again later")

    def get(self, name: str) -> Promotion:
        """A promotion by its name. Raises NotFound."""
        return self._records.get(name)

    def page(self, page_size: int = 0, page_token: str = "") -> Page[Promotion]:
        """One page of them, from the oldest. Raises InvalidInput for a wrong size or token."""
        return self._records.page(f"{self._model}/promotions", page_size, page_token)

    def _take_number(self, promotion: Promotion) -> bool:
        """Stores a promotion unless its number is taken; returns whether it was stored, also when no answer came."""
        try:
            return self._records.create(promotion.name, promotion)
        except Unavailable:
            found = self._numbered(int(promotion.name.rpartition("/")[2]))
            if found is None:
                raise
            return found == promotion

    def _kept(self) -> AliasStates:
        """What was kept; what cannot be read is found out from the log again."""
        try:
            return AliasStates.from_json(self._objects.get(self._states_key))
        except (NotFound, ValueError, KeyError, TypeError):
            return AliasStates()

    def _numbered(self, number: int) -> Promotion | None:
        try:
            return self._records.get(self._name(number))
        except NotFound:
            return None

    def _name(self, number: int) -> str:
        return f"{self._model}/promotions/{number:08d}"

    @property
    def _states_key(self) -> str:
        return f"{self._model}/aliases.json"
