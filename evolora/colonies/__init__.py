"""What colonies do at the end of a generation, and what is reported of them."""

from evolora.colonies.act import act
from evolora.colonies.report import measure_colonies

__all__ = ["act", "measure_colonies"]
