"""Measures of ecology, selection, heredity and open-endedness: pure functions of numpy arrays, one theme a file."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
