"""The five seed papers as recipes."""

from collections.abc import Mapping

from synthoscope.reproduction.recipe import Recipe
from synthoscope.reproduction.seeds.seed1 import SEED1
from synthoscope.reproduction.seeds.seed2 import SEED2
from synthoscope.reproduction.seeds.seed3 import SEED3
from synthoscope.reproduction.seeds.seed4 import SEED4
from synthoscope.reproduction.seeds.seed5 import SEED5

SEEDS: Mapping[str, Recipe] = {"seed1": SEED1, "seed2": SEED2, "seed3": SEED3, "seed4": SEED4, "seed5": SEED5}
